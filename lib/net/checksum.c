/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums bytes up, eight at a time, and many of those at once where the machine can. */
#include "net/checksum.h"

#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#define MANY_BYTES 128u /* from here on it pays to take 32 at a time, or 64 */

static uint64_t halves(uint64_t word)
{
	return (word & UINT32_MAX) + (word >> 32);
}

/* Less than 8 bytes, as the first ones of a word. */
static uint64_t add_rest(uint64_t sum, const uint8_t *from, size_t len)
{
	uint32_t four;
	uint16_t two;

	if ((len & 4) != 0) {
		memcpy(&four, from, sizeof(four));
		sum += four;
		from += sizeof(four);
	}
	if ((len & 2) != 0) {
		memcpy(&two, from, sizeof(two));
		sum += two;
		from += sizeof(two);
	}
	if ((len & 1) != 0) {
		uint8_t last[2] = { *from, 0 };

		memcpy(&two, last, sizeof(two));
		sum += two;
	}
	return sum;
}

static uint64_t add_few(uint64_t sum, const uint8_t *from, size_t len)
{
	uint64_t word;

	for (; len >= sizeof(word); len -= sizeof(word), from += sizeof(word)) {
		memcpy(&word, from, sizeof(word));
		sum += word;
		sum += sum < word; /* the carry */
	}
	return add_rest(halves(sum), from, len);
}

/*
 * The halves of 64-bit words into 64-bit lanes: no carry to care for below 16 GiB, and a loop that
 * compilers turn into vector code that unpacks nothing.
 */
static inline __attribute__((always_inline)) uint64_t add_lanes(uint64_t sum, const uint8_t *from,
								size_t len)
{
	uint64_t low = 0, high = 0, word;

	for (; len >= sizeof(word); len -= sizeof(word), from += sizeof(word)) {
		memcpy(&word, from, sizeof(word));
		low += word & UINT32_MAX;
		high += word >> 32;
	}
	return add_rest(sum + low + high, from, len);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static uint64_t add_by_32(uint64_t sum, const uint8_t *from,
							  size_t len)
{
	return add_lanes(sum, from, len);
}

#define BY_64    __attribute__((target("avx512bw,avx512vnni")))
#define AT_ONCE  4 /* sums side by side: from one addition to the next it takes five cycles */
#define WORDS_64 (64u / sizeof(uint16_t))

/* Words of 16 bits, as signed ones: 2^15 less than they are. */
BY_64 static inline __m512i add_signed(__m512i sum, __m512i words)
{
	return _mm512_dpwssd_epi32(sum, _mm512_xor_si512(words, _mm512_set1_epi16(INT16_MIN)),
				   _mm512_set1_epi16(1));
}

/* Less than 64, with zeros behind them. */
BY_64 static inline __m512i add_part(__m512i sum, const uint8_t *from, size_t len)
{
	return add_signed(sum, _mm512_maskz_loadu_epi8((1ull << len) - 1, from));
}

/* Bytes in front of the next cache line; none, where that would part the two of a word. */
static size_t before_line(const uint8_t *from)
{
	size_t len = -(uintptr_t)from % 64;

	return len % 2 == 0 ? len : 0;
}

/* Into 32-bit lanes, 64 bytes by an instruction: from where a cache line begins, for what lies in
 * two of them is read twice. */
BY_64 static uint64_t add_by_64(uint64_t sum, const uint8_t *from, size_t len)
{
	size_t first = before_line(from), times = 1 + (len - first + 63) / 64;
	__m512i sums[AT_ONCE] = { 0 };

	sums[0] = add_part(sums[0], from, first);
	from += first;
	len -= first;
	for (; len >= 64 * AT_ONCE; len -= 64 * AT_ONCE, from += 64 * AT_ONCE) {
		for (int i = 0; i < AT_ONCE; i++)
			sums[i] = add_signed(sums[i], _mm512_loadu_si512(from + 64 * i));
	}
	for (; len >= 64; len -= 64, from += 64)
		sums[1] = add_signed(sums[1], _mm512_loadu_si512(from));
	if (len > 0)
		sums[2] = add_part(sums[2], from, len);
	sums[0] = _mm512_add_epi32(_mm512_add_epi32(sums[0], sums[1]),
				   _mm512_add_epi32(sums[2], sums[3]));
	return sum + (times * WORDS_64 << 15) + (uint64_t)(int64_t)_mm512_reduce_add_epi32(sums[0]);
}

/* On CPUs whose clock stays as it is for that, and which have it all: Ice Lake's and younger. */
static bool takes_64(size_t len)
{
	return len <= UINT16_MAX && __builtin_cpu_supports("avx512bitalg") &&
	       __builtin_cpu_supports("avx512vnni");
}
#endif

static uint64_t add_many(uint64_t sum, const uint8_t *from, size_t len)
{
#ifdef __x86_64__
	if (takes_64(len))
		return add_by_64(sum, from, len);
	if (__builtin_cpu_supports("avx2"))
		return add_by_32(sum, from, len);
#endif
	return add_lanes(sum, from, len);
}

uint64_t kg_checksum_add(uint64_t sum, const void *bytes, size_t len)
{
	/* Room for what is added here, however long the chain of calls. */
	return len < MANY_BYTES ? add_few(halves(sum), bytes, len)
				: add_many(halves(sum), bytes, len);
}
