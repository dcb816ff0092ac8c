/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Has a flow's socket toward a UDP application. A client tunnel has one socket per listening
 * address and tells flows apart by source (and by the local address they came to, from which the
 * answers leave); a server tunnel has one connected socket per flow. Datagrams wait for the
 * worker's first answer, and a moment for room in an application's socket (udp_hold.c): without
 * credit, room or buffer they are dropped and counted.
 */
#include "payload/internal.h"

#include <unistd.h>

#define PORT_DRAWS 32 /* sockets opened at most to get a local port that suits */

bool kg_udp_create(struct kg_payload *p)
{
	p->udp_rx = kg_udp_rx_create();
	p->udp_tx = kg_udp_tx_create();
	p->udp_sources = kg_udp_sources_create(p->config.count);
	p->udp_loss = kg_udp_loss_create();
	p->udp_doubt = kg_udp_doubt_create();
	kg_udp_holds_init(&p->udp_holds);
	return p->udp_rx != NULL && p->udp_tx != NULL && p->udp_sources != NULL &&
	       p->udp_loss != NULL && p->udp_doubt != NULL;
}

void kg_udp_destroy(struct kg_payload *p)
{
	kg_udp_rx_destroy(p->udp_rx);
	kg_udp_tx_destroy(p->udp_tx);
	kg_udp_sources_destroy(p->udp_sources);
	kg_udp_loss_destroy(p->udp_loss);
	kg_udp_doubt_destroy(p->udp_doubt);
}

/* A server's socket is connected: all it receives is the flow's. */
static struct kg_flow *whose(struct kg_payload *p, struct kg_source *source, struct msghdr *msg)
{
	return KG_CONTAINER_OF(source, struct kg_flow, source);
}

static enum kg_served serve(struct kg_payload *p, struct kg_source *source)
{
	struct kg_flow *flow = KG_CONTAINER_OF(source, struct kg_flow, source);

	return kg_udp_receive(p, source, flow->tunnel, whose);
}

/* Is the flow's local port one that says which worker it belongs to? */
static bool names_worker(const struct kg_payload *p, const struct kg_flow *flow)
{
	return flow->tuple.local.port % p->config.link_count ==
	       (unsigned int)(flow->link - p->links);
}

/*
 * Returns a connected socket, or -errno. Any worker may receive the flow's datagrams, and its local
 * port tells it whose they are. So sockets are opened until a port fits; a flow that gets none in
 * PORT_DRAWS stays with Linux.
 */
static int connect_socket(const struct kg_payload *p, struct kg_flow *flow)
{
	const struct kg_endpoint *to = &flow->destination;
	const char *vrf = flow->tunnel->app->vrf_egress;
	bool in_progress;
	int fd = kg_socket_dial(to, SOCK_DGRAM, vrf, &in_progress);

	/* To this machine there is no way past Linux. */
	if (!flow->tunnel->app->fast_path || kg_ip_is_loopback(&to->ip))
		return fd;
	flow->tuple.remote = *to;
	for (int draw = 1; fd >= 0 && kg_socket_local(fd, &flow->tuple.local); draw++) {
		if (names_worker(p, flow) || draw == PORT_DRAWS)
			break;
		close(fd);
		fd = kg_socket_dial(to, SOCK_DGRAM, vrf, &in_progress);
	}
	return fd;
}

static void dial(struct kg_payload *p, struct kg_flow *flow)
{
	int fd = connect_socket(p, flow), error = fd;

	if (fd >= 0) {
		flow->source.serve = serve;
		error = kg_flow_open_socket(p, flow, fd, EPOLLIN);
		if (error < 0)
			close(fd);
	}
	if (error < 0) {
		kg_flow_refuse(p, flow, -error);
		return;
	}
	kg_count(&p->stats.udp_flows, 1);
	kg_flow_connected(p, flow);
}

/* The datagrams that came before the worker's answer. */
static void resume(struct kg_payload *p, struct kg_flow *flow)
{
	while (flow->hold == NULL && flow->queue != NULL) {
		uint32_t segments;
		struct kg_buf *chain = kg_flow_dequeue_chain(flow, &segments);

		kg_udp_post(p, flow, chain, segments);
	}
}

static void output(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain)
{
	if (!kg_udp_hold(p, flow, chain))
		kg_udp_send(p, flow, chain);
}

/* Datagrams know no end. */
static void end_output(struct kg_payload *p, struct kg_flow *flow)
{
	(void)p;
	(void)flow;
}

static void finish(struct kg_payload *p, struct kg_flow *flow, bool reset)
{
	kg_flow_end(p, flow, reset);
}

static void close_flow(struct kg_payload *p, struct kg_flow *flow, bool reset)
{
	(void)reset;
	kg_udp_hold_end(p, flow);
	kg_udp_flush(p); /* it may have datagrams in the batch */
	kg_udp_loss_forget(p, flow);
	if (flow->listener != NULL)
		kg_udp_sources_remove(p->udp_sources, flow);
	kg_flow_close_socket(p, flow);
}

const struct kg_flow_ops kg_udp_ops = {
	.dial = dial,
	.output = output,
	.resume = resume,
	.end_output = end_output,
	.finish = finish,
	.close = close_flow,
};
