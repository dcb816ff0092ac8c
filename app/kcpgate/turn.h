/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop of a worker's core: to follow a packet, begin here. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct kg_worker;

/* One turn at a time that the caller tells; returns how much it moved. */
unsigned int kg_worker_turn(struct kg_worker *w, uint64_t now_us);
/* What need not be done each turn, but so often: mail, complaints, the wall clock. At once where
 * there is mail and nothing else to do. False when the worker may leave. */
#define KG_WORKER_KEEP_HOUSE_US 1000u
bool kg_worker_keep_house(struct kg_worker *w, uint32_t unix_s);
/* Turns until the worker has been told to leave, and once more for what is under way. As EAL
 * launches it. */
int kg_worker_run(void *worker);
