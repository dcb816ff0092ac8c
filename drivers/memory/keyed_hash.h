/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For DPDK's hash tables, whose own functions have at most 32 bits of seed: SipHash with a key that
 * the process draws for itself, so that strangers who choose what is entered cannot choose where.
 */
#pragma once

#include <rte_hash.h>

/* The function for struct rte_hash_parameters. Draws the key when it is first called: on the
 * thread that sets up. */
rte_hash_function kg_keyed_hash_function(void);
