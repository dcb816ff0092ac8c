/* SPDX-License-Identifier: BSD-3-Clause */
/* Peers that have lost their state are found out; what is only lost, far or dead is none of them.
 */
#include "session_pair.h"

#include "base/bytes.h"
#include "session/internal.h"

static void restart(struct end *end)
{
	kg_session_destroy(end->session);
	for (unsigned int i = 0; i < end->app_count; i++)
		end->apps[i].ch = NULL;
	end->session = test_host_session(&end->host, &end->config, pair_ops, end->pair->now_us);
	assert_non_null(end->session);
}

static struct pair *pair_of(uint32_t capabilities)
{
	struct pair *pair = pair_new();

	pair->hop_us = 5 * KG_US_PER_MS;
	pair->client.config.capabilities = pair->server.config.capabilities = capabilities;
	return pair_start(pair);
}

/* An original does not know the words. */
static bool is_denial(struct end *end, const struct kg_datagram *datagram)
{
	uint16_t header = kg_framing_header_bytes(end->config.fec);
	const uint8_t *segment = datagram->data + header;

	return datagram->len == header + KG_KCP_HEADER_BYTES && segment[4] == KG_KCP_WINS &&
	       kg_load_le32(segment + 12) != 0;
}

static struct pair *pair_with_original(void)
{
	struct pair *pair = pair_of(0);

	pair->client.loses = is_denial;
	return pair;
}

static void say(struct end *end, struct app *app)
{
	assert_true(app_send(end, app, "x", 1));
}

static void is_forgotten(const struct app *app)
{
	assert_int_equal(app->closed, 1);
	assert_int_equal(app->why, KG_CLOSE_FORGOTTEN);
}

/* It is away for five seconds; who asks meanwhile hears so as soon as it is back. */
static void a_restarted_server_says_so(void **state)
{
	struct pair *pair = pair_of(KG_CAPABILITY_HALF_CLOSE);
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	pair->server.deaf = true;
	say(&pair->client, client);
	run(pair, SEC(5));
	assert_int_equal(client->closed, 0);
	restart(&pair->server);
	pair->server.deaf = false;
	run(pair, SEC(2));
	is_forgotten(client);
	assert_int_equal(stats_of(&pair->server).denials, 1);
	pair_stop(pair);
}

/* Nothing of the client's is under way: it has only listened. */
static void who_only_listens_finds_out_too(void **state)
{
	struct pair *pair = pair_of(KG_CAPABILITY_HALF_CLOSE);
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	for (int i = 0; i < 20; i++) {
		say(&pair->server, &pair->server.apps[0]);
		run(pair, SEC(1) / 20);
	}
	restart(&pair->server);
	run(pair, SEC(2));
	is_forgotten(client);
	pair_stop(pair);
}

/* The same of a client, while its application sent and the server only listened. */
static void a_restarted_client_says_so(void **state)
{
	struct pair *pair = pair_of(KG_CAPABILITY_HALF_CLOSE);
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];

	for (int i = 0; i < 20; i++) {
		say(&pair->client, client);
		run(pair, SEC(1) / 20);
	}
	pair->client.deaf = true;
	restart(&pair->client);
	run(pair, SEC(5));
	assert_int_equal(server->closed, 0);
	pair->client.deaf = false;
	run(pair, SEC(2));
	is_forgotten(server);
	pair_stop(pair);
}

/* It may be another box that denies, which a NAT has given the client's port. */
static void a_client_that_lives_elsewhere_has_time_to_say_so(void **state)
{
	struct pair *pair = pair_new();
	struct app *server = &pair->server.apps[0];

	pair->hop_us = 5 * KG_US_PER_MS;
	pair->client.config.capabilities = pair->server.config.capabilities =
		KG_CAPABILITY_HALF_CLOSE;
	pair->server.config.keep_alive_s = 5;
	pair_start(pair);
	pair_open_quiet(pair, KG_PROTOCOL_TCP);
	restart(&pair->client);
	say(&pair->server, server);
	run(pair, SEC(5));
	assert_true(stats_of(&pair->client).denials > 1);
	assert_int_equal(server->closed, 0);
	run(pair, SEC(4));
	is_forgotten(server);
	pair_stop(pair);
}

