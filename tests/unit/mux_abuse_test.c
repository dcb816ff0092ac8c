/* SPDX-License-Identifier: BSD-3-Clause */
/* What a peer may say on a mux channel and must not: counted, and nothing else happens. */
#define MUX_APPS      24
#define MUX_GOT_BYTES (1u << 16)
#include "mux_pair.h"

#include "base/bytes.h"

#define ID 0x01020304u

static struct pair *start(void)
{
	struct pair *pair = pair_start(pair_new());

	run(pair, SEC(1));
	return pair;
}

static struct kg_mux *mux_of(struct end *end)
{
	return TAILQ_FIRST(&end->streams->muxes);
}

/* As its host never would; fragments of `part` bytes. */
static void say_in_pieces(struct end *end, const void *bytes, size_t len, uint16_t part)
{
	struct kg_buf *chain = kg_buf_chain_copy(&end->host.pool.pool, bytes, len, part, part);

	assert_true(kg_channel_send_message(mux_of(end)->channel, chain, end->pair->now_us));
	exchange(end->pair);
}

static void say(struct end *end, const void *bytes, size_t len)
{
	say_in_pieces(end, bytes, len, 1000);
}

static void say_message(struct end *end, struct kg_message message)
{
	uint8_t bytes[1024];

	say(end, bytes, kg_message_encode(bytes, sizeof(bytes), &message));
}

/* clang-format off */
static const struct {
	const char *bytes;
	size_t len, least; /* whole; the shortest that is one */
} messages[] = {
	{ "\x26\1\2\3\4payload", 12, 5 },
	{ "\x27\1\2\3\4\0", 6, 6 },
	{ "\x28\1\2\3\4\0\x16host", 12, 8 },
	{ "\x2a\1\2\3\4\0", 6, 6 },
	{ "\x2b\1\2\3\4\0\1\0\0", 9, 9 },
	{ "\x2c\1\2\3\4\0\0\1\0", 9, 9 },
};
/* clang-format on */

static void messages_cut_at_any_byte_are_counted(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(messages); i++) {
		for (size_t len = 1; len < messages[i].least; len++) {
			struct pair *pair = start();

			say(&pair->client, messages[i].bytes, len);
			assert_int_equal(messages_dropped_of(&pair->server), 1);
			assert_int_equal(pair->server.app_count, 0);
			pair_stop(pair);
		}
	}
}

static void other_kinds_are_counted(void **state)
{
	struct pair *pair = start();
	unsigned int wrong = 0;

	for (unsigned int kind = 0; kind < 256; kind++) {
		uint8_t bytes[16] = { (uint8_t)kind, 1, 2, 3, 4 };
		bool known = (kind & 15) >= KG_FEATURE_KEEP_ALIVE &&
			     (kind & 15) <= KG_FEATURE_MUX_RETURN && kind >> 4 <= KG_PROTOCOL_UDP;

		if (known || (kind & 15) == KG_FEATURE_DISCONNECT ||
		    (kind & 15) == KG_FEATURE_FAILURE)
			continue;
		say(&pair->client, bytes, sizeof(bytes));
		wrong++;
	}
	assert_int_equal(messages_dropped_of(&pair->server), wrong);
	pair_stop(pair);
}

static void a_header_may_come_in_pieces(void **state)
{
	for (uint16_t part = 1; part <= 6; part++) {
		struct pair *pair = start();

		say_in_pieces(&pair->client, "\x26\1\2\3\4payload", 12, part);
		expect(&pair->server.apps[0], "payload");
		assert_int_equal(messages_dropped_of(&pair->server), 0);
		pair_stop(pair);
	}
}

static void clients_accept_nothing(void **state)
{
	struct pair *pair = start();

	say(&pair->server, "\x26\1\2\3\4payload", 12);
	say(&pair->server, "\x28\1\2\3\4\0\x16host\0", 12);
	assert_int_equal(pair->client.app_count, 0);
	assert_int_equal(messages_dropped_of(&pair->client),
			 1);                                    /* pre_connect is a client's word */
	assert_true(kg_mux_is_over(mux_of(&pair->client), ID)); /* it has said so, once */
	pair_stop(pair);
}

