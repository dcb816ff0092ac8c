/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions without KCP: datagrams as they are, channels without a beginning and an end on the wire.
 */
#include "bare_pair.h"

/* ---- datagrams ---- */

static void datagrams_go_both_ways_as_they_are(void **state)
{
	struct pair *pair = pair_start(pair_bare(0));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	struct app *server = &pair->server.apps[0];
	const struct logged *logged;
	uint32_t iden = info_of(&pair->client, client).conv;

	say(&pair->client, client, "first");
	assert_int_equal(pair->server.app_count, 1);
	expect(server, "first");
	logged = latest(pair, true, 0);
	assert_int_equal(logged->datagram.len, KG_UDPHOP_HEADER_BYTES + 5);
	assert_int_equal(kg_load_be32(logged->bytes), iden);
	assert_true(iden >= KG_UDPHOP_IDEN_MIN);
	assert_int_equal(logged->bytes[4], KG_UDPHOP_RAW_DATA);
	say(&pair->server, server, "answer");
	expect(client, "answer");
	say(&pair->client, client, "");
	assert_int_equal(server->messages, 2);
	assert_int_equal(pair->logged, 3);
	assert_int_equal(pair->client.drops[KG_DROP_NONE] + pair->server.drops[KG_DROP_NONE], 3);
	pair_stop(pair);
}

/* In pieces on the way to the wire and to the application, and whole in between. */
static void the_longest_datagram_passes_and_no_longer_one(void **state)
{
	static uint8_t bytes[KG_DATAGRAM_MAX_BYTES];
	struct pair *pair = pair_start(pair_bare(0));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	size_t most = PAIR_MTU - KG_UDPHOP_HEADER_BYTES; /* of the rig's wire */

	memset(bytes, 7, sizeof(bytes));
	assert_true(app_send(&pair->client, client, bytes, most));
	run(pair, KG_US_PER_MS);
	assert_int_equal(pair->server.apps[0].got_len, most);
	assert_int_equal(pair->server.apps[0].messages, 1);
	assert_false(app_send(&pair->client, client, bytes, sizeof(bytes)));
	pair_stop(pair);
}

static struct kg_buf *kept; /* what a host would keep */
#define KEPT_BYTES 8u

static struct kg_buf *keep(const struct kg_datagram *in, uint8_t *bytes, uint16_t len)
{
	assert_true(bytes >= in->data && bytes + len == in->data + in->len);
	if (kept != NULL) {
		assert_int_equal(len, KEPT_BYTES);
		memcpy(kept->data, bytes, len);
		kept->len = len;
	}
	return kept;
}

static uint32_t bufs_of(const struct pair *pair)
{
	return (uint32_t)pair->server.host.pool.in_use;
}

/* Where it can stay, the host keeps it, and a copy is made where it cannot. */
static void what_can_stay_where_it_came_in_is_not_copied(void **state)
{
	struct pair *pair = pair_bare(0);
	struct kg_buf_malloc_pool hosts;
	struct app *client, *server = &pair->server.apps[0];

	kg_buf_malloc_pool_init(&hosts, 1);
	pair->server.slow = true;
	client = pair_open(pair_start(pair), KG_PROTOCOL_UDP);
	for (int round = 0; round < 2; round++) {
		struct logged copy;
		uint32_t before = bufs_of(pair);

		kept = round == 0 ? kg_buf_alloc(&hosts.pool, KEPT_BYTES) : NULL;
		say(&pair->client, client, "in place");
		copy = *latest(pair, true, 0);
		copy.datagram.data = copy.bytes;
		copy.datagram.keep = keep;
		assert_int_equal(bufs_of(pair), before + 1);
		kg_session_input(pair->server.session, &copy.datagram, pair->now_us);
		assert_int_equal(bufs_of(pair), before + 1 + round);
	}
	assert_true(app_read(&pair->server, server, UINT32_MAX));
	expect(server, "in placein placein placein place");
	assert_int_equal(hosts.in_use, 0);
	pair_stop(pair);
}

