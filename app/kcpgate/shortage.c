/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads what payload threads count when descriptors run out, and logs it once a minute. */
#include "shortage.h"

#include "box.h"
#include "log.h"

#include <sys/resource.h>

#define EVERY_US (60 * KG_US_PER_S)

void kg_shortage_tick(struct kg_shortage *shortage, const struct kg_box *box, uint64_t now_us)
{
	uint64_t turned_away = kg_box_payload_stats(box).tcp_turned_away;
	struct rlimit limit = { 0 };

	if (turned_away == shortage->said || now_us < shortage->next_us)
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	KG_LOG(WARNING,
	       "%" PRIu64 " connections of applications reset: no descriptor left of %" PRIu64
	       " (ulimit -n, or LimitNOFILE of the service)\n",
	       turned_away - shortage->said, (uint64_t)limit.rlim_cur);
	shortage->said = turned_away;
	shortage->next_us = now_us + EVERY_US;
}
