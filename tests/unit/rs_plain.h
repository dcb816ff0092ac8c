/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second arithmetic for FEC, byte by byte, whose tables have nothing in common with ISA-L's: 8
 * bytes for a coefficient, its products with the powers of two, one column of the matrix after the
 * other. What works with both knows nothing of how tables lie in memory.
 */
#pragma once

#include <string.h>

#include "fec/rs.h"

#define PLAIN_BYTES 8

_Static_assert(PLAIN_BYTES <= KG_RS_TABLE_BYTES, "a coefficient has no room");

static inline void plain_expand(uint8_t *tables, const uint8_t *matrix, uint8_t rows,
				uint8_t columns)
{
	for (unsigned int i = 0; i < (unsigned int)rows * columns; i++) {
		unsigned int product = matrix[i % rows * columns + i / rows];

		for (unsigned int bit = 0; bit < PLAIN_BYTES; bit++) {
			*tables++ = (uint8_t)product;
			product = product << 1 ^ (product >> 7 ? 0x11du : 0);
		}
	}
}

/* Of a coefficient with every byte. */
static inline void plain_products(uint8_t products[256], const uint8_t *table)
{
	products[0] = 0;
	for (unsigned int bit = 0; bit < PLAIN_BYTES; bit++) {
		for (unsigned int k = 0; k < 1u << bit; k++)
			products[1u << bit | k] = products[k] ^ table[bit];
	}
}

static inline void plain_add(const uint8_t *tables, uint8_t rows, uint8_t columns, uint8_t column,
			     const uint8_t *block, size_t len, uint8_t *const *sums)
{
	const uint8_t *table = tables + (size_t)column * rows * PLAIN_BYTES;
	uint8_t products[256];

	for (unsigned int r = 0; r < rows; r++, table += PLAIN_BYTES) {
		plain_products(products, table);
		for (size_t i = 0; i < len; i++)
			sums[r][i] ^= products[block[i]];
	}
}

static inline void plain_multiply(const uint8_t *tables, uint8_t rows, uint8_t columns,
				  const uint8_t *const *blocks, size_t len, uint8_t *const *out)
{
	for (unsigned int r = 0; r < rows; r++)
		memset(out[r], 0, len);
	for (unsigned int c = 0; c < columns; c++)
		plain_add(tables, rows, columns, (uint8_t)c, blocks[c], len, out);
}

static const struct kg_rs_alg rs_plain = {
	.expand = plain_expand,
	.add = plain_add,
	.multiply = plain_multiply,
};
