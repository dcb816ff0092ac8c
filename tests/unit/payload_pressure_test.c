/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings, buffers and descriptors run out, many connections at once, the end amid traffic. */
#include "payload_rig.h"

#include <sys/wait.h>

#define TCP KG_PROTOCOL_TCP
#define UDP KG_PROTOCOL_UDP

/* Rings of three messages and a worker that takes one at a time: everything is told, in order. */
static void full_rings_lose_nothing(void **state)
{
	enum {
		FLOWS = 40
	};
	struct rig *rig = rig_create(4);
	struct rig_channel ch[FLOWS] = { 0 };
	int fd[FLOWS], finished = 0;
	size_t got[FLOWS] = { 0 };
	uint8_t *bytes = rig_pattern(10000, 11);

	rig_start(rig);
	for (int i = 0; i < FLOWS; i++) {
		fd[i] = rig_connect(rig, 4, SOCK_STREAM);
		rig_write(fd[i], bytes, 10000);
		shutdown(fd[i], SHUT_WR);
	}
	for (int i = 0; i < FLOWS; i++)
		rig_accept(rig, &ch[i], TCP);
	for (int i = 0; i < FLOWS; i++)
		rig_attach(&ch[i], 100);
	while (finished < FLOWS) {
		struct kg_msg msg = rig_next(rig);
		ptrdiff_t i = (struct rig_channel *)msg.conn - ch;

		assert_in_range(i, 0, FLOWS - 1);
		if (msg.type == KG_MSG_DATA) {
			assert_memory_equal(msg.buf->data, bytes + got[i], msg.buf->len);
			got[i] += msg.buf->len;
			kg_buf_free(msg.buf);
		} else {
			assert_int_equal(msg.type, KG_MSG_FINISH);
			assert_int_equal(got[i], 10000);
			finished++;
		}
	}
	for (int i = 0; i < FLOWS; i++)
		rig_say(&ch[i], KG_MSG_CLOSE, 0, NULL);
	for (int i = 0; i < FLOWS; i++)
		rig_expect(rig, KG_MSG_RELEASED);
	rig_await_stat(&rig->payload->stats.flows, 0);
	assert_true(rig_stat(&rig->payload->stats.ring_full) > 0);
	for (int i = 0; i < FLOWS; i++)
		close(fd[i]);
	free(bytes);
	rig_destroy(rig);
}

/* Reading waits until the pool has something again. */
static void empty_pool_only_delays(void **state)
{
	struct rig *rig = rig_create(1024);
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(50000, 12);
	struct kg_buf *hog[4];
	int fd;

	rig->pool.limit = 4;
	for (int i = 0; i < 4; i++)
		hog[i] = kg_buf_alloc(&rig->pool.pool, 1);
	rig_start(rig);
	fd = rig_open_tcp(rig, 4, &ch, 1000);
	rig_write(fd, bytes, 50000);
	rig_expect_silence(rig);
	assert_true(rig_stat(&rig->payload->stats.no_buffer) > 0);
	for (int i = 0; i < 4; i++)
		kg_buf_free(hog[i]);
	rig_take_stream(&ch, bytes, 50000, false);
	close(fd);
	free(bytes);
	rig_destroy(rig);
}

/* Others wait with all but what is kept: who has credit goes on, a buffer each time. */
static void what_is_kept_lets_all_go_on(void **state)
{
	struct rig *rig = rig_create(1024);
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(50000, 13);
	int fd;

	rig->pool.limit = rig->pool.kept = 8;
	rig_start(rig);
	fd = rig_open_tcp(rig, 4, &ch, 1000);
	rig_write(fd, bytes, 50000);
	rig_take_stream(&ch, bytes, 50000, false);
	assert_in_range(atomic_load(&rig->pool.peak), 1, 6); /* a quarter is for what is vital */
	close(fd);
	free(bytes);
	rig_destroy(rig);
}

/* Whoever comes while the process has no descriptor left is told so by a reset, not kept waiting.
 */
