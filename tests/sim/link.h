/* SPDX-License-Identifier: BSD-3-Clause */
/* One direction of a bad network in virtual time. */
#pragma once

#include "base/rng.h"
#include "net/addr.h"

#define LINK_HOLES 4

struct link_params {
	uint32_t delay_us;
	uint32_t jitter_us; /* added at random, 0 … jitter */
	bool in_order;      /* jitter does not reorder */
	/* in parts of 65,536 */
	uint16_t loss;
	uint16_t duplicate;
	uint16_t corrupt;
	uint16_t burst; /* how often a packet begins a bad time that loses half of everything */
	uint32_t burst_us;
	uint64_t rate_Bps; /* bottleneck; 0: none */
	uint32_t queue_us; /* of the bottleneck; what would wait longer is lost */
	struct {
		uint64_t from_us, to_us;
	} holes[LINK_HOLES]; /* nothing passes */
};

struct packet {
	uint64_t at_us, order;
	struct kg_endpoint from, to;
	uint16_t len;
	uint8_t bytes[];
};

struct link {
	struct link_params params;
	struct kg_rng *rng;
	struct packet **heap; /* earliest first */
	size_t count, room;
	uint64_t order;
	uint64_t busy_until_us, last_arrival_us;
	uint64_t bad_until_us;
	uint64_t sent, lost, duplicated, corrupted;
};

void link_init(struct link *link, const struct link_params *params, struct kg_rng *rng);
void link_fini(struct link *link);
void link_send(struct link *link, uint64_t now_us, const struct kg_endpoint *from,
	       const struct kg_endpoint *to, const uint8_t *bytes, uint16_t len);
/* When the next packet arrives; KG_NEVER_US when none is under way. */
uint64_t link_next_us(const struct link *link);
/* The next packet that has arrived, for the caller to free; NULL. */
struct packet *link_receive(struct link *link, uint64_t now_us);
