/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory, ports, windows, turns. */
#include "session_pair.h"

#include "session/internal.h"

static void everything_is_given_back(void **state)
{
	struct pair *pair = pair_start(pair_new());
	size_t client_bytes = 0, server_bytes = 0;

	/* The tables have grown after the first round; the second adds nothing. */
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 4; i++)
			pair_open(pair, i % 2 ? KG_PROTOCOL_TCP : KG_PROTOCOL_UDP);
		run(pair, SEC(1));
		for (int i = 0; i < 4; i++)
			kg_channel_finish(pair->client.apps[round * 4 + i].ch, pair->now_us);
		run(pair, SEC(60));
		assert_int_equal(pair->client.host.ports_out, 0);
		assert_int_equal(pair->client.host.pool.in_use + pair->server.host.pool.in_use, 0);
		if (round > 0) {
			assert_int_equal(pair->client.host.mem.in_use_bytes, client_bytes);
			assert_int_equal(pair->server.host.mem.in_use_bytes, server_bytes);
		}
		client_bytes = pair->client.host.mem.in_use_bytes;
		server_bytes = pair->server.host.mem.in_use_bytes;
	}
	assert_true(kg_twheel_next_us(pair->client.host.wheel) == KG_NEVER_US);
	assert_true(kg_twheel_next_us(pair->server.host.wheel) == KG_NEVER_US);
	pair_stop(pair);
}

static void the_channel_limit_holds(void **state)
{
	struct pair *pair = pair_new();
	struct app *client;

	pair->server.config.channels_max = 2;
	pair->client.config.channels_max = 3;
	pair_start(pair);
	pair_open(pair, KG_PROTOCOL_TCP);
	pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	client = pair_open(pair, KG_PROTOCOL_TCP);
	assert_null(
		kg_session_open(pair->client.session, KG_PROTOCOL_TCP, NULL, NULL, pair->now_us));
	run(pair, SEC(1));
	assert_int_equal(pair->server.app_count, 2);
	assert_true(pair->server.drops[KG_DROP_CHANNEL_LIMIT] > 0);
	/* There is room again before the client gives up. */
	kg_channel_finish(pair->client.apps[0].ch, pair->now_us);
	run(pair, SEC(20));
	assert_int_equal(client->opened, 1);
	pair_stop(pair);
}

static void lingering_gives_way_to_new_channels(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client;

	pair->client.host.ports_max = 3;
	for (int i = 0; i < 10; i++) {
		client = pair_open(pair, KG_PROTOCOL_TCP);
		run(pair, SEC(1));
		assert_int_equal(client->opened, 1);
		kg_channel_finish(client->ch, pair->now_us);
		run(pair, SEC(1));
		assert_int_equal(client->why, KG_CLOSE_FINISHED);
	}
	pair->client.host.ports_max = pair->client.host.ports_out;
	run(pair, SEC(100));
	pair->client.host.ports_max = 1;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	assert_int_equal(client->opened, 1);
	assert_null(
		kg_session_open(pair->client.session, KG_PROTOCOL_TCP, NULL, NULL, pair->now_us));
	assert_int_equal(pair->client.host.ports_out, 1);
	pair_stop(pair);
}

/* What only serves a peer's repetitions becomes fewer when memory is no longer plenty. */
static void what_lingers_gives_memory_back(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct kg_mem *mem = &pair->client.host.mem;
	size_t plenty = 0;

	for (int i = 0; i < 12; i++) {
		struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

		run(pair, SEC(1) / 10);
		kg_channel_finish(client->ch, pair->now_us);
		run(pair, SEC(1) / 10);
		if (i == 5) {
			plenty = mem->in_use_bytes;
			mem->soft_limit_bytes = plenty + plenty / 2;
		}
	}
	assert_true(mem->in_use_bytes < plenty);
	mem->soft_limit_bytes = SIZE_MAX;
	pair_stop(pair);
}

