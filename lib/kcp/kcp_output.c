/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues messages, and fills the datagrams that are due (docs/kcp.md §6): ACKs, window segments,
 * retransmissions, spares that are overdue, new data, in this order, packed up to the mtu. ACKs and
 * window segments do not wait for the grid of flushes, as data does when blast is off.
 */
#include <string.h>

#include "kcp/internal.h"
#include "kcp/kcp_segment.h"

#define ACKS_MAX (KG_KCP_MTU_MAX / KG_KCP_HEADER_BYTES)

/* The datagram being written. */
struct writer {
	uint8_t *out;
	uint16_t used, mtu;
	bool at_all; /* what is too long for the mtu goes alone */
	bool taken;  /* its place in the pace */
	uint64_t now_us;
	uint64_t pace_us;          /* what leaves takes its place in the pace as if it were then */
	struct kg_kcp_segment seg; /* conv, wnd and una for all its segments */
};

static bool fits(const struct writer *w, uint16_t len)
{
	return w->used + KG_KCP_HEADER_BYTES + len <= w->mtu || (w->at_all && w->used == 0);
}

static void put(struct writer *w, uint8_t cmd, uint32_t sn, uint32_t ts)
{
	w->seg.cmd = cmd;
	w->seg.sn = sn;
	w->seg.ts = ts;
	kg_kcp_segment_encode(w->out + w->used, &w->seg);
	w->used += KG_KCP_HEADER_BYTES;
}

/* Which part of its message it is stands in w->seg. */
static void put_push(struct writer *w, uint32_t sn, uint32_t ts, const uint8_t *data, uint16_t len)
{
	w->seg.len = len;
	put(w, KG_KCP_PUSH, sn, ts);
	memcpy(w->out + w->used, data, len);
	w->used += len;
}

static void put_copy(const struct kg_kcp *kcp, struct writer *w, uint32_t sn, uint32_t ts)
{
	const struct kg_kcp_slot *slot = kg_kcp_flight_slot(&kcp->flight, sn);

	w->seg.frg = slot->frg;
	w->seg.tail = kcp->recv.tails && slot->tail;
	put_push(w, sn, ts, kg_kcp_flight_data(slot), slot->len);
}

static void put_acks(struct kg_kcp *kcp, struct writer *w)
{
	struct kg_kcp_ack acks[ACKS_MAX];
	uint32_t n, earlier_ms;

	if (!kg_kcp_acks_owed(&kcp->acks) ||
	    (kcp->recv.pulled && kg_kcp_pull_acks_due_us(kcp) > w->now_us))
		return;
	earlier_ms = kcp->recv.pulled ? kg_kcp_pull_slack_ms(kcp) : 0;
	n = kg_kcp_acks_take(&kcp->acks, w->seg.una, kcp->params.resend, kg_kcp_ts(kcp, w->now_us),
			     acks, w->mtu / KG_KCP_HEADER_BYTES);
	for (uint32_t i = 0; i < n; i++)
		put(w, KG_KCP_ACK, acks[i].sn, acks[i].ts - earlier_ms);
	kcp->stats.acks_sent += n;
}

static void put_wask(struct kg_kcp *kcp, struct writer *w)
{
	if (kcp->peer.probe_us > w->now_us || !fits(w, 0))
		return;
	put(w, KG_KCP_WASK, 0, 0);
	kg_kcp_peer_on_probe_sent(&kcp->peer, w->now_us);
}

/* The announcement of a reopened window is repeated: a stock peer that misses it asks only after
 * seven seconds. */
static void put_wins(struct kg_kcp *kcp, struct writer *w)
{
	bool tell = kcp->tell_left > 0 && kcp->tell_us <= w->now_us;
	bool grant = kcp->recv.pulled && w->used == 0 && kg_kcp_pull_due_us(kcp) <= w->now_us;

	if (tell && w->seg.wnd == 0) {
		kcp->tell_us = w->now_us + KG_KCP_LOOK_US;
		tell = false;
	}
	if ((!tell && !grant && !kcp->answer_wask) || !fits(w, 0))
		return;
	put(w, KG_KCP_WINS, 0, 0);
	kcp->answer_wask = false;
	if (!tell)
		return;
	kcp->tell_left--;
	kcp->tell_us = w->now_us + 2 * (uint64_t)kcp->rtt.rto_us;
}

