/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths that hop: on time, from what is silent, only to what answers, all their channels at once.
 */
#include "session_pair.h"

#include "base/bytes.h"
#include "session/internal.h"

static const struct kg_port_range many_ports = { 3000, 3010 };
static uint16_t dead_first, dead_last; /* server ports that lose everything */

static bool is_dead(struct end *end, const struct kg_datagram *datagram)
{
	return datagram->local.port >= dead_first && datagram->local.port <= dead_last;
}

static bool is_test(struct end *end, const struct kg_datagram *datagram)
{
	return kg_load_le32(datagram->data) == 0 && end->app_count > 0;
}

static struct pair *pair_hopping(uint32_t min_s, uint32_t max_s, unsigned int shared_ports)
{
	struct pair *pair = pair_new();

	dead_first = dead_last = 0;
	pair->hop_us = 5 * KG_US_PER_MS;
	pair->client.config.destination_ports = &many_ports;
	pair->client.config.hop_min_s = min_s;
	pair->client.config.hop_max_s = max_s;
	pair->client.host.shared_ports = shared_ports;
	pair->server.loses = is_dead;
	return pair_start(pair);
}

static uint16_t server_port(const struct pair *pair, const struct app *app)
{
	return info_of(&pair->client, app).remote.port;
}

static void say(struct pair *pair, struct app *app, char what)
{
	assert_true(app_send(&pair->client, app, &what, 1));
}

/* A byte each way every 100 ms; the local ports that are in use at once, at most. */
static unsigned int stream(struct pair *pair, struct app *client, struct app *server,
			   unsigned int seconds)
{
	size_t before = client->got_len, sent = 10 * seconds;
	unsigned int most = 0;

	for (unsigned int i = 0; i < 10 * seconds; i++) {
		say(pair, client, 'u');
		assert_true(app_send(&pair->server, server, "d", 1));
		run(pair, SEC(1) / 10);
		most = KG_MAX(most, pair->client.host.ports_out);
	}
	assert_int_equal(client->got_len, before + sent);
	assert_int_equal(server->got_len, before + sent);
	return most;
}

static void a_path_hops_on_time_and_nothing_is_lost(void **state)
{
	struct pair *pair = pair_hopping(15, 20, 0);
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
	uint16_t from;

	run(pair, SEC(1));
	from = info_of(&pair->client, client).local.port;
	assert_in_range(stream(pair, client, &pair->server.apps[0], 61), 2, 4);
	assert_in_range(stats_of(&pair->client).hops[KG_HOP_TIMER], 3, 4);
	assert_int_equal(stats_of(&pair->client).hops[KG_HOP_SILENCE], 0);
	assert_int_not_equal(info_of(&pair->client, client).local.port, from);
	assert_int_equal(info_of(&pair->server, &pair->server.apps[0]).remote.port,
			 info_of(&pair->client, client).local.port);
	assert_int_equal(pair->client.drops[KG_DROP_CONV_UNKNOWN], 0);
	pair_stop(pair);
}

/* For ever: also when nothing is said. */
static void idle_channels_hop_too(void **state)
{
	struct pair *pair = pair_hopping(20, 20, 0);
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	run(pair, SEC(1000));
	assert_in_range(stats_of(&pair->client).hops[KG_HOP_TIMER], 48, 50);
	assert_true(app_send(&pair->server, &pair->server.apps[0], "hello", 5));
	run(pair, SEC(1));
	expect(client, "hello");
	assert_in_range(pair->client.host.ports_out, 1, 3);
	pair_stop(pair);
}

/* With very many of them each look at one would be paid for: neither a time-out nor what its word
 * took is left for later. */
static void a_hop_leaves_an_idle_channel_nothing_to_do(void **state)
{
	struct pair *pair = pair_hopping(20, 20, 0);
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	run(pair, SEC(10));
	while (stats_of(&pair->client).hops[KG_HOP_TIMER] == 0)
		run(pair, SEC(1) / 10);
	run(pair, SEC(1) / 10);
	assert_true(client->ch->line.timer.deadline_us > pair->now_us + SEC(60));
	pair_stop(pair);
}

