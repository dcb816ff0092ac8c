/* SPDX-License-Identifier: BSD-3-Clause */
/* Gives opened datagrams to the sessions of their tunnels. */
#include "box.h"
#include "complain.h"
#include "resting.h"
#include "stage/stage.h"

/* Taken for a shard, a request without fec is of an unknown conv. */
static bool lacks_fec(const struct kg_worker *w, const struct kg_pkt *pkt)
{
	const struct kg_side *side = kg_worker_side(w, pkt->tunnel);
	const uint8_t *payload;
	size_t len;

	return side->fec != NULL && !side->profile->bare &&
	       kg_kcp_peek_first(pkt->body, pkt->body_len, 0, &payload, &len);
}

static void refuse(struct kg_worker *w, const struct kg_pkt *pkt, enum kg_drop drop)
{
	if (drop == KG_DROP_CONV_UNKNOWN && lacks_fec(w, pkt))
		drop = KG_DROP_FEC_MALFORMED;
	kg_stage_note_drop(w, pkt, drop, KG_STAGE_SESSION_INPUT, NULL);
	kg_complain_of_datagram(w, pkt, drop, 0);
}

/* What this worker does not know the next one may. */
static bool pass_on(struct kg_worker *w, struct rte_mbuf *m, const struct kg_datagram *in)
{
	struct kg_pkt *pkt = kg_pkt(m);

	if (!kg_session_passes_on(kg_worker_side(w, pkt->tunnel)->session, in))
		return false;
	pkt->passed++;
	kg_stage_hand_off(w, (w->index + 1) % w->box->worker_count, m);
	return true;
}

/* Is it of a channel that another tunnel of this box has? A path that was left leads to any client
 * of that server, a tunnel that rests among them, and so may a NAT. */
static bool is_anothers(const struct kg_worker *w, const struct kg_side *side,
			const struct kg_datagram *in)
{
	if (side->tunnel->config->wire.role != KG_ROLE_CLIENT)
		return false;
	for (unsigned int i = 0; i < w->sides.count; i++) {
		const struct kg_side *other = w->sides.all[i];

		if (other != side && other->tunnel->config->wire.role == KG_ROLE_CLIENT &&
		    kg_session_knows(other->session, in, w->now_us))
			return true;
	}
	return false;
}

/* Of a conv that the side does not know; false: the mbuf is another worker's by now. */
static bool find_its_owner(struct kg_worker *w, const struct kg_side *side, struct rte_mbuf *m,
			   const struct kg_datagram *in)
{
	if (!is_anothers(w, side, in))
		return !pass_on(w, m, in);
	kg_session_take_back_denial(side->session, in);
	return true;
}

/* A datagram, and the mbuf that it came in. */
struct arrival {
	struct kg_datagram in;
	struct kg_worker *w;
	struct rte_mbuf *m; /* NULL: an application's, with what it brought */
};

static struct kg_buf *keep(const struct kg_datagram *in, uint8_t *bytes, uint16_t len)
{
	struct arrival *arrival = KG_CONTAINER_OF(in, struct arrival, in);
	struct kg_buf *buf = kg_carry(&arrival->w->carried, arrival->m, bytes, len);

	if (buf != NULL)
		arrival->m = NULL;
	return buf;
}

/* The mbuf, to be freed; NULL: it is somebody else's by now. */
static struct rte_mbuf *input(struct kg_worker *w, struct rte_mbuf *m)
{
	struct kg_pkt *pkt = kg_pkt(m);
	struct arrival arrival = {
		.in = {
			.local = pkt->local,
			.remote = pkt->remote,
			.data = pkt->body,
			.len = pkt->body_len,
			.digest = pkt->digest,
			.age_s = pkt->age_s,
			.passed = pkt->passed,
			.keep = keep,
		},
		.w = w,
		.m = m,
	};
	const struct kg_datagram *in = &arrival.in;
	struct kg_side *side = kg_worker_side(w, pkt->tunnel);
	enum kg_drop drop;

	if (w->resting_sides > 0) {
		side = kg_resting_owner(w, side, in);
		pkt->tunnel = side != NULL ? side->id : pkt->tunnel;
	}
	if (side != NULL && side->barred && kg_resting_would_open(side, in))
		side = NULL;
	drop = side != NULL ? kg_side_input(side, in, w->now_us) : KG_DROP_HANDSHAKE_UNKNOWN;
	if (drop == KG_DROP_CONV_UNKNOWN && !find_its_owner(w, side, m, in))
		return NULL;
	if (drop != KG_DROP_NONE)
		refuse(w, pkt, drop);
	else
		kg_worker_count(w, KG_COUNTER_DELIVERED, 1);
	return arrival.m;
}

void kg_stage_session_input(struct kg_worker *w, struct rte_mbuf **v, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		v[i] = input(w, v[i]);
	rte_pktmbuf_free_bulk(v, n);
}
