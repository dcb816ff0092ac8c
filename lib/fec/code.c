/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the rows of the code and inverts what is to be solved. All in logarithms, modulo 255:
 * nothing here is ever 0. */
#include "fec/code.h"

#define POLYNOMIAL 0x11d
#define ORDER      255

static uint8_t node(const struct kg_fec_code *code, unsigned int shard)
{
	return shard == 0 ? 0 : code->exp[shard];
}

/* log of x_i + x_k, for different shards. */
static unsigned int distance(const struct kg_fec_code *code, unsigned int i, unsigned int k)
{
	return code->log[node(code, i) ^ node(code, k)];
}

static void init_field(struct kg_fec_code *code)
{
	unsigned int value = 1;

	for (unsigned int i = 0; i < ORDER; i++) {
		code->exp[i] = code->exp[i + ORDER] = (uint8_t)value;
		code->log[value] = (uint8_t)i;
		value <<= 1;
		if (value > UINT8_MAX)
			value ^= POLYNOMIAL;
	}
}

void kg_fec_code_init(struct kg_fec_code *code, uint8_t data, uint8_t parity)
{
	*code = (struct kg_fec_code){ .data = data, .parity = parity };
	init_field(code);
	for (unsigned int i = 0; i < (unsigned int)data + parity; i++) {
		unsigned int weight = 0;

		for (unsigned int m = 0; m < data; m++)
			weight += m == i ? 0 : distance(code, i, m);
		code->weights[i] = (uint8_t)(weight % ORDER);
	}
}

uint8_t kg_fec_code_coefficient(const struct kg_fec_code *code, uint8_t row, uint8_t column)
{
	unsigned int r = code->data + row;

	return code->exp[(2 * ORDER + code->weights[r] - code->weights[column] -
			  distance(code, r, column)) %
			 ORDER];
}

/* log of the product of x_shard + x_k over the shards of a list, itself left out. */
static unsigned int product(const struct kg_fec_code *code, unsigned int shard,
			    const uint8_t *others, unsigned int first, unsigned int n)
{
	unsigned int sum = 0;

	for (unsigned int k = 0; k < n; k++) {
		unsigned int other = first + others[k];

		sum += other == shard ? 0 : distance(code, shard, other);
	}
	return sum % ORDER;
}

/* Cauchy's inverse, and the weights. */
void kg_fec_code_invert(const struct kg_fec_code *code, const uint8_t *rows, const uint8_t *columns,
			uint8_t n, uint8_t *inverse)
{
	uint8_t of_rows[KG_FEC_SHARDS_MAX], of_columns[KG_FEC_SHARDS_MAX];

	for (unsigned int i = 0; i < n; i++) {
		unsigned int r = code->data + rows[i], c = columns[i];

		of_rows[i] = (uint8_t)((2 * ORDER + product(code, r, columns, 0, n) -
					product(code, r, rows, code->data, n) - code->weights[r]) %
				       ORDER);
		of_columns[i] = (uint8_t)((ORDER + product(code, c, rows, code->data, n) -
					   product(code, c, columns, 0, n) + code->weights[c]) %
					  ORDER);
	}
	for (unsigned int c = 0; c < n; c++) {
		for (unsigned int r = 0; r < n; r++)
			*inverse++ = code->exp[(ORDER + of_rows[r] + of_columns[c] -
						distance(code, code->data + rows[r], columns[c])) %
					       ORDER];
	}
}
