/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A datagram from the peer (docs/kcp.md §4), in two passes: the first proves the whole chain of
 * segments valid, the second applies it.
 *
 * The second pass takes ACKs before una: an ACK that una covers too still finds its segment and so
 * tells which copy arrived and when.
 */
#include "kcp/internal.h"
#include "kcp/kcp_early.h"
#include "kcp/kcp_segment.h"

/* What one datagram has told so far. */
struct digest {
	uint64_t now_us;
	uint32_t now_ts;
	uint32_t una;   /* newest in the datagram */
	uint32_t order; /* newest transmit order acknowledged */
	bool has_order;
	uint64_t sent_us; /* that of `order` */
	uint32_t new_ts;  /* of the latest segment that was new */
	uint32_t new_sn;  /* the greatest of those */
	bool has_new;
	uint32_t named;       /* segments released by ACKs */
	uint32_t short_bytes; /* cut short: of all that was released, by kg_kcp_takes */
	uint16_t acked;       /* kcp->acked, before */
	bool resent;          /* some of what was released had been sent more than once */
	bool told;            /* the peer's window, as it is now */
	bool late;            /* parity has brought it back */
	unsigned int events;  /* enum kg_kcp_event */
	uint64_t fastest_us, slowest_us; /* round-trip samples; fastest > slowest: none */
	struct kg_kcp_account before;
	struct kg_ledger *ledger; /* of its share; NULL: none */
};

/* A peer may be a window behind what we know of it, which may be a window behind what was sent. */
#define BEHIND_MAX (2u * KG_KCP_WINDOW_MAX)

/* Nothing of ours can be acknowledged that was not sent, nor what was sent long ago. */
static bool plausible(const struct kg_kcp *kcp, const struct kg_kcp_segment *seg)
{
	uint32_t nxt = kcp->flight.nxt;

	if (seg->conv != kcp->params.conv || nxt - seg->una > BEHIND_MAX)
		return false;
	if (seg->cmd == KG_KCP_PUSH && seg->tail && !kcp->recv.tails)
		return false;
	return seg->cmd != KG_KCP_ACK || nxt - seg->sn - 1 < BEHIND_MAX;
}

static bool well_formed(const struct kg_kcp *kcp, const uint8_t *data, size_t len)
{
	struct kg_kcp_segment seg;

	if (len < KG_KCP_HEADER_BYTES)
		return false;
	while (len >= KG_KCP_HEADER_BYTES) {
		size_t bytes = kg_kcp_segment_decode(data, len, &seg);

		if (bytes == 0 || !plausible(kcp, &seg))
			return false;
		data += bytes;
		len -= bytes;
	}
	return true;
}

static void note_sample(struct digest *d, uint64_t sample_us)
{
	d->fastest_us = KG_MIN(d->fastest_us, sample_us);
	d->slowest_us = KG_MAX(d->slowest_us, sample_us);
}

static void forget_samples(struct digest *d)
{
	d->fastest_us = UINT64_MAX;
	d->slowest_us = 0;
}

/* False: it had left before something that the datagram has named before. */
static bool note_order(struct digest *d, const struct kg_kcp_slot *slot)
{
	if (d->has_order && (int32_t)(slot->order - d->order) <= 0)
		return false;
	d->order = slot->order;
	d->sent_us = slot->sent_us;
	d->has_order = true;
	return true;
}

/* It was acknowledged behind what had left later: in groups, parity has brought it back. */
static void note_late(struct kg_kcp *kcp, const struct digest *d)
{
	if (kcp->group_data > 0 && !d->late)
		kg_kcp_flight_note_loss(&kcp->flight);
}

/* Behind what a datagram before has acknowledged. */
static void note_if_late(struct kg_kcp *kcp, uint32_t order, const struct digest *d)
{
	if ((int32_t)(order - kcp->flight.newest_acked) < 0)
		note_late(kcp, d);
}

static void on_needless(struct kg_kcp *kcp, uint32_t copies)
{
	kcp->stats.resent_needless += copies;
	kg_kcp_flight_note_needless(&kcp->flight, copies);
	kg_kcp_cwnd_on_needless(&kcp->cwnd, kcp->mss);
}

