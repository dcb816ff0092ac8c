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

#include "base/bits.h"
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

#define GAME_US    20000u
#define GAME_WORDS 3000u
#define KIND       0x21

/* Datagrams of a game, each with its number. */
struct game {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_rng rng;
	struct kg_kcp *kcp[2];
	struct kg_sim_link link[2];
	uint64_t now_us, said_us[GAME_WORDS];
	bool lost[GAME_WORDS]; /* once, at least */
	uint32_t waits_us[GAME_WORDS], on_time;
};

static void say_word(struct game *g, uint32_t number)
{
	struct kg_buf *buf = kg_buf_alloc(&g->pool.pool, SMALL_BYTES);

	assert_non_null(buf);
	buf->len = SMALL_BYTES;
	memset(buf->data, 0, SMALL_BYTES);
	buf->data[0] = KIND;
	memcpy(buf->data + 1, &number, sizeof(number));
	g->said_us[number] = g->now_us;
	assert_true(kg_kcp_send(g->kcp[0], buf, g->now_us));
}

static void note_lost(struct game *g, const uint8_t *data, uint16_t len)
{
	struct kg_kcp_segment seg;

	for (size_t bytes; (bytes = kg_kcp_segment_decode(data, len, &seg)) > 0;
	     data += bytes, len -= (uint16_t)bytes) {
		if (seg.cmd == KG_KCP_PUSH)
			g->lost[seg.sn] = true;
	}
}

static void pass(struct game *g, int from)
{
	static const struct kg_endpoint nowhere;
	struct kg_sim_link_packet *packet;
	uint8_t out[KG_KCP_MTU_MAX];
	unsigned int events;
	uint16_t len;

	while ((packet = kg_sim_link_receive(&g->link[!from], g->now_us)) != NULL) {
		kg_kcp_input(g->kcp[from], packet->bytes, packet->len, g->now_us, &events);
		free(packet);
	}
	while ((len = kg_kcp_output(g->kcp[from], g->now_us, out)) > 0) {
		uint64_t lost = g->link[from].lost;

		kg_sim_link_send(&g->link[from], g->now_us, &nowhere, &nowhere, out, len);
		if (from == 0 && g->link[from].lost != lost)
			note_lost(g, out, len);
	}
}

static void hear_words(struct game *g)
{
	struct kg_buf *buf;
	uint32_t number;

	while ((buf = kg_kcp_recv(g->kcp[1])) != NULL) {
		memcpy(&number, buf->data + 1, sizeof(number));
		kg_buf_free_chain(buf);
		if (!g->lost[number])
			g->waits_us[g->on_time++] = (uint32_t)(g->now_us - g->said_us[number]);
	}
}

/* Of those that were not lost once 99 in a hundred are there 5 ms after the way at the latest. */
static void who_was_not_lost_is_on_time(void **state)
{
	struct kg_kcp_params params = preset_params(&presets[0]);
	const struct kg_sim_link_params link = { .delay_us = ONE_WAY_US - 1000,
						 .jitter_us = 2000,
						 .in_order = true,
						 .loss = 65536 / 20 };
	static struct game g;

	kg_mem_malloc_init(&g.mem);
	kg_buf_malloc_pool_init(&g.pool, SIZE_MAX);
	kg_rng_init(&g.rng, 1);
	params.prompt = params.rate_auto = true;
	params.early_kind = KIND;
	for (int i = 0; i < 2; i++) {
		g.kcp[i] = kg_kcp_create(&params, &g.mem, &g.pool.pool, g.now_us);
		kg_sim_link_init(&g.link[i], &link, &g.rng);
	}
	for (uint32_t ms = 0; ms < GAME_WORDS * GAME_US / KG_US_PER_MS; ms++) {
		g.now_us = KG_US_PER_S + ms * KG_US_PER_MS;
		if (ms * KG_US_PER_MS % GAME_US == 0)
			say_word(&g, ms * KG_US_PER_MS / GAME_US);
		for (int from = 0; from < 2; from++)
			pass(&g, from);
		hear_words(&g);
	}
	qsort(g.waits_us, g.on_time, sizeof(*g.waits_us), kg_compare_u32);
	printf("%u of %u not lost once: p99 %u us\n", g.on_time, GAME_WORDS,
	       g.waits_us[g.on_time * 99 / 100]);
	assert_true(g.on_time > GAME_WORDS * 8 / 10);
	assert_true(g.waits_us[g.on_time * 99 / 100] <= ONE_WAY_US + ON_TIME_US);
	for (int i = 0; i < 2; i++) {
		kg_kcp_destroy(g.kcp[i]);
		kg_sim_link_fini(&g.link[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hole_lasts_for_one_copy),
		cmocka_unit_test(so_do_the_holes_of_a_burst),
		cmocka_unit_test(what_is_small_comes_with_the_next),
		cmocka_unit_test(what_may_overtake_waits_for_nothing),
		cmocka_unit_test(who_was_not_lost_is_on_time),
		cmocka_unit_test(without_loss_nothing_is_sent_twice),
	};

	return cmocka_run_group_tests_name("kcp_prompt", tests, NULL, NULL);
}
