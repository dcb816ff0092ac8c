/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A payload thread with everything around it: the test is the worker at the other end of the rings
 * and the application at the other end of the sockets. Any helper that waits fails the test after
 * WAIT_MS.
 */
#pragma once

#include "bare_eal.h"
#include "names_keeper.h"
#include "own_network.h"
#include "payload/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS       5000
#define TCP_MEMORY_MS 60000
#define FIRST_BYTES   1200
#define REST_BYTES    1201
#define RIG_LINKS     2

enum rig_tunnel {
	RIG_CLIENT,
	RIG_SERVER,
};

/* Buffers over malloc, counted so that both threads may use it. */
struct rig_pool {
	struct kg_buf_pool pool;
	atomic_int in_use, peak;
	int limit, kept;
};

struct rig {
	struct rig_pool pool;
	struct kg_waker payload_waker, worker_waker;
	struct keeper keeper;
	struct kg_payload_link links[RIG_LINKS];
	struct kg_app_listener listen;
	struct kg_app_end ends[2]; /* by enum rig_tunnel */
	char destination[KG_IP_TEXT_BYTES];
	struct kg_payload *payload;
	pthread_t thread, borrower;
	bool running;
	atomic_bool borrower_ends;
	uint32_t credited; /* segments in CREDIT messages met while something else was awaited */
};

static inline struct kg_buf *rig_buf_alloc(struct kg_buf_pool *base, uint16_t room,
					   enum kg_buf_use use)
{
	struct rig_pool *pool = KG_CONTAINER_OF(base, struct rig_pool, pool);
	struct kg_buf *buf;
	int now = atomic_fetch_add(&pool->in_use, 1) + 1;

	if (now + (int)kg_buf_left_by(use, (size_t)pool->kept) > pool->limit) {
		atomic_fetch_sub(&pool->in_use, 1);
		return NULL;
	}
	if (now > atomic_load(&pool->peak))
		atomic_store(&pool->peak, now);
	buf = malloc(sizeof(*buf) + KG_BUF_HEADROOM + room);
	assert_non_null(buf);
	*buf = (struct kg_buf){
		.pool = base,
		.data = (uint8_t *)(buf + 1) + KG_BUF_HEADROOM,
		.room = room,
	};
	return buf;
}

static inline void rig_buf_free(struct kg_buf *buf)
{
	atomic_fetch_sub(&KG_CONTAINER_OF(buf->pool, struct rig_pool, pool)->in_use, 1);
	free(buf);
}

static inline uint64_t rig_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline void rig_nap(void)
{
	struct timespec nap = { .tv_nsec = 50000 };

	nanosleep(&nap, NULL);
}

