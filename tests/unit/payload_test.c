/* SPDX-License-Identifier: BSD-3-Clause */
/* The payload thread itself against real sockets on loopback: rings, wakers, listening, sleep.
 */
#include "payload/internal.h"
#include "payload_rig.h"

#include <sys/stat.h>

#define TCP KG_PROTOCOL_TCP
#define UDP KG_PROTOCOL_UDP

/* ---- rings and wakers ---- */

static void link_frees_what_nobody_took(void **state)
{
	struct rig *rig = rig_create(8);
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
	struct rig *rig = rig_create(8);
	struct kg_payload_config config = rig->payload->config;
	char error[256] = "";

	config.tunnels = rig_tunnel(rig, RIG_CLIENT);
	config.tunnel_count = 1;
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
		struct rig *rig = rig_create(64);
		struct kg_payload_config config = rig->payload->config;
		struct kg_payload_tunnel tunnel = *rig_tunnel(rig, RIG_CLIENT);
		bool v6 = cases[i].ipv6_only || cases[i].version == 6;
		struct kg_endpoint at = rig_loopback(v6 ? 6 : 4, 0);
		struct rig_channel ch;
		int fd;

		kg_payload_destroy(rig->payload);
		rig->listen.at = at;
		if (cases[i].version == 0)
			rig->listen.at.ip.version = 0;
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

/* ---- whom credit wakes ---- */

/* What is said of credit; whether the worker is woken for it. */
static bool credit_wakes(struct rig *rig, uint32_t segments)
{
	struct kg_link *link = &rig->payload->links[0];
	struct kg_flow flow = { .protocol = TCP, .state = KG_FLOW_RUNNING, .link = link };
	struct kg_gate *gate = kg_slots_get(&rig->payload->gates, RIG_SERVER);
	struct kg_msg msg;

	flow.tunnel = &gate->tunnel;
	link->posted = false;
	kg_flow_taken(rig->payload, &flow, segments);
	assert_int_equal(rte_ring_sc_dequeue_elem(rig->links[0].to_worker, &msg, sizeof(msg)), 0);
	assert_int_equal(msg.type, KG_MSG_CREDIT);
	assert_int_equal(msg.count, segments);
	return link->posted;
}

/* One that has room for more has time until something else wakes it. */
static void only_a_worker_that_may_wait_is_woken_for_credit(void **state)
{
	struct rig *rig = rig_create(8);

	assert_false(credit_wakes(rig, KG_FLOW_TX_FLOOR / 2));
	assert_true(credit_wakes(rig, KG_FLOW_TX_FLOOR));
	rig->pool.pool.fair_share = KG_BUF_FLOOR;
	assert_true(credit_wakes(rig, KG_FLOW_TX_FLOOR / 2));
	rig_destroy(rig);
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

static void only_a_stream_is_waited_for_awake(void **state)
{
	struct rig *rig = rig_create(8);
	struct kg_payload *p = rig->payload;

	p->now_us = p->worked_us;
	p->working_turns = 3; /* a message, its credit, its answer */
	assert_false(kg_payload_spins(p));
	p->working_turns = 100;
	assert_true(kg_payload_spins(p));
	p->now_us += 1000;
	assert_false(kg_payload_spins(p));
	rig_destroy(rig);
}

static void a_busy_thread_never_sleeps(void **state)
{
	struct rig *rig = rig_create(64);
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

/* ---- where all of these tests run ---- */

/* Else what others send to a port that was theirs is found here, and what goes to a free one there.
 */
static void strangers_have_another_network(void **state)
{
	struct stat own, strangers;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)getppid());
	if (!rig_is_alone || stat(path, &strangers) != 0)
		skip();
	assert_int_equal(stat("/proc/self/ns/net", &own), 0);
	assert_int_not_equal(own.st_ino, strangers.st_ino);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_frees_what_nobody_took),
		cmocka_unit_test(link_names_are_checked),
		cmocka_unit_test(listening_twice_is_an_error),
		cmocka_unit_test(listening_families),
		cmocka_unit_test(only_a_worker_that_may_wait_is_woken_for_credit),
		cmocka_unit_test(an_idle_thread_sleeps),
		cmocka_unit_test(only_a_stream_is_waited_for_awake),
		cmocka_unit_test(a_busy_thread_never_sleeps),
		cmocka_unit_test(strangers_have_another_network),
	};

	return cmocka_run_group_tests(tests, rig_init_eal, bare_eal_fini);
}
