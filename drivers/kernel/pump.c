/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pump's loop: a few frames of each ring to Linux, a few of each TAP to the first worker; then
 * poll, which sleeps as soon as there is nothing to do.
 */
#include "kernel/pump.h"

#include "thread/helper.h"
#include "thread/monotonic.h"

#include <errno.h>
#include <poll.h>
#include <rte_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define BURST    64 /* frames per turn and ring, or TAP: one of Linux's super-frames, 45 of 1,500 */
#define SPIN_US  20 /* without work, where it spins before it sleeps */
#define STALL_MS 1  /* until a full ring or queue is looked at again */

/* Where CPUs are short, tunnels come before a flood of what nobody asked for. */
#define NICE     10
#define FLOOD    100       /* unasked frames between two looks */
#define LOOK_US  10000     /* from look to look */
#define FLOOD_US 1000000UL /* how long it is one after the last such look */

struct kg_pump {
	struct kg_pump_config config;
	atomic_bool stop;
	uint64_t worked_us;                       /* the last turn that did something */
	struct pollfd fds[1 + KG_PUMP_PORTS_MAX]; /* the waker, TAPs by port */
	bool gone[KG_PUMP_PORTS_MAX];             /* somebody has deleted the interface */
	uint64_t looked_us, flooded_us;           /* the last look, the last at a flood */
	unsigned int unasked;                     /* frames at the last look */
	int usual, nice;                          /* priority: as at the start, and now */
};

/* ---- rings ---- */

static struct rte_ring *ring_create(const char *name, const char *what, unsigned int size)
{
	char full[RTE_RING_NAMESIZE];

