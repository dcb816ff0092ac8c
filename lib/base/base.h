/* SPDX-License-Identifier: BSD-3-Clause */
/* Small things every file may use. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KG_ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define KG_LIKELY(x)                       __builtin_expect(!!(x), 1)
#define KG_UNLIKELY(x)                     __builtin_expect(!!(x), 0)
#define KG_CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/*
 * The less and the greater of two values, each of which is evaluated once: it may be a call, or a
 * word that another thread changes meanwhile.
 */
#define KG_MIN(a, b) KG_CHOOSE(a, <, b, __COUNTER__)
#define KG_MAX(a, b) KG_CHOOSE(a, >, b, __COUNTER__)

#define KG_CHOOSE(a, op, b, nth) KG_CHOOSE_NTH(a, op, b, nth)
#ifdef __cppcheck__ /* cannot read statements in an initializer */
#define KG_CHOOSE_NTH(a, op, b, nth) ((a)op(b) ? (a) : (b))
#else
#define KG_CHOOSE_NTH(a, op, b, nth)                                      \
	({                                                                \
		__auto_type first_##nth = (a);                            \
		__auto_type second_##nth = (b);                           \
		first_##nth op second_##nth ? first_##nth : second_##nth; \
	})
#endif

/* Brings `bytes` from `ptr` on toward the cache, before the code that needs them. */
static inline void kg_prefetch(const void *ptr, size_t bytes)
{
	const char *at = ptr;

	for (size_t i = 0; i < bytes; i += 64)
		__builtin_prefetch(at + i);
}

/* A point in time that never comes: "no deadline". */
#define KG_NEVER_US UINT64_MAX

#define KG_US_PER_MS 1000u
#define KG_US_PER_S  1000000u
