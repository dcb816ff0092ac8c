/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Has a UDP flow been a conversation? Anybody can send a datagram with a made-up source, and the
 * answer to it goes astray unnoticed. So a flow counts as proven when messages went both ways and
 * there was one more: a question and its answer alone prove nothing.
 */
#pragma once

#include "base/base.h"

#define KG_EXCHANGE_OUT 1u
#define KG_EXCHANGE_IN  2u
#define KG_EXCHANGE_ONE 4u /* message, of three */

struct kg_exchange {
	uint8_t seen; /* the ways, and how many messages */
};

/* One more message; true when the flow is proven by it, or was. */
static inline bool kg_exchange_note(struct kg_exchange *exchange, bool in)
{
	unsigned int seen = exchange->seen | (in ? KG_EXCHANGE_IN : KG_EXCHANGE_OUT);

	if (seen < 3 * KG_EXCHANGE_ONE)
		seen += KG_EXCHANGE_ONE;
	exchange->seen = (uint8_t)seen;
	return seen == (3 * KG_EXCHANGE_ONE | KG_EXCHANGE_IN | KG_EXCHANGE_OUT);
}
