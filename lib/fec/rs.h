/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What forward error correction wants of an arithmetic over blocks of bytes, each byte an element
 * of GF(256) with the polynomial 0x11d. drivers/fec brings it. A matrix stands row after row.
 *
 * No state, no errors, no memory of its own; any thread.
 */
#pragma once

#include "base/base.h"

/* Room that expand() has for each coefficient. How tables lie in it is the driver's alone: a
 * library may decide by version and CPU. They are good for the whole matrix, never for a part of
 * it. */
#define KG_RS_TABLE_BYTES 32

struct kg_rs_alg {
	/* Makes the tables that the others take, with the same numbers of rows and columns. */
	void (*expand)(uint8_t *tables, const uint8_t *matrix, uint8_t rows, uint8_t columns);
	/* sums[r] += matrix[r][column] * block, for all rows. */
	void (*add)(const uint8_t *tables, uint8_t rows, uint8_t columns, uint8_t column,
		    const uint8_t *block, size_t len, uint8_t *const *sums);
	/* out[r] = sum of matrix[r][c] * blocks[c] over all columns, for all rows. */
	void (*multiply)(const uint8_t *tables, uint8_t rows, uint8_t columns,
			 const uint8_t *const *blocks, size_t len, uint8_t *const *out);
};
