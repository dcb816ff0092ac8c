/* SPDX-License-Identifier: BSD-3-Clause */
/* A tunnel's status reads as KCPTube's. */
#include "log/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void rates_in_whole_numbers(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rates[] = {
		{ 0, "0 Byte/s" },
		{ 1, "1 Bytes / 60 seconds" },
		{ 599, "599 Bytes / 60 seconds" },
		{ 600, "10 Bytes/s" },
		{ 599999, "9999 Bytes/s" },
		{ 600000, "9 KiB/s" },
		{ 599999999, "9765 KiB/s" },
		{ 600000000, "9 MiB/s" },
		{ UINT64_C(599999999999), "9536 MiB/s" },
		{ UINT64_C(600000000000), "9 GiB/s" },
		{ UINT64_MAX, "286331153 GiB/s" },
	};
	char text[KG_STATUS_RATE_BYTES];

	for (size_t i = 0; i < KG_ARRAY_SIZE(rates); i++)
		assert_string_equal(kg_status_rate(rates[i].bytes, text), rates[i].text);
}

static void lines_of_a_relay(void **state)
{
	const struct kg_status_traffic traffic = { 600, 0, 60000000, 61, 7 };
	char *bytes;
	size_t len;
	FILE *to = open_memstream(&bytes, &len);

	assert_non_null(to);
	kg_status_heading(to, "2026-11-29 12:00:00 +0000", "middle");
	kg_status_traffic(to, "[Client <-> This] ", &traffic);
	kg_status_channel(to, "[Client <-> This] ", 305419896, 23999);
	kg_status_more(to, "", 3);
	fclose(to);
	assert_string_equal(
		bytes, "[2026-11-29 12:00:00 +0000] Summary of middle\n"
		       "[Client <-> This] receive (raw): 10 Bytes/s, receive (inner): 0 Byte/s, "
		       "send (inner): 976 KiB/s, send (raw): 61 Bytes / 60 seconds, "
		       "fec recover: 7\n"
		       "[Client <-> This] KCP#305419896 average latency: 23 ms\n"
		       "and 3 more channels\n");
	free(bytes);
}

static void line_of_mux_tunnels(void **state)
{
	const struct kg_status_mux mux = { 600, 0, 60000000, 61 };
	char *bytes;
	size_t len;
	FILE *to = open_memstream(&bytes, &len);

	assert_non_null(to);
	kg_status_mux(to, &mux);
	fclose(to);
	assert_string_equal(bytes,
			    "mux_tunnels:\treceive (tcp): 10 Bytes/s, receive (udp): 0 Byte/s, "
			    "send (tcp): 976 KiB/s, send (udp): 61 Bytes / 60 seconds\n");
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_in_whole_numbers),
		cmocka_unit_test(lines_of_a_relay),
		cmocka_unit_test(line_of_mux_tunnels),
	};

	return cmocka_run_group_tests_name("log_status", tests, NULL, NULL);
}
