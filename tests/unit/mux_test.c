/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams on mux channels: their data, their ends, and what they do to each other. */
#include "mux_pair.h"

static struct pair *start(void)
{
	struct pair *pair = pair_start(pair_new());

	run(pair, SEC(1));
	return pair;
}

static struct pair *start_as_original(void)
{
	struct pair *pair = pair_new();

	pair_as_original(pair);
	pair_start(pair);
	run(pair, SEC(1));
	return pair;
}

static void data_goes_both_ways(void **state)
{
	struct pair *pair = start();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];

	assert_int_equal(client->opened, 1);
	assert_true(app_send(&pair->client, client, "question", 8));
	run(pair, SEC(1));
	assert_int_equal(server->protocol, KG_PROTOCOL_TCP);
	expect(server, "question");
	assert_true(app_send(&pair->server, server, "answer", 6));
	run(pair, SEC(1));
	expect(client, "answer");
	assert_int_equal(stats_of(&pair->client).streams, 1);
	assert_int_equal(stats_of(&pair->client).muxes, 1);
	assert_int_equal(stats_of(&pair->server).muxes, 1);
	pair_stop(pair);
}

/* What is sent before there is a channel waits for it. */
static void a_stream_waits_for_a_channel(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	assert_int_equal(client->opened, 0);
	assert_true(app_send(&pair->client, client, "early", 5));
	run(pair, SEC(1));
	assert_int_equal(client->opened, 1);
	expect(&pair->server.apps[0], "early");
	pair_stop(pair);
}

static void waiting_has_an_end(void **state)
{
	struct pair *pair = pair_new();
	struct app *client;

	pair->server.deaf = true;
	pair_start(pair);
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(31));
	assert_int_equal(client->why, KG_CLOSE_HANDSHAKE);
	pair_stop(pair);
}

/* Such as ssh's: the client's application says nothing at first. */
static void the_server_may_speak_first(void **state)
{
	struct pair *pair = start();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 1);
	assert_true(app_send(&pair->server, &pair->server.apps[0], "welcome", 7));
	run(pair, SEC(1));
	expect(client, "welcome");
	pair_stop(pair);
}

static void datagrams_keep_their_boundaries(void **state)
{
	struct pair *pair = start();
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP), *server = &pair->server.apps[0];
	char large[5000];

	memset(large, 'x', sizeof(large));
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 0);
	assert_true(app_send(&pair->client, client, "one", 3));
	assert_true(app_send(&pair->client, client, "", 0));
	assert_true(app_send(&pair->client, client, large, sizeof(large)));
	run(pair, SEC(1));
	assert_int_equal(server->protocol, KG_PROTOCOL_UDP);
	assert_int_equal(server->messages, 3);
	assert_int_equal(server->got_len, 3 + sizeof(large));
	pair_stop(pair);
}

static void half_closes_as_on_a_channel_of_its_own(void **state)
{
	struct pair *pair = start();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];

	assert_true(app_send(&pair->client, client, "question", 8));
	app_finish(&pair->client, client);
	assert_false(app_send(&pair->client, client, "more", 4));
	run(pair, SEC(600));
	expect(server, "question");
	assert_int_equal(server->finished, 1);
	assert_int_equal(server->closed + client->closed, 0);
	assert_true(app_send(&pair->server, server, "answer", 6));
	app_finish(&pair->server, server);
	run(pair, SEC(1));
	expect(client, "answer");
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	assert_int_equal(server->why, KG_CLOSE_FINISHED);
	run(pair, SEC(70));
	assert_int_equal(stats_of(&pair->server).streams, 0);
	assert_int_equal(messages_dropped_of(&pair->server), 0);
	pair_stop(pair);
}

