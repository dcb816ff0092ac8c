/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who comes beside many uploads that have all just begun: how long a handshake and an echo take
 * him. Uploads in fixed windows fill the path's queue, and lose what does not fit, until their
 * paces have found their limits, which so many hardly do; he waits in that queue, and each of his
 * words may be lost. With a rate that is found out less is lost, and he is served within three
 * seconds. Prints what it sees.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kcp/kcp.h"
#include "sim/link.h"

#define UPLOADS   50u
#define NEWCOMERS 8u
#define TALKS     (UPLOADS + NEWCOMERS)
#define WINDOW    1024u
#define MTU       1450u
#define DELAY_US  50000u
#define STEP_US   100u
#define EVERY_US  1000000u /* a newcomer */
#define SECONDS   (NEWCOMERS + 4u)
#define ROUNDS    2u /* a handshake, an echo */

enum {
	ASKS,
	ANSWERS,
	ENDS
};

struct talk {
	struct kg_kcp *kcp[ENDS];
	uint32_t rounds; /* of a newcomer, that are over */
	uint64_t began_us, took_us;
};

struct world {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_rng rng;
	struct kg_sim_link link[ENDS]; /* from each */
	struct talk talks[TALKS];
	uint32_t begun;
	uint64_t now_us, arrived;
};

static const uint16_t round_bytes[ROUNDS] = { 60, 1000 };

static struct kg_kcp_params upload_params(bool rate_auto)
{
	return (struct kg_kcp_params){
		.mtu = MTU,
		.snd_wnd = WINDOW,
		.rcv_wnd = WINDOW,
		.nodelay = 1,
		.interval_ms = 1,
		.resend = 2,
		.nc = true,
		.blast = true,
		.pace = true,
		.rate_auto = rate_auto,
	};
}

static void say(struct world *w, struct kg_kcp *kcp, uint16_t len)
{
	struct kg_buf *buf = kg_buf_alloc(&w->pool.pool, len);

	assert_non_null(buf);
	memset(buf->data, 0, len);
	buf->len = len;
	assert_true(kg_kcp_send(kcp, buf, w->now_us));
}

static void begin(struct world *w, struct kg_kcp_params params)
{
	struct talk *talk = &w->talks[w->begun];

	params.conv = ++w->begun;
	for (int end = 0; end < ENDS; end++) {
		talk->kcp[end] = kg_kcp_create(&params, &w->mem, &w->pool.pool, w->now_us);
		assert_non_null(talk->kcp[end]);
		kg_kcp_expect_rtt(talk->kcp[end], 2 * DELAY_US);
	}
	talk->began_us = w->now_us;
}

/* ---- what they say ---- */

static void upload(struct world *w, struct talk *talk)
{
	while (kg_kcp_unacked(talk->kcp[ASKS]) < WINDOW + WINDOW / 4)
		say(w, talk->kcp[ASKS], MTU - KG_KCP_HEADER_BYTES);
}

/* One more message has come to a newcomer's end. */
static void go_on(struct world *w, struct talk *talk, int end)
{
	if (end == ANSWERS) {
		say(w, talk->kcp[ANSWERS], round_bytes[talk->rounds]);
	} else if (++talk->rounds == ROUNDS) {
		talk->took_us = w->now_us - talk->began_us;
	} else {
		say(w, talk->kcp[ASKS], round_bytes[talk->rounds]);
	}
}

static void hear(struct world *w, struct talk *talk, int end)
{
	struct kg_buf *chain;

	while ((chain = kg_kcp_recv(talk->kcp[end])) != NULL) {
		kg_buf_free_chain(chain);
		if (talk < &w->talks[UPLOADS])
			w->arrived++;
		else
			go_on(w, talk, end);
	}
}

/* ---- time ---- */

static void arrive(struct world *w, int from)
{
	struct kg_sim_link_packet *packet;
	unsigned int events;

	while ((packet = kg_sim_link_receive(&w->link[from], w->now_us)) != NULL) {
		struct talk *talk = &w->talks[packet->to.port];

		assert_int_equal(kg_kcp_input(talk->kcp[!from], packet->bytes, packet->len,
					      w->now_us, &events),
				 KG_DROP_NONE);
		hear(w, talk, !from);
		free(packet);
	}
}

