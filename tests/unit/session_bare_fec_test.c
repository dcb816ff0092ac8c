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

/* They tell by their answers that they pad with zeros, so that unlike lengths get parity, too. */
static void boxes_know_each_other_by_the_first_answer(void **state)
{
	struct pair *pair = pair_bare_fec();
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	struct app *server = &pair->server.apps[0];
	struct kg_fec_stats stats = { 0 };

	say(&pair->client, client, "a");
	say(&pair->server, server, "bc");
	client->got_len = server->got_len = client->messages = server->messages = 0;
	pair->server.loses = pair->client.loses = is_second_of_group;
	for (int i = 0; i < 12; i++) {
		static const char text[] = "abcdefghijkl";

		say(&pair->client, client, text + i);
		say(&pair->server, server, text + i);
	}
	kg_fec_add_stats(pair->server.config.fec, &stats);
	assert_in_range(stats.recovered, 3, 4);
	assert_in_range(server->messages, 11, 12); /* of 12: the last group is open */
	assert_in_range(client->messages, 11, 12);
	pair_stop(pair);
}

/* An original's server of v1.1.7 takes them for shards of the group that they say. */
static void signs_of_life_say_a_group_that_there_is_not(void **state)
{
	struct pair *pair = pair_bare_fec();
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	unsigned int signs = 0;

	say_numbers(pair, client, 30);
	say(&pair->server, &pair->server.apps[0], "back");
	for (unsigned int back = 0; back < pair->logged; back++) {
		const uint8_t *bytes = pair->log[back].bytes;
		uint32_t sn = kg_load_be32(bytes + KG_UDPHOP_HEADER_BYTES);

		if (bytes[4] == KG_UDPHOP_RAW_DATA || !pair->log[back].to_server)
			continue;
		assert_in_range(sn, 1u << 30, 3u << 30);
		assert_int_equal(bytes[SUB_OFFSET], 0);
		signs++;
	}
	assert_true(signs >= 2);
	pair_stop(pair);
}

/* One that is far away says nothing of where the peer's groups are. */
static void signs_of_life_move_no_groups(void **state)
{
	struct pair *pair = pair_bare_fec();
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	uint8_t sign[KG_UDPHOP_HEADER_BYTES + KG_FEC_HEADER_BYTES + KG_UDPHOP_WORDS_BYTES];
	struct kg_datagram in = { .local = { pair->server.address, 3000 },
				  .data = sign,
				  .len = sizeof(sign) };

	pair->server.loses = is_second_of_group;
	say(&pair->client, client, "00");
	in.local = info_of(&pair->server, &pair->server.apps[0]).local;
	in.remote = info_of(&pair->server, &pair->server.apps[0]).remote;
	for (uint32_t i = 0; i < 32; i++) {
		kg_udphop_encode(sign, info_of(&pair->client, client).conv, KG_UDPHOP_KEEP_ALIVE);
		kg_fec_header_encode(sign + KG_UDPHOP_HEADER_BYTES, i << 27 | 1u << 20, 0);
		kg_udphop_put_words(sign + KG_UDPHOP_HEADER_BYTES + KG_FEC_HEADER_BYTES, i);
		assert_int_equal(kg_session_input(pair->server.session, &in, pair->now_us),
				 KG_DROP_NONE);
	}
	say(&pair->client, client, "01");
	say(&pair->client, client, "02");
	expect_each_once(&pair->server.apps[0], 3);
	pair_stop(pair);
}

/* What one end takes for an application's the other has put in front. */
static void who_has_no_fec_is_told_of(void **state)
{
	for (int with = 0; with < 2; with++) {
		struct pair *pair = pair_bare(0);
		struct end *ends[] = { &pair->client, &pair->server };
		struct app *client;

		ends[with]->data = 3;
		ends[with]->parity = 2;
		client = pair_open(pair_start(pair), KG_PROTOCOL_UDP);
		say(&pair->client, client, "a datagram that is long enough");
		run(pair, SEC(1));
		assert_true(pair->server.drops[KG_DROP_FEC_MALFORMED] > 0);
		pair_stop(pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_lost_comes_back_once),
		cmocka_unit_test(parity_alone_brings_nothing),
		cmocka_unit_test(what_was_late_only_comes_once_too),
		cmocka_unit_test(a_server_started_anew_goes_on_with_fec),
		cmocka_unit_test(an_originals_first_datagram_is_whole),
		cmocka_unit_test(boxes_know_each_other_by_the_first_answer),
		cmocka_unit_test(signs_of_life_say_a_group_that_there_is_not),
		cmocka_unit_test(signs_of_life_move_no_groups),
		cmocka_unit_test(who_has_no_fec_is_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
