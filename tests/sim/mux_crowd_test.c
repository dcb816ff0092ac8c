/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hundreds of readers that stand still on one mux channel, far more than a small pool has buffers
 * for, and a conversation beside them that answers question by question. It hardly notices the
 * crowd, whatever the two ends can do for each other: with credit, with that of older boxes, and
 * without, as towards an original.
 */
#define MUX_APPS      400
#define MUX_GOT_BYTES 4096
#include "unit/mux_pair.h"

#define CROWD         300
#define BUFFERS       8000
#define KEPT_DIVISOR  8 /* as the box keeps */
#define MESSAGE_BYTES 1000
#define QUESTION      "how late is it?"
#define TURN_US       KG_US_PER_MS /* in which the share follows, as in the box */
#define TURNS         20000u
#define FED_IN_TURN   30u
#define WIRE_IN_TURN  100u /* datagrams */
/* Of all questions one in a hundred may be answered later. */
#define LATE_TURNS (TURNS / 100)

static void update_share(struct end *end)
{
	struct kg_buf_malloc_pool *pool = &end->host.pool;

	pool->pool.left = (uint32_t)(pool->limit - pool->in_use);
	pool->pool.fair_share = kg_buf_share(pool->pool.left, pool->kept);
}

static void bound_memory(struct end *end)
{
	end->host.pool.limit = BUFFERS;
	end->host.pool.kept = BUFFERS / KEPT_DIVISOR;
	update_share(end);
}

/* Who speaks to the crowd has all the memory that it wants. */
static struct pair *start(uint32_t capabilities)
{
	struct pair *pair = pair_new();

	pair->client.config.session.capabilities = capabilities;
	pair->server.config.session.capabilities = capabilities;
	bound_memory(&pair->server);
	pair_start(pair);
	run(pair, SEC(1));
	return pair;
}

static struct app *open_crowd(struct pair *pair)
{
	struct app *asker = pair_open(pair, KG_PROTOCOL_TCP);

	for (unsigned int i = 0; i < CROWD; i++)
		pair_open(pair, KG_PROTOCOL_TCP);
	app_send(&pair->client, asker, QUESTION, strlen(QUESTION));
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, CROWD + 1);
	return asker;
}

/* All in turn, and each as much as there is room for. */
static void feed_crowd(struct pair *pair, const struct app *asker, unsigned int turn)
{
	static const char block[MESSAGE_BYTES];

	for (unsigned int i = 0; i < FED_IN_TURN; i++) {
		unsigned int next = (turn * FED_IN_TURN + i) % pair->client.app_count;
		struct app *app = &pair->client.apps[next];

		if (app != asker && app->there && kg_stream_room(&app->stream) > 0)
			assert_true(app_send(&pair->client, app, block, sizeof(block)));
	}
}

/* True: the last question has been answered, and there is a new one. */
static bool talk(struct pair *pair, struct app *asker, struct app *answerer)
{
	if (answerer->got_len > 0)
		assert_true(app_send(&pair->server, answerer, answerer->got, answerer->got_len));
	answerer->got_len = 0;
	carry(&pair->server, &pair->client);
	if (asker->got_len == 0)
		return false;
	expect(asker, QUESTION);
	asker->got_len = 0;
	assert_true(app_send(&pair->client, asker, QUESTION, strlen(QUESTION)));
	return true;
}

static void pass_turn(struct pair *pair)
{
	uint64_t end_us = pair->now_us + TURN_US;

	carry_some(&pair->client, &pair->server, WIRE_IN_TURN);
	carry(&pair->server, &pair->client);
	while (pair->now_us < end_us)
		pair_pass(&pair->now_us, end_us, pair->client.host.wheel, pair->server.host.wheel);
	update_share(&pair->server);
}

/* How many turns went by without an answer. */
static unsigned int talk_beside(struct pair *pair, struct app *asker, struct app *answerer)
{
	unsigned int late = 0;

	for (unsigned int turn = 0; turn < TURNS; turn++) {
		late += !talk(pair, asker, answerer);
		feed_crowd(pair, asker, turn);
		pass_turn(pair);
	}
	return late;
}

static struct app *stand_still(struct end *end)
{
	struct app *answerer = NULL;

	for (unsigned int i = 0; i < end->app_count; i++) {
		end->apps[i].stands = end->apps[i].got_len == 0;
		answerer = end->apps[i].stands ? answerer : &end->apps[i];
	}
	return answerer;
}

static struct pair *crowd(uint32_t capabilities)
{
	struct pair *pair = start(capabilities);
	struct app *asker = open_crowd(pair);
	struct app *answerer = stand_still(&pair->server);
	unsigned int late = talk_beside(pair, asker, answerer);

	print_message("%u turns without an answer, %u gave way\n", late,
		      (unsigned int)stats_of(&pair->server).gave_way);
	assert_int_equal(asker->closed + answerer->closed, 0);
	assert_in_range(late, 0, LATE_TURNS);
	return pair;
}

/* Nobody has to give way. */
static void with_credit(void **state)
{
	struct pair *pair =
		crowd(KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_MUX | KG_CAPABILITY_MUX_RETURN);

	assert_int_equal(stats_of(&pair->server).gave_way, 0);
	assert_true(pair->server.host.pool.pool.fair_share > KG_BUF_FLOOR);
	pair_stop(pair);
}

static void with_credit_that_never_returns(void **state)
{
	pair_stop(crowd(KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_MUX));
}

static void towards_an_original(void **state)
{
	pair_stop(crowd(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_credit),
		cmocka_unit_test(with_credit_that_never_returns),
		cmocka_unit_test(towards_an_original),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
