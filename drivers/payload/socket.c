/* SPDX-License-Identifier: BSD-3-Clause */
/* Opens sockets and reads their addresses. */
#include "payload/socket.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LISTEN_BACKLOG    1024
#define UDP_RECEIVE_BYTES (1 << 20) /* a burst of datagrams waits while the thread is elsewhere */
#define UDP_SEND_BYTES    (2 << 20) /* so do those whose next hop Linux asks for, for seconds */

socklen_t kg_sockaddr_len(const union kg_sockaddr *addr)
{
	return addr->any.sa_family == AF_INET6 ? sizeof(addr->in6) : sizeof(addr->in);
}

struct kg_endpoint kg_sockaddr_endpoint(const union kg_sockaddr *addr)
{
	struct kg_endpoint ep = { .ip.version = 4 };

	if (addr->any.sa_family == AF_INET) {
		ep.port = ntohs(addr->in.sin_port);
		memcpy(ep.ip.bytes, &addr->in.sin_addr, sizeof(addr->in.sin_addr));
		return ep;
	}
	ep.port = ntohs(addr->in6.sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&addr->in6.sin6_addr)) {
		memcpy(ep.ip.bytes, addr->in6.sin6_addr.s6_addr + 12, 4);
	} else {
		ep.ip.version = 6;
		memcpy(ep.ip.bytes, &addr->in6.sin6_addr, sizeof(ep.ip.bytes));
	}
	return ep;
}

bool kg_socket_local(int fd, struct kg_endpoint *local)
{
	union kg_sockaddr addr;
	socklen_t len = sizeof(addr);

	if (getsockname(fd, &addr.any, &len) < 0)
		return false;
	*local = kg_sockaddr_endpoint(&addr);
	return true;
}

/* `family` decides for an address that is not set. */
static union kg_sockaddr sockaddr_from(const struct kg_endpoint *ep, int family)
{
	union kg_sockaddr addr = { 0 };

	addr.any.sa_family = (sa_family_t)family;
	if (family == AF_INET6) {
		addr.in6.sin6_port = htons(ep->port);
		memcpy(&addr.in6.sin6_addr, ep->ip.bytes, sizeof(addr.in6.sin6_addr));
	} else {
		addr.in.sin_port = htons(ep->port);
		memcpy(&addr.in.sin_addr, ep->ip.bytes, sizeof(addr.in.sin_addr));
	}
	return addr;
}

static void set_int(int fd, int level, int name, int value)
{
	/* Each caller works, if less well, where an option is refused. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static bool enter_vrf(int fd, const char *vrf)
{
	return vrf == NULL ||
	       setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, vrf, (socklen_t)strlen(vrf)) == 0;
}

static int open_socket(int family, int type, const char *vrf)
{
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	if (!enter_vrf(fd, vrf)) {
		error = errno;
		close(fd);
		return -error;
	}
	if (type == SOCK_DGRAM) {
		set_int(fd, SOL_SOCKET, SO_RCVBUF, UDP_RECEIVE_BYTES);
		set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, UDP_RECEIVE_BYTES);
		set_int(fd, SOL_SOCKET, SO_SNDBUF, UDP_SEND_BYTES);
		set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, UDP_SEND_BYTES);
		set_int(fd, IPPROTO_UDP, UDP_GRO, 1);
	}
	return fd;
}

static int bind_and_listen(int fd, const struct kg_endpoint *at, int family, int type)
{
	union kg_sockaddr addr = sockaddr_from(at, family);

	if (bind(fd, &addr.any, kg_sockaddr_len(&addr)) < 0)
		return -errno;
	if (type == SOCK_STREAM && listen(fd, LISTEN_BACKLOG) < 0)
		return -errno;
	return 0;
}

int kg_socket_listen(const struct kg_endpoint *at, int type, bool ipv4_only, bool ipv6_only,
		     const char *vrf, enum kg_socket_share share)
{
	bool any = kg_ip_is_unspecified(&at->ip), both = at->ip.version == 0;
	int family = at->ip.version == 4 || (both && ipv4_only) ? AF_INET : AF_INET6;
	int fd = open_socket(family, type, vrf), error;

	if (fd == -EAFNOSUPPORT && both && !ipv6_only) { /* a host without IPv6 */
		family = AF_INET;
		fd = open_socket(family, type, vrf);
	}
	if (fd < 0)
		return fd;
	if (family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, !both || ipv6_only);
	/* Not for UDP, where it would let two programs have the port and one go without data. */
	if (type == SOCK_STREAM)
		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	else if (any && family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	else if (any)
		set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
	if (share == KG_SOCKET_FURTHER)
		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);

	error = bind_and_listen(fd, at, family, type);
	if (error < 0) {
		close(fd);
		return error;
	}
	if (share == KG_SOCKET_FIRST)
		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	return fd;
}

int kg_socket_dial(const struct kg_endpoint *to, int type, const char *vrf, bool *in_progress)
{
	int family = to->ip.version == 6 ? AF_INET6 : AF_INET;
	union kg_sockaddr addr = sockaddr_from(to, family);
	int fd, error;

	if (to->ip.version == 0)
		return -EDESTADDRREQ;
	fd = open_socket(family, type, vrf);
	if (fd < 0)
		return fd;
	error = connect(fd, &addr.any, kg_sockaddr_len(&addr)) < 0 ? errno : 0;
	*in_progress = error == EINPROGRESS;
	if (error != 0 && error != EINPROGRESS) {
		close(fd);
		return -error;
	}
	return fd;
}

void kg_socket_tune_tcp(int fd)
{
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KG_KEEPALIVE_IDLE_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KG_KEEPALIVE_INTERVAL_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KG_KEEPALIVE_PROBES);
	set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1);
	kg_socket_set_reset(fd, true);
}

uint32_t kg_socket_untaken(int fd)
{
	int bytes = 0;

	return ioctl(fd, SIOCOUTQ, &bytes) < 0 ? 0 : (uint32_t)bytes;
}

bool kg_socket_is_half_full(int fd)
{
	int bytes = 0;
	socklen_t len = sizeof(bytes);

	return getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &len) == 0 &&
	       kg_socket_untaken(fd) > (uint32_t)bytes / 2;
}

void kg_socket_set_reset(int fd, bool reset)
{
	const struct linger linger = { .l_onoff = reset, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}
