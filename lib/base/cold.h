/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copies for what nobody reads soon. An ordinary store reads the old line first and later writes it
 * back, and puts other lines out of the caches meanwhile; a copy past the caches is only written.
 */
#pragma once

#include "base/base.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>

#define KG_COLD_LINE 64u

static inline void kg_cold_line(uint8_t *to, const uint8_t *from)
{
	__m128i a = _mm_loadu_si128((const __m128i *)from);
	__m128i b = _mm_loadu_si128((const __m128i *)(from + 16));
	__m128i c = _mm_loadu_si128((const __m128i *)(from + 32));
	__m128i d = _mm_loadu_si128((const __m128i *)(from + 48));

	_mm_stream_si128((__m128i *)to, a);
	_mm_stream_si128((__m128i *)(to + 16), b);
	_mm_stream_si128((__m128i *)(to + 32), c);
	_mm_stream_si128((__m128i *)(to + 48), d);
}

/* Whole lines go past the caches, the ends do not. Another thread may look only after
 * kg_cold_fence. */
static inline void kg_cold_copy(uint8_t *to, const uint8_t *from, size_t len)
{
	size_t ahead = KG_MIN(len, -(uintptr_t)to % KG_COLD_LINE);

	memcpy(to, from, ahead);
	for (; len - ahead >= KG_COLD_LINE; ahead += KG_COLD_LINE)
		kg_cold_line(to + ahead, from + ahead);
	memcpy(to + ahead, from + ahead, len - ahead);
}

static inline void kg_cold_fence(void)
{
	_mm_sfence();
}

#else

static inline void kg_cold_copy(uint8_t *to, const uint8_t *from, size_t len)
{
	memcpy(to, from, len);
}

static inline void kg_cold_fence(void)
{
}

#endif
