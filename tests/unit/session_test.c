/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening channels, and data through them. */
#include "session_pair.h"

#include "session/internal.h"

static void data_flows_both_ways_and_ends(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];

	run(pair, SEC(1));
	assert_int_equal(client->opened, 1);
	assert_int_equal(kg_channel_protocol(server->ch), KG_PROTOCOL_TCP);
	assert_true(app_send(&pair->client, client, "question", 8));
	assert_true(app_send(&pair->server, server, "answer", 6));
	run(pair, SEC(1));
	expect(server, "question");
	expect(client, "answer");
	assert_true(client->acked > 0);

	kg_channel_finish(client->ch, pair->now_us);
	assert_false(app_send(&pair->client, client, "more", 4));
	run(pair, SEC(1));
	assert_int_equal(client->closed, 1);
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	assert_int_equal(server->closed, 1);
	assert_int_equal(server->why, KG_CLOSE_PEER);
	assert_int_equal(stats_of(&pair->client).channels, 0);
	assert_int_equal(stats_of(&pair->server).closed_by[KG_CLOSE_PEER], 1);
	pair_stop(pair);
}

static void what_was_queued_before_the_answer_arrives(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	assert_true(app_send(&pair->client, client, "early", 5));
	kg_channel_finish(client->ch, pair->now_us);
	assert_int_equal(info_of(&pair->client, client).state, KG_CHANNEL_HANDSHAKE);
	run(pair, SEC(1));
	expect(&pair->server.apps[0], "early");
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_PEER);
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	pair_stop(pair);
}

static void a_refusal_brings_its_reason(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client;

	pair->server.answer = ANSWER_REFUSE;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	assert_int_equal(client->opened, 0);
	assert_int_equal(client->why, KG_CLOSE_REFUSED);
	assert_string_equal(client->text, "connection refused");
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_REFUSED);
	assert_int_equal(stats_of(&pair->client).handshakes_failed, 1);
	pair_stop(pair);
}

static void a_late_answer_is_in_time(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client;

	pair->server.answer = ANSWER_LATER;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(29));
	assert_int_equal(client->opened + client->closed, 0);
	kg_channel_connected(pair->server.apps[0].ch, pair->now_us);
	run(pair, SEC(1) / 2);
	assert_int_equal(client->opened, 1);
	assert_true(app_send(&pair->client, client, "hello", 5));
	run(pair, SEC(1));
	expect(&pair->server.apps[0], "hello");
	pair_stop(pair);
}

static void no_answer_is_one_too(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client;

	pair->server.answer = ANSWER_LATER;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(31));
	assert_int_equal(client->why, KG_CLOSE_HANDSHAKE);
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_HANDSHAKE);
	assert_int_equal(pair->client.host.ports_out, 0);
	pair_stop(pair);
}

static void a_server_that_is_not_there(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client;

	pair->server.deaf = true;
	client = pair_open(pair, KG_PROTOCOL_UDP);
	run(pair, SEC(30) - 1);
	assert_int_equal(client->closed, 0);
	run(pair, 2000);
	assert_int_equal(client->why, KG_CLOSE_HANDSHAKE);
	assert_true(pair->logged > 5);
	pair_stop(pair);
}

static void a_lost_answer_is_repeated(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	pair->client.deaf = true;
	run(pair, SEC(3));
	pair->client.deaf = false;
	run(pair, SEC(10));
	assert_int_equal(client->opened, 1);
	assert_int_equal(pair->server.app_count, 1);
	pair_stop(pair);
}

static void a_server_may_speak_first(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client;

	pair->server.banner = "220 ready";
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	expect(client, "220 ready");
	pair_stop(pair);
}

static void datagrams_keep_their_boundaries(void **state)
{
	static const char big[5000] = { 1 };
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	struct app *server = &pair->server.apps[0];

	assert_true(app_send(&pair->client, client, "", 0));
	assert_true(app_send(&pair->client, client, "x", 1));
	assert_true(app_send(&pair->client, client, big, sizeof(big)));
	run(pair, SEC(1));
	assert_int_equal(server->messages, 3);
	assert_int_equal(server->got_len, 1 + sizeof(big));
	pair_stop(pair);
}

