/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP Hop's hops while datagrams and answers are under way: on a path of 600 ms there and back, one
 * that takes turns in being much longer, and between boxes of which one stands still, so that paths
 * seem silent. Whatever was asked is answered, once, by one channel of the server's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "sim/link.h"
#include "test_host.h"
#include "unit/pair_wire.h"

#define MSEC(n)        ((uint64_t)(n)*KG_US_PER_MS)
#define START_US       SEC(1000)
#define ASK_EVERY_US   MSEC(10)
#define ASK_FOR_US     SEC(120)
#define QUESTIONS      (ASK_FOR_US / ASK_EVERY_US)
#define LATEST_US      SEC(20)
#define DATAGRAM_BYTES 100
#define NEAR_US        MSEC(20)
#define FAR_US         MSEC(1200)
#define FAR_EVERY_US   SEC(3)

struct end {
	struct test_host host;
	struct kg_session_config config;
	struct kg_session *session;
	struct kg_sim_link link; /* what it sends */
	struct kg_ip address;
	uint32_t still_every_ms, still_ms; /* it stands still so long, each time; 0: never */
};

static const struct kg_port_range ports = { 3000, 3010 };
static struct end client, server;
static struct kg_channel *asker;
static uint64_t now_us;
static uint32_t asked, connects;
static uint8_t answered[QUESTIONS];

/* ---- applications ---- */

static void ask(void)
{
	uint8_t bytes[DATAGRAM_BYTES] = { 0 };
	struct kg_buf *chain;

	kg_store_be32(bytes, asked++);
	chain = kg_buf_chain_copy(&client.host.pool.pool, bytes, sizeof(bytes), PAIR_MTU, PAIR_MTU);
	assert_true(kg_channel_send(asker, chain, now_us));
}

static void on_answers(void *host, struct kg_channel *ch)
{
	struct kg_buf *chain;

	while ((chain = kg_channel_recv(ch, now_us)) != NULL) {
		uint32_t number = kg_load_be32(chain->data);

		assert_true(number < asked);
		answered[number]++;
		kg_buf_free_chain(chain);
	}
}

static void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	connects++;
	kg_channel_connected(ch, now_us);
}

static void on_questions(void *host, struct kg_channel *ch)
{
	struct kg_buf *chain;

	while ((chain = kg_channel_recv(ch, now_us)) != NULL)
		assert_true(kg_channel_send(ch, chain, now_us));
}

/* ---- boxes and what is between them ---- */

static void begin(struct end *end, enum kg_role role, const struct kg_sim_link_params *link,
		  uint32_t hop_s)
{
	static const struct kg_session_ops ops[] = {
		[KG_ROLE_CLIENT] = { .readable = on_answers },
		[KG_ROLE_SERVER] = { .readable = on_questions, .connect = on_connect },
	};

	*end = (struct end){ .address = pair_addresses[role], .config = pair_config(role, 8) };
	test_host_init(&end->host, 0x5eed0200 + role, 100000, now_us);
	end->config.bare = true;
	end->config.udp_timeout_s = 1800;
	end->config.destination_ports = &ports;
	end->config.hop_min_s = hop_s;
	end->config.hop_max_s = hop_s + 1;
	if (role == KG_ROLE_SERVER)
		end->config.hop_min_s = end->config.hop_max_s = 0;
	kg_sim_link_init(&end->link, link, &end->host.rng);
	end->session = test_host_session(&end->host, &end->config, ops[role], now_us);
	assert_non_null(end->session);
}

static void finish(struct end *end)
{
	kg_session_destroy(end->session);
	kg_sim_link_fini(&end->link);
	assert_true(test_host_fini(&end->host));
}

static bool stands_still(const struct end *end)
{
	return end->still_every_ms != 0 &&
	       (now_us - START_US) / KG_US_PER_MS % end->still_every_ms < end->still_ms;
}

/* As a worker turns: what has come, what is due, what leaves. */
static void turn(struct end *end, struct end *peer)
{
	struct kg_sim_link_packet *packet;
	uint8_t bytes[PAIR_MTU];
	struct kg_datagram out = { .data = bytes };

	if (stands_still(end))
		return;
	while ((packet = kg_sim_link_receive(&peer->link, now_us)) != NULL) {
		struct kg_datagram in = { .local = packet->to,
					  .remote = packet->from,
					  .data = packet->bytes,
					  .len = packet->len };

		kg_session_input(end->session, &in, now_us);
		free(packet);
	}
	kg_twheel_advance(end->host.wheel, now_us);
	while (kg_session_output(end->session, &out, now_us)) {
		const struct kg_endpoint from = { end->address, out.local.port };

		kg_sim_link_send(&end->link, now_us, &from, &out.remote, bytes, out.len);
	}
}