static void note_resent(struct kg_kcp *kcp, uint32_t order, enum kg_kcp_cause cause)
{
	struct kg_kcp_flight *f = &kcp->flight;

	if (cause == KG_KCP_CAUSE_FAST) {
		kcp->stats.resent_fast++;
		kg_kcp_cwnd_on_fast(&kcp->cwnd, kcp->mss, f->nxt - f->una, kcp->params.resend,
				    order, f->next_order);
		return;
	}
	kcp->stats.resent_timeout++;
	f->tries &= kg_kcp_holds_its_own(kcp) &&
		    (!kcp->shared || kcp->member.share->members <= KG_KCP_TRIERS);
	if (cause == KG_KCP_CAUSE_TIMEOUT)
		kg_kcp_cwnd_on_timeout(&kcp->cwnd, kcp->mss, order, f->next_order);
}

/* What has waited for its pace alone, and then for a machine that was busy, catches up. */
static uint64_t pace_us(const struct kg_kcp *kcp, uint64_t now_us)
{
	bool late = kg_kcp_is_free(kcp) ? kcp->paced : kcp->member.share->late;
	uint64_t late_us = late ? KG_KCP_PACE_LATE_US : 0;

	return now_us - KG_MIN(late_us, now_us);
}

/* Where what is small has spares, and waits for a TCP inside, a datagram that begins with it has
 * one place in the pace, however many segments are in it. */
static void take(struct kg_kcp *kcp, struct writer *w, uint16_t len)
{
	struct kg_kcp_pace *pace = kg_kcp_pace_of(kcp);

	if (w->taken)
		return;
	w->taken = kcp->flight.spares_left > 0 && len <= KG_KCP_SPARE_BYTES;
	if (kcp->params.rate_auto)
		kg_kcp_pace_take_bytes(pace, kg_kcp_takes(kcp, len), w->pace_us);
	else
		kg_kcp_pace_take(pace, w->pace_us);
}

/* Equal to the copy in the datagram before. False when it does not fit, or there is another one. */
static bool put_twin(struct kg_kcp *kcp, struct writer *w)
{
	struct kg_kcp_flight *f = &kcp->flight;
	struct kg_kcp_slot *slot;
	uint32_t sn;

	if (f->twins == 0 || kg_kcp_flight_twin_us(f, &kcp->rtt) > w->now_us)
		return true;
	if (f->ends && kcp->queue != NULL) { /* something follows */
		f->twins = 0;
		return true;
	}
	sn = kg_kcp_flight_full_sn(f, f->twin);
	slot = kg_kcp_flight_slot(f, sn);
	kg_kcp_blank(kcp, slot);
	if (!fits(w, slot->len))
		return false;
	put_copy(kcp, w, sn, kg_kcp_ts(kcp, slot->sent_us));
	take(kcp, w, slot->len);
	kg_kcp_flight_on_twin(f);
	kcp->stats.resent_twin++;
	return f->twins == 0;
}

/* Of a segment, the copy before, of so many bytes, is lost. */
static void enter_loss(const struct kg_kcp *kcp, const struct kg_kcp_slot *slot, uint16_t len)
{
	if (kcp->shared && kcp->member.share->ledger != NULL)
		kg_ledger_lost(kcp->member.share->ledger, slot->sent_us, len);
}

/* False when a copy is due that does not fit any more, or must not be in the same datagram. */
static bool put_resends(struct kg_kcp *kcp, struct writer *w)
{
	struct kg_kcp_flight *f = &kcp->flight;
	enum kg_kcp_cause cause;
	uint32_t sn;

	while (kg_kcp_flight_next_due(f, &kcp->rtt, w->now_us, &sn, &cause)) {
		struct kg_kcp_slot *slot = kg_kcp_flight_slot(f, sn);
		uint32_t order = slot->order;
		uint16_t len = slot->len;

		if (cause == KG_KCP_CAUSE_FAST && kg_kcp_doubt(kcp, sn))
			continue;
		kg_kcp_blank(kcp, slot);
		if (!fits(w, slot->len))
			return false;
		kcp->repeating |= slot->copies >= KG_KCP_IN_VAIN;
		kcp->lost |= kcp->shared && cause == KG_KCP_CAUSE_TIMEOUT;
		put_copy(kcp, w, sn, kg_kcp_ts(kcp, w->now_us));
		take(kcp, w, slot->len);
		enter_loss(kcp, slot, len);
		kg_kcp_flight_resend(f, &kcp->rtt, sn, cause, w->now_us);
		note_resent(kcp, order, cause);
		kg_kcp_repeat(kcp, sn);
		if (f->twins > 0)
			return false;
	}
	return true;
}

