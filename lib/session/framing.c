/* SPDX-License-Identifier: BSD-3-Clause */
#include "session/framing.h"

#include "base/bytes.h"

void kg_framing_init(struct kg_framing *framing, struct kg_fec *fec)
{
	*framing = (struct kg_framing){ .fec = fec };
}

bool kg_framing_start(struct kg_framing *framing, uint32_t conv)
{
	if (framing->fec == NULL)
		return true;
	framing->encoder = kg_fec_encoder_create(framing->fec, conv, 0);
	framing->decoder = kg_fec_decoder_create(framing->fec, conv);
	if (framing->encoder != NULL && framing->decoder != NULL)
		return true;
	kg_framing_fini(framing);
	return false;
}

void kg_framing_fini(struct kg_framing *framing)
{
	kg_fec_encoder_destroy(framing->encoder);
	kg_fec_decoder_destroy(framing->decoder);
	framing->encoder = NULL;
	framing->decoder = NULL;
}

/* ---- out ---- */

uint16_t kg_framing_output(struct kg_framing *framing, struct kg_kcp *kcp, uint64_t now_us,
			   uint8_t *body)
{
	uint16_t len = 0;

	if (framing->fec == NULL)
		return kg_kcp_output(kcp, now_us, body);
	if (framing->encoder != NULL)
		len = kg_fec_encoder_output(framing->encoder, body, now_us);
	if (len > 0)
		return len;
	len = kg_kcp_output(kcp, now_us, body + KG_FEC_HEADER_BYTES);
	if (len == 0)
		return 0;
	if (framing->encoder != NULL)
		return kg_fec_encode(framing->encoder, body, len, now_us);
	kg_fec_header_encode(body, 0, 0);
	return (uint16_t)(KG_FEC_HEADER_BYTES + len);
}

uint64_t kg_framing_deadline_us(const struct kg_framing *framing, const struct kg_kcp *kcp)
{
	uint64_t deadline_us = kg_kcp_deadline_us(kcp);

	if (framing->encoder == NULL)
		return deadline_us;
	return KG_MIN(deadline_us, kg_fec_encoder_deadline_us(framing->encoder));
}

/* ---- in ---- */

bool kg_framing_conv(const struct kg_fec *fec, const uint8_t *body, size_t len, uint32_t *conv)
{
	if (fec != NULL)
		return kg_fec_peek_conv(fec, body, len, conv);
	if (len < KG_KCP_HEADER_BYTES)
		return false;
	*conv = kg_load_le32(body);
	return true;
}

enum kg_drop kg_framing_input(struct kg_framing *framing, uint8_t *body, size_t len)
{
	size_t header = framing->fec == NULL ? 0 : KG_FEC_HEADER_BYTES;

	if (framing->decoder != NULL)
		return kg_fec_decoder_input(framing->decoder, body, len);
	if (len < header + KG_KCP_HEADER_BYTES)
		return framing->fec == NULL ? KG_DROP_KCP_MALFORMED : KG_DROP_FEC_MALFORMED;
	framing->datagram = body + header;
	framing->len = (uint16_t)(len - header);
	return KG_DROP_NONE;
}

bool kg_framing_next(struct kg_framing *framing, const uint8_t **datagram, uint16_t *len)
{
	if (framing->decoder != NULL)
		return kg_fec_decoder_output(framing->decoder, datagram, len);
	if (framing->datagram == NULL)
		return false;
	*datagram = framing->datagram;
	*len = framing->len;
	framing->datagram = NULL;
	return true;
}
