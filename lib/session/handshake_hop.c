/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client's handshake that is not answered asks elsewhere: another of the server's ports and
 * addresses, from the same local port. Servers know handshakes by where they come from, so one that
 * did arrive, and waits for the server's target, is the same again, and opens nothing twice.
 *
 * What was asked before the place that answers is to blame, and rests. Who has asked in vain for
 * long blames each place at once, or he might never come to one that rests and would answer.
 */
#include "session/internal.h"

#define WAIT_US   (300ull * KG_US_PER_MS) /* or some round trips */
#define WAIT_RTTS 4u
#define PATIENCE  4u /* in the end it waits so many times as long */
#define LONG      5u /* places: by then a destination is seldom only slow */

static bool asks(const struct kg_handshake *hs)
{
	return hs->line.session->config.role == KG_ROLE_CLIENT && hs->channel != NULL &&
	       hs->line.home == KG_HOME_HANDSHAKES;
}

/* When the nth place is given up: the time for each grows with every other one. */
static uint64_t wait_us(const struct kg_handshake *hs, unsigned int nth)
{
	const struct kg_destination *destination =
		kg_destination_of(hs->line.session, &hs->line.path->ends.remote.ip);
	uint64_t rtt_us = destination != NULL ? destination->rtt_us : 0;

	return KG_MAX(WAIT_US, WAIT_RTTS * rtt_us) * KG_MIN(1 + nth / 2, PATIENCE);
}

uint64_t kg_handshake_hop_due_us(const struct kg_handshake *hs)
{
	return asks(hs) ? hs->asked_us + wait_us(hs, hs->tries) : KG_NEVER_US;
}

void kg_handshake_hop(struct kg_handshake *hs, uint64_t now_us)
{
	struct kg_session *s = hs->line.session;
	struct kg_endpoint *remote = &hs->line.path->ends.remote;
	struct kg_endpoint next = kg_destination_pick(s, NULL, remote, now_us);

	hs->asked_us = now_us;
	hs->tries += hs->tries < UINT8_MAX;
	if (hs->tries >= LONG)
		kg_destination_rest(s, remote, now_us);
	else if (!kg_endpoint_equal(&next, remote) && hs->asked_count < KG_ARRAY_SIZE(hs->asked))
		hs->asked[hs->asked_count++] = *remote;
	*remote = next;
	kg_kcp_lose_before(hs->line.kcp, kg_kcp_next_order(hs->line.kcp));
	kg_line_touch(&hs->line, now_us);
}

void kg_handshake_hop_answered(struct kg_handshake *hs, const struct kg_endpoint *from,
			       uint64_t now_us)
{
	const struct kg_session *s = hs->line.session;

	for (unsigned int i = 0; i < hs->asked_count; i++) {
		if (kg_endpoint_equal(&hs->asked[i], from))
			break;
		kg_destination_rest(s, &hs->asked[i], now_us);
	}
	hs->asked_count = 0;
	kg_destination_wake(s, from);
}
