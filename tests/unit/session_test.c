/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of channels between two sessions that behave. Abuse is in session_abuse_test.c. */
#include "session_pair.h"

#include "session/internal.h"

static void expect(const struct app *app, const char *bytes)
{
	assert_int_equal(app->got_len, strlen(bytes));
	assert_memory_equal(app->got, bytes, app->got_len);
}

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

static void everything_is_given_back(void **state)
{
	struct pair *pair = pair_start(pair_new());
	size_t client_bytes = 0, server_bytes = 0;

	/* The tables have grown after the first round; the second adds nothing. */
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 4; i++)
			pair_open(pair, i % 2 ? KG_PROTOCOL_TCP : KG_PROTOCOL_UDP);
		run(pair, SEC(1));
		for (int i = 0; i < 4; i++)
			kg_channel_finish(pair->client.apps[round * 4 + i].ch, pair->now_us);
		run(pair, SEC(60));
		assert_int_equal(pair->client.ports_out, 0);
		assert_int_equal(pair->client.pool.in_use + pair->server.pool.in_use, 0);
		if (round > 0) {
			assert_int_equal(pair->client.mem.in_use_bytes, client_bytes);
			assert_int_equal(pair->server.mem.in_use_bytes, server_bytes);
		}
		client_bytes = pair->client.mem.in_use_bytes;
		server_bytes = pair->server.mem.in_use_bytes;
	}
	assert_true(kg_twheel_next_us(pair->client.wheel) == KG_NEVER_US);
	assert_true(kg_twheel_next_us(pair->server.wheel) == KG_NEVER_US);
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
	assert_int_equal(pair->client.ports_out, 0);
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

static void a_disconnect_waits_behind_unread_data(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];

	pair->server.slow = true;
	run(pair, SEC(1));
	assert_true(app_send(&pair->client, client, "one", 3));
	assert_true(app_send(&pair->client, client, "two", 3));
	kg_channel_finish(client->ch, pair->now_us);
	run(pair, SEC(1));
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	assert_int_equal(server->readable, 1);
	assert_int_equal(server->closed, 0);
	assert_false(app_read(&pair->server, server, 2));
	assert_int_equal(server->closed, 0);
	assert_true(app_read(&pair->server, server, 1));
	assert_int_equal(server->why, KG_CLOSE_PEER);
	assert_int_equal(server->got_at_close, 6);
	pair_stop(pair);
}

static void unread_data_outlives_other_ends(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];

	pair->server.slow = pair->server.keep_closed = true;
	assert_true(app_send(&pair->client, client, "one", 3));
	assert_true(app_send(&pair->client, client, "two", 3));
	run(pair, SEC(1));
	pair->server.deaf = pair->client.deaf = true;
	run(pair, SEC(300));
	assert_int_equal(server->why, KG_CLOSE_SILENCE);
	assert_true(app_read(&pair->server, server, 3));
	expect(server, "onetwo");
	kg_channel_free(server->ch);
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

static void an_abort_tells_both_sides_at_once(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	kg_channel_abort(client->ch, pair->now_us);
	assert_int_equal(client->why, KG_CLOSE_ABORTED);
	run(pair, SEC(1));
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_PEER);
	run(pair, SEC(60));
	assert_int_equal(pair->client.ports_out, 0);
	pair_stop(pair);
}

/* The server has connected to its destination for nothing: it must hear so. */
static void an_abort_during_the_handshake_reaches_the_server(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	kg_channel_abort(client->ch, pair->now_us);
	assert_int_equal(client->why, KG_CLOSE_ABORTED);
	run(pair, SEC(2));
	assert_int_equal(client->opened, 0);
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_PEER);
	run(pair, SEC(60));
	assert_int_equal(pair->client.ports_out, 0);
	pair_stop(pair);
}

static void ending_an_unanswered_request_refuses_it(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client;

	pair->server.answer = ANSWER_LATER;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	kg_channel_abort(pair->server.apps[0].ch, pair->now_us);
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_REFUSED);
	run(pair, SEC(1));
	assert_int_equal(client->why, KG_CLOSE_REFUSED);
	pair_stop(pair);
}

