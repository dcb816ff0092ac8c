/* SPDX-License-Identifier: BSD-3-Clause */
/* Trains: several datagrams of one flow and length that the kernel takes, or gives, as one. */
#include "payload_rig.h"

#include "payload/internal.h"

#define UDP   KG_PROTOCOL_UDP
#define BURST 64 /* the payload thread takes so many messages at once */
#define KNOWN 8  /* so many at once are a burst, and the last is held if need be */

/* ---- to applications ---- */

/* A flow that has been dialled; `fd` is the application's socket. */
struct dialled {
	struct rig *rig;
	struct rig_channel ch;
	int fd;
};

static void prepare(struct dialled *d, int version)
{
	const struct timeval patience = { .tv_sec = WAIT_MS / 1000 };
	uint16_t port = 0;

	d->rig = rig_create(1024);
	d->fd = rig_bind(version, SOCK_DGRAM, &port);
	setsockopt(d->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	rig_set_destination(d->rig, rig_loopback(version, port));
}

static void begin(struct dialled *d, bool refuse_trains)
{
	const int on = 1;

	rig_start(d->rig);
	rig_dial(d->rig, &d->ch, UDP);
	d->ch.flow = rig_expect(d->rig, KG_MSG_CONNECTED).flow;
	/* The kernel cuts no datagrams that it makes no checksum for. */
	if (refuse_trains)
		assert_int_equal(setsockopt(((struct kg_flow *)d->ch.flow)->source.fd, SOL_SOCKET,
					    SO_NO_CHECK, &on, sizeof(on)),
				 0);
}

static void dial(struct dialled *d, int version, bool refuse_trains)
{
	prepare(d, version);
	begin(d, refuse_trains);
}

/* What has been lost meanwhile is told before. */
static void close_flow(struct dialled *d)
{
	uint8_t type;

	rig_say(&d->ch, KG_MSG_CLOSE, 0, NULL);
	do
		type = rig_next(d->rig).type;
	while (type == KG_MSG_LOST);
	assert_int_equal(type, KG_MSG_RELEASED);
}

static void hang_up(struct dialled *d)
{
	close_flow(d);
	close(d->fd);
	rig_destroy(d->rig);
}

/* All at once, so that the payload thread meets them together. */
static void say_all(struct rig_channel *ch, const uint8_t *bytes, const size_t *sizes,
		    unsigned int count)
{
	struct kg_msg msgs[BURST];

	assert_in_range(count, 1, BURST);
	for (unsigned int i = 0; i < count; i++) {
		msgs[i] = (struct kg_msg){ .type = KG_MSG_DATA, .protocol = UDP };
		msgs[i].flow = ch->flow;
		msgs[i].conn = ch;
		msgs[i].buf = kg_buf_chain_copy(&ch->rig->pool.pool, bytes + i, sizes[i],
						FIRST_BYTES, REST_BYTES);
		for (struct kg_buf *buf = msgs[i].buf; buf != NULL; buf = buf->next)
			msgs[i].count++;
	}
	assert_int_equal(rte_ring_sp_enqueue_bulk_elem(ch->rig->links[ch->link].to_payload, msgs,
						       sizeof(msgs[0]), count, NULL),
			 count);
	kg_waker_wake(&ch->rig->payload_waker);
}

static void expect_all(int fd, const uint8_t *bytes, const size_t *sizes, unsigned int count)
{
	static uint8_t got[65536];

	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(recv(fd, got, sizeof(got), 0), sizes[i]);
		assert_memory_equal(got, bytes + i, sizes[i]);
	}
}

static void expect_each(int fd, unsigned int count)
{
	static uint8_t got[65536];

	while (count-- > 0)
		assert_true(recv(fd, got, sizeof(got), 0) > 0);
}

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

/* Up to the datagram that begins so. */
static void discard(int fd, uint8_t last)
{
	uint8_t first;

	do
		assert_int_equal(recv(fd, &first, 1, 0), 1);
	while (first != last);
}

/* Never reads; a socket of the smallest size. */
static void what_an_application_loses_is_noticed(void **state)
{
	static size_t sizes[32];
	uint8_t *bytes = rig_pattern(1000 + KG_ARRAY_SIZE(sizes), 11);
	const int smallest = 1;

	for (size_t i = 0; i < KG_ARRAY_SIZE(sizes); i++)
		sizes[i] = 1000;
	for (int version = 4; version <= 6; version += 2) {
		struct dialled d;
		const struct kg_flow *flow;

		dial(&d, version, false);
		flow = d.ch.flow;
		setsockopt(d.fd, SOL_SOCKET, SO_RCVBUF, &smallest, sizeof(smallest));
		say_all(&d.ch, bytes, sizes, KG_ARRAY_SIZE(sizes));
		while (rig_stat(&flow->asked_us) == 0) /* what was sent before is not known */
			rig_nap();
		say_all(&d.ch, bytes, sizes, KG_ARRAY_SIZE(sizes));
		assert_ptr_equal(rig_expect(d.rig, KG_MSG_LOST).conn, &d.ch);
		rig_await_stat(&d.rig->payload->stats.udp_lost_by_receiver,
			       2 * KG_ARRAY_SIZE(sizes) - (KNOWN - 1));
		hang_up(&d);
	}
	free(bytes);
}

static size_t equal[32];

