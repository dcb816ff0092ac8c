/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two KCP engines and their framing over a link in virtual time. Losses that FEC makes good cost no
 * retransmission, whatever the code; others are KCP's.
 */
#include "session/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "fec/rs_isal.h"
#include "session/session.h"

#define SEED      1234u
#define CONV      77u
#define MTU       400
#define BODY_MAX  (MTU + KG_FEC_OVERHEAD_BYTES)
#define DELAY_US  10000
#define STEP_US   250
#define UNDER_WAY 65536
#define PAYLOAD   (MTU - KG_KCP_HEADER_BYTES)
#define END_US    (60ull * KG_US_PER_S)

struct end {
	struct kg_kcp *kcp;
	struct kg_framing framing;
	uint32_t sent, received; /* messages */
};

struct flight {
	uint64_t due_us;
	uint16_t len;
	uint8_t body[BODY_MAX];
};

struct link {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_fec *fec;
	struct end ends[2];
	struct flight *under_way[2]; /* towards ends[i], in order */
	unsigned int first[2], count[2];
	struct kg_rng rng;
	uint64_t now_us;
	/* whether a body towards ends[to] is lost */
	bool (*loses)(struct link *link, int to, const uint8_t *body, uint16_t len);
	uint32_t lost;
	uint32_t extra;    /* lost of a group beyond its parity, now and then */
	uint32_t per_step; /* messages sent */
};

static const struct kg_kcp_params params = {
	.conv = CONV,
	.mtu = MTU,
	.snd_wnd = 1024,
	.rcv_wnd = 1024,
	.nodelay = 1,
	.resend = 2,
	.nc = true,
	.blast = true,
};

/* End 1 is as `theirs` say. */
static void link_init_with(struct link *link, uint8_t data, uint8_t parity,
			   const struct kg_kcp_params *theirs)
{
	/* A group should not take longer than KCP waits. */
	*link = (struct link){ .per_step = 3 + data / 8u };
	kg_mem_malloc_init(&link->mem);
	kg_buf_malloc_pool_init(&link->pool, 100000);
	kg_rng_init(&link->rng, SEED);
	if (data > 0) {
		link->fec = kg_fec_create(data, parity, &kg_rs_isal, &kg_session_fec_content,
					  &link->mem);
		assert_non_null(link->fec);
	}
	for (int i = 0; i < 2; i++) {
		struct end *end = &link->ends[i];

		end->kcp =
			kg_kcp_create(i == 0 ? &params : theirs, &link->mem, &link->pool.pool, 0);
		kg_framing_init(&end->framing, link->fec);
		assert_true(kg_framing_start(&end->framing, end->kcp, CONV));
		if (link->fec != NULL)
			kg_framing_trust(&end->framing);
		link->under_way[i] = malloc(UNDER_WAY * sizeof(struct flight));
	}
}

static void link_init(struct link *link, uint8_t data, uint8_t parity)
{
	link_init_with(link, data, parity, &params);
}

static void link_fini(struct link *link)
{
	for (int i = 0; i < 2; i++) {
		kg_framing_fini(&link->ends[i].framing);
		kg_kcp_destroy(link->ends[i].kcp);
		free(link->under_way[i]);
	}
	kg_fec_destroy(link->fec);
	assert_int_equal(link->mem.in_use_bytes, 0);
	assert_int_equal(link->pool.in_use, 0);
}

static void send_message(struct link *link, int from, uint16_t len)
{
	struct end *end = &link->ends[from];
	struct kg_buf *buf = kg_buf_alloc(&link->pool.pool, len);

	memset(buf->data, (int)end->sent & 0xff, len);
	kg_store_le32(buf->data, end->sent++);
	buf->len = len;
	assert_true(kg_kcp_send(end->kcp, buf, link->now_us));
}

static void read_all(struct end *end)
{
	struct kg_buf *chain;

	while ((chain = kg_kcp_recv(end->kcp)) != NULL) {
		assert_int_equal(kg_load_le32(chain->data), end->received);
		for (uint16_t i = sizeof(uint32_t); i < chain->len; i++)
			assert_int_equal(chain->data[i], end->received & 0xff);
		end->received++;
		kg_buf_free_chain(chain);
	}
}

static void arrive(struct link *link, int to)
{
	struct flight *flight = &link->under_way[to][link->first[to]++ % UNDER_WAY];
	struct end *end = &link->ends[to];
	unsigned int events;
	uint32_t conv;

	link->count[to]--;
	assert_int_equal(kg_framing_conv(link->fec, flight->body, flight->len, &conv),
			 KG_DROP_NONE);
	assert_int_equal(conv, CONV);
	assert_int_equal(kg_framing_input(&end->framing, end->kcp, flight->body, flight->len,
					  link->now_us, &events),
			 KG_DROP_NONE);
	read_all(end);
}

