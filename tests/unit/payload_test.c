/* SPDX-License-Identifier: BSD-3-Clause */
/* The payload thread against real sockets on loopback; the test is worker and application. */
#include "payload_rig.h"

#include "payload/flow.h"

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

static bool is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

static void waker_writes_only_to_a_sleeper(void **state)
{
	struct kg_waker waker;

	assert_int_equal(kg_waker_init(&waker), 0);
	kg_waker_wake(&waker);
	assert_false(is_readable(waker.fd));
	kg_waker_prepare(&waker);
	kg_waker_wake(&waker);
	kg_waker_wake(&waker);
	assert_true(is_readable(waker.fd));
	kg_waker_cancel(&waker);
	assert_false(is_readable(waker.fd));
	kg_waker_prepare(&waker);
	kg_waker_cancel(&waker);
	kg_waker_wake(&waker);
	assert_false(is_readable(waker.fd));
	kg_waker_fini(&waker);
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

/* ---- TCP ---- */

/* Takes DATA until `len` bytes have come; checks content and that all but last of a read are full.
 */
static uint32_t take_stream(struct rig_channel *ch, const uint8_t *bytes, size_t len, bool regrant)
{
	uint32_t segments = 0;

	for (size_t at = 0; at < len;) {
		struct kg_msg msg = rig_expect(ch->rig, KG_MSG_DATA);

		assert_ptr_equal(msg.channel, ch);
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

static void accepted_on(int version)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(100000, 1), back[100000];
	int fd = rig_connect(rig, version, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 64);
	rig_write(fd, bytes, 100000);
	take_stream(&ch, bytes, 100000, true);
	rig_send(&ch, bytes, 100000);
	rig_read(fd, back, sizeof(back));
	assert_memory_equal(back, bytes, sizeof(back));
	assert_int_equal(rig_stat(&rig->payload->stats.tcp_accepted), 1);
	rig_close(&ch, false);
	assert_int_equal(recv(fd, back, 1, 0), 0);
	close(fd);
	rig_await_stat(&rig->payload->stats.flows, 0);
	assert_int_equal(rig_stat(&rig->payload->stats.rx_bytes), 100000);
	assert_int_equal(rig_stat(&rig->payload->stats.tx_bytes), 100000);
	free(bytes);
	rig_destroy(rig);
}

static void tcp_is_accepted_on_ipv4(void **state)
{
	accepted_on(4);
}

static void tcp_is_accepted_on_ipv6(void **state)
{
	accepted_on(6);
}

/* A full stream makes full segments, and no more of them than there is credit. */
static void credit_bounds_what_is_read(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(200000, 2);
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_write(fd, bytes, 200000);
	rig_expect_silence(rig);
	rig_attach(&ch, 40);
	assert_int_equal(take_stream(&ch, bytes, (size_t)40 * FIRST_BYTES, false), 40);
	rig_expect_silence(rig);
	rig_say(&ch, KG_MSG_CREDIT, 3, NULL);
	assert_int_equal(take_stream(&ch, bytes + (size_t)40 * FIRST_BYTES, 3 * FIRST_BYTES, false),
			 3);
	rig_expect_silence(rig);
	close(fd);
	free(bytes);
	rig_destroy(rig);
}

/* Whatever credit comes in, and whenever: what waits in the socket leaves in full segments. */
static void a_waiting_stream_fills_segments(void **state)
{
	static const uint32_t grants[] = { 1, 16, 7, 33, 64, 2, 27 };
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern((size_t)150 * FIRST_BYTES, 17);
	const uint8_t *at = bytes;
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 0);
	rig_write(fd, bytes, (size_t)150 * FIRST_BYTES);
	for (size_t i = 0; i < KG_ARRAY_SIZE(grants); i++) {
		size_t len = (size_t)grants[i] * FIRST_BYTES;

		rig_say(&ch, KG_MSG_CREDIT, grants[i], NULL);
		assert_int_equal(take_stream(&ch, at, len, false), grants[i]);
		at += len;
	}
	assert_ptr_equal(at, bytes + (size_t)150 * FIRST_BYTES);
	close(fd);
	free(bytes);
	rig_destroy(rig);
}

static void credit_adds_up(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(20000, 15);
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 2);
	rig_say(&ch, KG_MSG_CREDIT, 3, NULL);
	rig_expect_silence(rig);
	rig_write(fd, bytes, 20000);
	assert_int_equal(take_stream(&ch, bytes, 5 * FIRST_BYTES, false), 5);
	rig_expect_silence(rig);
	close(fd);
	free(bytes);
	rig_destroy(rig);
}

/* A few bytes do not pin a large buffer. */
static void small_reads_go_into_small_buffers(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	struct kg_msg msg;
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 4);
	rig_write(fd, "keystroke", 9);
	msg = rig_expect(rig, KG_MSG_DATA);
	assert_int_equal(msg.buf->room, 9);
	kg_buf_free(msg.buf);
	close(fd);
	rig_destroy(rig);
}

