/* SPDX-License-Identifier: BSD-3-Clause */
/* Both ends of FEC: any `data` of a group's shards give back all of it, in any order. */
#include "fec_fixture.h"

#include "fec/internal.h"

#define SEED 20261122u

static struct datagram datagrams[SHARDS_MAX];
static struct body bodies[SHARDS_MAX];
static struct ends e;

static void fill_group(struct ends *ends, uint16_t max)
{
	for (unsigned int i = 0; i < ends->data; i++)
		random_datagram(&ends->rng, &datagrams[i], max);
	encode_group(ends, datagrams, bodies);
}

static void begin(uint8_t data, uint8_t parity, uint32_t first_sn)
{
	ends_init(&e, data, parity, first_sn);
	kg_rng_init(&e.rng, SEED);
	kg_fec_decoder_trust(e.decoder);
}

static void shuffle(struct kg_rng *rng, unsigned int *order, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		order[i] = i;
	for (unsigned int i = n; i > 1; i--) {
		unsigned int k = (unsigned int)kg_rng_below(rng, i), swap = order[i - 1];

		order[i - 1] = order[k];
		order[k] = swap;
	}
}

/* ---- arithmetic ---- */

static uint8_t times(uint8_t a, uint8_t b)
{
	unsigned int product = 0;

	for (unsigned int bit = 0; bit < 8; bit++)
		product ^= (b >> bit & 1 ? (unsigned int)a : 0) << bit;
	for (unsigned int bit = 14; bit >= 8; bit--)
		product ^= product >> bit & 1 ? 0x11du << (bit - 8) : 0;
	return (uint8_t)product;
}

/* Random matrices, every length: against multiplication bit by bit. */
static void arithmetic(void **state)
{
	enum {
		ROWS = 7,
		COLUMNS = 5,
		LEN = 300
	};
	static uint8_t blocks[COLUMNS][LEN], sums[ROWS][LEN], out[ROWS][LEN];
	uint8_t matrix[ROWS * COLUMNS], *to_sums[ROWS], *to_out[ROWS];
	uint8_t tables[ROWS * COLUMNS * KG_RS_TABLE_BYTES] __attribute__((aligned(64)));
	const uint8_t *from[COLUMNS];
	struct kg_rng rng;

	kg_rng_init(&rng, SEED);
	for (size_t i = 0; i < sizeof(matrix); i++)
		matrix[i] = (uint8_t)kg_rng_next(&rng);
	for (size_t i = 0; i < COLUMNS * LEN; i++)
		blocks[i / LEN][i % LEN] = (uint8_t)kg_rng_next(&rng);
	for (uint8_t c = 0; c < COLUMNS; c++)
		from[c] = blocks[c];
	for (uint8_t r = 0; r < ROWS; r++) {
		to_sums[r] = sums[r];
		to_out[r] = out[r];
	}
	FEC_RS->expand(tables, matrix, ROWS, COLUMNS);
	for (size_t len = 1; len < LEN; len++) {
		memset(sums, 0, sizeof(sums));
		memset(out, 0xee, sizeof(out));
		for (uint8_t c = 0; c < COLUMNS; c++)
			FEC_RS->add(tables, ROWS, COLUMNS, c, blocks[c], len, to_sums);
		FEC_RS->multiply(tables, ROWS, COLUMNS, from, len, to_out);
		for (size_t r = 0; r < ROWS; r++) {
			uint8_t last = 0;

			for (size_t c = 0; c < COLUMNS; c++)
				last ^= times(matrix[r * COLUMNS + c], blocks[c][len - 1]);
			assert_int_equal(sums[r][len - 1], last);
			assert_memory_equal(sums[r], out[r], len);
			assert_int_equal(sums[r][len], 0);
			assert_int_equal(out[r][len], 0xee);
		}
	}
}

/* ---- erasures ---- */