static void leave(struct link *link, int from)
{
	struct end *end = &link->ends[from];
	int to = !from;

	while (kg_framing_deadline_us(&end->framing, end->kcp) <= link->now_us) {
		struct flight *flight =
			&link->under_way[to][(link->first[to] + link->count[to]) % UNDER_WAY];

		flight->len =
			kg_framing_output(&end->framing, end->kcp, link->now_us, flight->body);
		if (flight->len == 0)
			break;
		assert_true(flight->len <= MTU + kg_framing_overhead_bytes(link->fec));
		flight->due_us = link->now_us + DELAY_US;
		if (link->loses != NULL && link->loses(link, to, flight->body, flight->len)) {
			link->lost++;
			continue;
		}
		assert_true(++link->count[to] < UNDER_WAY);
	}
}

static void step(struct link *link)
{
	for (int to = 0; to < 2; to++) {
		while (link->count[to] > 0 &&
		       link->under_way[to][link->first[to] % UNDER_WAY].due_us <= link->now_us)
			arrive(link, to);
	}
	for (int from = 0; from < 2; from++)
		leave(link, from);
	link->now_us += STEP_US;
}

/* A few from end 0, up to so many in all. */
static void send_some(struct link *link, uint32_t messages)
{
	for (uint32_t i = 0; i < link->per_step && link->ends[0].sent < messages; i++) {
		if (kg_kcp_unacked(link->ends[0].kcp) < params.snd_wnd)
			send_message(link, 0,
				     (uint16_t)(8 + kg_rng_below(&link->rng, PAYLOAD - 7)));
	}
}

/* `messages` from end 0, a few in each step; until they are there and acknowledged. */
static void run(struct link *link, uint32_t messages)
{
	while (link->ends[1].received < messages || kg_kcp_unacked(link->ends[0].kcp) > 0) {
		send_some(link, messages);
		step(link);
		assert_true(link->now_us < END_US);
	}
}

static uint64_t resent(const struct link *link)
{
	struct kg_kcp_stats stats;

	kg_kcp_get_stats(link->ends[0].kcp, &stats);
	return stats.resent_fast + stats.resent_timeout + stats.resent_twin;
}

/* ---- without FEC ---- */

static void nothing_is_added_without_fec(void **state)
{
	struct link link;
	uint8_t body[BODY_MAX];
	unsigned int events;
	uint32_t conv;
	uint16_t len;

	link_init(&link, 0, 0);
	run(&link, 500);
	assert_int_equal(kg_framing_overhead_bytes(NULL), 0);
	assert_int_equal(kg_framing_header_bytes(NULL), 0);
	kg_framing_trust(&link.ends[0].framing); /* nobody */
	send_message(&link, 0, 100);
	len = kg_framing_output(&link.ends[0].framing, link.ends[0].kcp, link.now_us, body);
	assert_int_equal(len, KG_KCP_HEADER_BYTES + 100);
	assert_int_equal(kg_load_le32(body), CONV);
	assert_int_equal(kg_framing_input(&link.ends[1].framing, link.ends[1].kcp, body, len,
					  link.now_us, &events),
			 KG_DROP_NONE);
	assert_int_equal(events & KG_KCP_READABLE, KG_KCP_READABLE);
	assert_int_equal(kg_framing_conv(NULL, body, KG_KCP_HEADER_BYTES, &conv), KG_DROP_NONE);
	assert_int_equal(kg_framing_conv(NULL, body, KG_KCP_HEADER_BYTES - 1, &conv),
			 KG_DROP_KCP_MALFORMED);
	link_fini(&link);
}

/* ---- handshakes ---- */

static void handshakes_have_the_header_only(void **state)
{
	struct link link;
	struct kg_kcp_params of_handshake = params;
	struct kg_framing framing;
	struct kg_kcp *kcp;
	uint8_t body[BODY_MAX];
	uint32_t conv = 1;
	uint16_t len;

	link_init(&link, 3, 2);
	of_handshake.conv = 0;
	kcp = kg_kcp_create(&of_handshake, &link.mem, &link.pool.pool, 0);
	kg_framing_init(&framing, link.fec);
	for (int i = 0; i < 5; i++) {
		struct kg_buf *buf = kg_buf_alloc(&link.pool.pool, 10);

		buf->len = 10;
		memset(buf->data, i, 10);
		assert_true(kg_kcp_send(kcp, buf, 0));
		len = kg_framing_output(&framing, kcp, 0, body);
		assert_int_equal(len, KG_FEC_HEADER_BYTES + KG_KCP_HEADER_BYTES + 10);
		assert_memory_equal(body, "\0\0\0\0\0\0\0\0\0", 9); /* sn, sub, conv */
		assert_int_equal(kg_framing_output(&framing, kcp, 0, body), 0);
		assert_true(kg_framing_deadline_us(&framing, kcp) > 0);
	}
	assert_int_equal(kg_framing_header_bytes(link.fec), KG_FEC_HEADER_BYTES);
	assert_int_equal(kg_framing_conv(link.fec, body, len, &conv), KG_DROP_NONE);
	assert_int_equal(conv, 0);
	for (size_t cut = 0; cut < KG_FEC_HEADER_BYTES + KG_KCP_HEADER_BYTES; cut++)
		assert_int_equal(kg_framing_conv(link.fec, body, cut, &conv),
				 KG_DROP_FEC_MALFORMED);
	/* Parity of handshakes there is none. */
	memset(body, 0, BODY_MAX);
	kg_fec_header_encode(body, 0, 3);
	assert_int_equal(kg_framing_conv(link.fec, body, 100, &conv), KG_DROP_FEC_MALFORMED);
	kg_kcp_destroy(kcp);
	kg_framing_fini(&framing);
	link_fini(&link);
}