static void end_of_stream_is_finish(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	char back[5];
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_write(fd, "last words", 10);
	shutdown(fd, SHUT_WR);
	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 4);
	take_stream(&ch, (const uint8_t *)"last words", 10, false);
	assert_ptr_equal(rig_expect(rig, KG_MSG_FINISH).channel, &ch);
	rig_send(&ch, "reply", 5); /* the other direction is still open */
	rig_read(fd, back, 5);
	assert_memory_equal(back, "reply", 5);
	rig_close(&ch, false);
	assert_int_equal(recv(fd, back, 1, 0), 0);
	rig_await_stat(&rig->payload->stats.flows, 0);
	close(fd);
	rig_destroy(rig);
}

static void reset_is_abort(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 4);
	rig_reset(fd);
	assert_ptr_equal(rig_expect(rig, KG_MSG_ABORT).channel, &ch);
	rig_send(&ch, "too late", 8);
	rig_say(&ch, KG_MSG_CREDIT, 1, NULL);
	rig_expect_silence(rig); /* told once */
	rig_close(&ch, false);
	rig_await_stat(&rig->payload->stats.flows, 0);
	rig_destroy(rig);
}

static void reset_before_the_answer_is_abort_after_it(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_reset(fd);
	rig_await_stat(&rig->payload->stats.tcp_closed, 1);
	rig_expect_silence(rig);
	rig_attach(&ch, 4);
	assert_ptr_equal(rig_expect(rig, KG_MSG_ABORT).channel, &ch);
	rig_close(&ch, true);
	rig_await_stat(&rig->payload->stats.flows, 0);
	rig_destroy(rig);
}

/* Sent everything and gone: the reset that answers our reply does not cost what was sent. */
static void data_before_the_end_survives_a_reset(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(60000, 3);
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_write(fd, bytes, 60000);
	close(fd);
	rig_attach(&ch, 10);
	take_stream(&ch, bytes, (size_t)10 * FIRST_BYTES, false);
	rig_send(&ch, "reply", 5);
	rig_expect_silence(rig);
	rig_send(&ch, "another", 7);
	rig_say(&ch, KG_MSG_CREDIT, 1000, NULL);
	take_stream(&ch, bytes + (size_t)10 * FIRST_BYTES, 60000 - 10 * FIRST_BYTES, false);
	rig_expect(rig, KG_MSG_FINISH);
	assert_ptr_equal(rig_expect(rig, KG_MSG_ABORT).channel, &ch); /* nobody listens */
	rig_await_stat(&rig->payload->stats.tcp_closed, 1);
	rig_send(&ch, "and more", 8);
	rig_expect_silence(rig);
	rig_close(&ch, false);
	rig_await_stat(&rig->payload->stats.flows, 0);
	free(bytes);
	rig_destroy(rig);
}

static void refused_opening_needs_no_release(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	char byte;
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_say(&ch, KG_MSG_CLOSE, 1, NULL);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	rig_await_stat(&rig->payload->stats.flows, 0);
	rig_expect_silence(rig);
	close(fd);
	rig_destroy(rig);
}

/* Sends as the worker does, never more than KG_FLOW_TX_SEGMENTS ahead of CREDIT, while the slow
 * application reads; returns when all is sent. */
static void send_within_credit(struct rig_channel *ch, const uint8_t *bytes, uint32_t segments)
{
	struct rig *rig = ch->rig;
	uint64_t end = rig_now_ms() + WAIT_MS;
	struct kg_msg msg;

	for (uint32_t sent = 0; sent < segments;) {
		if (rig_poll(rig, &msg))
			fail_msg("unexpected message %u", msg.type);
		assert_true(rig_now_ms() < end);
		if (sent - rig->credited >= KG_FLOW_TX_SEGMENTS) {
			rig_nap();
			continue;
		}
		rig_send(ch, bytes + (size_t)sent * FIRST_BYTES, FIRST_BYTES);
		sent++;
	}
}

struct reader {
	int fd;
	const uint8_t *bytes;
	size_t len;
	bool good;
};

