/* SPDX-License-Identifier: BSD-3-Clause */
/* The receiving end of the rivals' transport: every second datagram is acknowledged, or after a
 * millisecond (RFC 9000 §13.2). */
#pragma once

#include "rival/ack.h"

#define KG_RIVAL_WINDOW 32768u /* sn that may be ahead of the first that is missing */

struct kg_rival_receiver {
	struct kg_rival_acks acks;
	bool any;
	uint32_t unsaid;
	uint64_t say_us; /* KG_NEVER_US: nothing to say */
	uint32_t wait_us;
	uint64_t has[KG_RIVAL_WINDOW / 64];
};

void kg_rival_receiver_init(struct kg_rival_receiver *r, uint32_t wait_us);
void kg_rival_receiver_take(struct kg_rival_receiver *r, const struct kg_rival_data *data,
			    uint64_t now_us);
/* False: nothing is due. */
bool kg_rival_receiver_say(struct kg_rival_receiver *r, uint64_t now_us,
			   struct kg_rival_acks *acks);
