/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps what all channels of a tunnel share: the code, its tables, and blocks for sums. */
#include "fec/internal.h"

#include <string.h>

#define SPARE_MIN 4  /* and as many as are open; more goes back to where it came from */
#define FLOOR     16 /* groups that a tunnel may have, if there is any memory */

static size_t sums_bytes(uint8_t rows)
{
	size_t head = sizeof(struct kg_fec_sums) + rows * sizeof(uint8_t *);

	return (head + 63) / 64 * 64 + (size_t)rows * KG_FEC_BLOCK_BYTES;
}

static struct kg_fec_sums *sums_create(struct kg_mem *mem, uint8_t rows)
{
	size_t bytes = sums_bytes(rows);
	struct kg_fec_sums *sums = kg_mem_grow(mem, bytes);

	if (!sums)
		return NULL;
	for (unsigned int i = 0; i < rows; i++)
		sums->rows[i] = (uint8_t *)sums + bytes - (rows - i) * (size_t)KG_FEC_BLOCK_BYTES;
	return sums;
}

static void sums_destroy(struct kg_mem *mem, struct kg_fec_sums *sums, uint8_t rows)
{
	if (sums)
		kg_mem_shrink(mem, sums, sums_bytes(rows));
}

/* What the groups of other tunnels, and windows, grow to leaves less for ours. */
bool kg_fec_has_its_share(const struct kg_fec *fec)
{
	return fec->sums_count >= FLOOR &&
	       fec->sums_count * sums_bytes(fec->code.parity) >= kg_mem_left_to_grow(fec->mem);
}

static struct kg_fec_sums *sums_begin(struct kg_fec *fec)
{
	struct kg_fec_sums *sums = NULL;

	if (!kg_fec_has_its_share(fec) && kg_mem_allows(fec->mem, sums_bytes(fec->code.parity)))
		sums = sums_create(fec->mem, fec->code.parity);
	fec->sums_count += sums != NULL;
	return sums;
}

struct kg_fec_sums *kg_fec_sums_take(struct kg_fec *fec)
{
	struct kg_fec_sums *sums = TAILQ_FIRST(&fec->spare);

	if (!sums)
		return sums_begin(fec);
	TAILQ_REMOVE(&fec->spare, sums, link);
	fec->spare_count--;
	sums->len = 0;
	return sums;
}

void kg_fec_sums_keep(struct kg_fec *fec, uint32_t most)
{
	while (fec->spare_count > most) {
		struct kg_fec_sums *sums = TAILQ_FIRST(&fec->spare);

		TAILQ_REMOVE(&fec->spare, sums, link);
		fec->spare_count--;
		sums_destroy(fec->mem, sums, fec->code.parity);
		fec->sums_count--;
	}
}

void kg_fec_sums_give(struct kg_fec *fec, struct kg_fec_sums *sums)
{
	if (!sums)
		return;
	TAILQ_INSERT_HEAD(&fec->spare, sums, link);
	fec->spare_count++;
	kg_fec_sums_keep(fec, kg_fec_has_its_share(fec) ? 1 : SPARE_MIN + fec->open_count);
}

void kg_fec_sums_extend(struct kg_fec_sums *sums, uint8_t rows, uint16_t len)
{
	if (len <= sums->len)
		return;
	for (unsigned int i = 0; i < rows; i++)
		memset(sums->rows[i] + sums->len, 0, len - sums->len);
	sums->len = len;
}

void kg_fec_add(const struct kg_fec *fec, struct kg_fec_sums *sums, uint8_t sub,
		const uint8_t *container, uint16_t len)
{
	kg_fec_sums_extend(sums, fec->code.parity, len);
	fec->rs->add(fec->tables, fec->code.parity, fec->code.data, sub, container, len,
		     sums->rows);
}

KG_METRIC_TABLE(kg_fec_metrics, kg_fec_stats, KG_FEC_METRICS(KG_METRIC_ROW));

