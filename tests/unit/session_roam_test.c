/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a server believes its peer to be: who moves, who only pretends, what strangers are sent. */
#include "session_pair.h"

#include "kcp/internal.h"
#include "session/internal.h"

static const struct kg_endpoint thief = { { 4, { 198, 19, 6, 6 } }, 6666 };

/* The wire delivers nothing to where nobody is, or no longer. */
static bool is_for_somebody_else(struct end *end, const struct kg_datagram *datagram)
{
	return !kg_ip_equal(&datagram->local.ip, &end->address);
}

static struct pair *pair_of_places(void)
{
	struct pair *pair = pair_new();

	pair->client.loses = is_for_somebody_else;
	pair->hop_us = 5 * KG_US_PER_MS;
	return pair_start(pair);
}

/* Bytes that the server has sent to `ip`, of the datagrams that the log still has. */
static size_t bytes_to(struct pair *pair, const struct kg_ip *ip)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < KG_MIN(pair->logged, PAIR_LOG + 0u); i++) {
		const struct logged *logged = &pair->log[i];

		if (!logged->to_server && kg_ip_equal(&logged->datagram.local.ip, ip))
			bytes += logged->datagram.len;
	}
	return bytes;
}

static struct logged copy_of_latest(struct pair *pair)
{
	return *latest(pair, true, 0);
}

static void deliver_from(struct pair *pair, struct logged *copy, const struct kg_endpoint *source)
{
	copy->datagram.data = copy->bytes;
	copy->datagram.remote = *source;
	deliver(&pair->server, copy);
}

static bool server_is_with(const struct pair *pair, const struct app *app, const struct kg_ip *ip)
{
	struct kg_endpoint remote = info_of(&pair->server, app).remote;

	return kg_ip_equal(&remote.ip, ip);
}

/* What the client sends is lost, and a copy of it comes from elsewhere: news, but no peer. */
static void copies_in_place_of_what_is_lost_move_nobody(void **state)
{
	struct pair *pair = pair_of_places();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];
	size_t stolen = 0;

	for (int i = 0; i < 20; i++) {
		struct logged copy;

		assert_true(app_send(&pair->client, client, "x", 1));
		pair->server.deaf = true;
		carry(&pair->client, &pair->server);
		pair->server.deaf = false;
		copy = copy_of_latest(pair);
		stolen += copy.datagram.len;
		deliver_from(pair, &copy, &thief);
		run(pair, SEC(1) / 4);
		deliver_from(pair, &copy, &thief); /* and a replay */
		run(pair, SEC(1) / 4);
	}
	assert_int_equal(server->got_len, 20);
	assert_true(app_send(&pair->server, server, "answer", 6));
	run(pair, SEC(1));
	expect(client, "answer");
	assert_true(server_is_with(pair, server, &pair->client.address));
	assert_int_equal(stats_of(&pair->server).peer_moves, 0);
	assert_in_range(bytes_to(pair, &thief.ip), 1, 2 * stolen);
	run(pair, SEC(10)); /* nobody answered, and that is forgotten */
	assert_null(server->ch->roam);
	pair_stop(pair);
}

/* The client's address changes in the middle of a download: from its first word at the new one on
 * it takes a question and its answer. */
static void a_moved_client_is_found_by_its_first_word(void **state)
{
	struct pair *pair = pair_of_places();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];
	char data[6000];

	memset(data, 'd', sizeof(data));
	pair->client.address.bytes[3] = 77;
	assert_true(app_send(&pair->server, server, data, sizeof(data)));
	run(pair, SEC(2));
	assert_int_equal(client->got_len, 0);
	assert_true(app_send(&pair->client, client, "x", 1));
	run(pair, 10 * pair->hop_us);
	assert_true(server_is_with(pair, server, &pair->client.address));
	assert_int_equal(stats_of(&pair->server).peer_moves, 1);
	assert_int_equal(client->got_len, sizeof(data));
	assert_null(server->ch->roam);
	pair_stop(pair);
}

