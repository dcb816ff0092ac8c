/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One rate for all channels to a peer (session/permits.c): uploads that fill a line of 50 Mbit/s
 * and 40 ms with half a second of dumb queue, and one beside them who says 100 bytes now and then.
 * He hardly waits, the uploads have equal parts, and the line is full. And what the first channel
 * has learned of a path the next one knows. Prints what it sees.
 */
#include "unit/pair_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "sim/link.h"
#include "test_host.h"

#define UPLOADS       64u
#define LINE_BPS      6250000u
#define WAY_US        20000u
#define DUMB_US       500000u /* of queue */
#define SHORT_US      10000u
#define OVERHEAD      66u /* of a datagram on the wire */
#define PIECE_BYTES   1100u
#define WORD_BYTES    100u
#define WORD_EVERY_US 25000u
#define WARM_US       SEC(8)
#define RUN_US        SEC(28)
#define WORDS         ((RUN_US - WARM_US) / WORD_EVERY_US + 8)

struct world;

struct end {
	struct test_host host;
	struct world *world;
	struct kg_session_config config;
	struct kg_session *session;
	struct kg_sim_link link; /* what this end sends */
};

struct world {
	uint64_t now_us, began_us;
	struct kg_rng rng;
	struct end ends[2]; /* by role */
	unsigned int uploads;
	struct kg_channel *channels[UPLOADS + 1]; /* the client's; the last one is the talker */
	uint64_t got_bytes[UPLOADS];
	uint64_t word_us;
	uint32_t words;
	uint32_t took_us[WORDS];
	uint32_t dead_conv; /* whose datagrams are lost; 0: none */
};

static bool is_warm(const struct world *w)
{
	return w->now_us >= w->began_us + WARM_US;
}

/* ---- applications: a message says who says it, and when ---- */

static void say(struct world *w, uint32_t who, uint16_t len)
{
	static uint8_t bytes[PIECE_BYTES];
	struct end *client = &w->ends[KG_ROLE_CLIENT];
	uint16_t rest = kg_session_rest_bytes(client->session);
	struct kg_buf *chain;

	kg_store_le32(bytes, who);
	kg_store_le64(bytes + 4, w->now_us);
	chain = kg_buf_chain_copy(&client->host.pool.pool, bytes, len, rest - KG_MESSAGE_KIND_BYTES,
				  rest);
	assert_non_null(chain);
	assert_true(kg_channel_send(w->channels[who], chain, w->now_us));
}

static void talk(struct world *w)
{
	for (uint32_t who = 0; who < w->uploads; who++) {
		while (w->channels[who] != NULL && kg_channel_room(w->channels[who]) > 0)
			say(w, who, PIECE_BYTES);
	}
	if (w->now_us < w->word_us || w->channels[UPLOADS] == NULL)
		return;
	say(w, UPLOADS, WORD_BYTES);
	w->word_us = w->now_us + WORD_EVERY_US;
}

static void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	kg_channel_connected(ch, ((struct end *)host)->world->now_us);
}

static void note_word(struct world *w, uint64_t said_us)
{
	if (said_us < w->began_us + WARM_US)
		return;
	assert_true(w->words < WORDS);
	w->took_us[w->words++] = (uint32_t)(w->now_us - said_us);
}

static void on_readable(void *host, struct kg_channel *ch)
{
	struct world *w = ((struct end *)host)->world;
	struct kg_buf *chain;
	uint8_t bytes[PIECE_BYTES];
	uint32_t who;

	while ((chain = kg_channel_recv(ch, w->now_us)) != NULL) {
		size_t len = kg_buf_chain_gather(chain, bytes);

		kg_buf_free_chain(chain);
		who = kg_load_le32(bytes);
		if (who == UPLOADS)
			note_word(w, kg_load_le64(bytes + 4));
		else if (is_warm(w))
			w->got_bytes[who] += len;
	}
}

static void on_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	kg_channel_free(ch);
}

