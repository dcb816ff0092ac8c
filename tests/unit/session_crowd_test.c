/* SPDX-License-Identifier: BSD-3-Clause */
/* One place's channels do not take the last buffers of a server; others have them. */
#include "session_pair.h"

#define PARTS 15

static struct pair *pair;
static struct app *first, *other; /* a server's, from one place and from elsewhere */

/* A peer's channel from the place where the client is now. */
static struct app *begin(void)
{
	unsigned int number = pair->server.app_count;

	pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, number + 1);
	return &pair->server.apps[number];
}

static void make_short(uint32_t left)
{
	pair->server.host.pool.pool.fair_share = KG_BUF_FLOOR;
	pair->server.host.pool.pool.left = left;
}

/* The client acknowledges nothing from now on. */
static void be_crowd(uint32_t left, unsigned int held)
{
	pair->client.deaf = true;
	make_short(left);
	for (unsigned int i = 0; i < held; i++)
		assert_true(app_send(&pair->server, first, "x", 1));
	exchange(pair);
}

static void start(void)
{
	pair = pair_start(pair_new());
	first = begin();
	pair->client.address.bytes[3] ^= 0x40;
	other = begin();
	pair->client.address.bytes[3] ^= 0x40;
}

static void who_holds_nearly_all_sends_no_more(void **state)
{
	struct app *idle;

	start();
	idle = begin();
	be_crowd(2, 2 * PARTS);
	assert_int_not_equal(kg_channel_room(idle->ch), 0);
	assert_true(app_send(&pair->server, idle, "x", 1));
	assert_int_equal(kg_channel_room(first->ch), 0);
	assert_int_equal(kg_channel_room(idle->ch), 0);
	assert_int_equal(kg_channel_room(other->ch), KG_BUF_FLOOR);
	pair_stop(pair);
}

/* Those that have nothing under way hear of it, for no acknowledgement will tell them. */
static void hosts_are_told_when_it_begins_and_ends(void **state)
{
	struct app *idle;

	start();
	idle = begin();
	be_crowd(2, 2 * PARTS + 1);
	run(pair, SEC(1));
	assert_int_equal(idle->asked, 1);
	assert_int_equal(other->asked, 0);
	pair->server.host.pool.pool.left = 100;
	assert_int_equal(kg_channel_room(idle->ch), KG_BUF_FLOOR);
	run(pair, SEC(1));
	assert_int_equal(idle->asked, 2);
	pair_stop(pair);
}

static void what_the_host_has_counts(void **state)
{
	start();
	be_crowd(2, 1);
	kg_channel_hold(first->ch, 2 * PARTS);
	assert_int_equal(kg_channel_room(first->ch), 0);
	kg_channel_hold(first->ch, -2 * PARTS);
	assert_int_not_equal(kg_channel_room(first->ch), 0);
	pair_stop(pair);
}

static bool is_read(struct app *app, struct app *client)
{
	unsigned int before = app->messages;

	assert_true(app_send(&pair->client, client, "x", 1));
	exchange(pair);
	return app->messages > before;
}

/* What fills a hole finds room down to three eighths of what is kept, that of others to the last.
 */
static void the_last_buffers_are_for_others(void **state)
{
	struct kg_buf_malloc_pool *pool;

	start();
	pool = &pair->server.host.pool;
	be_crowd(1, 2 * PARTS);
	pair->client.deaf = false;
	pair->server.deaf = true; /* its acknowledgements */
	exchange(pair);
	pair->server.deaf = false;
	pool->kept = 64;
	pool->limit = pool->in_use + 64 * 3 / 8;
	assert_false(is_read(first, &pair->client.apps[0]));
	pair->client.address.bytes[3] ^= 0x40;
	assert_true(is_read(other, &pair->client.apps[1]));
	pair_stop(pair);
}

static void with_plenty_there_is_no_crowd(void **state)
{
	start();
	be_crowd(0, 2 * PARTS);
	pair->server.host.pool.pool.fair_share = KG_BUF_FLOOR * 100;
	run(pair, SEC(1));
	assert_int_not_equal(kg_channel_room(first->ch), 0);
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_holds_nearly_all_sends_no_more),
		cmocka_unit_test(hosts_are_told_when_it_begins_and_ends),
		cmocka_unit_test(what_the_host_has_counts),
		cmocka_unit_test(the_last_buffers_are_for_others),
		cmocka_unit_test(with_plenty_there_is_no_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
