/* SPDX-License-Identifier: BSD-3-Clause */
/* Channels that share local ports. */
#include "session_pair.h"

#include "base/bytes.h"

static struct pair *pair_sharing(unsigned int ports)
{
	struct pair *pair = pair_new();

	pair->client.host.shared_ports = ports;
	return pair_start(pair);
}

/* Both ways, and nowhere else. */
static void talk(struct pair *pair, unsigned int nth, const char *words)
{
	struct app *client = &pair->client.apps[nth], *server = &pair->server.apps[nth];

	client->got_len = server->got_len = 0;
	assert_true(app_send(&pair->client, client, words, strlen(words)));
	assert_true(app_send(&pair->server, server, words, strlen(words)));
	exchange(pair);
	expect(client, words);
	expect(server, words);
}

/* The server forgets everything; it draws the same convs again when it is given the same seed. */
static void restart_server(struct pair *pair, uint64_t seed)
{
	struct end *server = &pair->server;

	kg_session_destroy(server->session);
	kg_rng_init(&server->host.rng, seed);
	end_start(server);
	memset(server->apps, 0, sizeof(server->apps));
	server->app_count = 0;
}

static void channels_share_a_port(void **state)
{
	static const char *const words[] = { "one", "two", "three", "four" };
	struct pair *pair = pair_sharing(1);

	for (int i = 0; i < 4; i++)
		pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	for (int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < 4; i++) {
			assert_int_equal(info_of(&pair->client, &pair->client.apps[i]).local.port,
					 1000);
			talk(pair, i, words[i]);
		}
	}
	pair_stop(pair);
}

/* Somebody else has the port now: its channels go on from others, and the server follows. */
static void channels_leave_a_port(void **state)
{
	struct pair *pair = pair_sharing(2);

	for (int i = 0; i < 4; i++)
		pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	pair->client.host.shared_ports = 0;
	kg_session_leave_port(pair->client.session, 1000, pair->now_us);
	run(pair, SEC(1));
	for (unsigned int i = 0; i < 4; i++) {
		uint16_t port = info_of(&pair->client, &pair->client.apps[i]).local.port;

		assert_int_not_equal(port, 1000);
		talk(pair, i, "moved");
		assert_int_equal(info_of(&pair->server, &pair->server.apps[i]).remote.port, port);
	}
	pair_stop(pair);
}

/* Ports that the client's open channels have. */
static unsigned int ports_of(struct pair *pair)
{
	bool has[2] = { false, false };

	for (unsigned int i = 0; i < pair->client.app_count; i++) {
		if (pair->client.apps[i].ch != NULL)
			has[info_of(&pair->client, &pair->client.apps[i]).local.port - 1000] = true;
	}
	return (unsigned int)has[0] + has[1];
}

/* Whoever leaves, first or last, the others stay. A port is given back with the last who has it,
 * once. */
static void a_shared_port_is_left_in_any_order(void **state)
{
	struct pair *pair = pair_sharing(2);

	for (int i = 0; i < 6; i++)
		pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(20));
	assert_int_equal(pair->client.host.ports_out, 2);
	for (unsigned int left = 6, i = 1; left > 0; left--, i = (i + 5) % 6) {
		kg_channel_finish(pair->client.apps[i].ch, pair->now_us);
		run(pair, SEC(50));
		assert_int_equal(pair->client.host.ports_out, ports_of(pair));
		assert_true(left > 1 || pair->client.host.ports_out == 0);
		for (unsigned int j = 0; j < 6; j++) {
			if (pair->client.apps[j].ch != NULL)
				talk(pair, j, "still here");
		}
	}
	pair_stop(pair);
}

/* A server that was restarted, like another one, may give out a conv that we know already. */
static void equal_convs_take_different_ports(void **state)
{
	struct pair *pair = pair_sharing(2);
	struct app *old, *new;

	restart_server(pair, PAIR_SEED);
	old = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	restart_server(pair, PAIR_SEED);
	pair->client.host.shared_next = 0;
	new = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	assert_int_equal(new->opened, 1);
	assert_int_equal(info_of(&pair->client, new).conv, info_of(&pair->client, old).conv);
	assert_int_not_equal(info_of(&pair->client, new).local.port,
			     info_of(&pair->client, old).local.port);
	assert_true(app_send(&pair->client, new, "new", 3));
	exchange(pair);
	expect(&pair->server.apps[0], "new");
	pair_stop(pair);
}

static void without_another_port_the_channel_ends(void **state)
{
	struct pair *pair = pair_sharing(1);
	struct app *old, *new;

	restart_server(pair, PAIR_SEED);
	old = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	restart_server(pair, PAIR_SEED);
	new = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(20));
	assert_int_equal(new->closed, 1);
	assert_int_equal(new->why, KG_CLOSE_EXHAUSTED);
	assert_int_equal(old->closed, 0);
	assert_int_equal(pair->client.host.ports_out, 1);
	pair_stop(pair);
}