/* The peer did not know yet. */
static void what_comes_after_an_end_opens_nothing(void **state)
{
	struct pair *pair = start();

	say(&pair->client, "\x26\1\2\3\4payload", 12);
	app_abort(&pair->server, &pair->server.apps[0]);
	for (size_t i = 0; i < KG_ARRAY_SIZE(messages); i++)
		say(&pair->client, messages[i].bytes, messages[i].len);
	assert_int_equal(pair->server.app_count, 1);
	assert_int_equal(messages_dropped_of(&pair->server), 0);
	pair_stop(pair);
}

static void the_last_ids_are_remembered(void **state)
{
	struct pair *pair = start();
	struct kg_mux *mux = mux_of(&pair->server);
	size_t bytes = pair->server.host.mem.in_use_bytes;

	for (uint32_t id = 0; id < 5000; id++)
		kg_mux_remember(mux, id, pair->now_us);
	assert_false(kg_mux_is_over(mux, 3000));
	assert_true(kg_mux_is_over(mux, 4500));
	assert_in_range(pair->server.host.mem.in_use_bytes, bytes, bytes + (160u << 10));
	run(pair, SEC(121));
	assert_false(kg_mux_is_over(mux, 4500));
	pair_stop(pair);
}

/* Whoever has said its last word between boxes has nothing under way. */
static void an_id_that_the_peer_has_ended_is_forgotten(void **state)
{
	struct pair *pair = start();
	struct app *client;

	for (unsigned int i = 0; i < 4; i++) {
		client = pair_open(pair, i % 2 == 0 ? KG_PROTOCOL_TCP : KG_PROTOCOL_UDP);
		assert_true(app_send(&pair->client, client, "hello", 5));
		run(pair, SEC(1));
		if (i == 0) {
			app_finish(&pair->server, &pair->server.apps[i]);
			app_finish(&pair->client, client);
		} else {
			app_abort(&pair->client, client);
		}
		run(pair, SEC(1));
		assert_int_equal(pair->server.apps[i].closed, 1);
	}
	assert_true(TAILQ_EMPTY(&mux_of(&pair->server)->ended));
	pair_stop(pair);
}

static void an_id_keeps_its_protocol(void **state)
{
	struct pair *pair = start();

	say(&pair->client, "\x26\1\2\3\4tcp", 8);
	say(&pair->client, "\x36\1\2\3\4udp", 8);
	say(&pair->client, "\x28\1\2\3\4\0\x16host\0", 12);
	assert_int_equal(pair->server.app_count, 1);
	assert_int_equal(messages_dropped_of(&pair->server), 2);
	run(pair, SEC(1));
	expect(&pair->server.apps[0], "tcp");
	pair_stop(pair);
}

static void who_sends_more_than_was_granted_is_cut_off(void **state)
{
	struct pair *pair = start();
	struct app *server = &pair->server.apps[0];

	pair->server.slow = true;
	for (unsigned int i = 0; i < KG_MUX_CREDIT_BYTES / 256; i++)
		say(&pair->client, "\x26\1\2\3\4x", 6);
	assert_int_equal(server->closed, 0);
	say(&pair->client, "\x26\1\2\3\4x", 6);
	assert_int_equal(server->why, KG_CLOSE_RESET);
	assert_int_equal(messages_dropped_of(&pair->server), 1);
	pair_stop(pair);
}

/* More than it has, without end: it has as much as before. */
static void who_returns_more_than_was_granted_returns_nothing(void **state)
{
	struct pair *pair = start();

	pair->server.slow = true;
	say(&pair->client, "\x26\1\2\3\4x", 6);
	say(&pair->client, "\x2c\1\2\3\4\xff\xff\xff\xff", 9);
	assert_int_equal(messages_dropped_of(&pair->server), 1);
	assert_int_equal(pair->server.streams->promised_bytes,
			 KG_MUX_CREDIT_BYTES - KG_MUX_CREDIT_FIRST_BYTES - 256);
	say(&pair->client, "\x2c\1\2\3\4\0\3\x80\0", 9);
	assert_int_equal(messages_dropped_of(&pair->server), 1);
	assert_in_range(pair->server.streams->promised_bytes, 1, KG_MUX_CREDIT_FIRST_BYTES);
	pair_stop(pair);
}

