/* SPDX-License-Identifier: BSD-3-Clause */
/* Trains: several datagrams of one flow and length that the kernel takes, or gives, as one. */
#include "payload_dialled.h"

/* ---- to applications ---- */

static const size_t mixed[] = { 100,  100,  100,  40,   100,  100,  100, 0,    0,   100, 100,   101,
				1,    1,    1,    2000, 2000, 2000, 300, 2401, 200, 64,  65507, 7,
				1200, 1200, 1201, 1200, 5,    5,    5,   5,    5,   4,   3,     3 };

static void datagrams_stay_what_they_are(void **state)
{
	uint8_t *bytes = rig_pattern(65507 + KG_ARRAY_SIZE(mixed), 3);

	for (int version = 4; version <= 6; version += 2) {
		for (int refuse = 0; refuse <= 1; refuse++) {
			struct dialled d;
			const struct kg_payload_stats *stats;

			dial(&d, version, refuse);
			stats = &d.rig->payload->stats;
			for (int round = 0; round < 3; round++) {
				say_all(&d.ch, bytes, mixed, KG_ARRAY_SIZE(mixed));
				expect_all(d.fd, bytes, mixed, KG_ARRAY_SIZE(mixed));
			}
			rig_await_stat(&stats->udp_tx_datagrams, 3 * KG_ARRAY_SIZE(mixed));
			assert_int_equal(rig_stat(&stats->udp_dropped_error), 0);
			hang_up(&d);
		}
	}
	free(bytes);
}

/* What the kernel was given: an application that takes trains sees them whole. */
static void expect_train(int fd, size_t datagram_bytes, size_t bytes)
{
	static uint8_t data[65536];
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
	const struct cmsghdr *c;
	int got = 0;

	msg.msg_controllen = sizeof(control);
	assert_int_equal(recvmsg(fd, &msg, 0), bytes);
	c = CMSG_FIRSTHDR(&msg);
	if (c != NULL && c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
		memcpy(&got, CMSG_DATA(c), sizeof(got));
	assert_int_equal(got, datagram_bytes);
}

static void equal_lengths_go_together(void **state)
{
	static const size_t sizes[] = {
		100, 100, 100, 40, 100, 100, 101, 101, 2000, 2000, 9, 0, 8
	};
	uint8_t *bytes = rig_pattern(4000, 5);
	struct dialled d;
	const int on = 1;

	dial(&d, 4, false);
	assert_int_equal(setsockopt(d.fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)), 0);
	say_all(&d.ch, bytes, sizes, KG_ARRAY_SIZE(sizes));
	expect_train(d.fd, 100, 340); /* the shorter one ends it */
	expect_train(d.fd, 100, 200);
	expect_train(d.fd, 101, 202);
	expect_train(d.fd, 2000, 4009);
	expect_train(d.fd, 0, 0);
	expect_train(d.fd, 0, 8);
	rig_await_stat(&d.rig->payload->stats.tx_bytes, 340 + 200 + 202 + 4009 + 8);
	free(bytes);
	hang_up(&d);
}

static void trains_are_bounded(void **state)
{
	uint8_t *bytes = rig_pattern(4000, 6);
	size_t sizes[BURST];
	struct dialled d;
	const int on = 1;

	for (unsigned int i = 0; i < BURST; i++)
		sizes[i] = 1200;
	dial(&d, 6, false);
	assert_int_equal(setsockopt(d.fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)), 0);
	say_all(&d.ch, bytes, sizes, BURST);
	expect_train(d.fd, 1200, 54 * 1200); /* what fits into a packet */
	expect_train(d.fd, 1200, 10 * 1200);
	free(bytes);
	hang_up(&d);
}

static void a_flow_that_is_refused_forms_no_more(void **state)
{
	static const size_t sizes[] = { 100, 100, 100 };
	uint8_t *bytes = rig_pattern(200, 7);
	struct dialled d;
	const int on = 1;

	dial(&d, 4, true);
	assert_int_equal(setsockopt(d.fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)), 0);
	for (int round = 0; round < 2; round++) {
		say_all(&d.ch, bytes, sizes, KG_ARRAY_SIZE(sizes));
		for (size_t i = 0; i < KG_ARRAY_SIZE(sizes); i++)
			expect_train(d.fd, 0, 100);
		assert_true(((struct kg_flow *)d.ch.flow)->no_trains);
	}
	free(bytes);
	hang_up(&d);
}

