/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the ports are: whether Linux's interface under one, its TAP or its NIC is up, down or gone.
 * Looked at once a second by the control thread; what changes is logged.
 */
#pragma once

#include "box.h"

struct kg_port_watch;

/* NULL with errno set. */
struct kg_port_watch *kg_port_watch_create(const struct kg_box *box);
void kg_port_watch_destroy(struct kg_port_watch *w);
/* False when something has gone for good and the box cannot go on. A TAP that is up again gets back
 * what it had. */
bool kg_port_watch_tick(struct kg_port_watch *w);
