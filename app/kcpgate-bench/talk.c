/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measures what the wire carries for a payload, and how late messages are, on a path with delay and
 * loss. In virtual time (sim/talk.h), so nothing else on the machine matters: the figures belong to
 * the code. Every one is the median over the seeds.
 */
#include "bench.h"

#include "config/values.h"
#include "engine.h"
#include "fec/rs_isal.h"
#include "median.h"
#include "sim/talk.h"
#include "wire/message.h"

#define SEEDS 5

/* Little messages, and a game of ping-pong. */
#define SMALL_BYTES       100
#define SMALL_MESSAGES    3000
#define STEADY_EVERY_US   10000u
#define PING_PONG_TAKE_US 50u /* for the application to answer */

static const double losses_percent[] = { 0, 5 };

struct figures {
	double goodput_mbit, wire_per_payload, resent_percent, needless_percent, overflowed_percent;
	double packets_back;                  /* per packet there */
	double recovered_percent;             /* of the segments, by FEC */
	double steady_ms[3], ping_pong_ms[3]; /* p50, p90, p99 */
};

static struct kg_talk_params talk_params(const struct bench_options *options,
					 const struct kg_kcp_params *kcp,
					 const struct kg_fec_config *fec, double loss_percent)
{
	double one_way_us = options->rtt_ms * 500, jitter_us = options->jitter_ms * 1000;
	struct kg_talk_params params = {
		.kcp = *kcp,
		.link = { .delay_us = (uint32_t)KG_MAX(one_way_us - jitter_us, 0.0),
			  .jitter_us = (uint32_t)(2 * jitter_us),
			  .in_order = true,
			  .loss = (uint16_t)(loss_percent / 100 * 65536),
			  .rate_Bps = (uint64_t)(options->rate_mbit * 1e6 / 8),
			  .queue_us = (uint32_t)(options->queue_ms * 1000),
			  .overhead_bytes = BENCH_ETHERNET_BYTES + bench_engine_overhead_bytes() },
		.rs = fec->parity > 0 ? &kg_rs_isal : NULL,
		.data = fec->data,
		.parity = fec->parity,
	};

	params.kcp.mtu -= fec->parity > 0 ? KG_FEC_OVERHEAD_BYTES : 0;
	return params;
}

/* As many as the window, or the bottleneck, lets through in the time. */
static uint32_t bulk_messages(const struct bench_options *options, const struct kg_talk_params *p)
{
	double per_s = p->kcp.snd_wnd / KG_MAX(options->rtt_ms / 1000, 0.0001);

	if (p->link.rate_Bps > 0)
		per_s = KG_MIN(per_s,
			       (double)p->link.rate_Bps / (BENCH_IP_BYTES + BENCH_ETHERNET_BYTES));
	return (uint32_t)(per_s * options->seconds) + 1;
}

static bool run_bulk(const struct bench_options *options, struct kg_talk_params params,
		     struct figures *f)
{
	struct kg_talk_result r;
	double payload;

	params.load = KG_TALK_BULK;
	params.messages = bulk_messages(options, &params);
	params.message_bytes = params.kcp.mtu - KG_KCP_HEADER_BYTES;
	if (!kg_talk_run(&params, &r))
		return false;
	payload = (double)params.messages * (params.message_bytes - KG_MESSAGE_KIND_BYTES);
	f->goodput_mbit = payload * 8 / (double)r.took_us;
	f->wire_per_payload = (double)r.wire_bytes / payload;
	f->resent_percent = 100.0 * (double)r.resent / (double)r.sent;
	f->needless_percent = 100.0 * (double)r.needless / (double)r.sent;
	f->overflowed_percent = 100.0 * (double)r.overflowed / (double)r.packets[0];
	f->packets_back = (double)r.packets[1] / (double)r.packets[0];
	f->recovered_percent = 100.0 * (double)r.fec.recovered / (double)r.sent;
	return true;
}

static bool run_small(struct kg_talk_params params, enum kg_talk_load load, uint32_t interval_us,
		      double ms[3])
{
	struct kg_talk_result r;

	params.load = load;
	params.interval_us = interval_us;
	params.messages = SMALL_MESSAGES;
	params.message_bytes = SMALL_BYTES + KG_MESSAGE_KIND_BYTES;
	if (!kg_talk_run(&params, &r))
		return false;
	ms[0] = r.latency_p50_us / 1e3;
	ms[1] = r.latency_p90_us / 1e3;
	ms[2] = r.latency_p99_us / 1e3;
	return true;
}

