/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the wire carries for a payload, counted in whole Ethernet frames of both directions, on a
 * path of 40 ms (round trip) with a millisecond of jitter each way: at most 1.10 times the payload
 * without loss, 1.25 times with 5 % of it, for every preset. And in front of a bottleneck a window
 * does not drown itself. Prints what it counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fec/rs_isal.h"
#include "kcp_pair.h"
#include "sim/talk.h"

#define SEEDS 3
/* Ethernet, IPv4, UDP, time stamp, tag and iv around a KCP datagram. */
#define AROUND_BYTES  (14 + 20 + 8 + 4 + 18)
#define MTU_BYTES     1450
#define MESSAGE_BYTES (MTU_BYTES - KG_KCP_HEADER_BYTES)

static struct kg_talk_params path_of(const struct preset *preset)
{
	struct kg_kcp_params kcp = preset_params(preset);

	kcp.mtu = MTU_BYTES;
	return (struct kg_talk_params){
		.kcp = kcp,
		.link = { .delay_us = 19000,
			  .jitter_us = 2000,
			  .in_order = true,
			  .overhead_bytes = AROUND_BYTES },
		.load = KG_TALK_BULK,
		.messages = 20 * preset->window,
		.message_bytes = MESSAGE_BYTES,
	};
}

static double wire_per_payload(const struct kg_talk_params *params, struct kg_talk_result *result)
{
	assert_true(kg_talk_run(params, result));
	return (double)result->wire_bytes / (double)result->payload_bytes;
}

static void bulk_is_economical(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(presets); i++) {
		struct kg_talk_params params = path_of(&presets[i]);
		double worst[2] = { 0 };

		for (params.seed = 1; params.seed <= SEEDS; params.seed++) {
			for (int lossy = 0; lossy < 2; lossy++) {
				struct kg_talk_result result;
				double ratio;

				params.link.loss = lossy ? 65536 / 20 : 0;
				ratio = wire_per_payload(&params, &result);
				worst[lossy] = KG_MAX(worst[lossy], ratio);
				assert_true(result.needless * 100 < result.sent);
			}
		}
		printf("%-9s wire / payload %.3f without loss, %.3f with 5 %%\n", presets[i].name,
		       worst[0], worst[1]);
		assert_true(worst[0] <= 1.10);
		assert_true(worst[1] <= 1.25);
	}
}

/* 100 Mbit/s with a queue of 10 ms, for windows of two and of four times what fits: most of the
 * bottleneck is used, and little more than that is sent. */
static void bottleneck_is_not_drowned(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(presets); i++) {
		struct kg_talk_params params = path_of(&presets[i]);
		struct kg_talk_result result;
		double ratio, share;

		params.link.rate_Bps = 12500000;
		params.link.queue_us = 10000;
		params.messages = 40000;
		params.seed = 1;
		ratio = wire_per_payload(&params, &result);
		share = (double)result.payload_bytes / ((double)result.took_us * 12.5 *
							MESSAGE_BYTES / (MTU_BYTES + AROUND_BYTES));
		printf("%-9s %.2f of the bottleneck used, wire / payload %.2f\n", presets[i].name,
		       share, ratio);
		assert_true(share > 0.75);
		assert_true(ratio < 1.6);
	}
}

/* What parity brings back is not sent again as well: KCP waits for it, and is left with groups that
 * lost more. A small window has gaps that look like pauses, and longer ones behind holes: some
 * fillers, and some time-outs where there were too many of them. */
static void parity_spares_copies(void **state)
{
	static const uint8_t codes[][2] = { { 10, 3 }, { 20, 4 } };
	static const uint16_t windows[] = { 1024, 32 };

	for (size_t i = 0; i < 8; i++) {
		const uint8_t *code = codes[i / 2 % 2];
		struct kg_talk_params params = path_of(&presets[0]);
		struct kg_talk_result result;
		double ratio;

		params.rs = &kg_rs_isal;
		params.data = code[0];
		params.parity = code[1];
		params.kcp.snd_wnd = params.kcp.rcv_wnd = windows[i / 4];
		params.kcp.pace = true;
		params.link.loss = (uint16_t)((i % 2 ? 3 : 1) * 65536 / 100);
		params.messages = 40 * params.kcp.snd_wnd;
		params.seed = 1;
		ratio = wire_per_payload(&params, &result) / (1 + (double)code[1] / code[0]);
		printf("fec %u:%-2u window %-4u wire / payload and parity %.3f, %llu of %llu "
		       "copies,"
		       " %llu needless\n",
		       code[0], code[1], windows[i / 4], ratio, (unsigned long long)result.resent,
		       (unsigned long long)result.sent, (unsigned long long)result.needless);
		assert_true(result.fec.recovered > 0);
		assert_true(result.resent * (windows[i / 4] > 32 ? 1000 : 100) < result.sent);
		assert_true(result.needless * 200 < result.sent);
		assert_true(result.needless == 0 || windows[i / 4] == 32);
		assert_true(ratio < 1.25);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bulk_is_economical),
		cmocka_unit_test(bottleneck_is_not_drowned),
		cmocka_unit_test(parity_spares_copies),
	};

	return cmocka_run_group_tests_name("kcp_economy", tests, NULL, NULL);
}
