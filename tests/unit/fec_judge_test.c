/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Peers whose padding or parity is wrong: whatever is lost, nothing comes out that nobody sent.
 * Peers that do it right are believed once they have shown it, or at once where there is parity to
 * spare.
 */
#include "fec_fixture.h"

#include "fec/judge.h"

#define SEED   4711u
#define GROUPS 400

enum fault {
	FAULT_NONE,
	FAULT_PADDING, /* containers end in what memory held */
	FAULT_PARITY,  /* noise */
	FAULT_PART,    /* parity that is right up to some byte */
};

static struct datagram datagrams[SHARDS_MAX];
static struct body bodies[SHARDS_MAX];
static struct ends e;

static void begin(uint8_t data, uint8_t parity)
{
	ends_init(&e, data, parity, 0);
	kg_rng_init(&e.rng, SEED);
}

static void noise(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(kg_rng_next(&e.rng) | 1);
}

/* Parity of what stands behind each container, as long as the longest; sums are linear. */
static void add_padding(uint16_t block)
{
	struct kg_fec_sums *sums = kg_fec_sums_take(e.fec);

	kg_fec_sums_extend(sums, e.parity, block);
	for (unsigned int i = 0; i < e.data; i++) {
		uint8_t padding[KG_FEC_LENGTH_BYTES + DATAGRAM_MAX] = { 0 };
		uint16_t len = (uint16_t)(KG_FEC_LENGTH_BYTES + datagrams[i].len);

		noise(padding + len, block - len);
		kg_fec_add(e.fec, sums, (uint8_t)i, padding, block);
	}
	for (unsigned int r = 0; r < e.parity; r++) {
		for (size_t k = 0; k < block; k++)
			bodies[e.data + r].bytes[KG_FEC_PARITY_HEADER_BYTES + k] ^=
				sums->rows[r][k];
	}
	kg_fec_sums_give(e.fec, sums);
}

static void encode_with(enum fault fault)
{
	uint16_t block;

	encode_group(&e, datagrams, bodies);
	block = (uint16_t)(bodies[e.data].len - KG_FEC_PARITY_HEADER_BYTES);
	if (fault == FAULT_PADDING)
		add_padding(block);
	for (unsigned int r = 0; r < e.parity && fault >= FAULT_PARITY; r++) {
		uint8_t *bytes = bodies[e.data + r].bytes + KG_FEC_PARITY_HEADER_BYTES;
		size_t good = fault == FAULT_PART ? kg_rng_below(&e.rng, block) : 0;

		noise(bytes + good, block - good);
	}
}

/* A group of datagrams with lengths from `min` to `max`; each shard is lost with a probability of
 * `loss_percent`. tick_off fails when something comes out that nobody sent. */
static void run_group(enum fault fault, uint16_t min, uint16_t max, uint32_t loss_percent)
{
	for (unsigned int i = 0; i < e.data; i++)
		fill_datagram(&e.rng, &datagrams[i],
			      (uint16_t)(min + kg_rng_below(&e.rng, max - min + 1u)),
			      (unsigned int)kg_rng_below(&e.rng, 4));
	encode_with(fault);
	for (unsigned int i = 0; i < (unsigned int)e.data + e.parity; i++) {
		if (kg_rng_below(&e.rng, 100) >= loss_percent)
			assert_int_equal(
				receive(&e, bodies[i].bytes, bodies[i].len, datagrams, e.data),
				KG_DROP_NONE);
	}
}

static const uint8_t codes[][2] = { { 1, 1 }, { 2, 1 }, { 3, 2 }, { 10, 3 }, { 5, 5 } };

static void no_fault_corrupts(enum fault fault, bool expect_recovery)
{
	for (size_t c = 0; c < KG_ARRAY_SIZE(codes); c++) {
		uint64_t wrong;

		begin(codes[c][0], codes[c][1]);
		for (int g = 0; g < GROUPS; g++)
			run_group(fault, KG_KCP_HEADER_BYTES, 400, 5 + (uint32_t)g % 20);
		wrong = ends_stats(&e).parity_wrong + ends_stats(&e).padding_wrong;
		if (codes[c][0] > 1)
			assert_true(wrong > 0);
		if (expect_recovery)
			assert_true(ends_stats(&e).recovered > 0);
		ends_fini(&e);
	}
}

