/* SPDX-License-Identifier: BSD-3-Clause */
/* A client, a relay and a server on perfect wires: what passes, and what becomes of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pair_wire.h"
#include "relay/relay.h"
#include "test_host.h"

#define ALL                                                                          \
	(KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_MUX | KG_CAPABILITY_RIGHT_PARITY | \
	 KG_CAPABILITY_MUX_RETURN)
#define NARROW 100 /* kcp_mtu of the second leg, where a test says so */
#define LONG   10000

/* An application's end of the one channel. */
struct app {
	struct kg_channel *ch;
	unsigned int finished, closed;
	bool slow; /* reads nothing by itself */
	enum kg_close why;
	char text[64], target[KG_TARGET_SHOWN_BYTES];
	uint8_t got[LONG];
	size_t got_len;
	unsigned int messages;
};

/* The client's side of a leg, or the server's. */
struct end {
	struct kg_session *session;
	struct kg_session_config config;
	struct kg_ip address;
	bool deaf;
};

struct chain {
	struct test_host host; /* of all: first, as it is the sessions' host */
	struct kg_relay *relay;
	struct end ends[2][2]; /* leg, role */
	struct app apps[2];    /* by role */
	uint64_t now_us;
	bool refuses;
};

/* ---- hosts ---- */

static void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct chain *chain = host;
	struct app *app = &chain->apps[KG_ROLE_SERVER];

	if (target != NULL)
		kg_target_text(target, app->target);
	if (chain->refuses) {
		kg_channel_refused(ch, "nobody there", chain->now_us);
		return;
	}
	app->ch = ch;
	kg_channel_set_user(ch, app);
	kg_channel_connected(ch, chain->now_us);
}

static void read_all(struct chain *chain, struct app *app)
{
	struct kg_channel *ch = app->ch;
	struct kg_buf *message;

	while ((message = kg_channel_recv(ch, chain->now_us)) != NULL) {
		assert_true(app->got_len + kg_buf_chain_len(message) <= sizeof(app->got));
		app->got_len += kg_buf_chain_gather(message, app->got + app->got_len);
		app->messages++;
		kg_buf_free_chain(message);
	}
}

static void on_readable(void *host, struct kg_channel *ch)
{
	struct app *app = kg_channel_user(ch);

	if (!app->slow)
		read_all(host, app);
}

static void on_finished(void *host, struct kg_channel *ch)
{
	struct app *app = kg_channel_user(ch);

	app->finished++;
}

static void on_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	struct app *app = kg_channel_user(ch);

	kg_channel_free(ch);
	if (app == NULL)
		return;
	app->ch = NULL;
	app->closed++;
	app->why = why;
	snprintf(app->text, sizeof(app->text), "%s", text);
}

static void on_relay_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	kg_relay_accept(((struct chain *)host)->relay, ch, target);
}

static const struct kg_session_ops app_ops = {
	.connect = on_connect,
	.readable = on_readable,
	.finished = on_finished,
	.closed = on_closed,
};
static const struct kg_session_ops relay_ops = { .connect = on_relay_connect,
						 KG_RELAY_OPS,
						 .closed = kg_relay_closed };

/* ---- wires ---- */

static bool carry(struct chain *chain, struct end *from, struct end *to)
{
	uint8_t body[PAIR_MTU];
	struct kg_datagram out = { .data = body }, in;
	bool any = false;

	while (kg_session_output(from->session, &out, chain->now_us)) {
		in = pair_arrival(&out, &from->address);
		if (!to->deaf && !from->deaf)
			kg_session_input(to->session, &in, chain->now_us);
		any = true;
	}
	return any;
}

static void exchange(struct chain *chain)
{
	bool any = true;

	for (int i = 0; any; i++) {
		any = false;
		for (int leg = 0; leg < 2; leg++) {
			any |= carry(chain, &chain->ends[leg][0], &chain->ends[leg][1]);
			any |= carry(chain, &chain->ends[leg][1], &chain->ends[leg][0]);
		}
		assert_true(i < 1000);
	}
}

static void run(struct chain *chain, uint64_t us)
{
	uint64_t end_us = chain->now_us + us;

	exchange(chain);
	while (chain->now_us < end_us) {
		pair_pass(&chain->now_us, end_us, chain->host.wheel, chain->host.wheel);
		exchange(chain);
	}
}

/* ---- life ---- */

static struct chain *chain_new(void)
{
	static struct chain chain;