static void what_the_host_asks_for_is_done_once(void **state)
{
	struct pair *pair = pair_hopping(0, 0, 0);
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
	uint16_t from;

	run(pair, SEC(1));
	from = info_of(&pair->client, client).local.port;
	kg_session_hop(pair->client.session, pair->now_us);
	kg_session_hop(pair->server.session, pair->now_us);
	stream(pair, client, &pair->server.apps[0], 30);
	assert_int_equal(stats_of(&pair->client).hops[KG_HOP_ASKED], 1);
	assert_int_not_equal(info_of(&pair->client, client).local.port, from);
	kg_session_hop(pair->client.session, pair->now_us);
	stream(pair, client, &pair->server.apps[0], 30);
	assert_int_equal(stats_of(&pair->client).hops[KG_HOP_ASKED], 2);
	assert_int_equal(stats_of(&pair->client).hops[KG_HOP_TIMER], 0);
	pair_stop(pair);
}

static void a_silent_port_is_left_at_once(void **state)
{
	struct pair *pair = pair_hopping(3000, 3000, 0);
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	for (int i = 0; i < 3; i++) {
		dead_first = dead_last = server_port(pair, client);
		say(pair, client, 'x');
		run(pair, SEC(2));
		assert_int_equal(pair->server.apps[0].got_len, i + 1);
		assert_int_not_equal(server_port(pair, client), dead_first);
	}
	assert_int_equal(stats_of(&pair->client).hops[KG_HOP_SILENCE], 3);
	pair_stop(pair);
}

/* Half of the ports are dead: they rest, so that soon only the others are asked. */
static void what_does_not_answer_rests(void **state)
{
	struct pair *pair = pair_hopping(5, 5, 0);
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
	uint64_t failed;

	run(pair, SEC(1));
	dead_first = 3000;
	dead_last = 3004;
	stream(pair, client, &pair->server.apps[0], 300);
	failed = stats_of(&pair->client).path_tests_failed;
	assert_in_range(failed, 3, 24);
	assert_true(stats_of(&pair->client).hops[KG_HOP_TIMER] > 30);
	stream(pair, client, &pair->server.apps[0], 300);
	assert_true(stats_of(&pair->client).path_tests_failed - failed <= failed);
	pair_stop(pair);
}

/* Data flows on, on the path that there is. */
static void without_an_answer_nobody_hops(void **state)
{
	struct pair *pair = pair_hopping(5, 5, 0);
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	run(pair, SEC(1));
	pair->server.loses = is_test;
	stream(pair, client, &pair->server.apps[0], 60);
	assert_true(stats_of(&pair->client).path_tests_failed > 10);
	assert_int_equal(stats_of(&pair->client).hops[KG_HOP_TIMER], 0);
	pair_stop(pair);
}

static void all_that_share_a_path_hop_once(void **state)
{
	struct pair *pair = pair_hopping(20, 20, 1);
	struct app *clients[4];

	for (unsigned int i = 0; i < 4; i++)
		clients[i] = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(30));
	assert_int_equal(stats_of(&pair->client).hops[KG_HOP_TIMER], 1);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(info_of(&pair->client, clients[i]).local.port,
				 info_of(&pair->client, clients[0]).local.port);
		assert_true(app_send(&pair->server, &pair->server.apps[i], "all", 3));
	}
	run(pair, SEC(1));
	for (unsigned int i = 0; i < 4; i++)
		expect(clients[i], "all");
	pair_stop(pair);
}

static void the_old_path_is_heard_until_it_is_silent(void **state)
{
	struct pair *pair = pair_hopping(20, 20, 0);
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
	struct logged late;

	run(pair, SEC(15));
	assert_true(app_send(&pair->server, &pair->server.apps[0], "x", 1));
	run(pair, SEC(1) / 10);
	late = *latest(pair, false, 0);
	late.datagram.data = late.bytes;
	while (stats_of(&pair->client).hops[KG_HOP_TIMER] == 0)
		run(pair, SEC(1) / 10);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(deliver(&pair->client, &late), KG_DROP_NONE);
		run(pair, SEC(3));
	}
	run(pair, SEC(11));
	assert_int_equal(deliver(&pair->client, &late), KG_DROP_CONV_UNKNOWN);
	expect(client, "x");
	pair_stop(pair);
}

