/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session must bear: copies, replays, foreign addresses, broken messages, floods. */
#include "session_pair.h"

#include "base/bytes.h"
#include "session/internal.h"

/* ---- a peer that says what it is told, on conv 0 ---- */

struct stranger {
	struct kg_kcp *kcp;
	struct kg_endpoint at;
	uint8_t answer[512];
	size_t answer_len;
};

static struct stranger stranger_new(struct pair *pair, uint16_t port)
{
	struct kg_kcp_params params = kg_kcp_handshake_params;

	params.mtu = PAIR_MTU;
	return (struct stranger){
		.kcp = kg_kcp_create(&params, &pair->client.host.mem, &pair->client.host.pool.pool,
				     pair->now_us),
		.at = { { 4, { 198, 18, 9, 9 } }, port },
	};
}

static void stranger_queue(struct pair *pair, struct stranger *st, const void *bytes, size_t len)
{
	struct kg_buf *chain =
		kg_buf_chain_copy(&pair->client.host.pool.pool, bytes, len, 1000, 1000);

	assert_true(kg_kcp_send(st->kcp, chain, pair->now_us));
}

/* Talks with `to` until neither has anything to say; the last verdict. */
static enum kg_drop stranger_talk(struct pair *pair, struct stranger *st, struct end *to,
				  uint16_t to_port)
{
	enum kg_drop drop = KG_DROP_NONE;
	uint8_t bytes[PAIR_MTU];
	struct kg_datagram d = { .data = bytes };
	unsigned int events;
	struct kg_buf *chain;

	while ((d.len = kg_kcp_output(st->kcp, pair->now_us, bytes)) > 0) {
		d.local = (struct kg_endpoint){ to->address, to_port };
		d.remote = st->at;
		d.digest = kg_hash64(bytes, d.len, 0);
		drop = kg_session_input(to->session, &d, pair->now_us);
		while (kg_session_output(to->session, &d, pair->now_us))
			kg_kcp_input(st->kcp, bytes, d.len, pair->now_us, &events);
	}
	chain = kg_kcp_recv(st->kcp);
	if (chain != NULL)
		st->answer_len = kg_buf_chain_gather(chain, st->answer);
	kg_buf_free_chain(chain);
	return drop;
}

/* One request to the server from a fresh source. */
static enum kg_drop request(struct pair *pair, struct stranger *st, const void *bytes, size_t len)
{
	stranger_queue(pair, st, bytes, len);
	return stranger_talk(pair, st, &pair->server, 3000);
}

static size_t initialise(uint8_t out[64], enum kg_protocol protocol, uint32_t uid)
{
	struct kg_message message = {
		.feature = KG_FEATURE_INITIALISE,
		.protocol = protocol,
		.initialise.uid = uid,
	};

	return kg_message_encode(out, 64, &message);
}

/* ---- handshakes ---- */

static void copies_of_a_handshake_open_nothing(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
	struct logged copies[32];
	unsigned int count = 0;

	/* The client hears nothing for a while and repeats itself. */
	pair->client.deaf = true;
	run(pair, SEC(2));
	pair->client.deaf = false;
	for (unsigned int i = 0; i < pair->logged && count < KG_ARRAY_SIZE(copies); i++) {
		if (pair->log[i].to_server)
			copies[count++] = pair->log[i];
	}
	assert_in_range(count, 3, 32);
	for (unsigned int i = 0; i < count; i++) {
		copies[i].datagram.data = copies[i].bytes;
		deliver(&pair->server, &copies[i]);
	}
	run(pair, SEC(60));
	assert_int_equal(client->opened, 1);
	/* The record is gone, then from elsewhere. */
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(deliver(&pair->server, &copies[i]), KG_DROP_HANDSHAKE_REPLAYED);
		copies[i].datagram.remote.port++;
		assert_int_equal(deliver(&pair->server, &copies[i]), KG_DROP_HANDSHAKE_REPLAYED);
	}
	assert_int_equal(pair->server.app_count, 1);
	assert_int_equal(stats_of(&pair->server).handshakes_started, 1);
	pair_stop(pair);
}

