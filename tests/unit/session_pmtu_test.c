/* SPDX-License-Identifier: BSD-3-Clause */
/* Two sessions on a path that becomes narrow after its width was found out, and on a wide one. */
#include "session_pair.h"

#define AROUND 28u /* IPv4 and UDP */
#define WIDE   (PAIR_MTU + AROUND)
#define NARROW 700u
#define FULL   (PAIR_MTU - KG_KCP_HEADER_BYTES - KG_MESSAGE_KIND_BYTES) /* of a segment */

/* What does not go in pieces is lost if it is too long. */
static bool is_narrow(struct end *end, const struct kg_datagram *d)
{
	bool whole = d->mtu == KG_DATAGRAM_WHOLE || d->len + AROUND <= d->mtu;

	return whole && d->len + AROUND > NARROW;
}

static struct pair *wide_pair(void)
{
	struct pair *pair = pair_new();
	struct app *first;

	pair->client.config.path_mtu_max = pair->server.config.path_mtu_max = WIDE;
	pair->hop_us = 5 * KG_US_PER_MS;
	pair_start(pair);
	first = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	assert_true(app_send(&pair->client, first, "who is there?", 13));
	run(pair, SEC(2));
	assert_int_equal(info_of(&pair->client, first).path_mtu, WIDE);
	/* Nobody is left who could ask. */
	kg_channel_abort(first->ch, pair->now_us);
	run(pair, SEC(100));
	pair->server.loses = is_narrow;
	return pair;
}

/* All that the second channel says, `bytes` before it is open, arrives. */
static void say_on_a_new_channel(size_t bytes)
{
	static const char text[5 * FULL];
	struct pair *pair = wide_pair();
	struct app *second = pair_open(pair, KG_PROTOCOL_TCP), *hears;

	for (size_t sent = 0; sent < bytes; sent += FULL)
		assert_true(
			app_send(&pair->client, second, text, KG_MIN((size_t)FULL, bytes - sent)));
	run(pair, SEC(60));
	hears = &pair->server.apps[1];
	assert_int_equal(hears->got_len, bytes);
	assert_true(info_of(&pair->client, second).path_mtu <= NARROW);
	pair_stop(pair);
}

static void a_first_segment_that_is_too_long_holds_up_nothing(void **state)
{
	say_on_a_new_channel(2 * FULL + 100);
}

static void nor_do_nothing_but_such(void **state)
{
	say_on_a_new_channel(5 * FULL);
}

/* ---- several channels on one path ---- */

static bool is_first_wide(struct end *end, const struct kg_datagram *d)
{
	return end->lost == 0 && d->len == PAIR_MTU;
}

/* Of the datagrams in which a message leaves that fills a segment. */
static uint16_t longest_of(struct pair *pair, struct app *says)
{
	static const char text[FULL];
	unsigned int before = pair->logged;
	uint16_t longest = 0;

	assert_true(app_send(&pair->client, says, text, FULL));
	run(pair, SEC(1));
	for (; before < pair->logged; before++) {
		const struct logged *logged = &pair->log[before % PAIR_LOG];

		if (logged->to_server)
			longest = KG_MAX(longest, logged->datagram.len);
	}
	return longest;
}

/* The second one comes while the first has not heard of the widest yet, and learns of it from what
 * it says next. */
static void all_on_a_path_know_how_wide_it_is(void **state)
{
	struct pair *pair = pair_new();
	struct app *first, *second;

	pair->client.config.path_mtu_max = pair->server.config.path_mtu_max = WIDE;
	pair->client.config.kcp.rate_auto = pair->server.config.kcp.rate_auto = true;
	pair->client.config.spread = 1; /* all channels to a server are on one path */
	pair->hop_us = 5 * KG_US_PER_MS;
	pair->server.loses = is_first_wide;
	pair_start(pair);
	first = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1) / 20);
	assert_int_equal(pair->server.lost, 1);
	second = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(5));
	assert_int_equal(longest_of(pair, first), PAIR_MTU);
	assert_true(app_send(&pair->client, second, "a word", 6));
	run(pair, SEC(1));
	assert_int_equal(longest_of(pair, second), PAIR_MTU);
	pair_stop(pair);
}

/* ---- what it costs where nothing is narrow ---- */

#define ROUNDS 1000 /* of five full segments; what finding out costs, it costs once */

struct cost {
	unsigned int datagrams; /* both ways */
	uint64_t us;
};

static struct cost say_much(bool set)
{
	static const char text[FULL];
	struct pair *pair = pair_new();
	struct app *says, *hears = &pair->server.apps[0];
	uint64_t start_us = pair->now_us;
	struct cost cost;

	pair->client.config.path_mtu_max = pair->server.config.path_mtu_max = WIDE;
	pair->client.config.path_mtu_set = pair->server.config.path_mtu_set = set;
	pair->hop_us = 5 * KG_US_PER_MS;
	pair_start(pair);
	says = pair_open(pair, KG_PROTOCOL_TCP);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < 5; i++)
			assert_true(app_send(&pair->client, says, text, FULL));
		while (hears->got_len < 5 * FULL)
			run(pair, KG_US_PER_MS);
		hears->got_len = 0;
	}
	cost = (struct cost){ pair->logged, pair->now_us - start_us };
	pair_stop(pair);
	return cost;
}

static void a_wide_path_carries_as_much_as_one_that_is_known_to_be(void **state)
{
	struct cost found = say_much(false), set = say_much(true);

	assert_true(set.datagrams * 100 >= found.datagrams * 99);
	assert_true(set.us * 100 >= found.us * 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_first_segment_that_is_too_long_holds_up_nothing),
		cmocka_unit_test(nor_do_nothing_but_such),
		cmocka_unit_test(all_on_a_path_know_how_wide_it_is),
		cmocka_unit_test(a_wide_path_carries_as_much_as_one_that_is_known_to_be),
	};

	return cmocka_run_group_tests_name("session_pmtu", tests, NULL, NULL);
}