static void what_comes_behind_an_end_is_counted(void **state)
{
	struct pair *pair = start();
	struct app *server = &pair->server.apps[0];

	say(&pair->client, "\x26\1\2\3\4x", 6);
	say(&pair->client, "\x2a\1\2\3\4\0", 6);
	say(&pair->client, "\x2a\1\2\3\4\0", 6);
	say(&pair->client, "\x26\1\2\3\4late", 9);
	say(&pair->client, "\x26\1\2\3\4", 5);
	assert_int_equal(messages_dropped_of(&pair->server), 2);
	assert_int_equal(server->finished, 1);
	assert_int_equal(server->closed, 0);
	pair_stop(pair);
}

static void an_original_has_no_such_words(void **state)
{
	struct pair *pair = pair_new();

	pair_as_original(pair);
	pair_start(pair);
	run(pair, SEC(1));
	say(&pair->client, "\x26\1\2\3\4x", 6);
	say(&pair->client, messages[3].bytes, messages[3].len);
	say(&pair->client, messages[4].bytes, messages[4].len);
	assert_int_equal(messages_dropped_of(&pair->server), 2);
	assert_int_equal(pair->server.apps[0].finished, 0);
	pair_stop(pair);
}

static void datagrams_that_find_no_place_are_counted(void **state)
{
	struct pair *pair = start();

	pair->server.slow = true;
	for (unsigned int i = 0; i < KG_MUX_QUEUE_SEGMENTS + 10; i++)
		say(&pair->client, "\x36\1\2\3\4x", 6);
	assert_int_equal(stats_of(&pair->server).datagrams_dropped, 10);
	assert_int_equal(messages_dropped_of(&pair->server), 0);
	pair_stop(pair);
}

static void streams_are_limited(void **state)
{
	struct pair *pair = pair_new();

	pair->server.config.session.channels_max = 5;
	pair_start(pair);
	run(pair, SEC(1));
	for (uint32_t id = 0; id < 20; id++)
		say_message(&pair->client, (struct kg_message){
						   .feature = KG_FEATURE_MUX_TRANSFER,
						   .protocol = KG_PROTOCOL_TCP,
						   .connection_id = id,
					   });
	assert_int_equal(pair->server.app_count, 5);
	assert_int_equal(stats_of(&pair->server).streams, 5);
	pair_stop(pair);
}

/* Who wants all there are on one channel leaves some to others. */
static void a_channel_leaves_streams_to_others(void **state)
{
	struct pair *pair = pair_new();

	pair->server.config.session.channels_max = 20;
	pair_start(pair);
	run(pair, SEC(1));
	for (uint32_t id = 0; id < 40; id++)
		say_message(&pair->client, (struct kg_message){
						   .feature = KG_FEATURE_MUX_TRANSFER,
						   .protocol = KG_PROTOCOL_TCP,
						   .connection_id = id,
					   });
	assert_int_equal(pair->server.app_count, 19);
	assert_int_equal(stats_of(&pair->server).streams, 19);
	pair_stop(pair);
}

/* Connections that are cancelled at once still dial. */
static void what_is_cancelled_counts_until_it_is_over(void **state)
{
	struct pair *pair = pair_new();
	struct kg_message message = { .protocol = KG_PROTOCOL_TCP };

	pair->server.config.session.channels_max = 5;
	pair->server.late = pair->server.dials = true;
	pair_start(pair);
	run(pair, SEC(1));
	for (; message.connection_id < 20; message.connection_id++) {
		message.feature = KG_FEATURE_MUX_TRANSFER;
		say_message(&pair->client, message);
		message.feature = KG_FEATURE_MUX_CANCEL;
		say_message(&pair->client, message);
	}
	assert_int_equal(pair->server.app_count, 5);
	assert_int_equal(stats_of(&pair->server).streams, 0);
	for (unsigned int i = 0; i < 5; i++)
		kg_stream_free(&pair->server.apps[i].stream);
	message.feature = KG_FEATURE_MUX_TRANSFER;
	say_message(&pair->client, message);
	assert_int_equal(pair->server.app_count, 6);
	pair_stop(pair);
}

