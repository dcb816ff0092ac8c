/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP that Linux sends to a TAP, where the port has an interface of Linux's: a super-frame leaves
 * there and is cut behind it, and all else is still read from the TAP.
 */
#include "kernel/exception.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "far_end.h"
#include "net/merge.h"
#include "tcp_frames.h"

#define TAP     "kg-test0"
#define PORT    "port"
#define WIRE    "wire" /* the other end of the port's cable */
#define SEQ     1000
#define MSS     1000
#define PIECES  8
#define MANY    400 /* more than may be under way, less than a TAP's queue holds */
#define WAIT_MS 10000

static struct rte_mempool *mempool;
static struct kg_exception *tap;
static int linux_fd, wire_fd;
static struct tcp_frame frame;

static int packet_socket(unsigned int ifindex, uint16_t protocol)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)ifindex,
				  .sll_protocol = htobe16(protocol) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, at.sll_protocol);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static int make(void **state)
{
	struct kg_exception_params params = {
		.name = TAP, .mac = { { 2, 0, 0, 0, 0, 1 } }, .mtu = 1500, .mempool = mempool
	};
	char error[256] = "";
	int on = 1;

	(void)state;
	shell("ip link add " PORT " type veth peer name " WIRE);
	shell("ethtool -K " PORT " tso off gso off tx off > /dev/null");
	shell("ip link set " PORT " up && ip link set " WIRE " up");
	params.port_ifindex = if_nametoindex(PORT);
	tap = kg_exception_create(&params, error, sizeof(error));
	assert_string_equal(error, "");
	linux_fd = packet_socket(kg_exception_ifindex(tap), 0);
	assert_int_equal(setsockopt(linux_fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	wire_fd = packet_socket(if_nametoindex(WIRE), 0x0003);
	return 0;
}

static int end(void **state)
{
	(void)state;
	close(linux_fd);
	close(wire_fd);
	kg_exception_destroy(tap);
	shell("ip link delete " PORT);
	assert_int_equal(rte_mempool_in_use_count(mempool), 0);
	return 0;
}

static uint8_t gso_type(void)
{
	return frame.ip_bytes == KG_IPV4_BYTES ? VIRTIO_NET_HDR_GSO_TCPV4
					       : VIRTIO_NET_HDR_GSO_TCPV6;
}

/* As Linux's TCP does: the sum is left to others, and with `piece` the cutting. */
static void linux_sends(uint16_t piece)
{
	uint16_t pseudo = kg_checksum_fold(tcp_pseudo(&frame));
	struct virtio_net_hdr header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = piece == 0 ? VIRTIO_NET_HDR_GSO_NONE : gso_type(),
		.hdr_len = (uint16_t)(tcp_payload(&frame) - frame.bytes),
		.gso_size = piece,
		.csum_start = (uint16_t)(tcp_of(&frame) - frame.bytes),
		.csum_offset = 16,
	};
	struct iovec parts[] = { { &header, sizeof(header) }, { frame.bytes, frame.len } };

	memcpy(tcp_of(&frame) + 16, &pseudo, sizeof(pseudo));
	assert_int_equal(writev(linux_fd, parts, 2), sizeof(header) + frame.len);
}

/* The next TCP frame on the wire, whole: what is expected of the connection, and a good sum. */
static void expect_on_wire(uint32_t seq, size_t payload_bytes)
{
	struct pollfd fd = { .fd = wire_fd, .events = POLLIN };
	struct kg_merge_frame part;
	uint8_t bytes[2048];
	struct tcp_frame piece;
	size_t len;

	do {
		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
		len = (size_t)recv(wire_fd, bytes, sizeof(bytes), 0);
		kg_merge_look(&part, bytes, len, false);
	} while (part.kind == KG_MERGE_FOREIGN); /* Linux looks for neighbours */
	assert_int_equal(part.kind, KG_MERGE_PART);
	assert_int_equal(part.payload_bytes, payload_bytes);
	assert_int_equal(kg_load_be32(bytes + part.tcp_at + 4), seq);
	tcp_frame_make(&piece, frame.ip_bytes == KG_IPV4_BYTES ? 4 : 6, 1, seq, payload_bytes,
		       TCP_ACK);
	assert_memory_equal(bytes + part.payload_at, tcp_payload(&piece), payload_bytes);
}

/* What the worker is left with of what Linux has sent: frames of this length. */
static unsigned int read_from_tap(size_t len)
{
	struct rte_mbuf *mbuf;
	unsigned int count = 0;

	while ((mbuf = kg_exception_read(tap)) != NULL) {
		count += rte_pktmbuf_pkt_len(mbuf) == len;
		rte_pktmbuf_free(mbuf);
	}
	return count;
}

static void leaves_whole(uint8_t version)
{
	const struct kg_exception_stats *stats = kg_exception_get_stats(tap);

	tcp_frame_make(&frame, version, 1, SEQ, (PIECES - 1) * MSS + 1, TCP_ACK);
	linux_sends(MSS);
	assert_int_equal(read_from_tap(frame.len), 0);
	for (unsigned int i = 0; i < PIECES - 1; i++)
		expect_on_wire(SEQ + i * MSS, MSS);
	expect_on_wire(SEQ + (PIECES - 1) * MSS, 1);
	assert_int_equal(stats->whole, PIECES);
	assert_int_equal(stats->cut, 0);
	assert_int_equal(stats->errors, 0);
}

static void super_frames_of_ipv4_leave_whole(void **state)
{
	(void)state;
	leaves_whole(4);
}

static void super_frames_of_ipv6_leave_whole(void **state)
{
	(void)state;
	leaves_whole(6);
}

/* Else they would change places with those that are cut elsewhere. */
static void single_frames_go_the_same_way(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < PIECES; i++) {
		tcp_frame_make(&frame, 4, 1, SEQ + i, 1, TCP_ACK);
		linux_sends(0);
	}
	for (unsigned int i = 0; i < PIECES; i++)
		assert_int_equal(read_from_tap(frame.len), 0);
	for (unsigned int i = 0; i < PIECES; i++)
		expect_on_wire(SEQ + i, 1);
	assert_int_equal(kg_exception_get_stats(tap)->whole, PIECES);
}

