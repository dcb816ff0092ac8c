/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread between workers and TAPs; the kernel's side of a TAP is one of a pair of sockets. */
#include "kernel/pump.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <rte_eal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NICEST  19 /* setpriority(2) */
#define PORTS   2
#define WORKERS 2
#define WAIT_MS 20000 /* for what must come; a loaded machine takes its time */
#define MBUFS   4095
#define SUPER   0xffff /* stands for as many as PIECES and one, which are read one by one */
#define PIECES  (3 * KG_PUMP_FROM_KERNEL)
#define LEAVES  0xfffe /* goes by the port's own interface */

struct kg_exception {
	int fd;
	atomic_uint written, routed;
	uint16_t cut;        /* pieces of a super-frame that are still to be read */
	atomic_bool no_room; /* where frames leave */
	bool waits;
	atomic_uint left; /* frames that have */
	struct kg_exception_stats stats;
};

static struct rte_mempool *mempool;
static struct kg_exception taps[PORTS];
static int kernel[PORTS];
static struct kg_pump_link links[WORKERS];
static struct kg_waker pump_waker, worker_waker;
static struct kg_pump *pump;
static bool is_busy;
static pthread_t thread;
static _Atomic pid_t tid; /* the thread's, for Linux */
static atomic_uint polls;

int kg_exception_fd(const struct kg_exception *e)
{
	return e->fd;
}

/* Frames that wait in the TAP's own memory, where poll does not see them. */
bool kg_exception_has_frames(const struct kg_exception *e)
{
	return e->cut > 0;
}

bool kg_exception_waits(const struct kg_exception *e)
{
	return e->waits;
}

const struct kg_exception_stats *kg_exception_get_stats(const struct kg_exception *e)
{
	return &e->stats;
}

/* Or waits for room. */
static void leave(struct kg_exception *e)
{
	e->waits = atomic_load(&e->no_room);
	if (e->waits)
		return;
	e->stats.whole++;
	atomic_fetch_add(&e->left, 1);
}

void kg_exception_write(struct kg_exception *e, struct rte_mbuf **frames, unsigned int count)
{
	atomic_fetch_add(&e->written, count);
	rte_pktmbuf_free_bulk(frames, count);
}

void kg_exception_route(struct kg_exception *e, struct rte_mbuf *packet)
{
	atomic_fetch_add(&e->routed, 1);
	rte_pktmbuf_free(packet);
}

struct rte_mbuf *kg_exception_read(struct kg_exception *e)
{
	struct rte_mbuf *frame;
	uint16_t number;

	if (e->waits)
		number = LEAVES;
	else if (e->cut > 0)
		number = --e->cut;
	else if (recv(e->fd, &number, sizeof(number), MSG_DONTWAIT) < 0)
		return NULL;
	else if (number == SUPER)
		number = e->cut = PIECES;
	if (number == LEAVES) {
		leave(e);
		return NULL;
	}
	frame = rte_pktmbuf_alloc(mempool);
	assert_non_null(frame);
	memcpy(rte_pktmbuf_append(frame, sizeof(number)), &number, sizeof(number));
	return frame;
}

/* Counts the pump's, which are few unless it spins. */
int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct timespec timeout = { .tv_sec = timeout_ms / 1000,
				    .tv_nsec = timeout_ms % 1000 * 1000000L };

	if (gettid() == tid)
		atomic_fetch_add(&polls, 1);
	return ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

static struct rte_mbuf *new_frame(void)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(mempool);

	assert_non_null(frame);
	return frame;
}

static int start(void **state)
{
	static char *args[] = { "test",           "--no-huge", "--no-shconf", "--no-pci",
				"--no-telemetry", "-m64",      "-l0",         "--log-level=error" };

	(void)state;
	if (rte_eal_init(KG_ARRAY_SIZE(args), args) < 0)
		return -1;
	mempool = rte_pktmbuf_pool_create("frames", MBUFS, 0, 0, 256, SOCKET_ID_ANY);
	return mempool == NULL;
}

/* Everything but the thread. */
static int make(void **state)
{
	struct kg_exception *const ports[] = { &taps[0], &taps[1] };
	static struct kg_exception *by_port[PORTS];
	struct kg_pump_config config = { links, WORKERS, by_port, PORTS, &pump_waker, is_busy };
	int pair[2];

	(void)state;
	memcpy(by_port, ports, sizeof(ports));
	assert_int_equal(kg_waker_init(&pump_waker), 0);
	assert_int_equal(kg_waker_init(&worker_waker), 0);
	for (int i = 0; i < PORTS; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
		taps[i] = (struct kg_exception){ .fd = pair[0] };
		kernel[i] = pair[1];
	}
	for (unsigned int w = 0; w < WORKERS; w++) {
		links[w].worker_waker = &worker_waker;
		links[w].pump_waker = &pump_waker;
		assert_int_equal(
			kg_pump_link_init(&links[w], w == 0 ? "one" : "two", PORTS, w == 0), 0);
	}
	pump = kg_pump_create(&config);
	return pump == NULL;
}