static void open_by_datagram(struct pair *pair, uint32_t id)
{
	say_message(&pair->client, (struct kg_message){
					   .feature = KG_FEATURE_MUX_TRANSFER,
					   .protocol = KG_PROTOCOL_UDP,
					   .connection_id = id,
				   });
}

static void the_oldest_unproven_datagrams_give_way(void **state)
{
	struct pair *pair = pair_new();

	pair->server.config.session.doubted_max = 2;
	pair_start(pair);
	run(pair, SEC(1));
	for (uint32_t id = 0; id < 4; id++)
		open_by_datagram(pair, id);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(pair->server.apps[i].closed, i < 2);
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_GAVE_WAY);
	assert_int_equal(stats_of(&pair->server).gave_way, 2);
	pair_stop(pair);
}

/* UDP has a part of the streams; there the unproven give way, and who is proven stays. */
static void datagrams_leave_streams_to_tcp(void **state)
{
	struct pair *pair = pair_new();

	pair->server.config.session.udp_max = 3;
	pair_start(pair);
	run(pair, SEC(1));
	for (uint32_t id = 0; id < 5; id++)
		open_by_datagram(pair, id);
	assert_int_equal(stats_of(&pair->server).streams, 3);
	assert_int_equal(stats_of(&pair->server).gave_way, 2);
	pair_stop(pair);
}

static void without_memory_no_stream_opens(void **state)
{
	struct pair *pair = pair_new();

	pair_start(pair);
	run(pair, SEC(1));
	pair->server.host.mem.soft_limit_bytes = pair->server.host.mem.in_use_bytes - 1;
	open_by_datagram(pair, 1);
	assert_int_equal(pair->server.app_count, 0);
	pair->server.host.mem.soft_limit_bytes = SIZE_MAX;
	open_by_datagram(pair, 2);
	assert_int_equal(pair->server.app_count, 1);
	pair_stop(pair);
}

/* Whatever a target is that cannot be read. */
static void bad_targets_open_nothing(void **state)
{
	struct pair *pair = pair_new();

	pair->server.config.session.custom_targets = true;
	pair_start(pair);
	run(pair, SEC(1));
	say(&pair->client, "\x28\1\2\3\4\0\0host\0", 12);
	say(&pair->client, "\x28\1\2\3\5\0\x16\0", 8);
	say(&pair->client, "\x28\1\2\3\6\0\x16h st\0", 12);
	assert_int_equal(pair->server.app_count, 0);
	assert_true(kg_mux_is_over(mux_of(&pair->server), ID));
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_cut_at_any_byte_are_counted),
		cmocka_unit_test(other_kinds_are_counted),
		cmocka_unit_test(a_header_may_come_in_pieces),
		cmocka_unit_test(clients_accept_nothing),
		cmocka_unit_test(what_comes_after_an_end_opens_nothing),
		cmocka_unit_test(the_last_ids_are_remembered),
		cmocka_unit_test(an_id_that_the_peer_has_ended_is_forgotten),
		cmocka_unit_test(an_id_keeps_its_protocol),
		cmocka_unit_test(who_sends_more_than_was_granted_is_cut_off),
		cmocka_unit_test(who_returns_more_than_was_granted_returns_nothing),
		cmocka_unit_test(what_comes_behind_an_end_is_counted),
		cmocka_unit_test(an_original_has_no_such_words),
		cmocka_unit_test(datagrams_that_find_no_place_are_counted),
		cmocka_unit_test(streams_are_limited),
		cmocka_unit_test(a_channel_leaves_streams_to_others),
		cmocka_unit_test(what_is_cancelled_counts_until_it_is_over),
		cmocka_unit_test(the_oldest_unproven_datagrams_give_way),
		cmocka_unit_test(datagrams_leave_streams_to_tcp),
		cmocka_unit_test(without_memory_no_stream_opens),
		cmocka_unit_test(bad_targets_open_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
