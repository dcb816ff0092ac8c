/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams of applications. They are received straight into a large buffer; what is longer than a
 * segment runs over into scratch memory and is copied to further buffers.
 *
 * The kernel may give several datagrams of one source and length, of which the last may be shorter,
 * as one (UDP_GRO): a train. It is put together in the scratch memory and each datagram copied from
 * there.
 */
#include "payload/internal.h"

#include "kcp/kcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DATAGRAM_MAX   65536 /* above the largest UDP payload, and the longest train */
#define EARLY_SEGMENTS 32    /* a flow may hold until the worker has answered */

struct control {
	_Alignas(struct cmsghdr)
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

struct kg_udp_rx {
	struct mmsghdr msgs[KG_READ_BUFS];
	struct iovec iov[KG_READ_BUFS][2];
	union kg_sockaddr remote[KG_READ_BUFS];
	struct control control[KG_READ_BUFS];
	struct kg_buf *bufs[KG_READ_BUFS];
	/* What runs over, behind room for what a train has in the buffer. */
	uint8_t scratch[KG_READ_BUFS][KG_KCP_MTU_MAX + DATAGRAM_MAX];
};

static uint8_t *overflow(struct kg_udp_rx *rx, unsigned int i)
{
	return rx->scratch[i] + KG_KCP_MTU_MAX;
}

struct kg_udp_rx *kg_udp_rx_create(void)
{
	return calloc(1, sizeof(struct kg_udp_rx));
}

void kg_udp_rx_destroy(struct kg_udp_rx *rx)
{
	free(rx);
}

/* Receives into as many buffers as there are, `*taken`; returns how many of them hold a datagram
 * and must be passed on or given back, or -1 with errno. */
static int receive(struct kg_payload *p, int fd, uint16_t first_bytes, unsigned int *taken)
{
	struct kg_udp_rx *rx = p->udp_rx;
	int received;

	*taken = kg_spare_take(p, rx->bufs, KG_READ_BUFS);
	for (unsigned int i = 0; i < *taken; i++) {
		rx->iov[i][0] = (struct iovec){ rx->bufs[i]->data, first_bytes };
		rx->iov[i][1] = (struct iovec){ overflow(rx, i), DATAGRAM_MAX };
		rx->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &rx->remote[i],
			.msg_namelen = sizeof(rx->remote[i]),
			.msg_iov = rx->iov[i],
			.msg_iovlen = 2,
			.msg_control = rx->control[i].bytes,
			.msg_controllen = sizeof(rx->control[i].bytes),
		};
	}
	if (*taken == 0)
		return 0;
	received = recvmmsg(fd, rx->msgs, *taken, MSG_DONTWAIT, NULL);
	for (unsigned int i = received > 0 ? (unsigned int)received : 0; i < *taken; i++)
		kg_spare_put(p, rx->bufs[i]);
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
	struct kg_udp_rx *rx = p->udp_rx;
	const struct kg_payload_tunnel *tunnel = flow->tunnel;
	size_t len = rx->msgs[i].msg_len;
	struct kg_buf *head = rx->bufs[i];

	if (len <= tunnel->first_bytes)
		return kg_spare_fit(p, head, (uint16_t)len);
	head->len = tunnel->first_bytes;
	head->next = kg_buf_chain_copy_for(p->config.pool, overflow(rx, i), len - head->len,
					   tunnel->rest_bytes, tunnel->rest_bytes, KG_BUF_FIRST);
	if (head->next != NULL)
		return head;
	kg_count(&p->stats.udp_dropped_buffer, 1);
	kg_spare_put(p, head);
	return NULL;
}

void kg_udp_post(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain,
		 uint32_t segments)
{
	uint32_t charge = flow->credit > 0 ? KG_MIN(segments, (uint32_t)flow->credit) : 0;
	const struct kg_msg msg = kg_flow_data(flow, chain, charge);

	if (charge > 0 && kg_link_post(p, flow->link, &msg, 1)) {
		flow->credit -= (int32_t)charge;
		return;
	}
	kg_count(&p->stats.udp_dropped_full, 1);
	kg_buf_free_chain(chain);
}

