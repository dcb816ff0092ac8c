/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells load from quiet, for a thread that sleeps between bursts of work: under load it naps, woken
 * by nobody, so that what comes gathers and nobody pays for waking it
 * (docs/decisions/0020-naps-under-load.md).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define KG_LOAD_NAP_US 100 /* a nap's length at most */

struct kg_load {
	uint64_t work;     /* frames and messages since the last sleep */
	uint64_t since_us; /* when that was */
};

/* So much has come that more will come soon. */
bool kg_load_is_bulk(const struct kg_load *load, uint64_t now_us);
/* The thread sleeps now. */
void kg_load_sleep(struct kg_load *load, uint64_t now_us);

void kg_load_nap(uint64_t us); /* less than a second */
