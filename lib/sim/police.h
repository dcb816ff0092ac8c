/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a carrier allows a flow, by its addresses and ports: a policer's token bucket, a penalty box
 * that is left only as another flow, and a part of all flows that it drops altogether.
 */
#pragma once

#include "net/addr.h"

/* Who counts as one flow. */
enum kg_sim_police_key {
	KG_SIM_BY_TUPLE,  /* both ends */
	KG_SIM_BY_TARGET, /* the sender's address, and the receiver's end */
	KG_SIM_BY_HOST,   /* the sender's address */
};

struct kg_sim_police_params {
	enum kg_sim_police_key key;
	uint64_t rate_Bps; /* 0: no policer */
	uint32_t burst_bytes;
	/* Who sends more than this in each of KG_SIM_PENALTY_SLOTS seconds in turn has crawl_Bps
	 * from then on; 0: no such box */
	uint64_t penalty_Bps, crawl_Bps;
	uint32_t dropped_flows; /* in parts of 65,536, by a hash */
	uint32_t free_flows;    /* whom the policer does not know, likewise */
};
#define KG_SIM_PENALTY_SLOTS 5

struct kg_sim_policed {
	struct kg_endpoint from, to;
	uint64_t seen_us;
	uint64_t tokens; /* millionths of a byte */
	uint64_t slot;   /* which second */
	uint64_t slot_bytes;
	uint32_t heavy_slots;
	bool crawls, dropped, free;
};

struct kg_sim_police {
	struct kg_sim_policed *flows;
	size_t count, room;
};

void kg_sim_police_fini(struct kg_sim_police *police);
/* False: this packet ends here. */
bool kg_sim_police_lets(struct kg_sim_police *police, const struct kg_sim_police_params *params,
			uint64_t now_us, const struct kg_endpoint *from,
			const struct kg_endpoint *to, uint32_t bytes);
