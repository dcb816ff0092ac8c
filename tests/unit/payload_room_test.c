/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams for applications whose sockets have no room: what waits, for how long, and what is
 * lost. */
#include "payload_dialled.h"

#define KNOWN 8 /* so many at once are a burst, and the last is held if need be */

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

static size_t full[BURST];

/* Two flows to one socket, for datagrams of `full` length. */
static void begin_both(struct dialled *d, struct rig_channel *other)
{
	for (unsigned int i = 0; i < BURST; i++)
		full[i] = 1400;
	prepare(d, 4);
	d->rig->payload->udp_holds.span_us = KG_NEVER_US;
	begin(d, false);
	rig_dial(d->rig, other, UDP);
	other->flow = rig_expect(d->rig, KG_MSG_CONNECTED).flow;
}

static void hang_up_both(struct dialled *d, struct rig_channel *other)
{
	rig_say(other, KG_MSG_CLOSE, 0, NULL);
	assert_ptr_equal(rig_expect(d->rig, KG_MSG_RELEASED).conn, other);
	hang_up(d);
}

/* Each has room for a burst, but they have not together; `before` datagrams were sent before. */
static void expect_shared_room(struct dialled *d, struct rig_channel *other, const uint8_t *bytes,
			       const size_t *sizes, uint64_t before)
{
	const struct kg_payload_stats *stats = &d->rig->payload->stats;

	rig_await_stat(&stats->udp_tx_datagrams, before);
	say_all(&d->ch, bytes, sizes, BURST);
	say_all(other, bytes, sizes, BURST);
	while (rig_stat(&stats->udp_tx_datagrams) < before + BURST)
		rig_nap();
	for (int nap = 0; nap < 20; nap++) /* in which all would go, and some be lost */
		rig_nap();
	assert_in_range(rig_stat(&stats->udp_tx_datagrams) - before, BURST, 2 * BURST - 1);
	expect_each(d->fd, 2 * BURST);
}

static void flows_to_one_socket_share_its_room(void **state)
{
	uint8_t *bytes = rig_pattern(1400 + BURST, 19);
	struct rig_channel other;
	struct dialled d;

	begin_both(&d, &other);
	be_known(&d, &d.ch, bytes, full);
	be_known(&d, &other, bytes, full);
	expect_shared_room(&d, &other, bytes, full, 2 * KNOWN);
	hang_up_both(&d, &other);
	free(bytes);
}

static void open_anew(struct dialled *d)
{
	union kg_sockaddr at;
	socklen_t len = sizeof(at);
	uint16_t port;

	assert_int_equal(getsockname(d->fd, &at.any, &len), 0);
	port = ntohs(at.in.sin_port);
	close(d->fd);
	open_application(d, 4, &port);
}

/* Which the one knew before, and the other afterwards. */
static void a_socket_that_was_opened_anew_has_one_room(void **state)
{
	uint8_t *bytes = rig_pattern(1400 + BURST, 23);
	struct rig_channel other;
	struct dialled d;

	begin_both(&d, &other);
	be_known(&d, &d.ch, bytes, full);
	open_anew(&d);
	be_known(&d, &other, bytes, full);
	say_all(&d.ch, bytes, full, BURST);
	expect_each(d.fd, BURST);
	expect_shared_room(&d, &other, bytes, full, 2 * KNOWN + BURST);
	hang_up_both(&d, &other);
	free(bytes);
}

/* Of what is sent while much of both waits each has some. */
static void who_waits_for_one_socket_takes_turns(void **state)
{
	uint8_t *bytes = rig_pattern(1400 + BURST, 29);
	unsigned int others = 0; /* of the other flow */
	struct kg_endpoint from;
	struct rig_channel other;
	struct dialled d;

	begin_both(&d, &other);
	assert_true(kg_socket_local(((struct kg_flow *)other.flow)->source.fd, &from));
	be_known(&d, &d.ch, bytes, full);
	be_known(&d, &other, bytes, full);
	for (int round = 0; round < 6; round++) {
		say_all(&d.ch, bytes, full, BURST);
		say_all(&other, bytes, full, BURST);
	}
	for (unsigned int i = 0; i < 6 * BURST; i++) {
		union kg_sockaddr at;
		socklen_t len = sizeof(at);

		assert_true(recvfrom(d.fd, bytes, 1400, 0, &at.any, &len) > 0);
		others += ntohs(at.in.sin_port) == from.port;
		if (i % 8 == 0)
			rig_nap();
	}
	assert_in_range(others, 2 * BURST, 4 * BURST);
	expect_each(d.fd, 6 * BURST);
	hang_up_both(&d, &other);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_application_loses_is_noticed),
		cmocka_unit_test(a_burst_waits_for_room),
		cmocka_unit_test(what_has_waited_for_long_goes),
		cmocka_unit_test(what_linux_counts_is_known),
		cmocka_unit_test(flows_to_one_socket_share_its_room),
		cmocka_unit_test(a_socket_that_was_opened_anew_has_one_room),
		cmocka_unit_test(who_waits_for_one_socket_takes_turns),
	};

	return cmocka_run_group_tests(tests, rig_init_eal, bare_eal_fini);
}
