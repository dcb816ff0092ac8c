/* SPDX-License-Identifier: BSD-3-Clause */
/* The watch on a TAP whose link has simulated hosts; the kernel in between is the real one. */
#include "netlink/nexthop.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "far_end.h"

#define TAP      "kg-test0"
#define VLAN     42
#define NEWS_MAX 64
#define PATIENCE 300  /* turns of 10 ms */
#define MANY     3000 /* peers: more than the watch looks up in one go */

static const struct kg_mac mac = { { 2, 0, 0, 0, 0, 1 } };
static struct rte_mempool *mempool;

/* The last word about each peer. */
struct news {
	struct kg_nexthop last[NEWS_MAX];
	unsigned int count;
	unsigned int published, taken_max; /* no more than these are taken; 0: all */
};

struct bench {
	struct far_end far;
	struct kg_nexthop_watch *watch;
	struct news news;
	uint64_t now_us;
};

static bool on_publish(void *ctx, const struct kg_nexthop *nexthop)
{
	struct news *news = ctx;
	unsigned int i = 0;

	if (news->taken_max != 0 && news->published == news->taken_max)
		return false;
	news->published++;
	while (i < news->count && !kg_ip_equal(&news->last[i].peer, &nexthop->peer))
		i++;
	if (i == NEWS_MAX)
		return true;
	news->count = KG_MAX(news->count, i + 1);
	news->last[i] = *nexthop;
	return true;
}

static struct kg_ip ip(const char *text)
{
	struct kg_ip parsed;

	assert_true(kg_ip_parse(&parsed, text));
	return parsed;
}

static int make(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct kg_prefix addresses[3];
	struct kg_exception_params params = { .name = TAP,
					      .mac = mac,
					      .mtu = 1500,
					      .addresses = addresses,
					      .address_count = 3,
					      .mempool = mempool };
	struct kg_nexthop_port ports[2] = { { .ifindex = 1 << 20 }, { .mac = mac, .vlan = VLAN } };
	char error[256] = "";

	kg_prefix_parse(&addresses[0], "198.18.0.2/24");
	kg_prefix_parse(&addresses[1], "198.18.0.3/24");
	kg_prefix_parse(&addresses[2], "fd00:18::2/64");
	b->far.mempool = mempool;
	b->far.tap = kg_exception_create(&params, error, sizeof(error));
	if (b->far.tap == NULL) {
		print_error("%s\n", error);
		return -1;
	}
	ports[1].ifindex = kg_exception_ifindex(b->far.tap);
	b->watch = kg_nexthop_watch_create(ports, 2, on_publish, &b->news);
	*state = b;
	return b->watch == NULL;
}

static int drop(void **state)
{
	struct bench *b = *state;

	kg_nexthop_watch_destroy(b->watch);
	kg_exception_destroy(b->far.tap);
	free(b);
	assert_int_equal(rte_mempool_in_use_count(mempool), 0);
	return 0;
}

/* What the control thread and the payload thread do between them. */
static void turn(struct bench *b)
{
	struct pollfd events = { .fd = kg_nexthop_watch_fd(b->watch), .events = POLLIN };

	far_end_turn(&b->far, 10);
	if (poll(&events, 1, 0) == 1)
		kg_nexthop_watch_input(b->watch);
}

/* A second passes, whatever the clock says. */
static void tick(struct bench *b)
{
	b->now_us += KG_US_PER_S;
	kg_nexthop_watch_tick(b->watch, b->now_us);
}

static const struct kg_nexthop *last(struct bench *b, const char *peer)
{
	struct kg_ip address = ip(peer);

	for (unsigned int i = 0; i < b->news.count; i++) {
		if (kg_ip_equal(&b->news.last[i].peer, &address))
			return &b->news.last[i];
	}
	fail_msg("nothing was published about %s", peer);
	return NULL;
}

static const struct kg_nexthop *resolve(struct bench *b, const char *peer)
{
	struct kg_ip address = ip(peer);

	kg_nexthop_watch_resolve(b->watch, &address);
	return last(b, peer);
}

