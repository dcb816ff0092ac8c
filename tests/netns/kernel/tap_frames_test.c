/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP of two Linux hosts whose TAPs are joined by a wire that loses, repeats, reorders and corrupts
 * frames: every byte arrives as it was sent, through frames that are merged and cut.
 *
 *     socket ── Linux ── TAP ── kg_exception ── bad wire ── kg_exception ── TAP ── Linux ── socket
 *
 * One thread does it all: sends, moves frames, receives, in turn.
 */
#include "kernel/exception.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "far_end.h"

#define TAP      "kg-test0"
#define PORT     4000
#define BURST    64
#define BYTES    (3 << 20)
#define WAIT_S   100 /* for what must come; a loaded machine takes its time */
#define SEED     0x5eed0067
#define SLOW     4096 /* what a slow reader reads in a turn */
#define MTU_MAX  9000
#define UDP_SIZE 1000

enum {
	A,
	B
};

struct host {
	int ns;
	struct kg_exception *tap;
	int fd;
};

/* Of a thousand frames. */
struct wire {
	unsigned int lost, repeated, swapped, corrupted;
};

static const struct wire good, bad = { 10, 10, 20, 10 };
static struct rte_mempool *mempool;
static struct host hosts[2];
static struct kg_rng rng;
static uint64_t moved[2], freed; /* frames given to each host; those that were lost on purpose */

static void enter(const struct host *host)
{
	assert_int_equal(setns(host->ns, CLONE_NEWNET), 0);
}

static void make_host(unsigned int which, uint16_t mtu)
{
	struct host *host = &hosts[which];
	struct kg_prefix addresses[2];
	struct kg_exception_params params = {
		.name = TAP,
		.mac = { { 2, 0, 0, 0, 0, (uint8_t)(1 + which) } },
		.mtu = mtu,
		.addresses = addresses,
		.address_count = 2,
		.mempool = mempool,
	};
	char error[256] = "";

	assert_true(kg_prefix_parse(&addresses[0], which == A ? "198.18.0.1/24" : "198.18.0.2/24"));
	assert_true(kg_prefix_parse(&addresses[1], which == A ? "fd00:18::1/64" : "fd00:18::2/64"));
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	shell("ip link set lo up");
	host->ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	host->tap = kg_exception_create(&params, error, sizeof(error));
	assert_string_equal(error, "");
	host->fd = -1;
}

static void make(uint16_t mtu)
{
	kg_rng_init(&rng, SEED);
	moved[A] = moved[B] = freed = 0;
	make_host(A, mtu);
	make_host(B, mtu);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_sockets(void)
{
	close_fd(&hosts[A].fd);
	close_fd(&hosts[B].fd);
}

/* Nothing is left of it, and every frame is accounted for. */
static void drop(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct kg_exception_stats *stats = kg_exception_get_stats(hosts[i].tap);

		assert_int_equal(stats->to_kernel + stats->acks_spared + stats->errors, moved[i]);
		close_fd(&hosts[i].fd);
		kg_exception_destroy(hosts[i].tap);
		close_fd(&hosts[i].ns);
	}
	assert_int_equal(rte_mempool_in_use_count(mempool), 0);
}

/* ---- the wire ---- */

static bool happens(unsigned int of_thousand)
{
	return kg_rng_below(&rng, 1000) < of_thousand;
}

/* Beyond the Ethernet header: a host would not take another MAC's. */
static void corrupt(struct rte_mbuf *frame)
{
	uint32_t bits = (rte_pktmbuf_data_len(frame) - KG_ETHER_BYTES) * 8u;
	uint32_t bit = kg_rng_below(&rng, bits);

	rte_pktmbuf_mtod_offset(frame, uint8_t *, KG_ETHER_BYTES)[bit / 8] ^=
		(uint8_t)(1u << bit % 8);
}

static unsigned int impair(const struct wire *wire, struct rte_mbuf **frames, unsigned int count,
			   struct rte_mbuf *frame)
{
	if (happens(wire->lost)) {
		rte_pktmbuf_free(frame);
		freed++;
		return count;
	}
	frames[count++] = frame;
	if (happens(wire->repeated))
		frames[count++] = rte_pktmbuf_copy(frame, mempool, 0, UINT32_MAX);
	if (count > 1 && happens(wire->swapped)) {
		struct rte_mbuf *last = frames[count - 1];

		frames[count - 1] = frames[count - 2];
		frames[count - 2] = last;
	}
	if (happens(wire->corrupted))
		corrupt(frame);
	return count;
}

/* What has come out of one host's TAP, into the other's. */
static void move(const struct wire *wire, unsigned int from)
{
	struct rte_mbuf *frames[2 * BURST], *frame;
	unsigned int count = 0;

	for (unsigned int i = 0; i < BURST; i++) {
		frame = kg_exception_read(hosts[from].tap);
		if (frame == NULL)
			break;
		count = impair(wire, frames, count, frame);
	}
	moved[!from] += count;
	kg_exception_write(hosts[!from].tap, frames, count);
}

