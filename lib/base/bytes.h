/* SPDX-License-Identifier: BSD-3-Clause */
/* Loads and stores of wire integers at any alignment. Callers check lengths before. */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define KG_BYTES_ACCESS(bits, order)                                             \
	static inline uint##bits##_t kg_load_##order##bits(const void *from)     \
	{                                                                        \
		uint##bits##_t value;                                            \
		memcpy(&value, from, sizeof(value));                             \
		return order##bits##toh(value);                                  \
	}                                                                        \
	static inline void kg_store_##order##bits(void *to, uint##bits##_t host) \
	{                                                                        \
		uint##bits##_t value = hto##order##bits(host);                   \
		memcpy(to, &value, sizeof(value));                               \
	}

KG_BYTES_ACCESS(16, be)
KG_BYTES_ACCESS(32, be)
KG_BYTES_ACCESS(64, be)
KG_BYTES_ACCESS(16, le)
KG_BYTES_ACCESS(32, le)
KG_BYTES_ACCESS(64, le)

#undef KG_BYTES_ACCESS
