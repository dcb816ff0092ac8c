/* SPDX-License-Identifier: BSD-3-Clause */
/* Received mbufs as payload buffers: so many, with what they brought, and back in their pool. */
#include "carried.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "bare_eal.h"
#include "pkt.h"

#define MBUFS (KG_CARRIED_MAX + 64)
#define AT    51 /* an application's datagram behind headers */

static struct rte_mempool *pool;
static struct kg_carried carried;

static int begin(void **state)
{
	pool = rte_pktmbuf_pool_create("carried", MBUFS, 0, KG_PKT_PRIV_BYTES,
				       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	kg_carried_init(&carried);
	return pool != NULL ? 0 : -1;
}

static int finish(void **state)
{
	bool whole = rte_mempool_full(pool);

	rte_mempool_free(pool);
	return whole ? 0 : -1;
}

static struct rte_mbuf *received(const char *text)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	m->data_len = AT + 100;
	m->pkt_len = m->data_len;
	strcpy(rte_pktmbuf_mtod_offset(m, char *, AT), text);
	m->ol_flags = RTE_MBUF_F_RX_VLAN;
	m->vlan_tci = 7;
	return m;
}

static struct kg_buf *carry(struct rte_mbuf *m, uint16_t len)
{
	return kg_carry(&carried, m, rte_pktmbuf_mtod_offset(m, uint8_t *, AT), len);
}

static void it_is_where_it_came_in(void **state)
{
	struct rte_mbuf *m = received("what came");
	struct kg_buf *buf = carry(m, 9);

	assert_ptr_equal(buf->data, rte_pktmbuf_mtod_offset(m, uint8_t *, AT));
	assert_int_equal(kg_buf_chain_len(buf), 9);
	assert_memory_equal(buf->data, "what came", 9);
	assert_int_equal(kg_buf_chain_count(buf), 1);
	kg_buf_free_chain(buf);
}

/* And those that came back may be carried again. */
static void so_many_and_no_more(void **state)
{
	static struct kg_buf *bufs[KG_CARRIED_MAX];
	struct rte_mbuf *m;

	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < KG_CARRIED_MAX; i++)
			bufs[i] = carry(received("x"), 1);
		m = received("one more");
		assert_null(carry(m, 8));
		assert_memory_equal(rte_pktmbuf_mtod_offset(m, char *, AT), "one more", 8);
		kg_buf_free(bufs[0]);
		bufs[0] = carry(m, 8);
		assert_non_null(bufs[0]);
		for (unsigned int i = 0; i < KG_CARRIED_MAX; i++)
			kg_buf_free(bufs[i]);
	}
}

/* What is in two pieces is copied. */
static void one_of_several_segments_is_not_carried(void **state)
{
	struct rte_mbuf *m = received("front");

	assert_int_equal(rte_pktmbuf_chain(m, received("back")), 0);
	assert_null(carry(m, 5));
	rte_pktmbuf_free(m);
}

static void it_leaves_in_the_mbuf_it_came_in(void **state)
{
	struct rte_mbuf *m = received("forwarded"), *out;

	out = kg_carried_take(carry(m, 9));
	assert_ptr_equal(out, m);
	assert_int_equal(rte_pktmbuf_pkt_len(out), 9);
	assert_int_equal(rte_pktmbuf_data_len(out), 9);
	assert_memory_equal(rte_pktmbuf_mtod(out, char *), "forwarded", 9);
	assert_true(rte_pktmbuf_headroom(out) >= RTE_PKTMBUF_HEADROOM);
	assert_true(out->ol_flags == 0 && out->vlan_tci == 0);
	assert_int_equal(carried.out, atomic_load(&carried.back));
	rte_pktmbuf_free(out);
}

static void others_are_not_taken_for_carried_ones(void **state)
{
	struct kg_buf_malloc_pool other;
	struct kg_buf *buf, *two;

	kg_buf_malloc_pool_init(&other, 2);
	buf = kg_buf_alloc(&other.pool, 10);
	assert_null(kg_carried_take(buf));
	two = carry(received("first of two"), 12);
	two->next = buf;
	assert_null(kg_carried_take(two));
	kg_buf_free_chain(two);
	assert_int_equal(other.in_use, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_where_it_came_in, begin, finish),
		cmocka_unit_test_setup_teardown(so_many_and_no_more, begin, finish),
		cmocka_unit_test_setup_teardown(one_of_several_segments_is_not_carried, begin,
						finish),
		cmocka_unit_test_setup_teardown(it_leaves_in_the_mbuf_it_came_in, begin, finish),
		cmocka_unit_test_setup_teardown(others_are_not_taken_for_carried_ones, begin,
						finish),
	};

	return cmocka_run_group_tests(tests, bare_eal_init, bare_eal_fini);
}
