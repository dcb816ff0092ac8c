/* SPDX-License-Identifier: BSD-3-Clause */
/* The TAP of a port against Linux: what it mirrors, what goes either way, what is counted. */
#include "kernel/exception.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "far_end.h"
#include "net/checksum.h"
#include "net/frame.h"

#define TAP "kg-test0"
#define MTU 1400

static const struct kg_mac mac = { { 2, 0, 0, 0, 0, 1 } };
static struct rte_mempool *mempool, *many; /* enough for a driver's queue */

static struct kg_exception_params params(void)
{
	static struct kg_prefix addresses[2];
	static struct kg_ip gateways[2];

	assert_true(kg_prefix_parse(&addresses[0], "198.18.0.2/24"));
	assert_true(kg_prefix_parse(&addresses[1], "fd00:18::2/64"));
	assert_true(kg_ip_parse(&gateways[0], "198.18.0.254"));
	assert_true(kg_ip_parse(&gateways[1], "fd00:18::fe"));
	return (struct kg_exception_params){ .name = TAP,
					     .mac = mac,
					     .mtu = MTU,
					     .addresses = addresses,
					     .address_count = 2,
					     .gateways = gateways,
					     .gateway_count = 2,
					     .mempool = mempool };
}

static int make_of(void **state, struct kg_exception_params p)
{
	struct far_end *far = calloc(1, sizeof(*far));
	char error[256] = "";

	far->mempool = p.mempool;
	far->tap = kg_exception_create(&p, error, sizeof(error));
	if (far->tap == NULL)
		print_error("%s\n", error);
	*state = far;
	return far->tap == NULL;
}

static int make(void **state)
{
	return make_of(state, params());
}

/* An interface made by a DPDK driver that is anywhere, in place of virtio_user's by vhost-net. */
static int make_by_driver(void **state)
{
	struct kg_exception_params p = params();

	p.mempool = many;
	p.ethdev = "net_tap";
	p.ethdev_arguments = "";
	return make_of(state, p);
}

/* Nothing is left: no interface, no route, no mbuf. */
static int drop(void **state)
{
	struct far_end *far = *state;

	kg_exception_destroy(far->tap);
	free(far);
	assert_int_equal(if_nametoindex(TAP), 0);
	assert_string_equal(shell_output("ip route; ip -6 route show default"), "");
	assert_int_equal(rte_mempool_in_use_count(mempool), 0);
	assert_int_equal(rte_mempool_in_use_count(many), 0);
	return 0;
}

static void assert_shows(const char *output, const char *text)
{
	if (strstr(output, text) == NULL)
		fail_msg("'%s' is missing in:\n%s", text, output);
}

#define TAP_TEST(name)    cmocka_unit_test_setup_teardown(name, make, drop)
#define DRIVER_TEST(name) cmocka_unit_test_setup_teardown(name, make_by_driver, drop)

static void the_tap_mirrors_the_port(void **state)
{
	struct far_end *far = *state;
	const char *shown = shell_output("ip -d link show dev " TAP);

	assert_int_equal(kg_exception_ifindex(far->tap), if_nametoindex(TAP));
	assert_shows(shown, "link/ether 02:00:00:00:00:01");
	assert_shows(shown, "mtu 1400");
	assert_shows(shown, ",UP");
	shown = shell_output("ip -o addr show dev " TAP);
	assert_shows(shown, "198.18.0.2/24");
	assert_shows(shown, "fd00:18::2/64");
	assert_null(
		strstr(shell_output("ip -6 -o addr show dev " TAP " to fd00::/8"), "tentative"));
	assert_shows(shell_output("ip route show default"), "via 198.18.0.254 dev " TAP);
	assert_shows(shell_output("ip -6 route show default"), "via fd00:18::fe dev " TAP);
	shown = shell_output("cd /proc/sys/net && cat ipv4/conf/" TAP "/arp_ignore "
			     "ipv4/conf/" TAP "/arp_announce ipv6/conf/" TAP "/accept_ra "
			     "ipv6/conf/" TAP "/autoconf");
	assert_string_equal(shown, "1\n2\n0\n0\n");
}

