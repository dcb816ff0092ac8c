/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The narrowest place of a path: a server, the queue in front of it, and who is turned away. First
 * come, first served; so a packet's whole fate is known when it comes, and nothing is stored.
 */
#pragma once

#include "base/base.h"

/*
 * When packets may leave, as mahimahi's traces have it: a line for each chance to send
 * KG_SIM_CHANCE_BYTES, in ms, not falling. Behind the last one it begins anew.
 */
struct kg_sim_trace {
	const uint32_t *at_ms;
	size_t count;
};
#define KG_SIM_CHANCE_BYTES 1500u

/* RFC 8289 §3; but it does not spare the last packet of a queue, so the target must be longer than
 * a packet's service. */
struct kg_sim_codel {
	uint32_t target_us; /* 0: off */
	uint32_t interval_us;
};

struct kg_sim_bottleneck {
	uint64_t busy_until_us;
	/* of the trace */
	uint64_t chance;       /* the next */
	uint64_t chance_us;    /* when the latest was */
	uint32_t chance_bytes; /* what is left of it */
	/* what waits: a ring of the times at which packets leave, and their bytes */
	struct kg_sim_waiting {
		uint64_t leaves_us;
		uint32_t bytes;
	} * waiting;
	size_t first, count, room;
	uint64_t waiting_bytes;
	/* CoDel */
	bool dropping;
	uint32_t drops, drops_before;
	uint64_t above_since_us, next_drop_us; /* above_since 0: it is not */
};

struct kg_sim_link_params; /* sim/link.h */

void kg_sim_bottleneck_fini(struct kg_sim_bottleneck *b);
/* When a packet that comes now has left; KG_NEVER_US: it is turned away. *waits_us is how long it
 * waits before its own service begins. */
uint64_t kg_sim_bottleneck_pass(struct kg_sim_bottleneck *b,
				const struct kg_sim_link_params *params, uint64_t now_us,
				uint32_t bytes, uint32_t *waits_us);