#define LONG_DOWNLOAD 200000000

static void download(struct pair *pair, const struct app *client, unsigned int messages)
{
	size_t before = client->got_len;
	char data[100] = { 0 };

	for (unsigned int i = 0; i < messages; i++) {
		assert_true(app_send(&pair->server, &pair->server.apps[0], data, sizeof(data)));
		run(pair, pair->hop_us);
	}
	assert_int_equal(client->got_len, before + messages * sizeof(data));
}

/* A stream stops because the client's address has changed: it says something by itself, though
 * there are no keep_alives. */
static void a_stream_that_stops_is_asked_for(void **state)
{
	struct pair *pair = pair_of_places();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	char data[100] = { 0 };

	download(pair, client, 2 * KG_FLOWING);
	pair->client.address.bytes[3] = 77;
	for (int i = 0; i < 5; i++)
		assert_true(app_send(&pair->server, &pair->server.apps[0], data, sizeof(data)));
	run(pair, SEC(1));
	assert_true(server_is_with(pair, &pair->server.apps[0], &pair->client.address));
	assert_int_equal(client->got_len, (2 * KG_FLOWING + 5) * sizeof(data));
	pair_stop(pair);
}

/* It goes on, and stops for the same reason before it has brought much, again and again. */
static void a_stream_that_stops_anew_is_asked_for(void **state)
{
	struct pair *pair = pair_of_places();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];
	char data[100] = { 0 };

	download(pair, client, 2 * KG_FLOWING);
	for (unsigned int moves = 1; moves <= 5; moves++) {
		pair->client.address.bytes[3] ^= 1 << 6;
		assert_true(app_send(&pair->server, server, data, sizeof(data)));
		for (int i = 0; client->got_len < (2 * KG_FLOWING + moves) * sizeof(data); i++) {
			assert_in_range(i, 0, 10 * 4);
			run(pair, SEC(1) / 4);
		}
	}
	pair_stop(pair);
}

/* What a download has brought so far, of which the client keeps nothing. */
static size_t drain(struct pair *pair, const struct app *client)
{
	struct kg_buf *chain;
	size_t bytes = 0;

	while ((chain = kg_channel_recv(client->ch, pair->now_us)) != NULL) {
		bytes += kg_buf_chain_len(chain);
		kg_buf_free_chain(chain);
	}
	return bytes;
}

/* When it owes no ACK, which would tell of its new address. */
static void move_in_silence(struct pair *pair)
{
	pair->client.deaf = true;
	run(pair, 3 * pair->hop_us);
	pair->client.deaf = false;
	pair->client.address.bytes[3] ^= 1 << 6;
}

/* The server says as much as the channel has room for. */
static void fill(struct pair *pair)
{
	static const char data[1000];
	struct app *server = &pair->server.apps[0];

	while (kg_channel_room(server->ch) > 0)
		assert_true(app_send(&pair->server, server, data, sizeof(data)));
}

/* How long a download takes whose client has another address every so often; 0: never. Ends after
 * `most_us` in any case. */
static uint64_t long_download_us(uint64_t every_us, uint64_t most_us)
{
	struct pair *pair = pair_new();
	struct app *client;
	uint64_t began_us, moves_us, moves = 0;
	size_t left = LONG_DOWNLOAD;

	pair->client.loses = is_for_somebody_else;
	pair->client.config.kcp.rcv_wnd =
		4096; /* never shut, or it would be told of when it opens */
	pair->hop_us = 20 * KG_US_PER_MS;
	pair_start(pair);
	client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	pair->client.slow = true;
	began_us = pair->now_us;
	moves_us = every_us > 0 ? began_us + every_us : KG_NEVER_US;
	while (left > 0 && pair->now_us < began_us + most_us) {
		fill(pair);
		run(pair, 3 * pair->hop_us);
		left -= KG_MIN(drain(pair, client), left);
		if (pair->now_us < moves_us)
			continue;
		move_in_silence(pair);
		moves_us += every_us;
		moves++;
	}
	began_us = pair->now_us - began_us;
	printf("%d MB and %u moves: %.1f s\n", LONG_DOWNLOAD / 1000000, (unsigned int)moves,
	       (double)began_us / KG_US_PER_S);
	pair_stop(pair);
	return began_us;
}

