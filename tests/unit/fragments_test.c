/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams are cut for a narrow path and put together again, in any order, whatever else comes. */
#include "bare_eal.h"
#include "base/rng.h"
#include "nic/fragment.h"
#include "nic/reassembly.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <rte_ip.h>
#include <string.h>

#define SEED   0x5eed0034
#define MBUFS  1023
#define NOW_US KG_US_PER_S

static struct rte_mempool *pool;
static const struct kg_l2 no_l2;

static int setup(void **state)
{
	if (bare_eal_init(state) != 0)
		return -1;
	pool = rte_pktmbuf_pool_create("pieces", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	return pool == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	rte_mempool_free(pool);
	return bare_eal_fini(state);
}

static struct kg_endpoint endpoint(const char *text)
{
	struct kg_endpoint ep;

	assert_true(kg_endpoint_parse(&ep, text));
	return ep;
}

static uint8_t byte_at(uint32_t id, uint16_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + id);
}

/* An IP packet with so much UDP payload, which depends on `id`. */
static struct rte_mbuf *packet(bool six, uint32_t id, uint16_t payload_bytes)
{
	struct kg_endpoint from = endpoint(six ? "[fd00:18::1]:3000" : "198.18.0.1:3000");
	struct kg_endpoint to = endpoint(six ? "[fd00:18::2]:4000" : "198.18.0.2:4000");
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint16_t header = kg_frame_header_bytes(&no_l2, six ? 6 : 4);
	uint8_t *bytes;

	assert_non_null(m);
	bytes = (uint8_t *)rte_pktmbuf_append(m, header + payload_bytes);
	for (uint16_t i = 0; i < payload_bytes; i++)
		bytes[header + i] = byte_at(id, i);
	kg_frame_build(bytes, &no_l2, &from, &to, payload_bytes, (uint16_t)id,
		       KG_FRAME_CSUM_SOFTWARE);
	return m;
}

static struct kg_frame parse(struct rte_mbuf *m, unsigned int trust)
{
	struct kg_frame frame;

	kg_frame_parse(&frame, rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_data_len(m), 0, trust);
	return frame;
}

static void add_l2(struct rte_mbuf *m, bool six)
{
	static const struct kg_mac mac;
	struct kg_l2 l2;

	kg_l2_init(&l2, &mac, &mac, 0);
	kg_l2_write((uint8_t *)rte_pktmbuf_prepend(m, l2.len), &l2, six ? 6 : 4);
}

/* Frames with the pieces; how many. */
static unsigned int cut(bool six, uint32_t id, uint16_t payload_bytes, uint16_t mtu,
			struct rte_mbuf *pieces[KG_FRAGMENTS_MAX])
{
	struct rte_mbuf *whole = packet(six, id, payload_bytes);
	unsigned int count = kg_fragment_cut(whole, mtu, id, pool, pieces);

	assert_int_not_equal(count, 0);
	rte_pktmbuf_free(whole);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(pieces[i]->nb_segs, 1);
		assert_true(rte_pktmbuf_data_len(pieces[i]) <= mtu);
		add_l2(pieces[i], six);
	}
	return count;
}

static struct rte_mbuf *take(struct kg_reassembly *r, struct rte_mbuf *m, uint64_t now_us)
{
	struct kg_frame frame = parse(m, 0);

	assert_int_equal(frame.kind, KG_FRAME_FRAGMENT);
	return kg_reassembly_take(r, m, &frame, now_us);
}

/* The datagram is what was cut, its UDP checksum included. */
static void expect_whole(struct rte_mbuf *m, uint32_t id, uint16_t payload_bytes)
{
	struct kg_frame frame;
	const uint8_t *payload;

	assert_non_null(m);
	assert_int_equal(rte_pktmbuf_linearize(m), 0);
	frame = parse(m, KG_FRAME_IP_CSUM_GOOD);
	assert_int_equal(frame.kind, KG_FRAME_UDP);
	assert_int_equal(frame.payload_bytes, payload_bytes);
	payload = rte_pktmbuf_mtod_offset(m, uint8_t *, frame.payload_offset);
	for (uint16_t i = 0; i < payload_bytes; i++)
		assert_int_equal(payload[i], byte_at(id, i));
	rte_pktmbuf_free(m);
}

static void shuffle(struct kg_rng *rng, struct rte_mbuf **v, unsigned int n)
{
	for (unsigned int i = n; i > 1; i--) {
		unsigned int j = kg_rng_below(rng, i);
		struct rte_mbuf *m = v[i - 1];

		v[i - 1] = v[j];
		v[j] = m;
	}
}

static void expect_no_leak(void)
{
	assert_int_equal(rte_mempool_avail_count(pool), MBUFS);
}

