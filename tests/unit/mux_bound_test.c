/* SPDX-License-Identifier: BSD-3-Clause */
/* A small question beside a large download on one mux channel, through 20 Mbit/s, in virtual time.
 */
#include "mux_pair.h"

#include "sim/link.h"

#include <stdlib.h>

#define SOON_US     350000u
#define RATE_BPS    2500000u /* bytes */
#define WINDOW      1024
#define PIECE_BYTES 1100u /* one segment */

struct wire {
	struct pair *pair;
	struct kg_rng rng;
	struct kg_sim_link up, down;
	struct app *bulk; /* the server's; NULL: no download */
	uint64_t downloaded;
};

static struct kg_kcp_params with_windows(struct kg_kcp_params kcp, bool rate_auto)
{
	kcp.snd_wnd = kcp.rcv_wnd = WINDOW;
	kcp.pace = true;
	kcp.rate_auto = kcp.snd_spread = kcp.rcv_grows = rate_auto;
	return kcp;
}

static void wire_init(struct wire *wire, uint32_t queue_us, bool rate_auto)
{
	const struct kg_sim_link_params params = {
		.delay_us = 5000,
		.rate_Bps = RATE_BPS,
		.queue_us = queue_us,
		.in_order = true,
		.overhead_bytes = 60,
	};

	*wire = (struct wire){ .pair = pair_new() };
	kg_rng_init(&wire->rng, MUX_SEED);
	kg_sim_link_init(&wire->up, &params, &wire->rng);
	kg_sim_link_init(&wire->down, &params, &wire->rng);
	wire->pair->client.config.session.kcp = wire->pair->server.config.session.kcp =
		with_windows(wire->pair->client.config.session.kcp, rate_auto);
	pair_start(wire->pair);
}

static void wire_fini(struct wire *wire)
{
	kg_sim_link_fini(&wire->up);
	kg_sim_link_fini(&wire->down);
	pair_stop(wire->pair);
}

static void send_due(struct end *from, struct kg_sim_link *link)
{
	uint8_t bytes[MUX_BODY_MAX];
	struct kg_datagram out = { .data = bytes };

	while (kg_session_output(kg_streams_session(from->streams), &out, from->pair->now_us)) {
		struct kg_endpoint local = { from->address, out.local.port };

		kg_sim_link_send(link, from->pair->now_us, &local, &out.remote, bytes, out.len);
	}
}

static void take_arrived(struct end *to, struct kg_sim_link *link)
{
	struct kg_sim_link_packet *packet;

	while ((packet = kg_sim_link_receive(link, to->pair->now_us)) != NULL) {
		struct kg_datagram in = {
			.local = packet->to,
			.remote = packet->from,
			.data = packet->bytes,
			.len = packet->len,
			.digest = kg_hash64(packet->bytes, packet->len, 0),
		};

		kg_session_input(kg_streams_session(to->streams), &in, to->pair->now_us);
		free(packet);
	}
}

/* The application at the server writes whatever it may; the one at the client reads at once. */
static void download(struct wire *wire)
{
	static const char piece[PIECE_BYTES];
	struct end *server = &wire->pair->server;

	if (wire->bulk == NULL)
		return;
	while (kg_stream_room(&wire->bulk->stream) > 0)
		assert_true(app_send(server, wire->bulk, piece, sizeof(piece)));
	wire->downloaded += wire->pair->client.apps[0].got_len;
	wire->pair->client.apps[0].got_len = 0;
}

static void step(struct wire *wire, uint64_t end_us)
{
	struct pair *pair = wire->pair;
	uint64_t arrival_us =
		KG_MIN(kg_sim_link_next_us(&wire->up), kg_sim_link_next_us(&wire->down));

	send_due(&pair->client, &wire->up);
	send_due(&pair->server, &wire->down);
	pair_pass(&pair->now_us, KG_MIN(end_us, KG_MAX(arrival_us, pair->now_us + 1)),
		  pair->client.host.wheel, pair->server.host.wheel);
	take_arrived(&pair->server, &wire->up);
	take_arrived(&pair->client, &wire->down);
	connect_new(&pair->server);
	download(wire);
}

