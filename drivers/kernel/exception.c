/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes a port's TAP, whose frames are tap_frames.c's. The TAP lives as long as its
 * descriptor: closing it takes the interface, its addresses, routes and settings away, also when
 * the process dies. Packets that the kernel shall route leave through raw sockets with the IP
 * header included.
 */
#include "kernel/exception.h"
#include "kernel/ether_frames.h"
#include "kernel/tap_frames.h"
#include "kernel/tcp_out.h"
#include "netlink/link.h"
#include "nic/virtio_out.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TUN_DEVICE "/dev/net/tun"

struct kg_exception {
	struct kg_tap_frames frames;
	struct kg_ether_frames *ether; /* in their place; NULL: the TAP's */
	struct kg_tcp_way *tcp_way;    /* NULL: there is none */
	int tcp_way_error;             /* why not */
	int raw4_fd, raw6_fd;          /* -1: the kernel lacks the family */
	unsigned int ifindex;
	struct kg_exception_stats stats;
};

/* What kg_exception_create is about, and where its complaint goes. */
struct setup {
	const struct kg_exception_params *params;
	struct kg_nl nl;
	bool again; /* addresses and routes may be there */
	char *error;
	size_t error_bytes;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct setup *s, const char *format, ...)
{
	int len = snprintf(s->error, s->error_bytes, "tap %s: ", s->params->name);
	va_list args;

	va_start(args, format);
	if (len >= 0 && (size_t)len < s->error_bytes)
		vsnprintf(s->error + len, s->error_bytes - (size_t)len, format, args);
	va_end(args);
	return false;
}

static bool fail_errno(struct setup *s, const char *what, int error)
{
	const char *hint = error == EPERM || error == EACCES ? " (needs CAP_NET_ADMIN)" : "";

	return fail(s, "%s: %s%s", what, strerror(error), hint);
}

/* Pump and worker where that is possible, else the cutting. */
static void spare_tcp(const struct kg_exception_params *params, struct kg_exception *e)
{
	const struct kg_tcp_way_params way = {
		.port_ifindex = params->port_ifindex,
		.tap_ifindex = e->ifindex,
		.sockets = params->port_sockets,
		.socket_count = params->port_socket_count,
		.first_queue = params->port_first_queue,
	};

	if (params->port_ifindex == 0)
		return;
	if (params->port_socket_count > 0)
		e->tcp_way_error = kg_tcp_way_begin(&e->tcp_way, &way);
	if (e->tcp_way == NULL)
		e->frames.tcp_out_fd =
			kg_virtio_out_open(params->port_ifindex, KG_TCP_OUT_QUEUE_BYTES);
}

static bool tap_open(struct setup *s, struct kg_exception *e)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL | IFF_VNET_HDR };

	if (strlen(s->params->name) >= sizeof(request.ifr_name))
		return fail(s, "name is longer than %zu characters", sizeof(request.ifr_name) - 1);
	e->frames.fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (e->frames.fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return fail(s, "no " TUN_DEVICE ": load the kernel module tun");
	if (e->frames.fd < 0)
		return fail_errno(s, TUN_DEVICE, errno);
	strcpy(request.ifr_name, s->params->name);
	if (ioctl(e->frames.fd, TUNSETIFF, &request) == 0)
		e->ifindex = if_nametoindex(s->params->name);
	else if (errno == EBUSY || errno == EEXIST)
		return fail(s, "an interface of this name exists already");
	if (e->ifindex == 0)
		return fail_errno(s, "cannot create interface", errno);
	kg_tap_frames_offer(e->frames.fd);
	spare_tcp(s->params, e);
	return true;
}

static bool ether_open(struct setup *s, struct kg_exception *e)
{
	char why[128];

	e->ether = calloc(1, sizeof(*e->ether));
	if (e->ether == NULL)
		return fail_errno(s, "create", ENOMEM);
	e->ether->stats = &e->stats;
	if (!kg_ether_frames_open(e->ether, s->params, why, sizeof(why)))
		return fail(s, "%s", why);
	e->ifindex = if_nametoindex(s->params->name);
	return e->ifindex != 0 || fail_errno(s, "cannot create interface", errno);
}