	chain = (struct chain){ .now_us = SEC(1000) };
	test_host_init(&chain.host, 0x5eed0012, 100000, chain.now_us);
	chain.host.seen = kg_seen_create(&chain.host.mem, 1024, 510, 0);
	for (int leg = 0; leg < 2; leg++) {
		for (int role = 0; role < 2; role++) {
			struct end *end = &chain.ends[leg][role];

			end->address = pair_addresses[role];
			end->config = pair_config(role, 8);
			end->config.capabilities = ALL;
		}
	}
	chain.ends[0][KG_ROLE_SERVER].config.passed_targets = true;
	return &chain;
}

static void start_end(struct chain *chain, struct end *end, bool relayed)
{
	end->session = test_host_session(&chain->host, &end->config, relayed ? relay_ops : app_ops,
					 chain->now_us);
	assert_non_null(end->session);
}

static void chain_start(struct chain *chain)
{
	const struct kg_supplies supplies = test_host_supplies(&chain->host);

	chain->relay = kg_relay_create(&supplies);
	for (int leg = 0; leg < 2; leg++) {
		for (int role = 0; role < 2; role++)
			start_end(chain, &chain->ends[leg][role], role != leg);
	}
	kg_relay_set_forwarder(chain->relay, chain->ends[1][KG_ROLE_CLIENT].session);
}

static void chain_stop(struct chain *chain)
{
	for (int leg = 0; leg < 2; leg++) {
		for (int role = 0; role < 2; role++)
			kg_session_destroy(chain->ends[leg][role].session);
	}
	kg_relay_destroy(chain->relay);
	assert_true(test_host_fini(&chain->host));
}

static void open_to(struct chain *chain, enum kg_protocol protocol, const struct kg_target *target)
{
	struct app *app = &chain->apps[KG_ROLE_CLIENT];

	app->ch = kg_session_open(chain->ends[0][KG_ROLE_CLIENT].session, protocol, target, app,
				  chain->now_us);
	assert_non_null(app->ch);
	run(chain, SEC(1));
}

static struct chain *chain_open(struct chain *chain, enum kg_protocol protocol)
{
	chain_start(chain);
	open_to(chain, protocol, NULL);
	assert_non_null(chain->apps[KG_ROLE_SERVER].ch);
	return chain;
}

static void say(struct chain *chain, int role, size_t len)
{
	struct app *app = &chain->apps[role];
	uint16_t rest = kg_session_rest_bytes(kg_channel_session(app->ch));
	uint8_t bytes[2 * LONG];
	struct kg_buf *message;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 31 + (i >> 8) * 7);
	message = kg_buf_chain_copy(&chain->host.pool.pool, bytes, len, rest - 1, rest);
	assert_true(kg_channel_send(app->ch, message, chain->now_us));
}

static void expect(const struct app *app, size_t len, unsigned int messages)
{
	assert_int_equal(app->got_len, len);
	assert_int_equal(app->messages, messages);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(app->got[i], (uint8_t)(i * 31 + (i >> 8) * 7));
}

static uint64_t dropped_by(const struct chain *chain)
{
	struct kg_session_stats stats;

	kg_session_get_stats(chain->ends[1][KG_ROLE_CLIENT].session, &stats);
	return stats.messages_dropped;
}

/* ---- tests ---- */

static void messages_and_ends_pass(void **state)
{
	struct chain *chain = chain_open(chain_new(), KG_PROTOCOL_TCP);

	say(chain, KG_ROLE_CLIENT, 5000);
	kg_channel_finish(chain->apps[KG_ROLE_CLIENT].ch, chain->now_us);
	run(chain, SEC(1));
	expect(&chain->apps[KG_ROLE_SERVER], 5000, 1);
	assert_int_equal(chain->apps[KG_ROLE_SERVER].finished, 1);
	assert_int_equal(chain->apps[KG_ROLE_SERVER].closed, 0);
	say(chain, KG_ROLE_SERVER, 700);
	kg_channel_finish(chain->apps[KG_ROLE_SERVER].ch, chain->now_us);
	run(chain, SEC(1));
	expect(&chain->apps[KG_ROLE_CLIENT], 700, 1);
	assert_int_equal(chain->apps[KG_ROLE_CLIENT].why, KG_CLOSE_FINISHED);
	assert_int_equal(chain->apps[KG_ROLE_SERVER].why, KG_CLOSE_FINISHED);
	chain_stop(chain);
}

