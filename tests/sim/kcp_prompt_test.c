/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams that are given in order, on a path of 100 ms (round trip) and 5 % loss: what waits
 * behind a hole waits for one copy and little more, since that is sent twice, and the ACKs that
 * tell of the hole do not wait for others. What is small waits for the next datagram only, which
 * has it once more. Where nothing is lost this costs nothing. Prints what it measures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kcp/kcp_segment.h"
#include "kcp_pair.h"
#include "sim/talk.h"

#define ONE_WAY_US   50000u
#define LATE_US      10000u /* beyond a datagram, its ACK and its copy on their ways */
#define ON_TIME_US   5000u
#define SECONDS      20u
#define MTU_BYTES    1450
#define BYTES        1400
#define SMALL_BYTES  100
#define AROUND_BYTES 64

#define BURST_TAKES_US (2 * ONE_WAY_US) /* at the pace of a window in a round trip */

static void converse(uint32_t per_s, uint16_t bytes, uint16_t loss, bool prompt, bool arrival,
		     struct kg_talk_result *result)
{
	struct kg_talk_params params = {
		.kcp = preset_params(&presets[0]),
		.link = { .delay_us = ONE_WAY_US - 1000,
			  .jitter_us = 2000,
			  .in_order = true,
			  .loss = loss,
			  .overhead_bytes = AROUND_BYTES },
		.load = KG_TALK_STEADY,
		.interval_us = KG_US_PER_S / per_s,
		.messages = SECONDS * per_s,
		.message_bytes = bytes,
		.seed = 1,
	};

	params.kcp.mtu = MTU_BYTES;
	params.kcp.pace = true;
	params.kcp.prompt = prompt;
	params.kcp.early_kind = arrival;
	assert_true(kg_talk_run(&params, result));
	printf("%u/s of %u bytes, loss %u/65536%s%s: ", per_s, bytes, loss,
	       prompt ? ", prompt" : "", arrival ? ", may overtake" : "");
	printf("p50 %u us, p90 %u us, p99 %u us, wire / payload %.3f\n", result->latency_p50_us,
	       result->latency_p90_us, result->latency_p99_us,
	       (double)result->wire_bytes / (double)result->payload_bytes);
}

static void talk(uint32_t per_s, uint16_t bytes, uint16_t loss, bool prompt,
		 struct kg_talk_result *result)
{
	converse(per_s, bytes, loss, prompt, false, result);
}

static void a_hole_lasts_for_one_copy(void **state)
{
	static const uint32_t rates[] = { 1800, 5000 };

	for (size_t i = 0; i < KG_ARRAY_SIZE(rates); i++) {
		struct kg_talk_result prompt, other;

		talk(rates[i], BYTES, 65536 / 20, true, &prompt);
		talk(rates[i], BYTES, 65536 / 20, false, &other);
		assert_true(prompt.latency_p90_us < 3 * ONE_WAY_US + LATE_US);
		assert_true(other.latency_p90_us > 3 * ONE_WAY_US + LATE_US);
		assert_true(prompt.wire_bytes * 100 < other.wire_bytes * 110);
	}
}

#define BURST 600u
#define NTH   20u

/* Of every 20th segment the first two copies. */
static bool lose_two_copies(struct pair *p, int from, const uint8_t *data, uint16_t len)
{
	static uint8_t copies[BURST];
	struct kg_kcp_segment seg;
	bool lost = false;

	if (p->datagrams == 0)
		memset(copies, 0, sizeof(copies));
	for (size_t bytes; (bytes = kg_kcp_segment_decode(data, len, &seg)) > 0;
	     data += bytes, len -= (uint16_t)bytes)
		lost |= seg.cmd == KG_KCP_PUSH && seg.sn % NTH == NTH / 2 && copies[seg.sn]++ < 2;
	return lost;
}

/* Those that were lost together are sent again together, and have their twins. */
static void so_do_the_holes_of_a_burst(void **state)
{
	struct kg_kcp_params params = preset_params(&presets[0]);
	struct pair p;

	params.mtu = MTU_BYTES;
	params.prompt = true;
	pair_init(&p, &params, &params, 1);
	pair_set_links(&p, (struct link){ .delay_us = ONE_WAY_US });
	assert_true(pair_send(&p, 0, BYTES));
	assert_true(pair_finish(&p, KG_US_PER_S));
	p.lose = lose_two_copies;
	p.datagrams = 0;
	for (uint32_t i = 1; i < BURST; i++)
		assert_true(pair_send(&p, 0, BYTES));
	assert_true(pair_finish(&p, 4 * ONE_WAY_US + BURST_TAKES_US));
	assert_int_equal(pair_stats(&p, 0).resent_twin, BURST / NTH);
	pair_fini(&p);
}

static void without_loss_nothing_is_sent_twice(void **state)
{
	struct kg_talk_result prompt, other;

	for (uint16_t bytes = SMALL_BYTES; bytes <= BYTES; bytes += BYTES - SMALL_BYTES) {
		talk(5000, bytes, 0, true, &prompt);
		talk(5000, bytes, 0, false, &other);
		assert_int_equal(prompt.resent, 0);
		assert_int_equal(prompt.wire_bytes, other.wire_bytes);
	}
}

/* Speech, and what an inner TCP acknowledges. */
static void what_is_small_comes_with_the_next(void **state)
{
	static const uint32_t rates[] = { 50, 200, 1250 };

	for (size_t i = 0; i < KG_ARRAY_SIZE(rates); i++) {
		struct kg_talk_result prompt, other;

		talk(rates[i], SMALL_BYTES, 65536 / 20, true, &prompt);
		talk(rates[i], SMALL_BYTES, 65536 / 20, false, &other);
		assert_true(prompt.latency_p50_us < ONE_WAY_US + LATE_US);
		assert_true(prompt.latency_p90_us + ONE_WAY_US < other.latency_p90_us + LATE_US);
		assert_true(prompt.wire_bytes * 100 < other.wire_bytes * 145);
	}
}

/* Of twenty 19 are not lost, and the other one holds up none of them. */
static void what_may_overtake_waits_for_nothing(void **state)
{
	static const uint32_t rates[] = { 50, 1250 };
	struct kg_talk_result result;

	for (size_t i = 0; i < KG_ARRAY_SIZE(rates); i++) {
		converse(rates[i], SMALL_BYTES, 65536 / 20, false, true, &result);
		assert_true(result.latency_p90_us < ONE_WAY_US + ON_TIME_US);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hole_lasts_for_one_copy),
		cmocka_unit_test(so_do_the_holes_of_a_burst),
		cmocka_unit_test(what_is_small_comes_with_the_next),
		cmocka_unit_test(what_may_overtake_waits_for_nothing),
		cmocka_unit_test(without_loss_nothing_is_sent_twice),
	};

	return cmocka_run_group_tests_name("kcp_prompt", tests, NULL, NULL);
}
