/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams to applications, gathered over the messages of a burst as long as they leave through
 * one socket.
 */
#include "payload/udp.h"

#include <stdlib.h>
#include <string.h>

#define SEND_BURST 32  /* datagrams */
#define SEND_BUFS  512 /* their buffers; more than one chain has */

struct control {
	_Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct kg_udp_tx {
	int fd;
	unsigned int count, bufs;
	struct mmsghdr msgs[SEND_BURST];
	struct iovec iov[SEND_BUFS];
	struct control control[SEND_BURST];
	struct kg_flow *flows[SEND_BURST];
	struct kg_buf *chains[SEND_BURST];
};

struct kg_udp_tx *kg_udp_tx_create(void)
{
	return calloc(1, sizeof(struct kg_udp_tx));
}

void kg_udp_tx_destroy(struct kg_udp_tx *tx)
{
	free(tx);
}

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
static void send_all(struct kg_payload *p, struct kg_udp_tx *tx)
{
	unsigned int next = 0, tried = 0;

	while (next < tx->count) {
		int sent = sendmmsg(tx->fd, tx->msgs + next, tx->count - next,
				    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent > 0) {
			for (unsigned int i = next; i < next + (unsigned int)sent; i++)
				kg_count(&p->stats.tx_bytes, tx->msgs[i].msg_len);
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
	struct kg_udp_tx *tx = p->udp_tx;

	send_all(p, tx);
	for (unsigned int i = 0; i < tx->count; i++) {
		kg_buf_free_chain(tx->chains[i]);
		kg_flow_taken(p, tx->flows[i], (uint32_t)tx->msgs[i].msg_hdr.msg_iovlen);
	}
	tx->count = 0;
	tx->bufs = 0;
}

static unsigned int chain_count(const struct kg_buf *chain)
{
	unsigned int count = 0;

	for (; chain != NULL; chain = chain->next)
		count++;
	return count;
}

void kg_udp_send(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain)
{
	struct kg_udp_tx *tx = p->udp_tx;
	int fd = flow->listener != NULL ? flow->listener->source.fd : flow->source.fd;
	unsigned int count = chain_count(chain), i;
	struct msghdr *msg;

	if (fd != tx->fd || tx->count == SEND_BURST || tx->bufs + count > SEND_BUFS)
		kg_udp_flush(p);
	i = tx->count++;
	tx->fd = fd;
	tx->flows[i] = flow;
	tx->chains[i] = chain;
	msg = &tx->msgs[i].msg_hdr;
	*msg = (struct msghdr){ .msg_iov = &tx->iov[tx->bufs], .msg_iovlen = count };
	if (flow->listener != NULL) {
		msg->msg_name = &flow->peer.remote;
		msg->msg_namelen = kg_sockaddr_len(&flow->peer.remote);
		if (flow->listener->any)
			write_local(msg, &tx->control[i], &flow->peer);
	}
	for (; chain != NULL; chain = chain->next)
		tx->iov[tx->bufs++] = (struct iovec){ chain->data, chain->len };
}
