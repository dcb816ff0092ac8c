/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes shards of what a channel sends, and parity when a group is full or left alone. */
#include "fec/internal.h"

#include <string.h>

#include "base/bytes.h"

#define SAVED_GROUPS 4 /* fillers that can be saved up, in groups */

struct kg_fec_encoder {
	struct kg_fec *fec;
	struct kg_fec_sums *sums; /* of the group; NULL: it has not begun, or gets no parity */
	uint32_t conv;
	uint32_t sn;
	uint8_t data;    /* shards of the group that are out */
	uint8_t parity;  /* and of these */
	uint8_t rows;    /* that the group gets of these; 0: it gets none */
	uint8_t wanted;  /* rows of the groups to come */
	uint8_t payload; /* shards of data that carry any, or are there for it */
	bool closing;    /* the group is being filled */
	bool alike;      /* all of a group have one length, or it gets no parity */
	uint16_t first;  /* bytes of the group's first datagram */
	uint16_t paid;   /* fillers that the datagrams so far pay for */
	uint64_t last_us;
	uint8_t latest[KG_FEC_DATAGRAM_MIN_BYTES]; /* how the latest datagram began */
	struct kg_fec_stats stats;
};

struct kg_fec_encoder *kg_fec_encoder_create(struct kg_fec *fec, uint32_t conv, uint32_t first_sn)
{
	struct kg_fec_encoder *encoder = kg_mem_alloc(fec->mem, sizeof(*encoder));

	if (!encoder)
		return NULL;
	encoder->fec = fec;
	encoder->conv = conv;
	encoder->sn = first_sn;
	encoder->wanted = fec->code.parity;
	encoder->alike = fec->content->once;
	return encoder;
}

void kg_fec_encoder_trust(struct kg_fec_encoder *encoder)
{
	encoder->alike = false;
}

void kg_fec_encoder_set_rows(struct kg_fec_encoder *encoder, uint8_t rows)
{
	encoder->wanted = KG_MIN(rows, encoder->fec->code.parity);
}

/* Half of all numbers away. */
uint32_t kg_fec_encoder_no_group(const struct kg_fec_encoder *encoder)
{
	return encoder->sn ^ 1u << 31;
}

void kg_fec_encoder_destroy(struct kg_fec_encoder *encoder)
{
	if (!encoder)
		return;
	kg_fec_sums_give(encoder->fec, encoder->sums);
	kg_mem_free(encoder->fec->mem, encoder, sizeof(*encoder));
}

bool kg_fec_encoder_is_full(const struct kg_fec_encoder *encoder)
{
	return encoder->data == encoder->fec->code.data;
}

bool kg_fec_encoder_serves_payload(const struct kg_fec_encoder *encoder)
{
	const struct kg_fec_code *code = &encoder->fec->code;

	return kg_fec_encoder_is_full(encoder) &&
	       encoder->parity * code->data < encoder->rows * encoder->payload;
}

static uint8_t missing(const struct kg_fec_encoder *encoder)
{
	return (uint8_t)(encoder->fec->code.data - encoder->data);
}

/* A group that is left alone is closed when it is worth it and paid for. */
static bool may_close(const struct kg_fec_encoder *encoder)
{
	return encoder->fec->content->fill != NULL && encoder->payload > 0 && encoder->rows > 0 &&
	       encoder->paid >= missing(encoder);
}

static void forgo_parity(struct kg_fec_encoder *encoder)
{
	kg_fec_sums_give(encoder->fec, encoder->sums);
	encoder->sums = NULL;
}

static void next_group(struct kg_fec_encoder *encoder)
{
	encoder->sn++;
	encoder->data = encoder->parity = encoder->payload = 0;
	encoder->closing = false;
	forgo_parity(encoder);
}

static void begin_or_go_on(struct kg_fec_encoder *encoder, uint16_t len)
{
	if (encoder->data == 0) {
		encoder->rows = encoder->wanted;
		encoder->sums = encoder->rows > 0 ? kg_fec_sums_claim(encoder->fec) : NULL;
		encoder->first = len;
	} else if (encoder->alike && len != encoder->first) {
		forgo_parity(encoder);
	}
}

/* Makes a data shard of what stands behind the room for its header. For a moment the end of that
 * room is the length in front of the datagram. */
