/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * KCPTube's systematic code (docs/fec.md §3). Shard i has the node x_i, 0 for the first and a^i for
 * the others. Parity row r has, for data shard j,
 *
 *     E[r][j] = product over the other data shards m of (x_r + x_m) / (x_j + x_m)
 *             = w_r / (w_j * (x_r + x_j)),    w_i = product over m != i of (x_i + x_m)
 *
 * which is a Cauchy matrix with weights: every square of it has an inverse, in closed form.
 */
#pragma once

#include "fec/shard.h"

struct kg_fec_code {
	uint8_t data, parity;
	uint8_t exp[2 * 255];               /* powers of a, twice over */
	uint8_t log[256];                   /* of 0: never asked for */
	uint8_t weights[KG_FEC_SHARDS_MAX]; /* log of w_i */
};

/* data and parity are 1 at least, KG_FEC_SHARDS_MAX together at most. */
void kg_fec_code_init(struct kg_fec_code *code, uint8_t data, uint8_t parity);

/* E[data + row][column]; row counts from the first parity shard. */
uint8_t kg_fec_code_coefficient(const struct kg_fec_code *code, uint8_t row, uint8_t column);

/* Inverts the square of the n given rows and columns, both without repetition, into n rows of n:
 * times the sums of these rows it gives the data shards of these columns. */
void kg_fec_code_invert(const struct kg_fec_code *code, const uint8_t *rows, const uint8_t *columns,
			uint8_t n, uint8_t *inverse);