static void an_end_waits_behind_unread_data(void **state)
{
	struct pair *pair = start();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];

	pair->server.slow = true;
	assert_true(app_send(&pair->client, client, "one", 3));
	assert_true(app_send(&pair->client, client, "two", 3));
	app_finish(&pair->client, client);
	run(pair, SEC(1));
	assert_int_equal(server->readable, 1);
	assert_false(app_read(&pair->server, server, 2));
	assert_int_equal(server->finished, 0);
	assert_true(app_read(&pair->server, server, 1));
	assert_int_equal(server->finished, 1);
	pair_stop(pair);
}

static void an_abort_resets(void **state)
{
	struct pair *pair = start();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];

	run(pair, SEC(1));
	app_abort(&pair->client, client);
	assert_int_equal(client->why, KG_CLOSE_ABORTED);
	run(pair, SEC(1));
	assert_int_equal(server->why, KG_CLOSE_RESET);
	pair_stop(pair);
}

/* Whether the end is still to be sent, or read, when the abort comes. */
static void an_abort_behind_the_end_leaves_it_one(void **state)
{
	for (int later = 0; later < 2; later++) {
		struct pair *pair = start();
		struct app *client = pair_open(pair, KG_PROTOCOL_TCP),
			   *server = &pair->server.apps[0];

		pair->server.slow = true;
		assert_true(app_send(&pair->client, client, "one", 3));
		app_finish(&pair->client, client);
		if (later)
			run(pair, SEC(1));
		app_abort(&pair->client, client);
		run(pair, SEC(1));
		assert_int_equal(server->finished + server->closed, 0);
		assert_true(app_read(&pair->server, server, 2));
		expect(server, "one");
		assert_int_equal(server->finished, 1);
		assert_int_equal(server->why, KG_CLOSE_RESET);
		assert_int_equal(messages_dropped_of(&pair->server), 0);
		pair_stop(pair);
	}
}

/* It has never been there, as far as the server knows. */
static void an_abort_before_the_beginning_is_silent(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	app_abort(&pair->client, client);
	assert_int_equal(client->why, KG_CLOSE_ABORTED);
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 0);
	pair_stop(pair);
}

static void a_refusal_resets_the_client(void **state)
{
	struct pair *pair = start();
	struct app *client, *server = &pair->server.apps[0];

	pair->server.late = true;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	kg_stream_refused(&server->stream, "nobody there", pair->now_us);
	assert_int_equal(server->why, KG_CLOSE_REFUSED);
	run(pair, SEC(1));
	assert_int_equal(client->why, KG_CLOSE_RESET);
	pair_stop(pair);
}

static void data_waits_for_the_connection(void **state)
{
	struct pair *pair = start();
	struct app *client, *server = &pair->server.apps[0];

	pair->server.late = true;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	assert_true(app_send(&pair->client, client, "soon", 4));
	app_finish(&pair->client, client);
	run(pair, SEC(2));
	assert_int_equal(server->readable + server->finished, 0);
	pair->server.late = false;
	run(pair, SEC(1));
	expect(server, "soon");
	assert_int_equal(server->finished, 1);
	pair_stop(pair);
}

static void a_server_without_memory_cancels(void **state)
{
	struct pair *pair = start();
	struct app *client;

	pair->server.no_memory = true;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	assert_int_equal(client->why, KG_CLOSE_RESET);
	assert_int_equal(stats_of(&pair->server).streams, 0);
	pair_stop(pair);
}

/* ---- towards an original ---- */

static void towards_an_original_the_answer_is_waited_for(void **state)
{
	struct pair *pair = start_as_original();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];

	assert_true(app_send(&pair->client, client, "question", 8));
	app_finish(&pair->client, client);
	run(pair, SEC(9));
	assert_int_equal(client->closed + server->closed, 0);
	assert_true(app_send(&pair->server, server, "answer", 6));
	run(pair, SEC(9));
	expect(client, "answer");
	assert_int_equal(client->closed, 0);
	run(pair, SEC(2));
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	assert_int_equal(server->why, KG_CLOSE_PEER);
	pair_stop(pair);
}