static inline uint64_t rig_stat(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Until a counter of the payload thread has the value. */
static inline void rig_await_stat(const uint64_t *counter, uint64_t value)
{
	uint64_t end = rig_now_ms() + WAIT_MS;

	while (rig_stat(counter) != value && rig_now_ms() < end)
		rig_nap();
	assert_int_equal(rig_stat(counter), value);
}

/* ---- the rig itself ---- */

/* Linux has one stock of memory for TCP, which all networks share. While another program has more
 * of it than Linux is glad to give, sockets take less than they should, and are reset. */
static inline bool rig_tcp_memory_is_short(void)
{
	FILE *limits = fopen("/proc/sys/net/ipv4/tcp_mem", "r");
	FILE *use = fopen("/proc/net/sockstat", "r");
	long low = LONG_MAX, pages = 0;
	char line[256];

	assert_non_null(use);
	if (limits != NULL) { /* not told everywhere */
		assert_int_equal(fscanf(limits, "%ld", &low), 1);
		fclose(limits);
	}
	while (fgets(line, sizeof(line), use) != NULL)
		sscanf(line, "TCP: inuse %*d orphan %*d tw %*d alloc %*d mem %ld", &pages);
	fclose(use);
	return pages >= low;
}

static bool rig_is_alone; /* in a network of its own */

/* Group set-up. */
static inline int rig_init_eal(void **state)
{
	uint64_t end = rig_now_ms() + TCP_MEMORY_MS;

	while (rig_tcp_memory_is_short() && rig_now_ms() < end)
		rig_nap();
	rig_is_alone = own_network_enter();
	return bare_eal_init(state);
}

/* 127.0.0.1 or ::1. */
static inline struct kg_endpoint rig_loopback(int version, uint16_t port)
{
	struct kg_endpoint ep = { .port = port };

	assert_true(kg_ip_parse(&ep.ip, version == 6 ? "::1" : "127.0.0.1"));
	return ep;
}

static inline union kg_sockaddr rig_sockaddr(const struct kg_endpoint *ep)
{
	union kg_sockaddr addr = { 0 };

	if (ep->ip.version == 6) {
		addr.in6.sin6_family = AF_INET6;
		addr.in6.sin6_port = htons(ep->port);
		memcpy(&addr.in6.sin6_addr, ep->ip.bytes, 16);
	} else {
		addr.in.sin_family = AF_INET;
		addr.in.sin_port = htons(ep->port);
		memcpy(&addr.in.sin_addr, ep->ip.bytes, 4);
	}
	return addr;
}

/* A socket of the application on loopback; *port is chosen when 0. */
static inline int rig_bind(int version, int type, uint16_t *port)
{
	struct kg_endpoint at = rig_loopback(version, *port);
	union kg_sockaddr addr = rig_sockaddr(&at);
	socklen_t len = sizeof(addr);
	int fd = socket(addr.any.sa_family, type, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &addr.any, kg_sockaddr_len(&addr)), 0);
	assert_int_equal(getsockname(fd, &addr.any, &len), 0);
	*port = ntohs(version == 6 ? addr.in6.sin6_port : addr.in.sin_port);
	return fd;
}

static inline uint16_t rig_free_port(void)
{
	uint16_t port = 0;

	close(rig_bind(4, SOCK_STREAM, &port));
	return port;
}

/* Unless the port is given: one that is free for one protocol and address may be taken for another,
 * so some are tried. */
static inline struct kg_payload *rig_listen(struct kg_payload_config *config, uint16_t *port)
{
	struct kg_payload *payload = NULL;
	bool given = *port != 0;
	char error[256] = "";

	for (int i = 0; i < 20 && payload == NULL; i++) {
		if (!given)
			*port = rig_free_port();
		payload = kg_payload_create(config, error, sizeof(error));
	}
	if (payload == NULL)
		fail_msg("%s", error);
	return payload;
}

/* What the payload thread has of a tunnel; not once it runs. */
static inline struct kg_payload_tunnel *rig_tunnel(struct rig *rig, enum rig_tunnel tunnel)
{
	struct kg_gate *gate = kg_slots_get(&rig->payload->gates, (uint16_t)tunnel);

	return &gate->tunnel;
}

/* Where rig_dial goes to. */
static inline void rig_set_destination(struct rig *rig, struct kg_endpoint destination)
{
	rig->ends[RIG_SERVER].target = (struct kg_target){
		.port = destination.port,
		.address = kg_ip_text(&destination.ip, rig->destination),
	};
}

/* Everything but the thread, which is number `index` of `count`; `ring_size` as
 * kg_payload_link_init has it. The first one chooses the port. */