/* Channels that a server has forgotten end beside new ones on the same port, when they ask. */
static void forgotten_channels_die_alone(void **state)
{
	struct pair *pair = pair_sharing(1);

	for (int i = 0; i < 3; i++)
		pair_open_quiet(pair, KG_PROTOCOL_TCP);
	restart_server(pair, PAIR_SEED + 77);
	for (int i = 0; i < 3; i++)
		pair_open_quiet(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(300));
	assert_true(pair->server.drops[KG_DROP_CONV_UNKNOWN] > 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(pair->client.apps[i].why, KG_CLOSE_FORGOTTEN);
		assert_int_equal(pair->client.apps[i].closed, 1);
		assert_int_equal(pair->client.apps[3 + i].closed, 0);
	}
	assert_true(app_send(&pair->client, &pair->client.apps[4], "alive", 5));
	exchange(pair);
	expect(&pair->server.apps[1], "alive");
	pair_stop(pair);
}

/* So many new channels in a moment that handshakes' ports come again before the server has
 * forgotten them. */
static void ports_of_handshakes_come_again(void **state)
{
	struct pair *pair = pair_sharing(1);
	uint16_t first = pair->client.host.port_next;

	for (int i = 0; i < 8; i++) {
		struct app *client;

		/* What the handshake before has is the only one. */
		pair->client.host.ports_max = i == 0 ? 1 : 2;
		pair->client.host.port_next = first;
		client = pair_open(pair, KG_PROTOCOL_TCP);
		pair->client.host.ports_max = 100;
		run(pair, 1000);
		assert_int_equal(client->opened, 1);
		assert_int_equal(pair->client.host.ports_out, 2);
	}
	assert_int_equal(pair->server.app_count, 8);
	assert_int_equal(stats_of(&pair->server).handshakes_done, 8);
	pair_stop(pair);
}

#define UNA_AT 16

/* What a client says to an answer that comes again. */
static struct logged acknowledge_answer(struct pair *pair)
{
	struct logged word = *latest(pair, true, 0);

	word.datagram.len = KG_KCP_HEADER_BYTES;
	word.bytes[4] = KG_KCP_ACK;
	kg_store_le32(word.bytes + UNA_AT, 1);
	return word;
}

/* The port comes again while that is still under way. */
static void a_late_word_of_the_handshake_before_is_nobodys(void **state)
{
	struct pair *pair = pair_sharing(1);
	uint16_t first = pair->client.host.port_next;
	struct logged word;

	pair->client.host.ports_max = 1;
	pair_open(pair, KG_PROTOCOL_TCP);
	carry(&pair->client, &pair->server);
	word = acknowledge_answer(pair);
	pair->client.host.ports_max = 100;
	run(pair, 1000);
	pair->server.answer = ANSWER_LATER;
	pair->client.host.port_next = first;
	pair_open(pair, KG_PROTOCOL_TCP);
	carry(&pair->client, &pair->server);
	assert_int_equal(pair->server.app_count, 2);
	word.datagram.data = word.bytes;
	assert_int_equal(deliver(&pair->server, &word), KG_DROP_HANDSHAKE_UNKNOWN);
	pair_stop(pair);
}

/* What repeats the request, early or late, is the same request: copies overtake each other where
 * they wait. */
static void a_repeated_request_is_not_another(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct logged request;

	pair_open(pair, KG_PROTOCOL_TCP);
	carry(&pair->client, &pair->server);
	request = *latest(pair, true, 0);
	run(pair, SEC(1));
	for (int32_t ms = -29000; ms <= 29000; ms += 500) {
		uint32_t ts = kg_load_le32(request.bytes + 8);

		kg_store_le32(request.bytes + 8, ts + (uint32_t)ms);
		request.datagram.data = request.bytes;
		request.datagram.digest++;
		assert_int_equal(deliver(&pair->server, &request), KG_DROP_NONE);
		kg_store_le32(request.bytes + 8, ts);
	}
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 1);
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(channels_share_a_port),
		cmocka_unit_test(channels_leave_a_port),
		cmocka_unit_test(a_shared_port_is_left_in_any_order),
		cmocka_unit_test(equal_convs_take_different_ports),
		cmocka_unit_test(without_another_port_the_channel_ends),
		cmocka_unit_test(forgotten_channels_die_alone),
		cmocka_unit_test(ports_of_handshakes_come_again),
		cmocka_unit_test(a_late_word_of_the_handshake_before_is_nobodys),
		cmocka_unit_test(a_repeated_request_is_not_another),
	};

	return cmocka_run_group_tests_name("session_ports", tests, NULL, NULL);
}