static void a_servers_end_is_the_end(void **state)
{
	struct pair *pair = start_as_original();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];

	run(pair, SEC(1));
	pair->client.slow = true;
	assert_true(app_send(&pair->server, server, "last words", 10));
	app_finish(&pair->server, server);
	run(pair, SEC(1));
	assert_int_equal(server->why, KG_CLOSE_FINISHED);
	/* What the client still sends is lost, as it would be on the way. */
	assert_true(app_send(&pair->client, client, "too late", 8));
	assert_int_equal(client->closed, 0);
	app_read(&pair->client, client, UINT32_MAX);
	expect(client, "last words");
	assert_int_equal(client->why, KG_CLOSE_PEER);
	pair_stop(pair);
}

/* ---- one beside another ---- */

static void fill(struct pair *pair, struct app *app, unsigned int messages)
{
	static const char block[1000];

	for (unsigned int i = 0; i < messages; i++) {
		assert_true(app_send(&pair->client, app, block, sizeof(block)));
		if (i % 64 == 63)
			run(pair, SEC(1));
	}
}

static void a_reader_that_stands_still_holds_up_nobody(void **state)
{
	struct pair *pair = start();
	struct app *stalled = pair_open(pair, KG_PROTOCOL_TCP), *other;

	run(pair, SEC(1));
	pair->server.slow = true;
	fill(pair, stalled, 700);
	pair->server.slow = false;
	assert_true(kg_stream_room(&stalled->stream) == 0);
	other = pair_open(pair, KG_PROTOCOL_TCP);
	fill(pair, other, 500);
	run(pair, SEC(1));
	assert_int_equal(pair->server.apps[1].got_len, 500000);

	app_read(&pair->server, &pair->server.apps[0], UINT32_MAX);
	run(pair, SEC(1));
	assert_int_equal(pair->server.apps[0].got_len, 700000);
	assert_int_equal(messages_dropped_of(&pair->server), 0);
	pair_stop(pair);
}

/* Each end has what the other does not need, and has it back when that does. */
static void credit_that_is_not_used_returns(void **state)
{
	struct pair *pair = start();
	struct app *app = pair_open(pair, KG_PROTOCOL_TCP);

	run(pair, SEC(1));
	fill(pair, app, 60);
	exchange(pair);
	assert_true(pair->server.streams->promised_bytes > 0);
	assert_true(pair->client.streams->promised_bytes > 0);
	run(pair, SEC(5));
	assert_int_equal(pair->server.streams->promised_bytes, 0);
	assert_int_equal(pair->client.streams->promised_bytes, 0);

	fill(pair, app, 60);
	run(pair, SEC(1));
	assert_int_equal(pair->server.apps[0].got_len, 120000);
	assert_true(pair->server.streams->promised_bytes > 0);
	app_finish(&pair->client, app);
	exchange(pair);
	assert_int_equal(pair->server.streams->promised_bytes, 0);
	assert_int_equal(messages_dropped_of(&pair->server), 0);
	pair_stop(pair);
}

/* Of a stream that the server does not know yet it would not be heard. */
static void credit_comes_behind_what_opens_a_stream(void **state)
{
	static const char block[1000];
	struct pair *pair = pair_start(pair_new()); /* its channel is not open yet */
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];

	assert_true(app_send(&pair->client, client, "question", 8));
	run(pair, SEC(1));
	expect(server, "question");
	pair->client.slow = true;
	for (unsigned int i = 0; i < 40; i++)
		assert_true(app_send(&pair->server, server, block, sizeof(block)));
	run(pair, SEC(1));
	app_read(&pair->client, client, UINT32_MAX);
	assert_int_equal(client->got_len, 40 * sizeof(block));
	pair_stop(pair);
}

