/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * OpenSSL's heap. A context keeps the expanded key in memory that only OpenSSL knows, so what a
 * thread lets it allocate for a context is put where no core dump has it.
 */
#pragma once

#include <stdbool.h>

/* From here on what OpenSSL allocates on this thread is secret, or no longer so. */
void kg_openssl_heap_secret(bool secret);