static void *read_slowly(void *arg)
{
	struct reader *reader = arg;
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

/* 2.4 MB through a socket that takes little at a time; memory stays within the credit. */
static void slow_reader_bounds_memory(void **state)
{
	enum {
		SEGMENTS = 2000
	};
	struct rig *rig = rig_new();
	struct rig_channel ch;
	size_t len = (size_t)SEGMENTS * FIRST_BYTES;
	uint8_t *bytes = rig_pattern(len, 4);
	int fd = rig_connect(rig, 4, SOCK_STREAM), small = 65536;
	struct reader reader = { .fd = fd, .bytes = bytes, .len = len };
	pthread_t thread;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	rig_accept(rig, &ch, TCP);
	/* As small as it gets, so that writes end in the middle of buffers. */
	assert_int_equal(setsockopt(((struct kg_flow *)ch.flow)->source.fd, SOL_SOCKET, SO_SNDBUF,
				    &small, sizeof(small)),
			 0);
	rig_attach(&ch, 4);
	pthread_create(&thread, NULL, read_slowly, &reader);
	send_within_credit(&ch, bytes, SEGMENTS);
	assert_in_range(atomic_load(&rig->pool.peak), 1, KG_FLOW_TX_SEGMENTS + 2 * KG_READ_BUFS);
	rig_close(&ch, false); /* with data pending: all of it arrives */
	pthread_join(thread, NULL);
	assert_true(reader.good);
	close(fd);
	rig_await_stat(&rig->payload->stats.flows, 0);
	free(bytes);
	rig_destroy(rig);
}

/* Credit comes back in halves, not one by one. */
static void credit_is_given_back_in_batches(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t byte = 'x', back[KG_FLOW_TX_SEGMENTS];
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 4);
	for (int i = 0; i < KG_FLOW_TX_SEGMENTS / 2 - 1; i++)
		rig_send(&ch, &byte, 1);
	rig_read(fd, back, KG_FLOW_TX_SEGMENTS / 2 - 1);
	rig_expect_silence(rig);
	assert_int_equal(rig->credited, 0);
	rig_send(&ch, &byte, 1);
	rig_read(fd, back, 1);
	rig_expect_silence(rig);
	assert_int_equal(rig->credited, KG_FLOW_TX_SEGMENTS / 2);
	close(fd);
	rig_destroy(rig);
}

static void close_with_reset(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	char byte;
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 4);
	rig_close(&ch, true);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	rig_destroy(rig);
}

/* What the application still sends after CLOSE is read and forgotten, lest a reset overtakes ours.
 */
static void closing_swallows_late_input(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(50000, 5), back[50000];
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 0);
	rig_write(fd, bytes, 50000);
	rig_send(&ch, bytes, 50000);
	rig_close(&ch, false);
	rig_write(fd, bytes, 50000);
	rig_read(fd, back, sizeof(back));
	assert_memory_equal(back, bytes, sizeof(back));
	assert_int_equal(recv(fd, back, 1, 0), 0);
	assert_int_equal(rig_stat(&rig->payload->stats.flows), 1);
	close(fd);
	rig_await_stat(&rig->payload->stats.flows, 0);
	free(bytes);
	rig_destroy(rig);
}

static void an_application_that_never_reads_is_reset(void **state)
{
	struct rig *rig = rig_create(1024, NULL, 0);
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern((size_t)4 << 20, 6);
	int fd;

	rig->payload->draining.span_us = 100000;
	rig_start(rig);
	fd = rig_connect(rig, 4, SOCK_STREAM);
	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 0);
	for (int i = 0; i < 400; i++)
		rig_send(&ch, bytes + i * 10000, 10000);
	for (int i = 0; i < 400; i++)
		rig_send(&ch, bytes + i * 10000, 10000);
	rig_close(&ch, false);
	assert_int_equal(rig_stat(&rig->payload->stats.flows), 1);
	rig_await_stat(&rig->payload->stats.flows, 0);
	while (recv(fd, bytes, 1 << 20, 0) > 0)
		;
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	free(bytes);
	rig_destroy(rig);
}

/* The time that closing may take runs from the last byte the application took. */
static void an_application_that_reads_slowly_gets_all(void **state)
{
	const size_t total = 8000000, part = 100000;
	int small = 32768; /* so that the kernel's buffers do not hide how slow the reader is */
	struct rig *rig = rig_create(1024, NULL, 0);
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(10000, 6), *got = malloc(part);
	int fd;

	rig->payload->draining.span_us = 1500000;
	rig_start(rig);
	fd = rig_connect(rig, 4, SOCK_STREAM);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 0);
	for (size_t sent = 0; sent < total; sent += 10000)
		rig_send(&ch, bytes, 10000);
	rig_close(&ch, false);
	for (size_t read = 0; read < total; read += part) {
		usleep(60000); /* 4.8 s in all, three times the span */
		rig_read(fd, got, part);
		assert_memory_equal(got, bytes, 10000);
	}
	assert_int_equal(recv(fd, got, 1, 0), 0);
	close(fd);
	rig_await_stat(&rig->payload->stats.flows, 0);
	free(bytes);
	free(got);
	rig_destroy(rig);
}

/* ---- dialling ---- */

