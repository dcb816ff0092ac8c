/* SPDX-License-Identifier: BSD-3-Clause */
/* Channels that have not proved themselves: their share, and who gives way. */
#define PAIR_CHANNELS 20
#include "session_pair.h"

#include "base/bytes.h"

/* What follows the handshake, and tests of the way: as if the client had never got the answer. */
static bool is_data(struct end *end, const struct kg_datagram *datagram)
{
	const uint8_t *message = datagram->data + KG_KCP_HEADER_BYTES;
	bool test =
		datagram->len > KG_KCP_HEADER_BYTES && (message[0] & 0x0f) == KG_FEATURE_KEEP_ALIVE;

	return kg_load_le32(datagram->data) != 0 || test;
}

static struct app *flow(struct pair *pair)
{
	struct app *app = pair_open(pair, KG_PROTOCOL_UDP);

	assert_true(app_send(&pair->client, app, "question", 8));
	run(pair, SEC(1));
	return app;
}

/* A flow, with its end at the server, that has been a conversation. */
static struct app *conversation(struct pair *pair)
{
	struct app *app = flow(pair), *served = &pair->server.apps[pair->server.app_count - 1];

	assert_true(app_send(&pair->server, served, "answer", 6));
	run(pair, SEC(1));
	assert_true(app_send(&pair->client, app, "thanks", 6));
	run(pair, SEC(1));
	return app;
}

static void who_was_never_heard_of_lives_seconds(void **state)
{
	struct pair *pair = pair_new();
	struct app *served = &pair->server.apps[0];

	pair->client.config.capabilities = pair->server.config.capabilities =
		KG_CAPABILITY_HALF_CLOSE;
	pair->server.loses = is_data;
	pair_start(pair);
	pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(28));
	assert_int_equal(served->closed, 0);
	run(pair, SEC(4));
	assert_int_equal(served->closed, 1);
	assert_int_equal(served->why, KG_CLOSE_UNHEARD);
	pair_stop(pair);
}

/* An original's client says nothing before its application does; it acknowledges the answer. */
static void an_originals_client_may_be_silent(void **state)
{
	struct pair *pair = pair_new();
	struct app *client;

	pair->server.loses = is_data;
	pair_start(pair);
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(60));
	pair->server.loses = NULL;
	assert_true(app_send(&pair->client, client, "at last", 7));
	run(pair, SEC(30));
	expect(&pair->server.apps[0], "at last");
	pair_stop(pair);
}

static void the_oldest_unheard_gives_way(void **state)
{
	struct pair *pair = pair_new();
	struct app *served = pair->server.apps, *client;

	pair->server.config.doubted_max = 2;
	pair_start(pair);
	pair_open_quiet(pair, KG_PROTOCOL_TCP);
	pair->server.loses = is_data;
	for (int i = 0; i < 4; i++) {
		pair_open(pair, KG_PROTOCOL_TCP);
		run(pair, SEC(1));
	}
	for (int i = 0; i < 5; i++)
		assert_int_equal(served[i].closed, i == 1 || i == 2);
	assert_int_equal(served[1].why, KG_CLOSE_GAVE_WAY);
	assert_int_equal(stats_of(&pair->server).closed_by[KG_CLOSE_GAVE_WAY], 2);
	assert_int_equal(stats_of(&pair->server).channels, 3);
	/* Who can be heard is served, and stays. */
	pair->server.loses = NULL;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	assert_int_equal(client->opened, 1);
	assert_int_equal(served[0].closed + served[5].closed, 0);
	pair_stop(pair);
}

/* Else its client, which has the answer, would talk to nobody. */
static void who_was_just_answered_does_not_give_way(void **state)
{
	struct pair *pair = pair_new();

	pair->server.config.doubted_max = 2;
	pair->server.loses = is_data;
	pair_start(pair);
	for (int i = 0; i < 3; i++)
		pair_open(pair, KG_PROTOCOL_TCP);
	exchange(pair);
	assert_int_equal(pair->server.app_count, 2);
	assert_int_equal(pair->server.apps[0].closed + pair->server.apps[1].closed, 0);
	assert_true(pair->server.drops[KG_DROP_CHANNEL_LIMIT] > 0);
	run(pair, SEC(2)); /* the third has asked again */
	assert_int_equal(pair->server.app_count, 3);
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_GAVE_WAY);
	pair_stop(pair);
}

static void made_up_sources_have_a_share(void **state)
{
	struct pair *pair = pair_new();
	struct app *tcp, *proven, *first, *second;

	pair->client.config.doubted_max = 2;
	pair_start(pair);
	tcp = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	proven = conversation(pair);
	first = flow(pair);
	second = flow(pair);
	assert_int_equal(first->closed + second->closed, 0);
	flow(pair);
	assert_int_equal(first->closed, 1);
	assert_int_equal(first->why, KG_CLOSE_GAVE_WAY);
	flow(pair);
	assert_int_equal(second->closed, 1);
	assert_int_equal(stats_of(&pair->client).closed_by[KG_CLOSE_GAVE_WAY], 2);
	assert_int_equal(tcp->closed + proven->closed, 0);
	pair_stop(pair);
}

