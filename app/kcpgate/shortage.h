/* SPDX-License-Identifier: BSD-3-Clause */
/* Says in the log that the process has run out of descriptors, seldom however often it does. */
#pragma once

#include "base/base.h"

struct kg_box;

struct kg_shortage {
	uint64_t said;    /* connections turned away that the log knows of */
	uint64_t next_us; /* when it may say more */
};

/* The control thread, every second or so. */
void kg_shortage_tick(struct kg_shortage *shortage, const struct kg_box *box, uint64_t now_us);