static bool leads_to(const struct kg_nexthop *nexthop, const struct kg_mac *via)
{
	struct kg_l2 l2;

	kg_l2_init(&l2, &mac, via, VLAN);
	return nexthop->state == KG_NEXTHOP_READY && nexthop->port == 1 && nexthop->l2.len == 18 &&
	       memcmp(nexthop->l2.bytes, l2.bytes, 16) == 0;
}

static void wait_ready(struct bench *b, const char *peer, const struct kg_mac *via)
{
	for (int i = 0; i < PATIENCE && !leads_to(last(b, peer), via); i++)
		turn(b);
	assert_true(leads_to(last(b, peer), via));
}

static void wait_state(struct bench *b, const char *peer, enum kg_nexthop_state state)
{
	for (int i = 0; i < PATIENCE && last(b, peer)->state != state; i++)
		turn(b);
	assert_int_equal(last(b, peer)->state, state);
}

/* A packet of ours on the way that the kernel chooses. */
static void route_packet(struct bench *b, const char *source, const char *destination)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(mempool);
	struct kg_endpoint from = { ip(source), 3000 }, to = { ip(destination), 4000 };
	struct kg_l2 l2;
	uint16_t len;

	kg_l2_init(&l2, &mac, &mac, 0);
	len = kg_frame_header_bytes(&l2, from.ip.version);
	rte_pktmbuf_append(mbuf, len);
	kg_frame_build(rte_pktmbuf_mtod(mbuf, uint8_t *), &l2, &from, &to, 0, 1,
		       KG_FRAME_CSUM_SOFTWARE);
	rte_pktmbuf_adj(mbuf, KG_ETHER_BYTES);
	kg_exception_route(b->far.tap, mbuf);
}

static void a_routed_packet_resolves_its_next_hop(void **state)
{
	struct bench *b = *state;
	struct far_host *host4 = far_host_add(&b->far, "198.18.0.9", 9);
	struct far_host *host6 = far_host_add(&b->far, "fd00:18::9", 6);
	struct kg_ip source4 = ip("198.18.0.2"), source6 = ip("fd00:18::2");

	assert_int_equal(resolve(b, "198.18.0.9")->state, KG_NEXTHOP_RESOLVING);
	assert_int_equal(last(b, "198.18.0.9")->port, 1);
	assert_true(kg_ip_equal(&last(b, "198.18.0.9")->source, &source4));
	assert_int_equal(resolve(b, "fd00:18::9")->state, KG_NEXTHOP_RESOLVING);
	assert_true(kg_ip_equal(&last(b, "fd00:18::9")->source, &source6));

	route_packet(b, "198.18.0.2", "198.18.0.9");
	wait_ready(b, "198.18.0.9", &host4->mac);
	assert_true(host4->asked > 0);
	route_packet(b, "fd00:18::2", "fd00:18::9");
	wait_ready(b, "fd00:18::9", &host6->mac);
	assert_true(host6->asked > 0);
}

/* Nobody sends: the kernel asks because the watch says that the neighbour is in use. */
static void a_watched_neighbour_is_resolved_without_traffic(void **state)
{
	struct bench *b = *state;
	struct far_host *host4 = far_host_add(&b->far, "198.18.0.9", 9);
	struct far_host *host6 = far_host_add(&b->far, "fd00:18::9", 6);

	resolve(b, "198.18.0.9");
	resolve(b, "fd00:18::9");
	tick(b);
	wait_ready(b, "198.18.0.9", &host4->mac);
	wait_ready(b, "fd00:18::9", &host6->mac);
}

static void a_new_mac_is_followed(void **state)
{
	struct bench *b = *state;
	struct far_host *host = far_host_add(&b->far, "198.18.0.9", 9);

	resolve(b, "198.18.0.9");
	tick(b);
	wait_ready(b, "198.18.0.9", &host->mac);
	host->mac.bytes[5] = 10;
	far_host_announce(&b->far, host);
	wait_ready(b, "198.18.0.9", &host->mac);
	shell("ip neigh replace 198.18.0.9 lladdr 02:00:00:00:fa:0b dev " TAP);
	host->mac.bytes[5] = 11;
	wait_ready(b, "198.18.0.9", &host->mac);
	shell("ip neigh del 198.18.0.9 dev " TAP);
	wait_state(b, "198.18.0.9", KG_NEXTHOP_RESOLVING);
	tick(b);
	wait_ready(b, "198.18.0.9", &host->mac);
}