/* Those of the group's shards whose bit is set arrive, in some order. */
static void check_subset(uint32_t arrive)
{
	unsigned int n = e.data + e.parity, order[SHARDS_MAX];
	bool enough = __builtin_popcount(arrive) >= e.data;

	forget_peer(&e);
	kg_fec_decoder_trust(e.decoder);
	for (unsigned int i = 0; i < e.data; i++)
		datagrams[i].out = 0;
	shuffle(&e.rng, order, n);
	for (unsigned int i = 0; i < n; i++) {
		const struct body *body = &bodies[order[i]];

		if (arrive >> order[i] & 1)
			assert_int_equal(receive(&e, body->bytes, body->len, datagrams, e.data),
					 KG_DROP_NONE);
	}
	for (unsigned int i = 0; i < e.data; i++) {
		if (enough)
			assert_in_range(datagrams[i].out, 1, 2); /* late, and recovered before */
		else
			assert_int_equal(datagrams[i].out, arrive >> i & 1);
	}
}

static void every_erasure_of_small_codes(void **state)
{
	for (uint8_t data = 1; data <= 6; data++) {
		for (uint8_t parity = 1; data + parity <= 8 && parity <= 5; parity++) {
			begin(data, parity, 0);
			fill_group(&e, 300);
			for (uint32_t arrive = 0; arrive < 1u << (data + parity); arrive++)
				check_subset(arrive);
			ends_fini(&e);
		}
	}
}

/* As many are lost as may be, of any code. */
static void check_any_code(uint8_t data, uint8_t parity)
{
	unsigned int order[SHARDS_MAX];

	fill_group(&e, (uint16_t)(200 + kg_rng_below(&e.rng, DATAGRAM_MAX - 200 + 1)));
	shuffle(&e.rng, order, data + parity);
	for (unsigned int i = 0; i < data; i++) {
		const struct body *body = &bodies[order[i]];

		assert_int_equal(receive(&e, body->bytes, body->len, datagrams, data),
				 KG_DROP_NONE);
	}
	for (unsigned int i = 0; i < data; i++)
		assert_int_equal(datagrams[i].out, 1);
}

static void any_code(void **state)
{
	struct kg_rng rng;

	kg_rng_init(&rng, SEED);
	for (int round = 0; round < 40; round++) {
		uint8_t data = (uint8_t)(1 + kg_rng_below(&rng, 254));
		uint8_t parity = (uint8_t)(1 + kg_rng_below(&rng, 255u - data));

		begin(data, parity, 0);
		for (int group = 0; group < 2; group++)
			check_any_code(data, parity);
		ends_fini(&e);
	}
	begin(254, 1, 0);
	check_any_code(254, 1);
	ends_fini(&e);
	begin(1, 254, 0);
	check_any_code(1, 254);
	ends_fini(&e);
}

/* ---- order ---- */

/* A long run over the wrap of sn: within its ring every group loses as much as it may, its shards
 * come in any order, and shards of groups before come late. */
static void disorder(void **state)
{
	enum {
		GROUPS = 40,
		DATA = 10,
		PARITY = 4,
		SPAN = 4
	};
	static struct body all[GROUPS * (DATA + PARITY)];
	static struct datagram sent[GROUPS * DATA];
	unsigned int order[SPAN * (DATA + PARITY)];

	begin(DATA, PARITY, UINT32_MAX - GROUPS / 2);
	for (int g = 0; g < GROUPS; g++) {
		for (int i = 0; i < DATA; i++)
			random_datagram(&e.rng, &sent[g * DATA + i], 500);
		encode_group(&e, sent + g * DATA, all + g * (DATA + PARITY));
	}
	for (int g = 0; g < GROUPS; g += SPAN) {
		const struct body *base = all + g * (DATA + PARITY);

		shuffle(&e.rng, order, SPAN * (DATA + PARITY));
		for (unsigned int i = 0; i < SPAN * (DATA + PARITY); i++) {
			const struct body *body = &base[order[i]];
			unsigned int old = (unsigned int)kg_rng_below(
				&e.rng, (uint32_t)(g + 1) * (DATA + PARITY));

			/* of each group 4 of 14 are lost, others each time */
			if ((order[i] + order[i] / (DATA + PARITY)) % (DATA + PARITY) < PARITY)
				continue;
			receive(&e, body->bytes, body->len, sent, KG_ARRAY_SIZE(sent));
			if (g > 0) {
				body = &all[old % (g * (DATA + PARITY))];
				receive(&e, body->bytes, body->len, sent, KG_ARRAY_SIZE(sent));
			}
		}
	}
	for (size_t i = 0; i < KG_ARRAY_SIZE(sent); i++)
		assert_true(sent[i].out > 0);
	assert_true(ends_stats(&e).late > 0);
	assert_int_equal(ends_stats(&e).missing, 0);
	assert_int_equal(ends_stats(&e).parity_wrong, 0);
	ends_fini(&e);
}

