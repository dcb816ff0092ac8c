/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP connections of applications: the stream, credit, and every way to end. */
#include "payload_rig.h"

#include "payload/flow.h"

#define TCP KG_PROTOCOL_TCP

static void accepted_on(int version)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(100000, 1), back[100000];
	int fd = rig_connect(rig, version, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 64);
	rig_write(fd, bytes, 100000);
	rig_take_stream(&ch, bytes, 100000, true);
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
	assert_int_equal(rig_take_stream(&ch, bytes, (size_t)40 * FIRST_BYTES, false), 40);
	rig_expect_silence(rig);
	rig_say(&ch, KG_MSG_CREDIT, 3, NULL);
	assert_int_equal(
		rig_take_stream(&ch, bytes + (size_t)40 * FIRST_BYTES, 3 * FIRST_BYTES, false), 3);
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
		assert_int_equal(rig_take_stream(&ch, at, len, false), grants[i]);
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
	assert_int_equal(rig_take_stream(&ch, bytes, 5 * FIRST_BYTES, false), 5);
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
	rig_take_stream(&ch, (const uint8_t *)"last words", 10, false);
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
	rig_take_stream(&ch, bytes, (size_t)10 * FIRST_BYTES, false);
	rig_send(&ch, "reply", 5);
	rig_expect_silence(rig);
	rig_send(&ch, "another", 7);
	rig_say(&ch, KG_MSG_CREDIT, 1000, NULL);
	rig_take_stream(&ch, bytes + (size_t)10 * FIRST_BYTES, 60000 - 10 * FIRST_BYTES, false);
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

	rig->payload->draining.span_us = 500000;
	rig_start(rig);
	fd = rig_connect(rig, 4, SOCK_STREAM);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 0);
	for (size_t sent = 0; sent < total; sent += 10000)
		rig_send(&ch, bytes, 10000);
	rig_close(&ch, false);
	for (size_t read = 0; read < total; read += part) {
		usleep(20000); /* 1.6 s in all, three times the span */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, rig_init_eal, rig_fini_eal);
}
