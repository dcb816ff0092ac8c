/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's share of the local UDP ports that client channels use. Port p belongs to worker
 * p % workers, so that any worker can tell whose answer it has received. First in, first out: a
 * port that was given back rests as long as possible.
 */
#pragma once

#include "base/base.h"
#include "base/rng.h"
#include "port_table.h"

/* Below Linux's default ephemeral range, which begins at 32768. */
#define KG_LOCAL_PORT_FIRST 16384
#define KG_LOCAL_PORT_LAST  32767

struct kg_local_ports {
	uint32_t head, count;
	uint16_t ports[KG_LOCAL_PORT_LAST - KG_LOCAL_PORT_FIRST + 1];
};

/* Takes the worker's ports that `table` does not use, in random order. */
void kg_local_ports_init(struct kg_local_ports *lp, const struct kg_port_table *table,
			 unsigned int worker, unsigned int workers, struct kg_rng *rng);
/* 0 when none is left. */
uint16_t kg_local_ports_acquire(struct kg_local_ports *lp);
void kg_local_ports_release(struct kg_local_ports *lp, uint16_t port);