static void a_finish_that_nobody_hears_ends(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	pair->server.deaf = true;
	kg_channel_finish(client->ch, pair->now_us);
	run(pair, SEC(34));
	assert_int_equal(client->closed, 0);
	run(pair, SEC(2));
	assert_int_equal(client->why, KG_CLOSE_ABORTED);
	run(pair, SEC(1));
	assert_int_equal(pair->client.ports_out, 0);
	pair_stop(pair);
}

/* A reader who pauses for minutes is not dead: nothing of what was written before is lost. */
static void a_finish_waits_for_a_slow_reader(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];

	pair->server.slow = true;
	for (int i = 0; i < 400; i++)
		assert_true(app_send(&pair->client, client, "ten bytes.", 10));
	kg_channel_finish(client->ch, pair->now_us);
	run(pair, SEC(600));
	assert_int_equal(client->closed, 0);
	pair->server.slow = false;
	app_read(&pair->server, server, UINT32_MAX);
	run(pair, SEC(30));
	assert_int_equal(server->got_len, 4000);
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	assert_int_equal(server->why, KG_CLOSE_PEER);
	pair_stop(pair);
}

/* An outage of minutes costs a finished connection nothing but time. */
static void a_finish_waits_for_data_under_way(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	pair->server.deaf = true;
	assert_true(app_send(&pair->client, client, "tail", 4));
	kg_channel_finish(client->ch, pair->now_us);
	run(pair, SEC(120));
	assert_int_equal(client->closed, 0);
	pair->server.deaf = false;
	run(pair, SEC(70));
	expect(&pair->server.apps[0], "tail");
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	pair_stop(pair);
}

/* All data has arrived, and a full window keeps the disconnect back. */
static void a_finish_waits_behind_a_closed_window(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];

	pair->server.slow = true;
	while (info_of(&pair->client, client).kcp.rmt_wnd > 0) {
		assert_true(app_send(&pair->client, client, "x", 1));
		exchange(pair);
	}
	assert_int_equal(kg_kcp_unacked(client->ch->line.kcp), 0);
	kg_channel_finish(client->ch, pair->now_us);
	pair->server.deaf = true;
	run(pair, SEC(60));
	assert_int_equal(client->closed, 0);
	pair->server.deaf = false;
	run(pair, SEC(60));
	app_read(&pair->server, server, UINT32_MAX);
	run(pair, SEC(60));
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	assert_int_equal(server->why, KG_CLOSE_PEER);
	pair_stop(pair);
}

static void both_may_finish_at_once(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];

	kg_channel_finish(client->ch, pair->now_us);
	kg_channel_finish(server->ch, pair->now_us);
	run(pair, SEC(1));
	assert_int_equal(client->closed, 1);
	assert_int_equal(server->closed, 1);
	run(pair, SEC(60));
	assert_int_equal(pair->client.ports_out, 0);
	pair_stop(pair);
}

static void a_silent_peer_is_given_up(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	pair->server.deaf = pair->client.deaf = true;
	run(pair, SEC(255 - 21));
	assert_int_equal(client->closed, 0);
	run(pair, SEC(22));
	assert_int_equal(client->why, KG_CLOSE_SILENCE);
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_SILENCE);
	assert_int_equal(pair->client.ports_out, 0);
	pair_stop(pair);
}

static void an_idle_connection_lives(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	unsigned int before = pair->logged;

	run(pair, SEC(3600));
	assert_int_equal(client->closed + pair->server.apps[0].closed, 0);
	/* At most a question and its answer with their acknowledgements every two minutes. */
	assert_true(pair->logged - before <= 30 * 2 * 4);
	pair_stop(pair);
}

static void keep_alives_are_sent_and_answered(void **state)
{
	struct pair *pair = pair_new();
	unsigned int before;

	pair->client.config.keep_alive_s = 5;
	pair_start(pair);
	pair_open_quiet(pair, KG_PROTOCOL_TCP);
	before = pair->logged;
	run(pair, SEC(50));
	assert_in_range(pair->logged - before, 10 * 2, 10 * 4);
	pair_stop(pair);
}

