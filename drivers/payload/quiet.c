/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells questions and answers from streams, by a level: it rises by what is moved and falls with
 * time, as fast as a worker can well move things beside its own work.
 */
#include "payload/internal.h"

#define BYTES_PER_MS   (16u * 1024) /* 130 Mbit/s */
#define TURN_BYTES     64           /* what a turn takes beside its bytes */
#define DATAGRAM_BYTES 256          /* what a datagram does */
#define QUIET_BYTES    (16u * 1024)
#define STREAM_BYTES   (96u * 1024)
#define LEVEL_MAX      (100u * BYTES_PER_MS)

/* Who is called back stays at home for a while, and longer each time if that was soon. */
#define STAY_MIN (100u * BYTES_PER_MS)
#define STAY_MAX (6400u * BYTES_PER_MS)
#define SOON_US  KG_US_PER_S

static uint64_t moved(const struct kg_payload_stats *stats)
{
	return stats->rx_bytes + stats->tx_bytes +
	       (stats->udp_rx_datagrams + stats->udp_tx_datagrams) * DATAGRAM_BYTES;
}

void kg_quiet_count(struct kg_payload *p, bool worked)
{
	struct kg_quiet *quiet = &p->quiet;
	uint64_t now_moved = moved(&p->stats);
	uint64_t falls = (p->now_us - quiet->at_us) * BYTES_PER_MS / KG_US_PER_MS;

	quiet->level -= KG_MIN(quiet->level, falls);
	quiet->level += now_moved - quiet->moved + (worked ? TURN_BYTES : 0);
	quiet->level = KG_MIN(quiet->level, KG_MAX(quiet->stay, (uint64_t)LEVEL_MAX));
	quiet->moved = now_moved;
	quiet->at_us = p->now_us;
}

void kg_quiet_leave(struct kg_payload *p)
{
	p->quiet.left_us = p->now_us;
}

void kg_quiet_return(struct kg_payload *p)
{
	struct kg_quiet *quiet = &p->quiet;

	if (p->now_us - quiet->left_us < SOON_US)
		quiet->stay = KG_MIN(quiet->stay * 2, (uint64_t)STAY_MAX);
	else
		quiet->stay = STAY_MIN;
	quiet->stay = KG_MAX(quiet->stay, (uint64_t)STAY_MIN);
	quiet->level = quiet->stay;
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