/* A NAT that changes its mind every second for a minute, and no keep_alives. */
static void a_download_outlives_many_moves(void **state)
{
	uint64_t still_us = long_download_us(0, KG_NEVER_US / 2);

	assert_in_range(still_us, SEC(40), SEC(90));
	assert_true(long_download_us(SEC(1), 3 * still_us) <= 2 * still_us);
}

/* A server that announces nothing is taken for an original by a client that spreads: in the ACKs of
 * a download ts is earlier than in what they are for. But no original asks, so a question has its
 * ts back. */
static void who_asks_is_no_original(void **state)
{
	struct pair *pair = pair_new();
	struct app *client;

	pair->client.loses = is_for_somebody_else;
	pair->client.config.spread = 1;
	pair->client.config.kcp.rate_auto = true;
	pair->client.slow = true;
	pair->hop_us = 5 * KG_US_PER_MS;
	pair_start(pair);
	client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	fill(pair);
	carry(&pair->server, &pair->client);
	assert_in_range(kg_kcp_pull_slack_ms(client->ch->line.kcp), 1, UINT32_MAX);
	pair->client.address.bytes[3] = 77;
	run(pair, SEC(1));
	assert_true(server_is_with(pair, &pair->server.apps[0], &pair->client.address));
	assert_int_equal(stats_of(&pair->server).peer_moves, 1);
	drain(pair, client);
	pair_stop(pair);
}

/* It is one question and its answer; then all is as silent as before. */
static void a_stream_that_has_ended_is_asked_for_once(void **state)
{
	struct pair *pair = pair_of_places();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	unsigned int before;

	download(pair, client, KG_FLOWING / 2);
	before = pair->logged;
	run(pair, SEC(60));
	assert_int_equal(pair->logged, before); /* that was no stream */
	assert_true(app_send(&pair->client, client, "x", 1));
	run(pair, SEC(1));
	download(pair, client, KG_FLOWING + 1);
	before = pair->logged;
	run(pair, SEC(2));
	assert_in_range(pair->logged - before, 2, 4);
	before = pair->logged;
	run(pair, SEC(60));
	assert_int_equal(pair->logged, before);
	pair_stop(pair);
}

/* Nothing that was ever said from the address before moves the peer back. */
static void old_answers_move_nothing(void **state)
{
	struct pair *pair = pair_of_places();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct kg_ip home = pair->client.address, away = home;
	struct logged old[32];
	unsigned int count = 0, first = pair->logged;

	away.bytes[3] = 77;
	pair->client.address = away;
	assert_true(app_send(&pair->client, client, "x", 1));
	run(pair, SEC(1));
	for (unsigned int i = first; i < pair->logged; i++) {
		if (pair->log[i % PAIR_LOG].to_server && count < KG_ARRAY_SIZE(old))
			old[count++] = pair->log[i % PAIR_LOG];
	}
	pair->client.address = home;
	assert_true(app_send(&pair->client, client, "y", 1));
	run(pair, SEC(1));
	assert_int_equal(stats_of(&pair->server).peer_moves, 2);
	for (unsigned int i = 0; i < count; i++) {
		struct kg_endpoint source = old[i].datagram.remote;

		deliver_from(pair, &old[i], &source);
		run(pair, SEC(1));
	}
	assert_in_range(count, 2, KG_ARRAY_SIZE(old));
	assert_int_equal(stats_of(&pair->server).peer_moves, 2);
	assert_true(server_is_with(pair, &pair->server.apps[0], &home));
	pair_stop(pair);
}