static void dialled_to(int version)
{
	struct rig *rig = rig_create(1024, NULL, 0);
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(100000, 7), back[100000];
	uint16_t port = 0;
	int listener = rig_bind(version, SOCK_STREAM, &port), fd;

	assert_int_equal(listen(listener, 1), 0);
	rig_set_destination(rig, rig_loopback(version, port));
	rig_start(rig);
	rig_dial(rig, &ch, TCP);
	ch.flow = rig_expect(rig, KG_MSG_CONNECTED).flow;
	fd = accept(listener, NULL, NULL);
	rig_write(fd, bytes, 100000); /* the server speaks first */
	rig_expect_silence(rig);
	rig_say(&ch, KG_MSG_CREDIT, 64, NULL);
	take_stream(&ch, bytes, 100000, true);
	rig_send(&ch, bytes, 100000);
	rig_read(fd, back, sizeof(back));
	assert_memory_equal(back, bytes, sizeof(back));
	shutdown(fd, SHUT_WR);
	rig_expect(rig, KG_MSG_FINISH);
	rig_close(&ch, false);
	assert_int_equal(recv(fd, back, 1, 0), 0);
	assert_int_equal(rig_stat(&rig->payload->stats.tcp_connected), 1);
	close(fd);
	close(listener);
	free(bytes);
	rig_destroy(rig);
}

static void tcp_dials_ipv4(void **state)
{
	dialled_to(4);
}

static void tcp_dials_ipv6(void **state)
{
	dialled_to(6);
}

static void refused_connection_says_why(void **state)
{
	struct rig *rig = rig_create(1024, NULL, 0);
	struct rig_channel ch;
	struct kg_msg msg;

	rig_set_destination(rig, rig_loopback(4, rig_free_port()));
	rig_start(rig);
	rig_dial(rig, &ch, TCP);
	msg = rig_expect(rig, KG_MSG_REFUSED);
	assert_ptr_equal(msg.channel, &ch);
	assert_int_equal(msg.count, ECONNREFUSED);
	rig_await_stat(&rig->payload->stats.flows, 0);
	assert_int_equal(rig_stat(&rig->payload->stats.tcp_refused), 1);
	rig_destroy(rig);
}

static void unset_destination_is_refused(void **state)
{
	struct rig *rig = rig_create(1024, NULL, 0);
	struct rig_channel ch;

	rig_set_destination(rig, (struct kg_endpoint){ .port = 80 });
	rig_start(rig);
	rig_dial(rig, &ch, TCP);
	assert_int_equal(rig_expect(rig, KG_MSG_REFUSED).count, EDESTADDRREQ);
	rig_dial(rig, &ch, UDP);
	assert_int_equal(rig_expect(rig, KG_MSG_REFUSED).count, EDESTADDRREQ);
	rig_await_stat(&rig->payload->stats.flows, 0);
	rig_destroy(rig);
}

/* A listener whose queue is full lets a connection hang, as a filter would. */
static void hanging_connection_times_out(void **state)
{
	struct rig *rig = rig_create(1024, NULL, 0);
	struct rig_channel ch;
	uint16_t port = 0;
	int listener = rig_bind(4, SOCK_STREAM, &port), filler;
	struct kg_endpoint to = rig_loopback(4, port);

	assert_int_equal(listen(listener, 0), 0);
	filler = rig_connect_to(&to, SOCK_STREAM);
	rig->payload->connecting.span_us = 50000;
	rig_set_destination(rig, to);
	rig_start(rig);
	rig_dial(rig, &ch, TCP);
	assert_int_equal(rig_expect(rig, KG_MSG_REFUSED).count, ETIMEDOUT);
	close(filler);
	close(listener);
	rig_destroy(rig);
}

/* ---- UDP ---- */

static void expect_datagram(struct rig_channel *ch, const uint8_t *bytes, size_t len)
{
	static uint8_t got[65536];
	struct kg_msg msg = rig_expect(ch->rig, KG_MSG_DATA);
	uint32_t count = 0;

	assert_ptr_equal(msg.channel, ch);
	assert_int_equal(kg_buf_chain_len(msg.buf), len);
	kg_buf_chain_gather(msg.buf, got);
	assert_memory_equal(got, bytes, len);
	for (const struct kg_buf *buf = msg.buf; buf != NULL; buf = buf->next, count++) {
		if (buf->next != NULL)
			assert_int_equal(buf->len, count == 0 ? FIRST_BYTES : REST_BYTES);
	}
	assert_int_equal(msg.count, count);
	kg_buf_free_chain(msg.buf);
}

/* There and back again. */
static void echo_datagram(struct rig_channel *ch, int fd, const uint8_t *bytes, size_t len)
{
	static uint8_t back[65536];

	assert_int_equal(send(fd, bytes, len, 0), len);
	expect_datagram(ch, bytes, len);
	rig_say(ch, KG_MSG_CREDIT, 60, NULL);
	rig_send(ch, bytes, len);
	assert_int_equal(recv(fd, back, sizeof(back), 0), len);
	assert_memory_equal(back, bytes, len);
}