/* ---- of applications ---- */

static void write_train(int fd, const uint8_t *bytes, int datagram_bytes, size_t len)
{
	assert_int_equal(
		setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &datagram_bytes, sizeof(datagram_bytes)),
		0);
	rig_write(fd, bytes, len);
}

/* The datagrams of a train, each a message in buffers that are filled. */
static void expect_messages(struct rig *rig, const uint8_t *bytes, size_t datagram_bytes,
			    size_t len)
{
	static uint8_t got[65536];

	for (size_t at = 0; at < len; at += datagram_bytes) {
		size_t want = KG_MIN(datagram_bytes, len - at);
		struct kg_msg msg = rig_expect(rig, KG_MSG_DATA);

		assert_int_equal(kg_buf_chain_gather(msg.buf, got), want);
		assert_memory_equal(got, bytes + at, want);
		assert_int_equal(msg.buf->len, KG_MIN(want, (size_t)FIRST_BYTES));
		assert_int_equal(msg.count, msg.buf->next == NULL ? 1 : 2);
		kg_buf_free_chain(msg.buf);
	}
}

static void trains_of_applications_are_taken_apart(void **state)
{
	static const int sizes[] = {
		1, 64, 199, 200, 201, 700, FIRST_BYTES - 1, FIRST_BYTES, FIRST_BYTES + 1, 2000
	};
	uint8_t *bytes = rig_pattern(65000, 8);

	for (int version = 4; version <= 6; version += 2) {
		struct rig *rig = rig_new();
		struct rig_channel ch;
		int fd = rig_open_udp(rig, version, &ch, 100000);
		uint64_t datagrams = 1;

		for (size_t i = 0; i < KG_ARRAY_SIZE(sizes); i++) {
			size_t count = KG_MIN(64, 65000 / sizes[i]);
			size_t len = count * (size_t)sizes[i] - (sizes[i] > 1);

			write_train(fd, bytes, sizes[i], len);
			expect_messages(rig, bytes, (size_t)sizes[i], len);
			datagrams += count;
		}
		assert_int_equal(rig_stat(&rig->payload->stats.udp_rx_datagrams), datagrams);
		close(fd);
		rig_destroy(rig);
	}
	free(bytes);
}

/* Each of its datagrams needs credit, memory, and an answer of the worker, like any other. */
static void trains_obey_flow_control(void **state)
{
	uint8_t *bytes = rig_pattern(6400, 9);
	struct rig *rig = rig_new();
	const struct kg_payload_stats *stats = &rig->payload->stats;
	struct rig_channel ch[2];
	int fd = rig_open_udp(rig, 4, &ch[0], 5), early = rig_connect(rig, 4, SOCK_DGRAM);

	write_train(fd, bytes, 100, 1000);
	expect_messages(rig, bytes, 100, 500);
	rig_await_stat(&stats->udp_dropped_full, 5);
	write_train(early, bytes, 100, 6400);
	rig_accept(rig, &ch[1], UDP);
	rig_await_stat(&stats->udp_dropped_full, 5 + 32);
	rig_attach(&ch[1], 100);
	expect_messages(rig, bytes, 100, 3200);
	rig->pool.limit = atomic_load(&rig->pool.in_use) + 3;
	write_train(early, bytes, 100, 1000);
	expect_messages(rig, bytes, 100, 300);
	rig_await_stat(&stats->udp_dropped_buffer, 7);
	rig_expect_silence(rig);
	close(fd);
	close(early);
	free(bytes);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_stay_what_they_are),
		cmocka_unit_test(equal_lengths_go_together),
		cmocka_unit_test(trains_are_bounded),
		cmocka_unit_test(a_flow_that_is_refused_forms_no_more),
		cmocka_unit_test(trains_of_applications_are_taken_apart),
		cmocka_unit_test(trains_obey_flow_control),
	};

	return cmocka_run_group_tests(tests, rig_init_eal, bare_eal_fini);
}
