/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends a message of a channel to its application as a frame, past Linux. */
#include "box.h"
#include "departure.h"
#include "net/frame.h"
#include "shortcut.h"
#include "stage/stage.h"

/* Does an application's datagram fit into one frame that can go all this way? Mbufs hold what the
 * port's MTU allows. */
static bool fits(const struct kg_worker *w, const struct kg_nexthop *nexthop, size_t bytes)
{
	static const struct kg_l2 none;
	size_t mtu = w->box->ports[nexthop->port].config->mtu;

	if (nexthop->mtu != 0)
		mtu = KG_MIN(mtu, nexthop->mtu);
	return kg_frame_header_bytes(&none, nexthop->peer.version) + bytes <= mtu;
}

const struct kg_nexthop *kg_stage_app_nexthop(struct kg_worker *w,
					      const struct kg_shortcut *shortcut, size_t bytes)
{
	const struct kg_nexthop *nexthop;

	if (shortcut == NULL || !shortcut->proven)
		return NULL;
	nexthop = kg_departure_nexthop(w, &shortcut->ends.remote.ip);
	return nexthop->state == KG_NEXTHOP_READY && fits(w, nexthop, bytes) ? nexthop : NULL;
}

static struct rte_mbuf *copy(struct kg_worker *w, struct kg_buf *chain)
{
	struct rte_mbuf *m = kg_stage_take_mbuf(w);
	uint16_t len;

	if (m != NULL) {
		len = (uint16_t)kg_buf_chain_gather(chain, rte_pktmbuf_mtod(m, void *));
		rte_pktmbuf_append(m, len);
		kg_stage_note_length(w, len);
	}
	kg_buf_free_chain(chain);
	return m;
}

/* What came in one piece leaves in the mbuf that it came in. */
void kg_stage_app_output(struct kg_worker *w, const struct kg_shortcut *shortcut,
			 const struct kg_nexthop *nexthop, struct kg_buf *chain)
{
	struct rte_mbuf *m = kg_carried_take(chain);
	struct kg_pkt *pkt;

	if (m == NULL)
		m = copy(w, chain);
	if (m == NULL)
		return;
	pkt = kg_pkt(m);
	pkt->local = shortcut->ends.local;
	pkt->remote = shortcut->ends.remote;
	kg_worker_count(w, KG_COUNTER_APP_TX, 1);
	kg_worker_count(w, KG_COUNTER_APP_TX_BYTES, rte_pktmbuf_pkt_len(m));
	kg_stage_route_to(w, nexthop, m);
}