/* What a group of the original forgets (docs/fec.md §5): data and parity of group 0 between those
 * of group 1, which still makes good what it lost. */
static void late_ones_disturb_nothing(void **state)
{
	static struct datagram old_datagrams[3];
	static struct body old_bodies[5];

	begin(3, 2, UINT32_MAX);
	for (int i = 0; i < 3; i++)
		random_datagram(&e.rng, &old_datagrams[i], 300);
	encode_group(&e, old_datagrams, old_bodies);
	fill_group(&e, 300);
	assert_int_equal(kg_load_be32(old_bodies[0].bytes), UINT32_MAX);
	assert_int_equal(kg_load_be32(bodies[0].bytes), 0);
	for (unsigned int i = 1; i < 4; i++) {
		const struct body *old = &old_bodies[2 * (i - 1)];

		receive(&e, bodies[i].bytes, bodies[i].len, datagrams, 3);
		receive(&e, old->bytes, old->len, old_datagrams, 3);
	}
	assert_int_equal(datagrams[0].out, 1);
	assert_int_equal(old_datagrams[1].out, 1);
	assert_int_equal(ends_stats(&e).recovered, 2);
	ends_fini(&e);
}

static void duplicates_count_once(void **state)
{
	begin(3, 2, 0);
	fill_group(&e, 100);
	for (int i = 0; i < 3; i++)
		receive(&e, bodies[0].bytes, bodies[0].len, datagrams, 3);
	for (int i = 0; i < 3; i++)
		receive(&e, bodies[3].bytes, bodies[3].len, datagrams, 3);
	assert_int_equal(ends_stats(&e).duplicates, 4);
	assert_int_equal(ends_stats(&e).recovered, 0);
	assert_int_equal(datagrams[0].out, 3);
	receive(&e, bodies[4].bytes, bodies[4].len, datagrams, 3);
	assert_int_equal(ends_stats(&e).recovered, 2);
	ends_fini(&e);
}

/* Of all channels, whether they are there or gone. */
static void counts_outlive_channels(void **state)
{
	struct kg_fec_stats sum = { 0 }, all = { 0 };

	begin(3, 2, 0);
	for (int channel = 0; channel < 3; channel++) {
		for (int g = 0; g < 2; g++) {
			fill_group(&e, 100);
			for (int i = g; i < 4; i++)
				receive(&e, bodies[i].bytes, bodies[i].len, datagrams, 3);
		}
		kg_fec_decoder_add_stats(e.decoder, &sum);
		forget_peer(&e);
	}
	kg_fec_encoder_add_stats(e.encoder, &sum);
	kg_fec_add_stats(e.fec, &all);
	assert_memory_equal(&all, &sum, sizeof(all));
	assert_int_equal(all.sent, 18);
	assert_int_equal(all.parity_sent, 12);
	assert_int_equal(all.received, 3 * (3 + 2));
	assert_int_equal(all.recovered, 1); /* by the one that trusts the peer */
	assert_int_equal(all.refused, 2);
	ends_fini(&e);
}

/* What a group has lost for good is told when its place in the ring is taken. */
static void groups_are_given_up(void **state)
{
	begin(20, 4, 0);
	for (int g = 0; g < 20; g++) {
		fill_group(&e, 100);
		for (int i = g == 0 ? 6 : 0; i < 20; i++)
			receive(&e, bodies[i].bytes, bodies[i].len, datagrams, 20);
	}
	assert_int_equal(ends_stats(&e).missing, 6);
	ends_fini(&e);
}

/* ---- bad input ---- */

static void expect_malformed(uint8_t *bytes, uint16_t len)
{
	assert_int_equal(receive(&e, bytes, len, datagrams, e.data), KG_DROP_FEC_MALFORMED);
}