static const char *setting(const char *name)
{
	return shell_output("cat /proc/sys/net/%s", name);
}

static void senders_do_not_choose_the_way(void **state)
{
	struct kg_exception_params p = params();
	struct far_end *far = *state;
	char error[256];

	assert_string_equal(setting("ipv4/conf/" TAP "/accept_redirects"), "0\n");
	assert_string_equal(setting("ipv4/conf/" TAP "/accept_source_route"), "0\n");
	assert_string_equal(setting("ipv6/conf/" TAP "/accept_redirects"), "0\n");
	assert_string_equal(setting("ipv6/conf/" TAP "/accept_source_route"), "-1\n");
	assert_string_equal(setting("ipv4/conf/" TAP "/rp_filter"), "1\n");

	/* Without the default route answers may leave elsewhere. */
	kg_exception_destroy(far->tap);
	p.gateway_count = 0;
	far->tap = kg_exception_create(&p, error, sizeof(error));
	assert_string_equal(setting("ipv4/conf/" TAP "/rp_filter"), "2\n");
}

static void expect_refused(const struct kg_exception_params *p, const char *text)
{
	char error[256] = "";

	assert_null(kg_exception_create(p, error, sizeof(error)));
	assert_shows(error, p->name);
	assert_shows(error, text);
}

static void a_tap_that_cannot_be_had_says_why(void **state)
{
	struct kg_exception_params p = params();
	struct kg_prefix elsewhere;
	struct kg_ip gateway;

	expect_refused(&p, "exists already");
	p.name = "kg-name-too-long";
	expect_refused(&p, "longer than 15");
	p.name = "kg-test1";
	p.address_count = p.gateway_count = 1;
	p.addresses = &elsewhere;
	p.gateways = &gateway;
	assert_true(kg_prefix_parse(&elsewhere, "198.18.9.2/24"));
	assert_true(kg_ip_parse(&gateway, "198.18.9.254"));
	expect_refused(&p, "gateway 198.18.9.254: the system has an IPv4 default route");
	assert_true(kg_ip_parse(&gateway, "198.18.8.254"));
	expect_refused(&p, "gateway 198.18.8.254: Network is unreachable");
	p.gateway_count = 0;
	elsewhere.length = 33;
	expect_refused(&p, "address 198.18.9.2/33: Invalid argument");
	assert_int_equal(if_nametoindex("kg-test1"), 0);
}

static void buffers_hold_whole_frames(void **state)
{
	struct kg_exception_params p = params();
	char tiny[8];

	p.name = "kg-test1";
	p.mempool = far_end_mempool("small", 15, MTU + KG_ETHER_BYTES - 1);
	expect_refused(&p, "too small for MTU 1400");
	assert_null(kg_exception_create(&p, tiny, sizeof(tiny)));
	assert_string_equal(tiny, "tap kg-");
	rte_mempool_free(p.mempool);
}

static void put_ipv4(uint8_t *ip, uint16_t total_bytes, uint8_t protocol, const char *source,
		     const char *destination)
{
	uint16_t sum;

	memset(ip, 0, KG_IPV4_BYTES);
	ip[0] = 0x45;
	kg_store_be16(ip + 2, total_bytes);
	ip[8] = 64;
	ip[9] = protocol;
	inet_pton(AF_INET, source, ip + 12);
	inet_pton(AF_INET, destination, ip + 16);
	sum = (uint16_t)~kg_checksum_fold(kg_checksum_add(0, ip, KG_IPV4_BYTES));
	memcpy(ip + 10, &sum, 2);
}

