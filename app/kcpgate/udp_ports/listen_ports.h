/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a worker's sides listen, in the table of ports: servers for their clients, clients for
 * applications whose datagrams workers take from the wire. Each worker enters and clears the ports
 * that are its own (port modulo workers), so that an entry has one writer.
 */
#pragma once

#include <stdint.h>

struct kg_side;
struct kg_worker;

/* The side is in the worker's slots. Channels that leave from its ports go on from others. */
void kg_listen_ports_enter(struct kg_worker *w, const struct kg_side *side);
/* It has left them. */
void kg_listen_ports_leave(struct kg_worker *w, const struct kg_side *side);
/* Nobody uses one of the worker's own ports any more: it is whose who listens there. */
void kg_listen_ports_settle(struct kg_worker *w, uint16_t port);
