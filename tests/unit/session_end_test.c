/* SPDX-License-Identifier: BSD-3-Clause */
/* All the ways in which a channel ends, or must not. */
#include "session_pair.h"

#include "session/internal.h"

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

static void an_abort_tells_both_sides_at_once(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	kg_channel_abort(client->ch, pair->now_us);
	assert_int_equal(client->why, KG_CLOSE_ABORTED);
	run(pair, SEC(1));
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_PEER);
	run(pair, SEC(60));
	assert_int_equal(pair->client.host.ports_out, 0);
	pair_stop(pair);
}

/* What a window has no room for nobody waits for; but all that came before an end in order counts.
 */
static void an_abort_sends_no_more(bool after_the_end)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];
	uint32_t wnd = info_of(&pair->client, client).kcp.snd_wnd;

	for (int i = 0; i < 400; i++)
		assert_true(app_send(&pair->client, client, "ten bytes.", 10));
	if (after_the_end)
		kg_channel_finish(client->ch, pair->now_us);
	kg_channel_abort(client->ch, pair->now_us);
	run(pair, SEC(1));
	assert_int_equal(server->closed, 1);
	assert_int_equal(server->got_len, after_the_end ? 4000 : 10 * wnd);
	pair_stop(pair);
}

static void an_abort_costs_only_what_has_no_end(void **state)
{
	an_abort_sends_no_more(false);
	an_abort_sends_no_more(true);
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
	assert_int_equal(pair->client.host.ports_out, 0);
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
	assert_int_equal(pair->client.host.ports_out, 0);
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
		run(pair, KG_US_PER_MS);
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
	assert_int_equal(pair->client.host.ports_out, 0);
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
	assert_int_equal(pair->client.host.ports_out, 0);
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
	assert_true(pair->logged - before <= pair_bodies_max(30 * 2 * 4));
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
	assert_in_range(pair->logged - before, 10 * 2, pair_bodies_max(10 * 4));
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
	assert_int_equal(pair->client.host.ports_out, 0);
	run(pair, SEC(120));
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_IDLE);
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
	assert_false(kg_session_is_quiet(pair->server.session));
	exchange(pair);
	assert_true(kg_session_is_quiet(pair->server.session));
	assert_false(kg_session_output_pending(pair->server.session));
	for (int i = 0; i < 6; i++) {
		assert_int_equal(pair->server.apps[i].closed, 1);
		assert_int_equal(pair->client.apps[i].why,
				 i < 5 ? KG_CLOSE_PEER : KG_CLOSE_REFUSED);
	}
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
	assert_int_equal(pair->client.host.pool.in_use, 3);
	pair->server.deaf = true;
	kg_channel_abort(client->ch, pair->now_us);
	assert_true(app_send(&pair->server, server, "late", 4));
	run(pair, SEC(1));
	/* Only the disconnect is left. */
	assert_int_equal(pair->client.host.pool.in_use, 1);
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
	assert_int_equal(pair->server.host.pool.in_use, 0);
	pair_stop(pair);
}

static void a_disconnect_waits_for_memory(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	pair->server.deaf = true;
	assert_true(app_send(&pair->client, client, "x", 1));
	pair->client.host.pool.limit = 0;
	kg_channel_finish(client->ch, pair->now_us);
	pair->server.deaf = false;
	run(pair, SEC(5));
	assert_int_equal(client->closed, 0);
	pair->client.host.pool.limit = 100;
	run(pair, SEC(1));
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_PEER);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_disconnect_waits_behind_unread_data),
		cmocka_unit_test(unread_data_outlives_other_ends),
		cmocka_unit_test(an_abort_tells_both_sides_at_once),
		cmocka_unit_test(an_abort_costs_only_what_has_no_end),
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
		cmocka_unit_test(a_stop_tells_every_peer),
		cmocka_unit_test(a_flow_that_drains_slowly_is_not_idle),
		cmocka_unit_test(an_end_frees_what_nobody_will_read),
		cmocka_unit_test(an_end_quietens_the_other_side),
		cmocka_unit_test(a_disconnect_waits_for_memory),
		cmocka_unit_test(a_used_up_sn_space_ends_the_channel),
	};

	return cmocka_run_group_tests_name("session_end", tests, NULL, NULL);
}
