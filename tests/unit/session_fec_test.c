/* SPDX-License-Identifier: BSD-3-Clause */
/* Two sessions with forward error correction on a wire that loses. */
#include "session_pair.h"

#include "base/bytes.h"
#include "kcp/internal.h"
#include "kcp/kcp_segment.h"
#include "session/internal.h"

#define DATA   5
#define PARITY 2
#define BOTH   (KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_RIGHT_PARITY)

static struct pair *fec_pair(uint32_t client_can, uint32_t server_can)
{
	struct pair *pair = pair_new();
	struct end *ends[] = { &pair->client, &pair->server };

	for (int i = 0; i < 2; i++) {
		ends[i]->data = DATA;
		ends[i]->parity = PARITY;
		/* Groups take longer here than KCP waits for them. */
		ends[i]->config.kcp.resend = 0;
	}
	pair->client.config.capabilities = client_can;
	pair->server.config.capabilities = server_can;
	pair->hop_us = 5 * KG_US_PER_MS;
	return pair_start(pair);
}

static bool is_handshake(const struct kg_datagram *d)
{
	return d->data[4] < DATA && kg_load_le32(d->data + KG_FEC_HEADER_BYTES) == 0;
}

/* As many of each group of a channel as there is parity, others each time. */
static bool loses_two_of_group(struct end *end, const struct kg_datagram *d)
{
	uint32_t sn = kg_load_be32(d->data), sub = d->data[4];

	return !is_handshake(d) && (sub + sn) % (DATA + PARITY) < PARITY;
}

static void send_much(struct pair *pair, struct app *app, unsigned int pieces)
{
	static const char piece[600] = "piece";

	for (unsigned int i = 0; i < pieces; i++) {
		assert_true(app_send(&pair->client, app, piece, sizeof(piece) - 40 * i));
		if (i % 4 == 3)
			run(pair, KG_US_PER_MS);
	}
	run(pair, SEC(1));
}

static uint64_t resent(const struct end *end, const struct app *app)
{
	const struct kg_kcp_stats kcp = info_of(end, app).kcp;

	return kcp.resent_fast + kcp.resent_timeout + kcp.resent_twin;
}

/* Boxes at both ends believe each other's parity from the first group on. */
static void what_fec_makes_good_is_not_sent_again(void **state)
{
	struct pair *pair = fec_pair(BOTH, BOTH);
	struct app *app = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct kg_fec_stats fec;

	pair->server.loses = loses_two_of_group;
	send_much(pair, app, 12);
	assert_int_equal(pair->server.apps[0].messages, 12);
	assert_true(pair->server.lost >= 4);
	assert_int_equal(resent(&pair->client, app), 0);
	fec = info_of(&pair->server, &pair->server.apps[0]).fec;
	assert_true(fec.recovered > 0);
	assert_int_equal(fec.refused + fec.missing + fec.parity_wrong + fec.padding_wrong, 0);
	assert_true(info_of(&pair->client, app).fec.parity_sent > 0);
	pair_stop(pair);
}

/* An end that does not say so is not believed before it has passed its tests. */
static void who_announces_nothing_is_not_believed(void **state)
{
	struct pair *pair = fec_pair(KG_CAPABILITY_HALF_CLOSE, BOTH);
	struct app *app = pair_open_quiet(pair, KG_PROTOCOL_TCP);

	pair->server.loses = loses_two_of_group;
	send_much(pair, app, 12);
	assert_int_equal(pair->server.apps[0].messages, 12);
	assert_true(info_of(&pair->server, &pair->server.apps[0]).fec.refused > 0);
	assert_true(resent(&pair->client, app) > 0);
	pair_stop(pair);
}

/* sn 0, sub 0, in no group: the channel's own begins with 0, too. */
static void an_original_announces_nothing(void **state)
{
	for (int original = 0; original < 2; original++) {
		struct pair *pair = fec_pair(BOTH, original ? 0 : BOTH);
		struct app *app = pair_open_quiet(pair, KG_PROTOCOL_TCP);

		send_much(pair, app, 1);
		assert_int_equal(app->ch->line.kcp->original, original);
		assert_int_equal(pair->server.apps[0].ch->line.kcp->original, original);
		pair_stop(pair);
	}
}

static void handshakes_are_in_no_group(void **state)
{
	struct pair *pair = fec_pair(BOTH, BOTH);
	unsigned int handshakes = 0, channels = 0;

	pair_open_quiet(pair, KG_PROTOCOL_UDP);
	for (unsigned int i = 0; i < pair->logged; i++) {
		const struct kg_datagram *d = &pair->log[i].datagram;

		if (is_handshake(d)) {
			assert_memory_equal(d->data, "\0\0\0\0\0", KG_FEC_HEADER_BYTES);
			handshakes++;
		} else if (channels++ == 0) {
			assert_memory_equal(d->data, "\0\0\0\0\0", KG_FEC_HEADER_BYTES);
		}
	}
	assert_true(handshakes >= 3);
	assert_true(channels > 0);
	pair_stop(pair);
}

static enum kg_drop give(struct pair *pair, struct logged *logged)
{
	return deliver(logged->to_server ? &pair->server : &pair->client, logged);
}

