/* SPDX-License-Identifier: BSD-3-Clause */
/* A server's payload thread connects to the destination. */
#include "payload_rig.h"

#include <pthread.h>

#include "payload/internal.h"

#define TCP KG_PROTOCOL_TCP
#define UDP KG_PROTOCOL_UDP

static void dialled_to(int version)
{
	struct rig *rig = rig_create(1024);
	struct rig_channel ch;
	uint8_t *bytes = rig_pattern(100000, 7), back[100000];
	uint16_t port = 0;
	int listener = rig_bind(version, SOCK_STREAM, &port), fd;

	assert_int_equal(listen(listener, 1), 0);
	rig_set_destination(rig, rig_loopback(version, port));
	rig_start(rig);
	rig_dial(rig, &ch, TCP);
	ch.flow = rig_expect(rig, KG_MSG_CONNECTED).flow;
	rig_assert_tuned(((struct kg_flow *)ch.flow)->source.fd);
	fd = accept(listener, NULL, NULL);
	rig_write(fd, bytes, 100000); /* the server speaks first */
	rig_expect_silence(rig);
	rig_say(&ch, KG_MSG_CREDIT, 64, NULL);
	rig_take_stream(&ch, bytes, 100000, true);
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

/* A server speaks and resets as soon as it is connected. */
static void *speak_and_reset(void *listener)
{
	for (int i = 0; i < 200; i++) {
		int fd = accept(*(int *)listener, NULL, NULL);

		rig_write(fd, "answer", 6);
		rig_reset(fd);
	}
	return NULL;
}

static void what_was_said_before_a_reset_arrives(void **state)
{
	struct rig *rig = rig_create(1024);
	uint16_t port = 0;
	int listener = rig_bind(4, SOCK_STREAM, &port);
	pthread_t server;

	assert_int_equal(listen(listener, 1), 0);
	rig_set_destination(rig, rig_loopback(4, port));
	rig_start(rig);
	assert_int_equal(pthread_create(&server, NULL, speak_and_reset, &listener), 0);
	for (int i = 0; i < 200; i++) {
		struct rig_channel ch;

		rig_dial(rig, &ch, TCP);
		ch.flow = rig_expect(rig, KG_MSG_CONNECTED).flow;
		if (i % 8 == 0)
			rig_nap(); /* credit comes late */
		rig_say(&ch, KG_MSG_CREDIT, 10, NULL);
		rig_take_stream(&ch, (const uint8_t *)"answer", 6, false);
		rig_expect(rig, KG_MSG_ABORT);
		rig_close(&ch, true);
	}
	pthread_join(server, NULL);
	close(listener);
	rig_destroy(rig);
}

static void refused_connection_says_why(void **state)
{
	struct rig *rig = rig_create(1024);
	struct rig_channel ch;
	struct kg_msg msg;

	rig_set_destination(rig, rig_loopback(4, rig_free_port()));
	rig_start(rig);
	rig_dial(rig, &ch, TCP);
	msg = rig_expect(rig, KG_MSG_REFUSED);
	assert_ptr_equal(msg.conn, &ch);
	assert_int_equal(msg.count, ECONNREFUSED);
	rig_await_stat(&rig->payload->stats.flows, 0);
	assert_int_equal(rig_stat(&rig->payload->stats.tcp_refused), 1);
	rig_destroy(rig);
}

/* Linux would take it for this machine. */
static void nobodys_address_is_refused(void **state)
{
	struct rig *rig = rig_create(1024);
	struct rig_channel ch;

	rig_set_destination(rig, (struct kg_endpoint){ .ip.version = 4, .port = 80 });
	rig_start(rig);
	rig_dial(rig, &ch, TCP);
	assert_int_equal(rig_expect(rig, KG_MSG_REFUSED).count, KG_REFUSAL_NO_ADDRESS);
	rig_dial(rig, &ch, UDP);
	assert_int_equal(rig_expect(rig, KG_MSG_REFUSED).count, KG_REFUSAL_NO_ADDRESS);
	rig_end(rig);
}

/* A listener whose queue is full lets a connection hang, as a filter would. */
static void hanging_connection_times_out(void **state)
{
	struct rig *rig = rig_create(1024);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_dials_ipv4),
		cmocka_unit_test(tcp_dials_ipv6),
		cmocka_unit_test(what_was_said_before_a_reset_arrives),
		cmocka_unit_test(refused_connection_says_why),
		cmocka_unit_test(nobodys_address_is_refused),
		cmocka_unit_test(hanging_connection_times_out),
	};

	return cmocka_run_group_tests(tests, rig_init_eal, bare_eal_fini);
}
