/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP toward applications. A client tunnel has one socket per listening address and tells flows
 * apart by source (and by the local address they came to, from which the answers leave); a server
 * tunnel has one connected socket per flow. Datagrams never wait for anything but the worker's
 * first answer: without credit, room or buffer they are dropped and counted.
 *
 * Received datagrams go straight into a large buffer; what is longer than a segment runs over into
 * scratch memory and is copied to further buffers.
 */
#include "payload/flow.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOURCES_MAX    65536 /* UDP flows of clients, all tunnels */
#define DATAGRAM_MAX   65536 /* above the largest UDP payload */
#define SEGMENTS_MAX   127   /* KCP numbers the fragments of a message down from 127 at most */
#define EARLY_SEGMENTS 32    /* a flow may hold until the worker has answered */
#define SEND_BURST     32    /* datagrams */
#define SEND_BUFS      512   /* their buffers; more than one chain has */

#define CONTROL_BYTES CMSG_SPACE(sizeof(struct in6_pktinfo))

struct control {
	_Alignas(struct cmsghdr) uint8_t bytes[CONTROL_BYTES];
};

struct receive_batch {
	struct mmsghdr msgs[KG_READ_BUFS];
	struct iovec iov[KG_READ_BUFS][2];
	union kg_sockaddr remote[KG_READ_BUFS];
	struct control control[KG_READ_BUFS];
	struct kg_buf *bufs[KG_READ_BUFS];
	uint8_t (*overflow)[DATAGRAM_MAX]; /* [KG_READ_BUFS] */
};

/* Datagrams for one socket, gathered over the messages of a burst. */
struct send_batch {
	int fd;
	unsigned int count, bufs;
	struct mmsghdr msgs[SEND_BURST];
	struct iovec iov[SEND_BUFS];
	struct control control[SEND_BURST];
	struct kg_flow *flows[SEND_BURST];
	struct kg_buf *chains[SEND_BURST];
};

struct kg_udp {
	struct rte_hash *sources; /* struct kg_udp_peer -> struct kg_flow */
	struct receive_batch in;
	struct send_batch out;
};

struct kg_udp *kg_udp_create(void)
{
	struct kg_udp *udp = calloc(1, sizeof(*udp));
	char name[RTE_HASH_NAMESIZE];
	const struct rte_hash_parameters params = {
		.name = name,
		.entries = SOURCES_MAX,
		.key_len = sizeof(struct kg_udp_peer),
		.hash_func_init_val = (uint32_t)rte_rand(),
		.socket_id = SOCKET_ID_ANY,
	};

	if (udp == NULL)
		return NULL;
	snprintf(name, sizeof(name), "kg_udp_%p", (void *)udp);
	udp->sources = rte_hash_create(&params);
	udp->in.overflow = calloc(KG_READ_BUFS, sizeof(*udp->in.overflow));
	if (udp->sources == NULL || udp->in.overflow == NULL) {
		kg_udp_destroy(udp);
		return NULL;
	}
	return udp;
}

void kg_udp_destroy(struct kg_udp *udp)
{
	if (udp == NULL)
		return;
	rte_hash_free(udp->sources);
	free(udp->in.overflow);
	free(udp);
}

/* ---- application to worker ---- */

/* Datagrams received into in.bufs, at most `count`; -1 with errno. Buffers are taken first and must
 * be passed on or given back, all `*taken` of them. */
static int receive(struct kg_payload *p, int fd, uint16_t first_bytes, unsigned int *taken)
{
	struct receive_batch *in = &p->udp->in;
	int received;

	*taken = kg_spare_take(p, in->bufs, KG_READ_BUFS);
	for (unsigned int i = 0; i < *taken; i++) {
		in->iov[i][0] = (struct iovec){ in->bufs[i]->data, first_bytes };
		in->iov[i][1] = (struct iovec){ in->overflow[i], DATAGRAM_MAX };
		memset(&in->remote[i], 0, sizeof(in->remote[i]));
		in->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &in->remote[i],
			.msg_namelen = sizeof(in->remote[i]),
			.msg_iov = in->iov[i],
			.msg_iovlen = 2,
			.msg_control = in->control[i].bytes,
			.msg_controllen = CONTROL_BYTES,
		};
	}
	if (*taken == 0)
		return 0;
	received = recvmmsg(fd, in->msgs, *taken, MSG_DONTWAIT, NULL);
	for (unsigned int i = received > 0 ? (unsigned int)received : 0; i < *taken; i++)
		kg_spare_put(p, in->bufs[i]);
	return received;
}