static void bandwidths_set_the_windows(void **state)
{
	struct pair *pair = pair_new();
	struct kg_kcp_stats stats;
	struct app *client;

	pair->hop_us = 20 * KG_US_PER_MS;
	pair->client.config.outbound_Bps = 1200ull * 100 * 1000;
	pair->client.config.inbound_Bps = 1;
	pair->server.config.inbound_Bps = 1200ull * 50 * 1000;
	pair_start(pair);
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(3));
	assert_int_equal(info_of(&pair->client, client).kcp.snd_wnd, 256);
	run(pair, SEC(20));
	stats = info_of(&pair->client, client).kcp;
	/* 50 packets a millisecond for 20 ms, and a fifth more. */
	assert_in_range(stats.snd_wnd, 1200, 1380);
	assert_int_equal(stats.rcv_wnd, 32);
	assert_int_equal(kg_channel_room(client->ch), 2 * stats.snd_wnd);
	stats = info_of(&pair->server, &pair->server.apps[0]).kcp;
	assert_int_equal(stats.snd_wnd, 32);
	assert_in_range(stats.rcv_wnd, 1200, 1380);
	pair_stop(pair);
}

static void room_follows_window_and_memory(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	assert_int_equal(kg_channel_room(client->ch), 512);
	pair->server.deaf = true;
	assert_true(app_send(&pair->client, client, "x", 1));
	assert_int_equal(kg_channel_room(client->ch), 511);
	pair->client.host.pool.pool.fair_share = 3;
	assert_int_equal(kg_channel_room(client->ch), 2);
	pair->client.host.pool.pool.fair_share = 1;
	assert_int_equal(kg_channel_room(client->ch), 0);
	pair_stop(pair);
}

/* Datagrams come in bursts and are not repeated: where there is more than what is kept a burst has
 * room, however many share it. */
static void a_burst_of_datagrams_has_room(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *tcp = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *udp = pair_open_quiet(pair, KG_PROTOCOL_UDP);

	pair->client.host.pool.pool.fair_share = KG_BUF_FLOOR + 1;
	assert_int_equal(kg_channel_room(tcp->ch), KG_BUF_FLOOR + 1);
	assert_int_equal(kg_channel_room(udp->ch), KG_BUF_BURST);
	pair->client.host.pool.pool.fair_share = KG_BUF_FLOOR;
	assert_int_equal(kg_channel_room(udp->ch), KG_BUF_BURST / 4);
	pair->client.host.pool.pool.fair_share = 100;
	assert_int_equal(kg_channel_room(udp->ch), 100);
	pair_stop(pair);
}

/* Every other segment is small: as many large ones wait as where all are. */
static void room_is_of_large_buffers(void **state)
{
	static const char bytes[PAIR_MTU + 100];
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_UDP);

	pair->client.host.pool.pool.small_room = 240;
	for (int i = 0; i < 100; i++) {
		assert_true(app_send(&pair->client, client, bytes, sizeof(bytes)));
		run(pair, pair->hop_us);
		client->got_len = pair->server.apps[0].got_len = 0;
	}
	pair->client.host.pool.pool.fair_share = 100;
	assert_in_range(kg_channel_room(client->ch), 190, 200);
	pair_stop(pair);
}

static void without_memory_nothing_opens(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	size_t before = pair->client.host.mem.in_use_bytes;

	pair->client.host.pool.limit = 0;
	assert_null(
		kg_session_open(pair->client.session, KG_PROTOCOL_TCP, NULL, NULL, pair->now_us));
	assert_int_equal(pair->client.host.mem.in_use_bytes, before);
	assert_int_equal(pair->client.host.ports_out, 1);
	assert_false(app_send(&pair->client, client, "x", 1));
	pair->client.host.pool.limit = 100;
	assert_true(app_send(&pair->client, client, "x", 1));
	run(pair, SEC(1));
	expect(&pair->server.apps[0], "x");
	pair_stop(pair);
}

static void ready_channels_take_turns(void **state)
{
	static const char payload[PAIR_MTU - 25];
	struct pair *pair = pair_start(pair_new());
	uint8_t bytes[PAIR_MTU];
	struct kg_datagram out = { .data = bytes };
	uint16_t ports[6];

	for (int i = 0; i < 3; i++)
		pair_open_quiet(pair, KG_PROTOCOL_TCP);
	for (int i = 0; i < 12; i++)
		assert_true(app_send(&pair->client, &pair->client.apps[i / 4], payload,
				     sizeof(payload)));
	for (int i = 0; i < 6; i++) {
		assert_true(kg_session_output(pair->client.session, &out, pair->now_us));
		ports[i] = out.local.port;
		assert_int_equal(ports[i], ports[i % 3]);
	}
	assert_true(ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2]);
	pair_stop(pair);
}

