/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands between a line's KCP and the wire: nothing, or FEC. A line asks its framing wherever
 * it would ask its KCP for datagrams and deadlines, and gives it what comes in.
 *
 *   kcp_output ─► framing_output ─► envelope          envelope ─► framing_input ─► framing_next ─►
 * kcp_input
 *
 * With FEC a handshake's datagrams only get the header (kcp-fec.md B7); a channel's are coded from
 * the moment its conv is known.
 */
#pragma once

#include "fec/fec.h"
#include "kcp/kcp.h"

struct kg_framing {
	struct kg_fec *fec;             /* NULL: FEC is off */
	struct kg_fec_encoder *encoder; /* both NULL on handshakes */
	struct kg_fec_decoder *decoder;
	const uint8_t *datagram; /* where nothing is decoded: what the last input brought */
	uint16_t len;
};

/* `fec`: of the tunnel on this worker, or NULL; outlives it. Ready for a handshake. */
void kg_framing_init(struct kg_framing *framing, struct kg_fec *fec);
/* For a channel, as soon as conv is known, before its first output. False when out of memory. */
bool kg_framing_start(struct kg_framing *framing, uint32_t conv);
void kg_framing_fini(struct kg_framing *framing);

/* Bytes that a body can be longer than kcp.mtu. */
static inline uint16_t kg_framing_overhead_bytes(const struct kg_fec *fec)
{
	return fec == NULL ? 0 : KG_FEC_OVERHEAD_BYTES;
}

/* The next body that is due, from FEC or KCP, as kg_kcp_output; `body` has room for kcp.mtu and the
 * overhead. */
uint16_t kg_framing_output(struct kg_framing *framing, struct kg_kcp *kcp, uint64_t now_us,
			   uint8_t *body);
/* When to ask for it: the earlier of both. */
uint64_t kg_framing_deadline_us(const struct kg_framing *framing, const struct kg_kcp *kcp);

/* Whose a body is: 0 for handshakes. False when it is too short for any. */
bool kg_framing_conv(const struct kg_fec *fec, const uint8_t *body, size_t len, uint32_t *conv);

/* A body of this line; its FEC header may be overwritten. Pull the datagrams at once after
 * KG_DROP_NONE: none, one, or with what was recovered several. */
enum kg_drop kg_framing_input(struct kg_framing *framing, uint8_t *body, size_t len);
bool kg_framing_next(struct kg_framing *framing, const uint8_t **datagram, uint16_t *len);