/* Nobody answers for a minute: a NAT's table does not fill meanwhile, and then all goes on. */
static void a_blackhole_takes_few_ports(void **state)
{
	struct pair *pair = pair_hopping(20, 20, 0);
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	pair->server.deaf = true;
	say(pair, client, 'x');
	for (int i = 0; i < 600; i++) {
		run(pair, SEC(1) / 10);
		assert_in_range(pair->client.host.ports_out, 1, KG_HOP_PORTS_MAX);
	}
	assert_in_range(pair->client.silences, 10, 12);
	pair->server.deaf = false;
	run(pair, SEC(5));
	assert_int_equal(pair->server.apps[0].got_len, 1);
	pair_stop(pair);
}

static bool is_for_nobody(struct end *end, const struct kg_datagram *datagram)
{
	return !kg_ip_equal(&datagram->local.ip, &end->address);
}

/* An idle channel follows, so that the server can say something; also where nobody hops on time. */
static void channels_follow_their_server(void **state)
{
	static const struct kg_ip other = { 4, { 198, 18, 0, 77 } };

	for (uint32_t hop_s = 0; hop_s <= 3000; hop_s += 3000) {
		struct pair *pair = pair_hopping(hop_s, hop_s, 0);
		struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

		pair->server.loses = is_for_nobody;
		pair->server.address = other;
		kg_session_set_destinations(pair->client.session, &other, 1, &many_ports, 1,
					    pair->now_us);
		run(pair, SEC(2));
		assert_int_equal(stats_of(&pair->client).hops[KG_HOP_ADDRESS], 1);
		assert_true(app_send(&pair->server, &pair->server.apps[0], "there", 5));
		run(pair, SEC(1) / 10);
		expect(client, "there");
		run(pair, SEC(100));
		assert_int_equal(stats_of(&pair->client).path_tests, 1);
		pair_stop(pair);
	}
}

/* What the server announces leads nowhere: the user's own list is asked, too. */
static void the_users_list_is_never_empty(void **state)
{
	struct pair *pair = pair_new();
	struct app *client;

	dead_first = 4000;
	dead_last = 4001;
	pair->hop_us = 5 * KG_US_PER_MS;
	pair->client.config.destination_ports = &many_ports;
	pair->client.config.hop_min_s = pair->client.config.hop_max_s = 3000;
	pair->server.config.announce_first = 4000;
	pair->server.config.announce_last = 4001;
	pair->server.loses = is_dead;
	pair_start(pair);
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1) / 2);
	assert_in_range(server_port(pair, client), 4000, 4001);
	say(pair, client, 'x');
	run(pair, SEC(10));
	assert_int_equal(pair->server.apps[0].got_len, 1);
	assert_in_range(server_port(pair, client), 3000, 3010);
	pair_stop(pair);
}

/* The server is behind a router that maps other ports, and announces more of its own than there are
 * places for ports that rest. One silence tells; whoever comes later begins by the user's list. */
static void what_leads_nowhere_is_asked_last(void **state)
{
	struct pair *pair = pair_new();
	struct app *client;

	dead_first = 4000;
	dead_last = 4199;
	pair->hop_us = 5 * KG_US_PER_MS;
	pair->client.config.destination_ports = &many_ports;
	pair->server.config.announce_first = dead_first;
	pair->server.config.announce_last = dead_last;
	pair->server.loses = is_dead;
	pair_start(pair);
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1) / 2);
	say(pair, client, 'x');
	run(pair, SEC(2));
	assert_int_equal(pair->server.apps[0].got_len, 1);
	for (unsigned int i = 1; i < 8; i++) {
		client = pair_open(pair, KG_PROTOCOL_TCP);
		run(pair, SEC(1) / 2);
		assert_in_range(server_port(pair, client), 3000, 3010);
	}
	pair_stop(pair);
}