/* So that the box cuts what is longer. */
static void datagrams_say_what_the_path_takes(void **state)
{
	struct pair *pair = pair_bare(0);
	struct app *client;

	pair->client.config.path_mtu_max = 1000;
	client = pair_open(pair_start(pair), KG_PROTOCOL_UDP);
	say(&pair->client, client, "x");
	assert_int_equal(latest(pair, true, 0)->datagram.mtu, 1000);
	pair_stop(pair);
}

static void channels_have_a_bound_for_what_is_not_read(void **state)
{
	struct pair *pair = pair_bare(0);
	struct app *client;

	pair->server.slow = true;
	client = pair_open(pair_start(pair), KG_PROTOCOL_UDP);
	for (int i = 0; i < 600; i++) {
		assert_true(app_send(&pair->client, client, "x", 1));
		exchange(pair);
	}
	assert_int_equal(pair->server.drops[KG_DROP_BARE_FULL], 600 - 512);
	assert_true(app_read(&pair->server, &pair->server.apps[0], UINT32_MAX));
	assert_int_equal(pair->server.apps[0].messages, 512);
	pair_stop(pair);
}

/* Six at once are not five too many: the first of a burst is no different from its second. */
static void a_burst_has_room_where_buffers_are_short(void **state)
{
	struct pair *pair = pair_bare(0);
	struct app *client;

	pair->server.slow = true;
	client = pair_open(pair_start(pair), KG_PROTOCOL_UDP);
	pair->server.host.pool.limit = pair->server.host.pool.kept = KG_BUF_BURST;
	for (int i = 0; i < 20; i++)
		assert_true(app_send(&pair->client, client, "x", 1));
	exchange(pair);
	assert_int_equal(pair->server.drops[KG_DROP_NONE], KG_BUF_BURST / 4);
	assert_int_equal(pair->server.drops[KG_DROP_NO_BUFFER], 20 - KG_BUF_BURST / 4);
	pair_stop(pair);
}

/* ---- beginning and end ---- */

static void both_ends_forget_what_is_silent(void **state)
{
	struct pair *pair = pair_start(pair_bare(0));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	struct app *server = &pair->server.apps[0];

	say(&pair->client, client, "a");
	run(pair, SEC(1799));
	assert_int_equal(client->closed + server->closed, 0);
	run(pair, SEC(2));
	assert_int_equal(client->why, KG_CLOSE_IDLE);
	assert_int_equal(server->why, KG_CLOSE_IDLE);
	pair_stop(pair);
}

static void a_server_started_anew_goes_on(void **state)
{
	struct pair *pair = pair_start(pair_bare(0));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);

	say(&pair->client, client, "before");
	kg_session_destroy(pair->server.session);
	end_start(&pair->server);
	say(&pair->client, client, "after");
	expect(&pair->server.apps[1], "after");
	say(&pair->server, &pair->server.apps[1], "back");
	expect(client, "back");
	assert_int_equal(info_of(&pair->client, client).conv,
			 info_of(&pair->server, &pair->server.apps[1]).conv);
	pair_stop(pair);
}

static void who_was_refused_is_not_dialled_for_with_each_datagram(void **state)
{
	struct pair *pair = pair_bare(0);
	struct app *client;

	pair->server.answer = ANSWER_REFUSE;
	client = pair_open(pair_start(pair), KG_PROTOCOL_UDP);
	for (int i = 0; i < 25; i++) /* of 50 ms */
		say(&pair->client, client, "anybody?");
	assert_int_equal(pair->server.app_count, 2);
	pair_stop(pair);
}

static void strangers_give_way_the_oldest_first(void **state)
{
	struct pair *pair = pair_bare(0);
	struct app *clients[5];

	pair->server.config.doubted_max = 3;
	pair_start(pair);
	for (int i = 0; i < 5; i++) {
		clients[i] = pair_open(pair, KG_PROTOCOL_UDP);
		say(&pair->client, clients[i], "one");
		if (i > 0)
			continue;
		say(&pair->server, &pair->server.apps[0], "two");
		say(&pair->client, clients[0], "three"); /* a conversation */
	}
	assert_int_equal(pair->server.apps[0].closed, 0);
	assert_int_equal(pair->server.apps[1].why, KG_CLOSE_GAVE_WAY);
	assert_int_equal(pair->server.apps[2].closed + pair->server.apps[3].closed +
				 pair->server.apps[4].closed,
			 0);
	pair_stop(pair);
}

