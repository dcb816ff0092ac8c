/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker's arena and the payload buffers over mempools, on EAL's heap. */
#include "memory/arena.h"
#include "memory/buf_mempool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <rte_eal.h>

#include "base/cold.h"
#include "base/rng.h"

#define ARENA_BYTES (4u << 20)
#define BLOCKS      256
#define STEPS       20000
#define SEED        20240817u

struct block {
	uint8_t *ptr;
	size_t bytes;
	uint8_t fill;
};

static bool is_filled(const struct block *b)
{
	for (size_t i = 0; i < b->bytes; i++) {
		if (b->ptr[i] != b->fill)
			return false;
	}
	return true;
}

static void release(struct kg_mem *mem, struct block *b)
{
	if (b->ptr != NULL)
		assert_true(is_filled(b));
	kg_mem_free(mem, b->ptr, b->bytes);
	b->ptr = NULL;
}

static void take(struct kg_mem *mem, struct block *b, struct kg_rng *rng)
{
	static const uint8_t zeros[16384];

	b->bytes = 1 + kg_rng_below(rng, 1u << kg_rng_below(rng, 15));
	b->fill = (uint8_t)kg_rng_next(rng);
	b->ptr = kg_mem_alloc(mem, b->bytes);
	if (b->ptr == NULL)
		return;
	assert_int_equal((uintptr_t)b->ptr % 64, 0);
	assert_memory_equal(b->ptr, zeros, b->bytes);
	memset(b->ptr, b->fill, b->bytes);
}

/* Blocks never overlap, and what is freed joins again: the largest block comes back. */
static void test_arena_random(void **state)
{
	struct kg_arena *arena = kg_arena_create(ARENA_BYTES);
	struct kg_mem *mem = kg_arena_mem(arena);
	struct block blocks[BLOCKS] = { 0 };
	struct kg_rng rng;
	void *all;

	print_message("seed %u\n", SEED);
	kg_rng_init(&rng, SEED);
	for (int i = 0; i < STEPS; i++) {
		struct block *b = &blocks[kg_rng_below(&rng, BLOCKS)];

		if (b->ptr != NULL)
			release(mem, b);
		else
			take(mem, b, &rng);
	}
	for (int i = 0; i < BLOCKS; i++)
		release(mem, &blocks[i]);
	assert_int_equal(mem->in_use_bytes, 0);
	all = kg_mem_alloc(mem, ARENA_BYTES);
	assert_non_null(all);
	kg_mem_free(mem, all, ARENA_BYTES);
	kg_arena_destroy(arena);
}

static void test_arena_exhausted(void **state)
{
	struct kg_arena *arena = kg_arena_create(1000 * 64);
	struct kg_mem *mem = kg_arena_mem(arena);
	void *blocks[1001];
	int n = 0;

	assert_int_equal(kg_arena_size_bytes(arena), 64000);
	assert_null(kg_mem_alloc(mem, 64001));
	assert_null(kg_mem_alloc(mem, SIZE_MAX / 2));
	while ((blocks[n] = kg_mem_alloc(mem, 64)) != NULL)
		n++;
	/* One unit heads the slab. */
	assert_int_equal(n, 999);
	while (n-- > 0)
		kg_mem_free(mem, blocks[n], 64);
	kg_mem_free(mem, NULL, 64);
	assert_int_equal(mem->in_use_bytes, 0);
	kg_arena_destroy(arena);
}

/* Small payloads take small buffers, until there are none. */
static void test_buf_classes(void **state)
{
	struct kg_buf_mempool *mp = kg_buf_mempool_create("classes", 1u << 20, 0);
	struct kg_buf_pool *pool = kg_buf_mempool_pool(mp);
	struct kg_buf_mempool_stats before, now;
	struct kg_buf *small, *large;

	kg_buf_mempool_get_stats(mp, &before);
	small = kg_buf_alloc(pool, 60);
	large = kg_buf_alloc(pool, KG_BUF_SMALL_ROOM + 1);
	kg_buf_mempool_get_stats(mp, &now);
	assert_int_equal(now.small_used - before.small_used, 1);
	assert_int_equal(now.large_used - before.large_used, 1);
	assert_true(small->room >= 60 && small->room < 2000);
	assert_int_equal(large->room, KG_BUF_LARGE_ROOM);
	assert_int_equal(small->room, pool->small_room);
	assert_null(kg_buf_alloc(pool, KG_BUF_LARGE_ROOM + 1));
	kg_buf_free(small);
	kg_buf_free(large);
	kg_buf_mempool_destroy(mp);
}