static void nothing_new_is_not_news(void **state)
{
	struct bench *b = *state;
	struct far_host *host = far_host_add(&b->far, "198.18.0.9", 9);
	unsigned int published;

	resolve(b, "198.18.0.9");
	tick(b);
	wait_ready(b, "198.18.0.9", &host->mac);
	published = b->news.published;
	shell("ip neigh change 198.18.0.9 lladdr 02:00:00:00:fa:09 dev " TAP " nud stale");
	shell("ip route add 198.19.0.0/16 via 198.18.0.9");
	shell("ip addr add 198.18.0.77/32 dev " TAP);
	for (int i = 0; i < 5; i++)
		turn(b);
	assert_int_equal(b->news.published, published);
	resolve(b, "198.18.0.9"); /* but who asks is answered */
	assert_int_equal(b->news.published, published + 1);
}

/* Its host does not answer any more, and the kernel asks it, soon. */
static struct far_host *go_silent(struct bench *b)
{
	struct far_host *host = far_host_add(&b->far, "198.18.0.9", 9);

	shell("cd /proc/sys/net/ipv4/neigh/" TAP
	      " && echo 1 >delay_first_probe_time && echo 50 >retrans_time_ms");
	resolve(b, "198.18.0.9");
	tick(b);
	wait_ready(b, "198.18.0.9", &host->mac);
	host->answers = false;
	shell("ip neigh change 198.18.0.9 lladdr 02:00:00:00:fa:09 dev " TAP " nud stale");
	turn(b);
	host->asked = 0;
	tick(b);
	for (int i = 0;
	     i < PATIENCE && strstr(shell_output("ip neigh show 198.18.0.9"), "FAILED") == NULL;
	     i++)
		turn(b);
	turn(b);
	return host;
}

/* Our datagrams do not pass through the kernel; it must find out all the same. */
static void a_host_that_went_away_is_noticed(void **state)
{
	struct bench *b = *state;
	struct far_host *host = go_silent(b);

	assert_true(host->asked > 0);
	assert_true(host->asked_unicast);
	for (int i = 0; i < 5; i++)
		tick(b);
	wait_state(b, "198.18.0.9", KG_NEXTHOP_RESOLVING);

	/* It is looked for again, by broadcast, and found with another MAC. */
	host->answers = true;
	host->mac.bytes[5] = 10;
	for (int i = 0; i < 10; i++)
		tick(b);
	wait_ready(b, "198.18.0.9", &host->mac);
	assert_false(host->asked_unicast);
}

/* The kernel has lost it, and asks all on the link; its answer comes before it is given up. */
static void a_host_that_is_slow_to_answer_serves(void **state)
{
	struct bench *b = *state;
	struct far_host *host = go_silent(b);
	unsigned int published = b->news.published;

	tick(b);
	for (int i = 0; i < 5; i++)
		turn(b);
	assert_false(host->asked_unicast);
	assert_true(leads_to(last(b, "198.18.0.9"), &host->mac));
	host->answers = true;
	for (int i = 0; i < 60; i++) {
		if (i % 20 == 0)
			tick(b);
		turn(b);
	}
	assert_non_null(strstr(shell_output("ip neigh show 198.18.0.9"), "02:00:00:00:fa:09"));
	assert_int_equal(b->news.published, published);
}

/* Who deletes it means it. */
static void a_deleted_neighbour_is_gone(void **state)
{
	struct bench *b = *state;

	go_silent(b);
	assert_int_equal(last(b, "198.18.0.9")->state, KG_NEXTHOP_READY);
	shell("ip neigh del 198.18.0.9 dev " TAP);
	wait_state(b, "198.18.0.9", KG_NEXTHOP_RESOLVING);
}

