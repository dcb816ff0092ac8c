/* SPDX-License-Identifier: BSD-3-Clause */
/* The stages seal and open: what one box seals the other opens, and nothing else. */
#include "boxes/stage_rig.h"

static const struct kg_endpoint client = { { 4, { 198, 18, 0, 1 } }, 40000 };
static const struct kg_endpoint server = { { 4, { 198, 18, 0, 2 } }, RIG_LISTEN_PORT };

/* What the client seals, as the server's classify leaves it. */
static struct rte_mbuf *sealed(uint32_t conv)
{
	struct rte_mbuf *m = rig_segment(CLIENT, conv, &client, &server), *arrived;

	assert_int_equal(kg_stage_seal(rig_worker(CLIENT, 0), &m, 1), 1);
	arrived = rig_received(SERVER, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_data_len(m));
	*kg_pkt(arrived) = (struct kg_pkt){
		.local = server,
		.remote = client,
		.body = rte_pktmbuf_mtod(arrived, uint8_t *),
		.body_len = rte_pktmbuf_data_len(arrived),
	};
	rte_pktmbuf_free(m);
	return arrived;
}

static uint16_t sealed_bytes(void)
{
	struct rte_mbuf *m = sealed(7);
	uint16_t bytes = kg_pkt(m)->body_len;

	rte_pktmbuf_free(m);
	return bytes;
}

static void assert_dropped(struct rte_mbuf *m, enum kg_drop drop)
{
	struct kg_worker *w = rig_worker(SERVER, 0);
	uint64_t before = rig_drops(w, drop);

	assert_int_equal(kg_stage_open(w, &m, 1), 0);
	assert_int_equal(rig_drops(w, drop), before + 1);
}

static void what_was_sealed_opens(void **state)
{
	static const uint32_t convs[] = { 7, 0, 8 };
	struct rte_mbuf *v[3] = { sealed(convs[0]), sealed(convs[1]), sealed(convs[2]) };
	uint32_t conv;

	assert_int_equal(kg_stage_open(rig_worker(SERVER, 0), v, 3), 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(kg_pkt(v[i])->body_len, KG_KCP_HEADER_BYTES);
		memcpy(&conv, kg_pkt(v[i])->body, sizeof(conv));
		assert_int_equal(conv, convs[i]);
		/* Only a handshake is known again. */
		assert_true((kg_pkt(v[i])->digest != 0) == (conv == 0));
	}
	rte_pktmbuf_free_bulk(v, 3);
}

static void a_short_one_is_dropped(void **state)
{
	uint16_t least = sealed_bytes();

	for (uint16_t len = 0; len < least; len++) {
		struct rte_mbuf *m = sealed(7);

		kg_pkt(m)->body_len = len;
		assert_dropped(m, KG_DROP_DATAGRAM_SIZE);
	}
}

/* Whatever bit is another one. */
static void a_damaged_one_is_dropped(void **state)
{
	uint16_t bits = (uint16_t)(8 * sealed_bytes());

	for (uint16_t bit = 0; bit < bits; bit++) {
		struct rte_mbuf *m = sealed(7);

		kg_pkt(m)->body[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_dropped(m, KG_DROP_AUTH_FAILED);
	}
}

/* As they came: opening has been over them. */
static void first_bytes_of_what_does_not_open_are_noted(void **state)
{
	struct kg_worker *w = rig_worker(SERVER, 0);
	struct rte_mbuf *m = sealed(7);
	const struct kg_dropped *noted;
	uint8_t came[KG_DROPPED_FIRST_BYTES];
	uint16_t len = kg_pkt(m)->body_len;

	kg_pkt(m)->body[len - 3] ^= 1;
	memcpy(came, kg_pkt(m)->body, sizeof(came));
	assert_dropped(m, KG_DROP_AUTH_FAILED);
	noted = rig_dropped(w, &client.ip, KG_DROP_AUTH_FAILED);
	assert_non_null(noted);
	assert_int_equal(noted->stage, KG_STAGE_OPEN);
	assert_int_equal(noted->bytes, len);
	assert_int_equal(noted->first_bytes, sizeof(came));
	assert_memory_equal(noted->first, came, sizeof(came));
	assert_int_equal(noted->ends.local.port, RIG_LISTEN_PORT);
}

static void anothers_clock_is_dropped(void **state)
{
	struct kg_worker *w = rig_worker(SERVER, 0);
	struct rte_mbuf *old = sealed(7), *early;

	w->unix_s += 300;
	assert_dropped(old, KG_DROP_CLOCK_SKEW);
	w->unix_s -= 600;
	early = sealed(7);
	assert_dropped(early, KG_DROP_CLOCK_SKEW);
	w->unix_s += 300;
}

static void the_good_among_the_bad_stay(void **state)
{
	struct rte_mbuf *v[4] = { sealed(1), sealed(2), sealed(3), sealed(4) };
	struct rte_mbuf *second = v[1], *fourth = v[3];

	kg_pkt(v[0])->body[0] ^= 1;
	kg_pkt(v[2])->body_len = 3;
	assert_int_equal(kg_stage_open(rig_worker(SERVER, 0), v, 4), 2);
	assert_ptr_equal(v[0], second);
	assert_ptr_equal(v[1], fourth);
	rte_pktmbuf_free_bulk(v, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sealed_opens),
		cmocka_unit_test(a_short_one_is_dropped),
		cmocka_unit_test(a_damaged_one_is_dropped),
		cmocka_unit_test(first_bytes_of_what_does_not_open_are_noted),
		cmocka_unit_test(anothers_clock_is_dropped),
		cmocka_unit_test(the_good_among_the_bad_stay),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_fini);
}
