/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Very many channels that were opened in the same second and hop every 20 to 60 seconds. Their
 * tests are spread evenly soon: no second has more than twice as many as the mean one. What hopping
 * costs is printed: processor time of the client's end for a second of its life, wire, server, and
 * what it takes to look at the clock left out.
 *
 *   hop_crowd_test CHANNELS
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "test_host.h"
#include "unit/pair_wire.h"

#define SEED         0x5eed0046
#define PATHS        16384 /* local ports that channels share at first */
#define MIN_S        20
#define MAX_S        60
#define SECONDS      140
#define SHARED_FIRST 1000

struct end {
	struct test_host host;
	struct kg_session *session;
	uint64_t now_us;
	unsigned int paths, shared_next;
	uint32_t users[65536];
	uint16_t free[65536]; /* ports that nobody has: a ring */
	uint32_t head, free_count;
};

static uint32_t channels;

static uint16_t on_port_acquire(void *host, const struct kg_endpoint *remote, bool alone)
{
	struct end *end = host;
	uint16_t port;

	if (!alone) {
		port = (uint16_t)(SHARED_FIRST + end->shared_next++ % end->paths);
	} else {
		if (end->free_count == 0)
			return 0;
		port = end->free[end->head++ % KG_ARRAY_SIZE(end->free)];
		end->free_count--;
	}
	end->users[port]++;
	return port;
}

static void on_port_release(void *host, uint16_t port)
{
	struct end *end = host;

	if (--end->users[port] == 0)
		end->free[(end->head + end->free_count++) % KG_ARRAY_SIZE(end->free)] = port;
}

static void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct end *end = host;

	kg_channel_connected(ch, end->now_us);
}

static void on_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	kg_channel_free(ch);
}

static const struct kg_session_ops ops = {
	.port_acquire = on_port_acquire,
	.port_release = on_port_release,
	.connect = on_connect,
	.closed = on_closed,
};

static void start(struct end *end, enum kg_role role)
{
	static const struct kg_port_range ports = { 3000, 3063 };
	/* One place has 15/16 of a server's channels at most. */
	struct kg_session_config config = pair_config(role, channels + channels / 8);

	config.destination_ports = &ports;
	config.kcp.snd_wnd = config.kcp.rcv_wnd = 32;
	config.hop_min_s = MIN_S;
	config.hop_max_s = MAX_S;
	end->now_us = SEC(1000);
	end->paths = KG_MIN(channels, (uint32_t)PATHS);
	test_host_init(&end->host, SEED + role, SIZE_MAX, end->now_us);
	for (uint32_t port = SHARED_FIRST + end->paths; port < 65536; port++)
		end->free[end->free_count++] = (uint16_t)port;
	end->session = test_host_session(&end->host, &config, ops, end->now_us);
	assert_non_null(end->session);
}

static void stop(struct end *end)
{
	kg_session_destroy(end->session);
	assert_true(test_host_fini(&end->host));
}

/* ---- time ---- */

/* Of all stretches of the client's work, and of as many in which nothing was done. */
static uint64_t client_ns, nothing_ns;

static uint64_t cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void add_stretch(uint64_t begin_ns)
{
	uint64_t end_ns = cpu_ns();

	client_ns += end_ns - begin_ns;
	nothing_ns += cpu_ns() - end_ns;
}

#define BATCH 64

struct batch {
	struct kg_datagram datagrams[BATCH];
	uint8_t bytes[BATCH][PAIR_MTU];
	unsigned int count;
};

static void pull(struct end *from, struct batch *batch)
{
	for (batch->count = 0; batch->count < BATCH; batch->count++) {
		struct kg_datagram *out = &batch->datagrams[batch->count];

		out->data = batch->bytes[batch->count];
		if (!kg_session_output(from->session, out, from->now_us))
			return;
	}
}

static void push(struct end *to, const struct batch *batch, const struct kg_ip *sender)
{
	for (unsigned int i = 0; i < batch->count; i++) {
		struct kg_datagram in = pair_arrival(&batch->datagrams[i], sender);

		kg_session_input(to->session, &in, to->now_us);
	}
}

static void exchange(struct end *client, struct end *server)
{
	static struct batch up, down;

	do {
		uint64_t begin_ns = cpu_ns();

		pull(client, &up);
		add_stretch(begin_ns);
		push(server, &up, &pair_addresses[KG_ROLE_CLIENT]);
		pull(server, &down);
		begin_ns = cpu_ns();
		push(client, &down, &pair_addresses[KG_ROLE_SERVER]);
		add_stretch(begin_ns);
	} while (up.count + down.count > 0);
}

/* The wheels are turned every millisecond, as busy workers do. */
static void run_second(struct end *client, struct end *server)
{
	for (int ms = 0; ms < 1000; ms++) {
		uint64_t begin_ns = cpu_ns();

		client->now_us = server->now_us += KG_US_PER_MS;
		kg_twheel_advance(client->host.wheel, client->now_us);
		add_stretch(begin_ns);
		kg_twheel_advance(server->host.wheel, server->now_us);
		exchange(client, server);
	}
}

static struct kg_session_stats stats_of(const struct end *end)
{
	struct kg_session_stats stats;

	kg_session_get_stats(end->session, &stats);
	return stats;
}

static void a_crowd_does_not_hop_in_step(void **state)
{
	static struct end client, server;
	uint64_t before, most = 0, tests, first;

	start(&client, KG_ROLE_CLIENT);
	start(&server, KG_ROLE_SERVER);
	for (uint32_t i = 0; i < channels; i++) {
		assert_non_null(kg_session_open(client.session, KG_PROTOCOL_TCP, NULL, NULL,
						client.now_us));
		exchange(&client, &server);
	}
	for (int s = 0; s < MIN_S; s++)
		run_second(&client, &server);
	first = before = stats_of(&client).path_tests;
	client_ns = nothing_ns = 0;
	for (int s = MIN_S; s < SECONDS; s++) {
		run_second(&client, &server);
		tests = stats_of(&client).path_tests - before;
		most = KG_MAX(most, tests);
		before += tests;
	}
	print_message(
		"%u channels, %u paths: %.0f tests a second, %llu at most; %.2f %% of a core\n",
		channels, client.paths, (double)(before - first) / (SECONDS - MIN_S),
		(unsigned long long)most,
		(double)(client_ns - nothing_ns) / 1e7 / (SECONDS - MIN_S));
	assert_true(most * (SECONDS - MIN_S) <= 2 * (before - first));
	assert_int_equal(stats_of(&client).channels, channels);
	assert_int_equal(stats_of(&client).path_tests_failed, 0);
	stop(&client);
	stop(&server);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crowd_does_not_hop_in_step),
	};

	channels = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 1000;
	return cmocka_run_group_tests_name("hop_crowd", tests, NULL, NULL);
}
