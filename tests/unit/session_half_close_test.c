/* SPDX-License-Identifier: BSD-3-Clause */
/* One direction ends before the other: between two boxes, and towards an original. */
#include "session/internal.h"
#include "session_pair.h"

#define ANSWER_WAIT_S 10

/* Two ends that know half-close, or of which one does not. */
static struct pair *start(uint32_t clients, uint32_t servers)
{
	struct pair *pair = pair_new();

	pair->client.config.capabilities = clients;
	pair->server.config.capabilities = servers;
	pair->client.config.answer_wait_s = ANSWER_WAIT_S;
	return pair_start(pair);
}

static struct pair *start_both(void)
{
	return start(KG_CAPABILITY_HALF_CLOSE, KG_CAPABILITY_HALF_CLOSE);
}

static void the_answer_comes_after_the_question_has_ended(void **state)
{
	struct pair *pair = start_both();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];

	assert_true(app_send(&pair->client, client, "question", 8));
	kg_channel_finish(client->ch, pair->now_us);
	run(pair, SEC(1));
	expect(server, "question");
	assert_int_equal(server->finished, 1);
	assert_false(app_send(&pair->client, client, "more", 4));
	assert_int_equal(server->closed + client->closed, 0);

	run(pair, SEC(600));
	assert_true(app_send(&pair->server, server, "answer", 6));
	kg_channel_finish(server->ch, pair->now_us);
	run(pair, SEC(1));
	expect(client, "answer");
	assert_int_equal(client->finished, 1);
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	assert_int_equal(server->why, KG_CLOSE_FINISHED);
	run(pair, SEC(60));
	assert_int_equal(pair->client.host.ports_out, 0);
	pair_stop(pair);
}

static void either_side_may_end_first(void **state)
{
	struct pair *pair = start_both();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP),
		   *server = &pair->server.apps[0];

	kg_channel_finish(server->ch, pair->now_us);
	run(pair, SEC(1));
	assert_int_equal(client->finished, 1);
	assert_int_equal(client->closed, 0);
	assert_true(app_send(&pair->client, client, "still here", 10));
	kg_channel_finish(client->ch, pair->now_us);
	run(pair, SEC(1));
	expect(server, "still here");
	assert_int_equal(server->why, KG_CLOSE_FINISHED);
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	pair_stop(pair);
}

static void ends_that_cross_close_once(void **state)
{
	struct pair *pair = start_both();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP),
		   *server = &pair->server.apps[0];

	kg_channel_finish(client->ch, pair->now_us);
	kg_channel_finish(server->ch, pair->now_us);
	run(pair, SEC(1));
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	assert_int_equal(server->why, KG_CLOSE_FINISHED);
	assert_int_equal(client->closed + server->closed, 2);
	pair_stop(pair);
}

static void an_end_waits_behind_unread_data(void **state)
{
	struct pair *pair = start_both();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP),
		   *server = &pair->server.apps[0];

	pair->server.slow = true;
	assert_true(app_send(&pair->client, client, "one", 3));
	assert_true(app_send(&pair->client, client, "two", 3));
	kg_channel_finish(client->ch, pair->now_us);
	run(pair, SEC(1));
	assert_false(app_read(&pair->server, server, 2));
	assert_int_equal(server->finished, 0);
	assert_true(app_read(&pair->server, server, 1));
	assert_int_equal(server->finished, 1);
	pair_stop(pair);
}

/* As no box says it: the engine takes what the channel would not. */
static void what_comes_behind_an_end_is_dropped(void **state)
{
	struct pair *pair = start_both();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];
	struct kg_buf *late = kg_buf_chain_copy(&pair->client.host.pool.pool, "\x25late", 5, 5, 5);

	run(pair, SEC(1));
	kg_channel_finish(client->ch, pair->now_us);
	assert_true(kg_kcp_send(client->ch->line.kcp, late, pair->now_us));
	run(pair, SEC(1));
	assert_int_equal(server->finished, 1);
	expect(server, "");
	assert_int_equal(stats_of(&pair->server).messages_dropped, 1);
	assert_true(app_send(&pair->server, server, "answer", 6));
	run(pair, SEC(1));
	expect(client, "answer");
	pair_stop(pair);
}

static void an_abort_still_ends_everything(void **state)
{
	struct pair *pair = start_both();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP),
		   *server = &pair->server.apps[0];

	kg_channel_finish(client->ch, pair->now_us);
	run(pair, SEC(1));
	kg_channel_abort(client->ch, pair->now_us);
	assert_int_equal(client->why, KG_CLOSE_ABORTED);
	run(pair, SEC(1));
	assert_int_equal(server->why, KG_CLOSE_RESET);
	pair_stop(pair);
}

/* A peer that has gone is found out in a half-closed channel too. */
static void a_half_closed_channel_does_not_live_for_ever(void **state)
{
	struct pair *pair = start_both();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	kg_channel_finish(client->ch, pair->now_us);
	run(pair, SEC(1));
	pair->server.deaf = pair->client.deaf = true;
	run(pair, SEC(300));
	assert_int_equal(client->why, KG_CLOSE_SILENCE);
	pair_stop(pair);
}

static void an_originals_answer_is_waited_for(void **state)
{
	struct pair *pair = start(KG_CAPABILITY_HALF_CLOSE, 0);
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];

	assert_true(app_send(&pair->client, client, "question", 8));
	kg_channel_finish(client->ch, pair->now_us);
	for (int i = 0; i < 5; i++) {
		run(pair, SEC(ANSWER_WAIT_S - 1));
		assert_true(app_send(&pair->server, server, "answer", 6));
	}
	kg_channel_finish(server->ch, pair->now_us);
	run(pair, SEC(1));
	assert_int_equal(client->got_len, 30);
	assert_int_equal(client->why, KG_CLOSE_PEER);
	assert_int_equal(server->finished + client->finished, 0);
	pair_stop(pair);
}

static void but_not_for_ever(void **state)
{
	struct pair *pair = start(KG_CAPABILITY_HALF_CLOSE, 0);
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP),
		   *server = &pair->server.apps[0];

	kg_channel_finish(client->ch, pair->now_us);
	run(pair, SEC(ANSWER_WAIT_S - 1));
	assert_int_equal(server->closed, 0);
	run(pair, SEC(2));
	assert_int_equal(server->why, KG_CLOSE_PEER);
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	pair_stop(pair);
}

/* What an application sees of a server's end is the end of the answer. */
static void a_servers_end_is_told_an_original_at_once(void **state)
{
	struct pair *pair = start(0, KG_CAPABILITY_HALF_CLOSE);
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP),
		   *server = &pair->server.apps[0];

	kg_channel_finish(server->ch, pair->now_us);
	run(pair, SEC(1));
	assert_int_equal(client->why, KG_CLOSE_PEER);
	assert_int_equal(server->why, KG_CLOSE_FINISHED);
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_comes_after_the_question_has_ended),
		cmocka_unit_test(either_side_may_end_first),
		cmocka_unit_test(ends_that_cross_close_once),
		cmocka_unit_test(an_end_waits_behind_unread_data),
		cmocka_unit_test(what_comes_behind_an_end_is_dropped),
		cmocka_unit_test(an_abort_still_ends_everything),
		cmocka_unit_test(a_half_closed_channel_does_not_live_for_ever),
		cmocka_unit_test(an_originals_answer_is_waited_for),
		cmocka_unit_test(but_not_for_ever),
		cmocka_unit_test(a_servers_end_is_told_an_original_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
