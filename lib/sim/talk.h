/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A conversation across a bad network in virtual time: two KCP engines with or without FEC, two
 * links, a load, and what became of it. For tests and for kcpgate-bench; same parameters, same
 * result.
 *
 * The ends are workers that always poll: a datagram is taken in when it arrives, and answered at
 * once. Timers go off at the next tick of a wheel (base/twheel.h).
 */
#pragma once

#include "fec/fec.h"
#include "kcp/kcp.h"
#include "sim/link.h"

enum kg_talk_load {
	KG_TALK_BULK,      /* as much as flow control lets through */
	KG_TALK_STEADY,    /* a message every interval_us */
	KG_TALK_PING_PONG, /* there and back, the answer after interval_us */
};

struct kg_talk_params {
	struct kg_kcp_params kcp;       /* of both ends */
	struct kg_sim_link_params link; /* of both directions */
	/* FEC of both ends, which trust each other; rs NULL: off */
	const struct kg_rs_alg *rs;
	uint8_t data, parity;
	enum kg_talk_load load;
	uint32_t interval_us;
	uint32_t messages;
	uint16_t message_bytes; /* 8 or more, one segment at most */
	uint64_t seed;
};

struct kg_talk_result {
	uint64_t took_us;        /* until the last message was there */
	uint64_t payload_bytes;  /* of all messages */
	uint64_t wire_bytes;     /* of all packets, both ways, link.overhead_bytes included */
	uint64_t packets[2];     /* from the sender, from the receiver */
	uint64_t overflowed;     /* lost in front of the bottleneck */
	uint64_t sent, resent;   /* segments of the sender: first copies, further ones */
	struct kg_fec_stats fec; /* of both ends */
	uint64_t needless;       /* further copies that arrived although an earlier one had */
	/* One way; of a ping-pong there and back. */
	uint32_t latency_p50_us, latency_p90_us, latency_p99_us;
};

/* False when out of memory, or when nothing moved for `KG_TALK_STALL_US`. */
#define KG_TALK_STALL_US (300ull * KG_US_PER_S)
bool kg_talk_run(const struct kg_talk_params *params, struct kg_talk_result *result);