static void an_original_that_has_forgotten_is_found_out(void **state)
{
	static const enum kg_protocol protocols[] = { KG_PROTOCOL_TCP, KG_PROTOCOL_UDP };

	for (size_t i = 0; i < KG_ARRAY_SIZE(protocols); i++) {
		struct pair *pair = pair_with_original();
		struct app *client = pair_open_quiet(pair, protocols[i]);

		restart(&pair->server);
		say(&pair->client, client);
		run(pair, SEC(2));
		assert_int_equal(client->closed, 0);
		run(pair, SEC(3));
		is_forgotten(client);
		pair_stop(pair);
	}
}

/* The server has said all and its end, and is rightly gone; the client's application reads late. */
static void what_has_come_is_read_first(void **state)
{
	struct pair *pair = pair_with_original();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	pair->client.slow = true;
	assert_true(app_send(&pair->server, &pair->server.apps[0], "goodbye", 7));
	kg_channel_finish(pair->server.apps[0].ch, pair->now_us);
	run(pair, SEC(60));
	assert_int_equal(pair->server.apps[0].why, KG_CLOSE_FINISHED);
	say(&pair->client, client);
	run(pair, SEC(10));
	assert_int_equal(client->closed, 0);
	assert_false(app_read(&pair->client, client, 1));
	kg_channel_recv(client->ch, pair->now_us); /* there is only the end */
	expect(client, "goodbye");
	assert_int_equal(client->why, KG_CLOSE_PEER);
	pair_stop(pair);
}

/* An old channel and a new one talk from the same port; only the old one ends. */
static void others_on_its_path_go_on(void **state)
{
	struct pair *pair = pair_new();
	struct app *old, *new;

	pair->hop_us = 5 * KG_US_PER_MS;
	pair->client.loses = is_denial;
	pair->client.host.shared_ports = 1;
	pair_start(pair);
	old = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	restart(&pair->server);
	new = pair_open(pair, KG_PROTOCOL_TCP);
	run(pair, SEC(1));
	say(&pair->client, old);
	for (int i = 0; i < 50; i++) {
		say(&pair->client, new);
		run(pair, SEC(1) / 10);
	}
	is_forgotten(old);
	run(pair, SEC(1));
	assert_int_equal(new->closed, 0);
	assert_int_equal(pair->server.apps[1].got_len, 50);
	assert_in_range(pair->client.host.ports_out, 1, KG_HOP_PORTS_MAX + 1);
	pair_stop(pair);
}

static bool is_lost_by_chance(struct end *end, const struct kg_datagram *datagram)
{
	return kg_rng_below(&end->host.rng, 100) < 35 || is_denial(end, datagram);
}

/* A word now and then, and a third of all that is sent is lost. */
static void loss_is_no_forgetting(void **state)
{
	struct pair *pair = pair_with_original();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	pair->client.loses = pair->server.loses = is_lost_by_chance;
	for (int i = 0; i < 5000; i++) {
		say(&pair->client, client);
		run(pair, SEC(2));
	}
	assert_int_equal(client->closed, 0);
	pair->client.loses = pair->server.loses = NULL;
	run(pair, SEC(60));
	assert_int_equal(pair->server.apps[0].got_len, 5000);
	pair_stop(pair);
}

/* Nobody answers anything for a minute, or only the way back is dead. */
static void a_dead_path_is_no_forgetting(void **state)
{
	for (int way = 0; way < 2; way++) {
		struct pair *pair = pair_with_original();
		struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);

		*(way == 0 ? &pair->server.deaf : &pair->client.deaf) = true;
		say(&pair->client, client);
		run(pair, SEC(60));
		assert_int_equal(client->closed, 0);
		assert_in_range(pair->client.host.ports_out, 1, KG_HOP_PORTS_MAX);
		pair->server.deaf = pair->client.deaf = false;
		run(pair, SEC(10));
		assert_int_equal(client->closed, 0);
		assert_int_equal(pair->server.apps[0].got_len, 1);
		pair_stop(pair);
	}
}

/* What an unmarked question draws, and one from elsewhere draws at a client: nothing. Else a
 * denial, once for each, no longer than the question. */