/* Behind each of its addresses there may be another box: only the first announces ports. */
static void what_an_address_announces_is_its_own(void **state)
{
	static const struct kg_ip addresses[] = { { 4, { 198, 18, 0, 2 } },
						  { 4, { 198, 18, 0, 3 } } };
	struct pair *pair = pair_new();
	unsigned int first = 0;

	pair->client.config.destinations = addresses;
	pair->client.config.destination_count = KG_ARRAY_SIZE(addresses);
	pair->client.config.destination_ports = &many_ports;
	pair_start(pair);
	for (int i = 0; i < 8; i++) {
		struct kg_session_config *config = &pair->server.session->config;
		struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
		struct kg_ip ip = info_of(&pair->client, client).remote.ip;
		bool announces = kg_ip_equal(&ip, &addresses[0]);

		config->announce_first = announces ? 4000 : 0;
		config->announce_last = announces ? 4001 : 0;
		run(pair, SEC(1));
		if (announces)
			assert_in_range(server_port(pair, client), 4000, 4001);
		else
			assert_in_range(server_port(pair, client), 3000, 3010);
		first += announces;
	}
	assert_in_range(first, 1, 7);
	pair_stop(pair);
}

/* Channels come and go while paths hop. */
static void paths_end_with_their_channels(void **state)
{
	struct pair *pair = pair_hopping(1, 2, 2);

	for (int round = 0; round < 6; round++) {
		struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

		run(pair, SEC(3));
		say(pair, client, 'x');
		run(pair, SEC(4) / 3);
		kg_channel_finish(client->ch, pair->now_us);
	}
	run(pair, SEC(60));
	assert_true(stats_of(&pair->client).hops[KG_HOP_TIMER] > 6);
	assert_int_equal(pair->client.host.ports_out, 0);
	pair_stop(pair);
}

/* Of three ports one is dead: whoever asks there asks elsewhere, and soon nobody asks there. */
static void a_handshake_leaves_a_dead_port(void **state)
{
	static const struct kg_port_range three = { 3000, 3002 };
	struct pair *pair = pair_hopping(0, 0, 0);
	unsigned int lost;

	pair->client.session->config.destination_ports = &three;
	dead_first = dead_last = 3001;
	for (int i = 0; i < 8; i++) {
		struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

		run(pair, SEC(1) / 2);
		assert_int_equal(client->opened, 1);
	}
	lost = pair->server.lost;
	assert_in_range(lost, 1, 12);
	assert_int_equal(pair->server.app_count, 8);
	pair_stop(pair);
}

static uint16_t asked_first; /* the server's port */

/* It took the question, and has died since. */
static bool is_from_asked_first(struct end *end, const struct kg_datagram *datagram)
{
	return datagram->remote.port == asked_first;
}

/* The first answer is lost, and so would all be that come from where the question went first. */
static void a_handshake_is_answered_where_it_asks(void **state)
{
	struct pair *pair = pair_hopping(0, 0, 0);
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	carry(&pair->client, &pair->server);
	asked_first = pair->log[0].datagram.local.port;
	pair->client.loses = is_from_asked_first;
	run(pair, SEC(5));
	assert_int_equal(client->opened, 1);
	assert_int_equal(pair->server.app_count, 1);
	pair_stop(pair);
}

/* The server's destination takes its time: no port is to blame, and nothing is opened twice. */
static void who_is_slow_to_answer_opens_nothing_twice(void **state)
{
	struct pair *pair = pair_hopping(0, 0, 0);
	struct app *client;

	pair->server.answer = ANSWER_LATER;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(2));
	assert_int_equal(pair->server.app_count, 1);
	kg_channel_connected(pair->server.apps[0].ch, pair->now_us);
	run(pair, SEC(1));
	assert_int_equal(client->opened, 1);
	for (size_t i = 0; i < KG_DESTINATION_RESTS; i++)
		assert_int_equal(pair->client.session->destinations[0].rests[i].strikes, 0);
	pair_stop(pair);
}

