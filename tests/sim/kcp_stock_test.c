/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our engine opposite a stock KCPTube peer, every preset: all data passes both ways; thinned ACKs
 * do not keep the stock sender from finding its losses; its late ACKs do not make us resend.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kcp_pair.h"
#include "rival/stock.h"

#define SEED       0x5eed0012
#define MESSAGES   4000
#define SIZE_BYTES 600

struct flying {
	uint32_t due, len;
	uint8_t data[KG_KCP_MTU_MAX];
};

struct match;

/* Side 0 is ours or stock, side 1 always stock. */
struct side {
	struct match *match;
	struct kg_stock *stock; /* NULL: ours plays */
	uint32_t sent, got;
	uint32_t done_ms;    /* how long it took until all had come */
	struct flying *line; /* towards the other side, in order */
	size_t head, tail, room;
};

struct match {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_rng rng;
	struct kg_kcp *ours;
	struct side sides[2];
	uint32_t now, delay_ms, jitter_ms, loss_permille, window;
};

static void fill(uint32_t sn, uint8_t *to, uint16_t len)
{
	for (size_t k = 0; k < len; k++)
		to[k] = pattern(sn, k);
}

static void carry(void *host, const uint8_t *data, uint16_t len)
{
	struct side *side = host;
	struct match *m = side->match;
	struct flying *f;

	if (kg_rng_below(&m->rng, 1000) < m->loss_permille)
		return;
	if (side->tail == side->room) {
		side->room = 2 * side->room + 64;
		side->line = realloc(side->line, side->room * sizeof(*side->line));
	}
	f = &side->line[side->tail++];
	f->due = m->now + m->delay_ms + kg_rng_below(&m->rng, m->jitter_ms + 1);
	if (side->tail > 1)
		f->due = KG_MAX(f->due, f[-1].due);
	f->len = len;
	memcpy(f->data, data, len);
}

static void match_init(struct match *m, const struct preset *preset, bool with_ours)
{
	struct kg_kcp_params params = preset_params(preset);

	memset(m, 0, sizeof(*m));
	kg_mem_malloc_init(&m->mem);
	kg_buf_malloc_pool_init(&m->pool, SIZE_MAX);
	kg_rng_init(&m->rng, SEED);
	m->now = 1000;
	m->window = preset->window;
	for (int i = 0; i < 2; i++) {
		m->sides[i].match = m;
		if (i == 0 && with_ours)
			continue;
		m->sides[i].stock = calloc(1, sizeof(struct kg_stock));
		kg_stock_init(m->sides[i].stock, &params, m->now);
		m->sides[i].stock->emit = carry;
		m->sides[i].stock->fill = fill;
		m->sides[i].stock->host = &m->sides[i];
	}
	if (with_ours)
		m->ours = kg_kcp_create(&params, &m->mem, &m->pool.pool, 1000000);
}

static void match_fini(struct match *m)
{
	for (int i = 0; i < 2; i++) {
		if (m->sides[i].stock != NULL)
			kg_stock_fini(m->sides[i].stock);
		free(m->sides[i].stock);
		free(m->sides[i].line);
	}
	kg_kcp_destroy(m->ours);
	assert_int_equal(m->mem.in_use_bytes, 0);
	assert_int_equal(m->pool.in_use, 0);
}

static uint64_t now_us(const struct match *m)
{
	return m->now * (uint64_t)KG_US_PER_MS;
}

static void deliver(struct match *m, int from)
{
	struct side *side = &m->sides[from], *to = &m->sides[!from];
	unsigned int events;

	for (; side->head < side->tail && side->line[side->head].due <= m->now; side->head++) {
		struct flying *f = &side->line[side->head];

		if (to->stock != NULL)
			kg_stock_input(to->stock, f->data, f->len);
		else
			assert_int_equal(kg_kcp_input(m->ours, f->data, f->len, now_us(m), &events),
					 KG_DROP_NONE);
	}
}

/* `per_ms` messages a millisecond, as far as the queue allows. */
static void send_some(struct match *m, struct side *side, uint32_t per_ms)
{
	uint8_t bytes[SIZE_BYTES];

	for (uint32_t i = 0; i < per_ms && side->sent < MESSAGES; i++, side->sent++) {
		if (side->stock != NULL) {
			if (side->stock->queued >= m->window)
				return;
			kg_stock_send(side->stock, SIZE_BYTES);
			continue;
		}
		if (kg_kcp_unacked(m->ours) >= 2 * m->window)
			return;
		fill(side->sent, bytes, SIZE_BYTES);
		assert_true(kg_kcp_send(
			m->ours,
			kg_buf_chain_copy(&m->pool.pool, bytes, SIZE_BYTES, SIZE_BYTES, SIZE_BYTES),
			now_us(m)));
	}
}

