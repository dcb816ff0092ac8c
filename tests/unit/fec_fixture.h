/* SPDX-License-Identifier: BSD-3-Clause */
/* Two ends of FEC, datagrams to send, and what of them comes out. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "fec/fec.h"
#include "fec/rs_isal.h"
#include "kcp/kcp_segment.h"
#include "rs_plain.h"
#include "session/session.h"

#ifdef FEC_PLAIN
#define FEC_RS (&rs_plain)
#else
#define FEC_RS (&kg_rs_isal)
#endif

#define CONV         0x8badf00du
#define DATAGRAM_MAX 2000
#define BODY_MAX     (DATAGRAM_MAX + KG_FEC_OVERHEAD_BYTES)
#define SHARDS_MAX   255

struct body {
	uint8_t bytes[BODY_MAX];
	uint16_t len;
};

struct datagram {
	uint8_t bytes[DATAGRAM_MAX];
	uint16_t len;
	unsigned int out; /* how often it came out whole */
};

struct ends {
	struct kg_mem mem;
	struct kg_rng rng;
	struct kg_fec *fec;
	struct kg_fec_encoder *encoder;
	struct kg_fec_decoder *decoder;
	uint8_t data, parity;
};

static inline void ends_init(struct ends *ends, uint8_t data, uint8_t parity, uint32_t first_sn)
{
	kg_mem_malloc_init(&ends->mem);
	ends->data = data;
	ends->parity = parity;
	ends->fec = kg_fec_create(data, parity, FEC_RS, &kg_session_fec_content, &ends->mem);
	assert_non_null(ends->fec);
	ends->encoder = kg_fec_encoder_create(ends->fec, CONV, first_sn);
	ends->decoder = kg_fec_decoder_create(ends->fec, CONV);
	assert_true(ends->encoder && ends->decoder);
}

static inline void ends_fini(struct ends *ends)
{
	kg_fec_encoder_destroy(ends->encoder);
	kg_fec_decoder_destroy(ends->decoder);
	kg_fec_destroy(ends->fec);
	assert_int_equal(ends->mem.in_use_bytes, 0);
}

static inline struct kg_fec_stats ends_stats(const struct ends *ends)
{
	struct kg_fec_stats stats = { 0 };

	kg_fec_encoder_add_stats(ends->encoder, &stats);
	kg_fec_decoder_add_stats(ends->decoder, &stats);
	return stats;
}

static inline uint16_t put_segment(struct kg_rng *rng, uint8_t *out, enum kg_kcp_cmd cmd,
				   uint16_t payload)
{
	struct kg_kcp_segment seg = {
		.conv = CONV,
		.cmd = cmd,
		.wnd = (uint16_t)kg_rng_next(rng),
		.ts = (uint32_t)kg_rng_next(rng),
		.sn = (uint32_t)kg_rng_next(rng),
		.una = (uint32_t)kg_rng_next(rng),
		.len = payload,
	};

	kg_kcp_segment_encode(out, &seg);
	for (uint16_t i = 0; i < payload; i++)
		out[KG_KCP_HEADER_BYTES + i] = (uint8_t)kg_rng_next(rng);
	return (uint16_t)(KG_KCP_HEADER_BYTES + payload);
}

/* `len` bytes, 24 at least: as many ACKs as there is room for, up to `acks`, and payload. */
static inline void fill_datagram(struct kg_rng *rng, struct datagram *d, uint16_t len,
				 unsigned int acks)
{
	*d = (struct datagram){ 0 };
	while (acks-- > 0 && len - d->len >= 2 * KG_KCP_HEADER_BYTES)
		d->len += put_segment(rng, d->bytes + d->len, KG_KCP_ACK, 0);
	d->len += put_segment(rng, d->bytes + d->len, KG_KCP_PUSH,
			      (uint16_t)(len - d->len - KG_KCP_HEADER_BYTES));
	assert_int_equal(d->len, len);
}

static inline void random_datagram(struct kg_rng *rng, struct datagram *d, uint16_t max)
{
	uint16_t len =
		(uint16_t)(KG_KCP_HEADER_BYTES + kg_rng_below(rng, max - KG_KCP_HEADER_BYTES + 1u));

	fill_datagram(rng, d, len, (unsigned int)kg_rng_below(rng, 3));
}

static inline void encode(struct ends *ends, const struct datagram *d, struct body *body,
			  uint64_t now_us)
{
	memcpy(body->bytes + KG_FEC_HEADER_BYTES, d->bytes, d->len);
	body->len = kg_fec_encode(ends->encoder, body->bytes, d->len, now_us);
	assert_int_equal(body->len, d->len + KG_FEC_HEADER_BYTES);
	assert_memory_equal(body->bytes + KG_FEC_HEADER_BYTES, d->bytes, d->len);
}

/* A full group: data + parity bodies. */
static inline void encode_group(struct ends *ends, const struct datagram *datagrams,
				struct body *bodies)
{
	for (unsigned int i = 0; i < ends->data; i++)
		encode(ends, &datagrams[i], &bodies[i], 0);
	for (unsigned int i = 0; i < ends->parity; i++) {
		struct body *body = &bodies[ends->data + i];

		body->len = kg_fec_encoder_output(ends->encoder, body->bytes, 0);
		assert_true(body->len > 0);
	}
	assert_int_equal(kg_fec_encoder_output(ends->encoder, bodies[0].bytes, 0), 0);
}

/* What came out must be one of the datagrams, or the first segments of one. */
static inline void tick_off(struct datagram *datagrams, size_t count, const uint8_t *bytes,
			    uint16_t len)
{
	for (size_t i = 0; i < count; i++) {
		if (datagrams[i].len < len || memcmp(datagrams[i].bytes, bytes, len) != 0)
			continue;
		datagrams[i].out += datagrams[i].len == len;
		return;
	}
	fail_msg("%u bytes came out that nobody sent", len);
}

/* A copy goes in that ends with its allocation. */
static inline enum kg_drop receive(struct ends *ends, const uint8_t *bytes, uint16_t len,
				   struct datagram *datagrams, size_t count)
{
	uint8_t *copy = malloc(len ? len : 1);
	const uint8_t *datagram;
	uint16_t datagram_len;
	enum kg_drop drop;

	memcpy(copy, bytes, len);
	drop = kg_fec_decoder_input(ends->decoder, copy, len);
	while (kg_fec_decoder_output(ends->decoder, &datagram, &datagram_len)) {
		assert_int_equal(drop, KG_DROP_NONE);
		tick_off(datagrams, count, datagram, datagram_len);
	}
	free(copy);
	return drop;
}

/* A decoder that knows nothing yet of the same peer. */
static inline void forget_peer(struct ends *ends)
{
	kg_fec_decoder_destroy(ends->decoder);
	ends->decoder = kg_fec_decoder_create(ends->fec, CONV);
	assert_non_null(ends->decoder);
}