/* Of one end, as far as they are in that state; the last of them. */
static unsigned int paths_in(struct pair *pair, struct end *end, const char *state,
			     struct kg_path_info *last)
{
	struct kg_path_info info;
	unsigned int count = 0;

	kg_session_path_tour_begin(end->session);
	while (kg_session_path_tour_next(end->session, &info, pair->now_us)) {
		if (strcmp(info.state, state) == 0) {
			*last = info;
			count++;
		}
	}
	return count;
}

static void its_paths_are_shown(void **state)
{
	struct pair *pair = pair_hopping(3000, 3000, 0);
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct kg_path_info path;

	assert_int_equal(paths_in(pair, &pair->client, "current", &path), 1);
	assert_int_equal(path.ends.remote.port, server_port(pair, client));
	assert_int_equal(paths_in(pair, &pair->client, "old", &path), 0);
	dead_first = dead_last = server_port(pair, client);
	say(pair, client, 'x');
	run(pair, SEC(2));
	assert_int_equal(paths_in(pair, &pair->client, "current", &path), 1);
	assert_int_equal(path.ends.remote.port, server_port(pair, client));
	assert_in_range(path.users, 1, 2);
	assert_in_range(path.silent_us, 1, SEC(2));
	assert_int_equal(path.mtu, info_of(&pair->client, client).path_mtu);
	assert_int_equal(paths_in(pair, &pair->client, "old", &path), 1);
	assert_int_equal(path.ends.remote.port, dead_first);
	assert_int_equal(path.users, 0);
	assert_true(path.silent_us == KG_NEVER_US);
	assert_true(paths_in(pair, &pair->server, "current", &path) > 0);
	pair_stop(pair);
}

static void each_path_is_shown_once(void **state)
{
	struct pair *pair = pair_hopping(0, 0, 0);
	struct kg_path_info info;
	struct app *clients[8];
	bool seen[UINT16_MAX + 1] = { false }; /* by local port, which none shares */

	for (unsigned int i = 0; i < KG_ARRAY_SIZE(clients); i++) {
		clients[i] = pair_open(pair, KG_PROTOCOL_TCP);
		run(pair, SEC(1) / 10);
	}
	kg_session_path_tour_begin(pair->client.session);
	while (kg_session_path_tour_next(pair->client.session, &info, pair->now_us)) {
		assert_false(seen[info.ends.local.port]);
		seen[info.ends.local.port] = true;
	}
	for (unsigned int i = 0; i < KG_ARRAY_SIZE(clients); i++)
		assert_true(seen[info_of(&pair->client, clients[i]).local.port]);
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_hops_on_time_and_nothing_is_lost),
		cmocka_unit_test(idle_channels_hop_too),
		cmocka_unit_test(a_hop_leaves_an_idle_channel_nothing_to_do),
		cmocka_unit_test(what_the_host_asks_for_is_done_once),
		cmocka_unit_test(a_silent_port_is_left_at_once),
		cmocka_unit_test(what_does_not_answer_rests),
		cmocka_unit_test(without_an_answer_nobody_hops),
		cmocka_unit_test(all_that_share_a_path_hop_once),
		cmocka_unit_test(the_old_path_is_heard_until_it_is_silent),
		cmocka_unit_test(a_blackhole_takes_few_ports),
		cmocka_unit_test(the_users_list_is_never_empty),
		cmocka_unit_test(what_leads_nowhere_is_asked_last),
		cmocka_unit_test(what_an_address_announces_is_its_own),
		cmocka_unit_test(paths_end_with_their_channels),
		cmocka_unit_test(channels_follow_their_server),
		cmocka_unit_test(a_handshake_leaves_a_dead_port),
		cmocka_unit_test(a_handshake_is_answered_where_it_asks),
		cmocka_unit_test(who_is_slow_to_answer_opens_nothing_twice),
		cmocka_unit_test(its_paths_are_shown),
		cmocka_unit_test(each_path_is_shown_once),
	};

	return cmocka_run_group_tests_name("session_hop", tests, NULL, NULL);
}