static int end(void **state)
{
	(void)state;
	kg_pump_destroy(pump);
	for (unsigned int w = 0; w < WORKERS; w++)
		kg_pump_link_fini(&links[w]);
	for (int i = 0; i < PORTS; i++) {
		close(kernel[i]);
		close(taps[i].fd);
	}
	kg_waker_fini(&pump_waker);
	kg_waker_fini(&worker_waker);
	assert_int_equal(rte_mempool_in_use_count(mempool), 0);
	return 0;
}

static void *run(void *arg)
{
	(void)arg;
	atomic_store(&tid, gettid());
	kg_pump_run(pump);
	return NULL;
}

static void begin(void)
{
	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
}

static void stop(void)
{
	kg_pump_stop(pump);
	pthread_join(thread, NULL);
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void await_count(atomic_uint *counter, unsigned int value)
{
	for (int ms = 0; ms < WAIT_MS && atomic_load(counter) != value; ms++)
		nap();
	assert_int_equal(atomic_load(counter), value);
}

/* Gives until no more is taken; how many were. */
static unsigned int flood(uint16_t port, enum kg_pump_urgency urgency)
{
	struct rte_mbuf *frame = new_frame();
	unsigned int count = 0;

	for (; kg_pump_frame(&links[0], port, urgency, frame); frame = new_frame())
		count++;
	rte_pktmbuf_free(frame);
	return count;
}

/* The ring has one place that stays empty. */
static void a_flood_leaves_room_for_what_is_more_urgent(void **state)
{
	(void)state;
	assert_int_equal(flood(0, KG_PUMP_UNASKED), KG_PUMP_FRAMES / 4);
	assert_int_equal(flood(0, KG_PUMP_USUAL), KG_PUMP_FRAMES / 2);
	assert_int_equal(flood(0, KG_PUMP_UNASKED), 0);
	assert_int_equal(flood(0, KG_PUMP_VITAL), KG_PUMP_FRAMES / 4 - 1);
	assert_int_equal(flood(0, KG_PUMP_USUAL), 0);
}

static void a_flood_on_one_port_is_not_the_others(void **state)
{
	(void)state;
	flood(0, KG_PUMP_VITAL);
	assert_int_equal(flood(1, KG_PUMP_UNASKED), KG_PUMP_FRAMES / 4);
	begin();
	await_count(&taps[1].written, KG_PUMP_FRAMES / 4);
	await_count(&taps[0].written, KG_PUMP_FRAMES - 1);
	stop();
}

static void rings_hold_what_memory_counts(void **state)
{
	unsigned int held = 0;

	(void)state;
	for (unsigned int w = 0; w < WORKERS; w++) {
		for (unsigned int port = 0; port < PORTS; port++)
			held += rte_ring_get_size(links[w].frames[port]);
		held += rte_ring_get_size(links[w].packets);
	}
	held += rte_ring_get_size(links[0].from_kernel);
	assert_int_equal(held, KG_PUMP_MBUFS(WORKERS, PORTS));
}

static void frames_and_packets_reach_the_kernel(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 60; i++) {
		struct kg_pump_link *link = &links[i % WORKERS];
		uint16_t port = i / WORKERS % 3;

		assert_true(port < PORTS ? kg_pump_frame(link, port, KG_PUMP_USUAL, new_frame())
					 : kg_pump_packet(link, new_frame()));
		kg_waker_wake(link->pump_waker);
	}
	await_count(&taps[0].written, 20);
	await_count(&taps[1].written, 20);
	await_count(&taps[0].routed, 20);
	stop();
}

static void what_was_said_before_the_stop_is_done(void **state)
{
	(void)state;
	begin();
	assert_int_equal(flood(1, KG_PUMP_UNASKED) > 0, true);
	stop();
	assert_true(rte_ring_empty(links[0].frames[1]));
}

