/* SPDX-License-Identifier: BSD-3-Clause */
/* A client whose host knows no way to the server: what asks is closed at once, what is open stays.
 */
#include "session_pair.h"

static const struct kg_ip *server_ip(void)
{
	return &pair_addresses[KG_ROLE_SERVER];
}

/* The local port that a handshake asks from. */
static uint16_t asking_port(struct pair *pair)
{
	uint8_t bytes[PAIR_BODY_MAX];
	struct kg_datagram out = { .data = bytes };

	assert_true(kg_session_output(pair->client.session, &out, pair->now_us));
	return out.local.port;
}

static void what_asks_is_closed(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *open = pair_open_quiet(pair, KG_PROTOCOL_TCP), *asking[2];
	struct kg_ip other = { .version = 4, .bytes = { 192, 0, 2, 1 } };
	struct kg_endpoint remote;
	uint64_t since_us;

	assert_false(kg_session_asks(pair->client.session, &remote, &since_us));
	for (int i = 0; i < 2; i++)
		asking[i] = pair_open(pair, KG_PROTOCOL_TCP);
	assert_true(kg_session_asks(pair->client.session, &remote, &since_us));
	assert_true(kg_ip_equal(&remote.ip, server_ip()));
	assert_int_equal(since_us, pair->now_us);

	kg_session_no_route(pair->client.session, &other, pair->now_us);
	assert_int_equal(asking[0]->closed + asking[1]->closed, 0);
	kg_session_no_route(pair->client.session, server_ip(), pair->now_us);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(asking[i]->closed, 1);
		assert_int_equal(asking[i]->why, KG_CLOSE_NO_ROUTE);
	}
	assert_false(kg_session_asks(pair->client.session, &remote, &since_us));
	assert_int_equal(open->closed, 0);
	assert_int_equal(stats_of(&pair->client).closed_by[KG_CLOSE_NO_ROUTE], 2);
	assert_int_equal(stats_of(&pair->client).handshakes_failed, 2);

	/* With the route back the next one opens, and nothing of the others is left. */
	pair_open_quiet(pair, KG_PROTOCOL_TCP);
	pair_stop(pair);
}

static void what_asks_from_a_port_is_closed(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *open = pair_open_quiet(pair, KG_PROTOCOL_TCP), *asking;
	uint16_t own_port = info_of(&pair->client, open).local.port;

	asking = pair_open(pair, KG_PROTOCOL_TCP);
	kg_session_no_route_from(pair->client.session, own_port, pair->now_us);
	assert_int_equal(open->closed + asking->closed, 0);
	kg_session_no_route_from(pair->client.session, asking_port(pair), pair->now_us);
	assert_int_equal(open->closed, 0);
	assert_int_equal(asking->closed, 1);
	assert_int_equal(asking->why, KG_CLOSE_NO_ROUTE);
	pair_stop(pair);
}

/* The wire of the pair brings everything to the server, whatever its address. */
static void destinations_come_and_change(void **state)
{
	static const struct kg_ip second = { 4, { 198, 18, 0, 3 } };
	static const struct kg_port_range ports = { 3001, 3001 };
	struct pair *pair = pair_new();
	struct kg_session *client;
	struct kg_endpoint remote;
	uint64_t since_us;
	struct app *open;

	pair->client.config.destination_count = 0;
	pair_start(pair);
	client = pair->client.session;
	assert_null(kg_session_open(client, KG_PROTOCOL_TCP, NULL, NULL, pair->now_us));
	assert_int_equal(stats_of(&pair->client).channels_opened, 0);

	kg_session_set_destinations(client, server_ip(), 1, &pair_ports, 1, pair->now_us);
	open = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	kg_session_set_destinations(client, &second, 1, &ports, 1, pair->now_us);
	pair_open(pair, KG_PROTOCOL_TCP);
	assert_true(kg_session_asks(client, &remote, &since_us));
	assert_true(kg_ip_equal(&remote.ip, &second));
	assert_int_equal(remote.port, 3001);
	remote = info_of(&pair->client, open).remote;
	assert_true(kg_ip_equal(&remote.ip, server_ip()));
	kg_session_no_route(client, &second, pair->now_us);

	kg_session_set_destinations(client, NULL, 0, &pair_ports, 1, pair->now_us);
	assert_null(kg_session_open(client, KG_PROTOCOL_TCP, NULL, NULL, pair->now_us));
	assert_int_equal(open->closed, 0);
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_asks_is_closed),
		cmocka_unit_test(what_asks_from_a_port_is_closed),
		cmocka_unit_test(destinations_come_and_change),
	};

	return cmocka_run_group_tests_name("session_route", tests, NULL, NULL);
}
