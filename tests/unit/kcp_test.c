/* SPDX-License-Identifier: BSD-3-Clause */
/* A conversation as a whole: memory, malformed input, the small calls. */
#include "kcp_one.h"
#include "kcp_pair.h"

#include "kcp/kcp_ring.h"

#define SEED 0x5eed0010

static void idle_conversation_is_small(void **state)
{
	struct one o;
	size_t fresh;

	one_init_default(&o);
	fresh = o.mem.in_use_bytes;
	assert_true(fresh <= 640);
	one_push(&o, 5, 0, 1, "x");
	one_send_many(&o, 100);
	one_drain(&o);
	assert_true(o.mem.in_use_bytes > fresh);
	one_ack(&o, 99, T0_MS, 100);
	for (uint32_t sn = 0; sn < 5; sn++)
		one_push(&o, sn, 0, 1, "x");
	one_drain(&o);
	assert_int_equal(kg_kcp_deadline_us(o.kcp), o.now_us + KG_US_PER_S);
	o.now_us += KG_US_PER_S;
	assert_false(one_output(&o));
	assert_int_equal(o.mem.in_use_bytes, fresh);
	assert_int_equal(kg_kcp_deadline_us(o.kcp), KG_NEVER_US);
	one_send_many(&o, 1); /* and all begins anew */
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].sn, 100);
	one_push(&o, 7, 0, 1, "x");
	one_push(&o, 6, 0, 1, "x");
	for (int i = 0; i < 8; i++)
		one_expect(&o, "x");
	one_fini(&o);
}

static void destroy_frees_what_is_everywhere(void **state)
{
	struct one o;

	one_init_default(&o);
	one_push(&o, 0, 0, 1, "readable");
	one_push(&o, 1, 3, 1, "partial");
	one_push(&o, 9, 0, 1, "held");
	one_send_many(&o, 200);
	one_drain(&o);
	one_ack(&o, 64, T0_MS, 3);
	one_fini(&o);
	kg_kcp_destroy(NULL);
}

static void malformed_datagrams_change_nothing(void **state)
{
	const struct kg_kcp_segment good = { .conv = CONV, .cmd = KG_KCP_PUSH, .wnd = 1 };
	struct kg_kcp_segment bad[] = {
		[0] = good, [1] = good, [2] = good, [3] = good, [4] = good,
		[5] = good, [6] = good, [7] = good, [8] = good, [9] = good,
	};
	struct kg_kcp_stats stats;
	struct one o;

	bad[0].conv++;
	bad[1].cmd = KG_KCP_PUSH - 1;
	bad[2].cmd = KG_KCP_WINS + 1;
	bad[3].frg = KG_KCP_FRAGMENTS_MAX;
	bad[4].una = 4; /* three were sent */
	bad[5].cmd = KG_KCP_ACK;
	bad[5].sn = 3;
	bad[6].una = 3 - 2 * KG_KCP_WINDOW_MAX - 1; /* no peer is so far behind */
	bad[7].cmd = KG_KCP_ACK;
	bad[7].sn = bad[6].una;
	bad[8].una = 0x80000003;
	bad[9].tail = true; /* it was not agreed */
	one_init_default(&o);
	one_send_many(&o, 3);
	one_drain(&o);
	for (size_t i = 0; i < KG_ARRAY_SIZE(bad); i++) {
		one_add(&o, good, "payload");
		one_add(&o, bad[i], "");
		assert_int_equal(one_input(&o), KG_DROP_KCP_MALFORMED);
		assert_int_equal(o.events, 0);
	}
	one_add(&o, good, "payload");
	kg_store_le32(o.in + 20, 8); /* one more than there is */
	assert_int_equal(one_input(&o), KG_DROP_KCP_MALFORMED);
	o.in_len = KG_KCP_HEADER_BYTES - 1;
	assert_int_equal(one_input(&o), KG_DROP_KCP_MALFORMED);
	assert_int_equal(one_input(&o), KG_DROP_KCP_MALFORMED);
	stats = one_stats(&o);
	assert_int_equal(stats.received, 0);
	assert_int_equal(stats.rmt_wnd, 128);
	assert_int_equal(stats.in_flight, 3);
	assert_false(one_output(&o));
	one_add(&o, good, "payload");
	o.in_len += KG_KCP_HEADER_BYTES - 1; /* a tail too short for a segment */
	assert_int_equal(one_input(&o), KG_DROP_NONE);
	one_expect(&o, "payload");
	one_fini(&o);
}

static void conv_may_be_learnt_late(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.conv = 0;
	one_init(&o, &params);
	one_send_many(&o, 1);
	kg_kcp_set_conv(o.kcp, CONV);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].conv, CONV);
	one_ack(&o, 0, T0_MS, 1);
	one_fini(&o);
}

static void peek_finds_the_first_message(void **state)
{
	struct kg_kcp_segment seg = { .conv = CONV, .cmd = KG_KCP_ACK };
	const uint8_t *payload;
	size_t len = 0;
	struct one o;

	one_init_default(&o);
	one_add(&o, seg, "");
	assert_false(kg_kcp_peek_first(o.in, o.in_len, CONV, &payload, &len));
	seg.cmd = KG_KCP_PUSH;
	seg.sn = 1;
	one_add(&o, seg, "second");
	assert_false(kg_kcp_peek_first(o.in, o.in_len, CONV, &payload, &len));
	seg.sn = 0;
	one_add(&o, seg, "first");
	assert_true(kg_kcp_peek_first(o.in, o.in_len, CONV, &payload, &len));
	assert_int_equal(len, 5);
	assert_memory_equal(payload, "first", 5);
	assert_true(kg_kcp_peek_first(o.in, o.in_len + 23u, CONV, &payload, &len));
	assert_false(kg_kcp_peek_first(o.in, o.in_len - 1u, CONV, &payload, &len));
	assert_false(kg_kcp_peek_first(o.in, o.in_len, CONV + 1, &payload, &len));
	seg.frg = 1;
	o.in_len = 0;
	one_add(&o, seg, "fragment");
	assert_false(kg_kcp_peek_first(o.in, o.in_len, CONV, &payload, &len));
	one_fini(&o);
}

