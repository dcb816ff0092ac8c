/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes the lines of a status. */
#include "log/status.h"

#include <inttypes.h>

const char *kg_status_rate(uint64_t bytes, char text[KG_STATUS_RATE_BYTES])
{
	static const struct {
		uint64_t below, divisor;
		const char *unit;
	} steps[] = {
		{ 10000, 1, "Bytes/s" },
		{ 10000000, UINT64_C(1) << 10, "KiB/s" },
		{ 10000000000, UINT64_C(1) << 20, "MiB/s" },
		{ UINT64_MAX, UINT64_C(1) << 30, "GiB/s" },
	};
	uint64_t rate = bytes / KG_STATUS_EVERY_S;
	unsigned int i = 0;

	if (bytes == 0)
		return "0 Byte/s";
	if (rate < 10) {
		snprintf(text, KG_STATUS_RATE_BYTES, "%" PRIu64 " Bytes / %d seconds", bytes,
			 KG_STATUS_EVERY_S);
		return text;
	}
	while (rate >= steps[i].below)
		i++;
	snprintf(text, KG_STATUS_RATE_BYTES, "%" PRIu64 " %s", rate / steps[i].divisor,
		 steps[i].unit);
	return text;
}

void kg_status_heading(FILE *to, const char *stamp, const char *name)
{
	fprintf(to, "[%s] Summary of %s\n", stamp, name);
}

void kg_status_traffic(FILE *to, const char *leg, const struct kg_status_traffic *traffic)
{
	char text[4][KG_STATUS_RATE_BYTES];

	fprintf(to,
		"%sreceive (raw): %s, receive (inner): %s, send (inner): %s, send (raw): %s, "
		"fec recover: %" PRIu64 "\n",
		leg, kg_status_rate(traffic->received_raw, text[0]),
		kg_status_rate(traffic->received, text[1]), kg_status_rate(traffic->sent, text[2]),
		kg_status_rate(traffic->sent_raw, text[3]), traffic->recovered);
}

void kg_status_channel(FILE *to, const char *leg, uint32_t conv, uint32_t srtt_us)
{
	fprintf(to, "%sKCP#%" PRIu32 " average latency: %" PRIu32 " ms\n", leg, conv,
		srtt_us / KG_US_PER_MS);
}

void kg_status_mux(FILE *to, const struct kg_status_mux *mux)
{
	char text[4][KG_STATUS_RATE_BYTES];

	fprintf(to,
		"mux_tunnels:\treceive (tcp): %s, receive (udp): %s, send (tcp): %s, send (udp): "
		"%s\n",
		kg_status_rate(mux->tcp_received, text[0]),
		kg_status_rate(mux->udp_received, text[1]), kg_status_rate(mux->tcp_sent, text[2]),
		kg_status_rate(mux->udp_sent, text[3]));
}

void kg_status_more(FILE *to, const char *leg, uint64_t channels)
{
	fprintf(to, "%sand %" PRIu64 " more channels\n", leg, channels);
}