static void late_acknowledgements_open_nothing(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct logged *ack;

	pair_open(pair, KG_PROTOCOL_TCP);
	exchange(pair);
	ack = latest(pair, true, 0);
	for (unsigned int back = 1; kg_load_le32(ack->bytes) != 0; back++)
		ack = latest(pair, true, back);
	assert_int_equal(ack->bytes[4], KG_KCP_ACK);
	run(pair, SEC(60));
	assert_int_equal(deliver(&pair->server, ack), KG_DROP_HANDSHAKE_UNKNOWN);
	assert_int_equal(pair->server.app_count, 1);
	pair_stop(pair);
}

static void broken_requests_allocate_nothing(void **state)
{
	struct pair *pair = pair_start(pair_new());
	size_t before = pair->server.host.mem.in_use_bytes;
	uint8_t bytes[64];
	size_t len = initialise(bytes, KG_PROTOCOL_TCP, 0);

	for (size_t cut = 0; cut < len; cut++) {
		struct stranger st = stranger_new(pair, (uint16_t)(1 + cut));

		assert_int_equal(request(pair, &st, bytes, cut), KG_DROP_HANDSHAKE_MALFORMED);
		kg_kcp_destroy(st.kcp);
	}
	for (unsigned int kind = 0; kind < 256; kind++) {
		struct stranger st = stranger_new(pair, (uint16_t)(1000 + kind));
		bool valid =
			(kind & 15) == KG_FEATURE_KEEP_ALIVE ||
			((kind & 15) == KG_FEATURE_INITIALISE && kind >> 4 >= 1 && kind >> 4 <= 3);

		bytes[0] = (uint8_t)kind;
		if (!valid)
			assert_int_equal(request(pair, &st, bytes, len),
					 KG_DROP_HANDSHAKE_MALFORMED);
		kg_kcp_destroy(st.kcp);
	}
	assert_int_equal(pair->server.host.mem.in_use_bytes, before);
	assert_int_equal(pair->server.host.pool.in_use, 0);
	assert_int_equal(pair->server.app_count, 0);
	pair_stop(pair);
}

static void noise_allocates_nothing(void **state)
{
	struct pair *pair = pair_start(pair_new());
	size_t before = pair->server.host.mem.in_use_bytes;
	struct logged noise = { .to_server = true };
	struct kg_rng rng;

	print_message("seed %#x\n", PAIR_SEED);
	kg_rng_init(&rng, PAIR_SEED);
	noise.datagram.data = noise.bytes;
	for (int i = 0; i < 20000; i++) {
		for (size_t j = 0; j < 100; j++)
			noise.bytes[j] = (uint8_t)kg_rng_next(&rng);
		if (i % 2 == 0)
			memset(noise.bytes, 0, 4); /* conv 0 */
		if (i % 4 == 0)
			noise.bytes[4] = (uint8_t)(KG_KCP_PUSH + kg_rng_below(&rng, 4));
		noise.datagram.len = (uint16_t)kg_rng_below(&rng, 100);
		noise.datagram.remote.port = (uint16_t)i;
		assert_int_not_equal(deliver(&pair->server, &noise), KG_DROP_NONE);
		assert_int_not_equal(deliver(&pair->client, &noise), KG_DROP_NONE);
	}
	assert_int_equal(pair->server.host.mem.in_use_bytes, before);
	assert_true(pair->server.drops[KG_DROP_KCP_MALFORMED] > 0);
	assert_true(pair->server.drops[KG_DROP_CONV_UNKNOWN] > 0);
	assert_true(pair->server.drops[KG_DROP_HANDSHAKE_MALFORMED] > 0);
	pair_stop(pair);
}

static void a_test_of_a_port_is_echoed(void **state)
{
	static const uint8_t test[] = { KG_PROTOCOL_TCP << 4 | KG_FEATURE_KEEP_ALIVE, 0, 0 };
	struct pair *pair = pair_start(pair_new());
	struct stranger st = stranger_new(pair, 5000);

	assert_int_equal(request(pair, &st, test, sizeof(test)), KG_DROP_NONE);
	assert_int_equal(st.answer_len, sizeof(test));
	assert_memory_equal(st.answer, test, sizeof(test));
	assert_int_equal(pair->server.app_count, 0);
	kg_kcp_destroy(st.kcp);
	pair_stop(pair);
}