/* ---- what is nobody's ---- */

static enum kg_drop give(struct link *link, const uint8_t *body, uint16_t len, unsigned int *events)
{
	struct end *end = &link->ends[1];
	uint8_t copy[BODY_MAX];

	memcpy(copy, body, len);
	return kg_framing_input(&end->framing, end->kcp, copy, len, link->now_us, events);
}

static void what_kcp_gets_decides(void **state)
{
	struct link link;
	uint8_t data[BODY_MAX], parity[BODY_MAX];
	unsigned int events;
	uint16_t data_len, parity_len;

	link_init(&link, 1, 1);
	send_message(&link, 0, 100);
	data_len = kg_framing_output(&link.ends[0].framing, link.ends[0].kcp, 0, data);
	parity_len = kg_framing_output(&link.ends[0].framing, link.ends[0].kcp, 0, parity);
	assert_int_equal(parity[4], 1);
	/* Parity that gives the datagram, then the datagram itself, then parity once more. */
	assert_int_equal(give(&link, parity, parity_len, &events), KG_DROP_NONE);
	assert_int_equal(events, KG_KCP_ADVANCED | KG_KCP_READABLE | KG_KCP_RECEIVED); /* at once */
	assert_int_equal(give(&link, data, data_len, &events), KG_DROP_NONE);
	assert_int_equal(events & KG_KCP_ADVANCED, 0);
	assert_int_equal(give(&link, parity, parity_len, &events), KG_DROP_NONE);
	assert_int_equal(events, 0);
	/* A shard that KCP understands nothing of; no shard of this code. */
	data[KG_FEC_HEADER_BYTES + 4] = 0;
	assert_int_equal(give(&link, data, data_len, &events), KG_DROP_KCP_MALFORMED);
	kg_fec_header_encode(parity, 1, 2);
	assert_int_equal(give(&link, parity, parity_len, &events), KG_DROP_FEC_MALFORMED);
	assert_int_equal(events, 0);
	read_all(&link.ends[1]);
	link_fini(&link);
}

/* ---- questions ---- */

/* Where a channel may send nothing else, parity would hold up the question for ever. */
static void a_question_does_not_wait_for_parity(void **state)
{
	struct link link;
	struct end *end = &link.ends[0];
	uint8_t body[BODY_MAX];
	uint32_t conv;
	uint16_t len;

	link_init(&link, 1, 2);
	send_message(&link, 0, 100);
	assert_true(kg_framing_output(&end->framing, end->kcp, 0, body) > 0);
	assert_int_equal(kg_framing_deadline_us(&end->framing, end->kcp), 0);
	len = kg_framing_question(&end->framing, end->kcp, 1, MTU, 0, body);
	assert_int_equal(kg_framing_conv(link.fec, body, len, &conv), KG_DROP_NONE);
	assert_int_equal(body[4], 0); /* data */
	link_fini(&link);
}

/* Who hears a stream acknowledges it, in groups that have parity. That is not in the way of what he
 * has to say, in a window that is small beside so many. */
static void acknowledgements_take_no_place_of_data(void **state)
{
	struct kg_kcp_params small = params;
	struct link link;

	small.snd_wnd = 8;
	small.pace = true;
	link_init_with(&link, 1, 1, &small);
	for (uint32_t words = 0; words < 20; words++) {
		assert_int_equal(link.ends[0].received, words);
		send_message(&link, 1, 100);
		for (uint64_t i = 0; i < 100 * KG_US_PER_MS / STEP_US; i++) {
			send_some(&link, UINT32_MAX);
			step(&link);
		}
	}
	link_fini(&link);
}

/* ---- losses ---- */

/* Of every group towards end 1 as many shards as there is parity, others each time. */
static bool loses_what_fec_makes_good(struct link *link, int to, const uint8_t *body, uint16_t len)
{
	uint32_t sn = kg_load_be32(body), sub = body[4];

	return to == 1 && (sub + sn) % 13 < 3;
}