static void a_ping_is_answered(void **state)
{
	struct far_end *far = *state;
	struct far_host *host = far_host_add(far, "198.18.0.1", 1);
	uint8_t frame[KG_ETHER_BYTES + KG_IPV4_BYTES + 8] = { 0 };
	uint8_t *icmp = frame + KG_ETHER_BYTES + KG_IPV4_BYTES;
	uint16_t sum;

	memcpy(frame, mac.bytes, 6);
	memcpy(frame + 6, host->mac.bytes, 6);
	kg_store_be16(frame + 12, 0x0800);
	put_ipv4(frame + KG_ETHER_BYTES, KG_IPV4_BYTES + 8, 1, "198.18.0.1", "198.18.0.2");
	icmp[0] = 8;
	icmp[7] = 77;
	sum = (uint16_t)~kg_checksum_fold(kg_checksum_add(0, icmp, 8));
	memcpy(icmp + 2, &sum, 2);
	far_end_write(far, frame, sizeof(frame));

	far_end_wait_frame(far);
	assert_true(host->asked > 0);
	icmp = far->frame + KG_ETHER_BYTES + KG_IPV4_BYTES;
	assert_memory_equal(far->frame, host->mac.bytes, 6);
	assert_memory_equal(far->frame + 6, mac.bytes, 6);
	assert_int_equal(icmp[0], 0);
	assert_int_equal(icmp[7], 77);
	assert_true(kg_exception_get_stats(far->tap)->to_kernel >= 2);
	assert_true(kg_exception_get_stats(far->tap)->from_kernel >= 2);
	assert_int_equal(kg_exception_get_stats(far->tap)->errors, 0);
}

/* The kernel answers ARP for the address of the TAP, and not for that of another interface. */
static void arp_is_answered_for_own_addresses_only(void **state)
{
	static const uint8_t request[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0,  0, 0, 0xfa,
					   1,    0x08, 0x06, 0,    1,    8,    0,   6,  4, 0, 1,
					   2,    0,    0,    0,    0xfa, 1,    198, 18, 0, 1, 0,
					   0,    0,    0,    0,    0,    198,  18,  0,  2 };
	struct far_end *far = *state;
	uint8_t other[sizeof(request)];

	shell("ip addr add 198.18.7.7/32 dev lo");
	memcpy(other, request, sizeof(request));
	other[sizeof(other) - 2] = other[sizeof(other) - 1] = 7;
	far_end_write(far, other, sizeof(other));
	far_end_write(far, request, sizeof(request));
	for (int i = 0; i < 20; i++)
		far_end_turn(far, 10);
	assert_int_equal(far->arp_replies, 1);
	shell("ip addr del 198.18.7.7/32 dev lo");
}

static void unfilled_checksums_reach_sockets(void **state)
{
	struct far_end *far = *state;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(4000) };
	struct timeval patience = { .tv_sec = 2 };
	struct kg_endpoint a = { .port = 3000 }, b = { .port = 4000 };
	static const struct kg_mac peer = { { 2, 0, 0, 0, 0xfa, 1 } };
	uint8_t frame[128], got[16];
	struct kg_l2 l2;
	uint16_t len;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	kg_ip_parse(&a.ip, "198.18.0.1");
	kg_ip_parse(&b.ip, "198.18.0.2");
	kg_l2_init(&l2, &peer, &mac, 0);
	len = kg_frame_header_bytes(&l2, 4);
	memcpy(frame + len, "kcpgate", 7);
	kg_frame_build(frame, &l2, &a, &b, 7, 1, KG_FRAME_CSUM_OFFLOAD);
	put_ipv4(frame + KG_ETHER_BYTES, KG_IPV4_BYTES + KG_UDP_BYTES + 7, 17, "198.18.0.1",
		 "198.18.0.2");
	far_end_write(far, frame, len + 7u);
	assert_int_equal(recv(fd, got, sizeof(got), 0), 7);
	assert_memory_equal(got, "kcpgate", 7);
	close(fd);
}