static inline struct rig *rig_create_one_of(unsigned int index, unsigned int count, uint16_t port,
					    unsigned int ring_size)
{
	static unsigned int serial;
	struct rig *rig = calloc(1, sizeof(*rig));
	struct kg_payload_tunnel tunnels[2] = { 0 };
	char name[32];
	struct kg_payload_config config = {
		.tunnels = tunnels,
		.tunnel_count = 2,
		.index = index,
		.count = count,
		.links = rig->links,
		.link_count = RIG_LINKS,
		.waker = &rig->payload_waker,
		.enquiries = &rig->keeper.enquiries,
		.pool = &rig->pool.pool,
	};

	rig->pool.pool = (struct kg_buf_pool){ .alloc = rig_buf_alloc,
					       .free = rig_buf_free,
					       .fair_share = UINT32_MAX };
	rig->pool.limit = INT32_MAX;
	assert_int_equal(kg_waker_init(&rig->payload_waker), 0);
	assert_int_equal(kg_waker_init(&rig->worker_waker), 0);
	snprintf(name, sizeof(name), "names%u", serial++);
	keeper_start(&rig->keeper, &rig->payload_waker, name);
	for (unsigned int i = 0; i < RIG_LINKS; i++) {
		snprintf(name, sizeof(name), "rig%u", serial++);
		rig->links[i].payload_waker = &rig->payload_waker;
		rig->links[i].worker_waker = &rig->worker_waker;
		assert_int_equal(kg_payload_link_init(&rig->links[i], name, ring_size), 0);
	}
	rig->ends[RIG_CLIENT] = (struct kg_app_end){
		.kind = KG_APP_LISTENS,
		.listeners = &rig->listen,
		.listener_count = 1,
	};
	rig->ends[RIG_SERVER].kind = KG_APP_DIALS;
	rig_set_destination(rig, rig_loopback(4, 9));
	tunnels[RIG_CLIENT] = (struct kg_payload_tunnel){
		.name = "client",
		.id = RIG_CLIENT,
		.app = &rig->ends[RIG_CLIENT],
		.first_bytes = FIRST_BYTES,
		.rest_bytes = REST_BYTES,
	};
	tunnels[RIG_SERVER] = (struct kg_payload_tunnel){
		.name = "server",
		.id = RIG_SERVER,
		.app = &rig->ends[RIG_SERVER],
		.first_bytes = FIRST_BYTES,
		.rest_bytes = REST_BYTES,
	};
	rig->listen = (struct kg_app_listener){ .at.port = port, .tcp = true, .udp = true };
	rig->payload = rig_listen(&config, &rig->listen.at.port);
	return rig;
}

static inline struct rig *rig_create(unsigned int ring_size)
{
	return rig_create_one_of(0, 1, 0, ring_size);
}

static inline void *rig_thread(void *rig)
{
	kg_payload_run(((struct rig *)rig)->payload);
	return NULL;
}

/* ---- who borrows what a quiet thread has, in programs that are built so ---- */

#ifndef RIG_LENT
#define RIG_LENT 0
#endif

/* Until a waker, or a socket of what is lent. */
static inline void rig_borrower_sleeps(struct rig *rig, bool lent)
{
	struct kg_payload *p = rig->payload;
	struct pollfd fds[] = { { .fd = rig->worker_waker.fd, .events = POLLIN },
				{ .fd = lent ? kg_payload_fd(p) : -1, .events = POLLIN } };
	uint64_t until_us = lent ? kg_payload_until_due_us(p) : KG_NEVER_US;

	kg_waker_prepare(&rig->worker_waker);
	if (lent)
		kg_payload_prepare(p);
	if (lent ? kg_payload_rests(p) : !kg_payload_is_lent(p))
		poll(fds, 2, until_us == KG_NEVER_US ? -1 : (int)(until_us / 1000) + 1);
	kg_waker_cancel(&rig->worker_waker);
	if (lent)
		kg_payload_cancel(p);
	if (fds[0].revents != 0)
		kg_waker_take(&rig->worker_waker);
}

static inline void *rig_borrow(void *arg)
{
	struct rig *rig = arg;

	kg_payload_want(rig->payload);
	while (!atomic_load(&rig->borrower_ends)) {
		bool lent = kg_payload_is_lent(rig->payload);

		if (lent)
			kg_payload_serve(rig->payload, true);
		if (lent && kg_payload_wants_home(rig->payload))
			kg_payload_give_back(rig->payload);
		else
			rig_borrower_sleeps(rig, lent);
	}
	return NULL;
}

static inline void rig_start(struct rig *rig)
{
	assert_int_equal(pthread_create(&rig->thread, NULL, rig_thread, rig), 0);
	atomic_store(&rig->borrower_ends, false);
	if (RIG_LENT)
		assert_int_equal(pthread_create(&rig->borrower, NULL, rig_borrow, rig), 0);
	rig->running = true;
}

static inline struct rig *rig_new(void)
{
	struct rig *rig = rig_create(1024);

	rig_start(rig);
	return rig;
}

