/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way in which a TCP connection of an application ends. */
#include "payload_rig.h"

#define TCP KG_PROTOCOL_TCP

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
	assert_ptr_equal(rig_expect(rig, KG_MSG_FINISH).conn, &ch);
	rig_send(&ch, "reply", 5); /* the other direction is still open */
	rig_read(fd, back, 5);
	assert_memory_equal(back, "reply", 5);
	rig_close(&ch, false);
	assert_int_equal(recv(fd, back, 1, 0), 0);
	rig_end(rig);
	close(fd);
}

/* A peer may say it on any channel; a socket never takes it. */
static void an_empty_message_keeps_no_end_waiting(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	int fd = rig_open_tcp(rig, 4, &ch, 4);

	rig_send(&ch, "", 0);
	rig_close(&ch, false);
	close(fd);
	rig_end(rig);
}

static void reset_is_abort(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	int fd = rig_open_tcp(rig, 4, &ch, 4);

	rig_reset(fd);
	assert_ptr_equal(rig_expect(rig, KG_MSG_ABORT).conn, &ch);
	rig_send(&ch, "too late", 8);
	rig_say(&ch, KG_MSG_CREDIT, 1, NULL);
	rig_expect_silence(rig); /* told once */
	rig_close(&ch, false);
	rig_end(rig);
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
	assert_ptr_equal(rig_expect(rig, KG_MSG_ABORT).conn, &ch);
	rig_close(&ch, true);
	rig_end(rig);
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
	assert_ptr_equal(rig_expect(rig, KG_MSG_ABORT).conn, &ch); /* nobody listens */
	rig_await_stat(&rig->payload->stats.tcp_closed, 1);
	rig_send(&ch, "and more", 8);
	rig_expect_silence(rig);
	rig_close(&ch, false);
	rig_end(rig);
	free(bytes);
}

/* Also when there is nothing to write that would find out. */
static void a_reset_behind_the_end_is_abort(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	int fd = rig_open_tcp(rig, 4, &ch, 4);

	shutdown(fd, SHUT_WR);
	rig_expect(rig, KG_MSG_FINISH);
	rig_reset(fd);
	assert_ptr_equal(rig_expect(rig, KG_MSG_ABORT).conn, &ch);
	rig_expect_silence(rig);
	rig_close(&ch, true);
	rig_end(rig);
}

/* The thread meets a connection that is over already: with an end in order before the reset all of
 * it counts, without one the reset is all there is. */
static void over_before_it_was_accepted(bool with_end)
{
	struct rig *rig = rig_create(1024);
	struct rig_channel ch;
	struct kg_msg msg;
	uint8_t *bytes = rig_pattern(60000, 18);
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_write(fd, bytes, 60000);
	if (with_end)
		shutdown(fd, SHUT_WR);
	rig_reset(fd);
	rig_start(rig);
	rig_accept(rig, &ch, TCP);
	rig_attach(&ch, 1000);
	if (with_end) {
		rig_take_stream(&ch, bytes, 60000, false);
		rig_expect(rig, KG_MSG_FINISH);
	}
	/* The kernel may take its time with the reset. */
	while ((msg = rig_next(rig)).type == KG_MSG_DATA && !with_end)
		kg_buf_free(msg.buf);
	assert_int_equal(msg.type, KG_MSG_ABORT);
	assert_ptr_equal(msg.conn, &ch);
	rig_close(&ch, true);
	rig_end(rig);
	free(bytes);
}

static void an_end_seen_together_with_a_reset_counts(void **state)
{
	over_before_it_was_accepted(true);
	over_before_it_was_accepted(false);
}

/* A server that answers without having read the whole request, and closes, makes a reset of it. */
static void an_answer_before_a_reset_is_read(void **state)
{
	struct rig *rig = rig_new();

	for (int i = 0; i < 200; i++) {
		struct rig_channel ch;
		int fd = rig_open_tcp(rig, 4, &ch, 10);

		rig_send(&ch, "request", 7);
		rig_write(fd, "answer", 6);
		rig_reset(fd);
		rig_take_stream(&ch, (const uint8_t *)"answer", 6, false);
		rig_expect(rig, KG_MSG_ABORT);
		rig_close(&ch, true);
	}
	rig_end(rig);
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

static void close_with_reset(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	char byte;
	int fd = rig_open_tcp(rig, 4, &ch, 4);

	rig_close(&ch, true);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	rig_destroy(rig);
}

/* As much of it as the application's socket has room for. */
static void a_reset_does_not_overtake_an_answer(void **state)
{
	struct rig *rig = rig_new();
	uint8_t *bytes = rig_pattern(50000, 21), back[50000];

	for (int i = 0; i < 50; i++) {
		struct rig_channel ch;
		int fd = rig_open_tcp(rig, 4, &ch, 4);

		for (int part = 0; part < 5; part++)
			rig_send(&ch, bytes + part * 10000, 10000);
		rig_close(&ch, true);
		rig_read(fd, back, sizeof(back));
		assert_memory_equal(back, bytes, sizeof(back));
		assert_int_equal(recv(fd, back, 1, 0), -1);
		assert_int_equal(errno, ECONNRESET);
		close(fd);
	}
	free(bytes);
	rig_destroy(rig);
}

/* What the other application said before its end arrives, whatever it did then. */
static void a_reset_does_not_overtake_an_end(void **state)
{
	const size_t len = 2000000;
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(len, 19);
	int fd = rig_open_tcp(rig, 4, &ch, 4), small = 65536;
	struct rig_reader reader = { .fd = fd, .bytes = bytes, .len = len };

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (size_t sent = 0; sent < len; sent += 100000)
		rig_send(&ch, bytes + sent, 100000);
	rig_say(&ch, KG_MSG_FINISH, 0, NULL);
	rig_close(&ch, true);
	rig_read_slowly(&reader);
	assert_true(reader.good);
	rig_await_stat(&rig->payload->stats.flows, 0);
	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE); /* by a reset after the end */
	close(fd);
	free(bytes);
	rig_destroy(rig);
}

