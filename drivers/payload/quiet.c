/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells questions and answers from streams, by a level: it rises by what is moved and falls with
 * time, as fast as a worker can well move things beside its own work.
 */
#include "payload/internal.h"

#define BYTES_PER_MS (64u * 1024) /* half a Gbit/s */
#define TURN_BYTES   256          /* what a turn takes, or a datagram, beside its bytes */
#define QUIET_BYTES  (16u * 1024)
#define STREAM_BYTES (96u * 1024)
#define LEVEL_MAX    (100u * BYTES_PER_MS) /* who was called back stays at home for so long */

static uint64_t moved(const struct kg_payload_stats *stats)
{
	return stats->rx_bytes + stats->tx_bytes +
	       (stats->udp_rx_datagrams + stats->udp_tx_datagrams) * TURN_BYTES;
}

void kg_quiet_count(struct kg_payload *p, bool worked)
{
	struct kg_quiet *quiet = &p->quiet;
	uint64_t now_moved = moved(&p->stats);
	uint64_t falls = (p->now_us - quiet->at_us) * BYTES_PER_MS / KG_US_PER_MS;

	quiet->level -= KG_MIN(quiet->level, falls);
	quiet->level += now_moved - quiet->moved + (worked ? TURN_BYTES : 0);
	quiet->level = KG_MIN(quiet->level, (uint64_t)LEVEL_MAX);
	quiet->moved = now_moved;
	quiet->at_us = p->now_us;
}

void kg_quiet_stay(struct kg_payload *p)
{
	p->quiet.level = LEVEL_MAX;
}

bool kg_quiet_is_stream(const struct kg_payload *p)
{
	return p->quiet.level > STREAM_BYTES;
}

int kg_quiet_in_ms(const struct kg_payload *p)
{
	if (p->quiet.level <= QUIET_BYTES)
		return 0;
	return (int)((p->quiet.level - QUIET_BYTES) / BYTES_PER_MS + 1);
}
