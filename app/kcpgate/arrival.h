/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where answers arrive: a client's worker that may choose its local port chooses one with which the
 * NIC brings the answers to the worker's own queue.
 */
#pragma once

#include "net/addr.h"
#include "nic/rss.h"

struct kg_worker;

/* A worker's wish for answers from one peer. */
struct kg_arrival {
	const struct kg_rss *rss;
	struct kg_endpoint remote, local;
	uint16_t queue;
};

/* False when nothing is gained by choosing, or what has to be known is not (yet). */
bool kg_arrival_init(struct kg_arrival *arrival, const struct kg_worker *w,
		     const struct kg_endpoint *remote);
/* Do answers to this port arrive as wished? Takes a struct kg_arrival. */
bool kg_arrival_suits(void *arrival, uint16_t port);
