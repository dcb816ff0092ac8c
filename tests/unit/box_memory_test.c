/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a box divides its memory: receive rings are long where workers sleep, and mbufs take no more
 * than a third of it all the same.
 */
#include "box/internal.h"

#include "nic/mbufs.h"
#include "pkt.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <rte_eal.h>

#define LITTLE_MB 96  /* netns crowd's */
#define MUCH_MB   256 /* three times what mbufs take, with long rings */

static struct kg_box box;
static char name[] = "divided";

/* Places of each receive ring, which the pool has mbufs for. */
static unsigned int places(enum kg_poll poll, unsigned int memory_mb, size_t *mbuf_bytes)
{
	struct kg_config config = {
		.name = name,
		.poll = poll,
		.memory_mb = memory_mb,
		.worker_count = 1,
		.payload_threads = 1,
		.port_count = 1,
		.ports[0].mtu = 1500,
	};
	char error[256];

	box.config = &config;
	if (!kg_box_init_memory(&box, error, sizeof(error)))
		fail_msg("%s", error);
	*mbuf_bytes = box.mbufs->size *
		      kg_nic_mbuf_bytes(KG_PKT_PRIV_BYTES, (uint16_t)config.ports[0].mtu);
	assert_true(box.mbufs->size > KG_NIC_MBUFS(1u, box.rx_descriptors));
	kg_box_fini_memory(&box);
	box.config = NULL;
	return box.rx_descriptors;
}

static void who_sleeps_has_long_rings(void **state)
{
	size_t bytes, busy_bytes;

	assert_int_equal(places(KG_POLL_ADAPTIVE, MUCH_MB, &bytes), KG_NIC_DESCRIPTORS_LONG);
	assert_true(bytes <= ((size_t)MUCH_MB << 20) / 3);
	assert_int_equal(places(KG_POLL_BUSY, MUCH_MB, &busy_bytes), KG_NIC_DESCRIPTORS);
	assert_true(busy_bytes < bytes);
}

static void short_ones_where_memory_is_little(void **state)
{
	size_t bytes;

	assert_int_equal(places(KG_POLL_ADAPTIVE, LITTLE_MB, &bytes), KG_NIC_DESCRIPTORS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_sleeps_has_long_rings),
		cmocka_unit_test(short_ones_where_memory_is_little),
	};
	static char *eal[] = { "box_memory_test", "--no-huge", "--no-shconf", "--no-pci",
			       "--no-telemetry",  "-m320",     "-l0",         "--log-level=error" };

	if (rte_eal_init(KG_ARRAY_SIZE(eal), eal) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