static bool link_open(struct setup *s, struct kg_exception *e)
{
	return s->params->ethdev != NULL ? ether_open(s, e) : tap_open(s, e);
}

/* A wish, not a need: where /proc/sys is read-only (containers) the TAP works without. `group` is
 * conf or neigh. */
static void tap_set(const struct setup *s, const char *family, const char *group,
		    const char *setting, const char *value)
{
	char path[128];
	ssize_t written;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/%s/%s/%s", family, group, s->params->name,
		 setting);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	written = write(fd, value, strlen(value));
	(void)written;
	close(fd);
}

static void tap_sysctl(const struct setup *s, const char *family, const char *setting,
		       const char *value)
{
	tap_set(s, family, "conf", setting, value);
}

/* A lost question costs a quarter of a second, and the first datagram to a neighbour waits no
 * longer. As long as by default, three seconds, until there is no such neighbour. */
static void tap_ask_often(const struct setup *s)
{
	static const char *const families[] = { "ipv4", "ipv6" };

	for (size_t i = 0; i < KG_ARRAY_SIZE(families); i++) {
		tap_set(s, families[i], "neigh", "retrans_time_ms", "250");
		tap_set(s, families[i], "neigh", "mcast_solicit", "12");
		tap_set(s, families[i], "neigh", "ucast_solicit", "12");
	}
}

/* Where the default route is ours, a source that belongs behind another interface is made up.
 * Elsewhere answers may leave by another way than questions came, and any route will do. */
static const char *rp_filter(const struct setup *s)
{
	for (unsigned int i = 0; i < s->params->gateway_count; i++) {
		if (s->params->gateways[i].version == 4)
			return "1";
	}
	return "2";
}

/* Senders do not choose the way of packets, ours or theirs. */
static void tap_distrust(const struct setup *s)
{
	tap_sysctl(s, "ipv4", "rp_filter", rp_filter(s));
	tap_sysctl(s, "ipv4", "accept_redirects", "0");
	tap_sysctl(s, "ipv4", "accept_source_route", "0");
	tap_sysctl(s, "ipv6", "accept_redirects", "0");
	tap_sysctl(s, "ipv6", "accept_source_route", "-1"); /* 0 takes those of mobile IPv6 */
}

/* The TAP speaks for its own addresses only, takes none from the network, and is ready at once. */
static void tap_tune(const struct setup *s)
{
	tap_sysctl(s, "ipv4", "arp_ignore", "1");
	tap_sysctl(s, "ipv4", "arp_announce", "2");
	tap_sysctl(s, "ipv6", "accept_ra", "0");
	tap_sysctl(s, "ipv6", "autoconf", "0");
	tap_sysctl(s, "ipv6", "accept_dad", "0");
	tap_sysctl(s, "ipv6", "router_solicitations", "0");
	for (unsigned int i = 0; i < s->params->address_count; i++) {
		if (s->params->addresses[i].ip.version == 6)
			tap_sysctl(s, "ipv6", "disable_ipv6", "0");
	}
}

static bool tap_add_addresses(struct setup *s, unsigned int ifindex)
{
	char what[KG_IP_TEXT_BYTES + 32], ip[KG_IP_TEXT_BYTES];

	for (unsigned int i = 0; i < s->params->address_count; i++) {
		const struct kg_prefix *address = &s->params->addresses[i];
		int error = kg_link_add_address(&s->nl, ifindex, address);

		if (error == 0 || (s->again && error == -EEXIST))
			continue;
		snprintf(what, sizeof(what), "address %s/%u", kg_ip_text(&address->ip, ip),
			 address->length);
		return fail_errno(s, what, -error);
	}
	return true;
}

