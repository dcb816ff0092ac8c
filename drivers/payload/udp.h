/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of UDP share: udp.c (what a flow does), udp_rx.c (datagrams of applications),
 * udp_tx.c (datagrams to applications), udp_sources.c (who talks to a listening socket). Not for
 * others.
 */
#pragma once

#include "payload/flow.h"

/* ---- udp_rx.c ---- */

struct kg_udp_rx;
struct kg_udp_rx *kg_udp_rx_create(void);
void kg_udp_rx_destroy(struct kg_udp_rx *rx);

/* Whose a datagram is, by where it came from and to; NULL: nobody's, it is dropped and counted. */
typedef struct kg_flow *kg_udp_whose(struct kg_payload *p, struct kg_source *source,
				     struct msghdr *msg);

/* Reads a batch from the source's socket and passes each datagram on to whose it is; `tunnel` is
 * that of all of them. */
enum kg_served kg_udp_receive(struct kg_payload *p, struct kg_source *source,
			      const struct kg_payload_tunnel *tunnel, kg_udp_whose *whose);
/* To the worker, which has answered. Takes the chain of `segments` buffers. */
void kg_udp_post(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain,
		 uint32_t segments);

/* ---- udp_tx.c ---- */

struct kg_udp_tx;
struct kg_udp_tx *kg_udp_tx_create(void);
void kg_udp_tx_destroy(struct kg_udp_tx *tx);

/* Gathers a datagram for the application; kg_udp_flush sends. Takes the chain. */
void kg_udp_send(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain);

/* ---- udp_sources.c ---- */

struct kg_udp_sources;
/* Its share of the sources that all payload threads together may have. */
struct kg_udp_sources *kg_udp_sources_create(unsigned int threads);
void kg_udp_sources_destroy(struct kg_udp_sources *sources);
void kg_udp_sources_remove(struct kg_udp_sources *sources, const struct kg_flow *flow);
