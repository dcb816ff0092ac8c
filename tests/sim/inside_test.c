/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TCP inside a datagram channel, as WireGuard's, in virtual time: BBR sends full datagrams as
 * fast as it likes over a path of 100 ms and 5 % loss that has no bottleneck, and small ones
 * acknowledge them. What waits behind holes is all that keeps it from growing: beyond twice the
 * least round trip it takes the wait for a full path. What the boxes' memory lets wait there bounds
 * it, too. And a path that has a bottleneck stays full. Where datagrams may overtake, pings beside
 * such a stream wait for nothing.
 * Prints what it sees.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "base/twheel.h"
#include "kcp_pair.h"
#include "rival/receiver.h"
#include "rival/sender.h"
#include "sim/link.h"

#define LATE_US      10000u
#define MTU_BYTES    1430
#define DATA_BYTES   1453 /* a full one of WireGuard's is two segments */
#define ACK_BYTES    100
#define PING_BYTES   128
#define PING_US      20000u
#define STREAM_US    143u
#define START_US     (3 * KG_US_PER_S) /* in which the rate is found out */
#define EARLY_KIND   'e'
#define SMALL_ROOM   240
#define AROUND_BYTES 64
#define SECONDS      20u
#define SEEDS        8u
#define LINE_BPS     2500000u
#define QUEUE_US     100000u
#define WAITS_MAX    2000000u

/* What each message begins with. */
struct head {
	uint8_t early;
	bool ping;
	uint64_t said_us;
};

enum {
	SENDER,
	RECEIVER,
	ENDS
};

struct end {
	struct kg_kcp *kcp;
	struct kg_sim_link link; /* what this end sends */
	uint32_t *waits_us;      /* of datagrams that came here, one way */
	uint32_t waits;
	uint32_t *pings_us; /* the same of pings */
	uint32_t pings;
};

struct inside {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_rng rng;
	struct end ends[ENDS];
	struct kg_rival_sender *tcp;
	struct kg_rival_receiver acker;
	uint64_t now_us;
	/* When both ends say the next ping, and the sender the next full datagram in the place of
	 * the TCP's; KG_NEVER_US: they do not */
	uint64_t ping_us, stream_us;
	uint32_t every_us;
	uint32_t next_sn;
};

static void say_with(struct inside *in, int end, struct head head, const void *what,
		     uint16_t what_bytes, uint16_t bytes)
{
	uint16_t mss = kg_kcp_mss(in->ends[end].kcp);
	uint8_t message[DATA_BYTES] = { 0 };
	struct kg_buf *chain;

	head.early = EARLY_KIND;
	head.said_us = in->now_us;
	memcpy(message, &head, sizeof(head));
	memcpy(message + sizeof(head), what, what_bytes);
	chain = kg_buf_chain_copy(&in->pool.pool, message, bytes, mss, mss);
	assert_non_null(chain);
	assert_true(kg_kcp_send(in->ends[end].kcp, chain, in->now_us));
}

static void say(struct inside *in, int end, const void *what, uint16_t what_bytes, uint16_t bytes)
{
	say_with(in, end, (struct head){ .ping = false }, what, what_bytes, bytes);
}

static void say_data(struct inside *in)
{
	struct kg_rival_data segment;

	for (; in->stream_us <= in->now_us; in->stream_us += in->every_us) {
		segment = (struct kg_rival_data){ .sn = in->next_sn++ };
		say(in, SENDER, &segment, sizeof(segment), kg_kcp_mss(in->ends[SENDER].kcp));
	}
	while (in->every_us == 0 && kg_rival_sender_next(in->tcp, in->now_us, &segment))
		say(in, SENDER, &segment, sizeof(segment), DATA_BYTES);
	if (in->ping_us > in->now_us)
		return;
	for (int end = 0; end < ENDS; end++)
		say_with(in, end, (struct head){ .ping = true }, "", 0, PING_BYTES);
	in->ping_us += PING_US;
}

static void acknowledge(struct inside *in)
{
	struct kg_rival_acks acks;

	if (kg_rival_receiver_say(&in->acker, in->now_us, &acks))
		say(in, RECEIVER, &acks, sizeof(acks), ACK_BYTES);
}

static void hear(struct inside *in, int at, const uint8_t *data)
{
	const uint8_t *what = data + sizeof(struct head);
	struct end *end = &in->ends[at];
	struct kg_rival_data segment;
	struct kg_rival_acks acks;
	struct head head;

	memcpy(&head, data, sizeof(head));
	if (head.ping) {
		if (head.said_us >= START_US)
			end->pings_us[end->pings++] = (uint32_t)(in->now_us - head.said_us);
		return;
	}
	if (end->waits < WAITS_MAX)
		end->waits_us[end->waits++] = (uint32_t)(in->now_us - head.said_us);
	if (at == RECEIVER) {
		memcpy(&segment, what, sizeof(segment));
		kg_rival_receiver_take(&in->acker, &segment, in->now_us);
		acknowledge(in);
	} else {
		memcpy(&acks, what, sizeof(acks));
		if (in->every_us == 0)
			kg_rival_sender_hear(in->tcp, &acks, in->now_us);
	}
}