/* A server whose clients must say where to, so that it can refuse those that do not. */
static struct pair *start_refusing(void)
{
	struct pair *pair = pair_new();

	pair->server.config.custom_targets = true;
	return pair_start(pair);
}

static void what_cannot_be_served_is_refused_in_words(void **state)
{
	struct pair *pair = start_refusing();
	struct stranger st = stranger_new(pair, 5000);
	uint8_t bytes[64];
	size_t len = initialise(bytes, KG_PROTOCOL_TCP, 0);

	assert_int_equal(request(pair, &st, bytes, len), KG_DROP_NONE);
	/* Words longer than the question come when it is asked again. */
	pair->now_us += SEC(1);
	assert_int_equal(stranger_talk(pair, &st, &pair->server, 3000), KG_DROP_NONE);
	assert_int_equal(st.answer[0] & 15, KG_FEATURE_FAILURE);
	st.answer[st.answer_len] = '\0';
	assert_non_null(strstr((char *)st.answer + 1, "no target"));
	kg_kcp_destroy(st.kcp);
	assert_int_equal(pair->server.app_count, 0);
	pair_stop(pair);
}

/* Tests and refusals leave records that nobody's channel limit counts. */
static void floods_of_requests_stay_bounded(void **state)
{
	struct pair *pair = start_refusing();
	size_t most = 0;
	uint8_t bytes[64];

	for (uint16_t i = 0; i < 500; i++) {
		struct stranger st = stranger_new(pair, (uint16_t)(1 + i));
		size_t len = initialise(bytes, KG_PROTOCOL_TCP, 0);

		if (i % 2 == 0)
			bytes[0] = KG_FEATURE_KEEP_ALIVE;
		/* No two alike: the digest of a datagram is that of its bytes here. */
		pair->now_us += KG_US_PER_MS;
		kg_twheel_advance(pair->server.host.wheel, pair->now_us);
		assert_int_equal(request(pair, &st, bytes, len), KG_DROP_NONE);
		kg_kcp_destroy(st.kcp);
		if (i == 100)
			most = pair->server.host.mem.in_use_bytes;
	}
	assert_in_range(pair->server.host.mem.in_use_bytes, 1, most + 1024);
	pair_stop(pair);
}

/* A handshake whose answer is still on its way is not what gives way. */
static void floods_do_not_make_a_handshake_forgotten(void **state)
{
	static const uint8_t test[] = { KG_FEATURE_KEEP_ALIVE, 0, 0 };
	struct pair *pair = pair_new();
	struct app *client;

	pair->server.config.channels_max = 2;
	pair_start(pair);
	pair->client.deaf = true;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	exchange(pair);
	for (uint16_t i = 0; i < 10; i++) {
		struct stranger st = stranger_new(pair, (uint16_t)(1 + i));

		pair->now_us += KG_US_PER_MS;
		assert_int_equal(request(pair, &st, test, sizeof(test)), KG_DROP_NONE);
		kg_kcp_destroy(st.kcp);
	}
	run(pair, SEC(3));
	pair->client.deaf = false;
	run(pair, SEC(5));
	assert_int_equal(client->opened, 1);
	assert_int_equal(pair->server.app_count, 1);
	pair_stop(pair);
}

static void a_full_server_still_answers_tests(void **state)
{
	static const uint8_t test[] = { KG_FEATURE_KEEP_ALIVE, 0, 0 };
	struct pair *pair = pair_new();
	struct stranger st;
	uint8_t bytes[64];

	pair->server.config.channels_max = 1;
	pair_start(pair);
	pair_open_quiet(pair, KG_PROTOCOL_TCP);
	st = stranger_new(pair, 5000);
	assert_int_equal(request(pair, &st, test, sizeof(test)), KG_DROP_NONE);
	assert_int_equal(st.answer_len, sizeof(test));
	kg_kcp_destroy(st.kcp);
	st = stranger_new(pair, 5001);
	assert_int_equal(request(pair, &st, bytes, initialise(bytes, KG_PROTOCOL_TCP, 0)),
			 KG_DROP_CHANNEL_LIMIT);
	kg_kcp_destroy(st.kcp);
	pair_stop(pair);
}

