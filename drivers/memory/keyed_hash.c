/* SPDX-License-Identifier: BSD-3-Clause */
/* The key of the process, and SipHash in the form that DPDK's tables ask for. */
#include "memory/keyed_hash.h"

#include "base/siphash.h"

#include <rte_random.h>
#include <sys/random.h>

static struct kg_siphash_key key;
static bool drawn;

static uint32_t keyed_hash(const void *bytes, uint32_t len, uint32_t seed)
{
	return (uint32_t)kg_siphash(&key, bytes, len) ^ seed;
}

rte_hash_function kg_keyed_hash_function(void)
{
	if (!drawn && getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		key = (struct kg_siphash_key){ { rte_rand(), rte_rand() } };
	drawn = true;
	return keyed_hash;
}
