/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports what keeps a worker from sending, if it is time for a report. */
#include "complain.h"

#include "box.h"
#include "departure.h"
#include "worker.h"

#define UNANSWERED_US (3 * KG_US_PER_S) /* by then a handshake has been repeated */

static void complain(struct kg_worker *w, enum kg_trouble trouble, struct kg_report *report)
{
	report->count = kg_troubles_note(&w->troubles, trouble, report->tunnel, &report->remote.ip,
					 w->now_us);
	if (report->count == 0)
		return;
	report->type = KG_REPORT_TROUBLE;
	report->why = (uint8_t)trouble;
	kg_worker_report(w, report);
}

/* KG_TROUBLE_COUNT: nothing that speaks of how the peer is set up. */
static enum kg_trouble trouble_of(enum kg_drop drop)
{
	switch (drop) {
	case KG_DROP_AUTH_FAILED:
		return KG_TROUBLE_CHECK;
	case KG_DROP_CLOCK_SKEW:
		return KG_TROUBLE_CLOCK;
	case KG_DROP_HANDSHAKE_MALFORMED:
	case KG_DROP_BARE_MALFORMED:
	case KG_DROP_FEC_MALFORMED:
	case KG_DROP_KCP_MALFORMED:
	case KG_DROP_MESSAGE_MALFORMED:
		return KG_TROUBLE_MALFORMED;
	default:
		return KG_TROUBLE_COUNT;
	}
}

void kg_complain_of_datagram(struct kg_worker *w, const struct kg_pkt *pkt, enum kg_drop drop,
			     int32_t skew_s)
{
	enum kg_trouble trouble = trouble_of(drop);
	struct kg_report report = {
		.tunnel = pkt->tunnel,
		.remote = pkt->remote,
		.local = pkt->local,
		.seconds = skew_s,
	};

	if (trouble != KG_TROUBLE_COUNT)
		complain(w, trouble, &report);
}

void kg_complain_no_route(struct kg_worker *w, uint16_t tunnel, const struct kg_endpoint *remote)
{
	struct kg_report report = { .tunnel = tunnel, .remote = *remote };

	if (remote->ip.version != 0) /* else it waited for a mux channel, which has been told of */
		complain(w, KG_TROUBLE_NO_ROUTE, &report);
}

static void complain_unanswered(struct kg_worker *w, const struct kg_side *side)
{
	struct kg_report report = { .tunnel = side->id };
	const struct kg_nexthop *nexthop;
	uint64_t since_us;

	if (!kg_session_asks(side->session, &report.remote, &since_us) ||
	    w->now_us - since_us < UNANSWERED_US)
		return;
	nexthop = kg_departure_nexthop(w, &report.remote.ip);
	if (nexthop->state == KG_NEXTHOP_NO_ROUTE)
		return;
	report.local.ip = kg_departure_source(w->box, &report.remote.ip, nexthop);
	report.seconds = (int32_t)((w->now_us - since_us) / KG_US_PER_S);
	report.error =
		nexthop->state == KG_NEXTHOP_RESOLVING; /* the neighbour does not answer either */
	complain(w, KG_TROUBLE_NO_ANSWER, &report);
}

void kg_complain_unanswered(struct kg_worker *w)
{
	for (unsigned int i = 0; i < w->sides.count; i++) {
		const struct kg_side *side = w->sides.all[i];

		if (side->tunnel->config->wire.role == KG_ROLE_CLIENT)
			complain_unanswered(w, side);
	}
}