static void a_stop_says_what_was_taken(void **state)
{
	struct pair *pair = pair_start(pair_bare(0));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);

	assert_true(app_send(&pair->client, client, "last", 4));
	kg_session_shutdown(pair->client.session, pair->now_us);
	assert_false(kg_session_is_quiet(pair->client.session));
	exchange(pair);
	assert_true(kg_session_is_quiet(pair->client.session));
	expect(&pair->server.apps[0], "last");
	run(pair, SEC(1));
	pair_stop(pair);
}

/* ---- tests and signs of life ---- */

static void answers_come_from_where_it_was_asked(void **state)
{
	struct pair *pair = pair_start(pair_bare(0));
	uint8_t question[KG_UDPHOP_HEADER_BYTES + KG_UDPHOP_WORDS_BYTES];
	static const enum kg_udphop_feature answers[] = {
		[KG_UDPHOP_KEEP_ALIVE] = KG_UDPHOP_KEEP_ALIVE_RESPONSE,
		[KG_UDPHOP_TEST] = KG_UDPHOP_TEST,
	};

	for (uint32_t iden = 0; iden <= 4711; iden += 4711) {
		for (enum kg_udphop_feature f = KG_UDPHOP_KEEP_ALIVE; f <= KG_UDPHOP_TEST; f++) {
			struct kg_datagram in = { .local = { pair->server.address, 3007 },
						  .remote = elsewhere,
						  .data = question,
						  .len = put_words(question, iden, f, 77) };
			uint8_t bytes[PAIR_BODY_MAX];
			struct kg_datagram out = { .data = bytes };

			if (iden == 0 && f == KG_UDPHOP_KEEP_ALIVE)
				continue; /* nobody's */
			assert_int_equal(kg_session_input(pair->server.session, &in, pair->now_us),
					 KG_DROP_NONE);
			assert_true(kg_session_output(pair->server.session, &out, pair->now_us));
			assert_true(kg_endpoint_equal(&out.remote, &elsewhere));
			assert_int_equal(out.local.port, 3007);
			assert_int_equal(out.len, in.len);
			kg_udphop_encode(question, iden, answers[f]);
			assert_memory_equal(out.data, question, in.len);
		}
	}
	assert_int_equal(pair->server.app_count, 0);
	pair_stop(pair);
}

/* An answer comes from the port to which the latest datagram went, however soon after another. */
static void a_server_answers_from_where_it_was_heard_last(void **state)
{
	struct pair *pair = pair_start(pair_bare(0));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	struct app *server = &pair->server.apps[0];
	struct logged other;

	say(&pair->client, client, "a");
	for (uint16_t port = 3001; port < 3004; port++) {
		other = *latest(pair, true, 0);
		other.datagram.data = other.bytes;
		other.datagram.local.port = port;
		deliver(&pair->server, &other);
		say(&pair->server, server, "b");
		assert_int_equal(latest(pair, false, 0)->datagram.remote.port, port);
	}
	pair_stop(pair);
}

static void a_channel_outlives_hops(void **state)
{
	struct pair *pair = pair_start(pair_bare(20));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	struct app *server = &pair->server.apps[0];
	uint16_t from = info_of(&pair->client, client).local.port;

	for (int i = 0; i < 1000; i++) {
		say(&pair->client, client, "u");
		say(&pair->server, server, "d");
	}
	assert_in_range(stats_of(&pair->client).hops[KG_HOP_TIMER], 4, 6);
	assert_int_equal(stats_of(&pair->client).hops[KG_HOP_SILENCE], 0);
	assert_int_equal(pair->server.app_count, 1);
	assert_int_equal(client->messages, 1000);
	assert_int_equal(server->messages, 1000);
	assert_int_not_equal(info_of(&pair->client, client).local.port, from);
	assert_int_equal(info_of(&pair->server, server).remote.port,
			 info_of(&pair->client, client).local.port);
	assert_in_range(pair->client.host.ports_out, 1, 3);
	pair_stop(pair);
}