/* Takes the first queued segment into flight; false when there is no memory for it. */
static bool put_next(struct kg_kcp *kcp, struct writer *w)
{
	struct kg_buf *buf = kcp->queue;
	uint32_t ts = kg_kcp_ts(kcp, w->now_us);
	bool tail = kcp->begun;

	kcp->ring_stuck = !kg_kcp_flight_reserve(&kcp->flight, kcp->mem);
	if (kcp->ring_stuck)
		return false;
	kcp->queue = buf->next;
	if (kcp->queue == NULL) {
		kcp->queue_tail = &kcp->queue;
		kcp->cut_short &= kg_kcp_is_cut_short(kcp);
		kg_kcp_end_burst(kcp);
	} else {
		kg_prefetch(kcp->queue->data, kcp->queue->len);
	}
	kcp->queued--;
	kcp->begun = kg_kcp_mark_frg(buf) > 0;
	w->seg.frg = kg_kcp_mark_frg(buf);
	w->seg.tail = kcp->recv.tails && tail;
	put_push(w, kcp->flight.nxt, ts, buf->data, buf->len);
	take(kcp, w, buf->len);
	kcp->stats.sent++;
	kcp->stats.sent_bytes += buf->len;
	kg_buf_mix_note(&kcp->mix, kcp->pool, buf->len);
	kg_kcp_flight_add(&kcp->flight, kcp->pool, buf, tail, w->now_us, ts);
	return true;
}

static bool has_spares(const struct kg_kcp *kcp)
{
	return kcp->flight.spares_left > 0 && kcp->group_data == 0;
}

/* What is small fills a datagram to a half, where it has spares: in a burst the other half is for
 * those of the datagram before. */
static bool fits_beside_spares(const struct kg_kcp *kcp, const struct writer *w, uint16_t len)
{
	if (w->used == 0 || len > KG_KCP_SPARE_BYTES || !has_spares(kcp))
		return true;
	return w->used + KG_KCP_HEADER_BYTES + len <= w->mtu / 2;
}

/* It does as it is, or can be made to. */
static bool next_fits(const struct kg_kcp *kcp, const struct writer *w)
{
	uint16_t len = kcp->queue->len;

	if (fits(w, len))
		return fits_beside_spares(kcp, w, len);
	return fits(w, 1) && kg_kcp_shorten(kcp, w->mtu - w->used - KG_KCP_HEADER_BYTES);
}

/* The end of a longer message has none: what was before it is as likely lost. */
static bool wants_spare(const struct kg_kcp *kcp, const struct kg_kcp_slot *slot)
{
	if (slot->buf == NULL || slot->copies > 1 || slot->tail || slot->len > KG_KCP_SPARE_BYTES)
		return false;
	return !kcp->expires || !kg_kcp_mark_is_stale(slot->buf, kcp->now_us);
}

/* Of what was new in datagrams before and has none yet, as far as what is new from `first` on
 * leaves room. */
static void put_spares(struct kg_kcp *kcp, struct writer *w, uint32_t first)
{
	struct kg_kcp_flight *f = &kcp->flight;
	uint32_t before = kcp->stats.resent_spare;

	for (f->fresh = (uint8_t)KG_MIN(f->fresh, first - f->una); f->fresh > 0; f->fresh--) {
		uint32_t sn = first - f->fresh;
		struct kg_kcp_slot *slot = kg_kcp_flight_slot(f, sn);

		if (!wants_spare(kcp, slot))
			continue;
		if (!fits(w, slot->len))
			break;
		put_copy(kcp, w, sn, kg_kcp_ts(kcp, w->now_us));
		slot->spare = true;
		kcp->stats.resent_spare++;
	}
	if (kcp->stats.resent_spare != before)
		f->spares_left--;
}

/* For which no datagram has had room. In a stream of full ones they would have none for ever. */
static void put_overdue_spares(struct kg_kcp *kcp, struct writer *w)
{
	uint16_t before = w->used;

	if (kcp->flight.fresh < KG_KCP_SPARE_WAITS || !has_spares(kcp))
		return;
	put_spares(kcp, w, kcp->flight.nxt);
	if (w->used != before)
		take(kcp, w, KG_KCP_SPARE_BYTES);
}