static void readable_is_told_again_after_nothing_was_left(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];

	pair->server.slow = true;
	for (int i = 0; i < 3; i++) {
		assert_true(app_send(&pair->client, client, "x", 1));
		run(pair, SEC(1));
	}
	assert_int_equal(server->readable, 1);
	assert_false(app_read(&pair->server, server, 3));
	assert_true(app_send(&pair->client, client, "x", 1));
	run(pair, SEC(1));
	assert_int_equal(server->readable, 1);
	assert_true(app_read(&pair->server, server, 2));
	assert_true(app_send(&pair->client, client, "x", 1));
	run(pair, SEC(1));
	assert_int_equal(server->readable, 2);
	pair_stop(pair);
}

static void uids_belong_to_their_worker(void **state)
{
	for (uint16_t workers = 1; workers <= 7; workers++) {
		uint16_t worker = workers / 2;
		struct pair *pair = pair_new();
		struct kg_datagram data;

		pair->server.config.workers = workers;
		pair->server.config.worker = worker;
		pair_start(pair);
		for (int i = 0; i < 8; i++) {
			struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
			uint32_t conv;

			run(pair, SEC(1));
			conv = info_of(&pair->client, client).conv;
			assert_true(conv >= 32 && conv <= UINT32_MAX - 1);
			assert_int_equal(conv % workers, worker);
			data = latest(pair, true, 0)->datagram;
			assert_int_equal(
				kg_session_owner(false, pair->server.config.fec, &data, workers),
				worker);
		}
		pair_stop(pair);
	}
}

static void handshakes_belong_to_their_source(void **state)
{
	uint8_t bytes[24] = { 0 };
	struct kg_datagram in = { .data = bytes, .len = sizeof(bytes) };
	unsigned int per_worker[4] = { 0 };
	uint16_t owner;

	in.remote.ip = pair_addresses[KG_ROLE_SERVER];
	for (uint16_t port = 1; port <= 1000; port++) {
		in.remote.port = port;
		owner = kg_session_owner(false, NULL, &in, 4);
		assert_true(owner < 4);
		assert_int_equal(kg_session_owner(false, NULL, &in, 4), owner);
		per_worker[owner]++;
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(per_worker[i], 150, 350);
	in.len = 3;
	assert_true(kg_session_owner(false, NULL, &in, 4) < 4);
}

static void ports_of_the_answer_are_used(void **state)
{
	static const struct kg_port_range own[] = { { 3000, 3001 }, { 3005, 3005 } };
	static const struct {
		struct kg_port_range announced;
		bool one;
		uint16_t first, last;
	} cases[] = {
		{ { 3000, 3010 }, false, 3000, 3010 }, { { 0, 0 }, false, 3000, 3005 },
		{ { 3010, 3000 }, false, 3000, 3005 }, { { 4000, 4010 }, true, 3005, 3005 },
		{ { 4000, 4000 }, false, 4000, 4000 },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		struct pair *pair = pair_new();

		pair->client.config.destination_ports = cases[i].one ? &own[1] : own;
		pair->client.config.destination_port_count = cases[i].one ? 1 : 2;
		pair->server.config.announce_first = cases[i].announced.first;
		pair->server.config.announce_last = cases[i].announced.last;
		pair_start(pair);
		for (int j = 0; j < 8; j++) {
			struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
			uint16_t port;

			run(pair, SEC(1));
			port = info_of(&pair->client, client).remote.port;
			assert_in_range(port, cases[i].first, cases[i].last);
			assert_true(cases[i].last != 3005 || port < 3002 || port == 3005);
		}
		pair_stop(pair);
	}
}

/* How many requests leave in 150 ms without an answer. */
static unsigned int requests_unheard(struct pair *pair)
{
	unsigned int before;

	run(pair, SEC(20)); /* what was open says no more */
	before = pair->logged;
	pair->server.deaf = true;
	pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, 150 * KG_US_PER_MS);
	pair->server.deaf = false;
	return pair->logged - before;
}

static void a_lost_request_is_repeated_as_soon_as_the_server_is_near(void **state)
{
	static const struct {
		unsigned int hop_ms, first, later;
	} cases[] = { { 20, 1, 2 }, { 100, 1, 1 } };

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		struct pair *pair = pair_start(pair_new());

		pair->hop_us = cases[i].hop_ms * KG_US_PER_MS;
		assert_int_equal(requests_unheard(pair), cases[i].first);
		run(pair, SEC(2));
		assert_int_equal(requests_unheard(pair), cases[i].later);
		run(pair, SEC(2));
		pair_stop(pair);
	}
}