static void receive(struct inside *in, int at)
{
	struct kg_sim_link_packet *packet;
	struct kg_buf *message;
	unsigned int events;

	while ((packet = kg_sim_link_receive(&in->ends[!at].link, in->now_us)) != NULL) {
		kg_kcp_input(in->ends[at].kcp, packet->bytes, packet->len, in->now_us, &events);
		free(packet);
		while ((message = kg_kcp_recv(in->ends[at].kcp)) != NULL) {
			hear(in, at, message->data);
			kg_buf_free_chain(message);
		}
	}
}

/* When it is to be asked again. */
static uint64_t transmit(struct inside *in, struct end *end)
{
	static const struct kg_endpoint nowhere;
	uint8_t out[KG_KCP_MTU_MAX];
	uint64_t due_us;
	uint16_t len;

	while ((len = kg_kcp_output(end->kcp, in->now_us, out)) > 0)
		kg_sim_link_send(&end->link, in->now_us, &nowhere, &nowhere, out, len);
	due_us = kg_kcp_deadline_us(end->kcp);
	if (due_us != KG_NEVER_US)
		due_us = (due_us + KG_TWHEEL_TICK_US - 1) / KG_TWHEEL_TICK_US * KG_TWHEEL_TICK_US;
	return KG_MIN(due_us, kg_sim_link_next_us(&end->link));
}

static void run(struct inside *in, uint64_t until_us)
{
	uint64_t next_us;

	while (in->now_us < until_us) {
		for (int end = 0; end < ENDS; end++)
			receive(in, end);
		say_data(in);
		acknowledge(in);
		next_us = KG_MIN(kg_rival_sender_deadline_us(in->tcp), in->acker.say_us);
		next_us = KG_MIN(next_us, KG_MIN(in->ping_us, in->stream_us));
		for (int end = 0; end < ENDS; end++)
			next_us = KG_MIN(next_us, transmit(in, &in->ends[end]));
		in->now_us = KG_MAX(next_us, in->now_us + 1);
	}
}

struct path {
	uint32_t one_way_us;
	uint16_t loss;     /* parts of 65,536 */
	uint64_t line_Bps; /* 0: no bottleneck */
	uint32_t every_us; /* not 0: a stream in place of the TCP, pings, and all may overtake */
};

static void begin(struct inside *in, uint64_t seed, const struct path *path)
{
	struct kg_kcp_params params = preset_params(&presets[0]);
	const struct kg_sim_link_params link = {
		.delay_us = path->one_way_us - 1000,
		.jitter_us = 2000,
		.in_order = true,
		.loss = path->loss,
		.rate_Bps = path->line_Bps,
		.queue_us = path->line_Bps > 0 ? QUEUE_US : 0,
		.overhead_bytes = AROUND_BYTES,
	};

	*in = (struct inside){ .now_us = KG_US_PER_S };
	in->every_us = path->every_us;
	in->ping_us = in->stream_us = path->every_us > 0 ? in->now_us : KG_NEVER_US;
	kg_mem_malloc_init(&in->mem);
	kg_buf_malloc_pool_init(&in->pool, SIZE_MAX);
	kg_rng_init(&in->rng, seed);
	params.mtu = MTU_BYTES;
	params.early_kind = path->every_us > 0 ? EARLY_KIND : 0;
	params.prompt = params.snd_spread = params.rcv_grows = params.rate_auto = true;
	for (int i = 0; i < ENDS; i++) {
		struct end *end = &in->ends[i];

		end->kcp = kg_kcp_create(&params, &in->mem, &in->pool.pool, in->now_us);
		end->waits_us = malloc(WAITS_MAX * sizeof(*end->waits_us));
		end->pings_us = malloc(SECONDS * KG_US_PER_S / PING_US * sizeof(*end->pings_us));
		assert_true(end->kcp != NULL && end->waits_us != NULL && end->pings_us != NULL);
		kg_kcp_use_tails(end->kcp);
		kg_sim_link_init(&end->link, &link, &in->rng);
	}
	in->tcp = kg_rival_sender_create(&kg_rival_bbr1,
					 &(struct kg_rival_params){ .line_pps = 1000,
								    .wire_bytes = MTU_BYTES,
								    .rng = &in->rng });
	assert_non_null(in->tcp);
	kg_rival_receiver_init(&in->acker, 0);
}