/* An original grants nothing: the channel stands still, and goes on when there is room. */
static void towards_an_original_a_full_stream_stalls_its_channel(void **state)
{
	struct pair *pair = start_as_original();
	struct app *stalled = pair_open(pair, KG_PROTOCOL_TCP), *other;

	run(pair, SEC(1));
	pair->server.slow = true;
	fill(pair, stalled, 300);
	other = pair_open(pair, KG_PROTOCOL_TCP);
	assert_true(app_send(&pair->client, other, "hello", 5));
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 1);

	app_read(&pair->server, &pair->server.apps[0], 100);
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 1);
	app_read(&pair->server, &pair->server.apps[0], 100);
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 2);
	pair->server.slow = false;
	app_read(&pair->server, &pair->server.apps[1], UINT32_MAX);
	expect(&pair->server.apps[1], "hello");
	app_read(&pair->server, &pair->server.apps[0], UINT32_MAX);
	run(pair, SEC(1));
	assert_int_equal(pair->server.apps[0].got_len, 300000);
	pair_stop(pair);
}

/* It is waited for as long as it harms nobody, or takes something now and then. */
static void towards_an_original_who_stands_still_gives_way(void **state)
{
	struct pair *pair = start_as_original();
	struct app *stalled = pair_open(pair, KG_PROTOCOL_TCP), *other;

	run(pair, SEC(1));
	pair->server.slow = true;
	fill(pair, stalled, 300);
	pair->server.slow = false;
	run(pair, SEC(20));
	assert_int_equal(stalled->closed, 0);
	app_read(&pair->server, &pair->server.apps[0], 200);
	exchange(pair);
	other = pair_open(pair, KG_PROTOCOL_TCP);
	assert_true(app_send(&pair->client, other, "hello", 5));
	run(pair, SEC(1));
	expect(&pair->server.apps[1], "hello");

	for (int i = 0; i < 3; i++) {
		fill(pair, stalled, 60);
		exchange(pair);
	}
	assert_true(app_send(&pair->client, other, ", world", 7));
	run(pair, SEC(1));
	assert_int_equal(stalled->closed, 0);
	run(pair, SEC(3));
	expect(&pair->server.apps[1], "hello, world");
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_GAVE_WAY);
	assert_int_equal(stalled->closed, 1);
	assert_int_equal(stats_of(&pair->server).gave_way, 1);
	pair_stop(pair);
}

/* Buffers are short: the floor waits for who does not read, the rest in the channel. */
static void start_short_of_buffers(struct pair *pair, struct app **stalled)
{
	*stalled = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	pair->server.slow = true;
	fill(pair, *stalled, 2);
	exchange(pair);
	pair->server.host.pool.pool.fair_share = KG_BUF_FLOOR;
	fill(pair, *stalled, 60);
	run(pair, SEC(1));
	pair->server.slow = false;
}

static void where_buffers_are_short_a_stream_has_the_floor(void **state)
{
	struct pair *pair = start();
	struct app *stalled, *other;

	start_short_of_buffers(pair, &stalled);
	assert_true(pair->server.host.pool.in_use <= 4 * KG_BUF_FLOOR);
	other = pair_open(pair, KG_PROTOCOL_TCP);
	fill(pair, other, 1);
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 1);

	pair->server.host.pool.pool.fair_share = UINT32_MAX;
	run(pair, SEC(1));
	assert_int_equal(pair->server.apps[1].got_len, 1000);
	app_read(&pair->server, &pair->server.apps[0], UINT32_MAX);
	run(pair, SEC(1));
	assert_int_equal(pair->server.apps[0].got_len, 62000);
	pair_stop(pair);
}

/* As toward the channel: what finds no room is lost. */
static void where_buffers_are_short_a_burst_of_datagrams_has_room(void **state)
{
	struct pair *pair = start();
	struct app *app = pair_open(pair, KG_PROTOCOL_UDP);

	assert_true(app_send(&pair->client, app, "first", 5));
	run(pair, SEC(1));
	pair->server.slow = true;
	pair->server.host.pool.pool.fair_share = KG_BUF_FLOOR;
	for (unsigned int i = 0; i < KG_BUF_BURST / 4; i++)
		assert_true(app_send(&pair->client, app, "next", 4));
	run(pair, SEC(1));
	assert_int_equal(stats_of(&pair->server).datagrams_dropped, 0);
	for (unsigned int i = 0; i < 10; i++)
		assert_true(app_send(&pair->client, app, "more", 4));
	run(pair, SEC(1));
	assert_int_equal(stats_of(&pair->server).datagrams_dropped, 10);
	pair_stop(pair);
}