static void release(struct kg_kcp *kcp, uint32_t sn, struct digest *d)
{
	if (KG_UNLIKELY(kcp->cut_short))
		d->short_bytes += kg_kcp_takes(kcp, kg_kcp_flight_slot(&kcp->flight, sn)->len);
	kg_kcp_flight_release(&kcp->flight, kcp->pool, sn);
	kcp->acked++;
	kcp->ring_stuck = false;
}

/* The latest copy has arrived. */
static void enter(struct kg_ledger *ledger, const struct kg_kcp_slot *slot)
{
	if (ledger != NULL)
		kg_ledger_acked(ledger, slot->sent_us, slot->len);
}

/* seg->ts says which copy arrived (docs/kcp.md §7.1). */
static void on_copy_arrived(struct kg_kcp *kcp, const struct kg_kcp_slot *slot, uint32_t ts,
			    struct digest *d)
{
	uint32_t latest_ts = kg_kcp_ts(kcp, slot->sent_us);
	uint64_t sample_us;

	if (slot->spare && (int32_t)(ts - latest_ts) > 0) {
		kg_kcp_flight_on_loss(&kcp->flight);
	} else if (ts == latest_ts) {
		note_sample(d, d->now_us - slot->sent_us);
		if (!note_order(d, slot))
			note_late(kcp, d);
		enter(d->ledger, slot);
		d->events |= KG_KCP_ECHOED;
	} else if ((int32_t)(latest_ts - ts) > 0 && (int32_t)(ts - slot->first_ts) >= 0) {
		sample_us = (uint64_t)(d->now_ts - ts) * KG_US_PER_MS;
		note_sample(d, sample_us);
		d->events |= KG_KCP_ECHOED;
		on_needless(kcp, ts == slot->first_ts ? slot->copies - 1u : 1u);
		if (slot->fast && !slot->spare && !d->late) /* a spare is late by itself */
			kg_kcp_rtt_on_overtaken(&kcp->rtt, sample_us);
	}
}

/* As events: a probe or the latest question. */
static unsigned int answered(const struct kg_kcp *kcp, uint32_t ts)
{
	uint32_t past = ts - kcp->question_ts, probe = past / KG_KCP_PROBE_STEP_MS;

	if (!kcp->probing)
		return past == 0 ? KG_KCP_ANSWERED : 0;
	return probe < KG_KCP_PROBES_MAX ? 1u << (KG_KCP_PROBED_SHIFT + probe) : 0;
}

static void on_ack(struct kg_kcp *kcp, const struct kg_kcp_segment *seg, struct digest *d)
{
	struct kg_kcp_slot *slot;

	kcp->stats.acks_received++;
	d->events |= answered(kcp, seg->ts);
	if (kg_kcp_peer_on_ack_ts(&kcp->peer, seg->ts, d->now_ts))
		d->events |= KG_KCP_ADVANCED;
	if (!kg_kcp_flight_spans(&kcp->flight, seg->sn))
		return;
	slot = kg_kcp_flight_slot(&kcp->flight, seg->sn);
	kg_kcp_flight_prefetch(&kcp->flight, seg->sn);
	if (slot->buf == NULL)
		return;
	on_copy_arrived(kcp, slot, seg->ts, d);
	d->named++;
	d->resent |= slot->copies > 1;
	release(kcp, seg->sn, d);
	d->events |= KG_KCP_ADVANCED;
}

/* The segments from una on that the datagram covers, summed up. */
struct covered {
	uint64_t fastest_us, slowest_us; /* ages */
	uint32_t gone;                   /* acknowledged by name before una came */
};

/* A copy that is younger than any round trip was needless: an earlier one arrived, and its ACK was
 * lost. That says nothing about the time-out. */
static void on_covered(struct kg_kcp *kcp, const struct kg_kcp_slot *slot, struct covered *c,
		       struct digest *d)
{
	uint64_t age_us = d->now_us - slot->sent_us;