static void permanent_neighbours_stay_permanent(void **state)
{
	struct bench *b = *state;
	static const struct kg_mac fixed = { { 2, 0, 0, 0, 0xfa, 0x55 } };

	resolve(b, "198.18.0.9");
	resolve(b, "fd00:18::9");
	shell("ip neigh add 198.18.0.9 lladdr 02:00:00:00:fa:55 dev " TAP " nud permanent");
	shell("ip neigh add fd00:18::9 lladdr 02:00:00:00:fa:55 dev " TAP " nud permanent");
	wait_ready(b, "198.18.0.9", &fixed);
	wait_ready(b, "fd00:18::9", &fixed);
	for (int i = 0; i < 3; i++)
		tick(b);
	assert_non_null(strstr(shell_output("ip neigh show 198.18.0.9"), "PERMANENT"));
	assert_non_null(strstr(shell_output("ip neigh show fd00:18::9"), "PERMANENT"));
	shell("ip neigh replace fd00:18::9 lladdr 02:00:00:00:fa:56 dev " TAP " nud permanent");
	wait_ready(b, "fd00:18::9", &(struct kg_mac){ { 2, 0, 0, 0, 0xfa, 0x56 } });
}

static void routes_are_followed(void **state)
{
	struct bench *b = *state;
	struct far_host *first = far_host_add(&b->far, "198.18.0.9", 9);
	struct far_host *second = far_host_add(&b->far, "198.18.0.10", 10);
	struct kg_ip source = ip("198.18.0.3");

	assert_int_equal(resolve(b, "198.19.1.1")->state, KG_NEXTHOP_NO_ROUTE);
	shell("ip route add 198.19.0.0/16 via 198.18.0.9");
	wait_state(b, "198.19.1.1", KG_NEXTHOP_RESOLVING);
	tick(b);
	wait_ready(b, "198.19.1.1", &first->mac);
	shell("ip route add 198.19.1.0/24 via 198.18.0.10 src 198.18.0.3");
	wait_state(b, "198.19.1.1", KG_NEXTHOP_RESOLVING);
	tick(b);
	wait_ready(b, "198.19.1.1", &second->mac);
	assert_true(kg_ip_equal(&last(b, "198.19.1.1")->source, &source));
	shell("ip route del 198.19.1.0/24");
	wait_ready(b, "198.19.1.1", &first->mac);
	shell("ip route del 198.19.0.0/16");
	wait_state(b, "198.19.1.1", KG_NEXTHOP_NO_ROUTE);
	assert_int_equal(last(b, "198.19.1.1")->port, 0);
}

/* The same way, for smaller packets; and a large one again. */
static void a_narrow_route_is_known(void **state)
{
	struct bench *b = *state;

	far_host_add(&b->far, "198.18.0.9", 9);
	shell("ip route add 198.19.0.0/16 via 198.18.0.9 mtu 1400");
	assert_int_equal(resolve(b, "198.19.1.1")->mtu, 1400);
	shell("ip route change 198.19.0.0/16 via 198.18.0.9");
	for (int i = 0; i < PATIENCE && last(b, "198.19.1.1")->mtu != 0; i++)
		turn(b);
	assert_int_equal(last(b, "198.19.1.1")->mtu, 0);
}

static void ipv6_routes_are_followed(void **state)
{
	struct bench *b = *state;
	struct far_host *host = far_host_add(&b->far, "fd00:18::9", 9);

	assert_int_equal(resolve(b, "fd00:18:1::1")->state, KG_NEXTHOP_NO_ROUTE);
	shell("ip -6 route add default via fd00:18::9");
	wait_state(b, "fd00:18:1::1", KG_NEXTHOP_RESOLVING);
	tick(b);
	wait_ready(b, "fd00:18:1::1", &host->mac);
	shell("ip -6 route add unreachable fd00:18:1::/64");
	wait_state(b, "fd00:18:1::1", KG_NEXTHOP_NO_ROUTE);
	shell("ip -6 route del unreachable fd00:18:1::/64");
	wait_ready(b, "fd00:18:1::1", &host->mac);
	shell("ip -6 route del default");
	wait_state(b, "fd00:18:1::1", KG_NEXTHOP_NO_ROUTE);
}