static uint16_t add_shard(struct kg_fec_encoder *encoder, uint8_t *body, uint16_t len)
{
	uint8_t *container = body + KG_FEC_HEADER_BYTES - KG_FEC_LENGTH_BYTES;

	begin_or_go_on(encoder, len);
	kg_store_be16(container, len);
	if (encoder->sums)
		kg_fec_add(encoder->fec, encoder->sums, encoder->data, container,
			   (uint16_t)(KG_FEC_LENGTH_BYTES + len));
	kg_fec_header_encode(body, encoder->sn, encoder->data++);
	if (kg_fec_encoder_is_full(encoder) && !encoder->sums)
		next_group(encoder);
	return (uint16_t)(KG_FEC_HEADER_BYTES + len);
}

/* What a filler may be made of, and when. */
static void note(struct kg_fec_encoder *encoder, const uint8_t *datagram, uint16_t len,
		 uint64_t now_us)
{
	unsigned int paid_max = SAVED_GROUPS * (unsigned int)encoder->fec->code.data;

	encoder->payload += encoder->fec->content->has_payload(datagram, len);
	memcpy(encoder->latest, datagram, sizeof(encoder->latest));
	encoder->last_us = now_us;
	if (encoder->paid < paid_max)
		encoder->paid++;
}

uint16_t kg_fec_encode(struct kg_fec_encoder *encoder, uint8_t *body, uint16_t datagram_bytes,
		       uint64_t now_us)
{
	const uint8_t *datagram = body + KG_FEC_HEADER_BYTES;

	if (kg_fec_encoder_is_full(encoder))
		next_group(encoder);
	if (encoder->fec->content->fill != NULL)
		note(encoder, datagram, datagram_bytes, now_us);
	KG_FEC_COUNT(encoder, sent, 1);
	return add_shard(encoder, body, datagram_bytes);
}

uint16_t kg_fec_encode_bare(struct kg_fec_encoder *encoder, uint8_t *body, uint16_t datagram_bytes,
			    uint64_t now_us)
{
	uint16_t len = kg_fec_encode(encoder, body, datagram_bytes, now_us);

	forgo_parity(encoder);
	if (kg_fec_encoder_is_full(encoder))
		next_group(encoder);
	return len;
}

static uint16_t put_filler(struct kg_fec_encoder *encoder, uint8_t *body)
{
	encoder->fec->content->fill(body + KG_FEC_HEADER_BYTES, encoder->latest);
	encoder->paid--;
	encoder->payload++;
	KG_FEC_COUNT(encoder, fillers_sent, 1);
	return add_shard(encoder, body, KG_FEC_DATAGRAM_MIN_BYTES);
}

static uint16_t put_parity(struct kg_fec_encoder *encoder, uint8_t *body)
{
	uint8_t data = encoder->fec->code.data;
	uint16_t header = kg_fec_parity_header_bytes(encoder->fec->content);
	uint16_t len = encoder->sums->len;

	kg_fec_header_encode(body, encoder->sn, (uint8_t)(data + encoder->parity));
	if (header == KG_FEC_PARITY_HEADER_BYTES)
		kg_store_be32(body + KG_FEC_HEADER_BYTES, encoder->conv);
	memcpy(body + header, encoder->sums->rows[encoder->parity], len);
	KG_FEC_COUNT(encoder, parity_sent, 1);
	if (++encoder->parity == encoder->rows)
		next_group(encoder);
	return header + len;
}

uint16_t kg_fec_encoder_output(struct kg_fec_encoder *encoder, uint8_t *body, uint64_t now_us)
{
	if (kg_fec_encoder_is_full(encoder))
		return put_parity(encoder, body);
	if (kg_fec_encoder_deadline_us(encoder) > now_us)
		return 0;
	encoder->closing = true;
	return put_filler(encoder, body);
}

bool kg_fec_encoder_begins(const struct kg_fec_encoder *encoder)
{
	return encoder->data == 0;
}

uint64_t kg_fec_encoder_deadline_us(const struct kg_fec_encoder *encoder)
{
	if (kg_fec_encoder_is_full(encoder) || (encoder->closing && may_close(encoder)))
		return 0;
	return may_close(encoder) ? encoder->last_us + KG_FEC_PAUSE_US : KG_NEVER_US;
}

void kg_fec_encoder_add_stats(const struct kg_fec_encoder *encoder, struct kg_fec_stats *stats)
{
	kg_fec_stats_add(stats, &encoder->stats);
}
