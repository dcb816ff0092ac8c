/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measures FEC alone: groups of equal datagrams go through an encoder, and their shards through a
 * decoder, all of them and then without as many as the code makes good. Rates are bytes of
 * datagrams, not of shards.
 */
#include "fec/fec.h"
#include "base/rng.h"
#include "bench.h"
#include "fec/rs_isal.h"
#include "kcp/kcp_segment.h"
#include "median.h"
#include "session/session.h"

#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>

#define CONV       1
#define ROOM       2048
#define GROUPS     10 /* of a piece: done before another program gets the core */
#define PIECES_MAX 100000

static const uint8_t codes[][2] = { { 3, 2 }, { 10, 3 }, { 20, 4 } };

struct fec_rig {
	struct kg_mem mem;
	struct kg_fec *fec;
	struct kg_fec_encoder *encoder;
	struct kg_fec_decoder *decoder;
	uint8_t data, parity;
	uint16_t len; /* of a datagram */
	uint16_t lens[KG_FEC_SHARDS_MAX];
	uint8_t bodies[KG_FEC_SHARDS_MAX][ROOM];
};

static bool rig_init(struct fec_rig *rig, uint8_t data, uint8_t parity, uint32_t payload)
{
	kg_mem_malloc_init(&rig->mem);
	rig->data = data;
	rig->parity = parity;
	rig->len = (uint16_t)(KG_KCP_HEADER_BYTES + payload);
	rig->fec = kg_fec_create(data, parity, &kg_rs_isal, &kg_session_fec_content, &rig->mem);
	if (rig->fec == NULL)
		return false;
	rig->encoder = kg_fec_encoder_create(rig->fec, CONV, 0);
	rig->decoder = kg_fec_decoder_create(rig->fec, CONV);
	if (rig->encoder == NULL || rig->decoder == NULL)
		return false;
	kg_fec_decoder_trust(rig->decoder);
	return true;
}

static void rig_fini(struct fec_rig *rig)
{
	kg_fec_encoder_destroy(rig->encoder);
	kg_fec_decoder_destroy(rig->decoder);
	kg_fec_destroy(rig->fec);
}

/* The decoder writes over the header of what it gets, so that every group is filled anew. */
static void fill(struct fec_rig *rig, struct kg_rng *rng)
{
	struct kg_kcp_segment seg = { .conv = CONV, .cmd = KG_KCP_PUSH };

	seg.len = rig->len - KG_KCP_HEADER_BYTES;
	for (unsigned int i = 0; i < rig->data; i++) {
		uint8_t *datagram = rig->bodies[i] + KG_FEC_HEADER_BYTES;

		kg_kcp_segment_encode(datagram, &seg);
		memset(datagram + KG_KCP_HEADER_BYTES, (int)kg_rng_next(rng), seg.len);
	}
}

static void encode(struct fec_rig *rig)
{
	unsigned int n = 0;

	for (; n < rig->data; n++)
		rig->lens[n] = kg_fec_encode(rig->encoder, rig->bodies[n], rig->len, 0);
	for (; n < (unsigned int)rig->data + rig->parity; n++)
		rig->lens[n] = kg_fec_encoder_output(rig->encoder, rig->bodies[n], 0);
}

/* Without the first `lost` shards; returns how many datagrams came out. */
static unsigned int decode(struct fec_rig *rig, unsigned int lost)
{
	unsigned int out = 0;
	const uint8_t *datagram;
	uint16_t len;

	for (unsigned int i = lost; i < (unsigned int)rig->data + rig->parity; i++) {
		kg_fec_decoder_input(rig->decoder, rig->bodies[i], rig->lens[i]);
		while (kg_fec_decoder_output(rig->decoder, &datagram, &len))
			out++;
	}
	return out;
}

struct fec_costs {
	double encode, decode, recover; /* cycles per datagram */
};

/* Adds a group's cycles to either; false when a datagram is missing. */
static bool run_group(struct fec_rig *rig, struct kg_rng *rng, unsigned int lost,
		      uint64_t *encode_cyc, uint64_t *decode_cyc)
{
	uint64_t begin, middle;
	unsigned int out;

	fill(rig, rng);
	begin = rte_rdtsc();
	encode(rig);
	middle = rte_rdtsc();
	out = decode(rig, lost);
	*decode_cyc += rte_rdtsc() - middle;
	*encode_cyc += middle - begin;
	return out == rig->data;
}

static bool measure(struct fec_rig *rig, uint32_t seconds, struct fec_costs *costs)
{
	double(*pieces)[PIECES_MAX] = calloc(3, sizeof(*pieces));
	uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();
	unsigned int most = RTE_MIN(rig->data, rig->parity), datagrams = GROUPS * rig->data;
	bool ok = pieces != NULL;
	struct kg_rng rng;
	size_t n = 0;

	kg_rng_init(&rng, 1);
	for (; ok && n < PIECES_MAX && (n == 0 || rte_rdtsc() < end); n++) {
		uint64_t cycles[3] = { 0 }, again = 0;

		for (int i = 0; ok && i < GROUPS; i++)
			ok = run_group(rig, &rng, 0, &cycles[0], &cycles[1]) &&
			     run_group(rig, &rng, most, &again, &cycles[2]);
		for (int k = 0; k < 3; k++)
			pieces[k][n] = (double)cycles[k] / datagrams;
	}
	if (ok)
		*costs = (struct fec_costs){ bench_median(pieces[0], n), bench_median(pieces[1], n),
					     bench_median(pieces[2], n) };
	free(pieces);
	return ok;
}

static void print(const struct fec_rig *rig, const struct fec_costs *costs, json_t *rows)
{
	double bytes_hz = rig->len * (double)rte_get_tsc_hz() / 1e9;
	char code[16];

	snprintf(code, sizeof(code), "%u:%u", rig->data, rig->parity);
	printf("%-8s %6u %10.1f %8.2f %10.1f %8.2f %10.1f %8.2f\n", code, rig->len, costs->encode,
	       bytes_hz / costs->encode, costs->decode, bytes_hz / costs->decode, costs->recover,
	       bytes_hz / costs->recover);
	json_array_append_new(rows, json_pack("{s:s, s:s, s:i, s:f, s:f, s:f, s:f, s:f, s:f}",
					      "test", "fec", "code", code, "bytes", (int)rig->len,
					      "encode_cycles", costs->encode, "decode_cycles",
					      costs->decode, "recover_cycles", costs->recover,
					      "encode_GBps", bytes_hz / costs->encode,
					      "decode_GBps", bytes_hz / costs->decode,
					      "recover_GBps", bytes_hz / costs->recover));
}

bool bench_fec(const struct bench_options *options, json_t *rows)
{
	struct fec_rig *rig = calloc(1, sizeof(*rig));
	bool ok = rig != NULL;

	printf("%-8s %6s %10s %8s %10s %8s %10s %8s\n", "code", "bytes", "encode cyc", "GB/s",
	       "decode cyc", "GB/s", "with loss", "GB/s");
	for (size_t i = 0; ok && i < RTE_DIM(codes); i++) {
		struct fec_costs costs;

		ok = rig_init(rig, codes[i][0], codes[i][1],
			      options->size > 0 ? options->size : 1400) &&
		     measure(rig, options->seconds, &costs);
		if (ok)
			print(rig, &costs, rows);
		rig_fini(rig);
	}
	if (!ok)
		fprintf(stderr, "out of memory, or datagrams were lost\n");
	free(rig);
	return ok;
}