static void handshakes_do_not_look_alike(void **state)
{
	struct pair *pair = pair_start(pair_new());
	uint32_t ts[2];

	for (int i = 0; i < 2; i++) {
		struct logged *first = &pair->log[pair->logged % PAIR_LOG];

		pair_open(pair, KG_PROTOCOL_TCP);
		exchange(pair);
		assert_int_equal(kg_load_le32(first->bytes), 0);
		ts[i] = kg_load_le32(first->bytes + 8);
	}
	assert_int_not_equal(ts[0], ts[1]);
	pair_stop(pair);
}

/* ---- a broken server ---- */

static struct stranger broken_server(struct pair *pair)
{
	struct stranger st = stranger_new(pair, 3000);

	st.at.ip = pair->server.address;
	return st;
}

/* The request, whose time stamp its answers need. */
static struct app *open_to_broken(struct pair *pair, struct stranger *st)
{
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
	uint8_t bytes[PAIR_MTU];
	struct kg_datagram d = { .data = bytes };
	unsigned int events;

	while (kg_session_output(pair->client.session, &d, pair->now_us))
		kg_kcp_input(st->kcp, bytes, d.len, pair->now_us, &events);
	kg_buf_free_chain(kg_kcp_recv(st->kcp));
	return client;
}

static void broken_answers_are_passed_over(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct stranger st = broken_server(pair);
	struct app *client = open_to_broken(pair, &st);
	uint16_t port = client->ch->handshake->line.path->ends.local.port;
	uint8_t bytes[64];
	size_t len = initialise(bytes, KG_PROTOCOL_TCP, 77);
	uint64_t dropped = 0;

	for (size_t cut = 0; cut < len; cut++, dropped++)
		stranger_queue(pair, &st, bytes, cut);
	for (unsigned int feature = KG_FEATURE_KEEP_ALIVE; feature < 16; feature++, dropped++) {
		bytes[0] = (uint8_t)(KG_PROTOCOL_TCP << 4 | feature);
		stranger_queue(pair, &st, bytes, len);
	}
	initialise(bytes, KG_PROTOCOL_TCP, 0), dropped++;
	stranger_queue(pair, &st, bytes, len);
	assert_int_equal(stranger_talk(pair, &st, &pair->client, port), KG_DROP_NONE);
	assert_int_equal(stats_of(&pair->client).messages_dropped, dropped);
	assert_int_equal(client->opened + client->closed, 0);
	/* Only the first answer counts. */
	for (uint32_t uid = 77; uid < 79; uid++) {
		initialise(bytes, KG_PROTOCOL_TCP, uid);
		stranger_queue(pair, &st, bytes, len);
	}
	stranger_talk(pair, &st, &pair->client, port);
	assert_int_equal(client->opened, 1);
	assert_int_equal(info_of(&pair->client, client).conv, 77);
	kg_kcp_destroy(st.kcp);
	pair_stop(pair);
}

static void words_of_a_failure_are_fit_for_a_log(void **state)
{
	static const uint8_t failure[] = "\x21"
					 "no\n\x1b[31m\xffway";
	struct pair *pair = pair_start(pair_new());
	struct stranger st = broken_server(pair);
	struct app *client = open_to_broken(pair, &st);

	stranger_queue(pair, &st, failure, sizeof(failure));
	stranger_talk(pair, &st, &pair->client, client->ch->handshake->line.path->ends.local.port);
	assert_int_equal(client->why, KG_CLOSE_REFUSED);
	assert_string_equal(client->text, "no??[31m?way");
	kg_kcp_destroy(st.kcp);
	pair_stop(pair);
}

static void a_datagram_needs_its_port_and_conv(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct logged *data;
	struct logged bent;

	pair_open_quiet(pair, KG_PROTOCOL_TCP);
	assert_true(app_send(&pair->server, &pair->server.apps[0], "x", 1));
	exchange(pair);
	data = latest(pair, false, 0);
	assert_int_not_equal(kg_load_le32(data->bytes), 0);
	bent = *data;
	bent.datagram.data = bent.bytes;
	bent.datagram.local.port += 1000;
	assert_int_equal(deliver(&pair->client, &bent), KG_DROP_CONV_UNKNOWN);
	bent.datagram.local.port = data->datagram.local.port;
	bent.bytes[0] ^= 1;
	assert_int_equal(deliver(&pair->client, &bent), KG_DROP_CONV_UNKNOWN);
	assert_int_equal(deliver(&pair->server, &bent), KG_DROP_CONV_UNKNOWN);
	kg_store_le32(bent.bytes, 0);
	assert_int_equal(deliver(&pair->client, &bent), KG_DROP_HANDSHAKE_UNKNOWN);
	/* Nor does conv 0 fit a channel that has none yet. */
	pair_open(pair, KG_PROTOCOL_TCP);
	bent.datagram.local.port = 0;
	assert_int_equal(deliver(&pair->client, &bent), KG_DROP_HANDSHAKE_UNKNOWN);
	pair_stop(pair);
}

