/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Puts rules into NICs that bring each worker of a server what is sent to its share of the listen
 * ports. Handshakes answer with the share of the worker that will own the channel, and clients go
 * there.
 */
#include "box/internal.h"

#include "log.h"
#include "nic/rules.h"

#include <stdlib.h>

struct kg_port_range kg_box_announced_ports(const struct kg_box *box,
					    const struct kg_box_tunnel *tunnel, unsigned int worker)
{
	const struct kg_wire_end *wire = &tunnel->config->wire;

	if (wire->role != KG_ROLE_SERVER || wire->port_count != 1)
		return (struct kg_port_range){ 0, 0 };
	if (!tunnel->has_rules)
		return wire->ports[0];
	return kg_port_range_share(&wire->ports[0], worker, box->config->worker_count);
}

static unsigned int add_tunnel(const struct kg_box *box, const struct kg_box_tunnel *tunnel,
			       uint8_t version, struct kg_nic_rule *rules)
{
	unsigned int workers = box->config->worker_count;

	for (unsigned int w = 0; w < workers; w++) {
		struct kg_port_range share =
			kg_port_range_share(&tunnel->config->wire.ports[0], w, workers);

		rules[w] = (struct kg_nic_rule){ version, share.first, share.last, (uint16_t)w };
	}
	return workers;
}

static bool has_version(const struct kg_port_config *port, uint8_t version)
{
	for (unsigned int i = 0; i < port->address_count; i++) {
		if (port->addresses[i].ip.version == version)
			return true;
	}
	return false;
}

static bool can_have_rules(const struct kg_box *box, const struct kg_box_tunnel *tunnel)
{
	return kg_wire_has_port_shares(&tunnel->config->wire, box->config->worker_count);
}

/* For one port; `rules` has room for all. `known`: only of tunnels that have had rules. */
static unsigned int collect(const struct kg_box *box, const struct kg_box_port *port, bool known,
			    struct kg_nic_rule *rules)
{
	unsigned int count = 0;

	for (unsigned int t = 0; t < box->tunnels.count; t++) {
		const struct kg_box_tunnel *tunnel = box->tunnels.all[t];

		if (tunnel->resting || !can_have_rules(box, tunnel) ||
		    (known && !tunnel->has_rules))
			continue;
		if (has_version(port->config, 4))
			count += add_tunnel(box, tunnel, 4, rules + count);
		if (has_version(port->config, 6))
			count += add_tunnel(box, tunnel, 6, rules + count);
	}
	return count;
}

/* True when the NIC has them, or there is none to be had. */
static bool try_rules(struct kg_box *box, const struct kg_box_port *port, bool known,
		      struct kg_nic_rule *rules)
{
	unsigned int count = collect(box, port, known, rules);
	char why[128];

	if (kg_nic_set_rules(&port->nic, port->config->vlan, rules, count, why, sizeof(why)))
		return true;
	KG_LOG(WARNING, "port %s: the NIC takes no rules (%s): workers hand over\n",
	       port->config->name, why);
	return false;
}

/* What is refused with a tunnel that has come may be had without it. */
static void set_rules(struct kg_box *box, const struct kg_box_port *port, struct kg_nic_rule *rules)
{
	if (collect(box, port, false, rules) == 0) {
		kg_nic_clear_rules(&port->nic); /* the configuration has been warned about */
		return;
	}
	if (!try_rules(box, port, false, rules)) {
		if (collect(box, port, true, rules) > 0)
			try_rules(box, port, true, rules);
		return;
	}
	KG_LOG(INFO, "port %s: rules bring workers their shares of listen ports\n",
	       port->config->name);
	for (unsigned int t = 0; t < box->tunnels.count; t++) {
		struct kg_box_tunnel *tunnel = box->tunnels.all[t];

		tunnel->has_rules |= can_have_rules(box, tunnel);
	}
}

bool kg_box_renew_rules(struct kg_box *box)
{
	size_t room = 2 * (size_t)box->tunnels.count * box->config->worker_count;
	struct kg_nic_rule *rules = calloc(room + 1, sizeof(*rules));

	if (rules == NULL)
		return false;
	for (unsigned int i = 0; i < box->port_count; i++) {
		if (box->ports[i].config->flow_rules)
			set_rules(box, &box->ports[i], rules);
	}
	free(rules);
	return true;
}

bool kg_box_init_rules(struct kg_box *box, char *error, size_t error_bytes)
{
	if (!kg_box_renew_rules(box))
		FAIL("out of memory");
	return true;
}