static void udp_sources_are_flows(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch[3];
	int fd[3];

	for (int i = 0; i < 3; i++) {
		fd[i] = rig_connect(rig, i == 2 ? 6 : 4, SOCK_DGRAM);
		rig_write(fd[i], "hello", 5);
		rig_accept(rig, &ch[i], UDP);
		rig_attach(&ch[i], 10);
		expect_datagram(&ch[i], (const uint8_t *)"hello", 5);
	}
	for (int i = 0; i < 30; i++) {
		uint8_t byte = (uint8_t)i;

		echo_datagram(&ch[i % 3], fd[i % 3], &byte, 1);
	}
	rig_close(&ch[1], false);
	rig_await_stat(&rig->payload->stats.flows, 2);
	rig_write(fd[1], "again", 5); /* a new flow */
	rig_accept(rig, &ch[1], UDP);
	rig_attach(&ch[1], 10);
	expect_datagram(&ch[1], (const uint8_t *)"again", 5);
	assert_int_equal(rig_stat(&rig->payload->stats.udp_flows), 4);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	rig_destroy(rig);
}

static void datagrams_of_every_size(void **state)
{
	static const size_t sizes[] = { 0,
					1,
					199,
					200,
					201,
					FIRST_BYTES,
					FIRST_BYTES + 1,
					FIRST_BYTES + REST_BYTES,
					FIRST_BYTES + REST_BYTES + 1,
					9000,
					65507 };
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(65507, 8);
	int fd = rig_connect(rig, 4, SOCK_DGRAM);

	rig_write(fd, "x", 1);
	rig_accept(rig, &ch, UDP);
	rig_attach(&ch, 2);
	expect_datagram(&ch, (const uint8_t *)"x", 1);
	for (size_t i = 0; i < KG_ARRAY_SIZE(sizes); i++)
		echo_datagram(&ch, fd, bytes, sizes[i]);
	close(fd);
	free(bytes);
	rig_destroy(rig);
}

/* 127 fragments is what KCP can number. */
static void datagrams_too_long_for_a_message_are_dropped(void **state)
{
	struct rig *rig = rig_create(1024, NULL, 0);
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(127 * 100 + 1, 14);
	struct kg_msg msg;
	int fd;

	rig->payload->tunnels[RIG_CLIENT].first_bytes = 100;
	rig->payload->tunnels[RIG_CLIENT].rest_bytes = 100;
	rig_start(rig);
	fd = rig_connect(rig, 4, SOCK_DGRAM);
	rig_write(fd, bytes, 127 * 100 + 1);
	rig_accept(rig, &ch, UDP);
	rig_await_stat(&rig->payload->stats.udp_dropped_size, 1);
	rig_attach(&ch, 200);
	rig_write(fd, bytes, 127 * 100);
	msg = rig_expect(rig, KG_MSG_DATA);
	assert_int_equal(msg.count, 127);
	assert_int_equal(kg_buf_chain_len(msg.buf), 127 * 100);
	kg_buf_free_chain(msg.buf);
	close(fd);
	free(bytes);
	rig_destroy(rig);
}

/* A socket that is connected hears only answers from the address it wrote to. */
static void answers_leave_from_the_address_written_to(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch[2];
	int fd[2];

	for (int i = 0; i < 2; i++) {
		struct kg_endpoint to = rig_loopback(4, rig->listen.port);

		to.ip.bytes[3] = (uint8_t)(2 + i); /* 127.0.0.2, .3 */
		fd[i] = rig_connect_to(&to, SOCK_DGRAM);
		rig_write(fd[i], "x", 1);
		rig_accept(rig, &ch[i], UDP);
		rig_attach(&ch[i], 10);
		expect_datagram(&ch[i], (const uint8_t *)"x", 1);
		echo_datagram(&ch[i], fd[i], (const uint8_t *)"ping", 4);
	}
	close(fd[0]);
	close(fd[1]);
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
		rig->listen = at;
		if (cases[i].version == 0)
			rig->listen.ip.version = 0;
		tunnel.listen = &rig->listen;
		tunnel.ipv4_only = cases[i].ipv4_only;
		tunnel.ipv6_only = cases[i].ipv6_only;
		config.tunnels = &tunnel;
		config.tunnel_count = 1;
		rig->payload = rig_listen(&config, &rig->listen.port);
		at.port = rig->listen.port;
		rig_start(rig);

		fd = rig_connect_to(&at, SOCK_DGRAM);
		rig_write(fd, "x", 1);
		rig_accept(rig, &ch, UDP);
		rig_attach(&ch, 10);
		expect_datagram(&ch, (const uint8_t *)"x", 1);
		echo_datagram(&ch, fd, (const uint8_t *)"ping", 4);
		close(fd);
		close(rig_connect_to(&at, SOCK_STREAM));
		rig_expect(rig, KG_MSG_OPEN);
		rig_destroy(rig);
	}
}