static void short_ones_are_refused(void **state)
{
	begin(3, 2, 0);
	for (uint16_t at = 0; at < 400; at++) {
		forget_peer(&e);
		fill_group(&e, 400);
		for (unsigned int i = 0; i < 5; i++) {
			uint16_t least = i < 3 ? KG_FEC_HEADER_BYTES + KG_KCP_HEADER_BYTES
					       : KG_FEC_OVERHEAD_BYTES + KG_KCP_HEADER_BYTES;
			uint16_t len = KG_MIN(at, bodies[i].len);
			enum kg_drop drop = receive(&e, bodies[i].bytes, len, datagrams, e.data);

			if (len < least)
				assert_int_equal(drop, KG_DROP_FEC_MALFORMED);
		}
	}
	ends_fini(&e);
}

static void strangers_are_refused(void **state)
{
	static uint8_t room[4096];

	begin(3, 2, 0);
	fill_group(&e, 400);
	bodies[0].bytes[4] = 5; /* sub beyond the parity */
	expect_malformed(bodies[0].bytes, bodies[0].len);
	bodies[1].bytes[5] ^= 1; /* conv of data */
	expect_malformed(bodies[1].bytes, bodies[1].len);
	bodies[3].bytes[8] ^= 1; /* conv of parity */
	expect_malformed(bodies[3].bytes, bodies[3].len);
	memcpy(room, bodies[4].bytes, bodies[4].len);
	for (uint16_t len = 2045; len < sizeof(room); len++) /* with its timestamp over 2048 */
		expect_malformed(room, len);
	assert_int_equal(ends_stats(&e).received + ends_stats(&e).parity_received, 0);
	ends_fini(&e);
}

/* Parity as long as the longest container, all of the same length. */
static void contradictions_are_refused(void **state)
{
	begin(3, 2, 0);
	for (int i = 0; i < 3; i++)
		fill_datagram(&e.rng, &datagrams[i], (uint16_t)(100 + 10 * i), 0);
	encode_group(&e, datagrams, bodies);

	receive(&e, bodies[2].bytes, bodies[2].len, datagrams, 3);
	expect_malformed(bodies[3].bytes, (uint16_t)(bodies[3].len - 1));
	assert_int_equal(receive(&e, bodies[3].bytes, bodies[3].len, datagrams, 3), KG_DROP_NONE);
	expect_malformed(bodies[4].bytes, (uint16_t)(bodies[4].len - 1));
	/* too long for its group: of use as it is, but for nothing else */
	fill_datagram(&e.rng, &datagrams[1], 121, 0);
	memcpy(bodies[1].bytes + KG_FEC_HEADER_BYTES, datagrams[1].bytes, 121);
	assert_int_equal(receive(&e, bodies[1].bytes, 126, datagrams, 3), KG_DROP_NONE);
	assert_int_equal(datagrams[1].out, 1);
	assert_int_equal(ends_stats(&e).received, 1);
	assert_int_equal(ends_stats(&e).recovered, 0);
	ends_fini(&e);
}

/* A peer with another code: what it calls parity we may take for data, but nothing wrong comes of
 * it, whatever was believed of the peer. */
static void another_code_harms_nobody(void **state)
{
	struct ends theirs;

	begin(3, 2, 0);
	ends_init(&theirs, 4, 2, 0);
	for (int g = 0; g < 200; g++) {
		for (int i = 0; i < 4; i++)
			random_datagram(&e.rng, &datagrams[i], 200);
		encode_group(&theirs, datagrams, bodies);
		for (int i = 0; i < 6; i++) {
			if (kg_rng_below(&e.rng, 4) > 0)
				receive(&e, bodies[i].bytes, bodies[i].len, datagrams, 4);
		}
	}
	ends_fini(&theirs);
	ends_fini(&e);
}

/* ---- memory ---- */

/* malloc that fails when so many allocations have been made. */
struct scarce {
	struct kg_mem mem, whole;
	unsigned int left;
};

