/* SPDX-License-Identifier: BSD-3-Clause */
/* Group set-up and tear-down of tests that need DPDK's memory: EAL without hugepages, files or
 * devices. */
#pragma once

#include "base/base.h"

#include <rte_eal.h>

static inline int bare_eal_init(void **state)
{
	static char *args[] = { "test",           "--no-huge", "--no-shconf", "--no-pci",
				"--no-telemetry", "-m64",      "-l0",         "--log-level=error" };

	return rte_eal_init(KG_ARRAY_SIZE(args), args) < 0 ? -1 : 0;
}

static inline int bare_eal_fini(void **state)
{
	return rte_eal_cleanup();
}