/* The client has moved, and is asked there. Its answer is lost, and a copy of it comes from a place
 * where nobody was asked: that has not shown that it hears. */
static void an_answer_from_where_nobody_was_asked_moves_nobody(void **state)
{
	struct pair *pair = pair_of_places();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];
	struct logged answer;

	pair->client.address.bytes[3] = 77;
	assert_true(app_send(&pair->client, client, "x", 1));
	carry(&pair->client, &pair->server);
	carry(&pair->server, &pair->client);
	pair->server.deaf = true;
	carry(&pair->client, &pair->server);
	pair->server.deaf = false;
	answer = copy_of_latest(pair);
	pair->now_us += KG_ROAM_ASK_US;
	deliver_from(pair, &answer, &thief);
	assert_int_equal(stats_of(&pair->server).peer_moves, 0);
	assert_false(server_is_with(pair, server, &thief.ip));

	assert_true(app_send(&pair->client, client, "y", 1));
	run(pair, SEC(5));
	assert_true(server_is_with(pair, server, &pair->client.address));
	assert_int_equal(stats_of(&pair->server).peer_moves, 1);
	pair_stop(pair);
}

/* ---- the first datagram ---- */

#define BANNER_BYTES 8000

static const char *banner(void)
{
	static char text[BANNER_BYTES + 1];

	memset(text, 'b', BANNER_BYTES);
	return text;
}

/* The client's handshake is done, its channel's first words are on their way from another address;
 * the server may have something to say at once. */
static struct app *opened_from_elsewhere(struct pair *pair, const char *said)
{
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	pair->server.banner = said;
	carry(&pair->client, &pair->server);
	carry(&pair->server, &pair->client);
	assert_int_equal(client->opened, 1);
	pair->client.address.bytes[3] = 77;
	return client;
}

static void a_first_address_is_proved_by_what_it_heard(void **state)
{
	struct pair *pair = pair_of_places();
	struct app *client = opened_from_elsewhere(pair, banner());

	run(pair, SEC(1));
	assert_int_equal(client->got_len, BANNER_BYTES);
	assert_null(pair->server.apps[0].ch->roam);
	pair_stop(pair);
}

/* The client hears nothing for a while, and its address gets no more than one that is made up. */
static void expect_little(struct pair *pair, const struct app *client)
{
	size_t heard = 0;

	pair->client.deaf = true;
	run(pair, SEC(20));
	for (unsigned int i = 0; i < KG_MIN(pair->logged, PAIR_LOG + 0u); i++)
		heard += pair->log[i].to_server ? pair->log[i].datagram.len : 0;
	assert_in_range(bytes_to(pair, &pair->client.address), 1, 3 * heard + 5 * PAIR_BODY_MAX);
	assert_int_equal(client->got_len, 0);
}

static void a_made_up_first_address_hears_little(void **state)
{
	struct pair *pair = pair_of_places();
	struct app *client = opened_from_elsewhere(pair, banner());

	expect_little(pair, client);
	pair_stop(pair);
}

/* A copy of the client's latest word comes from the thief, when another address may be asked. */
static void copy_when_another_may_be_asked(struct pair *pair)
{
	struct logged copy;

	run(pair, KG_ROAM_ASK_US + KG_US_PER_MS);
	copy = copy_of_latest(pair);
	deliver_from(pair, &copy, &thief);
}

static void a_copy_from_elsewhere_proves_no_first_address(void **state)
{
	struct pair *pair = pair_of_places();
	struct app *client = opened_from_elsewhere(pair, NULL);

	pair->client.deaf = true;
	copy_when_another_may_be_asked(pair);
	assert_true(app_send(&pair->server, &pair->server.apps[0], banner(), BANNER_BYTES));
	expect_little(pair, client);
	pair_stop(pair);
}

/* What the client sends next is lost; the thief has a copy. */
static void replace_by_copy(struct pair *pair)
{
	struct logged copy;

	pair->server.deaf = true;
	run(pair, 2 * pair->hop_us);
	pair->server.deaf = false;
	copy = copy_of_latest(pair);
	deliver_from(pair, &copy, &thief);
}