_Static_assert(sizeof(struct figures) % sizeof(double) == 0, "an array of figures");

static bool measure(const struct bench_options *options, struct kg_talk_params params,
		    struct figures *figures)
{
	struct figures runs[SEEDS];

	for (int i = 0; i < SEEDS; i++) {
		params.seed = (uint64_t)i + 1;
		if (!run_bulk(options, params, &runs[i]) ||
		    !run_small(params, KG_TALK_STEADY, STEADY_EVERY_US, runs[i].steady_ms) ||
		    !run_small(params, KG_TALK_PING_PONG, PING_PONG_TAKE_US, runs[i].ping_pong_ms))
			return false;
	}
	bench_medians((double *)figures, (const double *)runs, sizeof(*figures) / sizeof(double),
		      SEEDS);
	return true;
}

/* ---- the test ---- */

static void print_head(const struct bench_options *options)
{
	printf("round trip %g ms, jitter +-%g ms each way in order, ", options->rtt_ms,
	       options->jitter_ms);
	if (options->rate_mbit > 0)
		printf("bottleneck %g Mbit/s with a queue of %g ms\n", options->rate_mbit,
		       options->queue_ms);
	else
		printf("no bottleneck\n");
	printf("%-9s %5s | %-59s | %-17s | %-17s\n", "", "", "bulk: goodput, wire, copies",
	       "every 10 ms, one way", "ping-pong");
	printf("%-9s %5s | %8s %7s %8s %9s %9s %6s %6s | %6s %6s %6s | %6s %6s %6s ms\n", "kcp",
	       "loss%", "Mbit/s", "wire/pl", "resent%", "needless%", "overflow%", "fec%", "acks",
	       "p50", "p90", "p99", "p50", "p90", "p99");
}

static void print(const struct bench_options *options, double loss_percent, const struct figures *f,
		  json_t *rows)
{
	printf("%-9s %5.1f | %8.1f %7.3f %8.2f %9.3f %9.2f %6.2f %6.3f | %6.1f %6.1f %6.1f | %6.1f "
	       "%6.1f %6.1f\n",
	       options->preset, loss_percent, f->goodput_mbit, f->wire_per_payload,
	       f->resent_percent, f->needless_percent, f->overflowed_percent, f->recovered_percent,
	       f->packets_back, f->steady_ms[0], f->steady_ms[1], f->steady_ms[2],
	       f->ping_pong_ms[0], f->ping_pong_ms[1], f->ping_pong_ms[2]);
	json_array_append_new(
		rows, json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, "
				"s:[fff], s:[fff]}",
				"test", "talk", "kcp", options->preset, "fec", options->fec,
				"loss_percent", loss_percent, "rtt_ms", options->rtt_ms,
				"jitter_ms", options->jitter_ms, "goodput_mbit", f->goodput_mbit,
				"wire_per_payload", f->wire_per_payload, "resent_percent",
				f->resent_percent, "needless_percent", f->needless_percent,
				"overflowed_percent", f->overflowed_percent, "recovered_percent",
				f->recovered_percent, "packets_back", f->packets_back, "steady_ms",
				f->steady_ms[0], f->steady_ms[1], f->steady_ms[2], "ping_pong_ms",
				f->ping_pong_ms[0], f->ping_pong_ms[1], f->ping_pong_ms[2]));
}

bool bench_talk(const struct bench_options *options, json_t *rows)
{
	size_t count = options->loss_percent >= 0 ? 1 : KG_ARRAY_SIZE(losses_percent);
	struct kg_fec_config fec = { 0 };
	struct kg_kcp_params kcp;

	if (!bench_engine_params(options, &kcp))
		return false;
	if (options->fec[0] != '\0' && !kg_parse_fec(options->fec, &fec)) {
		fprintf(stderr, "no code \"%s\"\n", options->fec);
		return false;
	}
	print_head(options);
	for (size_t i = 0; i < count; i++) {
		double loss_percent = count > 1 ? losses_percent[i] : options->loss_percent;
		struct figures figures;

		if (!measure(options, talk_params(options, &kcp, &fec, loss_percent), &figures)) {
			fprintf(stderr, "the conversation does not end\n");
			return false;
		}
		print(options, loss_percent, &figures, rows);
	}
	return true;
}
