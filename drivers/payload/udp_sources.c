/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds who talks to the listening sockets of client tunnels: there is a flow for each source, and
 * for each address that it has written to. Sources are chosen by strangers: the table's hash has a
 * key, and it is full when all its entries are taken, not before. Flows that have not proved their
 * source never take more than half of it: the workers end the oldest (session/proof.c).
 */
#include "memory/keyed_hash.h"
#include "payload/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kg_udp_sources {
	struct rte_hash *flows; /* struct kg_udp_peer -> struct kg_flow */
};

struct kg_udp_sources *kg_udp_sources_create(unsigned int threads)
{
	struct kg_udp_sources *sources = calloc(1, sizeof(*sources));
	char name[RTE_HASH_NAMESIZE];
	const struct rte_hash_parameters params = {
		.name = name,
		.entries = KG_PAYLOAD_SOURCES_MAX / KG_MAX(threads, 1u),
		.key_len = sizeof(struct kg_udp_peer),
		.hash_func = kg_keyed_hash_function(),
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
		.socket_id = SOCKET_ID_ANY,
	};

	if (sources == NULL)
		return NULL;
	snprintf(name, sizeof(name), "kg_udp_%p", (void *)sources);
	sources->flows = rte_hash_create(&params);
	if (sources->flows != NULL)
		return sources;
	free(sources);
	return NULL;
}

void kg_udp_sources_destroy(struct kg_udp_sources *sources)
{
	if (sources == NULL)
		return;
	rte_hash_free(sources->flows);
	free(sources);
}

void kg_udp_sources_remove(struct kg_udp_sources *sources, const struct kg_flow *flow)
{
	rte_hash_del_key(sources->flows, &flow->peer);
}

static void read_local(struct kg_udp_peer *peer, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			peer->local = info.ipi6_addr;
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				peer->local_ifindex = info.ipi6_ifindex;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(&peer->local, &info.ipi_spec_dst, sizeof(info.ipi_spec_dst));
		}
	}
}

/* `peer` as the wire sees it. */
static struct kg_tuple tuple_of(const struct kg_listener *listener, const struct kg_udp_peer *peer)
{
	struct kg_tuple tuple = { .local = listener->at,
				  .remote = kg_sockaddr_endpoint(&peer->remote) };
	union kg_sockaddr local = peer->remote;

	if (!listener->any)
		return tuple;
	if (local.any.sa_family == AF_INET6)
		local.in6.sin6_addr = peer->local;
	else
		memcpy(&local.in.sin_addr, &peer->local, sizeof(local.in.sin_addr));
	tuple.local.ip = kg_sockaddr_endpoint(&local).ip;
	return tuple;
}

static struct kg_flow *new_source(struct kg_payload *p, const struct kg_listener *listener,
				  const struct kg_udp_peer *peer)
{
	struct kg_flow *flow;

	if (!listener->gate->open)
		return NULL;
	flow = kg_flow_create(p, listener->gate, KG_PROTOCOL_UDP);
	if (flow == NULL)
		return NULL;
	flow->peer = *peer;
	if (rte_hash_add_key_data(p->udp_sources->flows, peer, flow) != 0) {
		kg_count(&p->stats.udp_sources_full, 1);
		kg_flow_destroy(p, flow);
		return NULL;
	}
	flow->listener = listener;
	flow->mapped = listener->target;
	if (listener->gate->tunnel.app->fast_path)
		flow->tuple = tuple_of(listener, peer);
	kg_count(&p->stats.udp_flows, 1);
	kg_flow_open(p, flow);
	return flow;
}

/* The flow of a datagram's source, made when it is the first one. */
static struct kg_flow *whose(struct kg_payload *p, struct kg_source *source, struct msghdr *msg)
{
	struct kg_listener *listener = KG_CONTAINER_OF(source, struct kg_listener, source);
	struct kg_udp_peer peer;
	void *flow;

	memset(&peer, 0, sizeof(peer));
	memcpy(&peer.remote, msg->msg_name, msg->msg_namelen);
	peer.listener = listener->number;
	if (listener->any)
		read_local(&peer, msg);
	if (rte_hash_lookup_data(p->udp_sources->flows, &peer, &flow) >= 0)
		return flow;
	return new_source(p, listener, &peer);
}

enum kg_served kg_udp_serve_listener(struct kg_payload *p, struct kg_source *source)
{
	struct kg_listener *listener = KG_CONTAINER_OF(source, struct kg_listener, source);

	return kg_udp_receive(p, source, &listener->gate->tunnel, whose);
}