/* An IP packet of ours, its checksum left to whoever sends it. */
static struct rte_mbuf *packet(const char *source, const char *destination)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(mempool);
	struct kg_endpoint a = { .port = 3000 }, b = { .port = 4000 };
	struct kg_l2 l2;
	uint16_t len;

	kg_ip_parse(&a.ip, source);
	kg_ip_parse(&b.ip, destination);
	kg_l2_init(&l2, &mac, &mac, 0);
	len = kg_frame_header_bytes(&l2, a.ip.version);
	memcpy(rte_pktmbuf_append(mbuf, len + 7) + len, "kcpgate", 7);
	kg_frame_build(rte_pktmbuf_mtod(mbuf, uint8_t *), &l2, &a, &b, 7, 0x1234,
		       KG_FRAME_CSUM_OFFLOAD);
	rte_pktmbuf_adj(mbuf, KG_ETHER_BYTES);
	return mbuf;
}

/* Routed by the kernel: resolved, given its checksums and sent to the host, or by way of it. */
static void expect_routed(struct far_end *far, struct far_host *via, const char *source,
			  const char *destination)
{
	uint8_t before[sizeof(far->frame)];
	char ip[KG_IP_TEXT_BYTES];
	struct kg_frame frame;

	far->frame_bytes = 0;
	kg_exception_route(far->tap, packet(source, destination));
	far_end_wait_frame(far);
	assert_true(via->asked > 0);
	assert_memory_equal(far->frame, via->mac.bytes, 6);
	kg_frame_parse(&frame, far->frame, far->frame_bytes, 0, 0);
	assert_int_equal(frame.kind, KG_FRAME_UDP);
	assert_string_equal(kg_ip_text(&frame.source.ip, ip), source);
	assert_string_equal(kg_ip_text(&frame.destination.ip, ip), destination);
	assert_int_equal(frame.destination.port, 4000);
	assert_memory_equal(far->frame + frame.payload_offset, "kcpgate", 7);
	/* the sum is complete: taken for unfilled, it would be changed now */
	memcpy(before, far->frame, far->frame_bytes);
	kg_frame_complete_checksum(far->frame, far->frame_bytes);
	assert_memory_equal(far->frame, before, far->frame_bytes);
}

static void the_kernel_routes_our_packets(void **state)
{
	struct far_end *far = *state;
	struct far_host *host4 = far_host_add(far, "198.18.0.1", 1);
	struct far_host *host6 = far_host_add(far, "fd00:18::1", 2);
	struct far_host *gateway4 = far_host_add(far, "198.18.0.254", 3);
	struct far_host *gateway6 = far_host_add(far, "fd00:18::fe", 4);

	expect_routed(far, host4, "198.18.0.2", "198.18.0.1");
	expect_routed(far, host6, "fd00:18::2", "fd00:18::1");
	expect_routed(far, gateway4, "198.18.0.2", "198.19.0.1");
	expect_routed(far, gateway6, "fd00:18::2", "fd00:18:1::1");
	assert_int_equal(kg_exception_get_stats(far->tap)->routed, 4);
	assert_int_equal(kg_exception_get_stats(far->tap)->errors, 0);
}

static void what_cannot_be_routed_is_counted(void **state)
{
	struct far_end *far = *state;
	static const uint8_t lengths[] = { 0, 1, 19, 39 };

	shell("ip route del default");
	kg_exception_route(far->tap, packet("198.18.0.2", "198.19.0.1"));
	assert_int_equal(kg_exception_get_stats(far->tap)->errors, 1);
	for (size_t i = 0; i < KG_ARRAY_SIZE(lengths); i++) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(mempool);

		memset(rte_pktmbuf_append(mbuf, lengths[i]), 0x60, lengths[i]);
		kg_exception_route(far->tap, mbuf);
	}
	assert_int_equal(kg_exception_get_stats(far->tap)->errors, 5);
	assert_int_equal(kg_exception_get_stats(far->tap)->routed, 0);
}