static void all_else_is_the_workers(void **state)
{
	(void)state;
	tcp_frame_make(&frame, 4, 1, SEQ, 333, TCP_ACK);
	frame.bytes[KG_ETHER_BYTES + 9] = 17;
	linux_sends(0);
	frame.bytes[KG_ETHER_BYTES + 9] = 6;
	frame.bytes[KG_ETHER_BYTES + 6] = 0x20; /* more fragments */
	linux_sends(0);
	tcp_frame_make(&frame, 6, 1, SEQ, 333 - 20, TCP_ACK);
	frame.bytes[KG_ETHER_BYTES + 6] = 0; /* hop-by-hop options */
	linux_sends(0);
	assert_int_equal(read_from_tap(frame.len), 3);
	assert_int_equal(kg_exception_get_stats(tap)->whole, 0);
}

static void what_a_port_that_is_down_loses_is_counted(void **state)
{
	const struct kg_exception_stats *stats = kg_exception_get_stats(tap);

	(void)state;
	shell("ip link set " PORT " down");
	tcp_frame_make(&frame, 4, 1, SEQ, PIECES * MSS, TCP_ACK);
	linux_sends(MSS);
	assert_int_equal(read_from_tap(frame.len), 0);
	assert_int_equal(stats->errors, PIECES);
	shell("ip link set " PORT " up");
	linux_sends(MSS);
	assert_int_equal(read_from_tap(frame.len), 0);
	assert_int_equal(stats->whole, PIECES);
}

/* Reads until nothing more leaves. */
static void pump_out(void)
{
	uint64_t before;

	do {
		before = kg_exception_get_stats(tap)->whole;
		assert_int_equal(read_from_tap(frame.len), 0);
	} while (kg_exception_get_stats(tap)->whole > before);
}

static void what_finds_no_room_waits(void **state)
{
	const struct kg_exception_stats *stats = kg_exception_get_stats(tap);

	(void)state;
	shell("tc qdisc add dev " PORT " root tbf rate 8mbit burst 20kb limit 100mb");
	tcp_frame_make(&frame, 4, 1, SEQ, PIECES * MSS, TCP_ACK);
	for (unsigned int i = 0; i < MANY; i++)
		linux_sends(MSS);
	pump_out();
	assert_true(kg_exception_waits(tap));
	assert_true(stats->whole > 0 && stats->whole < MANY * PIECES);
	shell("tc qdisc change dev " PORT " root tbf rate 10gbit burst 1mb limit 100mb");
	for (unsigned int i = 0; i < WAIT_MS && stats->whole < MANY * PIECES; i++) {
		pump_out();
		usleep(1000);
	}
	assert_int_equal(stats->whole, MANY * PIECES);
	assert_int_equal(stats->errors, 0);
	assert_false(kg_exception_waits(tap));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(super_frames_of_ipv4_leave_whole, make, end),
		cmocka_unit_test_setup_teardown(super_frames_of_ipv6_leave_whole, make, end),
		cmocka_unit_test_setup_teardown(single_frames_go_the_same_way, make, end),
		cmocka_unit_test_setup_teardown(all_else_is_the_workers, make, end),
		cmocka_unit_test_setup_teardown(what_finds_no_room_waits, make, end),
		cmocka_unit_test_setup_teardown(what_a_port_that_is_down_loses_is_counted, make,
						end),
	};

	far_end_start();
	mempool = far_end_mempool("frames", 255, 2048);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