/* Cold buffers are large ones, come back warm or cold, and are free wherever they wait. */
static void test_buf_cold(void **state)
{
	struct kg_buf_mempool *mp = kg_buf_mempool_create("cold", 1u << 20, 64);
	struct kg_buf_pool *pool = kg_buf_mempool_pool(mp);
	struct kg_buf_mempool_stats stats;
	struct kg_buf *taken = NULL, *buf;

	for (int i = 0; i < 100; i++) {
		buf = kg_buf_alloc_cold(pool);
		assert_int_equal((uintptr_t)kg_buf_cold_data(buf) % KG_BUF_LINE, 0);
		memset(kg_buf_cold_data(buf), i, KG_BUF_COLD_ROOM);
		if (i % 2 == 0) {
			kg_buf_free_cold(pool, buf);
			continue;
		}
		kg_buf_warm(buf, KG_BUF_COLD_ROOM);
		buf->next = taken;
		taken = buf;
	}
	kg_buf_mempool_get_stats(mp, &stats);
	assert_int_equal(stats.small_used, 0);
	assert_int_equal(stats.large_used, 50);
	kg_buf_free_chain(taken);
	kg_buf_mempool_get_stats(mp, &stats);
	assert_int_equal(stats.large_used, 0);
	kg_buf_mempool_destroy(mp);
}

static struct kg_buf *take_all_of(struct kg_buf_pool *pool, uint16_t room, enum kg_buf_use use,
				  struct kg_buf *taken)
{
	struct kg_buf *buf;

	while ((buf = kg_buf_alloc_for(pool, room, use)) != NULL) {
		buf->next = taken;
		taken = buf;
	}
	return taken;
}

static struct kg_buf *take_all(struct kg_buf_pool *pool, enum kg_buf_use use, struct kg_buf *taken)
{
	return take_all_of(pool, KG_BUF_LARGE_ROOM, use, taken);
}

/* Small payloads take large buffers once there are no small ones, down to what is kept of them. */
static void test_buf_small_ones_gone(void **state)
{
	struct kg_buf_mempool *mp = kg_buf_mempool_create("gone", 1u << 20, 0);
	struct kg_buf_pool *pool = kg_buf_mempool_pool(mp);
	struct kg_buf_mempool_stats stats;
	struct kg_buf *taken = take_all_of(pool, KG_BUF_SMALL_ROOM, KG_BUF_MORE, NULL);

	kg_buf_mempool_get_stats(mp, &stats);
	assert_int_equal(stats.small_total - stats.small_used, stats.small_total / 8);
	assert_int_equal(stats.large_total - stats.large_used, stats.large_total / 8);
	kg_buf_free_chain(taken);
	kg_buf_mempool_get_stats(mp, &stats);
	assert_int_equal(stats.small_used + stats.large_used, 0);
	kg_buf_mempool_destroy(mp);
}

/* Whatever its last owner has left in it. */
static void test_buf_comes_empty(void **state)
{
	struct kg_buf_mempool *mp = kg_buf_mempool_create("empty", 1u << 20, 64);
	struct kg_buf_pool *pool = kg_buf_mempool_pool(mp);
	struct kg_buf *last = kg_buf_alloc(pool, KG_BUF_LARGE_ROOM), *buf;

	last->next = last;
	last->data += 10;
	last->len = 10;
	kg_buf_free(last);
	buf = kg_buf_alloc(pool, KG_BUF_LARGE_ROOM);
	assert_ptr_equal(buf, last);
	assert_null(buf->next);
	assert_int_equal(buf->len, 0);
	assert_ptr_equal(buf->data, (uint8_t *)(buf + 1) + KG_BUF_HEADROOM);
	kg_buf_free(buf);
	kg_buf_mempool_destroy(mp);
}