static inline void rig_stop(struct rig *rig)
{
	kg_payload_stop(rig->payload);
	pthread_join(rig->thread, NULL);
	atomic_store(&rig->borrower_ends, true);
	kg_waker_post(&rig->worker_waker);
	if (RIG_LENT)
		pthread_join(rig->borrower, NULL);
	rig->running = false;
	assert_int_equal(rig->payload->stats.flows, 0);
}

/* Ends flows in whatever state. Nothing may be left: no flow, no buffer. */
static inline void rig_destroy(struct rig *rig)
{
	if (rig->running)
		rig_stop(rig);
	kg_payload_destroy(rig->payload);
	keeper_end(&rig->keeper);
	for (unsigned int i = 0; i < RIG_LINKS; i++)
		kg_payload_link_fini(&rig->links[i]);
	kg_waker_fini(&rig->payload_waker);
	kg_waker_fini(&rig->worker_waker);
	assert_int_equal(atomic_load(&rig->pool.in_use), 0);
	free(rig);
}

/* The same once every flow has ended by itself. */
static inline void rig_end(struct rig *rig)
{
	rig_await_stat(&rig->payload->stats.flows, 0);
	rig_destroy(rig);
}

/* ---- the worker ---- */

/* The next message from any link, CREDIT summed up and skipped; false when there is none now. */
static inline bool rig_poll(struct rig *rig, struct kg_msg *msg)
{
	for (unsigned int i = 0; i < RIG_LINKS; i++) {
		while (rte_ring_sc_dequeue_elem(rig->links[i].to_worker, msg, sizeof(*msg)) == 0) {
			if (msg->type != KG_MSG_CREDIT)
				return true;
			rig->credited += msg->count;
		}
	}
	return false;
}

static inline struct kg_msg rig_next(struct rig *rig)
{
	uint64_t end = rig_now_ms() + WAIT_MS;
	struct kg_msg msg = { 0 };

	while (!rig_poll(rig, &msg)) {
		if (rig_now_ms() > end)
			fail_msg("no message from the payload thread");
		rig_nap();
	}
	return msg;
}

static inline struct kg_msg rig_expect(struct rig *rig, enum kg_msg_type type)
{
	struct kg_msg msg = rig_next(rig);

	if (msg.type != type)
		fail_msg("message %u instead of %u", msg.type, type);
	return msg;
}

/* Nothing but CREDIT comes for a while. */
static inline void rig_expect_silence(struct rig *rig)
{
	uint64_t end = rig_now_ms() + 20;
	struct kg_msg msg;

	while (rig_now_ms() < end) {
		if (rig_poll(rig, &msg))
			fail_msg("unexpected message %u", msg.type);
		rig_nap();
	}
}

static inline void rig_send_on(struct rig *rig, unsigned int link, struct kg_msg *msg)
{
	uint64_t end = rig_now_ms() + WAIT_MS;

	while (rte_ring_sp_enqueue_elem(rig->links[link].to_payload, msg, sizeof(*msg)) != 0) {
		kg_waker_wake(&rig->payload_waker);
		assert_true(rig_now_ms() < end);
		rig_nap();
	}
	kg_waker_wake(&rig->payload_waker);
}

/* One conversation as the worker knows it. Its address is the conn. */
struct rig_channel {
	struct rig *rig;
	void *flow;
	unsigned int link;
	uint8_t protocol;
	struct kg_tuple tuple;          /* told by OPEN; all 0 if none was */
	const struct kg_target *mapped; /* told by OPEN */
};

static inline void rig_say(struct rig_channel *ch, enum kg_msg_type type, uint32_t count,
			   struct kg_buf *buf)
{
	struct kg_msg msg = {
		.type = (uint8_t)type,
		.protocol = ch->protocol,
		.tunnel = RIG_SERVER,
		.count = count,
		.flow = ch->flow,
		.conn = ch,
		.buf = buf,
	};

	rig_send_on(ch->rig, ch->link, &msg);
}

