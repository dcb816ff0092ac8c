/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last that a worker has thrown away: for each address and reason when, at which stage, how
 * often, and how it began. One owner thread. Memory is fixed; a flood from one address takes one
 * place, from many it takes those of others that are older. What has opened, or is an
 * application's, leaves none of its bytes here.
 */
#pragma once

#include "net/addr.h"

#define KG_DROPPED_PLACES      128u
#define KG_DROPPED_FIRST_BYTES 32u
#define KG_DROPPED_NO_TUNNEL   UINT16_MAX /* no id */

struct kg_dropped {
	struct kg_tuple ends; /* remote.ip.version 0: none shows */
	uint64_t at_us;
	uint32_t count;      /* of the address and reason, since they have the place; 0: free */
	uint16_t tunnel;     /* id */
	uint16_t bytes;      /* of the datagram; of the frame, where that is no datagram yet */
	uint8_t reason;      /* enum kg_drop */
	uint8_t stage;       /* enum kg_stage */
	uint8_t first_bytes; /* of it that are kept */
	uint8_t first[KG_DROPPED_FIRST_BYTES];
};

/* All zero is a good start. */
struct kg_dropped_table {
	struct kg_dropped places[KG_DROPPED_PLACES];
};

/* `what` but for its count. */
void kg_dropped_note(struct kg_dropped_table *table, const struct kg_dropped *what);