static void segments_are_cut_for_the_other_leg(void **state)
{
	struct chain *chain = chain_new();

	chain->ends[1][0].config.kcp.mtu = chain->ends[1][1].config.kcp.mtu = NARROW;
	chain_open(chain, KG_PROTOCOL_UDP);
	say(chain, KG_ROLE_CLIENT, 3000);
	run(chain, SEC(1));
	expect(&chain->apps[KG_ROLE_SERVER], 3000, 1);
	say(chain, KG_ROLE_SERVER, 3000);
	run(chain, SEC(1));
	expect(&chain->apps[KG_ROLE_CLIENT], 3000, 1);
	chain_stop(chain);
}

/* 127 segments of 76 bytes. */
static void a_datagram_that_is_too_long_is_dropped(void **state)
{
	struct chain *chain = chain_new();

	chain->ends[1][0].config.kcp.mtu = chain->ends[1][1].config.kcp.mtu = NARROW;
	chain_open(chain, KG_PROTOCOL_UDP);
	say(chain, KG_ROLE_CLIENT, 9652);
	say(chain, KG_ROLE_CLIENT, 9651);
	run(chain, SEC(1));
	expect(&chain->apps[KG_ROLE_SERVER], 9651, 1);
	assert_int_equal(dropped_by(chain), 1);
	chain_stop(chain);
}

static void a_stream_with_a_hole_is_reset(void **state)
{
	struct chain *chain = chain_new();

	chain->ends[1][0].config.kcp.mtu = chain->ends[1][1].config.kcp.mtu = NARROW;
	chain_open(chain, KG_PROTOCOL_TCP);
	say(chain, KG_ROLE_CLIENT, 9652);
	run(chain, SEC(1));
	expect(&chain->apps[KG_ROLE_SERVER], 0, 0);
	assert_int_equal(dropped_by(chain), 1);
	assert_int_equal(chain->apps[KG_ROLE_CLIENT].why, KG_CLOSE_RESET);
	assert_int_equal(chain->apps[KG_ROLE_SERVER].why, KG_CLOSE_RESET);
	chain_stop(chain);
}

static void a_reset_passes(void **state)
{
	struct chain *chain = chain_open(chain_new(), KG_PROTOCOL_TCP);

	kg_channel_abort(chain->apps[KG_ROLE_SERVER].ch, chain->now_us);
	run(chain, SEC(1));
	assert_int_equal(chain->apps[KG_ROLE_CLIENT].closed, 1);
	assert_int_equal(chain->apps[KG_ROLE_CLIENT].why, KG_CLOSE_RESET);
	chain_stop(chain);
}

static void a_refusal_passes_with_its_words(void **state)
{
	struct chain *chain = chain_new();

	chain->refuses = true;
	chain_start(chain);
	open_to(chain, KG_PROTOCOL_TCP, NULL);
	assert_int_equal(chain->apps[KG_ROLE_CLIENT].why, KG_CLOSE_REFUSED);
	assert_string_equal(chain->apps[KG_ROLE_CLIENT].text, "nobody there");
	chain_stop(chain);
}

static void without_a_forwarder_clients_are_refused(void **state)
{
	struct chain *chain = chain_new();

	chain_start(chain);
	kg_relay_set_forwarder(chain->relay, NULL);
	open_to(chain, KG_PROTOCOL_TCP, NULL);
	assert_int_equal(chain->apps[KG_ROLE_CLIENT].why, KG_CLOSE_REFUSED);
	assert_string_equal(chain->apps[KG_ROLE_CLIENT].text, "the relay cannot ask its server");
	chain_stop(chain);
}

static void a_target_passes(void **state)
{
	const struct kg_target target = { 443, "host.behind" };
	struct chain *chain = chain_new();

	chain->ends[1][KG_ROLE_SERVER].config.custom_targets = true;
	chain_start(chain);
	open_to(chain, KG_PROTOCOL_TCP, &target);
	assert_string_equal(chain->apps[KG_ROLE_SERVER].target, "host.behind:443");
	chain_stop(chain);
}

