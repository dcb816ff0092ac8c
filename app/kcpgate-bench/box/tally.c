/* SPDX-License-Identifier: BSD-3-Clause */
/* Judges each datagram that arrives: new, twice, late, or of an earlier run. */
#include "tally.h"

#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64

bool bench_tally_begin(struct bench_tally *tally, uint32_t run, uint64_t numbers, uint32_t flows)
{
	bench_tally_fini(tally);
	*tally = (struct bench_tally){ .run = run, .numbers = numbers, .flows = flows };
	bench_histogram_reset(&tally->latency_cyc);
	tally->seen = calloc(numbers / WORD_BITS + 1, sizeof(*tally->seen));
	tally->highest = calloc(flows, sizeof(*tally->highest));
	return tally->seen != NULL && tally->highest != NULL;
}

void bench_tally_fini(struct bench_tally *tally)
{
	free(tally->seen);
	free(tally->highest);
	tally->seen = tally->highest = NULL;
}

bool bench_tally_has(const struct bench_tally *tally, uint64_t number)
{
	return (tally->seen[number / WORD_BITS] >> number % WORD_BITS & 1) != 0;
}

void bench_tally_take(struct bench_tally *tally, const struct bench_probe *probe,
		      uint16_t payload_bytes, uint64_t now_cyc)
{
	uint64_t number = probe->number;
	uint64_t *highest;

	if (probe->run != tally->run || number >= tally->numbers) {
		tally->stale++;
		return;
	}
	if (bench_tally_has(tally, number)) {
		tally->duplicates++;
		return;
	}
	tally->seen[number / WORD_BITS] |= UINT64_C(1) << number % WORD_BITS;
	highest = &tally->highest[number % tally->flows];
	if (number < *highest)
		tally->reordered++;
	else
		*highest = number + 1;
	tally->payload_bytes += payload_bytes;
	bench_histogram_add(&tally->latency_cyc, now_cyc - probe->sent_cyc);
	__atomic_store_n(&tally->received, tally->received + 1, __ATOMIC_RELAXED);
}