static const struct kg_session_ops ops = {
	.connect = on_connect,
	.readable = on_readable,
	.closed = on_closed,
};

/* ---- wire ---- */

static void leave(struct world *w, int role)
{
	struct end *end = &w->ends[role];
	uint8_t bytes[KG_KCP_MTU_MAX];
	struct kg_datagram out = { .data = bytes };

	while (kg_session_output(end->session, &out, w->now_us)) {
		if (w->dead_conv != 0 && kg_load_le32(bytes) == w->dead_conv)
			continue;
		out.local.ip = pair_addresses[role];
		kg_sim_link_send(&end->link, w->now_us, &out.local, &out.remote, bytes, out.len);
	}
}

static void arrive(struct world *w, int role)
{
	struct end *end = &w->ends[role];
	struct kg_sim_link_packet *packet;

	while ((packet = kg_sim_link_receive(&w->ends[!role].link, w->now_us)) != NULL) {
		struct kg_datagram in = {
			.local = packet->to,
			.remote = packet->from,
			.data = packet->bytes,
			.len = packet->len,
			.digest = kg_hash64(packet->bytes, packet->len, packet->from.port),
		};

		kg_session_input(end->session, &in, w->now_us);
		free(packet);
	}
}

static void step(struct world *w, uint64_t end_us)
{
	uint64_t next_us = KG_MIN(w->word_us > w->now_us ? w->word_us : end_us, end_us);

	for (int role = 0; role < 2; role++)
		arrive(w, role);
	talk(w);
	for (int role = 0; role < 2; role++)
		leave(w, role);
	for (int role = 0; role < 2; role++)
		next_us = KG_MIN(next_us, kg_sim_link_next_us(&w->ends[role].link));
	next_us = KG_MAX(next_us, w->now_us + 1);
	pair_pass(&w->now_us, next_us, w->ends[0].host.wheel, w->ends[1].host.wheel);
}

static void pass(struct world *w, uint64_t us)
{
	uint64_t end_us = w->now_us + us;

	while (w->now_us < end_us)
		step(w, end_us);
}

/* ---- life ---- */

static void begin_end(struct world *w, int role, bool rate_auto,
		      const struct kg_sim_link_params *link)
{
	struct end *end = &w->ends[role];

	end->world = w;
	test_host_init(&end->host, 1, SIZE_MAX, w->now_us);
	if (role == KG_ROLE_SERVER)
		end->host.seen = kg_seen_create(&end->host.mem, 1024, 510, 0);
	end->config = pair_config(role, 2 * UPLOADS);
	end->config.kcp.snd_wnd = end->config.kcp.rcv_wnd = 1024;
	end->config.kcp.pace = true;
	end->config.kcp.snd_spread = end->config.kcp.rcv_grows = true;
	end->config.kcp.rate_auto = rate_auto;
	end->config.capabilities = KG_CAPABILITY_HALF_CLOSE;
	kg_sim_link_init(&end->link, link, &w->rng);
	end->session = test_host_session(&end->host, &end->config, ops, w->now_us);
	assert_non_null(end->session);
}

static void begin(struct world *w, bool rate_auto, uint32_t queue_us)
{
	const struct kg_sim_link_params there = { .delay_us = WAY_US,
						  .jitter_us = 100,
						  .in_order = true,
						  .rate_Bps = LINE_BPS,
						  .queue_us = queue_us,
						  .overhead_bytes = OVERHEAD };
	const struct kg_sim_link_params back = {
		.delay_us = WAY_US, .jitter_us = 100, .in_order = true, .overhead_bytes = OVERHEAD
	};

	*w = (struct world){ .now_us = SEC(1000), .began_us = SEC(1000), .word_us = SEC(1000) };
	kg_rng_init(&w->rng, 1);
	begin_end(w, KG_ROLE_SERVER, rate_auto, &back);
	begin_end(w, KG_ROLE_CLIENT, rate_auto, &there);
}

