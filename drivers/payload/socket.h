/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets toward applications, made the way the payload thread wants them: non-blocking. */
#pragma once

#include "net/addr.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

union kg_sockaddr {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

socklen_t kg_sockaddr_len(const union kg_sockaddr *addr);

/* Whether further sockets of this user may listen where this one does. */
enum kg_socket_share {
	KG_SOCKET_ALONE,
	KG_SOCKET_FIRST, /* must find the port free, then they may */
	KG_SOCKET_FURTHER,
};

/*
 * A socket bound to `at` (all zeros: any address; version 0: of both families unless one is
 * excluded); SOCK_STREAM listens, SOCK_DGRAM on any address tells where datagrams came to.
 * SOCK_DGRAM may give several datagrams as one (UDP_GRO). With a VRF, or another interface of
 * Linux, it has to do with that alone; NULL: with all. Descriptor, or -errno.
 */
int kg_socket_listen(const struct kg_endpoint *at, int type, bool ipv4_only, bool ipv6_only,
		     const char *vrf, enum kg_socket_share share);

/* A connected socket, or one that connects (`*in_progress`). Descriptor, or -errno. */
int kg_socket_dial(const struct kg_endpoint *to, int type, const char *vrf, bool *in_progress);

/* An IPv4 address in IPv6's clothes (RFC 4291 §2.5.5.2) becomes IPv4 again. */
struct kg_endpoint kg_sockaddr_endpoint(const union kg_sockaddr *addr);
/* Where a socket is bound; false leaves `local` alone. */
bool kg_socket_local(int fd, struct kg_endpoint *local);

/*
 * What every TCP socket wants: small writes leave at once; an idle application is asked after
 * KG_KEEPALIVE_IDLE_S whether it is still there, KG_KEEPALIVE_PROBES times every
 * KG_KEEPALIVE_INTERVAL_S, so one that has vanished is noticed before the wire's 255 s of silence;
 * urgent bytes stay in their place in the stream; and if this process dies, its connections have
 * not ended in order.
 */
#define KG_KEEPALIVE_IDLE_S     120
#define KG_KEEPALIVE_INTERVAL_S 15
#define KG_KEEPALIVE_PROBES     5
void kg_socket_tune_tcp(int fd);
/* Whether closing resets the connection instead of ending it in order. */
void kg_socket_set_reset(int fd, bool reset);
static inline bool kg_would_block(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK;
}
/* Bytes written that the other side has not acknowledged, the end among them. */
uint32_t kg_socket_untaken(int fd);
/* What it has sent and Linux holds takes more than half of its room. */
bool kg_socket_is_half_full(int fd);