static void garbage_padding(void **state)
{
	no_fault_corrupts(FAULT_PADDING, true);
}

static void wrong_parity(void **state)
{
	no_fault_corrupts(FAULT_PARITY, false);
}

static void partly_wrong_parity(void **state)
{
	no_fault_corrupts(FAULT_PART, false);
}

/* Equal lengths have no padding: as good as any other peer once it has shown its parity. */
static void garbage_padding_of_equal_lengths(void **state)
{
	begin(3, 1);
	for (int g = 0; g < KG_FEC_TESTS; g++)
		run_group(FAULT_PADDING, 200, 200, 0);
	for (int g = 0; g < 100; g++)
		run_group(FAULT_PADDING, 200, 200, 10);
	assert_true(ends_stats(&e).recovered > 10);
	assert_int_equal(ends_stats(&e).refused, 0);
	ends_fini(&e);
}

/* Without parity to spare the first losses are not made good, later ones are. */
static void belief_is_earned(void **state)
{
	struct kg_fec_stats before, after;

	begin(3, 1);
	for (int g = 0; g < 4; g++)
		run_group(FAULT_NONE, 30, 400, 0);
	fill_datagram(&e.rng, &datagrams[0], 400, 0);
	fill_datagram(&e.rng, &datagrams[1], 100, 0);
	fill_datagram(&e.rng, &datagrams[2], 100, 0);
	for (int round = 0; round < 2; round++) {
		before = ends_stats(&e);
		datagrams[0].out = 0;
		encode_group(&e, datagrams, bodies);
		for (int i = 1; i < 4; i++)
			receive(&e, bodies[i].bytes, bodies[i].len, datagrams, 3);
		after = ends_stats(&e);
		assert_int_equal(after.recovered - before.recovered, round);
		assert_int_equal(after.refused - before.refused, 1 - round);
		assert_int_equal(datagrams[0].out, round);
		if (round == 0) {
			struct datagram kept[3];

			memcpy(kept, datagrams, sizeof(kept));
			for (int g = 0; g < KG_FEC_TESTS; g++)
				run_group(FAULT_NONE, 30, 400, 0);
			memcpy(datagrams, kept, sizeof(kept));
		}
	}
	ends_fini(&e);
}

static void spare_parity_proves(void **state)
{
	begin(3, 2);
	for (int i = 0; i < 3; i++)
		fill_datagram(&e.rng, &datagrams[i], (uint16_t)(300 - 100 * i), 0);
	encode_group(&e, datagrams, bodies);
	for (int i = 1; i < 5; i++)
		receive(&e, bodies[i].bytes, bodies[i].len, datagrams, 3);
	assert_int_equal(datagrams[0].out, 1);
	assert_int_equal(ends_stats(&e).recovered, 1);
	ends_fini(&e);
}

/* Two lost, and one segment of the longer ends before the shortest container that came. */
static void right_beginnings_are_used(void **state)
{
	begin(3, 1);
	for (int g = 0; g < KG_FEC_TESTS; g++)
		run_group(FAULT_PADDING, 100, 100, 0);
	fill_datagram(&e.rng, &datagrams[0], 400, 3);
	fill_datagram(&e.rng, &datagrams[1], 100, 0);
	fill_datagram(&e.rng, &datagrams[2], 100, 0);
	encode_with(FAULT_PADDING);
	for (int i = 1; i < 4; i++)
		receive(&e, bodies[i].bytes, bodies[i].len, datagrams, 3);
	assert_int_equal(ends_stats(&e).recovered, 1); /* its three ACKs */
	assert_int_equal(datagrams[0].out, 0);
	ends_fini(&e);
}