/* With one rate for a peer: one channel has many segments to send and needs a permit for each
 * datagram; another says a word at each datagram, and needs none. */
static void who_needs_no_permit_lets_others_send(void **state)
{
	static const char payload[PAIR_MTU - 25];
	struct pair *pair = pair_new();
	struct app *bulk, *talker;
	uint8_t bytes[PAIR_MTU];
	struct kg_datagram out = { .data = bytes };
	unsigned int words = 0;

	pair->client.config.kcp.rate_auto = true;
	pair_start(pair);
	bulk = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	talker = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	assert_true(app_send(&pair->client, talker, "x", 1));
	assert_true(kg_session_output(pair->client.session, &out, pair->now_us));
	for (int i = 0; i < 20; i++)
		assert_true(app_send(&pair->client, bulk, payload, sizeof(payload)));
	for (int i = 0; i < 3; i++) {
		assert_true(app_send(&pair->client, talker, "x", 1));
		assert_true(kg_session_output(pair->client.session, &out, pair->now_us));
		words += out.local.port == info_of(&pair->client, talker).local.port;
	}
	assert_in_range(words, 1, 2);
	pair_stop(pair);
}

/* One has filled the window that two share, and gives way. The other has nothing under way, so
 * nothing comes that would have its turn looked at, until it asks whether its peer is there. */
static void who_goes_leaves_the_window_to_others(void **state)
{
	static const char payload[PAIR_MTU - 25];
	struct pair *pair = pair_new();
	struct app *bulk, *other;
	uint8_t bytes[PAIR_MTU];
	struct kg_datagram out = { .data = bytes };

	pair->client.config.kcp.rate_auto = true;
	pair_start(pair);
	bulk = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	other = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	for (int i = 0; i < 200; i++)
		assert_true(app_send(&pair->client, bulk, payload, sizeof(payload)));
	while (kg_session_output(pair->client.session, &out, pair->now_us))
		;
	for (int i = 0; i < 5; i++)
		assert_true(app_send(&pair->client, other, payload, sizeof(payload)));
	assert_false(kg_session_output(pair->client.session, &out, pair->now_us));
	kg_channel_close(bulk->ch, KG_CLOSE_GAVE_WAY, 0, "", pair->now_us);
	run(pair, SEC(1) / 4);
	assert_int_equal(pair->server.apps[1].messages, 5);
	pair_stop(pair);
}

static void an_idle_channel_is_small(void **state)
{
	struct pair *pair = pair_start(pair_new());
	size_t client_bytes, server_bytes;

	pair_open_quiet(pair, KG_PROTOCOL_TCP);
	client_bytes = pair->client.host.mem.in_use_bytes;
	server_bytes = pair->server.host.mem.in_use_bytes;
	pair_open_quiet(pair, KG_PROTOCOL_TCP);
	client_bytes = pair->client.host.mem.in_use_bytes - client_bytes;
	server_bytes = pair->server.host.mem.in_use_bytes - server_bytes;
	print_message("an idle channel holds %zu bytes (client), %zu (server)\n", client_bytes,
		      server_bytes);
	assert_true(client_bytes <= 1024 && server_bytes <= 1024);
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_given_back),
		cmocka_unit_test(the_channel_limit_holds),
		cmocka_unit_test(lingering_gives_way_to_new_channels),
		cmocka_unit_test(what_lingers_gives_memory_back),
		cmocka_unit_test(bandwidths_set_the_windows),
		cmocka_unit_test(room_follows_window_and_memory),
		cmocka_unit_test(a_burst_of_datagrams_has_room),
		cmocka_unit_test(room_is_of_large_buffers),
		cmocka_unit_test(without_memory_nothing_opens),
		cmocka_unit_test(ready_channels_take_turns),
		cmocka_unit_test(who_needs_no_permit_lets_others_send),
		cmocka_unit_test(who_goes_leaves_the_window_to_others),
		cmocka_unit_test(an_idle_channel_is_small),
	};

	return cmocka_run_group_tests_name("session_limit", tests, NULL, NULL);
}