/* An IPv4 destination behind an IPv6 gateway. */
static void a_gateway_may_be_of_the_other_family(void **state)
{
	struct bench *b = *state;
	struct far_host *host = far_host_add(&b->far, "fd00:18::9", 9);

	shell("ip route add 198.19.0.0/16 via inet6 fd00:18::9 dev " TAP);
	assert_int_equal(resolve(b, "198.19.1.1")->state, KG_NEXTHOP_RESOLVING);
	tick(b);
	wait_ready(b, "198.19.1.1", &host->mac);
}

static void other_ways_are_no_ways(void **state)
{
	struct bench *b = *state;

	shell("ip tuntap add kg-other mode tap && ip link set kg-other up && "
	      "ip route add 198.19.0.0/16 dev kg-other");
	assert_int_equal(resolve(b, "198.19.1.1")->state, KG_NEXTHOP_NO_ROUTE);
	assert_int_equal(resolve(b, "198.18.0.2")->state, KG_NEXTHOP_NO_ROUTE);
	assert_int_equal(resolve(b, "127.0.0.1")->state, KG_NEXTHOP_NO_ROUTE);
	assert_int_equal(resolve(b, "224.0.0.1")->state, KG_NEXTHOP_NO_ROUTE);
	assert_int_equal(resolve(b, "::1")->state, KG_NEXTHOP_NO_ROUTE);
	shell("ip link del kg-other");
}

static void rules_links_and_addresses_are_followed(void **state)
{
	struct bench *b = *state;
	struct far_host *host = far_host_add(&b->far, "198.18.0.9", 9);

	resolve(b, "198.18.0.9");
	tick(b);
	wait_ready(b, "198.18.0.9", &host->mac);
	shell("ip rule add to 198.18.0.9 prohibit");
	wait_state(b, "198.18.0.9", KG_NEXTHOP_NO_ROUTE);
	shell("ip rule del to 198.18.0.9 prohibit");
	wait_ready(b, "198.18.0.9", &host->mac);
	shell("ip addr flush dev " TAP " scope global");
	wait_state(b, "198.18.0.9", KG_NEXTHOP_NO_ROUTE);
	shell("ip addr add 198.18.0.2/24 dev " TAP);
	wait_state(b, "198.18.0.9", KG_NEXTHOP_RESOLVING);
	tick(b);
	wait_ready(b, "198.18.0.9", &host->mac);
	shell("echo 1 >/proc/sys/net/ipv6/conf/" TAP "/disable_ipv6"); /* whose events would do */
	for (int i = 0; i < 5; i++)
		turn(b);
	shell("ip link set " TAP " down");
	wait_state(b, "198.18.0.9", KG_NEXTHOP_NO_ROUTE);
	shell("ip link set " TAP " up");
	wait_state(b, "198.18.0.9", KG_NEXTHOP_RESOLVING);
}

/* More than the socket holds happens before anybody looks. */
static void an_overrun_loses_nothing(void **state)
{
	struct bench *b = *state;
	struct far_host *host = far_host_add(&b->far, "198.18.0.9", 9);
	int bytes = 4096;

	resolve(b, "198.18.0.9");
	resolve(b, "198.19.1.1");
	tick(b);
	wait_ready(b, "198.18.0.9", &host->mac);
	assert_int_equal(setsockopt(kg_nexthop_watch_fd(b->watch), SOL_SOCKET, SO_RCVBUF, &bytes,
				    sizeof(bytes)),
			 0);
	shell("for i in $(seq 100 250); do echo neigh add 198.18.0.$i lladdr 02:00:00:00:00:99 "
	      "dev " TAP "; done | ip -batch -");
	shell("ip neigh replace 198.18.0.9 lladdr 02:00:00:00:fa:0b dev " TAP);
	shell("ip route add 198.19.0.0/16 via 198.18.0.9");
	host->mac.bytes[5] = 11;
	for (int i = 0; i < 5; i++)
		turn(b);
	assert_true(leads_to(last(b, "198.18.0.9"), &host->mac));
	assert_true(leads_to(last(b, "198.19.1.1"), &host->mac));
}

static void resolve_many(struct bench *b)
{
	for (unsigned int i = 0; i < MANY; i++) {
		char peer[KG_IP_TEXT_BYTES];
		struct kg_ip address;

		snprintf(peer, sizeof(peer), "198.19.%u.%u", i / 250, 1 + i % 250);
		address = ip(peer);
		kg_nexthop_watch_resolve(b->watch, &address);
	}
}

