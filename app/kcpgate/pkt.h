/* SPDX-License-Identifier: BSD-3-Clause */
/* What the stages know about a datagram; lives in the mbuf's private area. */
#pragma once

#include "net/addr.h"

#include <rte_mbuf.h>

struct kg_pkt {
	struct kg_endpoint local, remote;
	union {
		uint64_t digest; /* received, conv 0: knows an exact copy of the sealed bytes */
		uint8_t passed;  /* received, other convs: as struct kg_datagram has it */
	};
	uint8_t *body; /* before open the UDP payload; then, and up to seal, what is inside */
	uint16_t body_len;
	uint16_t tunnel; /* id */
	uint16_t port;   /* index; received on, or to be sent from */
	union {
		int16_t age_s; /* received: since it was stamped, as struct kg_datagram has it */
		uint16_t mtu;  /* to be sent: the path's, as struct kg_datagram has it; 0: not known
				*/
	};
};

/* Private area of the box's mbufs. */
#define KG_PKT_PRIV_BYTES RTE_ALIGN(sizeof(struct kg_pkt), RTE_MBUF_PRIV_ALIGN)

static inline struct kg_pkt *kg_pkt(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}