void kg_fec_stats_add(struct kg_fec_stats *sum, const struct kg_fec_stats *stats)
{
	kg_metrics_add((uint64_t *)sum, (const uint64_t *)stats, kg_fec_metrics.count);
}

void kg_fec_add_stats(const struct kg_fec *fec, struct kg_fec_stats *stats)
{
	kg_fec_stats_add(stats, &fec->stats);
}

uint8_t kg_fec_data(const struct kg_fec *fec)
{
	return fec->code.data;
}

uint8_t kg_fec_parity(const struct kg_fec *fec)
{
	return fec->code.parity;
}

bool kg_fec_peek_conv(const struct kg_fec *fec, const uint8_t *body, size_t len, uint32_t *conv)
{
	struct kg_fec_shard shard;

	if (!kg_fec_shard_decode(&shard, fec->content, fec->code.data, body, len) ||
	    (shard.parity && shard.conv == 0))
		return false;
	*conv = shard.conv;
	return true;
}

static size_t tables_bytes(const struct kg_fec *fec)
{
	return (size_t)fec->code.data * fec->code.parity * KG_RS_TABLE_BYTES;
}

static size_t square_bytes(const struct kg_fec *fec)
{
	return (size_t)fec->solve_max * fec->solve_max;
}

static void expand_code(struct kg_fec *fec, uint8_t *matrix)
{
	const struct kg_fec_code *code = &fec->code;

	for (uint8_t row = 0; row < code->parity; row++) {
		for (uint8_t column = 0; column < code->data; column++)
			matrix[row * code->data + column] =
				kg_fec_code_coefficient(code, row, column);
	}
	fec->rs->expand(fec->tables, matrix, code->parity, code->data);
}

struct kg_fec *kg_fec_create(uint8_t data, uint8_t parity, const struct kg_rs_alg *rs,
			     const struct kg_fec_content *content, struct kg_mem *mem)
{
	size_t matrix_bytes = (size_t)data * parity;
	struct kg_fec *fec = kg_mem_alloc(mem, sizeof(*fec));
	uint8_t *matrix = kg_mem_alloc(mem, matrix_bytes);

	if (fec) {
		fec->mem = mem;
		fec->rs = rs;
		fec->content = content;
		TAILQ_INIT(&fec->spare);
		TAILQ_INIT(&fec->open);
		fec->solve_max = KG_MIN(data, parity);
		kg_fec_code_init(&fec->code, data, parity);
		fec->tables = kg_mem_alloc(mem, tables_bytes(fec));
		fec->matrix = kg_mem_alloc(mem, square_bytes(fec));
		fec->solve_tables = kg_mem_alloc(mem, square_bytes(fec) * KG_RS_TABLE_BYTES);
		fec->solved = sums_create(mem, fec->solve_max);
		fec->check = sums_create(mem, 1);
	}
	if (!fec || !matrix || !fec->tables || !fec->matrix || !fec->solve_tables || !fec->solved ||
	    !fec->check) {
		kg_mem_free(mem, matrix, matrix_bytes);
		kg_fec_destroy(fec);
		return NULL;
	}
	expand_code(fec, matrix);
	kg_mem_free(mem, matrix, matrix_bytes);
	return fec;
}

void kg_fec_destroy(struct kg_fec *fec)
{
	if (!fec)
		return;
	kg_mem_free(fec->mem, fec->tables, tables_bytes(fec));
	kg_mem_free(fec->mem, fec->matrix, square_bytes(fec));
	kg_mem_free(fec->mem, fec->solve_tables, square_bytes(fec) * KG_RS_TABLE_BYTES);
	sums_destroy(fec->mem, fec->solved, fec->solve_max);
	sums_destroy(fec->mem, fec->check, 1);
	kg_fec_sums_keep(fec, 0);
	kg_mem_free(fec->mem, fec, sizeof(*fec));
}