/* Much more than the ring holds: reading stops and goes on. */
static void frames_reach_the_first_worker_in_order(void **state)
{
	const uint16_t count = 3 * KG_PUMP_FROM_KERNEL;
	uint16_t written = 0, got = 0;

	(void)state;
	begin();
	for (int ms = 0; got < count && ms < WAIT_MS;) {
		void *taken;
		struct rte_mbuf *frame;

		while (written < count &&
		       send(kernel[1], &written, sizeof(written), MSG_DONTWAIT) == sizeof(written))
			written++;
		if (rte_ring_sc_dequeue(links[0].from_kernel, &taken) != 0) {
			nap();
			ms++;
			continue;
		}
		frame = taken;
		assert_int_equal(frame->port, 1);
		assert_memory_equal(rte_pktmbuf_mtod(frame, uint8_t *), &got, sizeof(got));
		rte_pktmbuf_free(frame);
		got++;
	}
	assert_int_equal(got, count);
	assert_null(links[1].from_kernel);
	stop();
}

static void a_frame_of_the_kernel_wakes_the_worker(void **state)
{
	struct pollfd fd = { .fd = worker_waker.fd, .events = POLLIN };
	uint16_t number = 7;
	void *frame = NULL;

	(void)state;
	begin();
	kg_waker_prepare(&worker_waker);
	assert_int_equal(send(kernel[0], &number, sizeof(number), 0), sizeof(number));
	assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
	kg_waker_cancel(&worker_waker);
	assert_int_equal(rte_ring_sc_dequeue(links[0].from_kernel, &frame), 0);
	rte_pktmbuf_free(frame);
	stop();
}

/* More than a turn takes, and than the ring holds, though poll says that nothing is there. */
static void what_is_left_of_a_super_frame_is_read(void **state)
{
	uint16_t number = SUPER, left = PIECES + 1;

	(void)state;
	begin();
	assert_int_equal(send(kernel[0], &number, sizeof(number), 0), sizeof(number));
	for (int ms = 0; left > 0 && ms < WAIT_MS;) {
		void *taken;
		struct rte_mbuf *frame;

		if (rte_ring_sc_dequeue(links[0].from_kernel, &taken) != 0) {
			nap();
			ms++;
			continue;
		}
		frame = taken;
		left--;
		assert_memory_equal(rte_pktmbuf_mtod(frame, uint8_t *), &left, sizeof(left));
		rte_pktmbuf_free(frame);
	}
	assert_int_equal(left, 0);
	stop();
}