/* Messages tell the flow; the link is the one whose ring it came from, which the flow knows. */
static inline void rig_accept(struct rig *rig, struct rig_channel *ch, uint8_t protocol)
{
	struct kg_msg msg = { 0 };
	uint64_t end = rig_now_ms() + WAIT_MS;

	for (unsigned int i = 0; msg.flow == NULL; i = (i + 1) % RIG_LINKS) {
		assert_true(rig_now_ms() < end);
		if (rte_ring_sc_dequeue_elem(rig->links[i].to_worker, &msg, sizeof(msg)) == 0)
			ch->link = i;
		else
			rig_nap();
	}
	assert_int_equal(msg.type, KG_MSG_OPEN);
	assert_int_equal(msg.protocol, protocol);
	assert_int_equal(msg.tunnel, RIG_CLIENT);
	ch->rig = rig;
	ch->flow = msg.flow;
	ch->tuple = msg.tuple != NULL ? *msg.tuple : (struct kg_tuple){ 0 };
	ch->mapped = msg.mapped;
	ch->protocol = protocol;
}

static inline void rig_attach(struct rig_channel *ch, uint32_t credit)
{
	rig_say(ch, KG_MSG_ATTACHED, credit, NULL);
}

/* Sends bytes as one message. */
static inline void rig_send(struct rig_channel *ch, const void *bytes, size_t len)
{
	struct kg_buf *chain =
		kg_buf_chain_copy(&ch->rig->pool.pool, bytes, len, FIRST_BYTES, REST_BYTES);
	uint32_t count = 0;

	for (const struct kg_buf *buf = chain; buf != NULL; buf = buf->next)
		count++;
	rig_say(ch, KG_MSG_DATA, count, chain);
}

/* Closes in order and waits for the payload thread's last word. */
static inline void rig_close(struct rig_channel *ch, bool reset)
{
	rig_say(ch, KG_MSG_CLOSE, reset, NULL);
	assert_ptr_equal(rig_expect(ch->rig, KG_MSG_RELEASED).conn, ch);
}

/* From a link; `target` as good as the worker's: until the answer. */
static inline void rig_dial_from(struct rig_channel *ch, const struct kg_target *target)
{
	struct kg_msg msg = {
		.type = KG_MSG_CONNECT,
		.protocol = ch->protocol,
		.tunnel = RIG_SERVER,
		.conn = ch,
		.target = target,
	};

	rig_send_on(ch->rig, ch->link, &msg);
}

static inline void rig_dial_to(struct rig *rig, struct rig_channel *ch, uint8_t protocol,
			       const struct kg_target *target)
{
	*ch = (struct rig_channel){ .rig = rig, .protocol = protocol };
	rig_dial_from(ch, target);
}

static inline void rig_dial(struct rig *rig, struct rig_channel *ch, uint8_t protocol)
{
	rig_dial_to(rig, ch, protocol, &rig->ends[RIG_SERVER].target);
}

/* Takes DATA until `len` bytes have come, the content checked; returns in how many segments. With
 * `regrant` each is credited again. */
static inline uint32_t rig_take_stream(struct rig_channel *ch, const uint8_t *bytes, size_t len,
				       bool regrant)
{
	uint32_t segments = 0;

	for (size_t at = 0; at < len;) {
		struct kg_msg msg = rig_expect(ch->rig, KG_MSG_DATA);

		assert_ptr_equal(msg.conn, ch);
		assert_int_equal(msg.count, 1);
		assert_null(msg.buf->next);
		assert_in_range(msg.buf->len, 1, FIRST_BYTES);
		assert_memory_equal(msg.buf->data, bytes + at, msg.buf->len);
		at += msg.buf->len;
		kg_buf_free(msg.buf);
		segments++;
		if (regrant)
			rig_say(ch, KG_MSG_CREDIT, 1, NULL);
	}
	return segments;
}

/* The next message is this datagram, in buffers as full as can be. */
static inline void rig_expect_datagram(struct rig_channel *ch, const uint8_t *bytes, size_t len)
{
	static uint8_t got[65536];
	struct kg_msg msg = rig_expect(ch->rig, KG_MSG_DATA);
	uint32_t count = 0;

	assert_ptr_equal(msg.conn, ch);
	assert_int_equal(kg_buf_chain_len(msg.buf), len);
	kg_buf_chain_gather(msg.buf, got);
	assert_memory_equal(got, bytes, len);
	for (const struct kg_buf *buf = msg.buf; buf != NULL; buf = buf->next, count++) {
		if (buf->next != NULL)
			assert_int_equal(buf->len, count == 0 ? FIRST_BYTES : REST_BYTES);
	}
	assert_in_range(msg.count, 1, count); /* fewer when there was less credit left */
	kg_buf_free_chain(msg.buf);
}

