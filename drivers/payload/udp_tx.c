/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams to applications, gathered over the messages of a burst as long as they leave through
 * one socket. Those of one flow and one length, of which the last may be shorter, form a train: the
 * kernel takes it as one, and cuts it apart as late as it can (UDP_SEGMENT).
 *
 * Where a train cannot go, above all when its datagrams are longer than the path's MTU, they are
 * sent one by one, and the flow forms no more trains.
 */
#include "payload/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEND_TRAINS     32
#define SEND_BUFS       512   /* of all trains; more than one datagram has */
#define TRAIN_DATAGRAMS 64    /* what every kernel takes */
#define TRAIN_BYTES     65507 /* the longest payload over IPv4 */
#define SEND_FLAGS      (MSG_NOSIGNAL | MSG_DONTWAIT)
#define SEGMENT_CONTROL CMSG_SPACE(sizeof(uint16_t))

struct control {
	_Alignas(struct cmsghdr)
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + SEGMENT_CONTROL];
};

/* One datagram or several. */
struct train {
	struct kg_flow *flow;
	struct kg_buf *bufs, **tail; /* of all datagrams, one list */
	uint32_t buf_count;
	uint32_t datagrams;
	size_t datagram_bytes; /* of each but the last */
	size_t bytes;
};

struct kg_udp_tx {
	bool segments; /* the kernel takes trains */
	int fd;
	unsigned int count, iov_count;
	struct train trains[SEND_TRAINS];
	struct mmsghdr msgs[SEND_TRAINS];
	struct control control[SEND_TRAINS];
	struct iovec iov[SEND_BUFS];
};

/* A kernel that knows nothing of it would send a train as one datagram. */
static bool kernel_segments(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), value;
	socklen_t len = sizeof(value);
	bool known = fd >= 0 && getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, &len) == 0;

	if (fd >= 0)
		close(fd);
	return known;
}

struct kg_udp_tx *kg_udp_tx_create(void)
{
	struct kg_udp_tx *tx = calloc(1, sizeof(*tx));

	if (tx != NULL)
		tx->segments = kernel_segments();
	return tx;
}

void kg_udp_tx_destroy(struct kg_udp_tx *tx)
{
	free(tx);
}

/* ---- sending ---- */

/* A refusal may be an ICMP error about an earlier datagram: what is refused once is tried again. */
static bool send_one(int fd, const struct msghdr *msg)
{
	return sendmsg(fd, msg, SEND_FLAGS) >= 0 || sendmsg(fd, msg, SEND_FLAGS) >= 0;
}

static void send_singly(struct kg_payload *p, struct kg_udp_tx *tx, unsigned int i)
{
	const struct train *train = &tx->trains[i];
	struct msghdr msg = tx->msgs[i].msg_hdr;
	const struct iovec *end = msg.msg_iov + msg.msg_iovlen;

	msg.msg_controllen -= SEGMENT_CONTROL; /* it is the last one */
	for (; msg.msg_iov < end; msg.msg_iov += msg.msg_iovlen) {
		size_t bytes = 0;

		for (msg.msg_iovlen = 0;
		     bytes < train->datagram_bytes && msg.msg_iov + msg.msg_iovlen < end;
		     msg.msg_iovlen++)
			bytes += msg.msg_iov[msg.msg_iovlen].iov_len;
		if (send_one(tx->fd, &msg)) {
			kg_count(&p->stats.tx_bytes, bytes);
			kg_count(&p->stats.udp_tx_datagrams, 1);
		} else {
			kg_count(&p->stats.udp_dropped_error, 1);
		}
	}
}

/* The socket does not take the train, for what reason `error` says. */
static void refused(struct kg_payload *p, struct kg_udp_tx *tx, unsigned int i, int error)
{
	struct train *train = &tx->trains[i];

	if (train->datagrams == 1) {
		kg_count(&p->stats.udp_dropped_error, 1);
		return;
	}
	/* Too long for the path, or the path has no way to cut: so will be the next ones. */
	if (error == EINVAL || error == EMSGSIZE || error == EIO)
		train->flow->no_trains = true;
	send_singly(p, tx, i);
}

/* All are sent or refused after it. */
static void send_all(struct kg_payload *p, struct kg_udp_tx *tx)
{
	unsigned int next = 0, tried = 0;

	while (next < tx->count) {
		int sent = sendmmsg(tx->fd, tx->msgs + next, tx->count - next, SEND_FLAGS);

		for (int i = 0; i < sent; i++) {
			kg_count(&p->stats.tx_bytes, tx->trains[next].bytes);
			kg_count(&p->stats.udp_tx_datagrams, tx->trains[next].datagrams);
			next++;
			tried = 0;
		}
		if (sent <= 0 && tried++ > 0) { /* as in send_one */
			refused(p, tx, next++, errno);
			tried = 0;
		}
	}
}