/* A short datagram that comes back with something behind it: whoever was believed no longer is. */
static void padding_that_shows_is_noticed(void **state)
{
	begin(3, 1);
	kg_fec_decoder_trust(e.decoder);
	fill_datagram(&e.rng, &datagrams[0], 300, 0);
	fill_datagram(&e.rng, &datagrams[1], 400, 0);
	fill_datagram(&e.rng, &datagrams[2], 200, 0);
	encode_with(FAULT_PADDING);
	for (int i = 1; i < 4; i++)
		receive(&e, bodies[i].bytes, bodies[i].len, datagrams, 3);
	assert_int_equal(ends_stats(&e).padding_wrong, 1);
	assert_int_equal(ends_stats(&e).refused, 1);
	ends_fini(&e);
}

/* ---- the pieces ---- */

static void belief_counts(void **state)
{
	struct kg_fec_judge judge;

	kg_fec_judge_init(&judge);
	assert_int_equal(kg_fec_judge_believes(&judge, 10, 20), 0);
	for (int i = 0; i < KG_FEC_TESTS; i++)
		kg_fec_judge_test(&judge, 20, 20, 20);
	assert_int_equal(kg_fec_judge_believes(&judge, 10, 20), 10);
	for (int i = 0; i < KG_FEC_TESTS; i++)
		kg_fec_judge_test(&judge, 20, 10, 20);
	assert_int_equal(kg_fec_judge_believes(&judge, 10, 20), 20);
	kg_fec_judge_test(&judge, 15, 10, 20);
	assert_int_equal(kg_fec_judge_believes(&judge, 10, 20), 10);
	for (int i = 0; i < 2 * KG_FEC_TESTS - 1; i++)
		kg_fec_judge_test(&judge, 20, 10, 20);
	assert_int_equal(kg_fec_judge_believes(&judge, 10, 20), 10);
	kg_fec_judge_test(&judge, 20, 10, 20);
	assert_int_equal(kg_fec_judge_believes(&judge, 10, 20), 20);
	kg_fec_judge_test(&judge, 5, 10, 20);
	assert_int_equal(kg_fec_judge_believes(&judge, 10, 20), 0);
}

static void usable_bytes(void **state)
{
	struct kg_rng rng;
	struct datagram d;
	uint8_t container[202] = { 0 };

	kg_rng_init(&rng, SEED);
	fill_datagram(&rng, &d, 148, 2); /* ACK, ACK, and 100 bytes of PUSH */
	kg_store_be16(container, 148);
	memcpy(container + 2, d.bytes, 148);
	for (size_t believed = 0; believed <= 202; believed++)
		assert_int_equal(
			kg_fec_usable(&kg_session_fec_content, container, 202, believed, CONV),
			believed < 26    ? 0
			: believed < 50  ? 24
			: believed < 150 ? 48
					 : 148);
	assert_int_equal(kg_fec_usable(&kg_session_fec_content, container, 202, 202, CONV + 1), 0);
	assert_int_equal(kg_fec_usable(&kg_session_fec_content, container, 149, 149, CONV), 0);
	for (uint32_t len = 0; len <= UINT16_MAX; len++) {
		kg_store_be16(container, (uint16_t)len);
		if (len != 24 && len != 48 && len != 148) /* where a segment ends */
			assert_int_equal(
				kg_fec_usable(&kg_session_fec_content, container, 202, 202, CONV),
				0);
	}
}

static void zeros(void **state)
{
	uint8_t bytes[40] = { 0 };

	for (size_t len = 0; len <= sizeof(bytes); len++) {
		assert_int_equal(kg_fec_zeros(bytes, len), len);
		for (size_t i = 0; i < len; i++) {
			bytes[i] = 1;
			assert_int_equal(kg_fec_zeros(bytes, len), i);
			bytes[i] = 0;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(garbage_padding),
		cmocka_unit_test(garbage_padding_of_equal_lengths),
		cmocka_unit_test(wrong_parity),
		cmocka_unit_test(partly_wrong_parity),
		cmocka_unit_test(belief_is_earned),
		cmocka_unit_test(spare_parity_proves),
		cmocka_unit_test(right_beginnings_are_used),
		cmocka_unit_test(padding_that_shows_is_noticed),
		cmocka_unit_test(belief_counts),
		cmocka_unit_test(usable_bytes),
		cmocka_unit_test(zeros),
	};

	printf("seed %u\n", SEED);
	return cmocka_run_group_tests_name("fec judge", tests, NULL, NULL);
}