static void *scarce_alloc(struct kg_mem *mem, size_t bytes)
{
	struct scarce *scarce = KG_CONTAINER_OF(mem, struct scarce, mem);

	if (scarce->left == 0)
		return NULL;
	scarce->left--;
	return kg_mem_alloc(&scarce->whole, bytes);
}

static void scarce_free(struct kg_mem *mem, void *ptr, size_t bytes)
{
	kg_mem_free(&KG_CONTAINER_OF(mem, struct scarce, mem)->whole, ptr, bytes);
}

static void lack_of_memory(void **state)
{
	struct scarce scarce = { .mem = { .alloc = scarce_alloc, .free = scarce_free } };
	bool made = false;

	kg_mem_malloc_init(&scarce.whole);
	for (unsigned int n = 0; !made; n++) {
		struct kg_fec_encoder *encoder = NULL;
		struct kg_fec_decoder *decoder = NULL;
		struct kg_fec *fec;

		scarce.left = n;
		fec = kg_fec_create(3, 2, FEC_RS, &kg_session_fec_content, &scarce.mem);
		if (fec) {
			encoder = kg_fec_encoder_create(fec, CONV, 0);
			decoder = kg_fec_decoder_create(fec, CONV);
		}
		made = encoder && decoder;
		kg_fec_encoder_destroy(encoder);
		kg_fec_decoder_destroy(decoder);
		kg_fec_destroy(fec);
		assert_int_equal(scarce.whole.in_use_bytes, 0);
	}
}

/* Then a group has no parity, and the next one that finds memory has. */
static void groups_without_parity(void **state)
{
	struct scarce scarce = {
		.mem = { .alloc = scarce_alloc, .free = scarce_free, .soft_limit_bytes = SIZE_MAX },
		.left = 1000
	};
	struct ends poor = { .data = 3, .parity = 2 };

	kg_rng_init(&poor.rng, SEED);
	kg_mem_malloc_init(&scarce.whole);
	poor.fec = kg_fec_create(3, 2, FEC_RS, &kg_session_fec_content, &scarce.mem);
	poor.encoder = kg_fec_encoder_create(poor.fec, CONV, 0);
	for (uint32_t sn = 0; sn < 3; sn++) {
		scarce.left = sn == 1 ? 1 : 0;
		for (unsigned int i = 0; i < 3; i++) {
			random_datagram(&poor.rng, &datagrams[i], 100);
			encode(&poor, &datagrams[i], &bodies[i], 0);
			assert_int_equal(kg_load_be32(bodies[i].bytes), sn);
			assert_int_equal(bodies[i].bytes[4], i);
		}
		for (unsigned int i = 0; i < 2 && sn > 0; i++)
			assert_true(kg_fec_encoder_output(poor.encoder, bodies[3].bytes, 0) > 0);
		assert_int_equal(kg_fec_encoder_output(poor.encoder, bodies[3].bytes, 0), 0);
	}
	kg_fec_encoder_destroy(poor.encoder);
	kg_fec_destroy(poor.fec);
	assert_int_equal(scarce.whole.in_use_bytes, 0);
}

/* One row brings back one datagram, and the group under way has what it began with. */
static void rows_may_be_fewer(void **state)
{
	static const uint8_t wanted[] = { 0, 1, 9 }, expected[] = { 2, 0, 1, 2 };

	begin(3, 2, 0);
	for (uint32_t sn = 0; sn < KG_ARRAY_SIZE(expected); sn++) {
		unsigned int rows = 0;

		for (unsigned int i = 0; i < 3; i++) {
			random_datagram(&e.rng, &datagrams[i], 100);
			encode(&e, &datagrams[i], &bodies[i], 0);
			assert_int_equal(kg_load_be32(bodies[i].bytes), sn);
			if (i > 0)
				receive(&e, bodies[i].bytes, bodies[i].len, datagrams, 3);
		}
		if (sn < KG_ARRAY_SIZE(wanted))
			kg_fec_encoder_set_rows(e.encoder, wanted[sn]);
		while ((bodies[3].len = kg_fec_encoder_output(e.encoder, bodies[3].bytes, 0)) > 0) {
			receive(&e, bodies[3].bytes, bodies[3].len, datagrams, 3);
			rows++;
		}
		assert_int_equal(rows, expected[sn]);
		assert_int_equal(datagrams[0].out, rows > 0);
	}
	ends_fini(&e);
}

