/* SPDX-License-Identifier: BSD-3-Clause */
/* UDP flows of applications. */
#include "payload_rig.h"

#define UDP KG_PROTOCOL_UDP

static void udp_sources_are_flows(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch[3];
	int fd[3];

	for (int i = 0; i < 3; i++)
		fd[i] = rig_open_udp(rig, i == 2 ? 6 : 4, &ch[i], 10);
	for (int i = 0; i < 30; i++) {
		uint8_t byte = (uint8_t)i;

		rig_echo_datagram(&ch[i % 3], fd[i % 3], &byte, 1);
	}
	rig_close(&ch[1], false);
	rig_await_stat(&rig->payload->stats.flows, 2);
	rig_greet(rig, fd[1], &ch[1], 10); /* a new flow */
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
	int fd = rig_open_udp(rig, 4, &ch, 1);

	for (size_t i = 0; i < KG_ARRAY_SIZE(sizes); i++)
		rig_echo_datagram(&ch, fd, bytes, sizes[i]);
	close(fd);
	free(bytes);
	rig_destroy(rig);
}

/* 127 fragments is what KCP can number. */
static void datagrams_too_long_for_a_message_are_dropped(void **state)
{
	struct rig *rig = rig_create(1024);
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(127 * 100 + 1, 14);
	struct kg_msg msg;
	int fd;

	rig_tunnel(rig, RIG_CLIENT)->first_bytes = 100;
	rig_tunnel(rig, RIG_CLIENT)->rest_bytes = 100;
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
		struct kg_endpoint to = rig_loopback(4, rig->listen.at.port);

		to.ip.bytes[3] = (uint8_t)(2 + i); /* 127.0.0.2, .3 */
		fd[i] = rig_connect_to(&to, SOCK_DGRAM);
		rig_greet(rig, fd[i], &ch[i], 10);
		rig_echo_datagram(&ch[i], fd[i], (const uint8_t *)"ping", 4);
	}
	close(fd[0]);
	close(fd[1]);
	rig_destroy(rig);
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
		rig_expect_datagram(&ch, bytes, i * 1000 + 1);
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
		rig_expect_datagram(&ch, (const uint8_t *)"x", 1);
	rig_expect_silence(rig);
	assert_int_equal(rig_stat(&rig->payload->stats.udp_dropped_full), 100 - 10);
	close(fd);
	rig_destroy(rig);
}

static void datagrams_without_credit_are_dropped(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	int fd = rig_open_udp(rig, 4, &ch, 1);

	for (int i = 0; i < 5; i++)
		rig_write(fd, "b", 1);
	rig_expect_datagram(&ch, (const uint8_t *)"b", 1);
	rig_await_stat(&rig->payload->stats.udp_dropped_full, 4);
	rig_say(&ch, KG_MSG_CREDIT, 1, NULL);
	rig_expect_silence(rig);
	rig_write(fd, "c", 1);
	rig_expect_datagram(&ch, (const uint8_t *)"c", 1);
	close(fd);
	rig_destroy(rig);
}

/* A datagram longer than the credit takes what there is, and what comes back is there for the next:
 * neither side owes the other anything. */
static void a_datagram_longer_than_the_credit(void **state)
{
	struct rig *rig = rig_new();
	struct rig_channel ch;
	int fd = rig_open_udp(rig, 4, &ch, 2);
	uint8_t *bytes = rig_pattern(20000, 3);

	for (int i = 0; i < 5; i++) {
		struct kg_msg msg;

		rig_write(fd, bytes, 20000);
		msg = rig_expect(rig, KG_MSG_DATA);
		assert_int_equal(kg_buf_chain_len(msg.buf), 20000);
		assert_int_equal(msg.count, 2);
		kg_buf_free_chain(msg.buf);
		rig_say(&ch, KG_MSG_CREDIT, msg.count, NULL);
	}
	assert_int_equal(rig_stat(&rig->payload->stats.udp_dropped_full), 0);
	free(bytes);
	close(fd);
	rig_destroy(rig);
}

static void udp_dials(void **state)
{
	for (int version = 4; version <= 6; version += 2) {
		struct rig *rig = rig_create(1024);
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
			rig_expect_datagram(&ch[i], bytes, 65507);
		}
		rig_close(&ch[0], false);
		rig_close(&ch[1], true);
		rig_end(rig);
		close(fd);
		free(bytes);
	}
}

static void icmp_errors_do_not_end_a_flow(void **state)
{
	struct rig *rig = rig_create(1024);
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
			      .conn = ch,
			      .buf = buf };

	assert_int_equal(
		rte_ring_sp_enqueue_elem(ch->rig->links[ch->link].to_payload, &msg, sizeof(msg)),
		0);
}

/* One burst with two flows in turns: each datagram of a flow meets the ICMP error of the last. */
static void icmp_errors_do_not_cost_other_datagrams(void **state)
{
	struct rig *rig = rig_create(1024);
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
	int fd = rig_open_udp(rig, 4, &ch, 10);

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(udp_sources_are_flows),
		cmocka_unit_test(datagrams_of_every_size),
		cmocka_unit_test(datagrams_too_long_for_a_message_are_dropped),
		cmocka_unit_test(answers_leave_from_the_address_written_to),
		cmocka_unit_test(first_datagrams_wait_for_the_worker),
		cmocka_unit_test(the_wait_for_the_worker_is_bounded),
		cmocka_unit_test(datagrams_without_credit_are_dropped),
		cmocka_unit_test(a_datagram_longer_than_the_credit),
		cmocka_unit_test(udp_dials),
		cmocka_unit_test(icmp_errors_do_not_end_a_flow),
		cmocka_unit_test(icmp_errors_do_not_cost_other_datagrams),
		cmocka_unit_test(datagrams_before_close_are_sent),
	};

	return cmocka_run_group_tests(tests, rig_init_eal, bare_eal_fini);
}