static void a_dead_port_is_left_within_two_seconds(void **state)
{
	struct pair *pair = pair_start(pair_bare(600));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	struct app *server = &pair->server.apps[0];
	uint64_t begin_us;
	unsigned int before;

	say(&pair->client, client, "a");
	say(&pair->server, server, "b");
	dead_first = dead_last = info_of(&pair->client, client).remote.port;
	before = server->messages;
	begin_us = pair->now_us;
	while (server->messages < before + 1) {
		say(&pair->client, client, "c");
		assert_true(pair->now_us < begin_us + SEC(2));
	}
	assert_int_equal(pair->server.app_count, 1);
	assert_int_equal(stats_of(&pair->client).hops[KG_HOP_SILENCE], 1);
	pair_stop(pair);
}

/* Nobody answers a stream in one direction, but its server does: it stays. */
static void a_stream_without_answers_stays_where_it_is(void **state)
{
	struct pair *pair = pair_start(pair_bare(600));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);

	for (int i = 0; i < 400; i++)
		say(&pair->client, client, "down");
	assert_int_equal(pair->server.apps[0].messages, 400);
	assert_int_equal(stats_of(&pair->client).path_tests, 0);
	pair_stop(pair);
}

/* For the log. */
static void a_server_that_does_not_answer_is_told_of(void **state)
{
	struct pair *pair = pair_start(pair_bare(0));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	struct kg_endpoint remote;
	uint64_t since_us, begin_us;

	say(&pair->client, client, "a");
	run(pair, SEC(5)); /* its sign of life is answered */
	assert_false(kg_session_asks(pair->client.session, &remote, &since_us));
	pair->server.deaf = true;
	begin_us = pair->now_us;
	say(&pair->client, client, "b");
	run(pair, SEC(3));
	assert_true(kg_session_asks(pair->client.session, &remote, &since_us));
	assert_true(kg_ip_equal(&remote.ip, &pair->server.address));
	assert_int_equal(since_us, begin_us);
	pair->server.deaf = false;
	say(&pair->client, client, "c");
	say(&pair->server, &pair->server.apps[0], "d");
	assert_false(kg_session_asks(pair->client.session, &remote, &since_us));
	pair_stop(pair);
}

static void a_server_that_is_gone_is_not_asked_for_ever(void **state)
{
	struct pair *pair = pair_start(pair_bare(600));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	uint64_t tests;

	say(&pair->client, client, "a");
	dead_first = 3000;
	dead_last = 3010;
	say(&pair->client, client, "b");
	run(pair, SEC(60));
	tests = stats_of(&pair->client).path_tests;
	assert_true(tests > 0);
	run(pair, SEC(300));
	assert_int_equal(stats_of(&pair->client).path_tests, tests);
	pair_stop(pair);
}

/* ---- where a client is ---- */

static bool server_is_with(const struct pair *pair, const struct kg_ip *ip)
{
	struct kg_endpoint remote = info_of(&pair->server, &pair->server.apps[0]).remote;

	return kg_ip_equal(&remote.ip, ip);
}

static void copies_move_nobody(void **state)
{
	struct pair *pair = pair_start(pair_bare(0));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);

	say(&pair->client, client, "a");
	for (int i = 0; i < 20; i++) {
		struct logged copy;

		say(&pair->client, client, "b");
		copy = *latest(pair, true, 0);
		copy.datagram.data = copy.bytes;
		copy.datagram.remote = elsewhere;
		deliver(&pair->server, &copy);
		pair->client.deaf = true; /* what goes elsewhere is not for the client */
		run(pair, SEC(1) / 4);
		pair->client.deaf = false;
		assert_true(server_is_with(pair, &pair->client.address));
	}
	assert_int_equal(stats_of(&pair->server).peer_moves, 0);
	pair_stop(pair);
}