/* Its window is shut and nothing of it is under way: what it says is no news. A copy of its last
 * news came in its place. */
static void who_waits_for_a_window_is_found_again(void **state)
{
	struct pair *pair = pair_of_places();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP), *server = &pair->server.apps[0];
	size_t sent = 1;

	assert_true(app_send(&pair->client, client, "x", 1));
	carry(&pair->client, &pair->server);
	carry(&pair->server, &pair->client);
	pair->client.address.bytes[3] = 77;
	pair->server.slow = true;
	for (run(pair, SEC(1)); kg_channel_room(client->ch) > 0; sent++)
		assert_true(app_send(&pair->client, client, "x", 1));
	run(pair, SEC(5));
	assert_true(app_send(&pair->server, server, "y", 1));
	replace_by_copy(pair);
	assert_true(server_is_with(pair, server, &thief.ip));

	app_read(&pair->server, server, UINT32_MAX);
	pair->server.slow = false;
	run(pair, SEC(20));
	assert_true(server_is_with(pair, server, &pair->client.address));
	assert_int_equal(server->got_len, sent);
	pair_stop(pair);
}

/* ---- handshakes ---- */

/* Of all that went over the wire, in the direction of the server or back. */
static size_t bytes_on(struct pair *pair, bool to_server)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < pair->logged; i++)
		bytes += pair->log[i].to_server == to_server ? pair->log[i].datagram.len : 0;
	assert_in_range(pair->logged, 1, PAIR_LOG);
	return bytes;
}

/* One that asks with nothing to announce, as an original does, or as we do; what is refused, too.
 */
static void a_made_up_source_draws_no_more_than_it_sent(void **state)
{
	for (unsigned int form = 0; form < 4; form++) {
		struct pair *pair = pair_new();
		struct logged request;

		pair->server.config.capabilities = KG_CAPABILITY_HALF_CLOSE;
		pair->client.config.capabilities = form & 1 ? KG_CAPABILITY_HALF_CLOSE : 0;
		pair->server.answer = form & 2 ? ANSWER_REFUSE : ANSWER_CONNECT;
		pair->client.deaf = true;
		pair_start(pair);
		pair_open(pair, KG_PROTOCOL_TCP);
		pair->server.deaf = true;
		exchange(pair);
		pair->server.deaf = false;
		request = copy_of_latest(pair);
		deliver_from(pair, &request, &thief);
		carry(&pair->server, &pair->client);
		assert_in_range(bytes_to(pair, &thief.ip), 1, request.datagram.len);
		for (int i = 0; i < 40; i++) {
			pair->now_us += SEC(1);
			kg_twheel_advance(pair->server.host.wheel, pair->now_us);
			carry(&pair->server, &pair->client);
		}
		assert_in_range(bytes_to(pair, &thief.ip), 1, request.datagram.len);
		pair_stop(pair);
	}
}

/* Who asks again because the answer was lost gets it again. */
static void who_asks_again_is_answered_again(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	pair->client.deaf = true;
	run(pair, SEC(3));
	assert_true(bytes_on(pair, false) > 0);
	assert_true(bytes_on(pair, false) <= bytes_on(pair, true));
	assert_int_equal(client->opened, 0);
	pair->client.deaf = false;
	run(pair, SEC(5));
	assert_int_equal(client->opened, 1);
	assert_int_equal(pair->server.app_count, 1);
	pair_stop(pair);
}

/* A client that is in two places hears at both. */
static bool is_for_neither(struct end *end, const struct kg_datagram *datagram)
{
	struct kg_ip at = datagram->local.ip;

	at.bytes[3] = end->address.bytes[3];
	return !kg_ip_equal(&at, &end->address);
}