/* What the application still sends after CLOSE is read and forgotten, lest a reset overtakes ours.
 */
static void closing_swallows_late_input(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(50000, 5), back[50000];
	int fd = rig_open_tcp(rig, 4, &ch, 0);

	rig_write(fd, bytes, 50000);
	rig_send(&ch, bytes, 50000);
	rig_close(&ch, false);
	rig_write(fd, bytes, 50000);
	rig_read(fd, back, sizeof(back));
	assert_memory_equal(back, bytes, sizeof(back));
	assert_int_equal(recv(fd, back, 1, 0), 0);
	assert_int_equal(rig_stat(&rig->payload->stats.flows), 1);
	close(fd);
	rig_end(rig);
	free(bytes);
}

static void an_application_that_never_reads_is_reset(void **state)
{
	struct rig *rig = rig_create(1024);
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern((size_t)4 << 20, 6);
	int fd;

	rig->payload->draining.span_us = 100000;
	rig_start(rig);
	fd = rig_open_tcp(rig, 4, &ch, 0);
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
	const size_t total = 6000000, part = 100000;
	int small = 32768; /* so that the kernel's buffers do not hide how slow the reader is */
	struct rig *rig = rig_create(1024);
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(10000, 6), *got = malloc(part);
	int fd;

	rig->payload->draining.span_us = 400000;
	rig_start(rig);
	fd = rig_open_tcp(rig, 4, &ch, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (size_t sent = 0; sent < total; sent += 10000)
		rig_send(&ch, bytes, 10000);
	rig_close(&ch, false);
	for (size_t read = 0; read < total; read += part) {
		usleep(20000); /* 1.2 s in all, three times the span */
		rig_read(fd, got, part);
		assert_memory_equal(got, bytes, 10000);
	}
	assert_int_equal(recv(fd, got, 1, 0), 0);
	close(fd);
	rig_end(rig);
	free(bytes);
	free(got);
}

/* The kernel holds all of it, and something from the application would make closing a reset. */
static void nor_is_it_cut_off_by_what_it_says(void **state)
{
	const size_t total = 800000, part = 20000;
	int small = 32768;
	struct rig *rig = rig_create(1024);
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(total, 20), *got = malloc(part);
	int fd;

	rig->payload->draining.span_us = 300000;
	rig_start(rig);
	fd = rig_open_tcp(rig, 4, &ch, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	rig_send(&ch, bytes, total);
	rig_close(&ch, false);
	for (size_t read = 0; read < total; read += part) {
		usleep(20000); /* 0.8 s in all */
		rig_write(fd, "x", 1);
		rig_read(fd, got, part);
		assert_memory_equal(got, bytes + read, part);
	}
	assert_int_equal(recv(fd, got, 1, 0), 0);
	close(fd);
	rig_end(rig);
	free(bytes);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(end_of_stream_is_finish),
		cmocka_unit_test(an_empty_message_keeps_no_end_waiting),
		cmocka_unit_test(reset_is_abort),
		cmocka_unit_test(reset_before_the_answer_is_abort_after_it),
		cmocka_unit_test(data_before_the_end_survives_a_reset),
		cmocka_unit_test(a_reset_behind_the_end_is_abort),
		cmocka_unit_test(an_end_seen_together_with_a_reset_counts),
		cmocka_unit_test(an_answer_before_a_reset_is_read),
		cmocka_unit_test(refused_opening_needs_no_release),
		cmocka_unit_test(close_with_reset),
		cmocka_unit_test(a_reset_does_not_overtake_an_answer),
		cmocka_unit_test(a_reset_does_not_overtake_an_end),
		cmocka_unit_test(closing_swallows_late_input),
		cmocka_unit_test(an_application_that_never_reads_is_reset),
		cmocka_unit_test(an_application_that_reads_slowly_gets_all),
		cmocka_unit_test(nor_is_it_cut_off_by_what_it_says),
	};

	return cmocka_run_group_tests(tests, rig_init_eal, bare_eal_fini);
}