static void what_is_nobodys_has_a_name(void **state)
{
	struct pair *pair = fec_pair(BOTH, BOTH);
	struct app *app = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	struct logged logged;

	send_much(pair, app, 2);
	logged = *latest(pair, true, 0);
	for (uint16_t len = 0; len < KG_FEC_HEADER_BYTES + KG_KCP_HEADER_BYTES; len++) {
		logged.datagram.len = len;
		logged.datagram.data = logged.bytes;
		assert_int_equal(give(pair, &logged), KG_DROP_FEC_MALFORMED);
	}
	/* Beyond the code; parity of nobody, of handshakes; data of nobody. */
	logged.datagram.len = 100;
	logged.bytes[4] = DATA + PARITY;
	kg_store_be32(logged.bytes + KG_FEC_HEADER_BYTES, info_of(&pair->client, app).conv);
	assert_int_equal(give(pair, &logged), KG_DROP_FEC_MALFORMED);
	kg_store_be32(logged.bytes + KG_FEC_HEADER_BYTES, 31);
	assert_int_equal(give(pair, &logged), KG_DROP_CONV_UNKNOWN);
	kg_store_be32(logged.bytes + KG_FEC_HEADER_BYTES, 0);
	assert_int_equal(give(pair, &logged), KG_DROP_FEC_MALFORMED);
	logged.bytes[4] = 0;
	kg_store_le32(logged.bytes + KG_FEC_HEADER_BYTES, 31);
	assert_int_equal(give(pair, &logged), KG_DROP_CONV_UNKNOWN);
	pair_stop(pair);
}

/* The first group of the log from `first` on that is there as a whole. */
static struct logged *whole_group(struct pair *pair, unsigned int first)
{
	assert_true(pair->logged <= PAIR_LOG);
	while (first < pair->logged && pair->log[first].datagram.data[4] != 0)
		first++;
	assert_true(first + DATA + PARITY <= pair->logged);
	for (unsigned int sub = 0; sub < DATA + PARITY; sub++)
		assert_int_equal(pair->log[first + sub].datagram.data[4], sub);
	return &pair->log[first];
}

/* Cut at every byte each shard has a name, and the group is as if it had never come: the whole ones
 * still bring back the one that is lost. */
static void cut_shards_leave_no_trace(void **state)
{
	struct pair *pair = fec_pair(BOTH, BOTH);
	struct app *app = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	static const char piece[700] = "two do not fit into a datagram";
	unsigned int first = pair->logged, cuts = 0;
	struct logged *group;

	pair->server.deaf = true;
	for (unsigned int i = 0; i < 2 * DATA; i++)
		assert_true(app_send(&pair->client, app, piece, sizeof(piece) - 8 * i));
	run(pair, KG_US_PER_MS);
	group = whole_group(pair, first);
	for (unsigned int i = 0; i <= DATA; i++) {
		uint16_t len = group[i].datagram.len;

		if (i == 1)
			continue;
		for (group[i].datagram.len = 0; group[i].datagram.len < len; cuts++) {
			enum kg_drop drop = give(pair, &group[i]);

			assert_true(drop == KG_DROP_FEC_MALFORMED || drop == KG_DROP_KCP_MALFORMED);
			group[i].datagram.len++;
		}
		assert_int_equal(give(pair, &group[i]), KG_DROP_NONE);
	}
	assert_int_equal(pair->server.drops[KG_DROP_FEC_MALFORMED] +
				 pair->server.drops[KG_DROP_KCP_MALFORMED],
			 cuts);
	assert_int_equal(info_of(&pair->server, &pair->server.apps[0]).fec.recovered, 1);
	pair->server.deaf = false;
	run(pair, SEC(1));
	assert_int_equal(pair->server.apps[0].messages, 2 * DATA);
	pair_stop(pair);
}

/* Parity may be all that is left of what a client says first: it shows where the client is. */
static bool loses_data(struct end *end, const struct kg_datagram *d)
{
	return !is_handshake(d) && d->data[4] < PARITY;
}

static void a_beginning_is_recovered(void **state)
{
	struct pair *pair = fec_pair(BOTH, BOTH);
	static const char piece[1000] = "fills a datagram";
	struct app *app;

	pair->server.loses = loses_data;
	app = pair_open(pair, KG_PROTOCOL_TCP);
	for (int i = 0; i < DATA; i++)
		assert_true(app_send(&pair->client, app, piece, sizeof(piece)));
	run(pair, KG_US_PER_S / 2);
	assert_int_equal(pair->server.apps[0].messages, DATA);
	assert_true(pair->server.lost > 0);
	pair_stop(pair);
}

static void the_owner_is_the_same_for_all_shards(void **state)
{
	struct pair *pair = fec_pair(BOTH, BOTH);
	struct app *app = pair_open_quiet(pair, KG_PROTOCOL_TCP);
	uint32_t conv = info_of(&pair->client, app).conv;
	unsigned int parity = 0, first = pair->logged;

	send_much(pair, app, 12);
	for (unsigned int i = first; i < pair->logged; i++) {
		const struct logged *logged = &pair->log[i % PAIR_LOG];

		assert_int_equal(
			kg_session_owner(false, pair->server.config.fec, &logged->datagram, 7),
			conv % 7);
		parity += logged->datagram.data[4] >= DATA;
	}
	assert_true(parity > 0);
	assert_true(pair->logged - first < PAIR_LOG);
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fec_makes_good_is_not_sent_again),
		cmocka_unit_test(who_announces_nothing_is_not_believed),
		cmocka_unit_test(an_original_announces_nothing),
		cmocka_unit_test(handshakes_are_in_no_group),
		cmocka_unit_test(what_is_nobodys_has_a_name),
		cmocka_unit_test(cut_shards_leave_no_trace),
		cmocka_unit_test(a_beginning_is_recovered),
		cmocka_unit_test(the_owner_is_the_same_for_all_shards),
	};

	printf("seed %#x\n", PAIR_SEED);
	return cmocka_run_group_tests_name("session with FEC", tests, NULL, NULL);
}
