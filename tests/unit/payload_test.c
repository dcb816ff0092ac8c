/* SPDX-License-Identifier: BSD-3-Clause */
/* The payload thread itself against real sockets on loopback: rings, wakers, listening, TAPs,
 * sleep. */
#include "payload_rig.h"

#define TCP KG_PROTOCOL_TCP
#define UDP KG_PROTOCOL_UDP

/* ---- rings and wakers ---- */

static void link_frees_what_nobody_took(void **state)
{
	struct rig *rig = rig_create(8, NULL, 0);
	struct kg_msg msg = { .type = KG_MSG_DATA };

	msg.buf = kg_buf_chain_copy(&rig->pool.pool, "abcdef", 6, 2, 2);
	assert_int_equal(rte_ring_sp_enqueue_elem(rig->links[0].to_worker, &msg, sizeof(msg)), 0);
	assert_int_equal(atomic_load(&rig->pool.in_use), 3);
	rig_destroy(rig);
}

static void link_names_are_checked(void **state)
{
	struct kg_payload_link link = { 0 };

	assert_int_equal(kg_payload_link_init(&link, "a_name_that_is_much_too_long", 8),
			 -ENAMETOOLONG);
	assert_int_equal(kg_payload_link_init(&link, "odd", 7), -EINVAL);
	assert_null(link.to_worker);
	assert_null(link.to_payload);
}

static void listening_twice_is_an_error(void **state)
{
	struct rig *rig = rig_create(8, NULL, 0);
	struct kg_payload_config config = rig->payload->config;
	char error[256] = "";

	config.tunnels = rig->payload->tunnels;
	assert_null(kg_payload_create(&config, error, sizeof(error)));
	assert_non_null(strstr(error, "tunnel client: cannot listen on tcp"));
	assert_non_null(strstr(error, strerror(EADDRINUSE)));
	rig_destroy(rig);
}
/* Listening as `tunnel` says: which of the families gets an answer, and over what kind of socket.
 */
static void listening_families(void **state)
{
	static const struct {
		bool ipv4_only, ipv6_only;
		int version; /* of the specific address, 0: any */
	} cases[] = {
		{ true, false, 0 }, { false, true, 0 }, { false, false, 4 }, { false, false, 6 }
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		struct rig *rig = rig_create(64, NULL, 0);
		struct kg_payload_config config = rig->payload->config;
		struct kg_payload_tunnel tunnel = rig->payload->tunnels[RIG_CLIENT];
		bool v6 = cases[i].ipv6_only || cases[i].version == 6;
		struct kg_endpoint at = rig_loopback(v6 ? 6 : 4, 0);
		struct rig_channel ch;
		int fd;

		kg_payload_destroy(rig->payload);
		rig->listen.at = at;
		if (cases[i].version == 0)
			rig->listen.at.ip.version = 0;
		tunnel.listen = &rig->listen;
		tunnel.ipv4_only = cases[i].ipv4_only;
		tunnel.ipv6_only = cases[i].ipv6_only;
		config.tunnels = &tunnel;
		config.tunnel_count = 1;
		rig->payload = rig_listen(&config, &rig->listen.at.port);
		at.port = rig->listen.at.port;
		rig_start(rig);

		fd = rig_connect_to(&at, SOCK_DGRAM);
		rig_greet(rig, fd, &ch, 10);
		rig_echo_datagram(&ch, fd, (const uint8_t *)"ping", 4);
		close(fd);
		close(rig_connect_to(&at, SOCK_STREAM));
		rig_expect(rig, KG_MSG_OPEN);
		rig_destroy(rig);
	}
}

/* ---- TAPs: the kernel's side is a pair of sockets ---- */

struct kg_exception {
	int fd;
	atomic_uint written, routed;
	struct rte_mempool *mempool;
};

int kg_exception_fd(const struct kg_exception *e)
{
	return e->fd;
}

void kg_exception_write(struct kg_exception *e, struct rte_mbuf *frame)
{
	atomic_fetch_add(&e->written, 1);
	rte_pktmbuf_free(frame);
}

void kg_exception_route(struct kg_exception *e, struct rte_mbuf *packet)
{
	atomic_fetch_add(&e->routed, 1);
	rte_pktmbuf_free(packet);
}