/* Data passes when there is no memory for sums. */
static void data_needs_no_memory(void **state)
{
	struct scarce scarce = {
		.mem = { .alloc = scarce_alloc, .free = scarce_free, .soft_limit_bytes = SIZE_MAX },
		.left = 1000
	};
	struct ends poor;

	begin(3, 2, 0);
	fill_group(&e, 200);
	kg_mem_malloc_init(&scarce.whole);
	poor.fec = kg_fec_create(3, 2, FEC_RS, &kg_session_fec_content, &scarce.mem);
	poor.decoder = kg_fec_decoder_create(poor.fec, CONV);
	scarce.left = 0;
	for (int i = 1; i < 5; i++)
		assert_int_equal(receive(&poor, bodies[i].bytes, bodies[i].len, datagrams, 3),
				 KG_DROP_NONE);
	assert_int_equal(datagrams[0].out, 0);
	assert_int_equal(datagrams[1].out + datagrams[2].out, 2);
	kg_fec_decoder_destroy(poor.decoder);
	kg_fec_destroy(poor.fec);
	assert_int_equal(scarce.whole.in_use_bytes, 0);
	ends_fini(&e);
}

/* However much is lost, memory stays within what the ring can hold; when all arrives, one group's
 * worth is enough. */
static void memory_is_bounded(void **state)
{
	size_t idle, calm;

	begin(20, 4, 0);
	idle = e.mem.in_use_bytes;
	for (int g = 0; g < 50; g++)
		check_any_code(20, 4);
	calm = e.mem.in_use_bytes - idle;
	assert_in_range(calm, 4 * DATAGRAM_MAX, 4 * 2200);
	for (int g = 0; g < 50; g++) {
		fill_group(&e, 500);
		for (int i = 5; i < 24; i++)
			receive(&e, bodies[i].bytes, bodies[i].len, datagrams, 20);
	}
	assert_in_range(e.mem.in_use_bytes - idle, 8 * 4 * DATAGRAM_MAX, 9 * 4 * 2200);
	ends_fini(&e);
}

/* A peer leaves groups open on many channels: they have a part of the memory, of which the oldest
 * gives way, and what they had goes back when they are over. */
static void open_groups_have_a_part(void **state)
{
	enum {
		CHANNELS = 30,
		OPEN = 4
	};
	struct kg_fec_decoder *decoders[CHANNELS];
	struct body begun[OPEN];
	size_t least, most;

	begin(20, 10, 0);
	for (int group = 0; group < OPEN; group++) {
		fill_group(&e, 100);
		begun[group] = bodies[0];
	}
	fill_group(&e, 100);
	least = e.mem.in_use_bytes;
	e.mem.soft_limit_bytes = least + 40 * 10 * 2112;
	for (int i = 0; i < CHANNELS; i++) {
		decoders[i] = kg_fec_decoder_create(e.fec, CONV);
		for (int group = 0; group < OPEN; group++) {
			struct body body = begun[group];

			kg_fec_decoder_input(decoders[i], body.bytes, body.len);
		}
	}
	most = e.mem.in_use_bytes - least;
	assert_in_range(most, 5 * 10 * 2112, 20 * 10 * 2112);
	/* And one more still helps. */
	for (int i = 5; i < 25; i++)
		receive(&e, bodies[i].bytes, bodies[i].len, datagrams, 20);
	assert_int_equal(ends_stats(&e).recovered, 5);
	for (int i = 0; i < CHANNELS; i++)
		kg_fec_decoder_destroy(decoders[i]);
	assert_in_range(e.mem.in_use_bytes - least, 0, 5 * 10 * 2200);
	ends_fini(&e);
}

/* One shard of each of so many groups, on channels of its own. */
static void leave_open(struct kg_fec *fec, struct kg_fec_decoder **decoders, uint32_t channels)
{
	fill_group(&e, 100);
	for (uint32_t i = 0; i < channels; i++) {
		struct body body = bodies[0];

		if (decoders[i] == NULL)
			decoders[i] = kg_fec_decoder_create(fec, CONV);
		kg_fec_decoder_input(decoders[i], body.bytes, body.len);
	}
}