/* False when a segment may go that does not fit any more. */
static bool put_new(struct kg_kcp *kcp, struct writer *w)
{
	uint32_t left = kg_kcp_may_send(kcp);
	bool tries = left == 0 && kg_kcp_may_try(kcp);

	for (left += tries; left > 0 && kcp->queue != NULL; left--) {
		if (kcp->expires && kg_kcp_stale_us(kcp) <= w->now_us)
			break;
		if (!next_fits(kcp, w))
			return false;
		if (!put_next(kcp, w))
			break;
		if (tries)
			kg_kcp_flight_defer(&kcp->flight);
		kcp->tried |= tries;
	}
	return true;
}

static void on_new(struct kg_kcp *kcp, struct writer *w, uint32_t first)
{
	struct kg_kcp_flight *f = &kcp->flight;

	if (f->nxt == first || !f->prompt)
		return;
	if (has_spares(kcp))
		put_spares(kcp, w, first);
	else
		f->fresh = 0;
	f->fresh = (uint8_t)KG_MIN(f->nxt - first + f->fresh, (uint32_t)UINT8_MAX);
}

static bool may_leave(const struct kg_kcp *kcp, uint64_t now_us)
{
	if (kg_kcp_is_free(kcp))
		return kg_kcp_pace_due_us(kcp) <= now_us;
	return kcp->permitted || kg_kcp_is_sparse(kcp);
}

static void put_data(struct kg_kcp *kcp, struct writer *w)
{
	uint32_t first = kcp->flight.nxt;
	uint16_t before = w->used;
	bool done;

	if (!kcp->params.blast && kcp->flush_us > w->now_us)
		return;
	if (!may_leave(kcp, w->now_us))
		return;
	w->pace_us = pace_us(kcp, w->now_us);
	done = put_twin(kcp, w) && put_resends(kcp, w);
	put_overdue_spares(kcp, w);
	done = done && put_new(kcp, w);
	kcp->flushing |= w->used != before;
	kcp->permitted = kcp->permitted && w->used == before;
	on_new(kcp, w, first);
	if (done && kcp->flushing) {
		kcp->flushing = false;
		kcp->flush_us = w->now_us + kcp->params.interval_ms * (uint64_t)KG_US_PER_MS;
	}
}

/* Nothing more leaves for now. The peer's window, a written one or memory says nothing of the path.
 */
static void note_limit(struct kg_kcp *kcp)
{
	bool room = kcp->flight.count < kg_kcp_own_window(kcp);

	kcp->paced = kg_kcp_may_send(kcp) > 0;
	kcp->held_back |= kcp->queue != NULL && room && !kcp->paced;
}

/* Of data that has just left. */
static bool says_more(const struct kg_kcp *kcp)
{
	return kcp->rows && !kcp->params.prompt && kcp->group_data == 0 && kg_kcp_goes_on(kcp);
}

uint16_t kg_kcp_output(struct kg_kcp *kcp, uint64_t now_us, uint8_t *out)
{
	struct kg_kcp_account before;
	bool permitted = kcp->permitted;
	struct writer w = {
		.out = out,
		.mtu = kcp->mss + KG_KCP_HEADER_BYTES,
		.at_all = true,
		.now_us = kg_kcp_clock(kcp, now_us),
		.seg = { .conv = kcp->params.conv, .una = kcp->recv.nxt },
	};

	if (kg_kcp_deadline_us(kcp) > w.now_us) {
		if (kcp->params.rate_auto && kg_kcp_is_free(kcp))
			note_limit(kcp);
		return 0;
	}
	if (kcp->shared)
		before = kg_kcp_account(kcp);
	if (kg_kcp_trim_us(kcp) <= w.now_us)
		kg_kcp_trim(kcp);
	w.seg.wnd = kg_kcp_window(kcp);
	put_acks(kcp, &w);
	put_wask(kcp, &w);
	put_wins(kcp, &w);
	put_data(kcp, &w);
	if (kcp->shared)
		kg_kcp_share_note(kcp, &before);
	if (w.used > 0) {
		kg_kcp_told(kcp, w.seg.wnd);
		if (kcp->group_data == 0)
			kg_kcp_acks_told(&kcp->acks, w.seg.una, w.now_us);
		if (permitted && !kcp->permitted && says_more(kcp))
			out[5] |= KG_KCP_MORE;
	}
	kg_kcp_update_probe(kcp);
	return w.used;
}

/* A segment that the peer has had: the one before all it lacks, or one that it has acknowledged
 * beyond a first one that does not arrive. */
static uint32_t had_by_peer(const struct kg_kcp *kcp)
{
	const struct kg_kcp_flight *f = &kcp->flight;
	uint32_t sn = f->nxt;

	if (f->una != kcp->params.first_sn)
		return f->una - 1;
	while (sn-- != f->una) {
		if (kg_kcp_flight_slot(f, sn)->buf == NULL)
			return sn;
	}
	return f->una - 1;
}

