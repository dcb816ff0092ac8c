/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of a packet, one file per stage:
 *
 *   rx > classify > open > steer > session_input > deliver      NIC to application
 *   tx < route < seal < session_output < collect                application to NIC
 *
 * Applications behind the NICs, flows with a shortcut (shortcut.h): classify > app_input takes the
 * place of collect, app_output > tx that of deliver.
 *
 * A stage takes a burst of n, compacts the survivors to the front of v and returns how many.
 * Whatever is missing was dropped with a named reason or handed on, and counted.
 */
#pragma once

#include "base/drop.h"
#include "net/errand.h"
#include "net/frame.h"
#include "pkt.h"
#include "worker.h"

#include "stage/names.h"

#include <rte_mbuf.h>

uint16_t kg_stage_rx(struct kg_worker *w, uint16_t port, struct rte_mbuf **v);
/* Datagrams of tunnels and applications stay; the rest goes to Linux. Sets local, remote, tunnel
 * (for applications KG_PORT_TABLE_LISTENED or _DIALLED), body: the UDP payload. */
uint16_t kg_stage_classify(struct kg_worker *w, struct rte_mbuf **v, uint16_t n);
/*
 * A fragment of a UDP datagram, which is a tunnel's if `tunnels`, as far as it shows. NULL: others
 * are missing, it waits for them or was thrown away. Otherwise what is to be done with the mbuf:
 * `frame` says whether it is the whole datagram, or Linux's.
 */
struct rte_mbuf *kg_stage_reassemble(struct kg_worker *w, struct rte_mbuf *m,
				     struct kg_frame *frame, bool tunnels);
/* Gives fragments up that wait in vain. */
void kg_stage_expire_fragments(struct kg_worker *w);
/* Takes answers to what the control thread has asked out of the burst, and gives them to it. */
uint16_t kg_stage_to_control(struct kg_worker *w, struct rte_mbuf **v, uint16_t n);
/* What it asks leaves; the first worker's. */
void kg_stage_from_control(struct kg_worker *w);
/* Takes the datagrams of applications out of the burst: into their channels, to the worker that
 * owns their flow, or to Linux. What stays is sealed. */
uint16_t kg_stage_app_input(struct kg_worker *w, struct rte_mbuf **v, uint16_t n);
_Static_assert(KG_NIC_BURST <= KG_PROFILE_BURST_MAX, "a burst is opened and sealed at once");
/* Sealed bytes become KCP segments. */
uint16_t kg_stage_open(struct kg_worker *w, struct rte_mbuf **v, uint16_t n);
/* What belongs to another worker goes to its ring. */
uint16_t kg_stage_steer(struct kg_worker *w, struct rte_mbuf **v, uint16_t n);
/* What other workers opened for us. */
uint16_t kg_stage_steer_in(struct kg_worker *w, struct rte_mbuf **v);
/* Ends the burst. */
void kg_stage_session_input(struct kg_worker *w, struct rte_mbuf **v, uint16_t n);
/* Connections with something to say to the payload thread; returns how many were served. */
unsigned int kg_stage_deliver(struct kg_worker *w);

/* Messages of the payload thread; returns how many. */
unsigned int kg_stage_collect(struct kg_worker *w);
/* Up to a burst of datagrams that are due. Sets local, remote, tunnel, body: KCP segments. */
uint16_t kg_stage_session_output(struct kg_worker *w, struct rte_mbuf **v);
/* Envelope and encryption; the mbuf then holds the UDP payload. */
uint16_t kg_stage_seal(struct kg_worker *w, struct rte_mbuf **v, uint16_t n);
/* Headers for the next hop; datagrams without one leave through Linux. Ends the burst. */
void kg_stage_route(struct kg_worker *w, struct rte_mbuf **v, uint16_t n);
/* The way for a message of so many bytes to the flow's application; NULL: through Linux, because
 * there is no shortcut, the next hop is not known, or it takes more than one frame. Valid until the
 * next one is asked for. */
const struct kg_nexthop *kg_stage_app_nexthop(struct kg_worker *w,
					      const struct kg_shortcut *shortcut, size_t bytes);
/* Sends it there; takes the chain. */
void kg_stage_app_output(struct kg_worker *w, const struct kg_shortcut *shortcut,
			 const struct kg_nexthop *nexthop, struct kg_buf *chain);
/* Frames that Linux has sent to the TAPs leave; returns how many. */
unsigned int kg_stage_exception(struct kg_worker *w);
/* The last of a turn: Linux's side is told that there is something. */
void kg_stage_wake_kernel(struct kg_worker *w);
/* Gives what waits to the NICs. */
void kg_stage_tx(struct kg_worker *w);

/* An empty mbuf, NULL when none is left: counted. */
struct rte_mbuf *kg_stage_take_mbuf(struct kg_worker *w);
/* So much of it was used: mbufs to come are brought into the cache as far. Follows longer ones at
 * once, and shorter ones slowly. */
void kg_stage_note_length(struct kg_worker *w, uint32_t bytes);
/* UDP payload with local and remote set leaves by a next hop that is ready. */
void kg_stage_route_to(struct kg_worker *w, const struct kg_nexthop *nexthop, struct rte_mbuf *m);
/* The same in pieces of at most `mtu` bytes; by Linux, if the next hop is not ready. */
void kg_stage_route_in_pieces(struct kg_worker *w, const struct kg_nexthop *nexthop,
			      struct rte_mbuf *m, uint16_t mtu);
/* UDP payload with local and remote set becomes a frame, or a packet; the mbuf's headroom has room
 * for every header. */
void kg_stage_put_headers(struct rte_mbuf *m, const struct kg_l2 *l2, uint16_t ip_id,
			  enum kg_frame_csum csum);
/* A received datagram for another worker. */
void kg_stage_hand_off(struct kg_worker *w, unsigned int owner, struct rte_mbuf *m);
/* A frame of ours, complete but for the VLAN tag's place in it, for a port's queue. */
void kg_stage_tx_frame(struct kg_worker *w, uint16_t port, struct rte_mbuf *frame);
/* A received frame for Linux. */
void kg_stage_punt(struct kg_worker *w, uint16_t port, struct rte_mbuf *frame,
		   enum kg_errand errand);
/* An IP packet of ours that Linux shall route. */
void kg_stage_route_by_kernel(struct kg_worker *w, struct rte_mbuf *packet);

/* Throws a packet away of which no more is to be said. */
static inline void kg_stage_drop(struct kg_worker *w, struct rte_mbuf *m, enum kg_drop reason)
{
	kg_worker_count_drop(w, reason, 1);
	rte_pktmbuf_free(m);
}

/* Throws a received frame away and notes it (dropped.h), with its first bytes: headers. */
void kg_stage_drop_frame(struct kg_worker *w, struct rte_mbuf *m, enum kg_drop reason,
			 enum kg_stage stage);
/* The same for a datagram, by what the stages know of it. */
void kg_stage_drop_datagram(struct kg_worker *w, struct rte_mbuf *m, enum kg_drop reason,
			    enum kg_stage stage);
/* Counts and notes it; who frees it is another matter. `sealed`: its first bytes as they came, of
 * one that did not open; NULL: they are nobody's to see. */
void kg_stage_note_drop(struct kg_worker *w, const struct kg_pkt *pkt, enum kg_drop reason,
			enum kg_stage stage, const uint8_t *sealed);
