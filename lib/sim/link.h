/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One direction of a bad network in virtual time, for tests and for kcpgate-bench. Same generator,
 * same fate of every packet.
 */
#pragma once

#include "base/rng.h"
#include "sim/bottleneck.h"
#include "sim/police.h"

#define KG_SIM_LINK_HOLES 4

struct kg_sim_link_params {
	uint32_t delay_us;
	uint32_t jitter_us; /* added at random, 0 … jitter */
	bool in_order;      /* jitter does not reorder */
	/* in parts of 65,536 */
	uint16_t loss;
	uint16_t duplicate;
	uint16_t corrupt;
	uint16_t burst; /* how often a packet begins a bad time that loses half of everything */
	uint32_t burst_us;
	/* Gilbert and Elliott: a packet ends a good time or a bad one; a bad one loses this much */
	struct {
		uint16_t to_bad, to_good, loss;
	} gilbert;
	bool lost_behind; /* what is lost has passed the bottleneck, and cost its time */
	struct kg_sim_police_params police;
	/* bottleneck */
	uint64_t rate_Bps; /* 0: the trace's; neither: no bottleneck */
	struct kg_sim_trace trace;
	/* What would wait longer, or find more before it, is lost. 0: no such end; but where there
	 * is none, nothing waits. */
	uint32_t queue_us, queue_bytes, queue_pkts;
	struct kg_sim_codel codel;
	/* Behind it. Every step_every_us the way is another, up to step_us longer. What comes
	 * flowlet_us after its predecessor may go by a way that is detour_us longer. All that comes
	 * within gather_us arrives together. 0: none of it. */
	uint32_t step_every_us, step_us;
	uint32_t flowlet_us, detour_us;
	uint32_t gather_us;
	uint16_t overhead_bytes; /* of a packet on the wire, beyond its own */
	struct {
		uint64_t from_us, to_us;
	} holes[KG_SIM_LINK_HOLES]; /* nothing passes */
};

struct kg_sim_link_packet {
	uint64_t at_us, order;
	struct kg_endpoint from, to;
	uint32_t waited_us; /* in front of the bottleneck */
	uint16_t len;
	uint8_t bytes[];
};

struct kg_sim_link {
	struct kg_sim_link_params params;
	struct kg_rng *rng;
	struct kg_sim_link_packet **heap; /* earliest first */
	size_t count, room;
	uint64_t order;
	struct kg_sim_bottleneck bottleneck;
	struct kg_sim_police police;
	uint64_t last_arrival_us;
	uint64_t bad_until_us;
	bool bad;                          /* gilbert */
	uint64_t step, flowlet_us;         /* which step; when the latest packet left */
	uint32_t step_extra_us, detour_us; /* of the way there is now */
	uint64_t sent, sent_bytes;         /* overhead included */
	uint64_t lost, duplicated, corrupted;
	uint64_t overflowed; /* of the lost, by the bottleneck's queue or CoDel */
	uint64_t policed;    /* and by the police */
};

void kg_sim_link_init(struct kg_sim_link *link, const struct kg_sim_link_params *params,
		      struct kg_rng *rng);
void kg_sim_link_fini(struct kg_sim_link *link);
void kg_sim_link_send(struct kg_sim_link *link, uint64_t now_us, const struct kg_endpoint *from,
		      const struct kg_endpoint *to, const uint8_t *bytes, uint16_t len);
/* When the next packet arrives; KG_NEVER_US when none is under way. */
uint64_t kg_sim_link_next_us(const struct kg_sim_link *link);
/* The next packet that has arrived, for the caller to free; NULL. */
struct kg_sim_link_packet *kg_sim_link_receive(struct kg_sim_link *link, uint64_t now_us);