/* There and back again. */
static inline void rig_echo_datagram(struct rig_channel *ch, int fd, const uint8_t *bytes,
				     size_t len)
{
	static uint8_t back[65536];

	assert_int_equal(send(fd, bytes, len, 0), len);
	rig_expect_datagram(ch, bytes, len);
	rig_say(ch, KG_MSG_CREDIT, 60, NULL);
	rig_send(ch, bytes, len);
	assert_int_equal(recv(fd, back, sizeof(back), 0), len);
	assert_memory_equal(back, bytes, len);
}

/* ---- the application ---- */

static inline int rig_connect_to(const struct kg_endpoint *to, int type)
{
	union kg_sockaddr addr = rig_sockaddr(to);
	int fd = socket(addr.any.sa_family, type, 0);
	struct timeval patience = { .tv_sec = WAIT_MS / 1000 };

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, &addr.any, kg_sockaddr_len(&addr)) != 0)
		fail_msg("connect: %s", strerror(errno));
	return fd;
}

static inline int rig_connect(struct rig *rig, int version, int type)
{
	struct kg_endpoint to = rig_loopback(version, rig->listen.at.port);

	return rig_connect_to(&to, type);
}

static inline void rig_write(int fd, const void *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

/* A TCP connection that the worker has answered with so much credit. */
static inline int rig_open_tcp(struct rig *rig, int version, struct rig_channel *ch,
			       uint32_t credit)
{
	int fd = rig_connect(rig, version, SOCK_STREAM);

	rig_accept(rig, ch, KG_PROTOCOL_TCP);
	rig_attach(ch, credit);
	return fd;
}

/* A datagram makes a flow of the socket; it is taken, and so much credit is left. */
static inline void rig_greet(struct rig *rig, int fd, struct rig_channel *ch, uint32_t credit)
{
	rig_write(fd, "x", 1);
	rig_accept(rig, ch, KG_PROTOCOL_UDP);
	rig_attach(ch, credit + 1);
	rig_expect_datagram(ch, (const uint8_t *)"x", 1);
}

static inline int rig_open_udp(struct rig *rig, int version, struct rig_channel *ch,
			       uint32_t credit)
{
	int fd = rig_connect(rig, version, SOCK_DGRAM);

	rig_greet(rig, fd, ch, credit);
	return fd;
}

/* Exactly so many bytes. */
static inline void rig_read(int fd, void *bytes, size_t len)
{
	assert_int_equal(recv(fd, bytes, len, MSG_WAITALL), len);
}

/* An application that takes a little at a time, and hears the stream out. */
struct rig_reader {
	int fd;
	const uint8_t *bytes;
	size_t len;
	bool good;
};

static inline void *rig_read_slowly(void *arg)
{
	struct rig_reader *reader = arg;
	uint8_t back[30000];
	size_t at = 0;
	ssize_t len;

	reader->good = true;
	while ((len = recv(reader->fd, back, sizeof(back), 0)) > 0) {
		reader->good &= at + (size_t)len <= reader->len &&
				memcmp(back, reader->bytes + at, (size_t)len) == 0;
		at += (size_t)len;
		rig_nap();
	}
	reader->good &= len == 0 && at == reader->len;
	return NULL;
}

static inline int rig_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

/* A socket of the payload thread toward an application is as every such socket should be. */
static inline void rig_assert_tuned(int fd)
{
	assert_int_equal(rig_option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(rig_option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(rig_option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 120);
	assert_int_equal(rig_option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 15);
	assert_int_equal(rig_option(fd, IPPROTO_TCP, TCP_KEEPCNT), 5);
}

static inline void rig_reset(int fd)
{
	struct linger reset = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

/* Bytes that show where they come from. */
static inline uint8_t *rig_pattern(size_t len, uint32_t seed)
{
	uint8_t *bytes = malloc(len + 1);

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)((i * 31 + (i >> 8) * 7 + seed * 101) & 255);
	return bytes;
}
