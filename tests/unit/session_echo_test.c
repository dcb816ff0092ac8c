/* SPDX-License-Identifier: BSD-3-Clause */
/* A handshake takes its own answer and no other's, whatever a NAT does with its port. */
#include "session_pair.h"

#include "base/bytes.h"
#include "kcp/kcp_segment.h"
#include "session/framing.h"

#define ORIGINALS_CLOCK 0x12345678u

/* The latest datagram to that side, where conv 0 is; the test may change it. */
static uint8_t *copy(struct logged *to, struct pair *pair, bool to_server)
{
	*to = *latest(pair, to_server, 0);
	to->datagram.data = to->bytes;
	return to->bytes + kg_framing_header_bytes(pair->client.config.fec);
}

/* Asks, and the server's answer does not arrive. */
static struct app *open_in_vain(struct pair *pair, enum kg_protocol protocol)
{
	struct app *app;

	pair->client.deaf = true;
	app = pair_open(pair, protocol);
	exchange(pair);
	pair->client.deaf = false;
	return app;
}

/* A port that a NAT has given to a UDP flow's handshake, while the answer to a connection's was
 * under way there. */
static void an_answer_is_of_one_handshake(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *tcp = open_in_vain(pair, KG_PROTOCOL_TCP), *udp;
	struct logged answer;

	copy(&answer, pair, false);
	pair->server.deaf = true;
	udp = pair_open(pair, KG_PROTOCOL_UDP);
	exchange(pair);
	pair->server.deaf = false;
	answer.datagram.local.port = latest(pair, true, 0)->datagram.remote.port;
	assert_int_equal(deliver(&pair->client, &answer), KG_DROP_HANDSHAKE_UNKNOWN);
	assert_int_equal(udp->opened, 0);

	run(pair, SEC(1));
	assert_int_equal(tcp->opened, 1);
	assert_int_equal(udp->opened, 1);
	assert_int_equal(stats_of(&pair->server).channels_opened, 2);
	pair_stop(pair);
}

/* Its answer has a clock of its own; the ACK, which may be in another datagram, has ours. */
static void an_original_echoes_in_its_ack(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = open_in_vain(pair, KG_PROTOCOL_TCP);
	struct kg_kcp_segment ack = { .cmd = KG_KCP_ACK, .una = 1 };
	struct logged request, answer, acked;
	uint8_t *bytes;

	ack.ts = kg_load_le32(copy(&request, pair, true) + 8);
	kg_store_le32(copy(&answer, pair, false) + 8, ORIGINALS_CLOCK);
	assert_int_equal(deliver(&pair->client, &answer), KG_DROP_HANDSHAKE_UNKNOWN);

	bytes = copy(&acked, pair, false);
	acked.datagram.len = (uint16_t)(bytes - acked.bytes) + KG_KCP_HEADER_BYTES;
	ack.ts--;
	kg_kcp_segment_encode(bytes, &ack);
	assert_int_equal(deliver(&pair->client, &acked), KG_DROP_HANDSHAKE_UNKNOWN);
	ack.ts++;
	kg_kcp_segment_encode(bytes, &ack);
	assert_int_equal(deliver(&pair->client, &acked), KG_DROP_NONE);
	assert_int_equal(client->opened, 0);
	assert_int_equal(deliver(&pair->client, &answer), KG_DROP_NONE);
	assert_int_equal(client->opened, 1);
	run(pair, SEC(1));
	pair_stop(pair);
}

/* A mirror has our clock, too. */
static void own_words_are_no_answer(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client;
	struct logged request;

	pair->server.deaf = true;
	client = pair_open(pair, KG_PROTOCOL_TCP);
	exchange(pair);
	pair->server.deaf = false;
	copy(&request, pair, true);
	request.datagram.local = request.datagram.remote;
	request.datagram.remote = (struct kg_endpoint){ pair->server.address, 3000 };
	assert_int_equal(deliver(&pair->client, &request), KG_DROP_HANDSHAKE_UNKNOWN);
	run(pair, SEC(1));
	assert_int_equal(client->opened, 1);
	pair_stop(pair);
}

/* An original knows handshakes by where they come from, and may take one for another's. */
static void an_answer_is_of_the_protocol_asked_for(void **state)
{
	struct pair *pair = pair_start(pair_new());
	struct app *client = open_in_vain(pair, KG_PROTOCOL_TCP);
	struct logged answer;
	uint8_t *bytes = copy(&answer, pair, false) + KG_KCP_HEADER_BYTES;

	*bytes = (uint8_t)(KG_PROTOCOL_UDP << 4 | KG_FEATURE_INITIALISE);
	assert_int_equal(deliver(&pair->client, &answer), KG_DROP_NONE);
	assert_int_equal(client->opened, 0);
	assert_int_equal(client->closed, 1);
	assert_int_equal(client->why, KG_CLOSE_REFUSED);
	run(pair, SEC(1));
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_of_one_handshake),
		cmocka_unit_test(an_original_echoes_in_its_ack),
		cmocka_unit_test(own_words_are_no_answer),
		cmocka_unit_test(an_answer_is_of_the_protocol_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