static void what_is_cut_comes_together_in_any_order(void **state)
{
	struct kg_reassembly *r = kg_reassembly_create();
	struct kg_rng rng;

	assert_non_null(r);
	print_message("seed %#x\n", SEED);
	kg_rng_init(&rng, SEED);
	for (uint32_t id = 1; id < 2000; id++) {
		bool six = kg_rng_below(&rng, 2);
		uint16_t bytes = (uint16_t)(1500 + kg_rng_below(&rng, 400));
		uint16_t least = six ? KG_PATH_MTU_MIN6 : KG_PATH_MTU_MIN4;
		uint16_t mtu = (uint16_t)(least + kg_rng_below(&rng, 1500u - least));
		struct rte_mbuf *pieces[KG_FRAGMENTS_MAX], *whole = NULL;
		unsigned int count = cut(six, id, bytes, mtu, pieces);

		shuffle(&rng, pieces, count);
		for (unsigned int i = 0; i < count; i++) {
			assert_null(whole);
			whole = take(r, pieces[i], NOW_US);
		}
		expect_whole(whole, id, bytes);
	}
	kg_reassembly_destroy(r);
	expect_no_leak();
}

static void an_unfinished_one_is_given_up(void **state)
{
	struct kg_reassembly *r = kg_reassembly_create();
	struct rte_mbuf *pieces[KG_FRAGMENTS_MAX];

	assert_int_equal(cut(false, 1, 1400, 800, pieces), 2);
	assert_null(take(r, pieces[0], NOW_US));
	kg_reassembly_expire(r, NOW_US + KG_REASSEMBLY_WAIT_US);
	assert_int_equal(kg_reassembly_take_lost(r), 0);
	kg_reassembly_expire(r, NOW_US + KG_REASSEMBLY_WAIT_US + 1);
	assert_int_equal(kg_reassembly_take_lost(r), 1);
	assert_int_equal(kg_reassembly_take_lost(r), 0);
	rte_pktmbuf_free(pieces[1]);
	kg_reassembly_destroy(r);
	expect_no_leak();
}

/* One fragment of each datagram: no more wait than may, and an honest datagram gets through when
 * those before it are old enough. */
static void a_flood_has_its_share(void **state)
{
	struct kg_reassembly *r = kg_reassembly_create();
	struct rte_mbuf *pieces[KG_FRAGMENTS_MAX];
	uint64_t later_us = NOW_US + KG_REASSEMBLY_LONG_US + 1;
	uint32_t lost = 0;

	for (uint32_t id = 1; id <= 2 * KG_REASSEMBLY_FRAGMENTS; id++) {
		cut(true, id, 1400, 1280, pieces);
		rte_pktmbuf_free(pieces[1]);
		assert_null(take(r, pieces[0], NOW_US));
		assert_true(MBUFS - rte_mempool_avail_count(pool) <= KG_REASSEMBLY_FRAGMENTS);
	}
	lost = kg_reassembly_take_lost(r);
	assert_true(lost >= KG_REASSEMBLY_FRAGMENTS);
	cut(true, 7777, 1400, 1280, pieces);
	assert_null(take(r, pieces[0], later_us));
	expect_whole(take(r, pieces[1], later_us), 7777, 1400);
	kg_reassembly_expire(r, later_us + 2 * KG_REASSEMBLY_WAIT_US);
	assert_int_equal(lost + kg_reassembly_take_lost(r), 2 * KG_REASSEMBLY_FRAGMENTS);
	kg_reassembly_destroy(r);
	expect_no_leak();
}

/* Pieces of another cut of the same datagram overlap: nothing comes of them but a count. */
static void overlaps_are_refused(void **state)
{
	struct kg_reassembly *r = kg_reassembly_create();
	struct rte_mbuf *a[KG_FRAGMENTS_MAX], *b[KG_FRAGMENTS_MAX], *whole;

	assert_int_equal(cut(false, 5, 1400, 800, a), 2);
	assert_int_equal(cut(false, 5, 1400, 1000, b), 2);
	assert_null(take(r, b[0], NOW_US));
	whole = take(r, a[1], NOW_US);
	assert_null(whole);
	rte_pktmbuf_free(a[0]);
	rte_pktmbuf_free(b[1]);
	kg_reassembly_expire(r, NOW_US + 2 * KG_REASSEMBLY_WAIT_US);
	assert_int_equal(kg_reassembly_take_lost(r), 2);
	kg_reassembly_destroy(r);
	expect_no_leak();
}

static void later_fragments_follow_their_first(void **state)
{
	struct kg_reassembly *r = kg_reassembly_create();
	struct rte_mbuf *pieces[KG_FRAGMENTS_MAX];
	struct kg_frame first, later;

	cut(false, 9, 1400, 800, pieces);
	first = parse(pieces[0], 0);
	later = parse(pieces[1], 0);
	assert_true(first.first);
	assert_false(later.first);
	assert_false(kg_reassembly_expects(r, &later));
	kg_reassembly_note(r, &first, true);
	assert_true(kg_reassembly_expects(r, &later));
	later.datagram_id++;
	assert_false(kg_reassembly_expects(r, &later));
	later.datagram_id--;
	kg_reassembly_note(r, &first, false);
	assert_false(kg_reassembly_expects(r, &later));
	rte_pktmbuf_free_bulk(pieces, 2);
	kg_reassembly_destroy(r);
	expect_no_leak();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_cut_comes_together_in_any_order),
		cmocka_unit_test(an_unfinished_one_is_given_up),
		cmocka_unit_test(a_flood_has_its_share),
		cmocka_unit_test(overlaps_are_refused),
		cmocka_unit_test(later_fragments_follow_their_first),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
