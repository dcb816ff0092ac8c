/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Speech through bad paths, with messages of a stream beside it on the same conversation, as on a
 * mux channel: what arrives of either is right. With a deadline no datagram is older than that and
 * its way when it comes, as it may overtake others, be the path lossy or too narrow; of a stream
 * nothing is missing. Without one, on a path that is too narrow, all become older and older. Prints
 * what it measures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "kcp/kcp.h"
#include "sim/link.h"

#define ONE_WAY_US  50000u
#define JITTER_US   2000u
#define TICK_US     1000u
#define SECONDS     20u
#define WORD_US     5000u /* between two */
#define WORDS       (SECONDS * (KG_US_PER_S / WORD_US))
#define WORD_BYTES  200u
#define LINE_US     100000u
#define LINES       (SECONDS * (KG_US_PER_S / LINE_US))
#define DEADLINE_US 200000u
/* A bottleneck's queue of 50 ms, and what a full datagram takes to pass it. */
#define ELSE_US 125000u

enum kind {
	KIND_WORD = 0x35,  /* a datagram */
	KIND_LINE = 0x26,  /* of the stream */
	KIND_BLANK = 0x34, /* passed over */
};

struct message {
	uint8_t kind;
	uint32_t number;
	uint64_t said_us;
} __attribute__((packed));

struct call {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_rng rng;
	struct kg_kcp *kcp[2];
	struct kg_sim_link link[2];
	uint64_t now_us, deadline_us;
	bool heard[WORDS];
	uint32_t ages_us[WORDS], words, lines, blanks; /* heard */
	uint32_t dropped, blanked;
};

static void say(struct call *c, enum kind kind, uint32_t number, uint64_t until_us)
{
	struct message message = { (uint8_t)kind, number, c->now_us };
	struct kg_buf *buf = kg_buf_alloc(&c->pool.pool, WORD_BYTES);

	assert_non_null(buf);
	buf->len = WORD_BYTES;
	memset(buf->data, (int)number, WORD_BYTES);
	memcpy(buf->data, &message, sizeof(message));
	memset(buf->data - KG_KCP_BLANK_BYTES, 0, KG_KCP_BLANK_BYTES);
	buf->data[-(int)KG_KCP_BLANK_BYTES] = KIND_BLANK;
	assert_true(kg_kcp_send_until(c->kcp[0], buf, until_us, c->now_us));
}

static void speak(struct call *c)
{
	uint64_t at_us = c->now_us - KG_US_PER_S;
	uint64_t until_us = c->deadline_us == 0 ? KG_NEVER_US : c->now_us + c->deadline_us;

	if (at_us < SECONDS * (uint64_t)KG_US_PER_S && at_us % WORD_US == 0)
		say(c, KIND_WORD, (uint32_t)(at_us / WORD_US), until_us);
	if (at_us < SECONDS * (uint64_t)KG_US_PER_S && at_us % LINE_US == 0)
		say(c, KIND_LINE, (uint32_t)(at_us / LINE_US), KG_NEVER_US);
}

static void pass(struct call *c, int from)
{
	static const struct kg_endpoint nowhere;
	struct kg_sim_link_packet *packet;
	uint8_t out[KG_KCP_MTU_MAX];
	unsigned int events;
	uint16_t len;

	while ((packet = kg_sim_link_receive(&c->link[!from], c->now_us)) != NULL) {
		kg_kcp_input(c->kcp[from], packet->bytes, packet->len, c->now_us, &events);
		free(packet);
	}
	do {
		c->dropped += kg_kcp_drop_stale(c->kcp[from], c->now_us);
		len = kg_kcp_output(c->kcp[from], c->now_us, out);
		if (len > 0)
			kg_sim_link_send(&c->link[from], c->now_us, &nowhere, &nowhere, out, len);
		c->blanked += kg_kcp_take_blanked(c->kcp[from]);
	} while (len > 0);
}

static void hear_one(struct call *c, const struct kg_buf *buf)
{
	struct message message;

	assert_null(buf->next);
	if (buf->len == KG_KCP_BLANK_BYTES) {
		assert_int_equal(buf->data[0], KIND_BLANK);
		c->blanks++;
		return;
	}
	assert_int_equal(buf->len, WORD_BYTES);
	memcpy(&message, buf->data, sizeof(message));
	for (size_t i = sizeof(message); i < WORD_BYTES; i++)
		assert_int_equal(buf->data[i], (uint8_t)message.number);
	if (message.kind == KIND_LINE) {
		assert_int_equal(message.number, c->lines++);
		return;
	}
	assert_int_equal(message.kind, KIND_WORD);
	assert_true(message.number < WORDS && !c->heard[message.number]);
	c->heard[message.number] = true;
	c->ages_us[c->words++] = (uint32_t)(c->now_us - message.said_us);
}

static void hear(struct call *c)
{
	struct kg_buf *buf;

	while ((buf = kg_kcp_recv(c->kcp[1])) != NULL) {
		hear_one(c, buf);
		kg_buf_free_chain(buf);
	}
}