/* ---- addresses ---- */

static void only_news_move_the_address(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];
	struct kg_endpoint thief = { { 4, { 198, 19, 6, 6 } }, 6666 };
	struct kg_endpoint home, now;
	struct logged copies[8];

	for (int i = 0; i < 8; i++) {
		run(pair, SEC(1));
		assert_true(app_send(&pair->client, client, "x", 1));
		exchange(pair);
		copies[i] = *latest(pair, true, 0);
		copies[i].datagram.data = copies[i].bytes;
		copies[i].datagram.remote = thief;
	}
	home = info_of(&pair->server, server).remote;
	assert_true(kg_ip_equal(&home.ip, &pair->client.address));
	for (int i = 0; i < 8; i++)
		assert_int_equal(deliver(&pair->server, &copies[i]), KG_DROP_NONE);
	now = info_of(&pair->server, server).remote;
	assert_true(kg_endpoint_equal(&now, &home));
	assert_int_equal(stats_of(&pair->server).peer_moves, 0);

	pair->client.address.bytes[3] = 77;
	assert_true(app_send(&pair->client, client, "y", 1));
	run(pair, SEC(1));
	assert_int_equal(info_of(&pair->server, server).remote.ip.bytes[3], 77);
	assert_int_equal(stats_of(&pair->server).peer_moves, 1);
	deliver(&pair->server, &copies[7]);
	assert_int_equal(info_of(&pair->server, server).remote.ip.bytes[3], 77);
	assert_int_equal(stats_of(&pair->client).peer_moves, 0);
	pair_stop(pair);
}

/* Whatever it is: an answer, data, what a stranger copied or made up. */
static void a_client_hears_only_whom_it_asked(void **state)
{
	static const struct kg_port_range asked[] = { { 3000, 3000 }, { 3005, 3009 } };
	struct pair *pair = pair_new();
	struct app *client;
	struct logged late;

	pair->client.config.destination_ports = asked;
	pair->client.config.destination_port_count = KG_ARRAY_SIZE(asked);
	pair_start(pair);
	client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	pair->client.deaf = true;
	assert_true(app_send(&pair->server, &pair->server.apps[0], "x", 1));
	exchange(pair);
	late = *latest(pair, false, 0);
	late.datagram.data = late.bytes;
	late.datagram.remote.port = 3004;
	assert_int_equal(deliver(&pair->client, &late), KG_DROP_SOURCE_UNKNOWN);
	late.datagram.remote = (struct kg_endpoint){ { 4, { 198, 18, 0, 3 } }, 3000 };
	assert_int_equal(deliver(&pair->client, &late), KG_DROP_SOURCE_UNKNOWN);
	assert_int_equal(client->messages, 0);
	late.datagram.remote = (struct kg_endpoint){ pair->server.address, 3009 };
	assert_int_equal(deliver(&pair->client, &late), KG_DROP_NONE);
	expect(client, "x");
	pair->client.deaf = false;
	pair_stop(pair);
}

/* The server answers from the address and port where the client's latest news arrived. */
static void the_answer_comes_from_where_the_question_went(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct kg_endpoint second = { { 4, { 198, 18, 0, 2 } }, 3007 };

	client->ch->line.path->ends.remote = second;
	assert_true(app_send(&pair->client, client, "x", 1));
	run(pair, SEC(1));
	assert_true(kg_endpoint_equal(&latest(pair, false, 0)->datagram.remote, &second));
	assert_int_equal(stats_of(&pair->server).peer_moves, 0);
	pair_stop(pair);
}

