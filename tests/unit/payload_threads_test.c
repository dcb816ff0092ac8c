/* SPDX-License-Identifier: BSD-3-Clause */
/* Several payload threads of one box: they listen on the same ports and share out what comes. */
#include "payload_rig.h"

#define THREADS 3
#define SOURCES 96

/* Threads of one box, each with its own rings; started. */
static void create_threads(struct rig *rigs[THREADS])
{
	for (unsigned int i = 0; i < THREADS; i++) {
		rigs[i] = rig_create_one_of(i, THREADS, i == 0 ? 0 : rigs[0]->listen.at.port, 1024);
		rig_start(rigs[i]);
	}
}

static void destroy_threads(struct rig *rigs[THREADS])
{
	for (unsigned int i = 0; i < THREADS; i++)
		rig_destroy(rigs[i]);
}

/* The next message that any of the threads has. */
static struct kg_msg next_of_any(struct rig *rigs[THREADS], unsigned int *thread)
{
	uint64_t end = rig_now_ms() + WAIT_MS;
	struct kg_msg msg = { 0 };

	for (*thread = 0; !rig_poll(rigs[*thread], &msg); *thread = (*thread + 1) % THREADS) {
		if (rig_now_ms() > end)
			fail_msg("no message from any thread");
		if (*thread == 0)
			rig_nap();
	}
	return msg;
}

static void connections_are_shared_out(void **state)
{
	struct kg_payload_stats sum = { 0 };
	unsigned int met[THREADS] = { 0 };
	struct rig *rigs[THREADS];
	int fds[SOURCES];

	create_threads(rigs);
	for (unsigned int i = 0; i < SOURCES; i++) {
		unsigned int thread;
		struct kg_msg msg;

		fds[i] = rig_connect(rigs[0], i % 2 ? 4 : 6, SOCK_STREAM);
		msg = next_of_any(rigs, &thread);
		assert_int_equal(msg.type, KG_MSG_OPEN);
		assert_int_equal(msg.count, thread);
		met[thread]++;
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		assert_int_not_equal(met[i], 0);
		kg_payload_add_stats(&sum, rigs[i]->payload);
	}
	assert_int_equal(sum.tcp_accepted, SOURCES);
	assert_int_equal(sum.flows, SOURCES);
	for (unsigned int i = 0; i < SOURCES; i++)
		close(fds[i]);
	destroy_threads(rigs);
}

/* Whatever a source sends, the thread that has its flow gets it, and answers. */
static void a_udp_source_stays_with_its_thread(void **state)
{
	static struct rig_channel channels[SOURCES];
	unsigned int met[THREADS] = { 0 }, owner[SOURCES], thread;
	struct rig *rigs[THREADS];
	int fds[SOURCES];

	create_threads(rigs);
	for (unsigned int i = 0; i < SOURCES; i++) {
		struct kg_msg msg;

		fds[i] = rig_connect(rigs[0], i % 2 ? 4 : 6, SOCK_DGRAM);
		rig_write(fds[i], &i, sizeof(i));
		msg = next_of_any(rigs, &owner[i]);
		assert_int_equal(msg.type, KG_MSG_OPEN);
		assert_int_equal(msg.count, owner[i]);
		met[owner[i]]++;
		/* Flows go to the links in turn. */
		channels[i] = (struct rig_channel){ .rig = rigs[owner[i]],
						    .flow = msg.flow,
						    .protocol = KG_PROTOCOL_UDP };
		channels[i].link = (met[owner[i]] - 1) % RIG_LINKS;
		rig_attach(&channels[i], 10);
		msg = next_of_any(rigs, &thread);
		assert_int_equal(msg.type, KG_MSG_DATA);
		kg_buf_free(msg.buf);
	}
	for (unsigned int round = 0; round < 3 * SOURCES; round++) {
		unsigned int i = round % SOURCES, answer = 0;
		struct kg_msg msg;

		rig_write(fds[i], &round, sizeof(round));
		msg = next_of_any(rigs, &thread);
		assert_int_equal(thread, owner[i]);
		assert_int_equal(msg.type, KG_MSG_DATA);
		assert_ptr_equal(msg.conn, &channels[i]);
		assert_memory_equal(msg.buf->data, &round, sizeof(round));
		kg_buf_free(msg.buf);
		rig_send(&channels[i], &round, sizeof(round));
		rig_read(fds[i], &answer, sizeof(answer));
		assert_int_equal(answer, round);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_not_equal(met[i], 0);
	for (unsigned int i = 0; i < SOURCES; i++)
		close(fds[i]);
	destroy_threads(rigs);
}

/* The threads let each other in, but no other box. */
static void another_box_is_noticed(void **state)
{
	struct rig *rigs[THREADS];
	char error[256] = "";

	create_threads(rigs);
	for (unsigned int count = 1; count <= 2; count++) {
		struct kg_payload_config config = rigs[0]->payload->config;

		config.tunnels = rig_tunnel(rigs[0], RIG_CLIENT);
		config.tunnel_count = 1;
		config.count = count;
		assert_null(kg_payload_create(&config, error, sizeof(error)));
		assert_non_null(strstr(error, strerror(EADDRINUSE)));
	}
	destroy_threads(rigs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_are_shared_out),
		cmocka_unit_test(a_udp_source_stays_with_its_thread),
		cmocka_unit_test(another_box_is_noticed),
	};

	return cmocka_run_group_tests(tests, rig_init_eal, bare_eal_fini);
}
