/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Has a UDP flow been a conversation? Anybody can send a datagram with a made-up source, and the
 * answer to it goes astray unnoticed. So a flow counts as proven when messages went both ways and
 * there was one more: a question and its answer alone prove nothing.
 */
#pragma once

#include "base/base.h"

#define KG_EXCHANGE_MESSAGES 3

struct kg_exchange {
	uint8_t messages : 6;
	bool out : 1, in : 1;
};

/* One more message; true when the flow is proven by it. */
static inline bool kg_exchange_note(struct kg_exchange *exchange, bool in)
{
	/* Most are more of the same. */
	if (exchange->messages == KG_EXCHANGE_MESSAGES && (in ? exchange->in : exchange->out))
		return exchange->out && exchange->in;
	exchange->out |= !in;
	exchange->in |= in;
	if (exchange->messages < KG_EXCHANGE_MESSAGES)
		exchange->messages++;
	return exchange->out && exchange->in && exchange->messages == KG_EXCHANGE_MESSAGES;
}
