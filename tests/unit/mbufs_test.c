/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools for ports keep to what the AF_XDP driver shows the kernel. */
#include "nic/mbufs.h"

#include "base/base.h"

#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_mempool.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT 2000
#define PRIV  64

static struct rte_mbuf *taken[2 * COUNT];

/* How many mbufs the pool hands out, and how many of them lie where the driver does not look. */
static unsigned int drain(struct rte_mempool *pool, unsigned int *beyond)
{
	const char *begin = STAILQ_FIRST(&pool->mem_list)->addr;
	size_t each = rte_mempool_calc_obj_size(pool->elt_size, pool->flags, NULL);
	unsigned int count = 0;

	*beyond = 0;
	while (count < KG_ARRAY_SIZE(taken) && (taken[count] = rte_pktmbuf_alloc(pool)) != NULL) {
		const char *at = (const char *)taken[count] - pool->header_size;

		*beyond += at < begin || at + each > begin + pool->populated_size * each;
		count++;
	}
	rte_pktmbuf_free_bulk(taken, count);
	return count;
}

static void all_mbufs_are_known(void **state)
{
	struct rte_mempool *pool = kg_nic_mbufs_create("known", COUNT, 0, PRIV, 1500);
	unsigned int beyond;

	assert_non_null(pool);
	assert_true(drain(pool, &beyond) >= COUNT);
	assert_int_equal(beyond, 0);
	assert_true(rte_pktmbuf_data_room_size(pool) >= RTE_MBUF_DEFAULT_BUF_SIZE);
	rte_mempool_free(pool);
}

/* Or else the file is not needed any more. */
static void an_ordinary_pool_goes_beyond(void **state)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		"plain", COUNT, 0, PRIV, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	unsigned int beyond;

	assert_non_null(pool);
	assert_int_equal(drain(pool, &beyond), COUNT);
	assert_true(beyond > COUNT / 4);
	rte_mempool_free(pool);
}

/* A whole frame lies in one mbuf, whatever the MTU; where that is the usual one nothing is wasted.
 */
static void frames_of_the_mtu_fit(void **state)
{
	static const uint16_t mtus[] = { 576, 1500, 2100, 9000, 9600 };

	for (size_t i = 0; i < KG_ARRAY_SIZE(mtus); i++) {
		struct rte_mempool *pool = kg_nic_mbufs_create("mtu", 500, 0, PRIV, mtus[i]);
		size_t bytes = kg_nic_mbuf_bytes(PRIV, mtus[i]);
		unsigned int beyond;

		assert_non_null(pool);
		assert_true(rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM >=
			    mtus[i] + RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN);
		assert_true(bytes >= rte_pktmbuf_data_room_size(pool) + (size_t)PRIV);
		assert_true(bytes < mtus[i] + (size_t)2 * 4096);
		assert_true(drain(pool, &beyond) >= 500);
		assert_int_equal(beyond, 0);
		rte_mempool_free(pool);
	}
}

/* What AF_XDP can take at all it can take from these pools. */
static void a_page_is_enough_for_what_fits(void **state)
{
	assert_true(kg_nic_mbuf_bytes(PRIV, 1500) <= 4096);
	assert_true(kg_nic_mbuf_bytes(PRIV, 3400) <= 4096);
	assert_true(kg_nic_mbuf_bytes(PRIV, 4000) > 4096);
}

static void too_many_are_refused(void **state)
{
	assert_null(kg_nic_mbufs_create("many", 1000000, 0, PRIV, 1500));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_mbufs_are_known),
		cmocka_unit_test(an_ordinary_pool_goes_beyond),
		cmocka_unit_test(frames_of_the_mtu_fit),
		cmocka_unit_test(a_page_is_enough_for_what_fits),
		cmocka_unit_test(too_many_are_refused),
	};
	static char *eal[] = { "mbufs_test",     "--no-huge", "--no-shconf", "--no-pci",
			       "--no-telemetry", "-m",        "64",          "--log-level=error" };

	if (rte_eal_init(KG_ARRAY_SIZE(eal), eal) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
