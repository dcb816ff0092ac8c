/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two engines, and a network as bad as the input says: whatever its numbers, all messages arrive,
 * and the same numbers give the same run. 0 stands for what is missing:
 *
 *   bits:1 mtu:2 windows:2 × 1 interval:1 resend:1     of KCP
 *   delay:2 jitter:2 loss:1 duplicate:1 burst:1 burst_time:1 rate:1 queue:2 hole:1   of the link
 *   data:1 load:1 every:2 messages:1 bytes:2 seed:1 large:1
 */
#include "fec/rs_isal.h"
#include "fuzz.h"
#include "sim/talk.h"

#define PART  65536u /* of kg_sim_link_params */
#define LARGE 6000u  /* segments */

/* Up to so many, from so many bytes. */
static uint32_t take_below(struct fuzz_input *in, size_t bytes, uint32_t end)
{
	return fuzz_take(in, bytes) % end;
}

static struct kg_kcp_params kcp_of(struct fuzz_input *in)
{
	uint32_t bits = fuzz_take(in, 1);

	return (struct kg_kcp_params){
		.nodelay = (uint8_t)(bits % 3),
		.nc = bits & 4,
		.blast = bits & 8,
		.pace = bits & 16,
		.first_sn = bits & 32 ? UINT32_MAX - 8 : 0,
		.ts_offset_ms = bits & 64 ? UINT32_MAX - 2000 : 0,
		.mtu = (uint16_t)(KG_KCP_MTU_MIN +
				  take_below(in, 2, KG_KCP_MTU_MAX - KG_KCP_MTU_MIN + 1)),
		.snd_wnd = (uint16_t)(1 + fuzz_take(in, 1)),
		.rcv_wnd = (uint16_t)(1 + fuzz_take(in, 1)),
		.interval_ms = (uint16_t)take_below(in, 1, 41),
		.resend = (uint8_t)take_below(in, 1, 6),
	};
}

/* No more than a quarter is lost, in bad times half: enough arrives. */
static struct kg_sim_link_params link_of(struct fuzz_input *in)
{
	struct kg_sim_link_params link = {
		.delay_us = fuzz_take(in, 2) * 4,
		.jitter_us = fuzz_take(in, 2),
		.loss = (uint16_t)(fuzz_take(in, 1) * (PART / 1024)),
		.duplicate = (uint16_t)(fuzz_take(in, 1) * (PART / 1024)),
		.burst = (uint16_t)(fuzz_take(in, 1) * (PART / 4096)),
		.burst_us = fuzz_take(in, 1) * 100,
		.rate_Bps = fuzz_take(in, 1) * 10000ull,
		.queue_us = 2000 + fuzz_take(in, 2) * 4,
		.overhead_bytes = 42,
	};
	uint32_t hole = fuzz_take(in, 1);

	link.in_order = hole & 1;
	link.holes[0].from_us = hole * (KG_US_PER_MS * 2);
	link.holes[0].to_us = hole * (KG_US_PER_MS * 4);
	return link;
}

/* So much in flight that payload is parked (kcp/kcp_flight.h), on a link that can carry it. */
static void enlarge(struct kg_talk_params *params)
{
	params->kcp.snd_wnd = params->kcp.rcv_wnd = LARGE;
	params->messages = LARGE;
	params->load = KG_TALK_BULK;
	params->link.rate_Bps = 0;
	params->link.burst = 0;
	params->link.loss /= 16;
}

/* A message has one segment, and at least the time it was sent at. */
static struct kg_talk_params params_of(struct fuzz_input *in)
{
	struct kg_talk_params params = { .kcp = kcp_of(in), .link = link_of(in) };
	uint32_t fec = fuzz_take(in, 1), most = params.kcp.mtu - KG_KCP_HEADER_BYTES - 8u;

	params.rs = fec & 1 ? &kg_rs_isal : NULL;
	params.data = (uint8_t)(1 + (fec >> 1) % 8);
	params.parity = (uint8_t)(1 + (fec >> 4) % 8);
	params.load = (enum kg_talk_load)take_below(in, 1, KG_TALK_PING_PONG + 1);
	params.interval_us = 1 + fuzz_take(in, 2);
	params.messages = 1 + fuzz_take(in, 1);
	params.message_bytes = (uint16_t)(8 + take_below(in, 2, most));
	params.seed = fuzz_take(in, 1);
	if (take_below(in, 1, 16) == 1)
		enlarge(&params);
	return params;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = { data, len };
	struct kg_talk_params params = params_of(&in);
	struct kg_talk_result first, second;
	uint64_t messages = params.messages * (params.load == KG_TALK_PING_PONG ? 2ull : 1ull);

	FUZZ_CHECK(kg_talk_run(&params, &first) && kg_talk_run(&params, &second));
	FUZZ_CHECK(first.payload_bytes == messages * params.message_bytes);
	FUZZ_CHECK(first.latency_p50_us <= first.latency_p99_us);
	FUZZ_CHECK(first.took_us == second.took_us && first.wire_bytes == second.wire_bytes);
	return 0;
}
