/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions without KCP whose datagrams have parity: what is lost comes back once, and right, from
 * boxes and from originals. */
#include "bare_pair.h"

#define SUB_OFFSET (KG_UDPHOP_HEADER_BYTES + 4)

static bool is_second_of_group(struct end *end, const struct kg_datagram *datagram)
{
	return datagram->data[4] == KG_UDPHOP_RAW_DATA && datagram->data[SUB_OFFSET] == 1;
}

static struct pair *pair_bare_fec(void)
{
	struct pair *pair = pair_bare(0);

	pair->client.data = pair->server.data = 3;
	pair->client.parity = pair->server.parity = 2;
	return pair_start(pair);
}

/* Numbers of two digits, each once. */
static void expect_each_once(const struct app *app, unsigned int count)
{
	bool had[100] = { false };

	assert_int_equal(app->messages, count);
	for (unsigned int i = 0; i < count; i++) {
		unsigned int n = (unsigned int)(app->got[2 * i] - '0') * 10 +
				 (unsigned int)(app->got[2 * i + 1] - '0');

		assert_in_range(n, 0, count - 1);
		assert_false(had[n]);
		had[n] = true;
	}
}

static void say_numbers(struct pair *pair, struct app *client, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		char text[3];

		snprintf(text, sizeof(text), "%02u", i);
		say(&pair->client, client, text);
	}
}

static void what_is_lost_comes_back_once(void **state)
{
	struct pair *pair = pair_bare_fec();
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	struct kg_fec_stats stats = { 0 };

	pair->server.loses = is_second_of_group;
	say_numbers(pair, client, 30);
	expect_each_once(&pair->server.apps[0], 30);
	kg_fec_add_stats(pair->server.config.fec, &stats);
	assert_int_equal(stats.recovered, 10);
	assert_int_equal(pair->server.app_count, 1);
	pair_stop(pair);
}

static bool is_data_of_first_group(struct end *end, const struct kg_datagram *datagram)
{
	return datagram->data[4] == KG_UDPHOP_RAW_DATA &&
	       kg_load_be32(datagram->data + KG_UDPHOP_HEADER_BYTES) == 0 &&
	       datagram->data[SUB_OFFSET] < 3;
}

/* It is not the application's: a server may hear it before anything else. */
static void parity_alone_brings_nothing(void **state)
{
	struct pair *pair = pair_bare_fec();
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);

	pair->server.loses = is_data_of_first_group;
	say_numbers(pair, client, 3);
	assert_int_equal(pair->server.app_count, 1);
	assert_int_equal(pair->server.apps[0].messages, 0);
	say_numbers(pair, client, 3);
	assert_int_equal(pair->server.app_count, 1);
	expect_each_once(&pair->server.apps[0], 3);
	pair_stop(pair);
}

/* Late ones are those that parity has brought back already. */
static void what_was_late_only_comes_once_too(void **state)
{
	struct pair *pair = pair_bare_fec();
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	struct logged late;

	pair->server.loses = is_second_of_group;
	say_numbers(pair, client, 6);
	expect_each_once(&pair->server.apps[0], 6);
	for (unsigned int back = 0; back < 10; back++) {
		late = *latest(pair, true, back);
		late.datagram.data = late.bytes;
		assert_int_equal(deliver(&pair->server, &late), KG_DROP_NONE);
	}
	expect_each_once(&pair->server.apps[0], 6);
	pair_stop(pair);
}

static void a_server_started_anew_goes_on_with_fec(void **state)
{
	struct pair *pair = pair_bare_fec();
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);

	for (unsigned int life = 0; life < 3; life++) {
		for (int i = 0; i < 20; i++) {
			say(&pair->client, client, "u");
			say(&pair->server, &pair->server.apps[life], "d");
		}
		/* Parity may bring back what the server before had, too. */
		assert_in_range(pair->server.apps[life].messages, 20, 22);
		assert_int_equal(client->messages, 20 * (life + 1));
		kg_session_destroy(pair->server.session);
		end_start(&pair->server);
	}
	pair_stop(pair);
}

/* Its client leaves out the header of the first. */
static void an_originals_first_datagram_is_whole(void **state)
{
	struct pair *pair = pair_bare_fec();
	uint8_t bytes[] = "\0\0\0\77\3GET /index";
	struct kg_datagram in = { .local = { pair->server.address, 3000 },
				  .remote = elsewhere,
				  .data = bytes,
				  .len = sizeof(bytes) - 1 };

	assert_int_equal(kg_session_input(pair->server.session, &in, pair->now_us), KG_DROP_NONE);
	expect(&pair->server.apps[0], "GET /index");
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_lost_comes_back_once),
		cmocka_unit_test(parity_alone_brings_nothing),
		cmocka_unit_test(what_was_late_only_comes_once_too),
		cmocka_unit_test(a_server_started_anew_goes_on_with_fec),
		cmocka_unit_test(an_originals_first_datagram_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
