/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much our sender brings to an original's receiver, which takes a window of 2,048 segments from
 * its oldest hole on, whatever the path could carry: 1 Gbit/s, 40 ms, so much of both directions
 * lost. The window is the limit there, not the path, and what counts is how soon a hole is filled
 * (docs/kcp.md §7.6), and what leaves meanwhile (§8.2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/twheel.h"
#include "fec/rs_isal.h"
#include "rival/stock.h"
#include "session/framing.h"
#include "session/session.h"
#include "sim/link.h"

#define RTT_US         40000u
#define RATE_BPS       125000000u
#define OVERHEAD_BYTES 50
#define MTU            1450
#define WINDOW         2048
#define SECONDS        8
#define DATA           20
#define PARITY         4
#define PART(x)        ((uint16_t)((x)*65536))

struct path {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_rng rng;
	struct kg_fec *fec; /* NULL: off */
	struct kg_kcp *kcp;
	struct kg_framing framing;
	struct kg_stock *stock;
	struct kg_fec_encoder *encoder; /* of the stock peer */
	struct kg_fec_decoder *decoder;
	struct kg_sim_link there, back;
	uint64_t now_us, due_us, stock_us;
	uint64_t delivered;
};

static const struct kg_endpoint nowhere;

/* ---- the stock peer ---- */

static void fill(uint32_t sn, uint8_t *to, uint16_t len)
{
	memset(to, 0, len);
}

static void put_back(struct path *p, const uint8_t *body, uint16_t len)
{
	kg_sim_link_send(&p->back, p->now_us, &nowhere, &nowhere, body, len);
}

/* Of a group's end parity follows at once; it has no timer. */
static void emit(void *host, const uint8_t *data, uint16_t len)
{
	uint8_t body[KG_KCP_MTU_MAX + KG_FEC_OVERHEAD_BYTES];
	struct path *p = host;

	if (p->fec == NULL) {
		put_back(p, data, len);
		return;
	}
	memcpy(body + KG_FEC_HEADER_BYTES, data, len);
	put_back(p, body, kg_fec_encode(p->encoder, body, len, p->now_us));
	while (kg_fec_encoder_is_full(p->encoder) &&
	       (len = kg_fec_encoder_output(p->encoder, body, p->now_us)) > 0)
		put_back(p, body, len);
}

static void give_stock(struct path *p, uint8_t *body, uint16_t len)
{
	const uint8_t *datagram;
	uint16_t bytes;

	p->stock->now = (uint32_t)(p->now_us / KG_US_PER_MS);
	if (p->fec == NULL) {
		kg_stock_input(p->stock, body, len);
	} else if (kg_fec_decoder_input(p->decoder, body, len) == KG_DROP_NONE) {
		while (kg_fec_decoder_output(p->decoder, &datagram, &bytes))
			kg_stock_input(p->stock, datagram, bytes);
	}
	while (kg_stock_read(p->stock, &bytes) != NULL)
		p->delivered++;
}

static void turn_stock(struct path *p)
{
	struct kg_sim_link_packet *packet;

	while ((packet = kg_sim_link_receive(&p->there, p->now_us)) != NULL) {
		give_stock(p, packet->bytes, packet->len);
		free(packet);
	}
	if (p->now_us < p->stock_us)
		return;
	kg_stock_update(p->stock, (uint32_t)(p->now_us / KG_US_PER_MS));
	p->stock_us = (p->now_us / KG_US_PER_MS + 1) * KG_US_PER_MS;
}

/* ---- ours ---- */

static void write_on(struct path *p)
{
	struct kg_buf *buf;

	while (kg_kcp_unacked(p->kcp) < 2 * KG_STOCK_MAX) {
		buf = kg_buf_alloc(&p->pool.pool, kg_kcp_mss(p->kcp));
		buf->len = kg_kcp_mss(p->kcp);
		memset(buf->data, 0, buf->len);
		assert_true(kg_kcp_send(p->kcp, buf, p->now_us));
	}
}

static void turn_ours(struct path *p)
{
	uint8_t out[KG_KCP_MTU_MAX + KG_FEC_OVERHEAD_BYTES];
	struct kg_sim_link_packet *packet;
	unsigned int events;
	uint16_t len;

	while ((packet = kg_sim_link_receive(&p->back, p->now_us)) != NULL) {
		kg_framing_input(&p->framing, p->kcp, packet->bytes, packet->len, p->now_us,
				 &events);
		free(packet);
	}
	write_on(p);
	while ((len = kg_framing_output(&p->framing, p->kcp, p->now_us, out)) > 0)
		kg_sim_link_send(&p->there, p->now_us, &nowhere, &nowhere, out, len);
	p->due_us = kg_framing_deadline_us(&p->framing, p->kcp);
	if (p->due_us != KG_NEVER_US)
		p->due_us =
			(p->due_us + KG_TWHEEL_TICK_US - 1) / KG_TWHEEL_TICK_US * KG_TWHEEL_TICK_US;
}

/* ---- a run ---- */

static void path_init(struct path *p, double loss, bool fec, uint64_t seed)
{
	struct kg_kcp_params params = {
		.conv = 1,
		.mtu = MTU - (fec ? KG_FEC_OVERHEAD_BYTES : 0),
		.snd_wnd = WINDOW,
		.rcv_wnd = WINDOW,
		.nodelay = 1, /* fast3 */
		.interval_ms = 1,
		.resend = 3,
		.nc = true,
		.blast = true,
		.pace = true,
		.snd_spread = true,
		.rate_auto = true,
	};
	const struct kg_sim_link_params link = {
		.delay_us = RTT_US / 2,
		.jitter_us = 100,
		.in_order = true,
		.rate_Bps = RATE_BPS,
		.queue_us = 20000,
		.loss = PART(loss),
		.lost_behind = true,
		.overhead_bytes = OVERHEAD_BYTES,
	};

	*p = (struct path){ .now_us = KG_US_PER_S };
	kg_mem_malloc_init(&p->mem);
	kg_buf_malloc_pool_init(&p->pool, SIZE_MAX);
	kg_rng_init(&p->rng, seed);
	kg_sim_link_init(&p->there, &link, &p->rng);
	kg_sim_link_init(&p->back, &link, &p->rng);
	if (fec) {
		p->fec = kg_fec_create(DATA, PARITY, &kg_rs_isal, &kg_session_fec_content, &p->mem);
		p->encoder = kg_fec_encoder_create(p->fec, params.conv, 0);
		p->decoder = kg_fec_decoder_create(p->fec, params.conv);
		kg_fec_decoder_trust(p->decoder);
	}
	p->kcp = kg_kcp_create(&params, &p->mem, &p->pool.pool, p->now_us);
	kg_kcp_meet_original(p->kcp);
	kg_framing_init(&p->framing, p->fec);
	assert_true(kg_framing_start(&p->framing, p->kcp, params.conv));
	p->stock = calloc(1, sizeof(*p->stock));
	kg_stock_init(p->stock, &params, (uint32_t)(p->now_us / KG_US_PER_MS));
	p->stock->emit = emit;
	p->stock->fill = fill;
	p->stock->host = p;
}

static void path_fini(struct path *p)
{
	kg_framing_fini(&p->framing);
	kg_kcp_destroy(p->kcp);
	kg_stock_fini(p->stock);
	free(p->stock);
	kg_fec_encoder_destroy(p->encoder);
	kg_fec_decoder_destroy(p->decoder);
	kg_fec_destroy(p->fec);
	kg_sim_link_fini(&p->there);
	kg_sim_link_fini(&p->back);
}

struct result {
	double mbit, wire_per_payload;
};

static struct result run_seeded(double loss, bool fec, uint64_t seed)
{
	struct kg_kcp_stats stats;
	struct result r;
	struct path p;
	double bytes;

	path_init(&p, loss, fec, seed);
	for (uint64_t end_us = p.now_us + SECONDS * KG_US_PER_S; p.now_us < end_us;) {
		turn_stock(&p);
		turn_ours(&p);
		p.now_us = KG_MAX(
			KG_MIN(KG_MIN(p.due_us, p.stock_us),
			       KG_MIN(kg_sim_link_next_us(&p.there), kg_sim_link_next_us(&p.back))),
			p.now_us + 1);
	}
	bytes = (double)p.delivered * kg_kcp_mss(p.kcp);
	r.mbit = bytes * 8 / SECONDS / 1e6;
	r.wire_per_payload = (double)(p.there.sent_bytes + p.back.sent_bytes) / bytes;
	kg_kcp_get_stats(p.kcp, &stats);
	printf("loss %4.1f %%, FEC %-4s: %4.0f Mbit/s, %.2f on the wire; %llu segments, again %llu "
	       "fast, %llu late, %llu twins; in vain %llu\n",
	       loss * 100, fec ? "20:4" : "off", r.mbit, r.wire_per_payload,
	       (unsigned long long)stats.sent, (unsigned long long)stats.resent_fast,
	       (unsigned long long)stats.resent_timeout, (unsigned long long)stats.resent_twin,
	       (unsigned long long)stats.resent_needless);
	path_fini(&p);
	return r;
}

static struct result run(double loss, bool fec)
{
	return run_seeded(loss, fec, 1);
}

/* What a sender brought there that sent each hole once, and all parity always; and of these the
 * first in a model that knows of nothing but the window. */
#define ONE_COPY_5_MBIT   194
#define ALL_PARITY_0_MBIT 551
#define ALL_PARITY_WIRE   1.30
#define MODEL_5_MBIT      195
#define SEEDS             6

static void holes_are_filled_soon(void **state)
{
	assert_true(run(0, false).wire_per_payload < 1.08);
	assert_true(run(0.01, false).mbit > 450);
	assert_true(run(0.05, false).mbit > 1.4 * ONE_COPY_5_MBIT);
	run(0.1, false);
	run(0.2, false);
}

static void parity_follows_the_loss(void **state)
{
	struct result clean = run(0, true), some = run(0.01, true);

	assert_true(clean.mbit > 0.97 * ALL_PARITY_0_MBIT);
	assert_true(clean.wire_per_payload < 1.10);
	assert_true(some.mbit > 0.97 * ALL_PARITY_0_MBIT);
	assert_true(some.wire_per_payload < 0.94 * ALL_PARITY_WIRE);
	run(0.1, true);
	run(0.2, true);
}

/* Twice what there was without it, and no more on the wire than all parity. */
static void a_hole_that_parity_does_not_fill_costs_no_round_trip(void **state)
{
	double wire = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct result much = run_seeded(0.05, true, seed);

		assert_true(much.mbit > 2 * MODEL_5_MBIT);
		wire += much.wire_per_payload;
	}
	assert_true(wire / SEEDS <= ALL_PARITY_WIRE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_are_filled_soon),
		cmocka_unit_test(parity_follows_the_loss),
		cmocka_unit_test(a_hole_that_parity_does_not_fill_costs_no_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