	if (snprintf(full, sizeof(full), "%s_%s", name, what) >= (int)sizeof(full)) {
		rte_errno = ENAMETOOLONG;
		return NULL;
	}
	return rte_ring_create(full, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static bool create_rings(struct kg_pump_link *link, const char *name, unsigned int ports,
			 bool first)
{
	char what[8];

	for (unsigned int port = 0; port < ports; port++) {
		snprintf(what, sizeof(what), "f%u", port);
		link->frames[port] = ring_create(name, what, KG_PUMP_FRAMES);
		if (link->frames[port] == NULL)
			return false;
	}
	link->packets = ring_create(name, "p", KG_PUMP_PACKETS);
	if (first)
		link->from_kernel = ring_create(name, "k", KG_PUMP_FROM_KERNEL);
	return link->packets != NULL && (link->from_kernel != NULL || !first);
}

int kg_pump_link_init(struct kg_pump_link *link, const char *name, unsigned int ports, bool first)
{
	int error;

	if (create_rings(link, name, ports, first))
		return 0;
	error = rte_errno;
	kg_pump_link_fini(link);
	return -error;
}

static void ring_destroy(struct rte_ring **ring)
{
	void *mbuf;

	while (*ring != NULL && rte_ring_sc_dequeue(*ring, &mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	rte_ring_free(*ring);
	*ring = NULL;
}

void kg_pump_link_fini(struct kg_pump_link *link)
{
	for (unsigned int port = 0; port < KG_PUMP_PORTS_MAX; port++)
		ring_destroy(&link->frames[port]);
	ring_destroy(&link->packets);
	ring_destroy(&link->from_kernel);
}

static unsigned int unasked_of(const struct kg_pump_link *link)
{
	return atomic_load_explicit(&link->unasked, memory_order_relaxed);
}

bool kg_pump_frame(struct kg_pump_link *link, uint16_t port, enum kg_pump_urgency urgency,
		   struct rte_mbuf *frame)
{
	static const unsigned int shares[] = {
		[KG_PUMP_UNASKED] = KG_PUMP_FRAMES / 4,
		[KG_PUMP_USUAL] = KG_PUMP_FRAMES / 4 * 3,
		[KG_PUMP_VITAL] = KG_PUMP_FRAMES,
	};
	struct rte_ring *ring = link->frames[port];

	if (urgency == KG_PUMP_UNASKED)
		atomic_store_explicit(&link->unasked, unasked_of(link) + 1, memory_order_relaxed);
	return rte_ring_count(ring) < shares[urgency] && rte_ring_sp_enqueue(ring, frame) == 0;
}

bool kg_pump_packet(const struct kg_pump_link *link, struct rte_mbuf *packet)
{
	return rte_ring_sp_enqueue(link->packets, packet) == 0;
}

/* ---- workers to Linux ---- */

static unsigned int take_out(struct rte_ring *ring, struct rte_mbuf **mbufs)
{
	return rte_ring_sc_dequeue_burst(ring, (void **)mbufs, BURST, NULL);
}

static unsigned int give_packets(struct kg_pump *pump, struct rte_ring *ring)
{
	struct rte_mbuf *packets[BURST];
	unsigned int count = take_out(ring, packets);

	for (unsigned int i = 0; i < count; i++)
		kg_exception_route(pump->config.taps[0], packets[i]);
	return count;
}

static unsigned int give_frames(struct kg_exception *tap, struct rte_ring *ring)
{
	struct rte_mbuf *frames[BURST];
	unsigned int count = take_out(ring, frames);

	if (count > 0)
		kg_exception_write(tap, frames, count);
	return count;
}

static unsigned int give_all(struct kg_pump *pump)
{
	unsigned int count = 0;

	for (unsigned int l = 0; l < pump->config.link_count; l++) {
		const struct kg_pump_link *link = &pump->config.links[l];

		count += give_packets(pump, link->packets);
		for (unsigned int port = 0; port < pump->config.tap_count; port++)
			count += give_frames(pump->config.taps[port], link->frames[port]);
	}
	return count;
}

static bool nothing_to_give(const struct kg_pump *pump)
{
	for (unsigned int l = 0; l < pump->config.link_count; l++) {
		const struct kg_pump_link *link = &pump->config.links[l];

		if (!rte_ring_empty(link->packets))
			return false;
		for (unsigned int port = 0; port < pump->config.tap_count; port++) {
			if (!rte_ring_empty(link->frames[port]))
				return false;
		}
	}
	return true;
}

/* ---- Linux to the first worker ---- */

/* Whether there may be more is poll's to say. */
static unsigned int take(struct kg_exception *tap, uint16_t port, struct rte_ring *ring)
{
	unsigned int count = 0, room = rte_ring_free_count(ring);

	while (count < KG_MIN(room, (unsigned int)BURST)) {
		struct rte_mbuf *frame = kg_exception_read(tap);

		if (frame == NULL)
			break;
		frame->port = port;
		rte_ring_sp_enqueue(ring, frame);
		count++;
	}
	return count;
}

static bool may_have_frames(struct kg_pump *pump, unsigned int port)
{
	const struct kg_exception *tap = pump->config.taps[port];
	short events = pump->fds[1 + port].revents;

	pump->gone[port] |= (events & (POLLERR | POLLNVAL)) != 0;
	return (events & POLLIN) || kg_exception_has_frames(tap) || kg_exception_waits(tap);
}

/* What the worker is given, and what has left without it. */
static unsigned int take_all(struct kg_pump *pump)
{
	struct kg_pump_link *first = &pump->config.links[0];
	unsigned int given = 0, left = 0;

	for (unsigned int port = 0; port < pump->config.tap_count; port++) {
		struct kg_exception *tap = pump->config.taps[port];
		uint64_t before = kg_exception_get_stats(tap)->whole;

		if (may_have_frames(pump, port))
			given += take(tap, (uint16_t)port, first->from_kernel);
		left += (unsigned int)(kg_exception_get_stats(tap)->whole - before);
	}
	if (given > 0)
		kg_waker_wake(first->worker_waker);
	return given + left;
}

/* ---- who comes first ---- */

/* Who may not (CAP_SYS_NICE) never comes back from being nice, and is nice from the start. */
static void be_nice(struct kg_pump *pump, int nice)
{
	if (nice != pump->nice && setpriority(PRIO_PROCESS, (id_t)gettid(), nice) == 0)
		pump->nice = nice;
}

static void begin_nice(struct kg_pump *pump)
{
	pump->usual = pump->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
	be_nice(pump, pump->usual + NICE);
}

static void mind_floods(struct kg_pump *pump, uint64_t now_us)
{
	uint64_t since_us = now_us - pump->looked_us;
	unsigned int unasked = 0;

	if (since_us < LOOK_US)
		return;
	for (unsigned int l = 0; l < pump->config.link_count; l++)
		unasked += unasked_of(&pump->config.links[l]);
	if ((uint64_t)(unasked - pump->unasked) * LOOK_US >= FLOOD * since_us)
		pump->flooded_us = now_us;
	pump->unasked = unasked;
	pump->looked_us = now_us;
	be_nice(pump, pump->usual + (now_us - pump->flooded_us < FLOOD_US ? NICE : 0));
}

/* ---- the loop ---- */

/* While the first worker's ring is full the TAPs are not asked, nor is one whose port has no room.
 * One that is gone would be ready for ever. How long to wait, as poll has it. */
static int watch_taps(struct kg_pump *pump)
{
	bool full = rte_ring_full(pump->config.links[0].from_kernel), stalls = full, more = false;

	for (unsigned int port = 0; port < pump->config.tap_count; port++) {
		const struct kg_exception *tap = pump->config.taps[port];
		bool waits = kg_exception_waits(tap);

		pump->fds[1 + port].fd =
			full || waits || pump->gone[port] ? -1 : kg_exception_fd(tap);
		more |= kg_exception_has_frames(tap);
		stalls |= waits;
	}
	if (more && !full)
		return 0;
	return stalls ? STALL_MS : -1;
}

static void wait_for_work(struct kg_pump *pump, uint64_t now_us)
{
	int timeout = watch_taps(pump);
	bool spins = pump->config.busy && now_us - pump->worked_us < SPIN_US;

	if (!spins) {
		kg_waker_prepare(pump->config.waker);
		if (!nothing_to_give(pump) || atomic_load(&pump->stop))
			timeout = 0;
	}
	poll(pump->fds, 1 + pump->config.tap_count, spins ? 0 : timeout);
	if (!spins)
		kg_waker_cancel(pump->config.waker);
	if (pump->fds[0].revents != 0)
		kg_waker_take(pump->config.waker);
}

static void turn(struct kg_pump *pump)
{
	unsigned int work = take_all(pump) + give_all(pump);
	uint64_t now_us = kg_monotonic_us();

	if (work > 0)
		pump->worked_us = now_us;
	mind_floods(pump, now_us);
	wait_for_work(pump, now_us);
}

/* What is there goes, both ways. */
static void finish(struct kg_pump *pump)
{
	while (give_all(pump) > 0)
		;
	do {
		watch_taps(pump);
		poll(pump->fds, 1 + pump->config.tap_count, 0);
	} while (take_all(pump) > 0);
}

void kg_pump_run(struct kg_pump *pump)
{
	bool known = kg_thread_begin(pump->config.shared);

	begin_nice(pump);
	while (!atomic_load_explicit(&pump->stop, memory_order_relaxed))
		turn(pump);
	finish(pump);
	kg_thread_end(known);
}

void kg_pump_stop(struct kg_pump *pump)
{
	atomic_store(&pump->stop, true);
	kg_waker_wake(pump->config.waker);
}

struct kg_pump *kg_pump_create(const struct kg_pump_config *config)
{
	struct kg_pump *pump = calloc(1, sizeof(*pump));

	if (pump == NULL)
		return NULL;
	pump->config = *config;
	pump->fds[0] = (struct pollfd){ .fd = config->waker->fd, .events = POLLIN };
	for (unsigned int port = 0; port < config->tap_count; port++)
		pump->fds[1 + port].events = POLLIN;
	return pump;
}

void kg_pump_destroy(struct kg_pump *pump)
{
	free(pump);
}