static void chained_frames_are_written_whole(void **state)
{
	struct far_end *far = *state;
	struct rte_mbuf *head = rte_pktmbuf_alloc(mempool), *tail = rte_pktmbuf_alloc(mempool);
	uint64_t errors = kg_exception_get_stats(far->tap)->errors;

	memset(rte_pktmbuf_append(head, 60), 0, 60);
	memset(rte_pktmbuf_append(tail, 40), 0, 40);
	assert_int_equal(rte_pktmbuf_chain(head, tail), 0);
	kg_exception_write(far->tap, &head, 1);
	assert_int_equal(kg_exception_get_stats(far->tap)->errors, errors);
	head = rte_pktmbuf_alloc(mempool); /* empty: the kernel refuses it */
	kg_exception_write(far->tap, &head, 1);
	assert_int_equal(kg_exception_get_stats(far->tap)->errors, errors + 1);
}

/* Something that Linux sends at once, and as long as we like. */
static void send_broadcast(unsigned int bytes)
{
	static const char payload[8000];
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };

	inet_pton(AF_INET, "198.18.0.255", &to.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	assert_int_equal(sendto(fd, payload, bytes, 0, (struct sockaddr *)&to, sizeof(to)), bytes);
	close(fd);
}

static bool readable(const struct far_end *far)
{
	struct pollfd ready = { .fd = kg_exception_fd(far->tap), .events = POLLIN };

	return poll(&ready, 1, 0) == 1;
}

static void frames_longer_than_a_buffer_are_counted(void **state)
{
	struct far_end *far = *state;

	shell("ip link set dev " TAP " mtu 4000");
	while (far_end_turn(far, 100))
		;
	send_broadcast(3900);
	assert_true(readable(far));
	assert_null(kg_exception_read(far->tap));
	assert_false(readable(far));
	assert_int_equal(kg_exception_get_stats(far->tap)->errors, 1);
}

/* The descriptor must not stay readable, or its thread would spin. */
static void frames_are_lost_when_no_buffer_is_left(void **state)
{
	struct far_end *far = *state;
	struct rte_mbuf *all[1024];
	unsigned int count = 0;

	while (far_end_turn(far, 100))
		;
	while ((all[count] = rte_pktmbuf_alloc(mempool)) != NULL)
		count++;
	send_broadcast(100);
	assert_true(readable(far));
	assert_null(kg_exception_read(far->tap));
	assert_false(readable(far));
	assert_int_equal(kg_exception_get_stats(far->tap)->errors, 1);
	while (count > 0)
		rte_pktmbuf_free(all[--count]);
	send_broadcast(100);
	far_end_wait_frame(far);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TAP_TEST(the_tap_mirrors_the_port),
		TAP_TEST(senders_do_not_choose_the_way),
		TAP_TEST(a_tap_that_cannot_be_had_says_why),
		TAP_TEST(buffers_hold_whole_frames),
		TAP_TEST(a_ping_is_answered),
		TAP_TEST(arp_is_answered_for_own_addresses_only),
		TAP_TEST(unfilled_checksums_reach_sockets),
		TAP_TEST(the_kernel_routes_our_packets),
		TAP_TEST(what_cannot_be_routed_is_counted),
		TAP_TEST(chained_frames_are_written_whole),
		TAP_TEST(frames_longer_than_a_buffer_are_counted),
		TAP_TEST(frames_are_lost_when_no_buffer_is_left),
		DRIVER_TEST(the_tap_mirrors_the_port),
		DRIVER_TEST(a_ping_is_answered),
		DRIVER_TEST(arp_is_answered_for_own_addresses_only),
		DRIVER_TEST(unfilled_checksums_reach_sockets),
		DRIVER_TEST(the_kernel_routes_our_packets),
	};

	far_end_start();
	mempool = far_end_mempool("frames", 255, 2048);
	many = far_end_mempool("many", 2047, 2048);
	return cmocka_run_group_tests_name("exception", tests, NULL, NULL);
}
