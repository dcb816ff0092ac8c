/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a local UDP port is for: a tunnel, or applications whose datagrams the workers take from the
 * wire themselves (shortcut.h). Listen ports of both kinds come and go with their tunnels
 * (listen_ports.h), a client's local ports and those of sockets that were connected for a server's
 * channels with these; each is written only by the worker that owns it, port modulo workers.
 */
#pragma once

#include "base/base.h"

#include <stdatomic.h>

/* Instead of a tunnel's id. */
#define KG_PORT_TABLE_LISTENED 0xfffd /* applications come in: see kg_shortcut_owner for whose */
#define KG_PORT_TABLE_DIALLED  0xfffe /* connected to an application */
#define KG_PORT_TABLE_NONE     0xffff
#define KG_PORT_TABLE_APP      KG_PORT_TABLE_LISTENED /* from here on it is no tunnel */

struct kg_port_table {
	_Atomic uint16_t tunnel[65536];
};

void kg_port_table_init(struct kg_port_table *table);

static inline void kg_port_table_set(struct kg_port_table *table, uint16_t port, uint16_t tunnel)
{
	atomic_store_explicit(&table->tunnel[port], tunnel, memory_order_relaxed);
}

/* Tunnel id, or one of the values above. */
static inline uint16_t kg_port_table_get(const struct kg_port_table *table, uint16_t port)
{
	return atomic_load_explicit(&table->tunnel[port], memory_order_relaxed);
}
