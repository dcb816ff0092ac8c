/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a thread beside the workers, which EAL has not started, does first and last: DPDK knows it,
 * so that its mempools have a cache for it, and signals are the main thread's.
 */
#pragma once

#include <stdbool.h>

/* The calling thread's. `shared`: other processes attach (docs/decisions/0081-who-attaches.md),
 * which EAL refuses once a thread was made known; then it is not. True: to be given to
 * kg_thread_end. */
bool kg_thread_begin(bool shared);
void kg_thread_end(bool known);
