/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where answers arrive: the local ports of a worker's channels. It chooses one with which the NIC
 * brings the answers to the worker's own queue, where it may choose.
 */
#pragma once

#include "net/addr.h"

#include <stdbool.h>

struct kg_worker;

/* A local UDP port for a handshake (alone) or a channel of a client `tunnel` with `remote`, 0 when
 * none is left; and back. */
uint16_t kg_arrival_acquire(struct kg_worker *w, uint16_t tunnel, const struct kg_endpoint *remote,
			    bool alone);
void kg_arrival_release(struct kg_worker *w, uint16_t port);
/* Linux has a socket there: channels that leave from the port take another. */
void kg_arrival_leave(struct kg_worker *w, uint16_t port);