	c->fastest_us = KG_MIN(c->fastest_us, age_us);
	c->slowest_us = KG_MAX(c->slowest_us, age_us);
	d->resent |= slot->spare || slot->copies > 1;
	if (slot->copies == 1) {
		note_if_late(kcp, slot->order, d);
		note_order(d, slot);
		enter(d->ledger, slot);
		return;
	}
	if (age_us + KG_US_PER_MS < kcp->rtt.min_us)
		on_needless(kcp, 1);
}

/* Behind time-outs something has arrived that left later than anything that was heard of: the path
 * is there again, and what left before is lost. */
static void note_revival(struct kg_kcp *kcp, const struct digest *d)
{
	struct kg_kcp_flight *f = &kcp->flight;

	if ((!f->tries && !kcp->tried) || !d->has_order ||
	    (int32_t)(d->order - f->newest_acked) <= 0)
		return;
	f->tries = kcp->tried = false;
	kg_kcp_lose_before(kcp, d->order);
}

/*
 * Ages are round-trip samples only when una moved because the segments came in order. Segments
 * acknowledged by an earlier datagram, or resent ones, show that it waited for a hole.
 */
static void on_una(struct kg_kcp *kcp, struct digest *d)
{
	struct covered c = { .fastest_us = UINT64_MAX };

	for (uint32_t sn = kcp->flight.una; (int32_t)(d->una - sn) > 0; sn++) {
		struct kg_kcp_slot *slot = kg_kcp_flight_slot(&kcp->flight, sn);

		kg_kcp_flight_prefetch(&kcp->flight, sn);
		if (slot->buf == NULL) {
			c.gone++;
			continue;
		}
		on_covered(kcp, slot, &c, d);
		release(kcp, sn, d);
	}
	if (d->resent || kcp->tried)
		note_revival(kcp, d);
	if (d->resent)
		return;
	if (c.gone > d->named || c.fastest_us > c.slowest_us)
		return;
	note_sample(d, c.fastest_us);
	note_sample(d, c.slowest_us);
}

static bool is_beyond(const struct kg_kcp *kcp, uint32_t sn)
{
	return (int32_t)(sn - kcp->recv.nxt) >= 0;
}

/* Behind new data of the same moment: a spare. */
static bool is_spare(const struct kg_kcp *kcp, const struct kg_kcp_segment *seg,
		     const struct digest *d)
{
	return kcp->params.prompt && d->has_new && d->new_ts == seg->ts;
}

/* To be acknowledged, by name or by una. What is said of the data before it says it of a spare,
 * too. */
static void note_arrival(struct kg_kcp *kcp, const struct kg_kcp_segment *seg,
			 const struct digest *d, bool again)
{
	if (again && !kcp->params.prompt && is_beyond(kcp, seg->sn))
		kg_kcp_acks_note_in_vain(&kcp->acks, seg->sn);
	if (is_beyond(kcp, seg->sn))
		kg_kcp_acks_note_beyond(&kcp->acks, kcp->mem, seg->sn, seg->ts, (uint16_t)seg->len);
	else if (kcp->params.una_only)
		return;
	else if (!again)
		kg_kcp_acks_note_covered(&kcp->acks, seg->sn, seg->ts);
	else if (!is_spare(kcp, seg, d))
		kg_kcp_acks_note_again(&kcp->acks, seg->sn, seg->ts);
}