/* Until a frame or a socket has something; Linux's timers bring the rest. */
static void rest(void)
{
	struct pollfd fds[] = { { .fd = kg_exception_fd(hosts[A].tap), .events = POLLIN },
				{ .fd = kg_exception_fd(hosts[B].tap), .events = POLLIN },
				{ .fd = hosts[B].fd, .events = POLLIN } };

	if (!kg_exception_has_frames(hosts[A].tap) && !kg_exception_has_frames(hosts[B].tap))
		poll(fds, KG_ARRAY_SIZE(fds), 10);
}

static void turn(const struct wire *wire)
{
	move(wire, A);
	move(wire, B);
	rest();
}

static bool is_late(time_t since)
{
	return time(NULL) - since > WAIT_S;
}

/* ---- sockets ---- */

static socklen_t address_of(struct sockaddr_storage *address, int family, unsigned int host)
{
	struct sockaddr_in *four = (struct sockaddr_in *)address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (family == AF_INET) {
		four->sin_family = AF_INET;
		four->sin_port = htons(PORT);
		inet_pton(AF_INET, host == A ? "198.18.0.1" : "198.18.0.2", &four->sin_addr);
		return sizeof(*four);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(PORT);
	inet_pton(AF_INET6, host == A ? "fd00:18::1" : "fd00:18::2", &six->sin6_addr);
	return sizeof(*six);
}

static int open_socket(unsigned int host, int family, int type)
{
	int fd;

	enter(&hosts[host]);
	fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	return fd;
}

static void bind_to(int fd, int family)
{
	struct sockaddr_storage address;
	socklen_t len = address_of(&address, family, B);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
}

/* From A to B, over the wire. */
static void connect_hosts(const struct wire *wire, int family)
{
	struct sockaddr_storage address;
	socklen_t len = address_of(&address, family, B);
	int listener = open_socket(B, family, SOCK_STREAM);
	time_t begin = time(NULL);

	bind_to(listener, family);
	assert_int_equal(listen(listener, 1), 0);
	hosts[A].fd = open_socket(A, family, SOCK_STREAM);
	if (connect(hosts[A].fd, (struct sockaddr *)&address, len) != 0)
		assert_int_equal(errno, EINPROGRESS);
	while ((hosts[B].fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) < 0 && !is_late(begin))
		turn(wire);
	close(listener);
	assert_true(hosts[B].fd >= 0);
}

static uint8_t byte_at(size_t at)
{
	return (uint8_t)(at * 2654435761u >> 13);
}

static size_t send_some(size_t sent)
{
	uint8_t bytes[65536];
	size_t count = KG_MIN(sizeof(bytes), BYTES - sent);
	ssize_t taken;

	for (size_t i = 0; i < count; i++)
		bytes[i] = byte_at(sent + i);
	taken = send(hosts[A].fd, bytes, count, MSG_NOSIGNAL);
	return taken > 0 ? (size_t)taken : 0;
}

static size_t receive_some(size_t received, size_t most)
{
	uint8_t bytes[65536];
	ssize_t count = recv(hosts[B].fd, bytes, KG_MIN(most, sizeof(bytes)), 0);

	for (ssize_t i = 0; i < count; i++)
		assert_int_equal(bytes[i], byte_at(received + (size_t)i));
	return count > 0 ? (size_t)count : 0;
}

/* All from A to B; `most` bytes a turn are read. */
static void transfer(const struct wire *wire, size_t most)
{
	size_t sent = 0, received = 0;
	time_t begin = time(NULL);

	while (received < BYTES && !is_late(begin)) {
		if (sent < BYTES)
			sent += send_some(sent);
		turn(wire);
		received += receive_some(received, most);
	}
	assert_int_equal(received, BYTES);
}

/* ---- tests ---- */

static const struct kg_exception_stats *stats_of(unsigned int host)
{
	return kg_exception_get_stats(hosts[host].tap);
}

static void all_sizes(const struct wire *wire, int family)
{
	static const uint16_t mtus[] = { 1280, 1500, MTU_MAX };

	for (size_t i = 0; i < KG_ARRAY_SIZE(mtus); i++) {
		make(mtus[i]);
		connect_hosts(wire, family);
		transfer(wire, SIZE_MAX);
		assert_true(stats_of(A)->cut > 100);
		assert_true(stats_of(B)->merged > 100);
		drop();
	}
}

static void frames_pass_together_over_ipv4(void **state)
{
	(void)state;
	all_sizes(&good, AF_INET);
}

static void frames_pass_together_over_ipv6(void **state)
{
	(void)state;
	all_sizes(&good, AF_INET6);
}

static void a_bad_wire_harms_no_byte_of_ipv4(void **state)
{
	(void)state;
	all_sizes(&bad, AF_INET);
}

static void a_bad_wire_harms_no_byte_of_ipv6(void **state)
{
	(void)state;
	all_sizes(&bad, AF_INET6);
}

/* Cut for the wire, behind the headers; never merged, for their ends are not looked for. */
static void extension_headers_pass(void **state)
{
	static const uint8_t options[] = { 0, 0, 1, 4, 0, 0, 0, 0 };

	(void)state;
	make(1500);
	connect_hosts(&bad, AF_INET6);
	assert_int_equal(
		setsockopt(hosts[A].fd, IPPROTO_IPV6, IPV6_DSTOPTS, options, sizeof(options)), 0);
	transfer(&bad, SIZE_MAX);
	assert_true(stats_of(A)->cut > 100);
	assert_true(stats_of(B)->merged < 100);
	drop();
}

static void a_slow_reader_gets_all(void **state)
{
	(void)state;
	make(1500);
	connect_hosts(&bad, AF_INET);
	transfer(&bad, SLOW);
	drop();
}

/* Linux refuses what it is given meanwhile, and all of it is counted. */
static void a_tap_may_be_down_for_a_while(void **state)
{
	size_t sent, received = 0;
	time_t begin = time(NULL);

	(void)state;
	make(1500);
	connect_hosts(&good, AF_INET);
	sent = send_some(0);
	enter(&hosts[B]);
	shell("ip link set dev " TAP " down");
	turn(&good);
	assert_true(stats_of(B)->errors > 0);
	shell("ip link set dev " TAP " up");
	while (received < sent && !is_late(begin)) {
		turn(&good);
		received += receive_some(received, SIZE_MAX);
	}
	assert_int_equal(received, sent);
	drop();
}

static void a_tap_may_be_deleted(void **state)
{
	(void)state;
	make(1500);
	connect_hosts(&good, AF_INET);
	send_some(0);
	enter(&hosts[B]);
	shell("ip link delete dev " TAP);
	turn(&good);
	assert_true(stats_of(B)->errors > 0);
	enter(&hosts[A]);
	shell("ip link delete dev " TAP); /* with a super-frame of which a part is still to be read
					   */
	turn(&good);
	close_sockets();
	/* a descriptor without interface gives errors: frames that never were */
	for (unsigned int i = 0; i < 2; i++) {
		kg_exception_destroy(hosts[i].tap);
		close_fd(&hosts[i].ns);
	}
	assert_int_equal(rte_mempool_in_use_count(mempool), 0);
}

/* Somebody has raised the TAP's MTU beyond what our buffers hold. */
static void pieces_larger_than_buffers_are_counted(void **state)
{
	(void)state;
	make(MTU_MAX);
	enter(&hosts[A]);
	shell("ip link set dev " TAP " mtu 12000");
	enter(&hosts[B]);
	shell("ip link set dev " TAP " mtu 12000");
	connect_hosts(&good, AF_INET);
	send_some(0);
	turn(&good);
	assert_true(stats_of(A)->errors > 0);
	assert_int_equal(stats_of(A)->to_kernel + stats_of(A)->acks_spared, moved[A]);
	moved[A] += stats_of(A)->errors; /* of the other way */
	drop();
}

/* Eight datagrams that Linux sends as one: each comes out alone, as the peer's socket sees. */
static void cut_datagrams(int family)
{
	static const uint8_t bytes[UDP_SIZE * 8];
	static uint8_t datagram[sizeof(bytes)];
	struct sockaddr_storage address;
	socklen_t len = address_of(&address, family, B);
	int size = UDP_SIZE, got = 0;
	time_t begin = time(NULL);
	ssize_t count;

	hosts[B].fd = open_socket(B, family, SOCK_DGRAM);
	bind_to(hosts[B].fd, family);
	hosts[A].fd = open_socket(A, family, SOCK_DGRAM);
	assert_int_equal(setsockopt(hosts[A].fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
	count = sendto(hosts[A].fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&address, len);
	assert_int_equal(count, sizeof(bytes));
	while (got < 8 && !is_late(begin)) {
		turn(&good);
		while ((count = recv(hosts[B].fd, datagram, sizeof(datagram), 0)) > 0) {
			assert_int_equal(count, UDP_SIZE);
			got++;
		}
	}
	assert_int_equal(got, 8);
}

/* A connection first: what finds the way is sent again until it has. */
static void datagrams_are_cut(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };

	(void)state;
	make(1500);
	for (size_t i = 0; i < KG_ARRAY_SIZE(families); i++) {
		connect_hosts(&good, families[i]);
		close_sockets();
		cut_datagrams(families[i]);
		close_sockets();
	}
	drop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_pass_together_over_ipv4),
		cmocka_unit_test(frames_pass_together_over_ipv6),
		cmocka_unit_test(a_bad_wire_harms_no_byte_of_ipv4),
		cmocka_unit_test(a_bad_wire_harms_no_byte_of_ipv6),
		cmocka_unit_test(extension_headers_pass),
		cmocka_unit_test(a_slow_reader_gets_all),
		cmocka_unit_test(a_tap_may_be_down_for_a_while),
		cmocka_unit_test(a_tap_may_be_deleted),
		cmocka_unit_test(pieces_larger_than_buffers_are_counted),
		cmocka_unit_test(datagrams_are_cut),
	};

	far_end_start();
	mempool = far_end_mempool("frames", 1023, MTU_MAX + KG_ETHER_BYTES);
	return cmocka_run_group_tests_name("tap_frames", tests, NULL, NULL);
}