static void first_datagrams_wait_for_the_worker(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(5000, 9);
	int fd = rig_connect(rig, 4, SOCK_DGRAM);

	for (size_t i = 0; i < 5; i++)
		rig_write(fd, bytes, i * 1000 + 1);
	rig_accept(rig, &ch, UDP);
	rig_await_stat(&rig->payload->stats.udp_rx_datagrams, 5);
	rig_expect_silence(rig);
	rig_attach(&ch, 100);
	for (size_t i = 0; i < 5; i++)
		expect_datagram(&ch, bytes, i * 1000 + 1);
	close(fd);
	free(bytes);
	rig_destroy(rig);
}

static void the_wait_for_the_worker_is_bounded(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	int fd = rig_connect(rig, 4, SOCK_DGRAM);

	for (int i = 0; i < 100; i++)
		rig_write(fd, "x", 1);
	rig_await_stat(&rig->payload->stats.udp_rx_datagrams, 100);
	rig_accept(rig, &ch, UDP);
	assert_int_equal(rig_stat(&rig->payload->stats.udp_dropped_full), 100 - 32);
	rig_attach(&ch, 10); /* and again where the credit is smaller than the queue */
	for (int i = 0; i < 10; i++)
		expect_datagram(&ch, (const uint8_t *)"x", 1);
	rig_expect_silence(rig);
	assert_int_equal(rig_stat(&rig->payload->stats.udp_dropped_full), 100 - 10);
	close(fd);
	rig_destroy(rig);
}

static void datagrams_without_credit_are_dropped(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	int fd = rig_connect(rig, 4, SOCK_DGRAM);

	rig_write(fd, "a", 1);
	rig_accept(rig, &ch, UDP);
	rig_attach(&ch, 2);
	expect_datagram(&ch, (const uint8_t *)"a", 1);
	for (int i = 0; i < 5; i++)
		rig_write(fd, "b", 1);
	expect_datagram(&ch, (const uint8_t *)"b", 1);
	rig_await_stat(&rig->payload->stats.udp_dropped_full, 4);
	rig_say(&ch, KG_MSG_CREDIT, 1, NULL);
	rig_expect_silence(rig);
	rig_write(fd, "c", 1);
	expect_datagram(&ch, (const uint8_t *)"c", 1);
	close(fd);
	rig_destroy(rig);
}

static void udp_dials(void **state)
{
	for (int version = 4; version <= 6; version += 2) {
		struct rig *rig = rig_create(1024, NULL, 0);
		struct rig_channel ch[2];
		uint8_t *bytes = rig_pattern(65507, 10), back[65536];
		uint16_t port = 0;
		int fd = rig_bind(version, SOCK_DGRAM, &port);

		rig_set_destination(rig, rig_loopback(version, port));
		rig_start(rig);
		for (int i = 0; i < 2; i++) {
			union kg_sockaddr from;
			socklen_t len = sizeof(from);

			rig_dial(rig, &ch[i], UDP);
			ch[i].flow = rig_expect(rig, KG_MSG_CONNECTED).flow;
			rig_say(&ch[i], KG_MSG_CREDIT, 10, NULL);
			rig_send(&ch[i], bytes, 65507);
			assert_int_equal(recvfrom(fd, back, sizeof(back), 0, &from.any, &len),
					 65507);
			assert_memory_equal(back, bytes, 65507);
			assert_int_equal(sendto(fd, bytes, 65507, 0, &from.any, len), 65507);
			expect_datagram(&ch[i], bytes, 65507);
		}
		rig_close(&ch[0], false);
		rig_close(&ch[1], true);
		rig_await_stat(&rig->payload->stats.flows, 0);
		close(fd);
		free(bytes);
		rig_destroy(rig);
	}
}

static void icmp_errors_do_not_end_a_flow(void **state)
{
	struct rig *rig = rig_create(1024, NULL, 0);
	struct rig_channel ch;
	char back[8];
	uint16_t port = 0;
	int fd = rig_bind(4, SOCK_DGRAM, &port);

	close(fd);
	rig_set_destination(rig, rig_loopback(4, port));
	rig_start(rig);
	rig_dial(rig, &ch, UDP);
	ch.flow = rig_expect(rig, KG_MSG_CONNECTED).flow;
	rig_say(&ch, KG_MSG_CREDIT, 10, NULL);
	rig_send(&ch, "nobody", 6);
	rig_await_stat(&rig->payload->stats.udp_icmp_errors, 1);
	fd = rig_bind(4, SOCK_DGRAM, &port);
	rig_send(&ch, "there?", 6);
	assert_int_equal(recv(fd, back, sizeof(back), 0), 6);
	rig_expect_silence(rig);
	rig_close(&ch, false);
	close(fd);
	rig_destroy(rig);
}

