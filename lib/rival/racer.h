/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who can be sent over a path: a sender that has always something to send and its receiver, as two
 * ends that take and give datagrams. A KCP engine is one as it is; a congestion control of the
 * field becomes one by the transport around it.
 */
#pragma once

#include "kcp/kcp.h"
#include "rival/rival.h"

enum kg_racer_end {
	KG_RACER_SENDER,
	KG_RACER_RECEIVER,
	KG_RACER_ENDS
};

struct kg_racer_params {
	struct kg_kcp_params kcp;     /* of engines; its mtu is the length of all datagrams */
	struct kg_rival_params rival; /* of the others */
	const struct kg_rival_ops *rival_ops;
};

struct kg_racer_ops {
	/* NULL: out of memory. params stay where they are. */
	void *(*create)(const struct kg_racer_params *params, uint64_t now_us);
	void (*destroy)(void *racer);
	void (*input)(void *racer, enum kg_racer_end end, const uint8_t *data, uint16_t len,
		      uint64_t now_us);
	/* The next datagram that is due, at most kcp.mtu long; 0: none. */
	uint16_t (*output)(void *racer, enum kg_racer_end end, uint64_t now_us, uint8_t *out);
	uint64_t (*deadline_us)(const void *racer, enum kg_racer_end end);
	/* Full segments that the receiver has had in order. */
	uint64_t (*delivered)(const void *racer);
};

/* This tree's engine, as its parameters are, and with each kind of rate (rate/rate.h), told what
 * rivals are told; a stock one; a rival. */
extern const struct kg_racer_ops kg_racer_kcp, kg_racer_kcp_auto, kg_racer_kcp_told,
	kg_racer_kcp_fair, kg_racer_kcp_scavenger, kg_racer_stock, kg_racer_rival;

struct kg_racer {
	const char *name;
	const struct kg_racer_ops *ops;
	const struct kg_rival_ops *rival; /* of kg_racer_rival */
};

/* All of them, ours first. */
#define KG_RACERS 9
extern const struct kg_racer kg_racers[KG_RACERS];