/* Readers that take some of it now and then do not. */
static void who_stands_still_while_buffers_are_short_gives_way(void **state)
{
	struct pair *pair = start();
	struct app *stalled, *other;

	start_short_of_buffers(pair, &stalled);
	other = pair_open(pair, KG_PROTOCOL_TCP);
	fill(pair, other, 1);
	for (int i = 0; i < 10; i++) {
		app_read(&pair->server, &pair->server.apps[0], 1);
		run(pair, SEC(2));
	}
	assert_int_equal(pair->server.apps[0].closed, 0);
	run(pair, SEC(5));
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_GAVE_WAY);
	assert_int_equal(stalled->why, KG_CLOSE_RESET);
	assert_int_equal(stats_of(&pair->server).gave_way, 1);
	assert_int_equal(pair->server.apps[1].got_len, 1000);
	assert_int_equal(pair->server.host.pool.in_use, 0);
	pair_stop(pair);
}

/* Nor does anybody where the clock has just begun: there is no time before it that he has waited.
 */
static void nobody_has_waited_before_the_clock_began(void **state)
{
	struct pair *pair = pair_start(pair_new_at(0));
	struct app *stalled;

	start_short_of_buffers(pair, &stalled);
	assert_true(pair->now_us < SEC(3));
	assert_int_equal(stats_of(&pair->server).gave_way, 0);
	app_read(&pair->server, &pair->server.apps[0], UINT32_MAX);
	pair->server.host.pool.pool.fair_share = UINT32_MAX;
	run(pair, SEC(1));
	assert_int_equal(pair->server.apps[0].got_len, 62000);
	pair_stop(pair);
}

/* One that stalls its channel and ends lets it go on. */
static void an_abort_ends_a_stall(void **state)
{
	struct pair *pair = start_as_original();
	struct app *stalled = pair_open(pair, KG_PROTOCOL_TCP);

	run(pair, SEC(1));
	pair->server.slow = true;
	fill(pair, stalled, 300);
	pair->server.slow = false;
	pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 1);
	app_abort(&pair->server, &pair->server.apps[0]);
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 2);
	pair_stop(pair);
}

/* Nothing that is queued is too long for the channel's share of the rest. */
static void streams_take_turns(void **state)
{
	struct pair *pair = start();
	struct app *bulk = pair_open(pair, KG_PROTOCOL_TCP), *small;

	run(pair, SEC(1));
	pair->server.deaf = true;
	for (int i = 0; i < 500; i++)
		app_send(&pair->client, bulk, "bulk", 4);
	small = pair_open(pair, KG_PROTOCOL_TCP);
	assert_true(app_send(&pair->client, small, "small", 5));
	pair->server.deaf = false;
	pair->client.deaf = true; /* no acknowledgement: what is under way now, and not more */
	run(pair, SEC(1));
	assert_int_equal(pair->server.apps[1].got_len, 0);
	pair->client.deaf = false;
	run(pair, SEC(1));
	expect(&pair->server.apps[1], "small");
	pair_stop(pair);
}

/* ---- channels ---- */

static void streams_are_spread_over_channels(void **state)
{
	struct pair *pair = pair_new();
	const struct kg_mux *mux;

	pair->client.config.mux_channels = 3;
	pair_start(pair);
	run(pair, SEC(1));
	for (int i = 0; i < 9; i++)
		pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	assert_int_equal(stats_of(&pair->client).muxes, 3);
	TAILQ_FOREACH (mux, &pair->client.streams->muxes, link)
		assert_int_equal(mux->count, 3);
	TAILQ_FOREACH (mux, &pair->server.streams->muxes, link)
		assert_int_equal(mux->count, 3);
	pair_stop(pair);
}