static void an_idle_flow_ends_without_a_word(void **state)
{
	struct pair *pair = pair_new();
	struct app *client;
	unsigned int before;

	pair->client.config.keep_alive_s = 7;
	pair->client.config.udp_timeout_s = 60;
	pair_start(pair);
	client = pair_open_quiet(pair, KG_PROTOCOL_UDP);
	run(pair, SEC(30));
	assert_true(app_send(&pair->server, &pair->server.apps[0], "x", 1));
	run(pair, SEC(59));
	assert_int_equal(client->closed, 0);
	run(pair, SEC(1) - 1000);
	before = pair->logged;
	run(pair, SEC(2));
	assert_int_equal(client->why, KG_CLOSE_IDLE);
	assert_int_equal(pair->logged, before);
	assert_int_equal(pair->client.ports_out, 0);
	run(pair, SEC(120));
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_IDLE);
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
			assert_int_equal(kg_session_owner(&data, workers), worker);
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

	in.remote.ip = pair_destination;
	for (uint16_t port = 1; port <= 1000; port++) {
		in.remote.port = port;
		owner = kg_session_owner(&in, 4);
		assert_true(owner < 4);
		assert_int_equal(kg_session_owner(&in, 4), owner);
		per_worker[owner]++;
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(per_worker[i], 150, 350);
	in.len = 3;
	assert_true(kg_session_owner(&in, 4) < 4);
}

static void the_channel_limit_holds(void **state)
{
	struct pair *pair = pair_new();
	struct app *client;

	pair->server.config.channels_max = 2;
	pair->client.config.channels_max = 3;
	pair_start(pair);
	pair_open(pair, KG_PROTOCOL_TCP);
	pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	client = pair_open(pair, KG_PROTOCOL_TCP);
	assert_null(kg_session_open(pair->client.session, KG_PROTOCOL_TCP, NULL, pair->now_us));
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 2);
	assert_true(pair->server.drops[KG_DROP_CHANNEL_LIMIT] > 0);
	/* There is room again before the client gives up. */
	kg_channel_finish(pair->client.apps[0].ch, pair->now_us);
	run(pair, SEC(20));
	assert_int_equal(client->opened, 1);
	pair_stop(pair);
}

static void lingering_gives_way_to_new_channels(void **state)
{
	struct pair *pair = pair_start(pair_new());

	pair->client.ports_max = 3;
	for (int i = 0; i < 10; i++) {
		struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

		run(pair, SEC(1));
		assert_int_equal(client->opened, 1);
		kg_channel_finish(client->ch, pair->now_us);
		run(pair, SEC(1));
		assert_int_equal(client->why, KG_CLOSE_FINISHED);
	}
	pair->client.ports_max = pair->client.ports_out;
	run(pair, SEC(100));
	pair->client.ports_max = 1;
	assert_null(kg_session_open(pair->client.session, KG_PROTOCOL_TCP, NULL, pair->now_us));
	assert_int_equal(pair->client.ports_out, 0);
	pair_stop(pair);
}

