/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP connections of applications: the stream, and credit. */
#include "payload_rig.h"

#include "payload/internal.h"

#define TCP KG_PROTOCOL_TCP

static void accepted_on(int version)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(100000, 1), back[100000];
	int fd = rig_connect(rig, version, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_assert_tuned(((struct kg_flow *)ch.flow)->source.fd);
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
	int fd = rig_open_tcp(rig, 4, &ch, 0);

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
	int fd = rig_open_tcp(rig, 4, &ch, 2);

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
	int fd = rig_open_tcp(rig, 4, &ch, 4);

	rig_write(fd, "keystroke", 9);
	msg = rig_expect(rig, KG_MSG_DATA);
	assert_int_equal(msg.buf->room, 9);
	kg_buf_free(msg.buf);
	close(fd);
	rig_destroy(rig);
}

/* Telnet's interrupt: in its place, and what follows is not held up. */
static void urgent_bytes_stay_in_the_stream(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	int fd = rig_connect(rig, 4, SOCK_STREAM);

	rig_accept(rig, &ch, TCP);
	rig_write(fd, "some", 4);
	assert_int_equal(send(fd, "!", 1, MSG_OOB), 1);
	rig_write(fd, "more", 4);
	rig_expect_silence(rig);
	rig_attach(&ch, 10);
	rig_take_stream(&ch, (const uint8_t *)"some!more", 9, false);
	rig_write(fd, "again", 5);
	rig_take_stream(&ch, (const uint8_t *)"again", 5, false);
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
	int fd = rig_open_tcp(rig, 4, &ch, 4), small = 65536;
	struct rig_reader reader = { .fd = fd, .bytes = bytes, .len = len };
	pthread_t thread;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	/* As small as it gets, so that writes end in the middle of buffers. */
	assert_int_equal(setsockopt(((struct kg_flow *)ch.flow)->source.fd, SOL_SOCKET, SO_SNDBUF,
				    &small, sizeof(small)),
			 0);
	pthread_create(&thread, NULL, rig_read_slowly, &reader);
	send_within_credit(&ch, bytes, SEGMENTS);
	assert_in_range(atomic_load(&rig->pool.peak), 1, KG_FLOW_TX_SEGMENTS + 2 * KG_READ_BUFS);
	rig_close(&ch, false); /* with data pending: all of it arrives */
	pthread_join(thread, NULL);
	assert_true(reader.good);
	close(fd);
	rig_end(rig);
	free(bytes);
}

/* Credit comes back in batches, not one by one, and few are missing when all was taken. */
static void credit_is_given_back_in_batches(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	uint8_t byte = 'x', back[KG_FLOW_TX_FLOOR];
	int fd = rig_open_tcp(rig, 4, &ch, 4);

	for (uint32_t i = 0; i < KG_FLOW_TX_FLOOR / 2 - 1; i++) {
		rig_send(&ch, &byte, 1);
		rig_read(fd, back, 1);
	}
	rig_expect_silence(rig);
	assert_int_equal(rig->credited, 0);
	rig_send(&ch, &byte, 1);
	rig_read(fd, back, 1);
	rig_expect_silence(rig);
	assert_int_equal(rig->credited, KG_FLOW_TX_FLOOR / 2);
	close(fd);
	rig_destroy(rig);
}

/* What memory no longer allows is not read: credit that was given is taken back. */
static void credit_is_taken_back(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	int fd = rig_open_tcp(rig, 4, &ch, 100);

	rig_say(&ch, KG_MSG_CREDIT, (uint32_t)-100, NULL);
	rig_write(fd, "waits", 5);
	rig_expect_silence(rig);
	rig_say(&ch, KG_MSG_CREDIT, 1, NULL);
	rig_take_stream(&ch, (const uint8_t *)"waits", 5, false);
	close(fd);
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
		cmocka_unit_test(urgent_bytes_stay_in_the_stream),
		cmocka_unit_test(slow_reader_bounds_memory),
		cmocka_unit_test(credit_is_given_back_in_batches),
		cmocka_unit_test(credit_is_taken_back),
	};

	return cmocka_run_group_tests(tests, rig_init_eal, bare_eal_fini);
}
