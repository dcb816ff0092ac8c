/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recording with mux_tunnels=2 between two originals, with our streams in the place of either
 * end: two channels, a TCP connection on one and a UDP flow on the other. Our client chooses its
 * own ids, so its streams are given the recorded ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mux/internal.h"
#include "replay/exchange.h"

#define TCP_ID 0xd8a8e973
#define UDP_ID 0x7b3fb7b1

/* Not among the others, which have no mux channels. */
static const struct recording with_mux = {
	"mux", 135046834, 20000, 2163771881, 5, .mux_channels = 2
};

/* ---- our client hears the recorded server ---- */

/* The flow that the recorded client had on this channel, which is the next to be given one. */
static void open_flow(struct bench *b, struct kg_mux *mux)
{
	struct kg_channel_info info;
	struct kg_mux_stream *ms;
	bool tcp;

	kg_channel_get_info(mux->channel, &info, b->now_us);
	tcp = info.conv == with_mux.tcp_uid;
	ms = bench_open(b, tcp ? KG_PROTOCOL_TCP : KG_PROTOCOL_UDP)->stream.mux;
	assert_ptr_equal(ms->mux, mux);
	assert_ptr_equal(kg_u32map_remove(&mux->by_id, ms->id), ms);
	ms->id = tcp ? TCP_ID : UDP_ID;
	assert_true(kg_u32map_insert(&mux->by_id, ms->id, ms));
}

static void begin(struct bench *b)
{
	struct kg_mux *first = TAILQ_FIRST(&b->streams->muxes), *second = TAILQ_NEXT(first, link);

	open_flow(b, first);
	open_flow(b, second);
	exchange_begin(b, &b->flows[0]);
	exchange_begin(b, &b->flows[1]);
	bench_advance(b, b->now_us);
}

static void replay_server(struct bench *b)
{
	for (size_t i = 0; i < b->capture.count; i++) {
		const struct datagram *d = &b->capture.datagrams[i];

		bench_advance(b, d->time_us);
		if (!d->from_client)
			bench_hear(b, d);
		else if (d->conv != 0 && b->flow_count == 0)
			begin(b);
	}
}

/* ---- what was heard ---- */

static void check_heard(const struct bench *b, enum kg_close stream_end)
{
	bool udp_first = b->flows[0].protocol == KG_PROTOCOL_UDP;
	struct kg_session_stats session;
	struct kg_streams_stats stats;

	assert_int_equal(b->flow_count, 2);
	exchange_check_stream(b, &b->flows[udp_first], stream_end);
	exchange_check_flow(b, &b->flows[!udp_first]);

	kg_streams_get_stats(b->streams, &stats);
	assert_int_equal(stats.muxes, 2);
	assert_int_equal(stats.streams, 1);
	kg_session_get_stats(kg_streams_session(b->streams), &session);
	assert_int_equal(session.messages_dropped + stats.datagrams_dropped, 0);
}

static void server_understands_the_original_client(void **state)
{
	struct bench *b = exchange_create(&with_mux, KG_ROLE_SERVER);

	bench_replay_client(b);
	check_heard(b, KG_CLOSE_PEER);
	bench_destroy(b);
}

static void client_understands_the_original_server(void **state)
{
	struct bench *b = exchange_create(&with_mux, KG_ROLE_CLIENT);

	replay_server(b);
	check_heard(b, KG_CLOSE_FINISHED);
	bench_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_understands_the_original_client),
		cmocka_unit_test(client_understands_the_original_server),
	};

	printf("seed %u\n", BENCH_SEED);
	return cmocka_run_group_tests_name("mux", tests, NULL, NULL);
}