static void a_stop_tells_every_peer(void **state)
{
	struct pair *pair = pair_start(pair_new());

	for (int i = 0; i < 5; i++)
		pair_open(pair, i % 2 ? KG_PROTOCOL_TCP : KG_PROTOCOL_UDP);
	run(pair, SEC(1));
	pair->server.answer = ANSWER_LATER;
	pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	kg_session_shutdown(pair->server.session, pair->now_us);
	exchange(pair);
	assert_false(kg_session_output_pending(pair->server.session));
	for (int i = 0; i < 6; i++) {
		assert_int_equal(pair->server.apps[i].closed, 1);
		assert_int_equal(pair->client.apps[i].why,
				 i < 5 ? KG_CLOSE_PEER : KG_CLOSE_REFUSED);
	}
	pair_stop(pair);
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

static void handshake_and_channel_have_ports_of_their_own(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
	struct logged *first;

	run(pair, SEC(1));
	first = &pair->log[0];
	assert_int_not_equal(first->datagram.remote.port,
			     info_of(&pair->client, client).local.port);
	assert_int_equal(pair->client.ports_out, 2);
	run(pair, SEC(20));
	assert_int_equal(pair->client.ports_out, 1);
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

/* A datagram every four seconds: the application is silent, the flow is not. */
static void a_flow_that_drains_slowly_is_not_idle(void **state)
{
	struct pair *pair = pair_new();
	struct app *client;

	pair->client.config.udp_timeout_s = 10;
	pair->client.config.kcp.snd_wnd = 1;
	pair_start(pair);
	client = pair_open(pair, KG_PROTOCOL_UDP);
	run(pair, SEC(1));
	for (int i = 0; i < 10; i++)
		assert_true(app_send(&pair->client, client, "x", 1));
	pair->hop_us = SEC(4);
	run(pair, SEC(30));
	assert_int_equal(client->closed, 0);
	pair->hop_us = 0;
	run(pair, SEC(30));
	assert_int_equal(client->why, KG_CLOSE_IDLE);
	assert_int_equal(pair->server.apps[0].messages, 10);
	pair_stop(pair);
}

static void an_end_frees_what_nobody_will_read(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];

	pair->client.slow = true;
	for (int i = 0; i < 3; i++)
		assert_true(app_send(&pair->server, server, "unread", 6));
	exchange(pair);
	assert_int_equal(pair->client.pool.in_use, 3);
	pair->server.deaf = true;
	kg_channel_abort(client->ch, pair->now_us);
	assert_true(app_send(&pair->server, server, "late", 4));
	run(pair, SEC(1));
	/* Only the disconnect is left. */
	assert_int_equal(pair->client.pool.in_use, 1);
	pair_stop(pair);
}

/* What the other side had still under way is acknowledged, so that it stops repeating it. */
static void an_end_quietens_the_other_side(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];

	pair->client.deaf = true;
	assert_true(app_send(&pair->server, server, "lost", 4));
	exchange(pair);
	kg_channel_finish(client->ch, pair->now_us);
	pair->client.deaf = false;
	exchange(pair);
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	assert_int_equal(server->why, KG_CLOSE_PEER);
	run(pair, SEC(3));
	assert_int_equal(pair->server.pool.in_use, 0);
	pair_stop(pair);
}

/* The server repeats its answer until it hears that it arrived; the client's port waits for it. */
static void an_answer_can_be_acknowledged_late(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client;

	pair->server.answer = ANSWER_LATER;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	kg_channel_connected(pair->server.apps[0].ch, pair->now_us);
	pair->server.deaf = true;
	run(pair, SEC(15));
	assert_int_equal(client->opened, 1);
	assert_int_equal(pair->client.ports_out, 2);
	pair->server.deaf = false;
	run(pair, SEC(40));
	assert_int_equal(pair->client.ports_out, 1);
	pair_stop(pair);
}

static void bandwidths_set_the_windows(void **state)
{
	struct pair *pair = pair_new();
	struct kg_kcp_stats stats;
	struct app *client;

	pair->hop_us = 20 * KG_US_PER_MS;
	pair->client.config.outbound_Bps = 1200ull * 100 * 1000;
	pair->client.config.inbound_Bps = 1;
	pair->server.config.inbound_Bps = 1200ull * 50 * 1000;
	pair_start(pair);
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(3));
	assert_int_equal(info_of(&pair->client, client).kcp.snd_wnd, 256);
	run(pair, SEC(20));
	stats = info_of(&pair->client, client).kcp;
	/* 50 packets a millisecond for 20 ms, and a fifth more. */
	assert_in_range(stats.snd_wnd, 1200, 1380);
	assert_int_equal(stats.rcv_wnd, 32);
	assert_int_equal(kg_channel_room(client->ch), 2 * stats.snd_wnd);
	stats = info_of(&pair->server, &pair->server.apps[0]).kcp;
	assert_int_equal(stats.snd_wnd, 32);
	assert_in_range(stats.rcv_wnd, 1200, 1380);
	pair_stop(pair);
}