static void a_channel_that_dies_takes_its_streams_and_comes_again(void **state)
{
	struct pair *pair = start();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];

	run(pair, SEC(1));
	pair->server.deaf = pair->client.deaf = true;
	run(pair, SEC(32));
	assert_int_equal(client->why, KG_CLOSE_RESET);
	assert_int_equal(pair->client.mux_why, KG_CLOSE_SILENCE);
	run(pair, SEC(9));
	assert_int_equal(server->why, KG_CLOSE_RESET);
	assert_int_equal(stats_of(&pair->server).muxes, 0);
	pair->server.deaf = pair->client.deaf = false;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	assert_true(app_send(&pair->client, client, "again", 5));
	run(pair, SEC(29));
	expect(&pair->server.apps[1], "again");
	pair_stop(pair);
}

static void restart_server(struct pair *pair)
{
	kg_streams_destroy(pair->server.streams);
	end_start(&pair->server);
	pair->server.app_count = 0;
}

/* A server that has lost its memory says so in old channels; while it is away another is tried. */
static void what_begins_after_a_crash_finds_another_channel(void **state)
{
	struct pair *pair = start();
	struct app *old = pair_open(pair, KG_PROTOCOL_TCP), *client;

	run(pair, SEC(1));
	restart_server(pair);
	pair->server.deaf = true;
	client = pair_open(pair, KG_PROTOCOL_TCP); /* finds it out, in vain */
	run(pair, SEC(8));
	assert_int_equal(old->closed + client->closed, 0);
	assert_int_equal(pair->client.streams->mux_count, 2);
	pair->server.deaf = false;
	run(pair, SEC(2));
	assert_int_equal(old->why, KG_CLOSE_RESET);
	assert_int_equal(client->why, KG_CLOSE_RESET);
	assert_int_equal(pair->client.mux_why, KG_CLOSE_FORGOTTEN);
	client = pair_open(pair, KG_PROTOCOL_TCP);
	assert_true(app_send(&pair->client, client, "hello", 5));
	run(pair, SEC(1));
	expect(&pair->server.apps[0], "hello");

	run(pair, SEC(90));
	assert_int_equal(stats_of(&pair->client).muxes, 1);
	assert_int_equal(client->closed, 0);
	pair_stop(pair);
}

static void one_more_for_a_doubt_is_given_back(void **state)
{
	struct pair *pair = start();
	struct app *old = pair_open(pair, KG_PROTOCOL_TCP), *client;

	run(pair, SEC(1));
	pair->server.deaf = pair->client.deaf = true;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(8));
	assert_int_equal(pair->client.streams->mux_count, 2);
	client = pair_open(pair, KG_PROTOCOL_TCP); /* where no doubt is, once it opens */
	pair->server.deaf = pair->client.deaf = false;
	run(pair, SEC(20));
	assert_int_equal(old->closed + client->closed, 0);
	app_finish(&pair->client, client);
	app_finish(&pair->server, &pair->server.apps[2]);
	run(pair, SEC(10));
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	assert_int_equal(pair->client.streams->mux_count, 1);
	assert_int_equal(stats_of(&pair->server).muxes, 1);
	assert_true(app_send(&pair->client, old, "hello", 5));
	run(pair, SEC(1));
	expect(&pair->server.apps[0], "hello");
	pair_stop(pair);
}

/* A server that ends says so; its clients come again at once, and more slowly while it is gone. */
static void a_server_that_stops_is_found_again(void **state)
{
	struct pair *pair = start();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	run(pair, SEC(1));
	kg_streams_shutdown(pair->server.streams, pair->now_us);
	run(pair, SEC(1));
	assert_int_equal(client->why, KG_CLOSE_RESET);
	assert_int_equal(pair->client.mux_closes, 1);
	restart_server(pair);
	run(pair, SEC(5));
	assert_int_equal(stats_of(&pair->client).muxes, 1);
	pair_stop(pair);
}

static void an_idle_channel_stays(void **state)
{
	struct pair *pair = start_as_original();

	run(pair, SEC(3600));
	assert_int_equal(pair->client.mux_closes + pair->server.mux_closes, 0);
	pair_stop(pair);
}