static size_t held_by(struct kg_fec **fecs, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += fecs[i]->sums_count * (10 * KG_FEC_BLOCK_BYTES + sizeof(void *));
	return bytes;
}

/* Peers of several tunnels leave groups open, more and more: what is new still has half of the
 * memory, and no tunnel has much more than another. */
static void tunnels_share_what_groups_may_take(void **state)
{
	enum {
		TUNNELS = 4,
		CHANNELS = 60,
		ROUNDS = 8
	};
	struct kg_fec_decoder *decoders[TUNNELS][CHANNELS] = { 0 };
	struct kg_fec *fecs[TUNNELS];
	size_t limit;

	begin(20, 10, 0);
	fecs[0] = e.fec;
	for (int i = 1; i < TUNNELS; i++)
		fecs[i] = kg_fec_create(20, 10, FEC_RS, &kg_session_fec_content, &e.mem);
	for (int i = 0; i < TUNNELS; i++) {
		for (int j = 0; j < CHANNELS; j++)
			decoders[i][j] = kg_fec_decoder_create(fecs[i], CONV);
	}
	limit = e.mem.in_use_bytes + 400 * 10 * 2112;
	e.mem.soft_limit_bytes = limit;
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < TUNNELS; i++)
			leave_open(fecs[i], decoders[i], CHANNELS);
	}
	assert_true(kg_mem_allows(&e.mem, 400 * 10 * 2112 / 4));
	assert_true(held_by(fecs, TUNNELS) > 400 * 10 * 2112 / 4);
	for (int i = 1; i < TUNNELS; i++)
		assert_in_range(fecs[i]->sums_count, fecs[0]->sums_count / 2,
				fecs[0]->sums_count * 2);
	for (int i = 0; i < TUNNELS; i++) {
		for (int j = 0; j < CHANNELS; j++)
			kg_fec_decoder_destroy(decoders[i][j]);
		if (i > 0)
			kg_fec_destroy(fecs[i]);
	}
	ends_fini(&e);
	assert_int_equal(e.mem.grown_bytes, 0);
}

/* What a peer leaves open is given up after one age at least and two at most; what is spare goes
 * back when nothing is open. A group that is young still recovers. */
static void open_groups_age(void **state)
{
	size_t idle;

	begin(3, 2, 0);
	idle = e.mem.in_use_bytes;
	fill_group(&e, 100);
	receive(&e, bodies[0].bytes, bodies[0].len, datagrams, 3);
	kg_fec_age(e.fec);
	fill_group(&e, 100);
	receive(&e, bodies[0].bytes, bodies[0].len, datagrams, 3);
	kg_fec_age(e.fec);
	assert_int_equal(ends_stats(&e).missing, 2);
	for (int i = 2; i < 4; i++)
		receive(&e, bodies[i].bytes, bodies[i].len, datagrams, 3);
	assert_true(e.mem.in_use_bytes > idle);
	kg_fec_age(e.fec);
	assert_int_equal(e.mem.in_use_bytes, idle);
	ends_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(every_erasure_of_small_codes),
		cmocka_unit_test(any_code),
		cmocka_unit_test(disorder),
		cmocka_unit_test(late_ones_disturb_nothing),
		cmocka_unit_test(duplicates_count_once),
		cmocka_unit_test(counts_outlive_channels),
		cmocka_unit_test(groups_are_given_up),
		cmocka_unit_test(open_groups_have_a_part),
		cmocka_unit_test(tunnels_share_what_groups_may_take),
		cmocka_unit_test(open_groups_age),
		cmocka_unit_test(short_ones_are_refused),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(another_code_harms_nobody),
		cmocka_unit_test(lack_of_memory),
		cmocka_unit_test(groups_without_parity),
		cmocka_unit_test(rows_may_be_fewer),
		cmocka_unit_test(data_needs_no_memory),
		cmocka_unit_test(memory_is_bounded),
	};

	printf("seed %u\n", SEED);
	return cmocka_run_group_tests_name("fec", tests, NULL, NULL);
}