static void leave(struct world *w, uint32_t number, int end)
{
	const struct kg_endpoint name = { .port = (uint16_t)number };
	uint8_t out[KG_KCP_MTU_MAX];
	uint16_t len;

	while ((len = kg_kcp_output(w->talks[number].kcp[end], w->now_us, out)) > 0)
		kg_sim_link_send(&w->link[end], w->now_us, &name, &name, out, len);
}

/* Any of them may be first in the queue. */
static void step(struct world *w)
{
	uint32_t first = kg_rng_below(&w->rng, w->begun);

	w->now_us += STEP_US;
	for (int end = 0; end < ENDS; end++)
		arrive(w, end);
	for (uint32_t i = 0; i < w->begun; i++) {
		uint32_t number = (first + i) % w->begun;

		if (number < UPLOADS)
			upload(w, &w->talks[number]);
		leave(w, number, ASKS);
		leave(w, number, ANSWERS);
	}
}

/* 100 Mbit/s and a queue of 300 ms there; back there is room for all. */
static void run(struct world *w, bool rate_auto)
{
	const struct kg_sim_link_params there = { .delay_us = DELAY_US,
						  .in_order = true,
						  .loss = 65536 / 100,
						  .rate_Bps = 12500000,
						  .queue_us = 300000 };
	const struct kg_sim_link_params back = { .delay_us = DELAY_US, .in_order = true };

	memset(w, 0, sizeof(*w));
	kg_mem_malloc_init(&w->mem);
	kg_buf_malloc_pool_init(&w->pool, SIZE_MAX);
	kg_rng_init(&w->rng, 1);
	kg_sim_link_init(&w->link[ASKS], &there, &w->rng);
	kg_sim_link_init(&w->link[ANSWERS], &back, &w->rng);
	while (w->begun < UPLOADS)
		begin(w, upload_params(rate_auto));
	while (w->now_us < SECONDS * EVERY_US) {
		step(w);
		if (w->begun < TALKS &&
		    w->now_us >= (w->begun - UPLOADS) * EVERY_US + EVERY_US / 2) {
			begin(w, kg_kcp_handshake_params);
			say(w, w->talks[w->begun - 1].kcp[ASKS], round_bytes[0]);
		}
	}
	for (uint32_t i = 0; i < TALKS; i++) {
		kg_kcp_destroy(w->talks[i].kcp[ASKS]);
		kg_kcp_destroy(w->talks[i].kcp[ANSWERS]);
	}
	kg_sim_link_fini(&w->link[ASKS]);
	kg_sim_link_fini(&w->link[ANSWERS]);
	assert_int_equal(w->pool.in_use, 0);
}

/* The longest that one of them took. */
static uint64_t longest_us(const struct world *w, const char *what)
{
	uint64_t longest = 0;

	printf("%-6s %6.1f Mbit/s, %4.1f %% lost; newcomers", what,
	       (double)w->arrived * (MTU - KG_KCP_HEADER_BYTES) * 8 / SECONDS / 1e6,
	       100.0 * (double)w->link[ASKS].lost / (double)w->link[ASKS].sent);
	for (uint32_t i = UPLOADS; i < TALKS; i++) {
		bool over = w->talks[i].rounds == ROUNDS;
		uint64_t took_us = over ? w->talks[i].took_us : UINT64_MAX;

		printf(" %.2f", over ? (double)took_us / 1e6 : -1.0);
		longest = KG_MAX(longest, took_us);
	}
	printf(" s\n");
	return longest;
}

static void who_comes_beside_many_is_served_soon(void **state)
{
	static struct world window, found_out;

	run(&window, false);
	run(&found_out, true);
	longest_us(&window, "window");
	assert_true(longest_us(&found_out, "auto") < 3 * EVERY_US);
	assert_true(found_out.arrived * 10 > window.arrived * 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_comes_beside_many_is_served_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