/* Puts a message into the ring of a thread that sleeps, and lets it sleep. */
static void say_quietly(struct rig_channel *ch, enum kg_msg_type type, struct kg_buf *buf)
{
	struct kg_msg msg = { .type = (uint8_t)type,
			      .protocol = ch->protocol,
			      .count = buf != NULL,
			      .flow = ch->flow,
			      .channel = ch,
			      .buf = buf };

	assert_int_equal(
		rte_ring_sp_enqueue_elem(ch->rig->links[ch->link].to_payload, &msg, sizeof(msg)),
		0);
}

/* One burst with two flows in turns: each datagram of a flow meets the ICMP error of the last. */
static void icmp_errors_do_not_cost_other_datagrams(void **state)
{
	struct rig *rig = rig_create(1024, NULL, 0);
	struct kg_buf_pool *pool = &rig->pool.pool;
	struct rig_channel ch[2];
	uint16_t port = 0;

	close(rig_bind(4, SOCK_DGRAM, &port));
	rig_set_destination(rig, rig_loopback(4, port));
	rig_start(rig);
	for (int i = 0; i < 2; i++) {
		rig_dial(rig, &ch[i], UDP);
		ch[i].flow = rig_expect(rig, KG_MSG_CONNECTED).flow;
	}
	rig_expect_silence(rig);
	for (int i = 0; i < 8; i++)
		say_quietly(&ch[i % 2], KG_MSG_DATA, kg_buf_chain_copy(pool, "x", 1, 1, 1));
	kg_waker_wake(&rig->payload_waker);
	rig_await_stat(&rig->payload->stats.udp_tx_datagrams, 8);
	assert_int_equal(rig_stat(&rig->payload->stats.udp_dropped_error), 0);
	rig_destroy(rig);
}

static void datagrams_before_close_are_sent(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	char back[4];
	int fd = rig_connect(rig, 4, SOCK_DGRAM);

	rig_write(fd, "x", 1);
	rig_accept(rig, &ch, UDP);
	rig_attach(&ch, 10);
	expect_datagram(&ch, (const uint8_t *)"x", 1);
	rig_expect_silence(rig);
	for (int i = 0; i < 3; i++)
		say_quietly(&ch, KG_MSG_DATA, kg_buf_chain_copy(&rig->pool.pool, "word", 4, 4, 4));
	say_quietly(&ch, KG_MSG_CLOSE, NULL);
	kg_waker_wake(&rig->payload_waker);
	for (int i = 0; i < 3; i++)
		assert_int_equal(recv(fd, back, sizeof(back), 0), 4);
	rig_expect(rig, KG_MSG_RELEASED);
	close(fd);
	rig_destroy(rig);
}

/* ---- pressure ---- */

/* Rings of three messages and a worker that takes one at a time: everything is told, in order. */
static void full_rings_lose_nothing(void **state)
{
	enum {
		FLOWS = 40
	};
	struct rig *rig = rig_create(4, NULL, 0);
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
		ptrdiff_t i = (struct rig_channel *)msg.channel - ch;

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
	struct rig *rig = rig_create(1024, NULL, 0);
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(50000, 12);
	struct kg_buf *hog[4];
	int fd;

	rig->pool.limit = 4;
	for (int i = 0; i < 4; i++)
		hog[i] = kg_buf_alloc(&rig->pool.pool, 1);
	rig_start(rig);
	fd = rig_connect(rig, 4, SOCK_STREAM);
	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 1000);
	rig_write(fd, bytes, 50000);
	rig_expect_silence(rig);
	assert_true(rig_stat(&rig->payload->stats.no_buffer) > 0);
	for (int i = 0; i < 4; i++)
		kg_buf_free(hog[i]);
	take_stream(&ch, bytes, 50000, false);
	close(fd);
	free(bytes);
	rig_destroy(rig);
}