/* Of what a processor does in this time it takes next to nothing. */
static void assert_sleeps(void)
{
	struct timespec before, after;
	clockid_t clock;

	pthread_getcpuclockid(thread, &clock);
	nap();
	clock_gettime(clock, &before);
	for (int ms = 0; ms < 60; ms++)
		nap();
	clock_gettime(clock, &after);
	assert_true((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec <
		    5000000);
}

/* One after the other, each when the one before is through; how often the pump looked for more. */
static unsigned int polls_for(unsigned int frames)
{
	unsigned int before;

	begin();
	nap();
	before = atomic_load(&polls);
	for (unsigned int i = 0; i < frames; i++) {
		assert_true(kg_pump_frame(&links[0], 0, KG_PUMP_USUAL, new_frame()));
		kg_waker_wake(&pump_waker);
		await_count(&taps[0].written, i + 1);
		nap();
	}
	stop();
	return atomic_load(&polls) - before;
}

/* Before a frame and behind it, and once more for a token that came late. */
static void who_shares_a_cpu_sleeps_at_once(void **state)
{
	(void)state;
	assert_in_range(polls_for(100), 100, 300);
}

static int make_busy(void **state)
{
	is_busy = true;
	return make(state);
}

static int end_busy(void **state)
{
	is_busy = false;
	return end(state);
}

static void who_has_a_cpu_looks_for_more(void **state)
{
	(void)state;
	assert_true(polls_for(100) > 400);
}

static void an_idle_pump_sleeps(void **state)
{
	(void)state;
	begin();
	assert_sleeps();
	stop();
}

/* A pipe without a reader has an error for ever, as a TAP that was deleted. */
static void a_tap_that_is_gone_wakes_nobody(void **state)
{
	uint16_t number = 7;
	void *frame = NULL;
	int pipe_fds[2];

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	close(pipe_fds[0]);
	close(taps[0].fd);
	taps[0].fd = pipe_fds[1];
	begin();
	assert_sleeps();
	assert_int_equal(send(kernel[1], &number, sizeof(number), 0), sizeof(number));
	for (int ms = 0; ms < WAIT_MS && rte_ring_empty(links[0].from_kernel); ms++)
		nap();
	assert_int_equal(rte_ring_sc_dequeue(links[0].from_kernel, &frame), 0);
	rte_pktmbuf_free(frame);
	stop();
}

/* Frames that find no room wait in Linux, and are looked at again now and then. */
static void a_full_ring_is_not_asked_for_all_the_time(void **state)
{
	uint16_t number = 7;
	unsigned int taken = 0;
	void *frame;

	(void)state;
	begin();
	for (int ms = 0; ms < WAIT_MS && !rte_ring_full(links[0].from_kernel); ms++) {
		while (send(kernel[1], &number, sizeof(number), MSG_DONTWAIT) == sizeof(number))
			;
		nap();
	}
	assert_true(rte_ring_full(links[0].from_kernel));
	while (send(kernel[1], &number, sizeof(number), MSG_DONTWAIT) == sizeof(number))
		;
	assert_sleeps();
	while (rte_ring_sc_dequeue(links[0].from_kernel, &frame) == 0) {
		rte_pktmbuf_free(frame);
		taken++;
	}
	assert_true(taken >= KG_PUMP_FROM_KERNEL - 1);
	for (int ms = 0; ms < WAIT_MS && rte_ring_empty(links[0].from_kernel); ms++)
		nap();
	assert_false(rte_ring_empty(links[0].from_kernel));
	stop();
}

static void tap_sends(int port, unsigned int count)
{
	uint16_t number = LEAVES;

	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(send(kernel[port], &number, sizeof(number), 0), sizeof(number));
}

/* The TAP is readable all the while, and the port's interface says nothing. */
static void what_waits_to_leave_is_tried_now_and_then(void **state)
{
	(void)state;
	atomic_store(&taps[0].no_room, true);
	begin();
	tap_sends(0, 3);
	tap_sends(1, 1);
	await_count(&taps[1].left, 1);
	assert_sleeps();
	assert_int_equal(atomic_load(&taps[0].left), 0);
	atomic_store(&taps[0].no_room, false);
	await_count(&taps[0].left, 3);
	assert_true(rte_ring_empty(links[0].from_kernel));
	stop();
}

static void what_leaves_does_so_before_the_stop(void **state)
{
	(void)state;
	tap_sends(0, 8);
	kg_pump_stop(pump);
	begin();
	stop();
	assert_int_equal(atomic_load(&taps[0].left), 8);
}

/* Whether the thread comes to that priority while `count` unasked frames are offered each
 * millisecond. */
static bool becomes_nice(int nice, unsigned int count)
{
	for (int ms = 0; ms < WAIT_MS && getpriority(PRIO_PROCESS, (id_t)tid) != nice; ms++) {
		for (unsigned int i = 0; i < count; i++) {
			struct rte_mbuf *frame = new_frame();

			if (!kg_pump_frame(&links[0], 0, KG_PUMP_UNASKED, frame))
				rte_pktmbuf_free(frame);
		}
		kg_waker_wake(&pump_waker);
		nap();
	}
	return getpriority(PRIO_PROCESS, (id_t)tid) == nice;
}

/* Hosts' connections pass the pump as well, so that it is as the others at other times. */
static void a_flood_alone_gives_way(void **state)
{
	int usual = getpriority(PRIO_PROCESS, (id_t)gettid());

	(void)state;
	if (geteuid() != 0)
		skip(); /* only who may comes back from being nice */
	begin();
	assert_true(becomes_nice(usual, 1));
	assert_true(becomes_nice(KG_MIN(usual + 10, NICEST), 64));
	assert_true(becomes_nice(usual, 1));
	stop();
}

#define PUMP_TEST(name) cmocka_unit_test_setup_teardown(name, make, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PUMP_TEST(a_flood_leaves_room_for_what_is_more_urgent),
		PUMP_TEST(a_flood_on_one_port_is_not_the_others),
		PUMP_TEST(rings_hold_what_memory_counts),
		PUMP_TEST(frames_and_packets_reach_the_kernel),
		PUMP_TEST(what_was_said_before_the_stop_is_done),
		PUMP_TEST(frames_reach_the_first_worker_in_order),
		PUMP_TEST(a_frame_of_the_kernel_wakes_the_worker),
		PUMP_TEST(what_is_left_of_a_super_frame_is_read),
		PUMP_TEST(who_shares_a_cpu_sleeps_at_once),
		cmocka_unit_test_setup_teardown(who_has_a_cpu_looks_for_more, make_busy, end_busy),
		PUMP_TEST(an_idle_pump_sleeps),
		PUMP_TEST(a_tap_that_is_gone_wakes_nobody),
		PUMP_TEST(a_full_ring_is_not_asked_for_all_the_time),
		PUMP_TEST(what_waits_to_leave_is_tried_now_and_then),
		PUMP_TEST(what_leaves_does_so_before_the_stop),
		PUMP_TEST(a_flood_alone_gives_way),
	};

	return cmocka_run_group_tests_name("pump", tests, start, NULL);
}