static void idle_datagrams_end(void **state)
{
	struct pair *pair = start();
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);

	assert_true(app_send(&pair->client, client, "one", 3));
	run(pair, SEC(170));
	assert_true(app_send(&pair->client, client, "two", 3));
	run(pair, SEC(170));
	assert_int_equal(client->closed, 0);
	run(pair, SEC(20));
	assert_int_equal(client->why, KG_CLOSE_IDLE);
	assert_int_equal(pair->server.apps[0].closed, 1);
	pair_stop(pair);
}

static void a_clean_stop_ends_all(void **state)
{
	struct pair *pair = start();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];

	run(pair, SEC(1));
	kg_streams_shutdown(pair->client.streams, pair->now_us);
	assert_int_equal(client->closed, 1);
	run(pair, SEC(100));
	assert_int_equal(server->why, KG_CLOSE_RESET);
	assert_int_equal(stats_of(&pair->server).muxes, 0);
	assert_int_equal(pair->client.host.ports_out, 0);
	pair_stop(pair);
}

/* More than the channel has room for, and more than the reader has granted yet. */
static void a_clean_stop_delivers_what_waits(void **state)
{
	struct pair *pair = start();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];
	static const char data[1000];
	const size_t messages = 500;

	run(pair, SEC(1));
	pair->server.slow = true;
	for (size_t i = 0; i < messages; i++)
		assert_true(app_send(&pair->client, client, data, sizeof(data)));
	kg_streams_shutdown(pair->client.streams, pair->now_us);
	assert_int_equal(client->closed, 1);
	run(pair, SEC(1) / 10);
	assert_false(kg_streams_is_over(pair->client.streams));
	pair->server.slow = false;
	app_read(&pair->server, server, UINT32_MAX);
	run(pair, SEC(1) / 10);
	assert_int_equal(server->got_len, messages * sizeof(data));
	assert_int_equal(server->why, KG_CLOSE_RESET);
	assert_true(kg_streams_is_over(pair->client.streams));
	assert_int_equal(stats_of(&pair->server).muxes, 0);
	pair_stop(pair);
}

/* What begins when a server stops is not begun. */
static void who_stops_accepts_nothing(void **state)
{
	struct pair *pair = start();
	struct app *client;

	pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	pair->client.deaf = true; /* and does not hear of it */
	kg_streams_shutdown(pair->server.streams, pair->now_us);
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 1);
	pair->client.deaf = false;
	run(pair, SEC(1));
	assert_int_equal(client->why, KG_CLOSE_RESET);
	pair_stop(pair);
}

static void a_target_goes_before_the_data(void **state)
{
	static const struct kg_target target = { 22, "host.example" };
	struct pair *pair = pair_new();
	struct app *client, *none;

	pair->server.config.session.custom_targets = true;
	pair_start(pair);
	run(pair, SEC(1));
	client = pair_open_to(pair, KG_PROTOCOL_UDP, &target);
	assert_true(app_send(&pair->client, client, "data", 4));
	run(pair, SEC(1));
	assert_string_equal(pair->server.apps[0].target, "host.example:22");
	expect(&pair->server.apps[0], "data");
	none = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 1);
	assert_int_equal(none->why, KG_CLOSE_RESET);
	pair_stop(pair);
}

/* Without mux channels a stream is a channel. */
static void a_plain_stream_passes_through(void **state)
{
	struct pair *pair = pair_new();
	struct app *client, *server;

	pair->client.config.mux_channels = 0;
	pair_start(pair);
	client = pair_open(pair, KG_PROTOCOL_TCP);
	server = &pair->server.apps[0];
	assert_true(app_send(&pair->client, client, "question", 8));
	app_finish(&pair->client, client);
	run(pair, SEC(1));
	expect(server, "question");
	assert_int_equal(server->finished, 1);
	app_finish(&pair->server, server);
	run(pair, SEC(1));
	assert_int_equal(client->why, KG_CLOSE_FINISHED);
	assert_int_equal(stats_of(&pair->client).opened, 1);
	assert_int_equal(stats_of(&pair->client).streams, 0);
	pair_stop(pair);
}

