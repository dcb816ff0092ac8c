/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop of a worker's core: to follow a packet, begin here. */
#pragma once

struct kg_worker;

/* One turn; returns how much it moved. */
unsigned int kg_worker_turn(struct kg_worker *w);
/* Turns until the worker has been told to stop and its peers know, or soon anyway. As EAL launches
 * it. */
int kg_worker_run(void *worker);