/* Each use leaves what is kept from it, and takes no more past it than it asked for. */
static void test_buf_kept(void **state)
{
	struct kg_buf_mempool *mp = kg_buf_mempool_create("kept", 4u << 20, 64);
	struct kg_buf_pool *pool = kg_buf_mempool_pool(mp);
	struct kg_buf_mempool_stats stats;
	struct kg_buf *taken = take_all(pool, KG_BUF_MORE, NULL), *vital;
	uint32_t kept;

	kg_buf_mempool_get_stats(mp, &stats);
	kept = stats.large_total / 8;
	assert_in_range(stats.large_total - stats.large_used, kept - 64 * 2, kept);
	assert_null(kg_buf_alloc_cold(pool));
	kg_buf_mempool_update_share(mp);
	assert_int_equal(pool->fair_share, KG_BUF_FLOOR);

	/* One for a purpose brings no cache full for others. */
	vital = kg_buf_alloc_for(pool, KG_BUF_LARGE_ROOM, KG_BUF_VITAL);
	assert_non_null(vital);
	assert_null(kg_buf_alloc(pool, KG_BUF_LARGE_ROOM));
	taken = take_all(pool, KG_BUF_FEW, taken);
	kg_buf_mempool_get_stats(mp, &stats);
	assert_int_equal(stats.large_total - stats.large_used, kept / 2);
	taken = take_all(pool, KG_BUF_CROWD, taken);
	kg_buf_mempool_get_stats(mp, &stats);
	assert_int_equal(stats.large_total - stats.large_used, kept * 3 / 8);
	taken = take_all(pool, KG_BUF_FIRST, taken);
	kg_buf_mempool_get_stats(mp, &stats);
	assert_int_equal(stats.large_total - stats.large_used, kept / 4);
	taken = take_all(pool, KG_BUF_VITAL, taken);
	kg_buf_mempool_get_stats(mp, &stats);
	assert_int_equal(stats.large_total - stats.large_used, 0);
	kg_buf_free(vital);
	kg_buf_free_chain(taken);
	kg_buf_mempool_get_stats(mp, &stats);
	assert_int_equal(stats.large_used, 0);
	kg_buf_mempool_destroy(mp);
}

/* What waits in the cache of a thread is nobody else's to take. */
static void test_buf_share_without_caches(void **state)
{
	struct kg_buf_mempool *mp = kg_buf_mempool_create("caches", 4u << 20, 64);
	struct kg_buf_pool *pool = kg_buf_mempool_pool(mp);
	struct kg_buf_mempool_stats stats;
	struct kg_buf *buf = kg_buf_alloc(pool, KG_BUF_LARGE_ROOM);

	kg_buf_mempool_get_stats(mp, &stats);
	assert_int_equal(stats.large_used, 1);
	kg_buf_mempool_update_share(mp);
	assert_true(pool->fair_share < kg_buf_share(stats.large_total - 1, stats.large_total / 8));
	kg_buf_free(buf);
	kg_buf_mempool_destroy(mp);
}

/* The scarcer buffers get, the less one conversation may hold; some is always granted. */
static void test_buf_fair_share(void **state)
{
	struct kg_buf_mempool *mp = kg_buf_mempool_create("share", 1u << 20, 0);
	struct kg_buf_pool *pool = kg_buf_mempool_pool(mp);
	struct kg_buf_mempool_stats stats;
	struct kg_buf *taken = NULL, *buf;
	uint32_t full_share;

	kg_buf_mempool_update_share(mp);
	full_share = pool->fair_share;
	while ((buf = kg_buf_alloc(pool, KG_BUF_LARGE_ROOM)) != NULL) {
		buf->next = taken;
		taken = buf;
	}
	kg_buf_mempool_update_share(mp);
	assert_true(pool->fair_share < full_share);
	assert_true(pool->fair_share > 0);
	kg_buf_mempool_get_stats(mp, &stats);
	assert_int_equal(kg_buf_left(pool), stats.large_total - stats.large_used);
	kg_buf_free_chain(taken);
	kg_buf_mempool_update_share(mp);
	assert_int_equal(pool->fair_share, full_share);
	kg_buf_mempool_destroy(mp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_random),
		cmocka_unit_test(test_arena_exhausted),
		cmocka_unit_test(test_buf_classes),
		cmocka_unit_test(test_buf_cold),
		cmocka_unit_test(test_buf_kept),
		cmocka_unit_test(test_buf_fair_share),
		cmocka_unit_test(test_buf_small_ones_gone),
		cmocka_unit_test(test_buf_comes_empty),
		cmocka_unit_test(test_buf_share_without_caches),
	};
	static char *eal[] = { "memory_test",    "--no-huge", "--no-shconf", "--no-pci",
			       "--no-telemetry", "-m64",      "-l0",         "--log-level=error" };

	if (rte_eal_init(KG_ARRAY_SIZE(eal), eal) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