static void finish(struct inside *in)
{
	for (int i = 0; i < ENDS; i++) {
		kg_kcp_destroy(in->ends[i].kcp);
		kg_sim_link_fini(&in->ends[i].link);
		free(in->ends[i].waits_us);
		free(in->ends[i].pings_us);
	}
	kg_rival_sender_destroy(in->tcp);
	assert_int_equal(in->mem.in_use_bytes, 0);
	assert_int_equal(in->pool.in_use, 0);
}

/* Of a hundred, sorted by what they waited. */
static uint32_t percentile(uint32_t *waits_us, uint32_t waits, unsigned int percent)
{
	qsort(waits_us, waits, sizeof(*waits_us), kg_compare_u32);
	return waits_us[(uint64_t)waits * percent / 100];
}

static uint32_t nth_us(struct end *end, unsigned int percent)
{
	return percentile(end->waits_us, end->waits, percent);
}

/* bit/s that the TCP has brought to the other end. */
static double goodput(struct inside *in, const char *what)
{
	double bps = in->acker.acks.una * 8.0 * DATA_BYTES / SECONDS;

	printf("%s: %.1f Mbit/s, wire / payload %.2f; waits of data p50 %u, p90 %u, p99 %u ms, of "
	       "ACKs %u, %u, %u ms\n",
	       what, bps / 1e6,
	       (double)in->ends[SENDER].link.sent_bytes / (in->acker.acks.una * (double)DATA_BYTES),
	       nth_us(&in->ends[RECEIVER], 50) / 1000, nth_us(&in->ends[RECEIVER], 90) / 1000,
	       nth_us(&in->ends[RECEIVER], 99) / 1000, nth_us(&in->ends[SENDER], 50) / 1000,
	       nth_us(&in->ends[SENDER], 90) / 1000, nth_us(&in->ends[SENDER], 99) / 1000);
	return bps;
}

/* A single run has 118 Mbit/s give or take 24: by when BBR takes the wait for a full path. */
static void it_grows_behind_losses(void **state)
{
	static const struct path path = { .one_way_us = 50000, .loss = 65536 / 20 };
	double sum_bps = 0;
	struct inside in;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(&in, seed, &path);
		run(&in, in.now_us + SECONDS * KG_US_PER_S);
		sum_bps += goodput(&in, "100 ms, 5 %");
		finish(&in);
	}
	assert_true(sum_bps / SEEDS > 90e6);
}

/* Of 192 MB one channel may have 4,096 buffers of a kind. Every other segment is small: if it were
 * taken for a large one, the window would be half as long, and so would be what passes. */
static void memory_of_a_small_box_is_enough(void **state)
{
	static const struct path path = { .one_way_us = 20000, .loss = 65536 / 100 };
	struct inside in;

	begin(&in, 1, &path);
	in.pool.pool.fair_share = 4096;
	in.pool.pool.small_room = SMALL_ROOM;
	run(&in, in.now_us + SECONDS * KG_US_PER_S);
	assert_true(goodput(&in, "40 ms, 1 %, 192 MB") > 150e6);
	finish(&in);
}

/* There losses are its own doing, and twins of its holes more of what fills the path. */
static void a_path_stays_full(void **state)
{
	static const struct path path = { .one_way_us = 50000, .line_Bps = LINE_BPS };
	struct inside in;

	begin(&in, 1, &path);
	run(&in, in.now_us + SECONDS * KG_US_PER_S);
	assert_true(goodput(&in, "100 ms, 20 Mbit/s") > 0.8 * 8 * LINE_BPS);
	assert_true((double)in.ends[SENDER].link.sent_bytes <
		    1.2 * in.acker.acks.una * (double)DATA_BYTES);
	finish(&in);
}

/* Datagrams that are as long as a segment, with what acknowledges them. */
static void pings_wait_for_nothing_else(void **state)
{
	static const struct path path = { .one_way_us = 50000,
					  .loss = 65536 / 20,
					  .every_us = STREAM_US };
	struct inside in;

	for (uint64_t seed = 1; seed <= 2; seed++) {
		begin(&in, seed, &path);
		run(&in, in.now_us + SECONDS * KG_US_PER_S);
		for (int i = 0; i < ENDS; i++) {
			struct end *end = &in.ends[i];

			printf("%u pings: p50 %u, p99 %u us\n", end->pings,
			       percentile(end->pings_us, end->pings, 50),
			       percentile(end->pings_us, end->pings, 99));
			assert_true(percentile(end->pings_us, end->pings, 99) <
				    path.one_way_us + LATE_US);
		}
		finish(&in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_grows_behind_losses),
		cmocka_unit_test(memory_of_a_small_box_is_enough),
		cmocka_unit_test(a_path_stays_full),
		cmocka_unit_test(pings_wait_for_nothing_else),
	};

	return cmocka_run_group_tests_name("inside", tests, NULL, NULL);
}
