/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies past the caches, and buffers that go out and come back untouched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cold.h"

#define AROUND 0xa5

/* Every length, from every place in a line: the payload arrives, and nothing behind its last line
 * is written. */
static void copies_are_whole_and_end_with_their_line(void **state)
{
	static uint8_t from[KG_BUF_COLD_ROOM + KG_BUF_LINE];
	static _Alignas(KG_BUF_LINE) uint8_t to[KG_BUF_COLD_ROOM + KG_BUF_LINE];

	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 7 + i / 251);
	for (size_t len = 0; len <= KG_BUF_COLD_ROOM; len++) {
		size_t lines = (len + KG_BUF_LINE - 1) / KG_BUF_LINE, shift = len % KG_BUF_LINE;

		memset(to, AROUND, sizeof(to));
		kg_cold_copy(to, from + shift, len);
		kg_cold_fence();
		assert_memory_equal(to, from + shift, len);
		for (size_t i = lines * KG_BUF_LINE; i < sizeof(to); i++)
			assert_int_equal(to[i], AROUND);
	}
}

static void warm_buffer_is_like_any_other(void **state)
{
	static const char text[] = "kept for long";
	struct kg_buf_malloc_pool pool;
	struct kg_buf *buf;

	kg_buf_malloc_pool_init(&pool, 1);
	buf = kg_buf_alloc_cold(&pool.pool);
	assert_non_null(buf);
	assert_null(kg_buf_alloc_cold(&pool.pool)); /* the limit holds for them too */
	kg_cold_copy(kg_buf_cold_data(buf), (const uint8_t *)text, sizeof(text));
	kg_cold_fence();
	kg_buf_warm(buf, sizeof(text));
	assert_int_equal(kg_buf_chain_count(buf), 1);
	assert_int_equal(buf->len, sizeof(text));
	assert_memory_equal(buf->data, text, sizeof(text));
	assert_true(buf->data - (uint8_t *)(buf + 1) >= KG_BUF_HEADROOM);
	kg_buf_free(buf);
	assert_int_equal(pool.in_use, 0);
}

static void cold_buffer_may_come_back_cold(void **state)
{
	struct kg_buf_malloc_pool pool;

	kg_buf_malloc_pool_init(&pool, 1);
	for (int i = 0; i < 3; i++) {
		struct kg_buf *buf = kg_buf_alloc_cold(&pool.pool);

		assert_int_equal((uintptr_t)kg_buf_cold_data(buf) % KG_BUF_LINE, 0);
		memset(kg_buf_cold_data(buf), AROUND, KG_BUF_COLD_ROOM);
		kg_buf_free_cold(&pool.pool, buf);
	}
	assert_int_equal(pool.in_use, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_are_whole_and_end_with_their_line),
		cmocka_unit_test(warm_buffer_is_like_any_other),
		cmocka_unit_test(cold_buffer_may_come_back_cold),
	};

	return cmocka_run_group_tests_name("cold", tests, NULL, NULL);
}