struct rte_mbuf *kg_exception_read(struct kg_exception *e)
{
	struct rte_mbuf *frame;
	uint8_t bytes[64];
	ssize_t len = recv(e->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (len < 0)
		return NULL;
	frame = rte_pktmbuf_alloc(e->mempool);
	assert_non_null(frame);
	memcpy(rte_pktmbuf_append(frame, (uint16_t)len), bytes, (size_t)len);
	return frame;
}

static void await_count(atomic_uint *counter, unsigned int value)
{
	uint64_t end = rig_now_ms() + WAIT_MS;

	while (atomic_load(counter) != value && rig_now_ms() < end)
		rig_nap();
	assert_int_equal(atomic_load(counter), value);
}

static void frames_pass_between_taps_and_workers(void **state)
{
	struct rte_mempool *mempool =
		rte_pktmbuf_pool_create("rig_frames", 255, 0, 0, 512, SOCKET_ID_ANY);
	struct kg_exception tap[2] = { { .mempool = mempool }, { .mempool = mempool } };
	struct kg_exception *const taps[2] = { &tap[0], &tap[1] };
	struct rig *rig;
	int kernel[2], pair[2];

	assert_non_null(mempool);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
		tap[i].fd = pair[0];
		kernel[i] = pair[1];
	}
	rig = rig_create(8, taps, 2); /* smaller than what comes: reading stops and goes on */
	rig_start(rig);
	for (uint8_t i = 0; i < 20; i++) {
		rig_write(kernel[1], &i, 1);
	}
	for (uint8_t i = 0; i < 20; i++) {
		struct kg_msg msg = rig_expect(rig, KG_MSG_FRAME);

		assert_int_equal(msg.tunnel, 1);
		assert_int_equal(*rte_pktmbuf_mtod(msg.mbuf, uint8_t *), i);
		rte_pktmbuf_free(msg.mbuf);
	}
	for (int i = 0; i < 20; i++) {
		struct kg_msg msg = { .type = i % 4 == 3 ? KG_MSG_PACKET : KG_MSG_FRAME,
				      .tunnel = (uint16_t)(i % 4),
				      .mbuf = rte_pktmbuf_alloc(mempool) };

		rig_send_on(rig, i % RIG_LINKS, &msg); /* port 2 there is none */
	}
	await_count(&tap[0].written, 5);
	await_count(&tap[1].written, 5);
	await_count(&tap[0].routed, 5);
	rig_destroy(rig);
	for (int i = 0; i < 2; i++) {
		close(kernel[i]);
		close(tap[i].fd);
	}
	assert_int_equal(rte_mempool_avail_count(mempool), 255);
	rte_mempool_free(mempool);
}

/* ---- sleep ---- */

/* CPU time of the payload thread over some wall time. */
static uint64_t cpu_us_while_idle(struct rig *rig)
{
	struct timespec before, after, nap = { .tv_nsec = 60000000 };
	clockid_t clock;

	pthread_getcpuclockid(rig->thread, &clock);
	rig_expect_silence(rig);
	clock_gettime(clock, &before);
	nanosleep(&nap, NULL);
	clock_gettime(clock, &after);
	return (uint64_t)((after.tv_sec - before.tv_sec) * 1000000 +
			  (after.tv_nsec - before.tv_nsec) / 1000);
}

/* Nor do flows that wait keep it awake: one without credit, one whose application does not read. */
static void an_idle_thread_sleeps(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel tcp[2], udp;
	uint8_t *bytes = rig_pattern((size_t)8 << 20, 16);
	int fd[2], udp_fd;

	assert_in_range(cpu_us_while_idle(rig), 0, 5000);
	udp_fd = rig_open_udp(rig, 4, &udp, 10);
	for (int i = 0; i < 2; i++) {
		fd[i] = rig_open_tcp(rig, 4, &tcp[i], 0);
		rig_write(fd[i], bytes, 10000);
	}
	for (int i = 0; i < 2; i++)
		rig_send(&tcp[0], bytes, (size_t)8 << 20);
	assert_in_range(cpu_us_while_idle(rig), 0, 5000);
	for (int i = 0; i < 2; i++)
		close(fd[i]);
	close(udp_fd);
	free(bytes);
	rig_destroy(rig);
}

static void a_busy_thread_never_sleeps(void **state)
{
	struct rig *rig = rig_create(64, NULL, 0);
	struct rig_channel ch;
	int fd;

	rig->payload->config.busy = true;
	rig_start(rig);
	fd = rig_open_udp(rig, 4, &ch, 10);
	for (int i = 0; i < 100; i++) {
		rig_nap();
		assert_false(atomic_load(&rig->payload_waker.sleeping));
	}
	rig_echo_datagram(&ch, fd, (const uint8_t *)"ping", 4);
	close(fd);
	rig_destroy(rig);
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_frees_what_nobody_took),
		cmocka_unit_test(link_names_are_checked),
		cmocka_unit_test(listening_twice_is_an_error),
		cmocka_unit_test(listening_families),
		cmocka_unit_test(frames_pass_between_taps_and_workers),
		cmocka_unit_test(an_idle_thread_sleeps),
		cmocka_unit_test(a_busy_thread_never_sleeps),
	};

	return cmocka_run_group_tests(tests, rig_init_eal, rig_fini_eal);
}