static void clock_may_stand_still_or_step_back(void **state)
{
	struct one o;

	one_init_default(&o);
	one_send_many(&o, 1);
	assert_int_equal(one_drain(&o), 1);
	o.now_us -= 500 * MS;
	one_send_many(&o, 1);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].ts, T0_MS);
	one_ack(&o, 1, T0_MS, 2);
	assert_int_equal(kg_kcp_unacked(o.kcp), 0);
	one_fini(&o);
}

static void handshake_numbers_are_kcptubes(void **state)
{
	assert_int_equal(kg_kcp_handshake_params.conv, 0);
	assert_int_equal(kg_kcp_handshake_params.nodelay, 1);
	assert_int_equal(kg_kcp_handshake_params.interval_ms, 1);
	assert_int_equal(kg_kcp_handshake_params.resend, 3);
	assert_true(kg_kcp_handshake_params.nc);
	assert_int_equal(kg_kcp_handshake_params.snd_wnd, 32);
	assert_int_equal(kg_kcp_handshake_params.rcv_wnd, 128);
}

/* ---- running out of memory ---- */

static struct kg_rng failing_rng;
static void *(*real_mem_alloc)(struct kg_mem *mem, size_t bytes);
static struct kg_buf *(*real_buf_alloc)(struct kg_buf_pool *pool, uint16_t room,
					enum kg_buf_use use);

static void *failing_mem_alloc(struct kg_mem *mem, size_t bytes)
{
	return kg_rng_below(&failing_rng, 4) > 0 ? NULL : real_mem_alloc(mem, bytes);
}

static struct kg_buf *failing_buf_alloc(struct kg_buf_pool *pool, uint16_t room,
					enum kg_buf_use use)
{
	return kg_rng_below(&failing_rng, 4) == 0 ? NULL : real_buf_alloc(pool, room, use);
}

static void create_survives_lack_of_memory(void **state)
{
	struct kg_kcp_params params = one_params();
	struct kg_mem mem;

	kg_mem_malloc_init(&mem);
	real_mem_alloc = mem.alloc;
	mem.alloc = failing_mem_alloc;
	kg_rng_init(&failing_rng, SEED);
	for (int i = 0; i < 20; i++)
		kg_kcp_destroy(kg_kcp_create(&params, &mem, NULL, 0));
	assert_int_equal(mem.in_use_bytes, 0);
}

static void transfer_survives_lack_of_memory(void **state)
{
	struct kg_kcp_params params = preset_params(&presets[0]);
	struct pair p;

	kg_rng_init(&failing_rng, SEED);
	pair_init(&p, &params, &params, SEED);
	pair_set_links(&p, (struct link){ .delay_us = 5000, .loss_permille = 20 });
	real_mem_alloc = p.mem.alloc;
	real_buf_alloc = p.pool.pool.alloc;
	p.mem.alloc = failing_mem_alloc;
	p.pool.pool.alloc = failing_buf_alloc;
	while (p.sent[0] < 1000) {
		if (!pair_send(&p, 0, 2000))
			pair_run(&p, p.now_us + 1000);
	}
	assert_true(pair_finish(&p, 60 * (uint64_t)KG_US_PER_S));
	pair_fini(&p);
}

/* No memory at all: send says so, and nothing spins. */
static void ring_that_cannot_grow_waits_for_acks(void **state)
{
	struct one o;

	one_init_default(&o);
	assert_true(one_send(&o, "x", 1));
	real_mem_alloc = o.mem.alloc;
	o.mem.alloc = failing_mem_alloc;
	kg_rng_init(&failing_rng, 3); /* starts with failures */
	one_send_many(&o, 99);
	assert_int_equal(one_drain(&o), KG_KCP_RING_MIN);
	assert_true(kg_kcp_deadline_us(o.kcp) > o.now_us);
	o.now_us += 10 * MS;
	one_ack(&o, 3, T0_MS, 4);
	assert_int_equal(one_drain(&o), 4);
	o.mem.alloc = real_mem_alloc;
	one_ack(&o, 4, T0_MS, 5);
	assert_int_equal(one_drain(&o), 100 - KG_KCP_RING_MIN - 4);
	one_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_conversation_is_small),
		cmocka_unit_test(destroy_frees_what_is_everywhere),
		cmocka_unit_test(malformed_datagrams_change_nothing),
		cmocka_unit_test(conv_may_be_learnt_late),
		cmocka_unit_test(peek_finds_the_first_message),
		cmocka_unit_test(clock_may_stand_still_or_step_back),
		cmocka_unit_test(handshake_numbers_are_kcptubes),
		cmocka_unit_test(create_survives_lack_of_memory),
		cmocka_unit_test(transfer_survives_lack_of_memory),
		cmocka_unit_test(ring_that_cannot_grow_waits_for_acks),
	};

	printf("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("kcp", tests, NULL, NULL);
}
