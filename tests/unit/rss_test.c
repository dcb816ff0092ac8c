/* SPDX-License-Identifier: BSD-3-Clause */
/* Which queue a datagram arrives on: the hash by its published vectors, the table by a device. */
#include "nic/nic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <rte_eal.h>

#define QUEUES 3

/* Key and hashes: "Verifying the RSS hash calculation", Microsoft's NDIS documentation. */
static const uint32_t key[KG_RSS_KEY_WORDS] = {
	0x6d5a56da, 0x255b0ec2, 0x4167253d, 0x43a38fb0, 0xd0ca2bcb,
	0xae7b30b4, 0x77cb2da3, 0x8030f20c, 0x6a42b73b, 0xbeac01fa,
};
static const struct {
	const char *source, *destination;
	uint16_t source_port, destination_port;
	uint32_t hash;
} vectors[] = {
	{ "66.9.149.187", "161.142.100.80", 2794, 1766, 0x51ccc178 },
	{ "199.92.111.2", "65.69.140.83", 14230, 4739, 0xc626b0ea },
	{ "24.19.198.95", "12.22.207.184", 12898, 38024, 0x5c2b394a },
	{ "38.27.205.30", "209.142.163.6", 48228, 2217, 0xafc7327f },
	{ "153.39.163.191", "202.188.127.2", 44251, 1303, 0x10e828a2 },
	{ "3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766, 0x40207d3d },
	{ "3ffe:501:8::260:97ff:fe40:efab", "ff02::1", 14230, 4739, 0xdde51bbf },
	{ "3ffe:1900:4545:3:200:f8ff:fe21:67cf", "fe80::200:f8ff:fe21:67cf", 44251, 38024,
	  0x02d1feef },
};

static struct kg_endpoint endpoint(const char *ip, uint16_t port)
{
	struct kg_endpoint ep = { .port = port };

	assert_true(kg_ip_parse(&ep.ip, ip));
	return ep;
}

static void test_published_vectors(void **state)
{
	struct kg_rss rss;

	(void)state;
	memcpy(rss.key, key, sizeof(key));
	for (size_t i = 0; i < KG_ARRAY_SIZE(vectors); i++) {
		struct kg_endpoint source = endpoint(vectors[i].source, vectors[i].source_port);
		struct kg_endpoint destination =
			endpoint(vectors[i].destination, vectors[i].destination_port);

		assert_int_equal(kg_rss_hash(&rss, &source, &destination), vectors[i].hash);
	}
}

/* The low bits of the hash choose the entry. */
static void test_table(void **state)
{
	static struct kg_rss rss = { .hash = RTE_ETH_RSS_NONFRAG_IPV4_UDP, .reta_size = 128 };
	struct kg_endpoint source = endpoint("66.9.149.187", 2794);
	struct kg_endpoint destination = endpoint("161.142.100.80", 1766);
	uint16_t queue;

	(void)state;
	memcpy(rss.key, key, sizeof(key));
	rss.reta[0x78] = 5; /* 0x51ccc178 */
	assert_true(kg_rss_queue_of(&rss, &source, &destination, &queue));
	assert_int_equal(queue, 5);
	rss.reta_size = 64;
	rss.reta[0x38] = 6;
	assert_true(kg_rss_queue_of(&rss, &source, &destination, &queue));
	assert_int_equal(queue, 6);
}

static void test_what_is_not_known(void **state)
{
	static struct kg_rss rss = { .hash = RTE_ETH_RSS_NONFRAG_IPV4_UDP, .reta_size = 128 };
	struct kg_endpoint v4 = endpoint("198.18.0.1", 1), v6 = endpoint("fd00:18::1", 1);
	uint16_t queue;

	(void)state;
	memcpy(rss.key, key, sizeof(key));
	assert_true(kg_rss_queue_of(&rss, &v4, &v4, &queue));
	assert_false(kg_rss_queue_of(&rss, &v6, &v6, &queue));
	rss.hash = RTE_ETH_RSS_IPV4;
	assert_false(kg_rss_queue_of(&rss, &v4, &v4, &queue));
	rss.hash = RTE_ETH_RSS_NONFRAG_IPV4_UDP;
	rss.reta_size = 0;
	assert_false(kg_rss_queue_of(&rss, &v4, &v4, &queue));
}

/* DPDK's null device has key and table, though nothing ever arrives. */
static void start(struct kg_nic *nic, uint16_t queues, struct rte_mempool *pool)
{
	struct kg_nic_params params = {
		.device = "net_null0", .queues = queues, .mtu = 1500, .mempool = pool
	};
	char error[256];

	if (!kg_nic_start(nic, &params, error, sizeof(error)))
		fail_msg("%s", error);
}

static void test_a_device(void **state)
{
	struct kg_endpoint far = endpoint("198.18.0.2", 3000), near = endpoint("198.18.0.1", 0);
	struct rte_mempool *pool = rte_pktmbuf_pool_create("mbufs", 4095, 0, 0, 2048, 0);
	unsigned int entries[QUEUES] = { 0 }, arrivals[QUEUES] = { 0 };
	struct kg_nic nic;
	uint16_t queue;

	(void)state;
	assert_non_null(pool);
	start(&nic, QUEUES, pool);
	assert_string_equal(kg_rss_text(&nic.rss), "RSS on UDP ports");
	for (uint16_t i = 0; i < nic.rss.reta_size; i++)
		entries[nic.rss.reta[i]]++;
	for (uint16_t q = 0; q < QUEUES; q++)
		assert_in_range(entries[q], nic.rss.reta_size / QUEUES,
				nic.rss.reta_size / QUEUES + 1u);
	for (near.port = 16384; near.port < 16384 + 300; near.port++) {
		assert_true(kg_rss_queue_of(&nic.rss, &far, &near, &queue));
		arrivals[queue]++;
	}
	for (uint16_t q = 0; q < QUEUES; q++)
		assert_in_range(arrivals[q], 50, 150);
	kg_nic_stop(&nic);
	rte_mempool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_vectors),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_what_is_not_known),
		cmocka_unit_test(test_a_device),
	};
	static char *eal[] = { "rss_test", "--no-huge",        "--no-shconf",
			       "--no-pci", "--no-telemetry",   "-m64",
			       "-l0",      "--vdev=net_null0", "--log-level=error" };

	if (rte_eal_init(KG_ARRAY_SIZE(eal), eal) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