static uint32_t age_us(const struct call *c, uint32_t permille)
{
	return c->words == 0 ? 0 : c->ages_us[(c->words - 1) * permille / 1000];
}

static void start(struct call *c, const struct kg_sim_link_params *link, bool arrival)
{
	const struct kg_kcp_params params = {
		.conv = 1,
		.mtu = 1400,
		.snd_wnd = 1024,
		.rcv_wnd = 1024,
		.nodelay = 1,
		.interval_ms = 1,
		.resend = 2,
		.nc = true,
		.blast = true,
		.prompt = true,
		.rate_auto = true,
		.early_kind = arrival ? KIND_WORD : 0,
	};
	struct kg_sim_link_params back = *link;

	back.rate_Bps = 0;
	memset(c, 0, sizeof(*c));
	kg_mem_malloc_init(&c->mem);
	kg_buf_malloc_pool_init(&c->pool, SIZE_MAX);
	kg_rng_init(&c->rng, 1);
	c->now_us = KG_US_PER_S;
	for (int i = 0; i < 2; i++) {
		c->kcp[i] = kg_kcp_create(&params, &c->mem, &c->pool.pool, c->now_us);
		assert_non_null(c->kcp[i]);
		kg_sim_link_init(&c->link[i], i == 0 ? link : &back, &c->rng);
	}
}

/* Until nothing is under way; as long as they speak, again. */
static void call(struct call *c, const char *name, const struct kg_sim_link_params *link,
		 uint64_t deadline_us, bool arrival)
{
	start(c, link, arrival);
	c->deadline_us = deadline_us;
	for (; c->now_us < 4 * SECONDS * (uint64_t)KG_US_PER_S; c->now_us += TICK_US) {
		speak(c);
		for (int from = 0; from < 2; from++)
			pass(c, from);
		hear(c);
	}
	assert_int_equal(kg_kcp_unacked(c->kcp[0]), 0);
	assert_int_equal(c->lines, LINES);
	qsort(c->ages_us, c->words, sizeof(*c->ages_us), kg_compare_u32);
	printf("%s%s, deadline %u ms: %u of %u words, dropped %u, blanked %u, of which came %u;"
	       " age p50 %u us, p99 %u us, most %u us; on the wire %llu bytes\n",
	       name, arrival ? ", may overtake" : "", (unsigned int)(deadline_us / 1000), c->words,
	       WORDS, c->dropped, c->blanked, c->blanks, age_us(c, 500), age_us(c, 990),
	       age_us(c, 1000), (unsigned long long)c->link[0].sent_bytes);
	for (int i = 0; i < 2; i++) {
		kg_kcp_destroy(c->kcp[i]);
		kg_sim_link_fini(&c->link[i]);
	}
	assert_int_equal(c->pool.in_use, 0);
}

static const struct kg_sim_link_params lossy = {
	.delay_us = ONE_WAY_US - JITTER_US / 2,
	.jitter_us = JITTER_US,
	.loss = 65536 / 10,
};

/* Half of what is said, and headers, and copies. */
static const struct kg_sim_link_params narrow = {
	.delay_us = ONE_WAY_US,
	.rate_Bps = WORD_BYTES * (KG_US_PER_S / WORD_US) / 2,
	.queue_us = 50000,
};

static struct call c;

static void nothing_comes_late(void **state)
{
	call(&c, "lossy", &lossy, DEADLINE_US, true);
	assert_true(age_us(&c, 1000) <= DEADLINE_US + ONE_WAY_US + JITTER_US);
	assert_true(c.words > WORDS * 99 / 100);
	assert_int_equal(c.dropped, 0);
	assert_true(c.words + c.blanked >= WORDS);
}

/* One after the other: a hole holds up the others until its place is filled. */
static void in_sequence_what_comes_is_right(void **state)
{
	call(&c, "lossy", &lossy, DEADLINE_US, false);
	assert_true(age_us(&c, 990) <= DEADLINE_US + 2 * (ONE_WAY_US + JITTER_US));
	assert_true(c.words + c.blanked >= WORDS);
}

static void a_narrow_path_carries_what_is_new(void **state)
{
	uint32_t with;

	call(&c, "narrow", &narrow, DEADLINE_US, true);
	with = age_us(&c, 990);
	assert_true(with <= DEADLINE_US + ONE_WAY_US + ELSE_US);
	assert_true(c.words > WORDS * 3 / 10);
	assert_true(c.dropped > 0);
	call(&c, "narrow", &narrow, 0, true);
	assert_int_equal(c.words, WORDS);
	assert_true(age_us(&c, 500) > 10 * with);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_comes_late),
		cmocka_unit_test(in_sequence_what_comes_is_right),
		cmocka_unit_test(a_narrow_path_carries_what_is_new),
	};

	return cmocka_run_group_tests_name("stale", tests, NULL, NULL);
}
