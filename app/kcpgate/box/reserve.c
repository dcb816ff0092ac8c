/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reserves the UDP ports of tunnels, which Linux must not give to sockets of its own. The kernel
 * has one list for TCP and UDP: where tunnels have nearly all of the ports it chooses from, they
 * are left out of it, lest no program could connect any more, and what comes in there is told apart
 * by conversation (recent.h).
 */
#include "box/internal.h"

#include "config/values.h"
#include "log.h"
#include "udp_ports/linux_ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EPHEMERAL_LEAST 4096 /* ports: fewer are no choice for a busy machine */

/* What servers listen on, what clients choose from. */
static void collect_ranges(const struct kg_box *box, struct kg_port_list *list)
{
	for (unsigned int t = 0; t < box->tunnels.count; t++) {
		const struct kg_box_tunnel *tunnel = box->tunnels.all[t];
		const struct kg_wire_end *wire = &tunnel->config->wire;

		for (unsigned int i = 0; i < wire->port_count; i++)
			kg_port_list_add(list, wire->ports[i].first, wire->ports[i].last);
	}
	kg_port_list_merge(list);
}

/* They are told apart from now on, or no longer. */
static void share(struct kg_box *box, struct kg_port_range ports, unsigned int taken,
		  unsigned int all)
{
	struct kg_port_range before = kg_box_shared_ports(box);

	atomic_store_explicit(&box->shared_ports, ports, memory_order_relaxed);
	if (ports.last == 0 || before.last != 0)
		return;
	KG_LOG(NOTICE,
	       "tunnels have %u of the %u ports %u-%u that Linux gives its own sockets: they share "
	       "them, answers to what Linux has asked by UDP go to Linux\n",
	       taken, all, ports.first, ports.last);
}

static void share_ephemeral(struct kg_box *box, struct kg_port_list *list)
{
	struct kg_port_range linux_ports = kg_ephemeral_ports();
	unsigned int all = linux_ports.last - linux_ports.first + 1u;
	unsigned int taken = kg_port_list_count_in(list, &linux_ports);
	bool crowded = taken > 0 && all - taken < EPHEMERAL_LEAST;

	if (crowded)
		kg_port_list_cut(list, &linux_ports);
	else
		linux_ports = (struct kg_port_range){ 0, 0 };
	share(box, linux_ports, taken, all);
}

static void reserve(struct kg_box *box)
{
	struct kg_port_list list = { 0 };
	int error = 0;

	collect_ranges(box, &list);
	share_ephemeral(box, &list);
	if (box->reserved_ports != NULL)
		error = kg_reserved_ports_change(box->reserved_ports, list.ranges, list.count);
	else
		box->reserved_ports =
			kg_reserved_ports_hold(box->config->name, list.ranges, list.count);
	if (box->reserved_ports == NULL)
		error = -errno;
	free(list.ranges);
	if (error != 0)
		KG_LOG(WARNING,
		       "cannot reserve the tunnels' UDP ports (%s): Linux may use them too\n",
		       strerror(-error));
}

static void ask_linux(struct kg_box *box)
{
	int refreshed = kg_linux_ports_refresh(box);

	if (refreshed < 0)
		KG_LOG(WARNING,
		       "cannot ask Linux for its UDP sockets (%s): services on ports of "
		       "local_ports "
		       "may lose datagrams to channels\n",
		       strerror(-refreshed));
}

void kg_box_renew_reserved(struct kg_box *box)
{
	reserve(box);
	ask_linux(box);
}

bool kg_box_reserve_ports(struct kg_box *box, char *error, size_t error_bytes)
{
	kg_box_renew_reserved(box);
	return true;
}
