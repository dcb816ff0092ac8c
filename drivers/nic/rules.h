/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules by which a NIC brings UDP datagrams to a queue of our choice, whatever their hash says
 * (rte_flow). Control thread, port started.
 */
#pragma once

#include "nic/nic.h"

/* Ports of ours, and the queue on which datagrams to them are to arrive. */
struct kg_nic_rule {
	uint8_t version; /* of IP */
	uint16_t first, last;
	uint16_t queue;
};

/*
 * Instead of those that were there. All or nothing: false with a text in `error` when the device
 * cannot or will not, and then no rule is left. `vlan` as in struct kg_nic_params. The rules end
 * with the port.
 */
bool kg_nic_set_rules(const struct kg_nic *nic, uint16_t vlan, const struct kg_nic_rule *rules,
		      unsigned int count, char *error, size_t error_bytes);

/* None from now on. */
void kg_nic_clear_rules(const struct kg_nic *nic);

/* How many ports from `first` on, up to `last` at most, one value under a mask can stand for. */
uint32_t kg_nic_rule_block(uint16_t first, uint16_t last);