static void handshake_and_channel_have_ports_of_their_own(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
	struct logged *first;

	run(pair, SEC(1));
	first = &pair->log[0];
	assert_int_not_equal(first->datagram.remote.port,
			     info_of(&pair->client, client).local.port);
	assert_int_equal(pair->client.host.ports_out, 2);
	run(pair, SEC(20));
	assert_int_equal(pair->client.host.ports_out, 1);
	pair_stop(pair);
}

static void control_messages_do_not_hold_up_data(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];

	pair->server.slow = true;
	assert_true(app_send(&pair->client, client, "x", 1));
	kg_channel_say(client->ch, KG_FEATURE_KEEP_ALIVE, pair->now_us);
	assert_true(app_send(&pair->client, client, "y", 1));
	exchange(pair);
	assert_false(app_read(&pair->server, server, 2));
	expect(server, "xy");
	pair_stop(pair);
}

/* The acknowledgement of an answer is lost: nobody misses it. */
static void an_answer_is_acknowledged_by_what_follows(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client;

	pair->server.answer = ANSWER_LATER;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	kg_channel_connected(pair->server.apps[0].ch, pair->now_us);
	pair->server.deaf = true;
	run(pair, SEC(1) / 2);
	assert_int_equal(client->opened, 1);
	assert_int_equal(pair->client.host.ports_out, 2);
	pair->server.deaf = false;
	assert_true(app_send(&pair->client, client, "x", 1));
	run(pair, SEC(1));
	assert_true(pair->server.apps[0].ch->handshake->settled);
	run(pair, SEC(9));
	assert_int_equal(pair->client.host.ports_out, 1);
	assert_null(pair->server.apps[0].ch->handshake);
	pair_stop(pair);
}

/* Whoever goes during the walk is passed over, whoever comes is met. */
static void channels_can_be_toured(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct kg_session *s = pair->client.session;
	struct app *apps = pair->client.apps;

	assert_null(kg_session_tour_next(s));
	for (int i = 0; i < 4; i++)
		pair_open(pair, KG_PROTOCOL_TCP);
	kg_session_tour_begin(s);
	assert_ptr_equal(kg_session_tour_next(s), apps[0].ch);
	kg_channel_abort(apps[0].ch, pair->now_us);
	kg_channel_abort(apps[1].ch, pair->now_us);
	assert_ptr_equal(kg_session_tour_next(s), apps[2].ch);
	pair_open(pair, KG_PROTOCOL_TCP);
	assert_ptr_equal(kg_session_tour_next(s), apps[3].ch);
	assert_ptr_equal(kg_session_tour_next(s), apps[4].ch);
	assert_null(kg_session_tour_next(s));
	kg_session_tour_begin(s);
	assert_ptr_equal(kg_session_tour_next(s), apps[2].ch);
	pair_stop(pair);
}

static void names_are_known(void **state)
{
	for (int i = KG_CHANNEL_HANDSHAKE; i <= KG_CHANNEL_CLOSED; i++)
		assert_non_null(kg_channel_state_name(i));
	for (int i = KG_CLOSE_FINISHED; i < KG_CLOSE_COUNT; i++)
		assert_non_null(kg_close_name(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_flows_both_ways_and_ends),
		cmocka_unit_test(what_was_queued_before_the_answer_arrives),
		cmocka_unit_test(a_refusal_brings_its_reason),
		cmocka_unit_test(a_late_answer_is_in_time),
		cmocka_unit_test(no_answer_is_one_too),
		cmocka_unit_test(a_server_that_is_not_there),
		cmocka_unit_test(a_lost_answer_is_repeated),
		cmocka_unit_test(a_server_may_speak_first),
		cmocka_unit_test(datagrams_keep_their_boundaries),
		cmocka_unit_test(readable_is_told_again_after_nothing_was_left),
		cmocka_unit_test(uids_belong_to_their_worker),
		cmocka_unit_test(handshakes_belong_to_their_source),
		cmocka_unit_test(ports_of_the_answer_are_used),
		cmocka_unit_test(a_lost_request_is_repeated_as_soon_as_the_server_is_near),
		cmocka_unit_test(handshake_and_channel_have_ports_of_their_own),
		cmocka_unit_test(control_messages_do_not_hold_up_data),
		cmocka_unit_test(an_answer_is_acknowledged_by_what_follows),
		cmocka_unit_test(channels_can_be_toured),
		cmocka_unit_test(names_are_known),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