static void say_from(struct pair *pair, struct app *client, uint8_t place)
{
	pair->client.address.bytes[3] = place;
	assert_true(app_send(&pair->client, client, "x", 1));
	carry(&pair->client, &pair->server);
}

static struct pair *pair_of_many_places(void)
{
	struct pair *pair = pair_new();

	pair->client.config.capabilities = KG_CAPABILITY_PLACES;
	pair->server.config.capabilities = KG_CAPABILITY_PLACES;
	pair->client.loses = is_for_neither;
	pair->hop_us = 5 * KG_US_PER_MS;
	return pair_start(pair);
}

/* It speaks now from one and now from the other, for longer than a round trip or not so long. The
 * server knows them soon, answers where it has heard it last, asks no more, and takes nothing for
 * lost; when it says no more the other one is forgotten. */
static void speak_from_two_places(uint64_t each_us)
{
	struct pair *pair = pair_of_many_places();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct app *server = &pair->server.apps[0];
	uint8_t home = pair->client.address.bytes[3];

	for (int i = 0; i < 20; i++) {
		say_from(pair, client, i % 2 == 0 ? 77 : home);
		assert_true(app_send(&pair->server, server, "y", 1));
		run(pair, each_us);
	}
	run(pair, SEC(1));
	assert_int_equal(server->got_len, 20);
	assert_int_equal(client->got_len, 20);
	for (int i = 0; i < 20; i++) {
		say_from(pair, client, i % 2 == 0 ? 77 : home);
		assert_true(server_is_with(pair, server, &pair->client.address));
		run(pair, each_us);
		assert_null(server->ch->roam->path);
	}
	assert_int_equal(stats_of(&pair->server).peer_moves, 0);
	assert_int_equal(info_of(&pair->server, server).kcp.resent_fast, 0);
	run(pair, SEC(11));
	assert_null(server->ch->roam);
	pair_stop(pair);
}

static void who_is_in_two_places_has_not_moved(void **state)
{
	speak_from_two_places(5 * KG_US_PER_MS);
	speak_from_two_places(100 * KG_US_PER_MS);
}

/* It has been asked in one place, and goes on from another one before it answers. */
static void who_is_in_many_places_answers_from_any(void **state)
{
	struct pair *pair = pair_of_many_places();
	struct app *client = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	const struct kg_channel *ch = pair->server.apps[0].ch;

	say_from(pair, client, 77);
	carry(&pair->server, &pair->client);
	say_from(pair, client, 88);
	assert_non_null(ch->roam->known[0].path);
	assert_int_equal(ch->roam->known[0].path->ends.remote.ip.bytes[3], 77);
	assert_int_equal(ch->roam->path->ends.remote.ip.bytes[3], 88);
	assert_int_equal(stats_of(&pair->server).peer_moves, 0);
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_in_place_of_what_is_lost_move_nobody),
		cmocka_unit_test(a_moved_client_is_found_by_its_first_word),
		cmocka_unit_test(a_stream_that_stops_is_asked_for),
		cmocka_unit_test(a_stream_that_stops_anew_is_asked_for),
		cmocka_unit_test(a_download_outlives_many_moves),
		cmocka_unit_test(who_asks_is_no_original),
		cmocka_unit_test(a_stream_that_has_ended_is_asked_for_once),
		cmocka_unit_test(old_answers_move_nothing),
		cmocka_unit_test(an_answer_from_where_nobody_was_asked_moves_nobody),
		cmocka_unit_test(a_first_address_is_proved_by_what_it_heard),
		cmocka_unit_test(a_made_up_first_address_hears_little),
		cmocka_unit_test(a_copy_from_elsewhere_proves_no_first_address),
		cmocka_unit_test(who_waits_for_a_window_is_found_again),
		cmocka_unit_test(a_made_up_source_draws_no_more_than_it_sent),
		cmocka_unit_test(who_asks_again_is_answered_again),
		cmocka_unit_test(who_is_in_two_places_has_not_moved),
		cmocka_unit_test(who_is_in_many_places_answers_from_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