static void wait_published(struct bench *b, unsigned int published)
{
	for (int i = 0; i < 20 && b->news.published < published; i++)
		turn(b);
	for (int i = 0; i < MANY / 1000; i++)
		tick(b);
	assert_int_equal(b->news.published, published);
}

static void thousands_of_peers_share_a_gateway(void **state)
{
	struct bench *b = *state;
	struct far_host *host = far_host_add(&b->far, "198.18.0.9", 9);

	shell("ip route add 198.19.0.0/16 via 198.18.0.9");
	resolve_many(b);
	assert_int_equal(b->news.published, MANY);
	tick(b);
	wait_published(b, 2 * MANY);
	assert_true(leads_to(last(b, "198.19.0.1"), &host->mac));
	assert_int_equal(host->asked, 1);
	shell("ip route del 198.19.0.0/16");
	wait_published(b, 3 * MANY);
	assert_int_equal(last(b, "198.19.0.1")->state, KG_NEXTHOP_NO_ROUTE);
}

static void what_is_not_taken_is_offered_again(void **state)
{
	struct bench *b = *state;
	struct far_host *host = far_host_add(&b->far, "198.18.0.9", 9);

	shell("ip route add 198.19.0.0/16 via 198.18.0.9");
	resolve_many(b);
	b->news.taken_max = MANY + 10;
	tick(b);
	wait_published(b, MANY + 10);
	b->news.taken_max = MANY + 1000;
	wait_published(b, MANY + 1000);
	b->news.taken_max = 0;
	wait_published(b, 2 * MANY);
	assert_true(leads_to(last(b, "198.19.0.1"), &host->mac));
}

static void the_forgotten_are_left_alone(void **state)
{
	struct bench *b = *state;
	struct far_host *host = far_host_add(&b->far, "198.18.0.9", 9);
	unsigned int published;
	struct kg_ip forgotten;

	resolve(b, "198.18.0.9");
	assert_int_equal(kg_nexthop_watch_count(b->watch), 1);
	forgotten = *kg_nexthop_watch_oldest(b->watch);
	kg_nexthop_watch_forget(b->watch, &forgotten);
	assert_null(kg_nexthop_watch_oldest(b->watch));
	assert_int_equal(kg_nexthop_watch_count(b->watch), 0);
	published = b->news.published;
	tick(b);
	for (int i = 0; i < 10; i++)
		turn(b);
	assert_int_equal(host->asked, 0);
	shell("ip neigh add 198.18.0.9 lladdr 02:00:00:00:fa:09 dev " TAP);
	for (int i = 0; i < 10; i++)
		turn(b);
	assert_int_equal(b->news.published, published);
	assert_int_equal(resolve(b, "198.18.0.9")->state, KG_NEXTHOP_READY);
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(a_routed_packet_resolves_its_next_hop),
		BENCH_TEST(a_watched_neighbour_is_resolved_without_traffic),
		BENCH_TEST(a_new_mac_is_followed),
		BENCH_TEST(nothing_new_is_not_news),
		BENCH_TEST(a_host_that_went_away_is_noticed),
		BENCH_TEST(a_host_that_is_slow_to_answer_serves),
		BENCH_TEST(a_deleted_neighbour_is_gone),
		BENCH_TEST(permanent_neighbours_stay_permanent),
		BENCH_TEST(routes_are_followed),
		BENCH_TEST(a_narrow_route_is_known),
		BENCH_TEST(ipv6_routes_are_followed),
		BENCH_TEST(a_gateway_may_be_of_the_other_family),
		BENCH_TEST(other_ways_are_no_ways),
		BENCH_TEST(rules_links_and_addresses_are_followed),
		BENCH_TEST(an_overrun_loses_nothing),
		BENCH_TEST(thousands_of_peers_share_a_gateway),
		BENCH_TEST(what_is_not_taken_is_offered_again),
		BENCH_TEST(the_forgotten_are_left_alone),
	};

	far_end_start();
	mempool = far_end_mempool("frames", 255, 2048);
	return cmocka_run_group_tests_name("nexthop", tests, NULL, NULL);
}