static void room_follows_window_and_memory(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	assert_int_equal(kg_channel_room(client->ch), 512);
	pair->server.deaf = true;
	assert_true(app_send(&pair->client, client, "x", 1));
	assert_int_equal(kg_channel_room(client->ch), 511);
	pair->client.pool.pool.fair_share = 3;
	assert_int_equal(kg_channel_room(client->ch), 2);
	pair->client.pool.pool.fair_share = 1;
	assert_int_equal(kg_channel_room(client->ch), 0);
	pair_stop(pair);
}

static void a_disconnect_waits_for_memory(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	pair->server.deaf = true;
	assert_true(app_send(&pair->client, client, "x", 1));
	pair->client.pool.limit = 0;
	kg_channel_finish(client->ch, pair->now_us);
	pair->server.deaf = false;
	run(pair, SEC(5));
	assert_int_equal(client->closed, 0);
	pair->client.pool.limit = 100;
	run(pair, SEC(1));
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_PEER);
	pair_stop(pair);
}

static void without_memory_nothing_opens(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	size_t before = pair->client.mem.in_use_bytes;

	pair->client.pool.limit = 0;
	assert_null(kg_session_open(pair->client.session, KG_PROTOCOL_TCP, NULL, pair->now_us));
	assert_int_equal(pair->client.mem.in_use_bytes, before);
	assert_int_equal(pair->client.ports_out, 1);
	assert_false(app_send(&pair->client, client, "x", 1));
	pair->client.pool.limit = 100;
	assert_true(app_send(&pair->client, client, "x", 1));
	run(pair, SEC(1));
	expect(&pair->server.apps[0], "x");
	pair_stop(pair);
}

static void a_used_up_sn_space_ends_the_channel(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	client->ch->segments = UINT32_MAX - (1u << 20) - 1;
	assert_true(app_send(&pair->client, client, "last", 4));
	assert_false(app_send(&pair->client, client, "more", 4));
	run(pair, SEC(1));
	expect(&pair->server.apps[0], "last");
	assert_int_equal(client->why, KG_CLOSE_EXHAUSTED);
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_PEER);
	pair_stop(pair);
}

static void ready_channels_take_turns(void **state)
{
	static const char payload[PAIR_MTU - 25];
	struct pair *pair = pair_start(pair_new());
	uint8_t bytes[PAIR_MTU];
	struct kg_datagram out = { .data = bytes };
	uint16_t ports[6];

	for (int i = 0; i < 3; i++)
		pair_open_quiet(pair, KG_PROTOCOL_TCP);
	for (int i = 0; i < 12; i++)
		assert_true(app_send(&pair->client, &pair->client.apps[i / 4], payload,
				     sizeof(payload)));
	for (int i = 0; i < 6; i++) {
		assert_true(kg_session_output(pair->client.session, &out, pair->now_us));
		ports[i] = out.local.port;
		assert_int_equal(ports[i], ports[i % 3]);
	}
	assert_true(ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2]);
	pair_stop(pair);
}

static void an_idle_channel_is_small(void **state)
{
	struct pair *pair = pair_start(pair_new());
	size_t client_bytes, server_bytes;

	pair_open_quiet(pair, KG_PROTOCOL_TCP);
	client_bytes = pair->client.mem.in_use_bytes;
	server_bytes = pair->server.mem.in_use_bytes;
	pair_open_quiet(pair, KG_PROTOCOL_TCP);
	client_bytes = pair->client.mem.in_use_bytes - client_bytes;
	server_bytes = pair->server.mem.in_use_bytes - server_bytes;
	print_message("an idle channel holds %zu bytes (client), %zu (server)\n", client_bytes,
		      server_bytes);
	assert_true(client_bytes <= 1024 && server_bytes <= 1024);
	pair_stop(pair);
}