static struct kg_session_stats stats_of(const struct end *end)
{
	struct kg_session_stats stats;

	kg_session_get_stats(end->session, &stats);
	return stats;
}

static void all_was_answered_once(const char *what)
{
	const struct kg_session_stats of_client = stats_of(&client);

	for (uint32_t i = 0; i < asked; i++) {
		if (answered[i] != 1)
			fail_msg("%s: datagram %u at %.2f s came back %u times", what, i,
				 (double)(i * ASK_EVERY_US) / KG_US_PER_S, answered[i]);
	}
	assert_int_equal(connects, 1);
	print_message("%s: %u asked, hops: %llu at their time, %llu from silence; %llu moves\n",
		      what, asked, (unsigned long long)of_client.hops[KG_HOP_TIMER],
		      (unsigned long long)of_client.hops[KG_HOP_SILENCE],
		      (unsigned long long)stats_of(&server).peer_moves);
}

/* Change the two ends after `talk_begin`. */
static void talk_begin(const struct kg_sim_link_params *link, uint32_t hop_s)
{
	now_us = START_US;
	asked = connects = 0;
	memset(answered, 0, sizeof(answered));
	begin(&client, KG_ROLE_CLIENT, link, hop_s);
	begin(&server, KG_ROLE_SERVER, link, hop_s);
	asker = kg_session_open(client.session, KG_PROTOCOL_UDP, NULL, NULL, now_us);
	assert_non_null(asker);
}

/* Each way takes turns in being short and long. */
static void wander(void)
{
	bool far = (now_us - START_US) / FAR_EVERY_US % 2 != 0;

	client.link.params.delay_us = server.link.params.delay_us = far ? FAR_US : NEAR_US;
}

static void talk(const char *what, bool wanders)
{
	uint64_t end_us = START_US + ASK_FOR_US;

	for (; now_us < end_us + LATEST_US; now_us += KG_US_PER_MS) {
		if (now_us < end_us && now_us >= START_US + asked * ASK_EVERY_US)
			ask();
		if (wanders)
			wander();
		turn(&client, &server);
		turn(&server, &client);
	}
	assert_int_equal(asked, QUESTIONS);
	all_was_answered_once(what);
}

static void talk_end(void)
{
	finish(&client);
	finish(&server);
}

/* ---- tests ---- */

static void a_hop_loses_nothing_that_is_under_way(void **state)
{
	const struct kg_sim_link_params link = { .delay_us = MSEC(270), .jitter_us = MSEC(60) };

	talk_begin(&link, 1);
	talk("300 ms each way", false);
	assert_true(stats_of(&client).hops[KG_HOP_TIMER] >= 50);
	assert_true(stats_of(&server).peer_moves >= 50);
	talk_end();
}

/* The time of silence follows the round trip, and is too short when that grows. */
static void nor_does_one_from_silence_that_was_none(void **state)
{
	const struct kg_sim_link_params link = { .delay_us = NEAR_US };

	talk_begin(&link, 2);
	talk("a way that is short and long in turn", true);
	assert_true(stats_of(&client).hops[KG_HOP_SILENCE] > 0);
	talk_end();
}

static void nor_do_boxes_that_stand_still(void **state)
{
	const struct kg_sim_link_params link = { .delay_us = MSEC(5) };
	static const struct {
		const char *what;
		uint32_t client_ms, server_ms;
	} cases[] = {
		{ "a client that stands still", 1300, 0 },
		{ "a server that stands still", 0, 1300 },
		{ "both in turn", 900, 2900 },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		talk_begin(&link, 2);
		client.still_every_ms = 3700;
		client.still_ms = cases[i].client_ms;
		server.still_every_ms = 5300;
		server.still_ms = cases[i].server_ms;
		talk(cases[i].what, false);
		talk_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hop_loses_nothing_that_is_under_way),
		cmocka_unit_test(nor_does_one_from_silence_that_was_none),
		cmocka_unit_test(nor_do_boxes_that_stand_still),
	};

	return cmocka_run_group_tests_name("bare_hop", tests, NULL, NULL);
}
