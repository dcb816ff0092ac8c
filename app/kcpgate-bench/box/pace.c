/* SPDX-License-Identifier: BSD-3-Clause */
/* Says how many datagrams are due by now. */
#include "pace.h"

void bench_pace_init(struct bench_pace *pace, uint64_t now_cyc, double pps, double hz)
{
	uint64_t backlog = (uint64_t)(pps * BENCH_PACE_BACKLOG_S);

	*pace = (struct bench_pace){
		.begin_cyc = now_cyc,
		.cyc_each = hz / pps,
		.backlog_max = KG_MAX(backlog, (uint64_t)BENCH_PACE_BACKLOG_MIN),
	};
}

unsigned int bench_pace_due(struct bench_pace *pace, uint64_t now_cyc, unsigned int max)
{
	uint64_t total = 1 + (uint64_t)((double)(now_cyc - pace->begin_cyc) / pace->cyc_each);
	uint64_t waiting = total - pace->released;
	unsigned int due;

	if (waiting > pace->backlog_max) {
		pace->released += waiting - pace->backlog_max;
		waiting = pace->backlog_max;
	}
	due = (unsigned int)KG_MIN(waiting, (uint64_t)max);
	pace->released += due;
	return due;
}

uint64_t bench_pace_next_cyc(const struct bench_pace *pace)
{
	return pace->begin_cyc + (uint64_t)((double)pace->released * pace->cyc_each);
}
