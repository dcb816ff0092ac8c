/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks netlink for interfaces and DPDK for NICs, and logs what differs from a second ago. */
#include "control/internal.h"
#include "log.h"
#include "netlink/link.h"
#include "start/claims.h"

#include <errno.h>
#include <stdlib.h>

/* One of the two interfaces of a port. */
struct iface {
	const struct kg_box_port *port;
	const char *what; /* "interface" or "TAP" */
	char name[IF_NAMESIZE];
	unsigned int ifindex; /* 0: Linux has none, ask the NIC */
	bool is_tap;
	enum kg_link_state state;
};

struct kg_control_ports {
	struct kg_loop_source source;
	const struct kg_box *box;
	struct kg_nl nl;
	unsigned int count;
	struct iface ifaces[2 * KG_CONFIG_PORTS_MAX];
};

static void add_port(struct kg_control_ports *w, const struct kg_box_port *port)
{
	struct iface *under = &w->ifaces[w->count++], *tap = &w->ifaces[w->count++];

	*under = (struct iface){ .port = port, .what = "NIC" };
	snprintf(under->name, sizeof(under->name), "%s", port->config->device);
	if (kg_device_interface(port->config->device, under->name)) {
		under->what = "interface";
		under->ifindex = if_nametoindex(under->name);
	}
	*tap = (struct iface){ .port = port, .what = "TAP", .is_tap = true };
	tap->ifindex = kg_exception_ifindex(port->tap);
	snprintf(tap->name, sizeof(tap->name), "%s", port->config->tap);
}

static enum kg_link_state ask_nic(const struct kg_nic *nic)
{
	if (kg_nic_is_gone(nic))
		return KG_LINK_GONE;
	return kg_nic_has_link(nic) ? KG_LINK_UP : KG_LINK_NO_CARRIER;
}

static enum kg_link_state ask(struct kg_control_ports *w, const struct iface *iface)
{
	enum kg_link_state state;

	if (iface->ifindex == 0)
		return ask_nic(&iface->port->nic);
	/* A kernel that is short of memory says nothing of the interface. */
	if (kg_link_get_state(&w->nl, iface->ifindex, &state) != 0)
		return iface->state;
	return state;
}

static void restore(const struct kg_control_ports *w, const struct iface *iface)
{
	char error[256];

	if (!kg_box_restore_tap(w->box, iface->port, error, sizeof(error)))
		KG_LOG(WARNING, "port %s: %s\n", iface->port->config->name, error);
}

static void tell(const struct iface *iface)
{
	const char *port = iface->port->config->name;

	switch (iface->state) {
	case KG_LINK_UP:
		KG_LOG(NOTICE, "port %s: %s %s is up again\n", port, iface->what, iface->name);
		break;
	case KG_LINK_NO_CARRIER:
		KG_LOG(WARNING, "port %s: %s %s has no carrier, nothing passes\n", port,
		       iface->what, iface->name);
		break;
	case KG_LINK_DOWN:
		KG_LOG(WARNING, "port %s: %s %s is down, nothing passes until it is set up\n", port,
		       iface->what, iface->name);
		break;
	case KG_LINK_GONE:
		KG_LOG(ERR, "port %s: %s %s has gone, so the box ends\n", port, iface->what,
		       iface->name);
		break;
	}
}

/* False when something has gone for good. */
static bool look(struct kg_control_ports *w)
{
	for (unsigned int i = 0; i < w->count; i++) {
		struct iface *iface = &w->ifaces[i];
		enum kg_link_state before = iface->state;

		iface->state = ask(w, iface);
		if (iface->state == before)
			continue;
		tell(iface);
		if (iface->state == KG_LINK_GONE)
			return false;
		if (iface->is_tap && iface->state == KG_LINK_UP)
			restore(w, iface);
	}
	return true;
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_control_ports *w = KG_CONTAINER_OF(source, struct kg_control_ports, source);

	source->due_us = now_us + KG_CONTROL_TICK_US;
	if (!look(w))
		kg_loop_end(source->loop, false);
}

struct kg_control_ports *kg_control_ports_create(struct kg_loop *loop, struct kg_box *box)
{
	struct kg_control_ports *w = calloc(1, sizeof(*w));
	int rc;

	if (w == NULL)
		return NULL;
	w->box = box;
	w->source = (struct kg_loop_source){ .fd = -1, .serve = serve };
	for (unsigned int i = 0; i < box->port_count; i++)
		add_port(w, &box->ports[i]);
	rc = kg_nl_open(&w->nl);
	if (rc == 0) {
		kg_loop_add(loop, &w->source);
		return w;
	}
	free(w);
	errno = -rc;
	return NULL;
}

void kg_control_ports_destroy(struct kg_control_ports *w)
{
	if (w == NULL)
		return;
	kg_loop_remove(&w->source);
	kg_nl_close(&w->nl);
	free(w);
}