static void on_push(struct kg_kcp *kcp, const struct kg_kcp_segment *seg, struct digest *d)
{
	enum kg_kcp_stored stored = kg_kcp_recv_store(&kcp->recv, kcp->mem, kcp->pool, seg);

	if (stored == KG_KCP_STORED_NO_ROOM || stored == KG_KCP_STORED_OUTSIDE) {
		kcp->stats.refused += stored == KG_KCP_STORED_NO_ROOM;
		kcp->stats.out_of_window += stored == KG_KCP_STORED_OUTSIDE;
		kg_kcp_tell_later(kcp);
		return;
	}
	/* Duplicates of what no window reaches any more tell nothing of the peer's clock. */
	if ((int32_t)(kcp->recv.nxt - seg->sn) <= (int32_t)KG_KCP_WINDOW_MAX &&
	    kg_kcp_peer_on_push_ts(&kcp->peer, seg->ts))
		d->events |= KG_KCP_ADVANCED;
	if (stored == KG_KCP_STORED_DUPLICATE) {
		kcp->stats.duplicates++;
		if (seg->len == 0)
			kg_kcp_pull_asked(kcp);
	} else {
		kcp->stats.received++;
		kcp->stats.received_bytes += seg->len;
		kg_kcp_acks_note_new(&kcp->acks, kcp->stats.received);
		kcp->tell_left = 0;
		d->new_ts = seg->ts;
		if (!d->has_new || (int32_t)(seg->sn - d->new_sn) > 0)
			d->new_sn = seg->sn;
		d->has_new = true;
		d->events |= KG_KCP_ADVANCED | KG_KCP_RECEIVED;
		if (kcp->params.early_kind != 0 && is_beyond(kcp, seg->sn))
			kg_kcp_early_give(&kcp->recv, seg->sn);
	}
	note_arrival(kcp, seg, d, stored == KG_KCP_STORED_DUPLICATE);
}

static void apply(struct kg_kcp *kcp, const struct kg_kcp_segment *seg, struct digest *d)
{
	bool moved = kg_kcp_peer_on_window(&kcp->peer, seg->una, seg->wnd);

	if (moved)
		d->events |= KG_KCP_ADVANCED;
	d->told |= moved || (seg->cmd == KG_KCP_WINS && seg->wnd > 0);
	if ((int32_t)(seg->una - d->una) > 0)
		d->una = seg->una;
	if (seg->cmd == KG_KCP_ACK)
		on_ack(kcp, seg, d);
	else if (seg->cmd == KG_KCP_PUSH)
		on_push(kcp, seg, d);
	else if (seg->cmd == KG_KCP_WASK)
		kcp->answer_wask = true;
}

static void update_pace(struct kg_kcp *kcp, uint64_t now_us)
{
	uint32_t resent = (uint32_t)(kcp->stats.resent_fast + kcp->stats.resent_timeout +
				     kcp->stats.resent_twin);
	const struct kg_kcp_pace_input in = {
		.now_us = now_us,
		.copies = (uint32_t)kcp->stats.sent + resent,
		.resent = resent,
		.acked = (uint32_t)kcp->stats.sent - kcp->flight.count,
		.window = kg_kcp_send_window(kcp),
		.srtt_us = kg_kcp_rtt_srtt_us(&kcp->rtt),
		.backlogged = kcp->queue != NULL,
		.data = kcp->group_data,
		.parity = kcp->group_parity,
	};

	kg_kcp_pace_update(&kcp->pace, kcp->mem, &in);
}

/*
 * What a peer had no room for it has not acknowledged, and time-out after time-out may have passed.
 * When it tells of room the oldest one goes at once; with its ACK it tells again.
 */
static void on_told(struct kg_kcp *kcp, uint64_t now_us)
{
	struct kg_kcp_flight *f = &kcp->flight;
	const struct kg_kcp_slot *slot;

	if ((f->listed & ~1u) == 0 || (int32_t)(f->una - kcp->peer.edge) >= 0)
		return;
	slot = kg_kcp_flight_slot(f, f->una);
	f->una_due = slot->backoff > 0 && now_us - slot->sent_us > kg_kcp_rtt_srtt_us(&kcp->rtt);
}

static uint32_t fastest_us(const struct digest *d)
{
	return d->fastest_us <= KG_KCP_RTO_MAX_US ? (uint32_t)d->fastest_us : 0;
}

static void tell_rate(struct kg_kcp *kcp, const struct digest *d)
{
	uint32_t segments = (uint16_t)(kcp->acked - d->acked);
	const struct kg_kcp_heard heard = {
		.sent_us = d->sent_us,
		.rtt_us = fastest_us(d),
		.segments = segments,
		.bytes = kcp->cut_short ? d->short_bytes : segments * kg_kcp_takes(kcp, 0),
	};

	kg_kcp_rate_hear(kcp, &heard);
}