/* Whose answer was lost asks again, and is served again though his channel has given way. */
static void who_gave_way_may_ask_again(void **state)
{
	struct pair *pair = pair_new();
	struct app *client;
	size_t heard = 0;

	pair->server.config.doubted_max = 1;
	pair->client.deaf = true;
	pair_start(pair);
	client = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_GAVE_WAY);
	pair->client.deaf = false;
	run(pair, SEC(20));
	assert_int_equal(client->opened, 1);
	assert_true(app_send(&pair->client, client, "at last", 7));
	run(pair, SEC(20));
	for (unsigned int i = 0; i < pair->server.app_count; i++)
		heard += pair->server.apps[i].got_len;
	assert_int_equal(heard, 7);
	pair_stop(pair);
}

/* An eighth of the memory is not for UDP. */
static void udp_leaves_memory_to_tcp(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct kg_mem *mem = &pair->client.host.mem;

	flow(pair);
	mem->soft_limit_bytes = mem->in_use_bytes + mem->in_use_bytes / 16;
	assert_null(
		kg_session_open(pair->client.session, KG_PROTOCOL_UDP, NULL, NULL, pair->now_us));
	pair_open(pair, KG_PROTOCOL_TCP);
	mem->soft_limit_bytes = SIZE_MAX;
	pair_stop(pair);
}

/* A question and its answer go to and from a made-up source as well. */
static void one_answer_proves_nothing(void **state)
{
	struct pair *pair = pair_new();
	struct app *first;

	pair->client.config.doubted_max = 1;
	pair_start(pair);
	first = flow(pair);
	assert_true(app_send(&pair->server, &pair->server.apps[0], "answer", 6));
	run(pair, SEC(1));
	expect(first, "answer");
	flow(pair);
	assert_int_equal(first->closed, 1);
	pair_stop(pair);
}

static void udp_leaves_room_for_tcp(void **state)
{
	struct pair *pair = pair_new();
	struct app *tcp;

	pair->client.config.channels_max = 3;
	pair->client.config.udp_max = 2;
	pair_start(pair);
	conversation(pair);
	conversation(pair);
	assert_null(
		kg_session_open(pair->client.session, KG_PROTOCOL_UDP, NULL, NULL, pair->now_us));
	tcp = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	assert_int_equal(tcp->opened, 1);
	pair_stop(pair);
}

/* Who has proved all of his channels, and wants all there are. */
static void an_origin_leaves_room_for_others(void **state)
{
	static const struct kg_ip elsewhere = { 4, { 198, 19, 0, 7 } };
	struct pair *pair = pair_new();
	struct app *last = NULL;

	pair->client.config.channels_max = pair->server.config.channels_max = PAIR_CHANNELS;
	pair_start(pair);
	for (int i = 0; i < PAIR_CHANNELS; i++) {
		last = pair_open(pair, KG_PROTOCOL_TCP);
		assert_true(app_send(&pair->client, last, "here", 4));
	}
	run(pair, SEC(2));
	assert_int_equal(stats_of(&pair->server).channels, PAIR_CHANNELS - 1);
	assert_int_equal(last->opened, 0);
	/* He asks again, from where nobody has asked yet. */
	pair->client.address = elsewhere;
	run(pair, SEC(20));
	assert_int_equal(last->opened, 1);
	pair_stop(pair);
}

static void a_tour_meets_the_doubted_too(void **state)
{
	struct pair *pair = pair_start(pair_new());
	unsigned int met = 0;

	pair_open_quiet(pair, KG_PROTOCOL_TCP);
	conversation(pair);
	flow(pair);
	kg_session_tour_begin(pair->client.session);
	while (kg_session_tour_next(pair->client.session) != NULL)
		met++;
	assert_int_equal(met, 3);
	kg_session_shutdown(pair->client.session, pair->now_us);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pair->client.apps[i].closed, 1);
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_never_heard_of_lives_seconds),
		cmocka_unit_test(an_originals_client_may_be_silent),
		cmocka_unit_test(the_oldest_unheard_gives_way),
		cmocka_unit_test(who_was_just_answered_does_not_give_way),
		cmocka_unit_test(made_up_sources_have_a_share),
		cmocka_unit_test(who_gave_way_may_ask_again),
		cmocka_unit_test(udp_leaves_memory_to_tcp),
		cmocka_unit_test(one_answer_proves_nothing),
		cmocka_unit_test(udp_leaves_room_for_tcp),
		cmocka_unit_test(an_origin_leaves_room_for_others),
		cmocka_unit_test(a_tour_meets_the_doubted_too),
	};

	return cmocka_run_group_tests_name("session_proof", tests, NULL, NULL);
}