static void no_descriptors_is_said_at_once(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	struct kg_endpoint to = rig_loopback(4, rig->listen.at.port);
	union kg_sockaddr addr = rig_sockaddr(&to);
	struct rlimit normal, low;
	int fd[3], hogs[64], count = 0;
	char byte;

	for (size_t i = 0; i < KG_ARRAY_SIZE(fd); i++)
		fd[i] = socket(AF_INET, SOCK_STREAM, 0);
	getrlimit(RLIMIT_NOFILE, &normal);
	low = normal;
	low.rlim_cur = KG_ARRAY_SIZE(hogs);
	assert_in_range(fd[2], 0, KG_ARRAY_SIZE(hogs) - 1);
	setrlimit(RLIMIT_NOFILE, &low);
	while ((hogs[count] = dup(fd[0])) >= 0)
		count++;
	for (uint64_t i = 0; i < 2; i++) {
		assert_int_equal(connect(fd[i], &addr.any, sizeof(addr.in)), 0);
		assert_int_equal(recv(fd[i], &byte, 1, 0), -1);
		assert_int_equal(errno, ECONNRESET);
		rig_await_stat(&rig->payload->stats.tcp_turned_away, i + 1);
	}
	rig_expect_silence(rig);
	setrlimit(RLIMIT_NOFILE, &normal);
	assert_int_equal(connect(fd[2], &addr.any, sizeof(addr.in)), 0);
	rig_accept(rig, &ch, TCP);
	while (count > 0)
		close(hogs[--count]);
	for (size_t i = 0; i < KG_ARRAY_SIZE(fd); i++)
		close(fd[i]);
	rig_destroy(rig);
}

/* At the limit of sockets UDP leaves a part to TCP; what finds no place is refused at once, and
 * accepted later. */
static void sockets_are_limited(void **state)
{
	struct rig *rig = rig_create(1024);
	struct rig_channel ch[6];
	uint16_t port = 0;
	int peer = rig_bind(4, SOCK_STREAM, &port), fd;
	char byte;

	assert_int_equal(listen(peer, 8), 0);
	rig_set_destination(rig, rig_loopback(4, port));
	rig->payload->config.sockets_max = 4;
	rig_start(rig);
	for (int i = 0; i < 6; i++) {
		bool refused = i == 3 || i == 5;

		rig_dial(rig, &ch[i], i < 4 ? UDP : TCP);
		assert_int_equal(rig_next(rig).type, refused ? KG_MSG_REFUSED : KG_MSG_CONNECTED);
	}
	assert_int_equal(rig_stat(&rig->payload->stats.sockets_full), 2);
	assert_int_equal(rig_stat(&rig->payload->stats.sockets), 4);
	fd = rig_connect(rig, 4, SOCK_STREAM);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	rig_await_stat(&rig->payload->stats.tcp_turned_away, 1);
	rig_expect_silence(rig);
	close(fd);
	close(peer);
	rig_destroy(rig);
}

/* As many as a process with so many descriptors may have; another one, for a limit stays lowered.
 */
static unsigned int sockets_of(rlim_t descriptors)
{
	const struct rlimit limit = { descriptors, descriptors };
	unsigned int sockets = 0;
	int result[2];
	pid_t child;

	assert_int_equal(pipe(result), 0);
	child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_NOFILE, &limit);
		sockets = kg_payload_sockets_max();
		_exit(write(result[1], &sockets, sizeof(sockets)) != sizeof(sockets));
	}
	assert_int_equal(read(result[0], &sockets, sizeof(sockets)), sizeof(sockets));
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(result[0]);
	close(result[1]);
	return sockets;
}

/* For telemetry, netlink, names and files; little of little. */
static void descriptors_are_left_to_others(void **state)
{
	assert_int_equal(sockets_of(1200), 1200 - 256);
	assert_int_equal(sockets_of(400), 300);
}

/* A listener on every address of this machine that does not answer, for its queue is full. */
struct mute {
	int listener, fillers[8];
	uint16_t port;
};