/* Parity is a leg's own matter. */
static void the_ends_do_what_both_can(void **state)
{
	static const struct {
		uint32_t client, server, shared;
	} rows[] = {
		{ ALL, ALL, ALL },
		{ ALL, 0, KG_CAPABILITY_RIGHT_PARITY },
		{ 0, ALL, 0 },
		{ ALL, ALL & ~KG_CAPABILITY_MUX, ALL & ~KG_CAPABILITY_MUX },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++) {
		struct chain *chain = chain_new();

		chain->ends[0][KG_ROLE_CLIENT].config.capabilities = rows[i].client;
		chain->ends[1][KG_ROLE_SERVER].config.capabilities = rows[i].server;
		chain_open(chain, KG_PROTOCOL_MUX);
		assert_int_equal(kg_channel_capabilities(chain->apps[KG_ROLE_CLIENT].ch),
				 rows[i].shared);
		chain_stop(chain);
	}
}

/* The server is gone without a word: its client hears of it. */
static void silence_of_one_leg_ends_the_other(void **state)
{
	struct chain *chain = chain_open(chain_new(), KG_PROTOCOL_TCP);

	chain->ends[1][KG_ROLE_SERVER].deaf = true;
	run(chain, SEC(300));
	assert_int_equal(chain->apps[KG_ROLE_CLIENT].closed, 1);
	assert_int_equal(chain->apps[KG_ROLE_CLIENT].why, KG_CLOSE_RESET);
	chain_stop(chain);
}

/* What the other leg cannot be given yet waits, and nothing else asks for it. */
static void a_message_waits_for_memory(void **state)
{
	struct chain *chain = chain_new();

	chain->ends[1][0].config.kcp.mtu = chain->ends[1][1].config.kcp.mtu = NARROW;
	chain_open(chain, KG_PROTOCOL_UDP);
	run(chain, SEC(60));
	say(chain, KG_ROLE_CLIENT, 3000);
	chain->host.pool.limit = chain->host.pool.in_use + 10; /* of 40 segments */
	run(chain, SEC(5));
	expect(&chain->apps[KG_ROLE_SERVER], 0, 0);
	chain->host.pool.limit = 100000;
	run(chain, SEC(1));
	expect(&chain->apps[KG_ROLE_SERVER], 3000, 1);
	chain_stop(chain);
}

/* The windows of four engines, twice where something waits for them; and of two channels the
 * message that is read next. */
static void a_reader_that_stands_still_stops_the_writer(void **state)
{
	struct chain *chain = chain_open(chain_new(), KG_PROTOCOL_TCP);
	struct app *writer = &chain->apps[KG_ROLE_CLIENT], *reader = &chain->apps[KG_ROLE_SERVER];
	const struct kg_kcp_params *kcp = &chain->ends[0][0].config.kcp;
	unsigned int said = 0;

	reader->slow = true;
	for (int i = 0; i < 100; i++) {
		for (; kg_channel_room(writer->ch) > 0; said++)
			say(chain, KG_ROLE_CLIENT, 1);
		run(chain, SEC(1));
	}
	assert_true(said <= 2u * (2u * kcp->snd_wnd + kcp->rcv_wnd + 1u));
	assert_int_equal(reader->messages, 0);
	reader->slow = false;
	read_all(chain, reader);
	run(chain, SEC(1));
	assert_int_equal(reader->messages, said);
	chain_stop(chain);
}

static void a_stop_delivers_and_tells_both(void **state)
{
	struct chain *chain = chain_open(chain_new(), KG_PROTOCOL_TCP);

	say(chain, KG_ROLE_CLIENT, 5000);
	carry(chain, &chain->ends[0][0], &chain->ends[0][1]);
	kg_relay_shutdown(chain->relay, chain->now_us);
	run(chain, SEC(1));
	expect(&chain->apps[KG_ROLE_SERVER], 5000, 1);
	assert_int_equal(chain->apps[KG_ROLE_SERVER].closed, 1);
	assert_int_equal(chain->apps[KG_ROLE_CLIENT].closed, 1);
	chain_stop(chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_and_ends_pass),
		cmocka_unit_test(segments_are_cut_for_the_other_leg),
		cmocka_unit_test(a_datagram_that_is_too_long_is_dropped),
		cmocka_unit_test(a_stream_with_a_hole_is_reset),
		cmocka_unit_test(a_reset_passes),
		cmocka_unit_test(a_refusal_passes_with_its_words),
		cmocka_unit_test(without_a_forwarder_clients_are_refused),
		cmocka_unit_test(a_target_passes),
		cmocka_unit_test(the_ends_do_what_both_can),
		cmocka_unit_test(silence_of_one_leg_ends_the_other),
		cmocka_unit_test(a_message_waits_for_memory),
		cmocka_unit_test(a_reader_that_stands_still_stops_the_writer),
		cmocka_unit_test(a_stop_delivers_and_tells_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