static void a_client_behind_another_address_is_followed(void **state)
{
	struct pair *pair = pair_start(pair_bare(0));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);

	say(&pair->client, client, "a");
	pair->client.address = elsewhere.ip;
	say(&pair->client, client, "b");
	assert_true(server_is_with(pair, &elsewhere.ip));
	say(&pair->server, &pair->server.apps[0], "c");
	expect(client, "c");
	assert_int_equal(stats_of(&pair->server).peer_moves, 1);
	assert_int_equal(pair->server.app_count, 1);
	pair_stop(pair);
}

/* What is older than the newest stamp is no news, and has no turn. */
static void an_old_copy_does_not_talk_over_who_has_moved(void **state)
{
	struct pair *pair = pair_start(pair_bare(0));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	struct logged copy;

	say(&pair->client, client, "a");
	run(pair, SEC(10));
	say(&pair->client, client, "b");
	copy = *latest(pair, true, 0);
	copy.datagram.data = copy.bytes;
	copy.datagram.remote = (struct kg_endpoint){ { 4, { 198, 19, 7, 7 } }, 7777 };
	copy.datagram.age_s = 10;
	deliver(&pair->server, &copy);
	pair->client.address = elsewhere.ip;
	say(&pair->client, client, "c");
	assert_true(server_is_with(pair, &elsewhere.ip));
	pair_stop(pair);
}

/* Its sign of life is enough. */
static void keep_alive_moves_an_idle_channel(void **state)
{
	struct pair *pair = pair_bare(0);
	struct app *client;

	pair->client.config.keep_alive_s = 5;
	client = pair_open(pair_start(pair), KG_PROTOCOL_UDP);
	say(&pair->client, client, "a");
	pair->client.address = elsewhere.ip;
	run(pair, SEC(6));
	assert_true(server_is_with(pair, &elsewhere.ip));
	pair_stop(pair);
}

/* An original answers with a number of its own. */
static void an_original_is_followed_by_its_time(void **state)
{
	struct pair *pair = pair_start(pair_bare(0));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	uint32_t iden = info_of(&pair->client, client).conv;
	struct logged copy;
	uint8_t bytes[64];
	struct kg_datagram answer = { .local = { pair->server.address, 3000 },
				      .remote = elsewhere,
				      .data = bytes };

	say(&pair->client, client, "a");
	run(pair, SEC(10));
	answer.len = put_words(bytes, iden, KG_UDPHOP_KEEP_ALIVE_RESPONSE, 99);
	copy = *latest(pair, true, 0);
	copy.datagram.data = copy.bytes;
	copy.datagram.remote = elsewhere;
	pair->client.deaf = true;
	deliver(&pair->server, &copy);
	carry(&pair->server, &pair->client); /* the question */
	pair->client.deaf = false;
	for (answer.age_s = 10; answer.age_s >= 2; answer.age_s -= 8) {
		kg_session_input(pair->server.session, &answer, pair->now_us);
		/* Said before it was asked. */
		assert_true(server_is_with(pair, &pair->client.address));
	}
	answer.age_s = 0;
	kg_session_input(pair->server.session, &answer, pair->now_us);
	assert_true(server_is_with(pair, &elsewhere.ip));
	pair_stop(pair);
}