static void mute_open(struct mute *mute)
{
	struct sockaddr_in6 addr = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof(addr);

	mute->listener = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(bind(mute->listener, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(getsockname(mute->listener, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(listen(mute->listener, 0), 0);
	addr.sin6_addr = in6addr_loopback;
	mute->port = ntohs(addr.sin6_port);
	for (size_t i = 0; i < KG_ARRAY_SIZE(mute->fillers); i++) {
		mute->fillers[i] = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(mute->fillers[i], (struct sockaddr *)&addr, len);
	}
}

static void mute_close(struct mute *mute)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(mute->fillers); i++)
		close(mute->fillers[i]);
	close(mute->listener);
}

/* Connects wait there until others come. */
static void oldest_dial_gives_way(const char *address)
{
	struct rig *rig = rig_create(1024);
	struct rig_channel ch[4];
	struct kg_target target = { .address = address };
	struct mute mute;

	mute_open(&mute);
	target.port = mute.port;
	rig->payload->config.sockets_max = 8;
	rig_start(rig);
	for (int i = 0; i < 2; i++) {
		rig_dial_to(rig, &ch[i], TCP, &target);
		rig_await_stat(&rig->payload->stats.sockets, (uint64_t)i + 1);
	}
	for (int i = 2; i < 4; i++) {
		struct kg_msg msg;

		rig_dial_to(rig, &ch[i], TCP, &target);
		msg = rig_expect(rig, KG_MSG_REFUSED);
		assert_ptr_equal(msg.conn, &ch[i - 2]);
		assert_int_equal(msg.count, ETIMEDOUT);
	}
	rig_await_stat(&rig->payload->stats.dials_gave_way, 2);
	rig_await_stat(&rig->payload->stats.sockets, 2);
	mute_close(&mute);
	rig_destroy(rig);
}

static void the_oldest_dial_gives_way(void **state)
{
	oldest_dial_gives_way("127.0.0.1");
}

/* Whoever has more addresses to try does not try them. */
static void the_oldest_dial_of_several_addresses_gives_way(void **state)
{
	oldest_dial_gives_way("both.localhost");
}

/* 200 connections at once, each echoed by the worker until its application is content. */
static void two_hundred_connections(void **state)
{
	enum {
		FLOWS = 200,
		BYTES = 20000
	};
	struct rig *rig = rig_new();
	static struct rig_channel ch[FLOWS];
	static uint8_t back[BYTES];
	int fd[FLOWS], released = 0;

	for (int i = 0; i < FLOWS; i++) {
		fd[i] = rig_open_tcp(rig, i % 2 ? 4 : 6, &ch[i], 100);
	}
	for (int i = 0; i < FLOWS; i++) {
		uint8_t *bytes = rig_pattern(BYTES, (uint32_t)i);

		rig_write(fd[i], bytes, BYTES);
		shutdown(fd[i], SHUT_WR);
		free(bytes);
	}
	while (released < FLOWS) {
		struct kg_msg msg = rig_next(rig);

		if (msg.type == KG_MSG_DATA) {
			rig_say(msg.conn, KG_MSG_DATA, 1, msg.buf);
		} else if (msg.type == KG_MSG_FINISH) {
			rig_say(msg.conn, KG_MSG_CLOSE, 0, NULL);
		} else {
			assert_int_equal(msg.type, KG_MSG_RELEASED);
			released++;
		}
	}
	for (int i = 0; i < FLOWS; i++) {
		uint8_t *bytes = rig_pattern(BYTES, (uint32_t)i);

		rig_read(fd[i], back, BYTES);
		assert_memory_equal(back, bytes, BYTES);
		assert_int_equal(recv(fd[i], back, 1, 0), 0);
		close(fd[i]);
		free(bytes);
	}
	rig_await_stat(&rig->payload->stats.flows, 0);
	assert_int_equal(rig_stat(&rig->payload->stats.tcp_closed), FLOWS);
	rig_destroy(rig);
}

/* Flows in every state, data on its way both ways. */
static void stop_leaves_nothing(void **state)
{
	struct rig *rig = rig_create(1024);
	struct rig_channel ch[4];
	uint8_t *bytes = rig_pattern((size_t)1 << 20, 13), byte;
	uint16_t port = 0;
	int peer = rig_bind(4, SOCK_DGRAM, &port), tcp[3], udp;

	rig_set_destination(rig, rig_loopback(4, port));
	rig_start(rig);
	for (int i = 0; i < 3; i++) {
		tcp[i] = rig_connect(rig, 4, SOCK_STREAM);
		rig_accept(rig, &ch[i], TCP);
		rig_write(tcp[i], bytes, i == 0 ? 1000 : 10000);
	}
	rig_attach(&ch[0], 8);
	rig_attach(&ch[1], 8); /* the third stays unanswered */
	for (int i = 0; i < 8; i++)
		rig_send(&ch[i % 2], bytes, (size_t)1 << 20);
	rig_say(&ch[1], KG_MSG_CLOSE, 0, NULL);
	udp = rig_connect(rig, 4, SOCK_DGRAM);
	rig_write(udp, bytes, 5000);
	rig_dial(rig, &ch[3], UDP);
	rig_await_stat(&rig->payload->stats.udp_flows, 2);
	rig_stop(rig);
	/* Cut off in the middle must not look like the end. */
	while (recv(tcp[0], bytes, 1 << 20, 0) > 0)
		;
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(recv(tcp[2], &byte, 1, 0), -1);
	for (int i = 0; i < 3; i++)
		close(tcp[i]);
	close(udp);
	close(peer);
	free(bytes);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_rings_lose_nothing),
		cmocka_unit_test(empty_pool_only_delays),
		cmocka_unit_test(what_is_kept_lets_all_go_on),
		cmocka_unit_test(no_descriptors_is_said_at_once),
		cmocka_unit_test(sockets_are_limited),
		cmocka_unit_test(the_oldest_dial_gives_way),
		cmocka_unit_test(the_oldest_dial_of_several_addresses_gives_way),
		cmocka_unit_test(descriptors_are_left_to_others),
		cmocka_unit_test(two_hundred_connections),
		cmocka_unit_test(stop_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, rig_init_eal, bare_eal_fini);
}