/* All segments are in: una, then the estimates, then the windows. */
static void conclude(struct kg_kcp *kcp, struct digest *d)
{
	uint32_t una = kcp->flight.una;

	if (d->has_order)
		note_if_late(kcp, d->order, d);
	on_una(kcp, d);
	if (KG_UNLIKELY(d->late))
		forget_samples(d);
	kg_kcp_flight_advance(&kcp->flight);
	if (KG_UNLIKELY(kcp->flight.ahead || kcp->flight.wary))
		kg_kcp_look_ahead(kcp);
	if (d->told)
		on_told(kcp, d->now_us);
	if (d->has_order)
		kg_kcp_flight_on_acked(&kcp->flight, d->order);
	if (kcp->shared) {
		kcp->lost &= kg_kcp_account(kcp).delivered == d->before.delivered;
		kg_kcp_share_note(kcp, &d->before);
	}
	if (d->has_order && kcp->params.rate_auto)
		tell_rate(kcp, d);
	if (d->slowest_us >= d->fastest_us) {
		kg_kcp_rtt_sample(&kcp->rtt, d->slowest_us, d->now_us);
		if (d->slowest_us > d->fastest_us)
			kg_kcp_rtt_sample(&kcp->rtt, d->fastest_us, d->now_us);
		if (kcp->params.pace && !kcp->params.rate_auto)
			update_pace(kcp, d->now_us);
	}
	if (kcp->flight.una != una)
		kg_kcp_cwnd_on_advance(&kcp->cwnd, kcp->mss, kcp->peer.wnd, kcp->flight.next_order);
	kg_kcp_update_probe(kcp);
}

void kg_kcp_meet_original(struct kg_kcp *kcp)
{
	kcp->original = true;
}

/* A box says each ACK twice: hardly ever is one brought back. */
void kg_kcp_expect_late(struct kg_kcp *kcp)
{
	kcp->late = kcp->original;
}

enum kg_drop kg_kcp_input(struct kg_kcp *kcp, const uint8_t *data, size_t len, uint64_t now_us,
			  unsigned int *events)
{
	uint32_t received = kcp->stats.received;
	struct kg_kcp_segment seg;
	struct digest d;

	*events = 0;
	if (!well_formed(kcp, data, len))
		return KG_DROP_KCP_MALFORMED;
	d = (struct digest){
		.now_us = kg_kcp_clock(kcp, now_us),
		.now_ts = kg_kcp_ts(kcp, kcp->now_us),
		.una = kcp->flight.una,
		.acked = kcp->acked,
		.fastest_us = UINT64_MAX,
		.late = kcp->late,
	};
	kcp->late = false;
	if (kcp->shared) {
		d.before = kg_kcp_account(kcp);
		d.ledger = kcp->member.share->ledger;
	}
	if (kcp->params.rcv_grows)
		kg_kcp_need_update(kcp, d.now_ts);
	while (len >= KG_KCP_HEADER_BYTES) {
		size_t bytes = kg_kcp_segment_decode(data, len, &seg);

		apply(kcp, &seg, &d);
		data += bytes;
		len -= bytes;
	}
	if (kcp->params.rcv_grows && d.has_new)
		kg_kcp_need_note(kcp, kcp->stats.received - received, d.new_sn);
	if (KG_UNLIKELY(kcp->recv.pulled) && d.has_new)
		kg_kcp_pull_hear(kcp, d.new_sn, d.new_ts, kcp->stats.received - received);
	conclude(kcp, &d);
	kcp->active_us = d.now_us;
	*events = d.events | (kcp->acked != d.acked ? KG_KCP_ACKED : 0) |
		  (kcp->recv.messages > 0 ? KG_KCP_READABLE : 0) |
		  (kcp->repeating ? KG_KCP_REPEATING : 0);
	return KG_DROP_NONE;
}
