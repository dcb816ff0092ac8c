/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What decides how fast a rival sends: a congestion control of the field, as its paper has it. All
 * datagrams of a flow are equally long, so rates are in datagrams per second, windows in datagrams.
 * The transport (rival/sender.h) tells of each datagram once: it arrived, or it was lost.
 *
 * They exist to be compared with, in tests and in kcpgate-bench; no box has them.
 */
#pragma once

#include "base/base.h"
#include "base/rng.h"

struct kg_rival_ack {
	uint64_t now_us, sent_us;
	uint32_t rtt_us;
	double rate_pps; /* of delivery while it was under way */
	/* Datagrams that had arrived when it left, and have now. */
	uint64_t delivered_then, delivered;
	uint32_t in_flight;
};

struct kg_rival_loss {
	uint64_t now_us, sent_us;
	uint32_t in_flight_then; /* when it left, itself included */
	uint32_t lost_since;     /* since it left, itself included */
};

struct kg_rival_params {
	double line_pps;     /* what a user would say that the line has */
	uint32_t wire_bytes; /* of a datagram */
	/* What is acknowledged waits so long for a second one. 0: a millisecond */
	uint32_t ack_wait_us;
	struct kg_rng *rng;
};

struct kg_rival_leave {
	double window; /* datagrams that may be in flight */
	double pps;    /* 0: as fast as the window allows */
};

struct kg_rival_ops {
	size_t bytes; /* of its state */
	void (*init)(void *self, const struct kg_rival_params *params);
	void (*on_ack)(void *self, const struct kg_rival_ack *ack);
	void (*on_loss)(void *self, const struct kg_rival_loss *loss);
	/* A time-out: all that was in flight is taken for lost, untold. NULL: no matter. */
	void (*on_silence)(void *self, uint64_t now_us);
	void (*leave)(const void *self, struct kg_rival_leave *leave);
};

#define KG_RIVAL_WINDOW_FIRST 10 /* RFC 6928 */

extern const struct kg_rival_ops kg_rival_bbr1, kg_rival_bbr3, kg_rival_brutal, kg_rival_copa,
	kg_rival_cubic, kg_rival_own, kg_rival_vivace;
