/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which tunnel a local UDP port belongs to. Listen ports are entered before the workers start;
 * a client's local ports come and go, each written only by the worker that owns the port.
 */
#pragma once

#include "base/base.h"

#include <stdatomic.h>

#define KG_PORT_TABLE_NONE 0xffff

struct kg_port_table {
	_Atomic uint16_t tunnel[65536];
};

void kg_port_table_init(struct kg_port_table *table);

static inline void kg_port_table_set(struct kg_port_table *table, uint16_t port, uint16_t tunnel)
{
	atomic_store_explicit(&table->tunnel[port], tunnel, memory_order_relaxed);
}

/* Tunnel index, or KG_PORT_TABLE_NONE. */
static inline uint16_t kg_port_table_get(const struct kg_port_table *table, uint16_t port)
{
	return atomic_load_explicit(&table->tunnel[port], memory_order_relaxed);
}
