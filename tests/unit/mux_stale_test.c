/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams of applications that are older than udp_deadline, on mux channels. */
#include "mux_pair.h"

#define DEADLINE_MS 100

static struct pair *start(void)
{
	struct pair *pair = pair_new();

	pair->client.config.session.udp_deadline_ms = DEADLINE_MS;
	return pair_start(pair);
}

static void ms(struct pair *pair, uint64_t ms)
{
	run(pair, ms * KG_US_PER_MS);
}

static struct kg_session_stats session_stats_of(const struct end *end)
{
	struct kg_session_stats stats;

	kg_session_get_stats(kg_streams_session(end->streams), &stats);
	return stats;
}

/* Beside a stream, which loses nothing. */
static void what_was_lost_does_not_come_late(void **state)
{
	struct pair *pair = start();
	struct app *udp = pair_open(pair, KG_PROTOCOL_UDP), *tcp;

	assert_true(app_send(&pair->client, udp, "first ", 6));
	run(pair, SEC(1));
	tcp = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	pair->server.deaf = true;
	assert_true(app_send(&pair->client, udp, "lost", 4));
	assert_true(app_send(&pair->client, tcp, "stream", 6));
	ms(pair, 2 * DEADLINE_MS);
	pair->server.deaf = false;
	assert_true(app_send(&pair->client, udp, "new", 3));
	run(pair, SEC(3));
	expect(&pair->server.apps[0], "first new");
	expect(&pair->server.apps[1], "stream");
	assert_int_equal(session_stats_of(&pair->client).datagrams_blanked, 1);
	assert_int_equal(messages_dropped_of(&pair->server), 0);
	pair_stop(pair);
}

/* In the queue of its stream, for there is no channel yet. */
static void what_waits_too_long_is_dropped(void **state)
{
	struct pair *pair = start();
	struct app *udp;

	pair->server.deaf = true;
	udp = pair_open(pair, KG_PROTOCOL_UDP);
	assert_true(app_send(&pair->client, udp, "old", 3));
	ms(pair, DEADLINE_MS + 1);
	assert_int_equal(session_stats_of(&pair->client).datagrams_stale, 1);
	assert_int_equal(udp->acked, 1);
	pair->server.deaf = false;
	run(pair, SEC(1));
	assert_int_equal(udp->opened, 1);
	assert_true(app_send(&pair->client, udp, "new", 3));
	run(pair, SEC(1));
	expect(&pair->server.apps[0], "new");
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_lost_does_not_come_late),
		cmocka_unit_test(what_waits_too_long_is_dropped),
	};

	return cmocka_run_group_tests_name("mux_stale", tests, NULL, NULL);
}