static bool tap_add_gateways(struct setup *s, unsigned int ifindex)
{
	char what[KG_IP_TEXT_BYTES + 32], ip[KG_IP_TEXT_BYTES];

	for (unsigned int i = 0; i < s->params->gateway_count; i++) {
		const struct kg_ip *gateway = &s->params->gateways[i];
		int error = kg_link_add_default_route(&s->nl, ifindex, gateway);

		if (error == 0 || (s->again && error == -EEXIST))
			continue;
		kg_ip_text(gateway, ip);
		if (error == -EEXIST)
			return fail(s, "gateway %s: the system has an IPv%u default route already",
				    ip, gateway->version);
		snprintf(what, sizeof(what), "gateway %s", ip);
		return fail_errno(s, what, -error);
	}
	return true;
}

static bool tap_configure(struct setup *s, const struct kg_exception *e)
{
	int error = kg_link_set(&s->nl, e->ifindex, &s->params->mac, s->params->mtu);

	if (error != 0)
		return fail_errno(s, "MAC and MTU", -error);
	tap_tune(s);
	tap_ask_often(s);
	tap_distrust(s);
	error = kg_link_set_up(&s->nl, e->ifindex);
	if (error != 0)
		return fail_errno(s, "set up", -error);
	return tap_add_addresses(s, e->ifindex) && tap_add_gateways(s, e->ifindex);
}

/* IPPROTO_RAW implies that the header is included and that nothing is received. */
static bool raw_open(struct setup *s, struct kg_exception *e)
{
	int type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;

	e->raw4_fd = socket(AF_INET, type, IPPROTO_RAW);
	if (e->raw4_fd < 0 && errno != EAFNOSUPPORT)
		return fail_errno(s, "raw IPv4 socket", errno);
	e->raw6_fd = socket(AF_INET6, type, IPPROTO_RAW);
	if (e->raw6_fd < 0 && errno != EAFNOSUPPORT)
		return fail_errno(s, "raw IPv6 socket", errno);
	return true;
}

static bool setup(struct setup *s, struct kg_exception *e)
{
	size_t room = rte_pktmbuf_data_room_size(s->params->mempool) - RTE_PKTMBUF_HEADROOM;
	int error;

	if (room < (size_t)s->params->mtu + KG_ETHER_BYTES)
		return fail(s, "buffers of %zu bytes are too small for MTU %u", room,
			    s->params->mtu);
	error = kg_nl_open(&s->nl);
	if (error != 0)
		return fail_errno(s, "netlink", -error);
	return link_open(s, e) && tap_configure(s, e) && raw_open(s, e);
}

struct kg_exception *kg_exception_create(const struct kg_exception_params *params, char *error,
					 size_t error_bytes)
{
	struct setup s = { .params = params, .error = error, .error_bytes = error_bytes };
	struct kg_exception *e = calloc(1, sizeof(*e));
	bool good;

	if (e == NULL) {
		fail_errno(&s, "create", ENOMEM);
		return NULL;
	}
	e->frames.fd = e->frames.tcp_out_fd = e->raw4_fd = e->raw6_fd = -1;
	e->frames.mempool = params->mempool;
	e->frames.stats = &e->stats;
	good = setup(&s, e);
	kg_nl_close(&s.nl);
	if (good)
		return e;
	kg_exception_destroy(e);
	return NULL;
}