/* Why the datagram cannot go on, as a counter; NULL when it can. */
static uint64_t *refusal(struct kg_payload *p, const struct kg_flow *flow, size_t len)
{
	if (len > kg_kcp_message_max_bytes(flow->tunnel->first_bytes, flow->tunnel->rest_bytes))
		return &p->stats.udp_dropped_size;
	if (flow->state == KG_FLOW_OPENING)
		return flow->queued < EARLY_SEGMENTS ? NULL : &p->stats.udp_dropped_full;
	return flow->credit > 0 ? NULL : &p->stats.udp_dropped_full;
}

/* Notes it, and says whether it can go on. */
static bool admit(struct kg_payload *p, struct kg_flow *flow, size_t len)
{
	uint64_t *refused = refusal(p, flow, len);

	flow->conversed |= flow->answered;
	kg_count(&p->stats.udp_rx_datagrams, 1);
	kg_count(&p->stats.rx_bytes, len);
	if (refused != NULL)
		kg_count(refused, 1);
	return refused == NULL;
}

static void pass_on(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain, size_t len)
{
	if (flow->state == KG_FLOW_OPENING)
		kg_flow_enqueue(flow, chain);
	else
		kg_udp_post(p, flow, chain, segments_of(flow->tunnel, len));
}

static void input(struct kg_payload *p, struct kg_flow *flow, unsigned int i)
{
	struct kg_udp_rx *rx = p->udp_rx;
	size_t len = rx->msgs[i].msg_len;
	struct kg_buf *chain;

	if (!admit(p, flow, len)) {
		kg_spare_put(p, rx->bufs[i]);
		return;
	}
	chain = chain_of(p, flow, i);
	if (chain != NULL)
		pass_on(p, flow, chain, len);
}

static void input_train(struct kg_payload *p, struct kg_flow *flow, unsigned int i,
			size_t datagram_bytes)
{
	const struct kg_payload_tunnel *tunnel = flow->tunnel;
	struct kg_buf *head = p->udp_rx->bufs[i];
	size_t left = p->udp_rx->msgs[i].msg_len;
	uint8_t *at = overflow(p->udp_rx, i) - tunnel->first_bytes;

	memcpy(at, head->data, KG_MIN(left, (size_t)tunnel->first_bytes));
	kg_spare_put(p, head);
	while (left > 0) {
		size_t len = KG_MIN(left, datagram_bytes);

		if (admit(p, flow, len)) {
			struct kg_buf *chain =
				kg_buf_chain_copy_for(p->config.pool, at, len, tunnel->first_bytes,
						      tunnel->rest_bytes, KG_BUF_FIRST);

			if (chain != NULL)
				pass_on(p, flow, chain, len);
			else
				kg_count(&p->stats.udp_dropped_buffer, 1);
		}
		at += len;
		left -= len;
	}
}

/* The length of a train's datagrams; 0: it is just one. */
static size_t train_bytes(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		int bytes;

		if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO)
			continue;
		memcpy(&bytes, CMSG_DATA(c), sizeof(bytes));
		return bytes > 0 ? (size_t)bytes : 0;
	}
	return 0;
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

enum kg_served kg_udp_receive(struct kg_payload *p, struct kg_source *source,
			      const struct kg_payload_tunnel *tunnel, kg_udp_whose *whose)
{
	struct kg_udp_rx *rx = p->udp_rx;
	unsigned int taken;
	int received = receive(p, source->fd, tunnel->first_bytes, &taken);

	if (received <= 0)
		return received_none(p, source, received);
	for (unsigned int i = 0; i < (unsigned int)received; i++) {
		struct msghdr *msg = &rx->msgs[i].msg_hdr;
		struct kg_flow *flow = whose(p, source, msg);
		size_t datagram_bytes = train_bytes(msg);

		if (flow == NULL) {
			kg_count(&p->stats.udp_dropped_full, 1);
			kg_spare_put(p, rx->bufs[i]);
		} else if (datagram_bytes > 0) {
			input_train(p, flow, i, datagram_bytes);
		} else {
			input(p, flow, i);
		}
	}
	/* A batch that is not full has emptied the socket; an ICMP error has yet to be read. */
	if ((unsigned int)received < taken && !(source->events & EPOLLERR))
		source->events &= ~(uint32_t)EPOLLIN;
	return source->events & EPOLLIN ? KG_SERVED_MORE : KG_SERVED_IDLE;
}
