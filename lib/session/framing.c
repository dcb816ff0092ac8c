/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts FEC between a conversation and the wire where a tunnel has it. */
#include "session/framing.h"

void kg_framing_init(struct kg_framing *framing, struct kg_fec *fec)
{
	*framing = (struct kg_framing){ .fec = fec };
}

bool kg_framing_start(struct kg_framing *framing, struct kg_kcp *kcp, uint32_t conv)
{
	if (framing->fec == NULL)
		return true;
	kg_kcp_set_groups(kcp, kg_fec_data(framing->fec), kg_fec_parity(framing->fec));
	framing->encoder = kg_fec_encoder_create(framing->fec, conv, 0);
	framing->decoder = kg_fec_decoder_create(framing->fec, conv);
	if (framing->encoder != NULL && framing->decoder != NULL)
		return true;
	kg_framing_fini(framing);
	return false;
}

void kg_framing_trust(struct kg_framing *framing)
{
	if (framing->decoder == NULL)
		return;
	kg_fec_decoder_trust(framing->decoder);
	kg_fec_encoder_trust(framing->encoder);
}

void kg_framing_fini(struct kg_framing *framing)
{
	kg_fec_encoder_destroy(framing->encoder);
	kg_fec_decoder_destroy(framing->decoder);
	framing->encoder = NULL;
	framing->decoder = NULL;
}

void kg_framing_add_stats(const struct kg_framing *framing, struct kg_fec_stats *stats)
{
	if (framing->encoder == NULL)
		return;
	kg_fec_encoder_add_stats(framing->encoder, stats);
	kg_fec_decoder_add_stats(framing->decoder, stats);
}

/* Handshakes, which have no encoder, are in no group. */
static uint16_t put_header(struct kg_fec_encoder *encoder, uint8_t *body, uint16_t datagram_bytes,
			   uint64_t now_us)
{
	if (encoder != NULL)
		return kg_fec_encode(encoder, body, datagram_bytes, now_us);
	kg_fec_header_encode(body, 0, 0);
	return (uint16_t)(KG_FEC_HEADER_BYTES + datagram_bytes);
}

uint16_t kg_framing_encode(struct kg_framing *framing, struct kg_kcp *kcp, uint64_t now_us,
			   uint8_t *body)
{
	struct kg_fec_encoder *encoder = framing->encoder;
	uint16_t len;

	if (encoder != NULL && kg_framing_fec_due_us(framing, kcp) <= now_us) {
		if (kg_fec_encoder_serves_payload(encoder))
			kg_kcp_on_parity(kcp, now_us);
		return kg_fec_encoder_output(encoder, body, now_us);
	}
	if (encoder != NULL && kg_fec_encoder_begins(encoder)) {
		kg_kcp_next_group(kcp);
		kg_fec_encoder_set_rows(encoder, kg_kcp_parity(kcp, kg_fec_parity(framing->fec)));
	}
	len = kg_kcp_output(kcp, now_us, body + KG_FEC_HEADER_BYTES);
	return len == 0 ? 0 : put_header(encoder, body, len, now_us);
}

static bool parity_is_due(const struct kg_framing *framing, const struct kg_kcp *kcp,
			  uint64_t now_us)
{
	return framing->encoder != NULL && kg_framing_fec_due_us(framing, kcp) <= now_us;
}

/* The body of a datagram that is no part of the stream. */
static uint16_t put_bare(struct kg_framing *framing, uint8_t *body, uint16_t len, uint64_t now_us)
{
	if (framing->encoder == NULL || len == 0)
		return len;
	return kg_fec_encode_bare(framing->encoder, body, len, now_us);
}

uint16_t kg_framing_question(struct kg_framing *framing, struct kg_kcp *kcp, uint32_t ts,
			     uint16_t room, uint64_t now_us, uint8_t *body)
{
	uint16_t header = kg_framing_header_bytes(framing->fec);
	uint16_t len = kg_kcp_question(kcp, ts, room - header, now_us, body + header);

	return put_bare(framing, body, len, now_us);
}

uint16_t kg_framing_probe(struct kg_framing *framing, struct kg_kcp *kcp, uint32_t ts,
			  unsigned int nth, uint16_t bytes, uint64_t now_us, uint8_t *body)
{
	uint16_t header = kg_framing_header_bytes(framing->fec), len;

	if (parity_is_due(framing, kcp, now_us))
		return 0;
	len = kg_kcp_probe(kcp, ts, nth, bytes - header, now_us, body + header);
	return put_bare(framing, body, len, now_us);
}

uint16_t kg_framing_ask(struct kg_framing *framing, struct kg_kcp *kcp, uint32_t ts,
			uint64_t now_us, uint8_t *body)
{
	if (parity_is_due(framing, kcp, now_us))
		return 0;
	return put_bare(framing, body,
			kg_kcp_ask(kcp, ts, body + kg_framing_header_bytes(framing->fec)), now_us);
}

uint16_t kg_framing_deny(const struct kg_fec *fec, uint32_t conv, uint32_t ts, uint8_t *body)
{
	uint16_t header = kg_framing_header_bytes(fec);

	if (header > 0)
		kg_fec_header_encode(body, 0, 0);
	return header + kg_kcp_deny(conv, ts, body + header);
}

enum kg_drop kg_framing_decode(struct kg_framing *framing, struct kg_kcp *kcp, uint8_t *body,
			       size_t len, uint64_t now_us, unsigned int *events)
{
	enum kg_drop drop = kg_fec_decoder_input(framing->decoder, body, len), refused;
	const uint8_t *datagram;
	uint16_t datagram_bytes;
	unsigned int more;
	bool taken = false;

	*events = 0;
	if (drop != KG_DROP_NONE)
		return drop;
	while (kg_fec_decoder_output(framing->decoder, &datagram, &datagram_bytes)) {
		if (datagram != body + KG_FEC_HEADER_BYTES)
			kg_kcp_expect_late(kcp);
		refused = kg_kcp_input(kcp, datagram, datagram_bytes, now_us, &more);
		*events |= more;
		taken = taken || refused == KG_DROP_NONE;
		drop = refused != KG_DROP_NONE ? refused : drop;
	}
	return taken ? KG_DROP_NONE : drop;
}
