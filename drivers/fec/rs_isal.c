/* SPDX-License-Identifier: BSD-3-Clause */
/* Lends FEC the arithmetic of ISA-L. That takes pointers to bytes that it only reads as pointers to
 * bytes, hence the casts. */
#include "fec/rs_isal.h"

#include <isa-l/erasure_code.h>

static void isal_expand(uint8_t *tables, const uint8_t *matrix, uint8_t rows, uint8_t columns)
{
	ec_init_tables(columns, rows, (uint8_t *)matrix, tables);
}

static void isal_add(const uint8_t *tables, uint8_t rows, uint8_t columns, uint8_t column,
		     const uint8_t *block, size_t len, uint8_t *const *sums)
{
	ec_encode_data_update((int)len, columns, rows, column, (uint8_t *)tables, (uint8_t *)block,
			      (uint8_t **)sums);
}

static void isal_multiply(const uint8_t *tables, uint8_t rows, uint8_t columns,
			  const uint8_t *const *blocks, size_t len, uint8_t *const *out)
{
	ec_encode_data((int)len, columns, rows, (uint8_t *)tables, (uint8_t **)blocks,
		       (uint8_t **)out);
}

const struct kg_rs_alg kg_rs_isal = {
	.expand = isal_expand,
	.add = isal_add,
	.multiply = isal_multiply,
};
