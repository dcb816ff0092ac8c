/* SPDX-License-Identifier: BSD-3-Clause */
/* What leaves beside the data, and when. */
#include "fec_fixture.h"

#define SEED 99u

static struct datagram datagrams[SHARDS_MAX];
static struct body bodies[SHARDS_MAX];
static struct ends e;

static void begin(uint8_t data, uint8_t parity)
{
	ends_init(&e, data, parity, 0);
	kg_rng_init(&e.rng, SEED);
}

/* Sends one datagram of the group at a time; returns its body in bodies[i]. */
static void send(unsigned int i, uint64_t now_us)
{
	random_datagram(&e.rng, &datagrams[i], 300);
	encode(&e, &datagrams[i], &bodies[i], now_us);
}

static bool output(struct body *body, uint64_t now_us)
{
	bool due = kg_fec_encoder_deadline_us(e.encoder) <= now_us;

	body->len = kg_fec_encoder_output(e.encoder, body->bytes, now_us);
	assert_int_equal(body->len > 0, due);
	return due;
}

static void earn_credit(unsigned int datagrams_sent)
{
	struct body out;

	for (unsigned int i = 0; i < datagrams_sent; i++) {
		send(i % e.data, 0);
		while (output(&out, 0))
			;
	}
}

static void parity_is_due_at_once(void **state)
{
	struct body out;

	begin(3, 2);
	for (unsigned int i = 0; i < 3; i++) {
		assert_false(output(&out, 0));
		send(i, 0);
	}
	assert_int_equal(kg_fec_encoder_deadline_us(e.encoder), 0);
	assert_true(output(&out, 0));
	assert_int_equal(out.bytes[4], 3);
	assert_true(output(&out, 0));
	assert_int_equal(out.bytes[4], 4);
	assert_false(output(&out, KG_NEVER_US - 1));
	assert_int_equal(kg_fec_encoder_deadline_us(e.encoder), KG_NEVER_US);
	assert_int_equal(ends_stats(&e).parity_sent, 2);
	ends_fini(&e);
}

/* Every body by its number: sn and sub count on. */
static void shards_are_numbered(void **state)
{
	struct body out;

	begin(4, 3);
	for (uint32_t sn = 0; sn < 5; sn++) {
		for (unsigned int sub = 0; sub < 7; sub++) {
			if (sub < 4)
				send(sub, 0);
			else
				assert_true(output(&out, 0));
			const uint8_t *body = sub < 4 ? bodies[sub].bytes : out.bytes;

			assert_int_equal(kg_load_be32(body), sn);
			assert_int_equal(body[4], sub);
		}
	}
	ends_fini(&e);
}

static void a_bare_shard_has_no_parity(void **state)
{
	struct body out;

	for (unsigned int bare = 0; bare < 3; bare++) {
		begin(3, 2);
		for (unsigned int i = 0; i < 3; i++) {
			random_datagram(&e.rng, &datagrams[i], 300);
			memcpy(out.bytes + KG_FEC_HEADER_BYTES, datagrams[i].bytes,
			       datagrams[i].len);
			if (i == bare)
				kg_fec_encode_bare(e.encoder, out.bytes, datagrams[i].len, 0);
			else
				kg_fec_encode(e.encoder, out.bytes, datagrams[i].len, 0);
			assert_int_equal(kg_load_be32(out.bytes), 0);
			assert_int_equal(out.bytes[4], i);
		}
		assert_false(output(&out, 0));
		for (unsigned int i = 0; i < 3; i++)
			send(i, 0);
		assert_true(output(&out, 0));
		assert_int_equal(kg_load_be32(out.bytes), 1);
		ends_fini(&e);
	}
}

/* One datagram of a group is out when the traffic pauses. */
static void a_pause_closes_the_group(void **state)
{
	struct kg_kcp_segment seg, last;
	unsigned int n = 1;

	begin(5, 2);
	earn_credit(20);
	send(0, 1000);
	assert_int_equal(kg_fec_encoder_deadline_us(e.encoder), 1000 + KG_FEC_PAUSE_US);
	assert_false(output(&bodies[n], 1000 + KG_FEC_PAUSE_US - 1));
	while (output(&bodies[n], 1000 + KG_FEC_PAUSE_US))
		n++;
	assert_int_equal(n, 7);

	kg_kcp_segment_decode(datagrams[0].bytes, datagrams[0].len, &last);
	for (unsigned int i = 1; i < 5; i++) {
		assert_int_equal(bodies[i].len, KG_FEC_HEADER_BYTES + KG_KCP_HEADER_BYTES);
		assert_int_equal(kg_kcp_segment_decode(bodies[i].bytes + KG_FEC_HEADER_BYTES,
						       KG_KCP_HEADER_BYTES, &seg),
				 KG_KCP_HEADER_BYTES);
		assert_int_equal(seg.conv, CONV);
		assert_int_equal(seg.cmd, KG_KCP_WINS);
		assert_int_equal(seg.wnd, last.wnd);
		assert_int_equal(seg.una, last.una);
	}
	assert_int_equal(ends_stats(&e).fillers_sent, 4);

	/* the datagram and a filler are lost */
	kg_fec_decoder_trust(e.decoder);
	for (unsigned int i = 2; i < 7; i++) {
		uint8_t *body = bodies[i].bytes;
		const uint8_t *out;
		uint16_t len;

		assert_int_equal(kg_fec_decoder_input(e.decoder, body, bodies[i].len),
				 KG_DROP_NONE);
		while (kg_fec_decoder_output(e.decoder, &out, &len)) {
			if (len > KG_KCP_HEADER_BYTES)
				tick_off(datagrams, 1, out, len);
		}
	}
	assert_int_equal(datagrams[0].out, 1);
	ends_fini(&e);
}

