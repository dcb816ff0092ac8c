/* SPDX-License-Identifier: BSD-3-Clause */
/* A client, a relay and a server on perfect wires: what passes, and what becomes of the rest. */
#include "relay_chain.h"

#include "session/internal.h"

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

static void empty_datagrams_pass(void **state)
{
	struct chain *chain = chain_open(chain_new(), KG_PROTOCOL_UDP);

	say(chain, KG_ROLE_CLIENT, 0);
	say(chain, KG_ROLE_CLIENT, 0);
	run(chain, SEC(1));
	expect(&chain->apps[KG_ROLE_SERVER], 0, 2);
	say(chain, KG_ROLE_SERVER, 0);
	run(chain, SEC(1));
	expect(&chain->apps[KG_ROLE_CLIENT], 0, 1);
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

/* It can never be passed on: nobody tries again and again. */
static void what_comes_behind_an_end_keeps_nobody_busy(void **state)
{
	struct chain *chain = chain_open(chain_new(), KG_PROTOCOL_TCP);
	struct kg_channel *client = chain->apps[KG_ROLE_CLIENT].ch;
	struct kg_buf *late = kg_buf_chain_copy(&chain->host.pool.pool, "\x25late", 5, 5, 5);
	uint64_t end_us;
	unsigned int turns = 0;

	kg_channel_finish(client, chain->now_us);
	run(chain, SEC(1));
	assert_true(kg_kcp_send(client->line.kcp, late, chain->now_us));
	kg_line_touch(&client->line, chain->now_us);
	run(chain, SEC(1));
	assert_int_equal(chain->apps[KG_ROLE_SERVER].finished, 1);
	for (end_us = chain->now_us + SEC(60); chain->now_us < end_us; turns++) {
		pair_pass(&chain->now_us, end_us, chain->host.wheel, chain->host.wheel);
		exchange(chain);
	}
	assert_true(turns < 100);
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
		cmocka_unit_test(empty_datagrams_pass),
		cmocka_unit_test(a_datagram_that_is_too_long_is_dropped),
		cmocka_unit_test(a_stream_with_a_hole_is_reset),
		cmocka_unit_test(a_reset_passes),
		cmocka_unit_test(a_refusal_passes_with_its_words),
		cmocka_unit_test(without_a_forwarder_clients_are_refused),
		cmocka_unit_test(a_target_passes),
		cmocka_unit_test(the_ends_do_what_both_can),
		cmocka_unit_test(silence_of_one_leg_ends_the_other),
		cmocka_unit_test(a_message_waits_for_memory),
		cmocka_unit_test(what_comes_behind_an_end_keeps_nobody_busy),
		cmocka_unit_test(a_reader_that_stands_still_stops_the_writer),
		cmocka_unit_test(a_stop_delivers_and_tells_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