static void check_message(struct side *side, const uint8_t *bytes, size_t len)
{
	assert_int_equal(len, SIZE_BYTES);
	for (size_t k = 0; k < len; k++)
		assert_int_equal(bytes[k], pattern(side->got, k));
	side->got++;
}

static void read_all(struct match *m, struct side *side)
{
	const uint8_t *bytes;
	struct kg_buf *buf;
	uint16_t len;

	if (side->stock != NULL) {
		while ((bytes = kg_stock_read(side->stock, &len)) != NULL)
			check_message(side, bytes, len);
		return;
	}
	while ((buf = kg_kcp_recv(m->ours)) != NULL) {
		check_message(side, buf->data, buf->len);
		kg_buf_free(buf);
	}
}

static void output(struct match *m, struct side *side)
{
	uint8_t out[KG_KCP_MTU_MAX];
	uint16_t len;

	if (side->stock != NULL) {
		kg_stock_update(side->stock, m->now);
		return;
	}
	while ((len = kg_kcp_output(m->ours, now_us(m), out)) > 0)
		carry(side, out, len);
}

/* Plays until MESSAGES have come both ways. */
static void play(struct match *m, uint32_t per_ms)
{
	uint32_t start = m->now;

	for (; m->sides[0].done_ms == 0 || m->sides[1].done_ms == 0; m->now++) {
		assert_true(m->now - start < 600000);
		for (int i = 0; i < 2; i++)
			deliver(m, i);
		for (int i = 0; i < 2; i++) {
			struct side *side = &m->sides[i];

			send_some(m, side, per_ms);
			read_all(m, side);
			output(m, side);
			if (side->got == MESSAGES && side->done_ms == 0)
				side->done_ms = m->now - start;
		}
	}
}

/* Not much longer than the same way between two stock peers. */
static bool in_time(const struct match *m, const struct match *stock, int side, uint32_t percent)
{
	return m->sides[side].done_ms * 100 <= stock->sides[side].done_ms * percent + 4000;
}

/*
 * Both directions at once, and between two stock peers on the same path. What the stock peer sends
 * comes as soon as its like would have got it: our thinned ACKs serve it as well. What we send may
 * take some round trips longer: a stock peer resends a hole up to five times at once, we only when
 * the last copy is known to be lost.
 */
static void everything_passes_in_time(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(presets); i++) {
		for (uint32_t loss_permille = 0; loss_permille <= 50; loss_permille += 25) {
			struct match m[2];

			for (int ours = 0; ours < 2; ours++) {
				match_init(&m[ours], &presets[i], ours);
				m[ours].delay_ms = 20;
				m[ours].loss_permille = loss_permille;
				play(&m[ours], 50);
				match_fini(&m[ours]);
			}
			printf("%-9s loss %.1f %%: stock to stock %u ms, to us %u ms, "
			       "from us %u ms\n",
			       presets[i].name, loss_permille / 10.0, m[0].sides[0].done_ms,
			       m[1].sides[0].done_ms, m[1].sides[1].done_ms);
			assert_true(in_time(&m[1], &m[0], 0, 120));
			assert_true(in_time(&m[1], &m[0], 1, 150));
		}
	}
}

/* A stock peer acknowledges on its grid, up to 30 ms late: that is no loss. */
static void late_acks_of_stock_peers_are_waited_for(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(presets); i++) {
		for (uint32_t jitter_ms = 0; jitter_ms <= 5; jitter_ms += 5) {
			struct kg_kcp_stats stats;
			struct match m;

			match_init(&m, &presets[i], true);
			m.sides[1].stock->params.interval_ms = 30;
			m.delay_ms = 20;
			m.jitter_ms = jitter_ms;
			play(&m, 1);
			kg_kcp_get_stats(m.ours, &stats);
			assert_true(100 * (stats.resent_fast + stats.resent_timeout) < stats.sent);
			match_fini(&m);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_passes_in_time),
		cmocka_unit_test(late_acks_of_stock_peers_are_waited_for),
	};

	printf("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("kcp_stock", tests, NULL, NULL);
}
