/* SPDX-License-Identifier: BSD-3-Clause */
/* A set of UDP ports, which one thread writes and all read. */
#pragma once

#include "base/base.h"

#include <stdatomic.h>

struct kg_port_set {
	_Atomic uint64_t words[65536 / 64];
};

static inline bool kg_port_set_has(const struct kg_port_set *set, uint16_t port)
{
	uint64_t word = atomic_load_explicit(&set->words[port / 64], memory_order_relaxed);

	return (word >> port % 64 & 1) != 0;
}

/* Replaces 64 ports from `index` × 64 on. */
static inline void kg_port_set_assign(struct kg_port_set *set, unsigned int index, uint64_t word)
{
	atomic_store_explicit(&set->words[index], word, memory_order_relaxed);
}