/* An original's clock is wrong, and then it is set back. */
static void an_original_is_followed_by_a_clock_of_its_own(void **state)
{
	static const int16_t clocks[] = { 40, 5, -40, 100 };
	struct pair *pair = pair_start(pair_bare(0));
	struct app *client = pair_open(pair, KG_PROTOCOL_UDP);
	uint32_t iden = info_of(&pair->client, client).conv;
	struct kg_endpoint at = elsewhere;
	uint8_t bytes[64];

	for (size_t i = 0; i < KG_ARRAY_SIZE(clocks); i++) {
		struct kg_datagram answer = { .local = { pair->server.address, 3000 },
					      .data = bytes };

		pair->client.behind_s = clocks[i];
		for (int minutes = 0; minutes < 3; minutes++) {
			say(&pair->client, client, "a");
			run(pair, SEC(61));
		}
		say(&pair->client, client, "b");
		at.ip.bytes[3]++;
		pair->client.deaf = true; /* which would bring the number back */
		pair->client.address = at.ip;
		say(&pair->client, client, "c");
		pair->client.deaf = false;
		answer.remote = latest(pair, true, 0)->datagram.remote;
		answer.len = put_words(bytes, iden, KG_UDPHOP_KEEP_ALIVE_RESPONSE, 99);
		answer.age_s = (int16_t)(clocks[i] + 8);
		kg_session_input(pair->server.session, &answer, pair->now_us);
		assert_false(server_is_with(pair, &at.ip)); /* said before */
		answer.age_s = clocks[i];
		kg_session_input(pair->server.session, &answer, pair->now_us);
		assert_true(server_is_with(pair, &at.ip));
	}
	pair_stop(pair);
}

static void what_is_none_changes_nothing(void **state)
{
	struct pair *pair = pair_start(pair_bare(0));
	uint8_t bytes[64] = { 0, 0, 1, 0, KG_UDPHOP_FEATURES };
	struct kg_datagram in = { .local = { pair->server.address, 3000 },
				  .remote = elsewhere,
				  .data = bytes };

	for (uint16_t len = 0; len <= KG_UDPHOP_HEADER_BYTES; len++) {
		in.len = len;
		assert_int_equal(kg_session_input(pair->server.session, &in, pair->now_us),
				 KG_DROP_BARE_MALFORMED);
	}
	bytes[4] = KG_UDPHOP_KEEP_ALIVE_RESPONSE;
	assert_int_equal(kg_session_input(pair->server.session, &in, pair->now_us),
			 KG_DROP_CONV_UNKNOWN);
	bytes[4] = KG_UDPHOP_TEST;
	in.len = sizeof(bytes); /* an answer would be too long to be one */
	assert_int_equal(kg_session_input(pair->server.session, &in, pair->now_us),
			 KG_DROP_BARE_MALFORMED);
	assert_false(kg_session_output_pending(pair->server.session));
	assert_int_equal(stats_of(&pair->server).channels, 0);
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_go_both_ways_as_they_are),
		cmocka_unit_test(the_longest_datagram_passes_and_no_longer_one),
		cmocka_unit_test(what_can_stay_where_it_came_in_is_not_copied),
		cmocka_unit_test(datagrams_say_what_the_path_takes),
		cmocka_unit_test(channels_have_a_bound_for_what_is_not_read),
		cmocka_unit_test(a_burst_has_room_where_buffers_are_short),
		cmocka_unit_test(both_ends_forget_what_is_silent),
		cmocka_unit_test(a_server_started_anew_goes_on),
		cmocka_unit_test(who_was_refused_is_not_dialled_for_with_each_datagram),
		cmocka_unit_test(strangers_give_way_the_oldest_first),
		cmocka_unit_test(a_stop_says_what_was_taken),
		cmocka_unit_test(answers_come_from_where_it_was_asked),
		cmocka_unit_test(a_server_answers_from_where_it_was_heard_last),
		cmocka_unit_test(a_channel_outlives_hops),
		cmocka_unit_test(a_dead_port_is_left_within_two_seconds),
		cmocka_unit_test(a_stream_without_answers_stays_where_it_is),
		cmocka_unit_test(a_server_that_does_not_answer_is_told_of),
		cmocka_unit_test(a_server_that_is_gone_is_not_asked_for_ever),
		cmocka_unit_test(copies_move_nobody),
		cmocka_unit_test(a_client_behind_another_address_is_followed),
		cmocka_unit_test(an_old_copy_does_not_talk_over_who_has_moved),
		cmocka_unit_test(keep_alive_moves_an_idle_channel),
		cmocka_unit_test(an_original_is_followed_by_its_time),
		cmocka_unit_test(an_original_is_followed_by_a_clock_of_its_own),
		cmocka_unit_test(what_is_none_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
