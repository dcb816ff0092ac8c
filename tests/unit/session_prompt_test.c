/* SPDX-License-Identifier: BSD-3-Clause */
/* Which channels rather send some more datagrams than be late. */
#include "session_pair.h"

#define PIECES      20u
#define PIECE_BYTES 300u
#define HOP_US      5000u

/* The first of the pieces. */
static bool loses_one(struct end *end, const struct kg_datagram *datagram)
{
	return end->lost == 0 && datagram->len > PIECE_BYTES;
}

static uint64_t twins_of_a_copy(enum kg_protocol protocol)
{
	static const char piece[PIECE_BYTES];
	struct pair *pair = pair_new();
	struct app *app;
	uint64_t twins;

	pair->hop_us = HOP_US;
	pair_start(pair);
	app = pair_open_quiet(pair, protocol);
	pair->server.loses = loses_one;
	pair->hop_us = 0; /* all at one time */
	for (unsigned int i = 0; i < PIECES; i++) {
		assert_true(app_send(&pair->client, app, piece, sizeof(piece)));
		carry(&pair->client, &pair->server);
	}
	pair->hop_us = HOP_US;
	exchange(pair);
	assert_int_equal(pair->server.lost, 1);
	assert_true(info_of(&pair->server, &pair->server.apps[0]).kcp.received > PIECES);
	assert_int_equal(info_of(&pair->client, app).kcp.resent_fast, 1);
	twins = info_of(&pair->client, app).kcp.resent_twin;
	pair_stop(pair);
	return twins;
}

static void a_lost_datagram_is_sent_twice(void **state)
{
	assert_int_equal(twins_of_a_copy(KG_PROTOCOL_UDP), 1);
}

static void a_piece_of_a_stream_is_sent_once(void **state)
{
	assert_int_equal(twins_of_a_copy(KG_PROTOCOL_TCP), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_datagram_is_sent_twice),
		cmocka_unit_test(a_piece_of_a_stream_is_sent_once),
	};

	return cmocka_run_group_tests_name("session_prompt", tests, NULL, NULL);
}