void kg_udp_flush(struct kg_payload *p)
{
	struct kg_udp_tx *tx = p->udp_tx;

	send_all(p, tx);
	for (unsigned int i = 0; i < tx->count; i++) {
		kg_buf_free_chain(tx->trains[i].bufs);
		kg_flow_taken(p, tx->trains[i].flow, tx->trains[i].buf_count);
	}
	tx->count = 0;
	tx->iov_count = 0;
}

int64_t kg_udp_gathered(const struct kg_payload *p, int64_t (*cost_of)(size_t datagram_bytes))
{
	const struct kg_udp_tx *tx = p->udp_tx;
	int64_t cost = 0;

	for (unsigned int i = 0; i < tx->count; i++)
		cost += tx->trains[i].datagrams * cost_of(tx->trains[i].datagram_bytes);
	return cost;
}

/* ---- gathering ---- */

static void add_control(struct msghdr *msg, struct control *control, int level, int type,
			const void *value, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(control->bytes + msg->msg_controllen);

	msg->msg_control = control->bytes;
	msg->msg_controllen += CMSG_SPACE(len);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), value, len);
}

/* Answers leave from the address the application has written to. */
static void write_local(struct msghdr *msg, struct control *control, const struct kg_udp_peer *peer)
{
	if (peer->remote.any.sa_family == AF_INET6) {
		const struct in6_pktinfo info = { .ipi6_addr = peer->local,
						  .ipi6_ifindex = peer->local_ifindex };

		add_control(msg, control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	} else {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, &peer->local, sizeof(info.ipi_spec_dst));
		add_control(msg, control, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
}

/* May a datagram of the flow join the train? A shorter one has ended it. */
static bool may_join(const struct train *train, const struct kg_flow *flow, size_t bytes)
{
	return train->flow == flow && !flow->no_trains && bytes > 0 &&
	       bytes <= train->datagram_bytes &&
	       train->bytes == train->datagrams * train->datagram_bytes &&
	       train->datagrams < TRAIN_DATAGRAMS && train->bytes + bytes <= TRAIN_BYTES;
}

static void begin_train(struct kg_udp_tx *tx, struct kg_flow *flow, size_t datagram_bytes)
{
	struct train *train = &tx->trains[tx->count];
	struct msghdr *msg = &tx->msgs[tx->count].msg_hdr;

	*train = (struct train){ .flow = flow, .datagram_bytes = datagram_bytes };
	train->tail = &train->bufs;
	*msg = (struct msghdr){ .msg_iov = &tx->iov[tx->iov_count] };
	if (flow->listener != NULL) {
		msg->msg_name = &flow->peer.remote;
		msg->msg_namelen = kg_sockaddr_len(&flow->peer.remote);
		if (flow->listener->any)
			write_local(msg, &tx->control[tx->count], &flow->peer);
	}
	tx->count++;
}

/* Takes a datagram into the last train. */
static void append(struct kg_udp_tx *tx, struct kg_buf *chain, size_t bytes)
{
	unsigned int i = tx->count - 1;
	struct train *train = &tx->trains[i];
	struct msghdr *msg = &tx->msgs[i].msg_hdr;
	const uint16_t segment = (uint16_t)train->datagram_bytes;

	train->bytes += bytes;
	if (++train->datagrams == 2)
		add_control(msg, &tx->control[i], IPPROTO_UDP, UDP_SEGMENT, &segment,
			    sizeof(segment));
	for (*train->tail = chain; chain != NULL; chain = chain->next) {
		train->tail = &chain->next;
		train->buf_count++;
		if (chain->len == 0)
			continue;
		tx->iov[tx->iov_count++] = (struct iovec){ chain->data, chain->len };
		msg->msg_iovlen++;
	}
}

void kg_udp_send(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain)
{
	struct kg_udp_tx *tx = p->udp_tx;
	int fd = flow->listener != NULL ? flow->listener->source.fd : flow->source.fd;
	size_t bytes = kg_buf_chain_len(chain);

	flow->answered = true;
	if (!kg_udp_doubt_lets(p, flow)) {
		kg_count(&p->stats.udp_dropped_doubted, 1);
		kg_flow_taken(p, flow, kg_buf_chain_count(chain));
		kg_buf_free_chain(chain);
		return;
	}
	if (fd != tx->fd || tx->iov_count + kg_buf_chain_count(chain) > SEND_BUFS)
		kg_udp_flush(p);
	tx->fd = fd;
	if (!tx->segments || tx->count == 0 || !may_join(&tx->trains[tx->count - 1], flow, bytes)) {
		if (tx->count == SEND_TRAINS)
			kg_udp_flush(p);
		begin_train(tx, flow, bytes);
	}
	append(tx, chain, bytes);
}