static unsigned int segments_of(const struct kg_payload_tunnel *tunnel, size_t len)
{
	if (len <= tunnel->first_bytes)
		return 1;
	return 1 + (unsigned int)((len - tunnel->first_bytes + tunnel->rest_bytes - 1) /
				  tunnel->rest_bytes);
}

/* The i-th received datagram as a chain; NULL when buffers are short. */
static struct kg_buf *chain_of(struct kg_payload *p, const struct kg_flow *flow, unsigned int i)
{
	struct receive_batch *in = &p->udp->in;
	const struct kg_payload_tunnel *tunnel = flow->tunnel;
	size_t len = in->msgs[i].msg_len;
	struct kg_buf *head = in->bufs[i];

	if (len <= tunnel->first_bytes)
		return kg_spare_fit(p, head, (uint16_t)len);
	head->len = tunnel->first_bytes;
	head->next = kg_buf_chain_copy(p->config.pool, in->overflow[i], len - head->len,
				       tunnel->rest_bytes, tunnel->rest_bytes);
	if (head->next != NULL)
		return head;
	kg_count(&p->stats.no_buffer, 1);
	kg_spare_put(p, head);
	return NULL;
}

static void post_datagram(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain,
			  uint32_t segments)
{
	const struct kg_msg msg = kg_flow_data(flow, chain, segments);

	if (flow->credit > 0 && kg_link_post(p, flow->link, &msg, 1)) {
		flow->credit -= (int32_t)segments;
		return;
	}
	kg_count(&p->stats.udp_dropped_full, 1);
	kg_buf_free_chain(chain);
}

/* Why the datagram cannot go on, as a counter; NULL when it can. */
static uint64_t *refusal(struct kg_payload *p, const struct kg_flow *flow, size_t len)
{
	if (segments_of(flow->tunnel, len) > SEGMENTS_MAX)
		return &p->stats.udp_dropped_size;
	if (flow->state == KG_FLOW_OPENING)
		return flow->queued < EARLY_SEGMENTS ? NULL : &p->stats.udp_dropped_full;
	return flow->credit > 0 ? NULL : &p->stats.udp_dropped_full;
}

static void input(struct kg_payload *p, struct kg_flow *flow, unsigned int i)
{
	struct receive_batch *in = &p->udp->in;
	size_t len = in->msgs[i].msg_len;
	uint64_t *refused = refusal(p, flow, len);
	struct kg_buf *chain;

	kg_count(&p->stats.udp_rx_datagrams, 1);
	kg_count(&p->stats.rx_bytes, len);
	if (refused != NULL) {
		kg_count(refused, 1);
		kg_spare_put(p, in->bufs[i]);
		return;
	}
	chain = chain_of(p, flow, i);
	if (chain == NULL)
		return;
	if (flow->state == KG_FLOW_OPENING)
		kg_flow_enqueue(flow, chain);
	else
		post_datagram(p, flow, chain, segments_of(flow->tunnel, len));
}

/* What a read that brought nothing means for the source. */
static enum kg_served received_none(struct kg_payload *p, struct kg_source *source, int received)
{
	if (received == 0)
		return KG_SERVED_STALLED;
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		source->events = 0;
		return KG_SERVED_IDLE;
	}
	/* An ICMP error about an earlier datagram; the flow lives on. */
	if (errno != EINTR)
		kg_count(&p->stats.udp_icmp_errors, 1);
	return KG_SERVED_MORE;
}

