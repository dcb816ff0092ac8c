/* SPDX-License-Identifier: BSD-3-Clause */
/* The MTU of DPDK ports. */
#pragma once

#include <rte_ethdev.h>

/* After the port was configured, before its queues. 0, or -errno: it does not take such frames. A
 * driver that cannot be told is believed to. */
int kg_nic_set_mtu(uint16_t port_id, const struct rte_eth_dev_info *info, uint16_t mtu);