bool kg_exception_restore(const struct kg_exception *e, const struct kg_exception_params *params,
			  char *error, size_t error_bytes)
{
	struct setup s = {
		.params = params, .again = true, .error = error, .error_bytes = error_bytes
	};
	int rc = kg_nl_open(&s.nl);
	bool good;

	if (rc != 0)
		return fail_errno(&s, "netlink", -rc);
	good = tap_add_addresses(&s, e->ifindex) && tap_add_gateways(&s, e->ifindex);
	kg_nl_close(&s.nl);
	return good;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void kg_exception_destroy(struct kg_exception *e)
{
	if (e == NULL)
		return;
	kg_tcp_way_end(e->tcp_way);
	if (e->ether != NULL)
		kg_ether_frames_close(e->ether);
	free(e->ether);
	kg_tap_frames_rest(&e->frames);
	close_fd(e->frames.fd);
	close_fd(e->frames.tcp_out_fd);
	close_fd(e->raw4_fd);
	close_fd(e->raw6_fd);
	free(e);
}

int kg_exception_fd(const struct kg_exception *e)
{
	return e->ether != NULL ? e->ether->wake.fd : e->frames.fd;
}

unsigned int kg_exception_ifindex(const struct kg_exception *e)
{
	return e->ifindex;
}

enum kg_exception_tcp kg_exception_tcp(const struct kg_exception *e)
{
	if (e->tcp_way != NULL)
		return KG_EXCEPTION_TCP_INSIDE_LINUX;
	return e->frames.tcp_out_fd >= 0 ? KG_EXCEPTION_TCP_LEAVES_UNCUT : KG_EXCEPTION_TCP_BY_US;
}

int kg_exception_tcp_error(const struct kg_exception *e)
{
	return e->tcp_way_error;
}

bool kg_exception_waits(const struct kg_exception *e)
{
	return e->frames.waits;
}

bool kg_exception_has_frames(const struct kg_exception *e)
{
	return e->ether != NULL ? !e->ether->drained : e->frames.splitting;
}

void kg_exception_write(struct kg_exception *e, struct rte_mbuf **frames, unsigned int count)
{
	if (e->ether != NULL)
		kg_ether_frames_write(e->ether, frames, count);
	else
		kg_tap_frames_write(&e->frames, frames, count);
}

struct rte_mbuf *kg_exception_read(struct kg_exception *e)
{
	return e->ether != NULL ? kg_ether_frames_read(e->ether) : kg_tap_frames_read(&e->frames);
}

static bool route4(const struct kg_exception *e, const uint8_t *ip, size_t len)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	if (len < KG_IPV4_BYTES)
		return false;
	memcpy(&to.sin_addr, ip + offsetof(struct rte_ipv4_hdr, dst_addr), sizeof(to.sin_addr));
	return sendto(e->raw4_fd, ip, len, 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)len;
}

static bool route6(const struct kg_exception *e, const uint8_t *ip, size_t len)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };

	if (len < KG_IPV6_BYTES)
		return false;
	memcpy(&to.sin6_addr, ip + offsetof(struct rte_ipv6_hdr, dst_addr), sizeof(to.sin6_addr));
	if (IN6_IS_ADDR_LINKLOCAL(&to.sin6_addr))
		to.sin6_scope_id = e->ifindex;
	return sendto(e->raw6_fd, ip, len, 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)len;
}

void kg_exception_route(struct kg_exception *e, struct rte_mbuf *packet)
{
	bool good = rte_pktmbuf_linearize(packet) == 0 && rte_pktmbuf_data_len(packet) > 0;

	if (good) {
		uint8_t *ip = rte_pktmbuf_mtod(packet, uint8_t *);
		size_t len = rte_pktmbuf_data_len(packet);

		kg_packet_complete_checksum(ip, len);
		good = ip[0] >> 4 == 6 ? route6(e, ip, len) : route4(e, ip, len);
	}
	if (good)
		kg_count(&e->stats.routed, 1);
	else
		kg_count(&e->stats.errors, 1);
	rte_pktmbuf_free(packet);
}

KG_METRIC_TABLE(kg_exception_metrics, kg_exception_stats, KG_EXCEPTION_METRICS(KG_METRIC_ROW));

const struct kg_exception_stats *kg_exception_get_stats(const struct kg_exception *e)
{
	return &e->stats;
}

const struct kg_tcp_way_stats *kg_exception_tcp_way_stats(const struct kg_exception *e)
{
	return e->tcp_way != NULL ? kg_tcp_way_get_stats(e->tcp_way) : NULL;
}