/* A server's flow. */
static enum kg_served serve_connected(struct kg_payload *p, struct kg_source *source)
{
	struct kg_flow *flow = KG_CONTAINER_OF(source, struct kg_flow, source);
	unsigned int taken;
	int received = receive(p, source->fd, flow->tunnel->first_bytes, &taken);

	if (received <= 0)
		return received_none(p, source, received);
	for (int i = 0; i < received; i++)
		input(p, flow, (unsigned int)i);
	if ((unsigned int)received < taken && !(source->events & EPOLLERR))
		source->events &= ~(uint32_t)EPOLLIN;
	return source->events & EPOLLIN ? KG_SERVED_MORE : KG_SERVED_IDLE;
}

/* ---- sources of a listening socket ---- */

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

static struct kg_flow *new_source(struct kg_payload *p, const struct kg_listener *listener,
				  const struct kg_udp_peer *peer)
{
	uint16_t tunnel = (uint16_t)(listener->tunnel - p->tunnels);
	struct kg_flow *flow = kg_flow_create(p, tunnel, KG_PROTOCOL_UDP);

	if (flow == NULL)
		return NULL;
	flow->peer = *peer;
	if (rte_hash_add_key_data(p->udp->sources, peer, flow) != 0) {
		kg_flow_destroy(p, flow);
		return NULL;
	}
	flow->listener = listener;
	kg_count(&p->stats.udp_flows, 1);
	kg_flow_open(p, flow);
	return flow;
}

static struct kg_flow *find_source(struct kg_payload *p, const struct kg_listener *listener,
				   unsigned int i)
{
	struct receive_batch *in = &p->udp->in;
	struct kg_udp_peer peer;
	void *flow;

	memset(&peer, 0, sizeof(peer));
	peer.remote = in->remote[i];
	peer.listener = (uint32_t)(listener - p->listeners);
	if (listener->any)
		read_local(&peer, &in->msgs[i].msg_hdr);
	if (rte_hash_lookup_data(p->udp->sources, &peer, &flow) >= 0)
		return flow;
	return new_source(p, listener, &peer);
}

static enum kg_served serve_listener(struct kg_payload *p, struct kg_source *source)
{
	struct kg_listener *listener = KG_CONTAINER_OF(source, struct kg_listener, source);
	unsigned int taken;
	int received = receive(p, source->fd, listener->tunnel->first_bytes, &taken);

	if (received <= 0)
		return received_none(p, source, received);
	for (int i = 0; i < received; i++) {
		struct kg_flow *flow = find_source(p, listener, (unsigned int)i);

		if (flow != NULL) {
			input(p, flow, (unsigned int)i);
		} else {
			kg_count(&p->stats.udp_dropped_full, 1);
			kg_spare_put(p, p->udp->in.bufs[i]);
		}
	}
	if ((unsigned int)received < taken)
		source->events &= ~(uint32_t)EPOLLIN;
	return source->events & EPOLLIN ? KG_SERVED_MORE : KG_SERVED_IDLE;
}

int kg_udp_listen(struct kg_payload *p, struct kg_listener *listener, const struct kg_endpoint *at)
{
	const struct kg_payload_tunnel *tunnel = listener->tunnel;
	int fd = kg_socket_listen(at, SOCK_DGRAM, tunnel->ipv4_only, tunnel->ipv6_only), error;

	if (fd < 0)
		return fd;
	listener->any = at->ip.version == 0;
	listener->source.serve = serve_listener;
	error = kg_source_open(p, &listener->source, fd, EPOLLIN);
	if (error < 0)
		close(fd);
	return error;
}

/* ---- worker to application ---- */

