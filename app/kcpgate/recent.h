/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recent conversations by UDP: who of this host spoke with whom in the last minutes. A fixed number
 * of them is remembered, by a digest; of two with one place the later stays.
 */
#pragma once

#include "net/addr.h"

#include <stdatomic.h>

#define KG_RECENT_PLACES 4096
#define KG_RECENT_KEEP_S 180 /* as long as firewalls remember a flow */

struct kg_recent {
	_Atomic uint64_t places[KG_RECENT_PLACES]; /* digest and second */
};

/* Any thread; of threads that note at once for one place, one is heard. */
void kg_recent_note(struct kg_recent *recent, const struct kg_tuple *tuple, uint64_t now_us);
bool kg_recent_has(const struct kg_recent *recent, const struct kg_tuple *tuple, uint64_t now_us);