static void no_copy_for_what_fec_makes_good(void **state)
{
	struct link link;
	struct kg_fec_stats stats = { 0 };

	link_init(&link, 10, 3);
	link.loses = loses_what_fec_makes_good;
	run(&link, 3000);
	kg_fec_decoder_add_stats(link.ends[1].framing.decoder, &stats);
	assert_true(link.lost > 500);
	assert_true(stats.recovered > 300);
	assert_int_equal(stats.refused + stats.missing, 0);
	assert_int_equal(resent(&link), 0);
	link_fini(&link);
}

/* The last datagrams of a burst fill no group. */
static bool loses_first_of_group(struct link *link, int to, const uint8_t *body, uint16_t len)
{
	return to == 1 && body[4] == 0;
}

static void the_end_of_a_burst_is_protected(void **state)
{
	struct link link;

	link_init(&link, 10, 1);
	run(&link, 45);
	link.loses = loses_first_of_group;
	for (uint32_t burst = 1; burst < 10; burst++) {
		for (int i = 0; i < 200; i++)
			step(&link); /* a pause */
		run(&link, 45 + burst * 12);
	}
	assert_true(link.lost >= 9);
	assert_int_equal(resent(&link), 0);
	link_fini(&link);
}

static bool loses_a_third(struct link *link, int to, const uint8_t *body, uint16_t len)
{
	return kg_rng_below(&link->rng, 3) == 0;
}

static void kcp_repairs_the_rest(void **state)
{
	struct link link;

	link_init(&link, 10, 1);
	link.loses = loses_a_third;
	run(&link, 1000);
	assert_true(resent(&link) > 0);
	link_fini(&link);
}

/* Of every group towards end 1 as many shards as there is parity, at random; of each seventh
 * `extra` more. None of the first, which may not fit the window of a peer that has not spoken. */
static bool loses_up_to_the_strength(struct link *link, int to, const uint8_t *body, uint16_t len)
{
	uint32_t sn = kg_load_be32(body), left, shards;
	struct kg_rng rng;

	if (to != 1 || sn == 0)
		return false;
	kg_rng_init(&rng, SEED + sn);
	shards = (uint32_t)kg_fec_data(link->fec) + kg_fec_parity(link->fec);
	left = kg_fec_parity(link->fec) + (sn % 7 == 1 ? link->extra : 0);
	for (uint32_t sub = 0; sub < body[4]; sub++)
		left -= kg_rng_below(&rng, shards - sub) < left;
	return kg_rng_below(&rng, shards - body[4]) < left;
}

static void run_code(uint8_t data, uint8_t parity, uint32_t extra)
{
	struct kg_fec_stats stats = { 0 };
	struct link link;

	link_init(&link, data, parity);
	link.extra = extra;
	link.loses = loses_up_to_the_strength;
	/* Enough that the last group may be filled up. */
	run(&link, 200 + 4u * data);
	kg_fec_decoder_add_stats(link.ends[1].framing.decoder, &stats);
	assert_true(stats.recovered > 0);
	if (extra == 0 && resent(&link) + stats.missing + stats.refused > 0)
		fail_msg("%u:%u: %llu resent, %llu missing", data, parity,
			 (unsigned long long)resent(&link), (unsigned long long)stats.missing);
	if (extra > 0 && data > parity + extra)
		assert_true(resent(&link) > 0);
	link_fini(&link);
}

static void any_code_delivers(void **state)
{
	struct kg_rng rng;

	kg_rng_init(&rng, SEED);
	for (uint32_t i = 0; i < 40; i++) {
		uint8_t data = (uint8_t)(1 + kg_rng_below(&rng, KG_FEC_SHARDS_MAX - 1));
		uint8_t parity = (uint8_t)(1 + kg_rng_below(&rng, KG_FEC_SHARDS_MAX - data));

		run_code(data, parity, 0);
		run_code(data, parity, 1);
	}
	run_code(KG_FEC_SHARDS_MAX - 1, 1, 0);
	run_code(1, KG_FEC_SHARDS_MAX - 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_added_without_fec),
		cmocka_unit_test(handshakes_have_the_header_only),
		cmocka_unit_test(what_kcp_gets_decides),
		cmocka_unit_test(a_question_does_not_wait_for_parity),
		cmocka_unit_test(acknowledgements_take_no_place_of_data),
		cmocka_unit_test(no_copy_for_what_fec_makes_good),
		cmocka_unit_test(the_end_of_a_burst_is_protected),
		cmocka_unit_test(kcp_repairs_the_rest),
		cmocka_unit_test(any_code_delivers),
	};

	printf("seed %u\n", SEED);
	return cmocka_run_group_tests_name("framing", tests, NULL, NULL);
}