static void run_wire(struct wire *wire, uint64_t us)
{
	uint64_t end_us = wire->pair->now_us + us;

	while (wire->pair->now_us < end_us)
		step(wire, end_us);
}

/* From the first byte of a new connection to the first byte of its answer. */
static uint64_t ask_us(struct wire *wire)
{
	struct pair *pair = wire->pair;
	uint64_t began_us = pair->now_us;
	struct app *asks = pair_open(pair, KG_PROTOCOL_TCP), *answers;
	unsigned int index = pair->server.app_count;

	assert_true(app_send(&pair->client, asks, "question", 8));
	while (pair->server.app_count == index || pair->server.apps[index].got_len == 0)
		step(wire, began_us + SEC(10));
	answers = &pair->server.apps[index];
	assert_true(app_send(&pair->server, answers, "answer", 6));
	while (asks->got_len == 0) {
		step(wire, began_us + SEC(10));
		assert_true(pair->now_us < began_us + SEC(10));
	}
	return pair->now_us - began_us;
}

static struct app *begin_download(struct wire *wire)
{
	struct app *reads = pair_open(wire->pair, KG_PROTOCOL_TCP);

	assert_true(app_send(&wire->pair->client, reads, "all", 3));
	while (wire->pair->server.app_count == 0 || wire->pair->server.apps[0].got_len == 0)
		step(wire, wire->pair->now_us + SEC(1));
	wire->bulk = &wire->pair->server.apps[0];
	return reads;
}

/* Of downloads with questions beside them. */
struct outcome {
	uint64_t bytes, us;
	unsigned int asked, late;
};

static void ask(struct wire *wire, struct outcome *outcome)
{
	outcome->asked++;
	outcome->late += ask_us(wire) > SOON_US;
}

static void measure(uint32_t queue_us, bool rate_auto, struct outcome *outcome)
{
	struct app *reads;
	struct wire wire;
	uint64_t began_us;

	wire_init(&wire, queue_us, rate_auto);
	run_wire(&wire, SEC(1));
	reads = begin_download(&wire);
	run_wire(&wire, SEC(4));
	wire.downloaded = 0;
	began_us = wire.pair->now_us;
	for (int i = 0; i < 3; i++) {
		ask(&wire, outcome);
		run_wire(&wire, SEC(1));
	}
	outcome->bytes += wire.downloaded;
	outcome->us += wire.pair->now_us - began_us;
	app_abort(&wire.pair->client, reads);
	wire.bulk = NULL;
	ask(&wire, outcome);
	wire_fini(&wire);
}

/* The path is full all the same; a tenth is headers. */
static void expect_full(const struct outcome *outcome)
{
	assert_true(outcome->bytes * SEC(1) / outcome->us > RATE_BPS / 100 * 90);
}

static void a_question_beside_a_download_is_answered_soon(void **state)
{
	struct outcome outcome = { 0 };

	measure(200000, false, &outcome);
	assert_int_equal(outcome.late, 0);
	expect_full(&outcome);
}

/* The pace finds a limit that keeps the round trip short, and the window waits behind it. When a
 * queue overflows hangs on a single segment, so there are several. */
static void what_waits_behind_the_pace_counts(void **state)
{
	struct outcome outcome = { 0 };

	for (uint32_t queue_us = 46000; queue_us <= 60000; queue_us += 2000)
		measure(queue_us, false, &outcome);
	assert_true(outcome.late <= outcome.asked / 16);
	expect_full(&outcome);
}

/* Right after the download was killed, too. */
static void so_it_is_with_a_rate_that_is_found_out(void **state)
{
	struct outcome outcome = { 0 };

	for (uint32_t queue_us = 40000; queue_us <= 200000; queue_us += 40000)
		measure(queue_us, true, &outcome);
	assert_int_equal(outcome.late, 0);
	expect_full(&outcome);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_beside_a_download_is_answered_soon),
		cmocka_unit_test(what_waits_behind_the_pace_counts),
		cmocka_unit_test(so_it_is_with_a_rate_that_is_found_out),
	};

	return cmocka_run_group_tests_name("mux_bound", tests, NULL, NULL);
}
