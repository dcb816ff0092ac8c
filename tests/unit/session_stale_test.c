/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams of applications that are older than udp_deadline, on channels of their own. */
#include "session_pair.h"

#define DEADLINE_MS 100

static struct pair *start(uint16_t snd_wnd)
{
	struct pair *pair = pair_new();

	pair->client.config.udp_deadline_ms = DEADLINE_MS;
	pair->client.config.kcp.snd_wnd = snd_wnd;
	return pair_start(pair);
}

static void ms(struct pair *pair, uint64_t ms)
{
	run(pair, ms * KG_US_PER_MS);
}

/* Nothing gets there until they are too old. */
static void are_late(struct pair *pair)
{
	pair->server.deaf = true;
	ms(pair, 2 * DEADLINE_MS);
	pair->server.deaf = false;
}

static void what_was_lost_does_not_come_late(void **state)
{
	struct pair *pair = start(256);
	struct app *app = pair_open_quiet(pair, KG_PROTOCOL_UDP);

	assert_true(app_send(&pair->client, app, "lost", 4));
	assert_true(app_send(&pair->client, app, "", 0));
	are_late(pair);
	assert_true(app_send(&pair->client, app, "new", 3));
	ms(pair, 1000);
	expect(&pair->server.apps[0], "new");
	assert_int_equal(pair->server.apps[0].messages, 1);
	assert_int_equal(stats_of(&pair->client).datagrams_blanked, 2);
	assert_int_equal(stats_of(&pair->client).datagrams_stale, 0);
	assert_int_equal(stats_of(&pair->server).messages_dropped, 0);
	assert_int_equal(kg_channel_unacked(app->ch), 0);
	pair_stop(pair);
}

static void what_is_in_time_comes(void **state)
{
	struct pair *pair = start(256);
	struct app *app = pair_open_quiet(pair, KG_PROTOCOL_UDP);

	pair->server.deaf = true;
	assert_true(app_send(&pair->client, app, "in time", 7));
	ms(pair, DEADLINE_MS / 4);
	pair->server.deaf = false;
	ms(pair, 1000);
	expect(&pair->server.apps[0], "in time");
	assert_int_equal(stats_of(&pair->client).datagrams_blanked, 0);
	pair_stop(pair);
}

/* The host is told that there is room, and the channel is idle when it is. */
static void what_waits_makes_room(void **state)
{
	struct pair *pair = start(2);
	struct app *app = pair_open_quiet(pair, KG_PROTOCOL_UDP);
	unsigned int asked;
	uint32_t room;

	pair->server.deaf = true;
	room = kg_channel_room(app->ch);
	for (uint32_t i = 0; i < room; i++)
		assert_true(app_send(&pair->client, app, "old", 3));
	exchange(pair);
	assert_int_equal(kg_channel_room(app->ch), 0);
	asked = app->asked;
	ms(pair, DEADLINE_MS + 1);
	assert_int_equal(app->asked, asked + 1);
	assert_int_equal(kg_channel_room(app->ch), room - 2);
	assert_int_equal(stats_of(&pair->client).datagrams_stale, room - 2);
	pair->server.deaf = false;
	assert_true(app_send(&pair->client, app, "new", 3));
	ms(pair, 1000);
	expect(&pair->server.apps[0], "new");
	run(pair, SEC(200));
	assert_int_equal(app->closed, 1);
	assert_int_equal(app->why, KG_CLOSE_IDLE);
	pair_stop(pair);
}

static void a_stream_is_not_concerned(void **state)
{
	struct pair *pair = start(2);
	struct app *app = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	for (int i = 0; i < 4; i++)
		assert_true(app_send(&pair->client, app, "tcp ", 4));
	are_late(pair);
	run(pair, SEC(3));
	expect(&pair->server.apps[0], "tcp tcp tcp tcp ");
	assert_int_equal(stats_of(&pair->client).datagrams_stale, 0);
	assert_int_equal(stats_of(&pair->client).datagrams_blanked, 0);
	pair_stop(pair);
}

/* A reader in sequence gets both parts, or the whole is not there. */
static void what_is_in_parts_comes_whole(void **state)
{
	static const char bytes[2 * PAIR_MTU - 200] = "in parts";
	struct pair *pair = start(256);
	struct app *app = pair_open_quiet(pair, KG_PROTOCOL_UDP);

	assert_true(app_send(&pair->client, app, bytes, sizeof(bytes)));
	are_late(pair);
	ms(pair, 1000);
	assert_int_equal(pair->server.apps[0].messages, 1);
	assert_int_equal(pair->server.apps[0].got_len, sizeof(bytes));
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_lost_does_not_come_late),
		cmocka_unit_test(what_is_in_time_comes),
		cmocka_unit_test(what_waits_makes_room),
		cmocka_unit_test(a_stream_is_not_concerned),
		cmocka_unit_test(what_is_in_parts_comes_whole),
	};

	return cmocka_run_group_tests_name("session_stale", tests, NULL, NULL);
}