/* ---- messages ---- */

static void inject(struct pair *pair, struct app *app, const uint8_t *bytes, size_t len)
{
	struct kg_buf *chain =
		kg_buf_chain_copy(&pair->client.host.pool.pool, bytes, len, 1000, 1000);

	assert_true(kg_kcp_send(app->ch->line.kcp, chain, pair->now_us));
	kg_line_touch(&app->ch->line, pair->now_us);
	exchange(pair);
}

static bool ends_a_channel(unsigned int kind, size_t len)
{
	return ((kind & 15) == KG_FEATURE_DISCONNECT && len >= 3) ||
	       ((kind & 15) == KG_FEATURE_FAILURE && len >= 2);
}

static void broken_messages_do_no_harm(void **state)
{
	uint8_t bytes[64] = { 0 };
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];
	size_t data = 0;

	inject(pair, client, bytes, 0);
	assert_int_equal(stats_of(&pair->server).messages_dropped, 1);
	for (unsigned int kind = 0; kind < 256; kind++) {
		for (size_t len = 1; len < 36; len++) {
			if (ends_a_channel(kind, len))
				continue;
			bytes[0] = (uint8_t)kind;
			inject(pair, client, bytes, len);
			if ((kind & 15) == KG_FEATURE_RAW_DATA)
				data += len - 1;
			if (server->got_len > 4000)
				data -= server->got_len, server->got_len = 0;
		}
		run(pair, KG_US_PER_MS);
	}
	assert_int_equal(server->got_len, data);
	assert_true(stats_of(&pair->server).messages_dropped > 1000);
	assert_int_equal(server->closed + client->closed, 0);
	pair_stop(pair);
}

static void long_control_messages_are_dropped(void **state)
{
	static uint8_t bytes[50000];
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	bytes[0] = KG_FEATURE_KEEP_ALIVE;
	inject(pair, client, bytes, sizeof(bytes));
	assert_int_equal(stats_of(&pair->server).messages_dropped, 1);
	assert_true(app_send(&pair->client, client, "x", 1));
	run(pair, SEC(1));
	assert_int_equal(pair->server.apps[0].got_len, 1);
	pair_stop(pair);
}

static void questions_without_end_are_not_answered_without_end(void **state)
{
	static const uint8_t question[] = { KG_FEATURE_KEEP_ALIVE, 0, 0 };
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	/* The client acknowledges nothing: it hears nothing. Its own window would stop it, so it
	 * is told that everything arrived by hand. */
	pair->client.deaf = true;
	for (int i = 0; i < 3000; i++) {
		inject(pair, client, question, sizeof(question));
		if (i % 100 == 99) {
			deliver(&pair->client, latest(pair, false, 0));
			pair->now_us += KG_US_PER_MS;
		}
	}
	assert_true(pair->server.host.pool.in_use <= 2 * 256 + 1);
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_of_a_handshake_open_nothing),
		cmocka_unit_test(late_acknowledgements_open_nothing),
		cmocka_unit_test(broken_requests_allocate_nothing),
		cmocka_unit_test(noise_allocates_nothing),
		cmocka_unit_test(a_test_of_a_port_is_echoed),
		cmocka_unit_test(what_cannot_be_served_is_refused_in_words),
		cmocka_unit_test(floods_of_requests_stay_bounded),
		cmocka_unit_test(floods_do_not_make_a_handshake_forgotten),
		cmocka_unit_test(a_full_server_still_answers_tests),
		cmocka_unit_test(handshakes_do_not_look_alike),
		cmocka_unit_test(broken_answers_are_passed_over),
		cmocka_unit_test(words_of_a_failure_are_fit_for_a_log),
		cmocka_unit_test(a_datagram_needs_its_port_and_conv),
		cmocka_unit_test(only_news_move_the_address),
		cmocka_unit_test(a_client_hears_only_whom_it_asked),
		cmocka_unit_test(the_answer_comes_from_where_the_question_went),
		cmocka_unit_test(broken_messages_do_no_harm),
		cmocka_unit_test(long_control_messages_are_dropped),
		cmocka_unit_test(questions_without_end_are_not_answered_without_end),
	};

	return cmocka_run_group_tests_name("session_abuse", tests, NULL, NULL);
}
