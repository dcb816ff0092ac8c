/* SPDX-License-Identifier: BSD-3-Clause */
/* Follows the kernel's next hops of peers and publishes them to all workers. */
#include "control/internal.h"

#include "log.h"
#include "netlink/nexthop.h"
#include "nexthops.h"

#include <stdlib.h>

struct kg_control_nexthops {
	struct kg_loop_source source;
	struct kg_box *box;
	struct kg_nexthop_watch *watch;
};

static bool post_all(struct kg_box *box, struct kg_mail *mail)
{
	bool taken = true;

	for (unsigned int w = 0; w < box->worker_count; w++)
		taken &= kg_box_post(box, w, mail);
	return taken;
}

static bool publish(void *ctx, const struct kg_nexthop *nexthop)
{
	struct kg_control_nexthops *nexthops = ctx;
	struct kg_mail mail = { .type = KG_MAIL_NEXTHOP, .nexthop = *nexthop };
	char text[KG_IP_TEXT_BYTES];

	KG_LOG(DEBUG, "next hop of %s: state %d\n", kg_ip_text(&nexthop->peer, text),
	       nexthop->state);
	return post_all(nexthops->box, &mail); /* else it is offered again */
}

/* Whoever can make up peers must not fill our memory: the oldest is forgotten, and asked for anew
 * if it is in use. False: it stays, for a worker's mailbox is full. */
static bool make_room(struct kg_control_nexthops *nexthops)
{
	const struct kg_ip *oldest = kg_nexthop_watch_oldest(nexthops->watch);
	struct kg_mail mail = { .type = KG_MAIL_FORGET_NEXTHOP };

	mail.nexthop.peer = *oldest;
	if (!post_all(nexthops->box, &mail))
		return false;
	kg_nexthop_watch_forget(nexthops->watch, &mail.nexthop.peer);
	return true;
}

/* A question that cannot be served now is asked again. */
void kg_control_nexthops_resolve(struct kg_control_nexthops *nexthops, const struct kg_ip *peer)
{
	if (kg_nexthop_watch_count(nexthops->watch) < KG_NEXTHOPS_MAX || make_room(nexthops))
		kg_nexthop_watch_resolve(nexthops->watch, peer);
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_control_nexthops *nexthops =
		KG_CONTAINER_OF(source, struct kg_control_nexthops, source);

	kg_nexthop_watch_input(nexthops->watch);
	if (now_us < source->due_us)
		return;
	kg_nexthop_watch_tick(nexthops->watch, now_us);
	source->due_us = now_us + KG_CONTROL_TICK_US;
}

/* ---- life ---- */

static struct kg_nexthop_watch *watch_ports(struct kg_control_nexthops *nexthops)
{
	struct kg_nexthop_port ports[KG_CONFIG_PORTS_MAX];

	for (unsigned int i = 0; i < nexthops->box->port_count; i++) {
		const struct kg_box_port *port = &nexthops->box->ports[i];

		ports[i] = (struct kg_nexthop_port){
			.ifindex = kg_exception_ifindex(port->tap),
			.mac = port->nic.mac,
			.vlan = port->config->vlan,
		};
	}
	return kg_nexthop_watch_create(ports, nexthops->box->port_count, publish, nexthops);
}

struct kg_control_nexthops *kg_control_nexthops_create(struct kg_loop *loop, struct kg_box *box)
{
	struct kg_control_nexthops *nexthops = calloc(1, sizeof(*nexthops));

	if (nexthops == NULL)
		return NULL;
	nexthops->box = box;
	nexthops->source = (struct kg_loop_source){ .fd = -1, .serve = serve };
	nexthops->watch = watch_ports(nexthops);
	if (nexthops->watch != NULL) {
		nexthops->source.fd = kg_nexthop_watch_fd(nexthops->watch);
		if (kg_loop_add(loop, &nexthops->source))
			return nexthops;
	}
	kg_control_nexthops_destroy(nexthops);
	return NULL;
}

void kg_control_nexthops_destroy(struct kg_control_nexthops *nexthops)
{
	if (nexthops == NULL)
		return;
	kg_loop_remove(&nexthops->source);
	if (nexthops->watch != NULL)
		kg_nexthop_watch_destroy(nexthops->watch);
	free(nexthops);
}