static void open_channel(struct world *w, uint32_t who, enum kg_protocol protocol)
{
	w->channels[who] =
		kg_session_open(w->ends[KG_ROLE_CLIENT].session, protocol, NULL, NULL, w->now_us);
	assert_non_null(w->channels[who]);
}

static void end(struct world *w)
{
	for (int role = 0; role < 2; role++) {
		kg_session_destroy(w->ends[role].session);
		kg_sim_link_fini(&w->ends[role].link);
		test_host_fini(&w->ends[role].host);
	}
}

/* ---- what came of it ---- */

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct outcome {
	double used, jain, p50_ms, p99_ms, own_loss, wire;
};

static struct outcome outcome_of(struct world *w, uint64_t us, uint64_t sent_bytes)
{
	const struct kg_sim_link *there = &w->ends[KG_ROLE_CLIENT].link;
	double sum = 0, squares = 0;
	struct outcome o;

	for (uint32_t i = 0; i < w->uploads; i++) {
		double x = (double)w->got_bytes[i];

		sum += x;
		squares += x * x;
	}
	assert_true(w->words > WORDS / 2);
	qsort(w->took_us, w->words, sizeof(w->took_us[0]), by_size);
	o = (struct outcome){
		.used = sum * (PIECE_BYTES + 1 + KG_KCP_HEADER_BYTES + OVERHEAD) / PIECE_BYTES /
			((double)us / 1e6 * LINE_BPS),
		.jain = sum * sum / (w->uploads * squares),
		.p50_ms = w->words == 0 ? 0 : w->took_us[w->words / 2] / 1e3,
		.p99_ms = w->words == 0 ? 0 : w->took_us[w->words * 99 / 100] / 1e3,
		.own_loss = (double)there->overflowed / (double)there->sent,
		.wire = (double)(there->sent_bytes - sent_bytes) / sum,
	};
	printf("%2u uploads: %.3f of the line, Jain %.3f, 100 bytes one way p50 %.1f ms, p99 %.1f "
	       "ms, own "
	       "loss %.4f, wire %.3f\n",
	       w->uploads, o.used, o.jain, o.p50_ms, o.p99_ms, o.own_loss, o.wire);
	return o;
}

static struct outcome run(bool rate_auto, unsigned int uploads, uint32_t queue_us)
{
	static struct world w;
	struct outcome o;
	uint64_t sent_bytes;

	begin(&w, rate_auto, queue_us);
	for (uint32_t who = 0; who < uploads; who++)
		open_channel(&w, who, KG_PROTOCOL_TCP);
	open_channel(&w, UPLOADS, KG_PROTOCOL_UDP);
	pass(&w, SEC(1) / 2);
	w.uploads = uploads;
	pass(&w, WARM_US - SEC(1) / 2);
	sent_bytes = w.ends[KG_ROLE_CLIENT].link.sent_bytes;
	pass(&w, RUN_US - WARM_US);
	o = outcome_of(&w, RUN_US - WARM_US, sent_bytes);
	end(&w);
	return o;
}

/* In windows he waits for half a second. */
static void who_says_little_hardly_waits(void **state)
{
	struct outcome window = run(false, UPLOADS, DUMB_US), shared = run(true, UPLOADS, DUMB_US);

	assert_true(shared.p99_ms < WAY_US / 1e3 + 10);
	assert_true(shared.jain > 0.95);
	assert_true(shared.used > 0.95);
	assert_true(shared.own_loss < 0.01);
	assert_true(window.p99_ms > 100);
}

static void few_share_as_evenly(void **state)
{
	for (unsigned int uploads = 1; uploads <= 8; uploads *= 2) {
		struct outcome o = run(true, uploads, DUMB_US);

		assert_true(o.p99_ms < WAY_US / 1e3 + 10);
		assert_true(o.jain > 0.95);
		assert_true(o.used > 0.95);
		assert_true(o.own_loss < 0.01);
	}
}