/* Connections wait in the kernel while the process has no descriptor left. */
static void no_descriptors_only_delays(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	struct kg_endpoint to = rig_loopback(4, rig->listen.port);
	union kg_sockaddr addr = rig_sockaddr(&to);
	struct rlimit normal, low;
	int fd = socket(AF_INET, SOCK_STREAM, 0), hogs[64], count = 0;

	getrlimit(RLIMIT_NOFILE, &normal);
	low = normal;
	low.rlim_cur = KG_ARRAY_SIZE(hogs);
	assert_in_range(fd, 0, KG_ARRAY_SIZE(hogs) - 1);
	setrlimit(RLIMIT_NOFILE, &low);
	while ((hogs[count] = dup(fd)) >= 0)
		count++;
	assert_int_equal(connect(fd, &addr.any, sizeof(addr.in)), 0);
	rig_expect_silence(rig);
	assert_true(rig_stat(&rig->payload->stats.accept_put_off) > 0);
	setrlimit(RLIMIT_NOFILE, &normal);
	rig_accept(rig, &ch, TCP);
	while (count > 0)
		close(hogs[--count]);
	close(fd);
	rig_destroy(rig);
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
		fd[i] = rig_connect(rig, i % 2 ? 4 : 6, SOCK_STREAM);
		rig_accept(rig, &ch[i], TCP);
		rig_attach(&ch[i], 100);
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
			rig_say(msg.channel, KG_MSG_DATA, 1, msg.buf);
		} else if (msg.type == KG_MSG_FINISH) {
			rig_say(msg.channel, KG_MSG_CLOSE, 0, NULL);
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
	struct rig *rig = rig_create(1024, NULL, 0);
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
	int fd[2], udp_fd = rig_connect(rig, 4, SOCK_DGRAM);

	assert_in_range(cpu_us_while_idle(rig), 0, 5000);
	rig_write(udp_fd, "x", 1);
	rig_accept(rig, &udp, UDP);
	rig_attach(&udp, 10);
	expect_datagram(&udp, (const uint8_t *)"x", 1);
	for (int i = 0; i < 2; i++) {
		fd[i] = rig_connect(rig, 4, SOCK_STREAM);
		rig_accept(rig, &tcp[i], TCP);
		rig_attach(&tcp[i], 0);
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
	fd = rig_connect(rig, 4, SOCK_DGRAM);
	rig_write(fd, "x", 1);
	rig_accept(rig, &ch, UDP);
	rig_attach(&ch, 10);
	expect_datagram(&ch, (const uint8_t *)"x", 1);
	for (int i = 0; i < 100; i++) {
		rig_nap();
		assert_false(atomic_load(&rig->payload_waker.sleeping));
	}
	echo_datagram(&ch, fd, (const uint8_t *)"ping", 4);
	close(fd);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_frees_what_nobody_took),
		cmocka_unit_test(link_names_are_checked),
		cmocka_unit_test(waker_writes_only_to_a_sleeper),
		cmocka_unit_test(listening_twice_is_an_error),
		cmocka_unit_test(tcp_is_accepted_on_ipv4),
		cmocka_unit_test(tcp_is_accepted_on_ipv6),
		cmocka_unit_test(credit_bounds_what_is_read),
		cmocka_unit_test(a_waiting_stream_fills_segments),
		cmocka_unit_test(credit_adds_up),
		cmocka_unit_test(small_reads_go_into_small_buffers),
		cmocka_unit_test(end_of_stream_is_finish),
		cmocka_unit_test(reset_is_abort),
		cmocka_unit_test(reset_before_the_answer_is_abort_after_it),
		cmocka_unit_test(data_before_the_end_survives_a_reset),
		cmocka_unit_test(refused_opening_needs_no_release),
		cmocka_unit_test(slow_reader_bounds_memory),
		cmocka_unit_test(credit_is_given_back_in_batches),
		cmocka_unit_test(close_with_reset),
		cmocka_unit_test(closing_swallows_late_input),
		cmocka_unit_test(an_application_that_never_reads_is_reset),
		cmocka_unit_test(an_application_that_reads_slowly_gets_all),
		cmocka_unit_test(tcp_dials_ipv4),
		cmocka_unit_test(tcp_dials_ipv6),
		cmocka_unit_test(refused_connection_says_why),
		cmocka_unit_test(unset_destination_is_refused),
		cmocka_unit_test(hanging_connection_times_out),
		cmocka_unit_test(udp_sources_are_flows),
		cmocka_unit_test(datagrams_of_every_size),
		cmocka_unit_test(datagrams_too_long_for_a_message_are_dropped),
		cmocka_unit_test(answers_leave_from_the_address_written_to),
		cmocka_unit_test(listening_families),
		cmocka_unit_test(first_datagrams_wait_for_the_worker),
		cmocka_unit_test(the_wait_for_the_worker_is_bounded),
		cmocka_unit_test(datagrams_without_credit_are_dropped),
		cmocka_unit_test(udp_dials),
		cmocka_unit_test(icmp_errors_do_not_end_a_flow),
		cmocka_unit_test(icmp_errors_do_not_cost_other_datagrams),
		cmocka_unit_test(datagrams_before_close_are_sent),
		cmocka_unit_test(full_rings_lose_nothing),
		cmocka_unit_test(empty_pool_only_delays),
		cmocka_unit_test(no_descriptors_only_delays),
		cmocka_unit_test(two_hundred_connections),

		cmocka_unit_test(stop_leaves_nothing),
		cmocka_unit_test(frames_pass_between_taps_and_workers),
		cmocka_unit_test(an_idle_thread_sleeps),
		cmocka_unit_test(a_busy_thread_never_sleeps),

	};

	return cmocka_run_group_tests(tests, rig_init_eal, rig_fini_eal);
}
