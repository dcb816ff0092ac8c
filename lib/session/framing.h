/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands between a line's KCP and the wire: nothing, or FEC. A line asks its framing wherever
 * it would ask its KCP for datagrams and deadlines, and gives it what comes in.
 *
 *   kcp_output ─► framing_output ─► envelope          envelope ─► framing_input ─► kcp_input
 *
 * With FEC a handshake's datagrams only get the header (docs/fec.md §8), and lose it before anybody
 * looks at them; a channel's are coded from the moment its conv is known. Without, all this is one
 * comparison per call.
 */
#pragma once

#include "base/bytes.h"
#include "fec/fec.h"
#include "kcp/kcp.h"

struct kg_framing {
	struct kg_fec *fec;             /* NULL: FEC is off */
	struct kg_fec_encoder *encoder; /* both NULL on handshakes */
	struct kg_fec_decoder *decoder;
};

/* `fec`: of the tunnel on this worker, or NULL; outlives it. Ready for a handshake. */
void kg_framing_init(struct kg_framing *framing, struct kg_fec *fec);
/* For a channel, as soon as conv is known, before the first output and input of `kcp`. False when
 * out of memory. */
bool kg_framing_start(struct kg_framing *framing, struct kg_kcp *kcp, uint32_t conv);
/* The peer of a started one is a box: what its parity recovers is believed. */
void kg_framing_trust(struct kg_framing *framing);
void kg_framing_fini(struct kg_framing *framing);
/* What its encoder and decoder have counted. */
void kg_framing_add_stats(const struct kg_framing *framing, struct kg_fec_stats *stats);

/* Bytes that a body can be longer than kcp.mtu. */
static inline uint16_t kg_framing_overhead_bytes(const struct kg_fec *fec)
{
	return fec == NULL ? 0 : KG_FEC_OVERHEAD_BYTES;
}

/* Bytes in front of a datagram that is no parity, a handshake's for one. */
static inline uint16_t kg_framing_header_bytes(const struct kg_fec *fec)
{
	return fec == NULL ? 0 : KG_FEC_HEADER_BYTES;
}

/*
 * Whose a body is: 0 for handshakes. KG_DROP_KCP_MALFORMED, with FEC KG_DROP_FEC_MALFORMED:
 * nobody's. A body that is somebody's holds the header and a KCP segment, or is parity of a
 * channel.
 */
static inline enum kg_drop kg_framing_conv(const struct kg_fec *fec, const uint8_t *body,
					   size_t len, uint32_t *conv)
{
	if (fec != NULL)
		return kg_fec_peek_conv(fec, body, len, conv) ? KG_DROP_NONE
							      : KG_DROP_FEC_MALFORMED;
	if (len < KG_KCP_HEADER_BYTES)
		return KG_DROP_KCP_MALFORMED;
	*conv = kg_load_le32(body);
	return KG_DROP_NONE;
}

/* When FEC itself has something to send. A group is not closed for a pause that window and pace
 * make. */
static inline uint64_t kg_framing_fec_due_us(const struct kg_framing *framing,
					     const struct kg_kcp *kcp)
{
	uint64_t due_us = kg_fec_encoder_deadline_us(framing->encoder);

	return due_us == 0 || due_us == KG_NEVER_US ? due_us : due_us + kg_kcp_lull_us(kcp);
}

/* What the functions below do where FEC is on. */
uint16_t kg_framing_encode(struct kg_framing *framing, struct kg_kcp *kcp, uint64_t now_us,
			   uint8_t *body);
enum kg_drop kg_framing_decode(struct kg_framing *framing, struct kg_kcp *kcp, uint8_t *body,
			       size_t len, uint64_t now_us, unsigned int *events);

/* The next body that is due, from FEC or KCP, as kg_kcp_output; `body` has room for kcp.mtu and the
 * overhead. */
static inline uint16_t kg_framing_output(struct kg_framing *framing, struct kg_kcp *kcp,
					 uint64_t now_us, uint8_t *body)
{
	return framing->fec == NULL ? kg_kcp_output(kcp, now_us, body)
				    : kg_framing_encode(framing, kcp, now_us, body);
}

/* A question as kg_kcp_question. Parity that is due is lost to it: where nothing else may leave, as
 * towards an address that is not proved, it would hold up the question for ever. */
uint16_t kg_framing_question(struct kg_framing *framing, struct kg_kcp *kcp, uint32_t ts,
			     uint16_t room, uint64_t now_us, uint8_t *body);

/* A probe as kg_kcp_probe, whose body has so many bytes; 0 while parity is due, which goes before.
 */
uint16_t kg_framing_probe(struct kg_framing *framing, struct kg_kcp *kcp, uint32_t ts,
			  unsigned int nth, uint16_t bytes, uint64_t now_us, uint8_t *body);

/* A question as kg_kcp_ask; 0 while parity is due. */
uint16_t kg_framing_ask(struct kg_framing *framing, struct kg_kcp *kcp, uint32_t ts,
			uint64_t now_us, uint8_t *body);
/* The answer of who does not know the conversation; like a handshake's datagrams it is in no
 * group. */
uint16_t kg_framing_deny(const struct kg_fec *fec, uint32_t conv, uint32_t ts, uint8_t *body);

/* When to ask for it: the earlier of both. */
static inline uint64_t kg_framing_deadline_us(const struct kg_framing *framing,
					      const struct kg_kcp *kcp)
{
	uint64_t deadline_us = kg_kcp_deadline_us(kcp);

	if (framing->encoder == NULL)
		return deadline_us;
	return KG_MIN(deadline_us, kg_framing_fec_due_us(framing, kcp));
}

/*
 * A channel's body, to its KCP as kg_kcp_input. With FEC its header is overwritten, and KCP gets
 * none, one, or with what was recovered several datagrams; then a drop says that it took none of
 * those there were.
 */
static inline enum kg_drop kg_framing_input(struct kg_framing *framing, struct kg_kcp *kcp,
					    uint8_t *body, size_t len, uint64_t now_us,
					    unsigned int *events)
{
	return framing->fec == NULL ? kg_kcp_input(kcp, body, len, now_us, events)
				    : kg_framing_decode(framing, kcp, body, len, now_us, events);
}