/* Of a datagram that is nothing but a question or a probe. */
static struct writer by_itself(struct kg_kcp *kcp, uint64_t now_us, uint8_t *out)
{
	struct writer w = {
		.out = out,
		.now_us = kg_kcp_clock(kcp, now_us),
		.seg = { .conv = kcp->params.conv, .una = kcp->recv.nxt },
	};

	w.seg.wnd = kg_kcp_advertise(kcp);
	return w;
}

uint16_t kg_kcp_question(struct kg_kcp *kcp, uint32_t ts, uint16_t room, uint64_t now_us,
			 uint8_t *out)
{
	const struct kg_kcp_flight *f = &kcp->flight;
	bool first = !kg_kcp_was_heard(kcp) && f->count > 0;
	struct writer w = by_itself(kcp, now_us, out);

	w.mtu = KG_MIN(room, kcp->params.mtu);
	kcp->question_ts = ts;
	kcp->probing = false;
	if (first)
		kg_kcp_blank(kcp, kg_kcp_flight_slot(f, f->una));
	if (first && fits(&w, kg_kcp_flight_slot(f, f->una)->len))
		put_copy(kcp, &w, f->una, ts);
	else
		put_push(&w, had_by_peer(kcp), ts, out, 0);
	return w.used;
}

uint32_t kg_kcp_probe_ts(const struct kg_kcp *kcp, uint32_t chance)
{
	uint32_t now_ts = kg_kcp_ts(kcp, kcp->now_us);

	return (now_ts - (1u << 30) - (chance & ((1u << 29) - 1))) &
	       ~(KG_KCP_PROBES_MAX * KG_KCP_PROBE_STEP_MS - 1);
}

uint16_t kg_kcp_probe(struct kg_kcp *kcp, uint32_t ts, unsigned int nth, uint16_t bytes,
		      uint64_t now_us, uint8_t *out)
{
	static const uint8_t zeros[KG_KCP_MTU_MAX];
	struct writer w = by_itself(kcp, now_us, out);

	kcp->question_ts = ts;
	kcp->probing = true;
	bytes = KG_MIN(KG_MAX(bytes, KG_KCP_HEADER_BYTES), KG_KCP_MTU_MAX);
	put_push(&w, had_by_peer(kcp), ts + nth * KG_KCP_PROBE_STEP_MS, zeros,
		 bytes - KG_KCP_HEADER_BYTES);
	return w.used;
}

/* Checks a chain against the rules of kg_kcp_send. Returns the number of segments, 0 when a rule is
 * broken. */
static uint32_t count_segments(const struct kg_kcp *kcp, const struct kg_buf *chain)
{
	uint16_t most = kcp->params.mtu - KG_KCP_HEADER_BYTES;
	uint32_t n = 0;

	for (const struct kg_buf *buf = chain; buf != NULL; buf = buf->next) {
		bool empty = buf->len == 0 && (buf != chain || buf->next != NULL);

		if (buf->len > most || empty || n == KG_KCP_FRAGMENTS_MAX)
			return 0;
		n++;
	}
	return n;
}

static bool is_one_segment(const struct kg_kcp *kcp, const struct kg_buf *chain)
{
	return chain != NULL && chain->next == NULL && chain->len <= kcp->mss;
}

bool kg_kcp_send_until(struct kg_kcp *kcp, struct kg_buf *chain, uint64_t until_us, uint64_t now_us)
{
	bool whole = is_one_segment(kcp, chain), waits;

	if (!whole && count_segments(kcp, chain) == 0)
		return false;
	/* The first ring is had here, so that what is accepted can always be sent. */
	if (kcp->flight.ring.capacity == 0 && !kg_kcp_flight_reserve(&kcp->flight, kcp->mem))
		return false;
	waits = kcp->queue != NULL;
	kcp->expires |= until_us != KG_NEVER_US;
	kg_kcp_append(kcp, whole ? chain : kg_kcp_cut(kcp, chain), kg_kcp_mark_until(until_us));
	kcp->active_us = kg_kcp_clock(kcp, now_us);
	if (!waits)
		kg_kcp_update_probe(kcp);
	return true;
}

bool kg_kcp_send(struct kg_kcp *kcp, struct kg_buf *chain, uint64_t now_us)
{
	return kg_kcp_send_until(kcp, chain, KG_NEVER_US, now_us);
}