static void channels_can_be_walked(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct kg_channel *ch = NULL;

	assert_null(kg_session_next_channel(pair->client.session, NULL));
	for (int i = 0; i < 3; i++)
		pair_open(pair, KG_PROTOCOL_TCP);
	for (int i = 0; i < 3; i++) {
		ch = kg_session_next_channel(pair->client.session, ch);
		assert_ptr_equal(ch, pair->client.apps[i].ch);
		assert_ptr_equal(kg_channel_session(ch), pair->client.session);
	}
	assert_null(kg_session_next_channel(pair->client.session, ch));
	pair_stop(pair);
}

static void names_are_known(void **state)
{
	for (int i = KG_CHANNEL_HANDSHAKE; i <= KG_CHANNEL_CLOSED; i++)
		assert_non_null(kg_channel_state_name(i));
	for (int i = KG_CLOSE_FINISHED; i <= KG_CLOSE_EXHAUSTED; i++)
		assert_non_null(kg_close_name(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_flows_both_ways_and_ends),
		cmocka_unit_test(what_was_queued_before_the_answer_arrives),
		cmocka_unit_test(everything_is_given_back),
		cmocka_unit_test(a_refusal_brings_its_reason),
		cmocka_unit_test(a_late_answer_is_in_time),
		cmocka_unit_test(no_answer_is_one_too),
		cmocka_unit_test(a_server_that_is_not_there),
		cmocka_unit_test(a_lost_answer_is_repeated),
		cmocka_unit_test(a_server_may_speak_first),
		cmocka_unit_test(datagrams_keep_their_boundaries),
		cmocka_unit_test(a_disconnect_waits_behind_unread_data),
		cmocka_unit_test(unread_data_outlives_other_ends),
		cmocka_unit_test(readable_is_told_again_after_nothing_was_left),
		cmocka_unit_test(an_abort_tells_both_sides_at_once),
		cmocka_unit_test(an_abort_during_the_handshake_reaches_the_server),
		cmocka_unit_test(ending_an_unanswered_request_refuses_it),
		cmocka_unit_test(a_finish_that_nobody_hears_ends),
		cmocka_unit_test(a_finish_waits_for_a_slow_reader),
		cmocka_unit_test(a_finish_waits_for_data_under_way),
		cmocka_unit_test(a_finish_waits_behind_a_closed_window),
		cmocka_unit_test(both_may_finish_at_once),
		cmocka_unit_test(a_silent_peer_is_given_up),
		cmocka_unit_test(an_idle_connection_lives),
		cmocka_unit_test(keep_alives_are_sent_and_answered),
		cmocka_unit_test(an_idle_flow_ends_without_a_word),
		cmocka_unit_test(uids_belong_to_their_worker),
		cmocka_unit_test(handshakes_belong_to_their_source),
		cmocka_unit_test(the_channel_limit_holds),
		cmocka_unit_test(lingering_gives_way_to_new_channels),
		cmocka_unit_test(a_stop_tells_every_peer),
		cmocka_unit_test(ports_of_the_answer_are_used),
		cmocka_unit_test(handshake_and_channel_have_ports_of_their_own),
		cmocka_unit_test(control_messages_do_not_hold_up_data),
		cmocka_unit_test(a_flow_that_drains_slowly_is_not_idle),
		cmocka_unit_test(an_end_frees_what_nobody_will_read),
		cmocka_unit_test(an_end_quietens_the_other_side),
		cmocka_unit_test(an_answer_can_be_acknowledged_late),
		cmocka_unit_test(bandwidths_set_the_windows),
		cmocka_unit_test(room_follows_window_and_memory),
		cmocka_unit_test(a_disconnect_waits_for_memory),
		cmocka_unit_test(without_memory_nothing_opens),
		cmocka_unit_test(a_used_up_sn_space_ends_the_channel),
		cmocka_unit_test(ready_channels_take_turns),
		cmocka_unit_test(an_idle_channel_is_small),
		cmocka_unit_test(channels_can_be_walked),
		cmocka_unit_test(names_are_known),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
