/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A trace: the datagrams of one channel, or of one peer, with the time at which each left the
 * stages of a worker. The control thread begins and ends it by mail and reads the ring; what finds
 * no room there is counted. While nobody traces a turn asks for it twice, and a packet costs
 * nothing.
 */
#pragma once

#include "net/addr.h"
#include "nic/nic.h"
#include "pkt.h"
#include "stage/names.h"
#include "wire/profile.h"

#include <rte_ring.h>

#define KG_TRACE_RING 256 /* datagrams on the way to the control thread */

struct kg_worker;

struct kg_trace_filter {
	bool by_conv;   /* else by peer */
	bool decrypted; /* what was within the encryption is kept, not what was on the wire */
	uint32_t conv;  /* 0: handshakes */
	struct kg_endpoint peer; /* port 0: any */
};

/* A datagram that was seen. */
struct kg_traced {
	uint64_t left_cyc[KG_STAGE_COUNT]; /* by the time-stamp counter; 0: not there, or not yet */
	struct kg_tuple ends;              /* local.ip.version 0: nobody has chosen it yet */
	uint32_t conv;
	uint16_t tunnel; /* id */
	uint16_t bytes;  /* of the datagram, or of its body if that is what is kept */
	uint16_t kept;   /* of them; 0: another worker has kept them, or nobody may see them */
	uint8_t worker;
	uint8_t dropped_at; /* enum kg_stage */
	uint16_t dropped;   /* enum kg_drop; KG_DROP_NONE: it was not */
	bool outbound, decrypted;
	uint8_t data[KG_DATAGRAM_MAX_BYTES];
};
_Static_assert(sizeof(struct kg_traced) % 4 == 0, "ring element");

/* One worker's. */
struct kg_trace {
	struct kg_trace_filter filter; /* before it is given to the worker */
	struct rte_ring *ring;         /* struct kg_traced, to the control thread */
	uint64_t lost;                 /* for want of room there; worker: wo, relaxed */

	/* the worker's: the burst that is on its way */
	uint64_t left_cyc[KG_STAGE_COUNT];
	unsigned int count;
	struct kg_trace_place {
		struct rte_mbuf *m;
		enum kg_stage last; /* that it has left */
		bool wanted;        /* it is what the filter asks for */
	} places[KG_NIC_BURST];
	struct kg_traced seen[KG_NIC_BURST];
};

/* Control thread. NULL without memory. */
struct kg_trace *kg_trace_create(const struct kg_trace_filter *filter);
void kg_trace_destroy(struct kg_trace *trace);

/* The worker's, while it has one, in the order of a burst's way. */
void kg_trace_begin(struct kg_worker *w);
/* The stage has let these through. */
void kg_trace_passed(struct kg_worker *w, enum kg_stage stage, struct rte_mbuf *const *v,
		     uint16_t n);
/* Received and sealed: kept for the case that they open and are wanted. */
void kg_trace_sealed(struct kg_worker *w, struct rte_mbuf *const *v, uint16_t n);
/* They have opened, here (KG_STAGE_OPEN) or on another worker (KG_STAGE_STEER): which are wanted
 * shows. */
void kg_trace_opened(struct kg_worker *w, enum kg_stage stage, struct rte_mbuf *const *v,
		     uint16_t n);
/* To be sent: before, and after they are sealed. */
void kg_trace_to_seal(struct kg_worker *w, struct rte_mbuf *const *v, uint16_t n);
void kg_trace_to_send(struct kg_worker *w, struct rte_mbuf *const *v, uint16_t n);
/* One of the burst is thrown away. */
void kg_trace_dropped(struct kg_worker *w, const struct kg_pkt *pkt, enum kg_drop reason,
		      enum kg_stage stage);
/* The stage has taken all that was left of the burst. */
void kg_trace_end(struct kg_worker *w, enum kg_stage stage);