/* Data that comes while the group is being filled takes its place in it. */
static void data_between_fillers(void **state)
{
	unsigned int n = 1;

	begin(5, 2);
	earn_credit(20);
	send(0, 0);
	assert_true(output(&bodies[n++], KG_FEC_PAUSE_US));
	send(n++, KG_FEC_PAUSE_US);
	while (output(&bodies[n], KG_FEC_PAUSE_US))
		n++;
	assert_int_equal(n, 7);
	assert_int_equal(ends_stats(&e).fillers_sent, 3);
	for (unsigned int i = 0; i < 7; i++)
		assert_int_equal(bodies[i].bytes[4], i);
	ends_fini(&e);
}

static void traffic_postpones_the_pause(void **state)
{
	struct body out;

	begin(5, 2);
	earn_credit(20);
	for (unsigned int i = 0; i < 4; i++) {
		send(i, i * 1000);
		assert_false(output(&out, i * 1000 + 999));
	}
	assert_int_equal(kg_fec_encoder_deadline_us(e.encoder), 3000 + KG_FEC_PAUSE_US);
	ends_fini(&e);
}

/* ACKs need no protection: the next one says the same and more. */
static void acks_alone_wait(void **state)
{
	struct datagram ack = { .len = KG_KCP_HEADER_BYTES };

	begin(5, 2);
	earn_credit(20);
	put_segment(&e.rng, ack.bytes, KG_KCP_ACK, 0);
	encode(&e, &ack, &bodies[0], 0);
	assert_int_equal(kg_fec_encoder_deadline_us(e.encoder), KG_NEVER_US);
	send(1, 50);
	assert_int_equal(kg_fec_encoder_deadline_us(e.encoder), 50 + KG_FEC_PAUSE_US);
	ends_fini(&e);
}

/* A datagram now and then: every group that could be closed would cost 19 fillers. */
static void fillers_never_outnumber_datagrams(void **state)
{
	struct kg_fec_stats stats;
	uint64_t now_us = 0;
	struct body out;

	begin(20, 4);
	for (unsigned int i = 0; i < 1000; i++, now_us += KG_US_PER_S) {
		send(0, now_us);
		while (output(&out, now_us + KG_US_PER_S - 1))
			;
		stats = ends_stats(&e);
		assert_true(stats.fillers_sent <= stats.sent);
	}
	assert_true(stats.fillers_sent > 300);
	ends_fini(&e);
}

/* Whoever sends on without pulling parity loses it, and nothing else. */
static void parity_not_pulled_is_gone(void **state)
{
	begin(3, 2);
	for (unsigned int i = 0; i < 3; i++)
		send(i, 0);
	for (unsigned int i = 0; i < 3; i++)
		send(i, 0);
	assert_int_equal(kg_load_be32(bodies[0].bytes), 1);
	assert_true(output(&bodies[3], 0));
	assert_true(output(&bodies[4], 0));
	kg_fec_decoder_trust(e.decoder);
	for (unsigned int i = 2; i < 5; i++)
		receive(&e, bodies[i].bytes, bodies[i].len, datagrams, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(datagrams[i].out, 1);
	ends_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parity_is_due_at_once),
		cmocka_unit_test(shards_are_numbered),
		cmocka_unit_test(a_bare_shard_has_no_parity),
		cmocka_unit_test(a_pause_closes_the_group),
		cmocka_unit_test(data_between_fillers),
		cmocka_unit_test(traffic_postpones_the_pause),
		cmocka_unit_test(acks_alone_wait),
		cmocka_unit_test(fillers_never_outnumber_datagrams),
		cmocka_unit_test(parity_not_pulled_is_gone),
	};

	printf("seed %u\n", SEED);
	return cmocka_run_group_tests_name("fec encoder", tests, NULL, NULL);
}
