/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds out what applications on this host lose, for want of room or time. */
#include "payload/internal.h"

#include "netlink/udp_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EACH_US      (20ull * KG_US_PER_MS)  /* between two questions */
#define AGAIN_US     (100ull * KG_US_PER_MS) /* of one flow */
#define ELSEWHERE_US (1ull * KG_US_PER_S)    /* of one that Linux knew no receiver of */

struct kg_udp_loss {
	struct kg_nl nl;
	struct kg_flow_list flows; /* to be asked for, in turn */
	uint64_t next_us;
};

struct kg_udp_loss *kg_udp_loss_create(void)
{
	struct kg_udp_loss *loss = calloc(1, sizeof(*loss));

	if (loss == NULL)
		return NULL;
	TAILQ_INIT(&loss->flows);
	(void)kg_nl_open_to(&loss->nl, NETLINK_SOCK_DIAG);
	return loss;
}

void kg_udp_loss_destroy(struct kg_udp_loss *loss)
{
	if (loss != NULL)
		kg_nl_close(&loss->nl);
	free(loss);
}

void kg_udp_loss_suspect(struct kg_payload *p, struct kg_flow *flow)
{
	struct kg_udp_loss *loss = p->udp_loss;

	if (flow->loss_due || loss->nl.socket == NULL)
		return;
	if (flow->elsewhere && p->now_us - flow->asked_us < ELSEWHERE_US)
		return;
	flow->loss_due = true;
	TAILQ_INSERT_TAIL(&loss->flows, flow, loss_link);
}

void kg_udp_loss_forget(struct kg_payload *p, struct kg_flow *flow)
{
	if (flow->loss_due)
		TAILQ_REMOVE(&p->udp_loss->flows, flow, loss_link);
	flow->loss_due = false;
}

uint64_t kg_udp_loss_next_us(const struct kg_payload *p)
{
	const struct kg_udp_loss *loss = p->udp_loss;
	const struct kg_flow *flow = TAILQ_FIRST(&loss->flows);

	return flow == NULL ? KG_NEVER_US : KG_MAX(loss->next_us, flow->asked_us + AGAIN_US);
}

/* Of a listener on any address. */
static struct kg_ip local_ip(const struct kg_udp_peer *peer)
{
	union kg_sockaddr addr = { .any.sa_family = peer->remote.any.sa_family };

	if (addr.any.sa_family == AF_INET)
		memcpy(&addr.in.sin_addr, &peer->local, sizeof(addr.in.sin_addr));
	else
		addr.in6.sin6_addr = peer->local;
	return kg_sockaddr_endpoint(&addr).ip;
}

/* Where the flow's datagrams leave from. */
static bool local_of(const struct kg_flow *flow, struct kg_endpoint *local)
{
	const struct kg_listener *listener = flow->listener;

	if (!kg_socket_local(listener != NULL ? listener->source.fd : flow->source.fd, local))
		return false;
	if (listener != NULL && listener->any)
		local->ip = local_ip(&flow->peer);
	return true;
}

static bool ask(struct kg_udp_loss *loss, const struct kg_flow *flow, struct kg_udp_memory *memory)
{
	struct kg_endpoint local, to = flow->destination;

	if (flow->listener != NULL)
		to = kg_sockaddr_endpoint(&flow->peer.remote);
	return loss->nl.socket != NULL && local_of(flow, &local) &&
	       local.ip.version == to.ip.version &&
	       kg_udp_memory_ask(&loss->nl, &local, &to, memory) == 0;
}

bool kg_udp_loss_ask(struct kg_payload *p, struct kg_flow *flow, struct kg_udp_memory *memory)
{
	flow->elsewhere = !ask(p->udp_loss, flow, memory);
	return !flow->elsewhere;
}

/* What its socket had dropped before the first question may not have been the flow's. */
static void look(struct kg_payload *p, struct kg_flow *flow)
{
	bool first = flow->asked_us == 0;
	struct kg_udp_memory memory = { 0 };
	uint32_t more;

	(void)kg_udp_loss_ask(p, flow, &memory);
	flow->asked_us = p->now_us;
	more = memory.drops - flow->drops;
	flow->drops = memory.drops;
	if (flow->elsewhere || first || more == 0)
		return;
	kg_count(&p->stats.udp_lost_by_receiver, more);
	if (flow->state == KG_FLOW_RUNNING)
		kg_flow_post(p, flow, KG_MSG_LOST);
}

void kg_udp_loss_turn(struct kg_payload *p)
{
	struct kg_udp_loss *loss = p->udp_loss;
	struct kg_flow *flow = TAILQ_FIRST(&loss->flows);

	if (flow == NULL || kg_udp_loss_next_us(p) > p->now_us)
		return;
	kg_udp_loss_forget(p, flow);
	loss->next_us = p->now_us + EACH_US;
	look(p, flow);
}