/* Answers leave from the address the application has written to. */
static void write_local(struct msghdr *msg, struct control *control, const struct kg_udp_peer *peer)
{
	struct cmsghdr *c = (struct cmsghdr *)control->bytes;

	msg->msg_control = control->bytes;
	if (peer->remote.any.sa_family == AF_INET6) {
		struct in6_pktinfo info = { .ipi6_addr = peer->local,
					    .ipi6_ifindex = peer->local_ifindex };

		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, &peer->local, sizeof(info.ipi_spec_dst));
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

/* All are sent or refused after it. A refusal may be an ICMP error about an earlier datagram, so
 * each gets a second chance. */
static void send_all(struct kg_payload *p, struct send_batch *out)
{
	unsigned int next = 0, tried = 0;

	while (next < out->count) {
		int sent = sendmmsg(out->fd, out->msgs + next, out->count - next,
				    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent > 0) {
			for (unsigned int i = next; i < next + (unsigned int)sent; i++)
				kg_count(&p->stats.tx_bytes, out->msgs[i].msg_len);
			kg_count(&p->stats.udp_tx_datagrams, (uint64_t)sent);
			next += (unsigned int)sent;
			tried = 0;
		} else if (tried++ > 0) {
			kg_count(&p->stats.udp_dropped_error, 1);
			next++;
			tried = 0;
		}
	}
}

void kg_udp_flush(struct kg_payload *p)
{
	struct send_batch *out = &p->udp->out;

	send_all(p, out);
	for (unsigned int i = 0; i < out->count; i++) {
		kg_buf_free_chain(out->chains[i]);
		kg_flow_taken(p, out->flows[i], (uint32_t)out->msgs[i].msg_hdr.msg_iovlen);
	}
	out->count = 0;
	out->bufs = 0;
}

static unsigned int chain_count(const struct kg_buf *chain)
{
	unsigned int count = 0;

	for (; chain != NULL; chain = chain->next)
		count++;
	return count;
}

static void output(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain)
{
	struct send_batch *out = &p->udp->out;
	int fd = flow->listener != NULL ? flow->listener->source.fd : flow->source.fd;
	unsigned int count = chain_count(chain), i;
	struct msghdr *msg;

	if (fd != out->fd || out->count == SEND_BURST || out->bufs + count > SEND_BUFS)
		kg_udp_flush(p);
	i = out->count++;
	out->fd = fd;
	out->flows[i] = flow;
	out->chains[i] = chain;
	msg = &out->msgs[i].msg_hdr;
	*msg = (struct msghdr){ .msg_iov = &out->iov[out->bufs], .msg_iovlen = count };
	if (flow->listener != NULL) {
		msg->msg_name = &flow->peer.remote;
		msg->msg_namelen = kg_sockaddr_len(&flow->peer.remote);
		if (flow->listener->any)
			write_local(msg, &out->control[i], &flow->peer);
	}
	for (; chain != NULL; chain = chain->next)
		out->iov[out->bufs++] = (struct iovec){ chain->data, chain->len };
}

/* ---- what a flow does ---- */

static void dial(struct kg_payload *p, struct kg_flow *flow)
{
	bool in_progress;
	int fd = kg_socket_dial(&flow->tunnel->destination, SOCK_DGRAM, &in_progress), error = fd;

	if (fd >= 0) {
		flow->source.serve = serve_connected;
		error = kg_source_open(p, &flow->source, fd, EPOLLIN);
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
	while (flow->queue != NULL) {
		uint32_t segments = flow->queue->mark;
		struct kg_buf *chain = kg_flow_dequeue(flow), **tail = &chain->next;

		for (uint32_t i = 1; i < segments; i++) {
			*tail = kg_flow_dequeue(flow);
			tail = &(*tail)->next;
		}
		post_datagram(p, flow, chain, segments);
	}
}

static void finish(struct kg_payload *p, struct kg_flow *flow)
{
	kg_flow_end(p, flow, false);
}

static void close_flow(struct kg_payload *p, struct kg_flow *flow, bool reset)
{
	(void)reset;
	kg_udp_flush(p); /* it may have datagrams in the batch */
	if (flow->listener != NULL)
		rte_hash_del_key(p->udp->sources, &flow->peer);
	kg_source_close(p, &flow->source);
}

const struct kg_flow_ops kg_udp_ops = {
	.dial = dial,
	.output = output,
	.resume = resume,
	.finish = finish,
	.close = close_flow,
};