/* For as long as a stream lingers its channel has no room. Its peer hears of the end all the same,
 * and that not all has come. */
static void what_nobody_takes_is_cancelled_at_last(void **state)
{
	struct pair *pair = start();
	struct app *app = pair_open(pair, KG_PROTOCOL_TCP), *served = &pair->server.apps[0];

	fill(pair, app, 1);
	run(pair, SEC(1));
	pair->client.host.pool.pool.fair_share = 0;
	assert_true(app_send(&pair->client, app, "late", 4));
	app_finish(&pair->client, app);
	app_abort(&pair->client, app);
	assert_int_equal(app->closed, 1);
	run(pair, SEC(300));
	assert_int_equal(served->closed, 0);
	pair->client.host.pool.pool.fair_share = UINT32_MAX;
	run(pair, SEC(30));
	assert_int_equal(served->finished, 0);
	assert_int_equal(served->closed, 1);
	assert_int_equal(served->why, KG_CLOSE_RESET);
	assert_int_equal(served->got_len, 1000);
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_goes_both_ways),
		cmocka_unit_test(a_stream_waits_for_a_channel),
		cmocka_unit_test(waiting_has_an_end),
		cmocka_unit_test(the_server_may_speak_first),
		cmocka_unit_test(datagrams_keep_their_boundaries),
		cmocka_unit_test(half_closes_as_on_a_channel_of_its_own),
		cmocka_unit_test(an_end_waits_behind_unread_data),
		cmocka_unit_test(an_abort_resets),
		cmocka_unit_test(an_abort_behind_the_end_leaves_it_one),
		cmocka_unit_test(an_abort_before_the_beginning_is_silent),
		cmocka_unit_test(a_refusal_resets_the_client),
		cmocka_unit_test(data_waits_for_the_connection),
		cmocka_unit_test(a_server_without_memory_cancels),
		cmocka_unit_test(towards_an_original_the_answer_is_waited_for),
		cmocka_unit_test(a_servers_end_is_the_end),
		cmocka_unit_test(a_reader_that_stands_still_holds_up_nobody),
		cmocka_unit_test(credit_that_is_not_used_returns),
		cmocka_unit_test(credit_comes_behind_what_opens_a_stream),
		cmocka_unit_test(towards_an_original_a_full_stream_stalls_its_channel),
		cmocka_unit_test(towards_an_original_who_stands_still_gives_way),
		cmocka_unit_test(where_buffers_are_short_a_stream_has_the_floor),
		cmocka_unit_test(who_stands_still_while_buffers_are_short_gives_way),
		cmocka_unit_test(nobody_has_waited_before_the_clock_began),
		cmocka_unit_test(an_abort_ends_a_stall),
		cmocka_unit_test(streams_take_turns),
		cmocka_unit_test(streams_are_spread_over_channels),
		cmocka_unit_test(a_channel_that_dies_takes_its_streams_and_comes_again),
		cmocka_unit_test(what_begins_after_a_crash_finds_another_channel),
		cmocka_unit_test(one_more_for_a_doubt_is_given_back),
		cmocka_unit_test(a_server_that_stops_is_found_again),
		cmocka_unit_test(an_idle_channel_stays),
		cmocka_unit_test(idle_datagrams_end),
		cmocka_unit_test(a_clean_stop_ends_all),
		cmocka_unit_test(a_clean_stop_delivers_what_waits),
		cmocka_unit_test(who_stops_accepts_nothing),
		cmocka_unit_test(a_target_goes_before_the_data),
		cmocka_unit_test(a_plain_stream_passes_through),
		cmocka_unit_test(what_nobody_takes_is_cancelled_at_last),
		cmocka_unit_test(where_buffers_are_short_a_burst_of_datagrams_has_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