static void only_who_can_ask_is_told(void **state)
{
	static const struct kg_endpoint stranger = { { 4, { 198, 19, 6, 6 } }, 6666 };
	struct pair *pair = pair_of(KG_CAPABILITY_HALF_CLOSE);
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct logged question;
	struct kg_datagram in;

	pair->server.deaf = true;
	say(&pair->client, client);
	run(pair, SEC(1));
	question = *latest(pair, true, 0);
	for (unsigned int back = 0; question.bytes[PAIR_PARITY > 0 ? 9 : 4] != KG_KCP_WASK; back++)
		question = *latest(pair, true, back);
	restart(&pair->server);
	pair->server.deaf = false;
	in = question.datagram;
	in.data = question.bytes;
	assert_int_equal(kg_session_input(pair->server.session, &in, pair->now_us),
			 KG_DROP_CONV_UNKNOWN);
	assert_true(kg_session_output_pending(pair->server.session));
	assert_true(carry(&pair->server, &pair->client));
	assert_int_equal(latest(pair, false, 0)->datagram.len, question.datagram.len);
	is_forgotten(client);
	in.remote = stranger;
	assert_int_equal(kg_session_input(pair->client.session, &in, pair->now_us),
			 KG_DROP_CONV_UNKNOWN);
	assert_false(kg_session_output_pending(pair->client.session));
	question.bytes[PAIR_PARITY > 0 ? 17 : 12] ^= 1;
	assert_int_equal(kg_session_input(pair->server.session, &in, pair->now_us),
			 KG_DROP_CONV_UNKNOWN);
	assert_false(kg_session_output_pending(pair->server.session));
	pair_stop(pair);
}

/* The client's other workers may have the channel that a NAT has led a question to the wrong port
 * about: the last of them denies, and none that has it. */
static void all_workers_are_asked_before_a_client_denies(void **state)
{
	struct pair *pair = pair_new();
	struct kg_datagram in;
	struct app *client;
	struct logged question;

	pair->client.config.workers = 3;
	pair->client.config.capabilities = KG_CAPABILITY_HALF_CLOSE;
	pair->server.config.capabilities = KG_CAPABILITY_HALF_CLOSE;
	pair_start(pair);
	client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	pair->client.deaf = true;
	say(&pair->server, &pair->server.apps[0]);
	run(pair, SEC(1));
	question = *latest(pair, false, 0);
	for (unsigned int back = 0; question.bytes[PAIR_PARITY > 0 ? 9 : 4] != KG_KCP_WASK; back++)
		question = *latest(pair, false, back);
	in = question.datagram;
	in.data = question.bytes;
	in.local.port++; /* not the channel's */
	assert_false(kg_session_passes_on(pair->client.session, &in));
	restart(&pair->client);
	for (in.passed = 0; in.passed < 3; in.passed++) {
		kg_session_input(pair->client.session, &in, pair->now_us);
		assert_int_equal(kg_session_passes_on(pair->client.session, &in), in.passed < 2);
		assert_int_equal(kg_session_output_pending(pair->client.session), in.passed == 2);
	}
	assert_null(client->ch);
	pair_stop(pair);
}

/* A denial that was not asked for, or answers another's question, ends nothing. */
static void made_up_denials_end_nothing(void **state)
{
	struct pair *pair = pair_of(KG_CAPABILITY_HALF_CLOSE);
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct kg_channel_info info = info_of(&pair->client, client);
	uint8_t body[PAIR_BODY_MAX];
	struct kg_datagram in = { .local = info.local, .remote = info.remote, .data = body };
	uint32_t ts = (uint32_t)kg_siphash(&pair->client.session->source_key, &info.conv, 4);

	for (int asked = 0; asked < 2; asked++) {
		in.len = kg_framing_deny(pair->client.config.fec, info.conv, ts + (uint32_t)asked,
					 body);
		kg_session_input(pair->client.session, &in, pair->now_us);
		assert_int_equal(client->closed, 0);
		pair->server.deaf = true;
		say(&pair->client, client);
		run(pair, SEC(1));
	}
	pair->server.deaf = false;
	run(pair, SEC(5));
	assert_int_equal(client->closed, 0);
	assert_int_equal(pair->server.apps[0].got_len, 2);
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restarted_server_says_so),
		cmocka_unit_test(who_only_listens_finds_out_too),
		cmocka_unit_test(a_restarted_client_says_so),
		cmocka_unit_test(a_client_that_lives_elsewhere_has_time_to_say_so),
		cmocka_unit_test(an_original_that_has_forgotten_is_found_out),
		cmocka_unit_test(what_has_come_is_read_first),
		cmocka_unit_test(others_on_its_path_go_on),
		cmocka_unit_test(loss_is_no_forgetting),
		cmocka_unit_test(a_dead_path_is_no_forgetting),
		cmocka_unit_test(only_who_can_ask_is_told),
		cmocka_unit_test(all_workers_are_asked_before_a_client_denies),
		cmocka_unit_test(made_up_denials_end_nothing),
	};

	return cmocka_run_group_tests_name("session_forgotten", tests, NULL, NULL);
}