/* To an application with room for one, which reads nothing yet. */
static uint8_t *say_a_burst(struct dialled *d, uint64_t hold_us)
{
	uint8_t *bytes = rig_pattern(1000 + KG_ARRAY_SIZE(equal), 13);
	const int smallest = 1;

	for (size_t i = 0; i < KG_ARRAY_SIZE(equal); i++)
		equal[i] = 1000;
	prepare(d, 4);
	d->rig->payload->udp_holds.span_us = hold_us;
	begin(d, false);
	setsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &smallest, sizeof(smallest));
	say_all(&d->ch, bytes, equal, KNOWN);
	while (rig_stat(&((struct kg_flow *)d->ch.flow)->asked_us) == 0)
		rig_nap();
	say_all(&d->ch, bytes, equal, KG_ARRAY_SIZE(equal));
	return bytes;
}

static void a_burst_waits_for_room(void **state)
{
	struct dialled d;
	uint8_t *bytes = say_a_burst(&d, KG_NEVER_US);
	const struct kg_payload_stats *stats = &d.rig->payload->stats;

	discard(d.fd, bytes[KNOWN - 1]); /* which was held already */
	expect_all(d.fd, bytes, equal, KG_ARRAY_SIZE(equal));
	say_all(&d.ch, bytes, equal, KG_ARRAY_SIZE(equal));
	close_flow(&d); /* before it what is held goes */
	rig_await_stat(&stats->flows, 0);
	assert_int_equal(rig_stat(&stats->udp_tx_datagrams), KNOWN + 2 * KG_ARRAY_SIZE(equal));
	close(d.fd);
	free(bytes);
	rig_destroy(d.rig);
}

static void what_has_waited_for_long_goes(void **state)
{
	struct dialled d;

	free(say_a_burst(&d, 0));
	rig_await_stat(&d.rig->payload->stats.udp_tx_datagrams, KNOWN + KG_ARRAY_SIZE(equal));
	hang_up(&d);
}

/* A burst, after which the flow is known to have some, and nothing left of it. */
static void be_known(struct dialled *d, struct rig_channel *ch, const uint8_t *bytes,
		     const size_t *sizes)
{
	say_all(ch, bytes, sizes, KNOWN);
	expect_each(d->fd, KNOWN);
	while (rig_stat(&((struct kg_flow *)ch->flow)->asked_us) == 0)
		rig_nap();
}

/* Alone, for the kernel does not cut these: it keeps blocks of powers of two. */
static void what_linux_counts_is_known(void **state)
{
	static const size_t lengths[] = { 1, 140, 200, 640, 700, 1023, 1700, 2600, 3800, 9000 };

	for (size_t i = 0; i < KG_ARRAY_SIZE(lengths); i++) {
		uint8_t *bytes = rig_pattern(lengths[i] + BURST, 17);
		const struct kg_payload_stats *stats;
		size_t sizes[BURST];
		struct dialled d;

		for (unsigned int j = 0; j < BURST; j++)
			sizes[j] = lengths[i];
		prepare(&d, i % 2 == 0 ? 6 : 4);
		d.rig->payload->udp_holds.span_us = KG_NEVER_US;
		begin(&d, true);
		stats = &d.rig->payload->stats;
		be_known(&d, &d.ch, bytes, sizes);
		for (int round = 0; round < 4; round++)
			say_all(&d.ch, bytes, sizes, BURST);
		expect_each(d.fd, 4 * BURST);
		assert_int_equal(rig_stat(&stats->udp_lost_by_receiver), 0);
		free(bytes);
		hang_up(&d);
	}
}

/* Both have room for a burst, but not together. */
static void flows_to_one_socket_share_its_room(void **state)
{
	uint8_t *bytes = rig_pattern(1400 + BURST, 19);
	const struct kg_payload_stats *stats;
	struct rig_channel other;
	size_t sizes[BURST];
	struct dialled d;

	for (unsigned int i = 0; i < BURST; i++)
		sizes[i] = 1400;
	prepare(&d, 4);
	d.rig->payload->udp_holds.span_us = KG_NEVER_US;
	begin(&d, false);
	stats = &d.rig->payload->stats;
	rig_dial(d.rig, &other, UDP);
	other.flow = rig_expect(d.rig, KG_MSG_CONNECTED).flow;
	be_known(&d, &d.ch, bytes, sizes);
	be_known(&d, &other, bytes, sizes);
	say_all(&d.ch, bytes, sizes, BURST);
	say_all(&other, bytes, sizes, BURST);
	while (rig_stat(&stats->udp_tx_datagrams) < 2 * KNOWN + BURST)
		rig_nap();
	for (int nap = 0; nap < 20; nap++) /* in which all would go, and some be lost */
		rig_nap();
	assert_in_range(rig_stat(&stats->udp_tx_datagrams), 2 * KNOWN + BURST,
			2 * (KNOWN + BURST) - 1);
	expect_each(d.fd, 2 * BURST);
	rig_say(&other, KG_MSG_CLOSE, 0, NULL);
	assert_ptr_equal(rig_expect(d.rig, KG_MSG_RELEASED).conn, &other);
	free(bytes);
	hang_up(&d);
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
		cmocka_unit_test(what_an_application_loses_is_noticed),
		cmocka_unit_test(a_burst_waits_for_room),
		cmocka_unit_test(what_has_waited_for_long_goes),
		cmocka_unit_test(what_linux_counts_is_known),
		cmocka_unit_test(flows_to_one_socket_share_its_room),
	};

	return cmocka_run_group_tests(tests, rig_init_eal, bare_eal_fini);
}