/* Strangers have 0.5 of one another there. */
static void a_short_queue_is_shared_as_evenly(void **state)
{
	struct outcome o = run(true, 3, SHORT_US);

	assert_true(o.jain > 0.95);
	assert_true(o.used > 0.95);
	assert_true(o.own_loss < 0.01);
}

/* His handshake, and his first word. */
static void who_comes_beside_many_is_served_at_once(void **state)
{
	static struct world w;
	uint64_t came_us;

	begin(&w, true, DUMB_US);
	w.began_us -= WARM_US;
	w.word_us = KG_NEVER_US;
	for (uint32_t who = 0; who < UPLOADS; who++)
		open_channel(&w, who, KG_PROTOCOL_TCP);
	pass(&w, SEC(1) / 2);
	w.uploads = UPLOADS;
	pass(&w, SEC(2));
	came_us = w.now_us;
	open_channel(&w, UPLOADS, KG_PROTOCOL_TCP);
	while (kg_channel_room(w.channels[UPLOADS]) == 0)
		pass(&w, 1000);
	say(&w, UPLOADS, WORD_BYTES);
	while (w.words == 0)
		pass(&w, 1000);
	printf("a newcomer was heard after %.0f ms\n", (double)(w.now_us - came_us) / 1e3);
	assert_true(w.now_us - came_us < SEC(1) / 4);
	end(&w);
}

/* What comes of an upload meanwhile, as a part of the line. */
static double part_of(struct world *w, uint32_t who, uint64_t us)
{
	uint64_t before = w->got_bytes[who];

	pass(w, us);
	return (double)(w->got_bytes[who] - before) / ((double)us / 1e6 * LINE_BPS);
}

/* From the first round trip on. */
static void what_one_has_learned_the_next_one_knows(void **state)
{
	static struct world w;
	double first, second;

	begin(&w, true, DUMB_US);
	w.began_us -= WARM_US;
	open_channel(&w, 0, KG_PROTOCOL_TCP);
	open_channel(&w, 1, KG_PROTOCOL_TCP);
	pass(&w, SEC(1) / 2);
	w.uploads = 1;
	first = part_of(&w, 0, SEC(1) / 5);
	pass(&w, SEC(5));
	w.uploads = 0;
	pass(&w, SEC(3));
	w.channels[0] = NULL;
	w.uploads = 2;
	second = part_of(&w, 1, SEC(1) / 5);
	printf("of the line in a fifth of a second: the first one %.2f, the next one %.2f\n", first,
	       second);
	assert_true(second > 1.3 * first);
	end(&w);
}

/* Half a second after it has fallen silent: nobody else waits for what it has under way. */
static void a_dead_channel_holds_up_nobody(void **state)
{
	static struct world w;
	struct kg_channel_info info;
	double part;

	begin(&w, true, DUMB_US);
	w.began_us -= WARM_US;
	open_channel(&w, 0, KG_PROTOCOL_TCP);
	open_channel(&w, 1, KG_PROTOCOL_TCP);
	pass(&w, SEC(1) / 2);
	w.uploads = 1;
	pass(&w, SEC(5));
	kg_channel_get_info(w.channels[0], &info, w.now_us);
	w.dead_conv = info.conv;
	w.channels[0] = NULL;
	w.uploads = 2;
	pass(&w, SEC(1) / 2);
	part = part_of(&w, 1, SEC(1));
	printf("beside a dead channel: %.2f of the line\n", part);
	assert_true(part > 0.7);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_says_little_hardly_waits),
		cmocka_unit_test(few_share_as_evenly),
		cmocka_unit_test(a_short_queue_is_shared_as_evenly),
		cmocka_unit_test(who_comes_beside_many_is_served_at_once),
		cmocka_unit_test(what_one_has_learned_the_next_one_knows),
		cmocka_unit_test(a_dead_channel_holds_up_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
