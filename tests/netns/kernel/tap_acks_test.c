/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Acknowledgements of a burst, given to a TAP: the last of each flow is what Linux sees, in its
 * place among the other frames, and those that are repeated are seen as often as they came.
 */
#include "kernel/exception.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "far_end.h"
#include "tcp_frames.h"

#define TAP     "kg-test0"
#define SEQ     1000
#define MSS     1448
#define WAIT_MS 10000
#define COUNT   10

static struct rte_mempool *mempool;
static struct kg_exception *tap;
static int seen_fd; /* sees what Linux gets */
static struct rte_mbuf *burst[2 * COUNT];
static unsigned int count;

static int make(void **state)
{
	struct kg_exception_params params = {
		.name = TAP, .mac = { { 2, 0, 0, 0, 0, 1 } }, .mtu = 1500, .mempool = mempool
	};
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htobe16(0x0800) };
	char error[256] = "";

	(void)state;
	tap = kg_exception_create(&params, error, sizeof(error));
	assert_string_equal(error, "");
	at.sll_ifindex = (int)kg_exception_ifindex(tap);
	seen_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, at.sll_protocol);
	assert_true(seen_fd >= 0);
	assert_int_equal(bind(seen_fd, (struct sockaddr *)&at, sizeof(at)), 0);
	count = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	close(seen_fd);
	kg_exception_destroy(tap);
	assert_int_equal(rte_mempool_in_use_count(mempool), 0);
	return 0;
}

/* To the burst: of a flow, what it acknowledges, and payload. */
static void add(uint16_t source_port, uint32_t ack, size_t payload_bytes)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(mempool);
	struct tcp_frame f;

	assert_non_null(frame);
	tcp_frame_make(&f, 4, 1, SEQ, payload_bytes, TCP_ACK);
	kg_store_be16(tcp_of(&f), source_port);
	kg_store_be32(tcp_of(&f) + 8, ack);
	tcp_frame_sum(&f);
	memcpy(rte_pktmbuf_append(frame, (uint16_t)f.len), f.bytes, f.len);
	burst[count++] = frame;
}

struct seen {
	uint16_t source_port;
	uint32_t ack;
};

/* The next frame that Linux was given. */
static struct seen next(size_t payload_bytes)
{
	struct pollfd fd = { .fd = seen_fd, .events = POLLIN };
	const uint8_t *tcp;
	uint8_t frame[2048];
	ssize_t len;

	assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
	len = recv(seen_fd, frame, sizeof(frame), 0);
	assert_int_equal(len, KG_ETHER_BYTES + KG_IPV4_BYTES + 32 + payload_bytes);
	tcp = frame + KG_ETHER_BYTES + KG_IPV4_BYTES;
	return (struct seen){ kg_load_be16(tcp), kg_load_be32(tcp + 8) };
}

static void expect(uint32_t ack, size_t payload_bytes)
{
	assert_int_equal(next(payload_bytes).ack, ack);
}

static void give(unsigned int to_kernel, unsigned int spared)
{
	const struct kg_exception_stats *stats = kg_exception_get_stats(tap);

	kg_exception_write(tap, burst, count);
	assert_int_equal(stats->to_kernel, to_kernel);
	assert_int_equal(stats->acks_spared, spared);
	assert_int_equal(stats->errors, 0);
}

static void the_last_of_each_flow_is_given(void **state)
{
	struct seen first, second;

	(void)state;
	for (unsigned int i = 0; i < COUNT; i++) {
		add(3000, 100 + i, 0);
		if (i < COUNT - 1)
			add(3001, 200 + i, 0);
	}
	give(2, 2 * COUNT - 3);
	/* flows have no order among each other */
	first = next(0);
	second = next(0);
	assert_int_equal(first.source_port + second.source_port, 3000 + 3001);
	assert_int_equal(first.ack, first.source_port == 3000 ? 109 : 208);
	assert_int_equal(second.ack, second.source_port == 3000 ? 109 : 208);
}

static void it_keeps_its_place(void **state)
{
	(void)state;
	add(3000, 100, 0);
	add(3000, 101, 0);
	add(3000, 101, MSS);
	add(3000, 102, 0);
	add(3000, 103, 0);
	give(3, 2);
	expect(101, 0);
	expect(101, MSS);
	expect(103, 0);
}

static void repeated_ones_are_given(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		add(3000, 100, 0);
	give(3, 0);
	for (unsigned int i = 0; i < 3; i++)
		expect(100, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_last_of_each_flow_is_given, make, end),
		cmocka_unit_test_setup_teardown(it_keeps_its_place, make, end),
		cmocka_unit_test_setup_teardown(repeated_ones_are_given, make, end),
	};

	far_end_start();
	mempool = far_end_mempool("frames", 255, 2048);
	return cmocka_run_group_tests_name("tap_acks", tests, NULL, NULL);
}
