/* SPDX-License-Identifier: BSD-3-Clause */
/* What a fuzz target defines, and how it says that something is wrong. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer, or by replay_main.c for every file of the corpus. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is left of it, for targets that read operations from it. */
struct fuzz_input {
	const uint8_t *data;
	size_t len;
};

/* Little-endian; 0 beyond the end. */
static inline uint32_t fuzz_take(struct fuzz_input *in, size_t bytes)
{
	uint32_t value = 0;

	for (size_t i = 0; i < bytes && in->len > 0; i++, in->data++, in->len--)
		value |= (uint32_t)*in->data << (8 * i);
	return value;
}

/* Up to so many; returns how many there were. */
static inline size_t fuzz_take_bytes(struct fuzz_input *in, uint8_t *to, size_t bytes)
{
	bytes = bytes < in->len ? bytes : in->len;
	memcpy(to, in->data, bytes);
	in->data += bytes;
	in->len -= bytes;
	return bytes;
}

#define FUZZ_CHECK(condition)                                                           \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)
