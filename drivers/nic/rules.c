/* SPDX-License-Identifier: BSD-3-Clause */
/* Gives a NIC rules that bring ports to queues: all of them, or none. */
#include "nic/rules.h"

#include <rte_flow.h>
#include <stdio.h>

/* Tables for exact matches have a few thousand entries in most NICs. */
#define RULES_MAX 2048
#define VLAN_MASK 0x0fff /* the identifier, not the priority */

struct maker {
	const struct kg_nic *nic;
	uint16_t vlan;
	bool blocks; /* one rule per aligned block of ports, or else one per port */
	unsigned int rules;
	struct rte_flow_error error;
};

uint32_t kg_nic_rule_block(uint16_t first, uint16_t last)
{
	uint32_t ports = 1;

	while ((first & ports) == 0 && first + 2 * ports - 1 <= last)
		ports *= 2;
	return ports;
}

/* From `port` on as many ports as the block has. */
static bool make_rule(struct maker *maker, const struct kg_nic_rule *rule, uint16_t port,
		      uint32_t block)
{
	const struct rte_flow_attr attr = { .ingress = 1 };
	const struct rte_flow_item_vlan vlan = { .tci = rte_cpu_to_be_16(maker->vlan) };
	const struct rte_flow_item_vlan vlan_mask = { .tci = RTE_BE16(VLAN_MASK) };
	const struct rte_flow_item_udp udp = { .hdr.dst_port = rte_cpu_to_be_16(port) };
	const struct rte_flow_item_udp udp_mask = {
		.hdr.dst_port = rte_cpu_to_be_16((uint16_t) ~(block - 1)),
	};
	const struct rte_flow_action_queue queue = { .index = rule->queue };
	const struct rte_flow_item pattern[] = {
		{ .type = RTE_FLOW_ITEM_TYPE_ETH },
		{ .type = maker->vlan != 0 ? RTE_FLOW_ITEM_TYPE_VLAN : RTE_FLOW_ITEM_TYPE_VOID,
		  .spec = maker->vlan != 0 ? &vlan : NULL,
		  .mask = maker->vlan != 0 ? &vlan_mask : NULL },
		{ .type = rule->version == 4 ? RTE_FLOW_ITEM_TYPE_IPV4 : RTE_FLOW_ITEM_TYPE_IPV6 },
		{ .type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &udp, .mask = &udp_mask },
		{ .type = RTE_FLOW_ITEM_TYPE_END },
	};
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	uint16_t port_id = maker->nic->port_id;

	return ++maker->rules <= RULES_MAX &&
	       rte_flow_validate(port_id, &attr, pattern, actions, &maker->error) == 0 &&
	       rte_flow_create(port_id, &attr, pattern, actions, &maker->error) != NULL;
}

static bool make_rules(struct maker *maker, const struct kg_nic_rule *rule)
{
	uint32_t port = rule->first;

	while (port <= rule->last) {
		uint32_t block = maker->blocks ? kg_nic_rule_block((uint16_t)port, rule->last) : 1;

		if (!make_rule(maker, rule, (uint16_t)port, block))
			return false;
		port += block;
	}
	return true;
}

void kg_nic_clear_rules(const struct kg_nic *nic)
{
	rte_flow_flush(nic->port_id, NULL);
}

static bool make_all(struct maker *maker, const struct kg_nic_rule *rules, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (!make_rules(maker, &rules[i])) {
			kg_nic_clear_rules(maker->nic);
			return false;
		}
	}
	return true;
}

bool kg_nic_set_rules(const struct kg_nic *nic, uint16_t vlan, const struct kg_nic_rule *rules,
		      unsigned int count, char *error, size_t error_bytes)
{
	struct maker by_blocks = { .nic = nic, .vlan = vlan, .blocks = true };
	struct maker by_ports = { .nic = nic, .vlan = vlan };
	bool made;

	kg_nic_clear_rules(nic);
	made = make_all(&by_blocks, rules, count) || make_all(&by_ports, rules, count);
	if (made)
		return true;
	if (by_ports.rules > RULES_MAX)
		snprintf(error, error_bytes, "more than %d rules", RULES_MAX);
	else
		snprintf(error, error_bytes, "%s",
			 by_ports.error.message != NULL ? by_ports.error.message
							: "no reason given");
	return false;
}
