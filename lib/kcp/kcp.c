/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes a conversation, sets its options, and tells its deadline and what can be seen of it. */
#include "kcp/kcp.h"

#include "kcp/internal.h"
#include "kcp/kcp_segment.h"

#define TRIM_AFTER_US   1000000u
#define FORGET_AFTER_US 10000000u /* how fast a path was */

const struct kg_kcp_params kg_kcp_handshake_params = {
	.conv = 0,
	.mtu = 1400,
	.snd_wnd = 32,
	.rcv_wnd = 128,
	.nodelay = 1,
	.interval_ms = 1,
	.resend = 3,
	.nc = true,
	.blast = true,
};

static size_t kcp_bytes(const struct kg_kcp_params *params)
{
	return sizeof(struct kg_kcp) + params->resend * sizeof(uint32_t);
}

static struct kg_kcp_params sane_params(const struct kg_kcp_params *params)
{
	struct kg_kcp_params sane = *params;

	sane.mtu = KG_MIN(KG_MAX(sane.mtu, KG_KCP_MTU_MIN), KG_KCP_MTU_MAX);
	sane.snd_wnd = KG_MAX(sane.snd_wnd, 1);
	sane.rcv_wnd = KG_MAX(sane.rcv_wnd, 1);
	sane.interval_ms = KG_MAX(sane.interval_ms, 1);
	return sane;
}

struct kg_kcp *kg_kcp_create(const struct kg_kcp_params *params, struct kg_mem *mem,
			     struct kg_buf_pool *pool, uint64_t now_us)
{
	struct kg_kcp *kcp = kg_mem_alloc(mem, kcp_bytes(params));

	if (kcp == NULL)
		return NULL;
	kcp->mem = mem;
	kcp->pool = pool;
	kcp->params = sane_params(params);
	kcp->mss = kcp->params.mtu - KG_KCP_HEADER_BYTES;
	kcp->now_us = kcp->active_us = kcp->flush_us = now_us;
	kcp->queue_tail = &kcp->queue;
	kg_kcp_flight_init(&kcp->flight, params->first_sn, params->resend);
	kcp->flight.prompt = params->prompt;
	kg_kcp_rtt_init(&kcp->rtt, kcp->params.nodelay, kcp->params.interval_ms);
	kg_kcp_cwnd_init(&kcp->cwnd, kcp->mss);
	kg_kcp_peer_init(&kcp->peer, params->first_sn);
	kg_kcp_recv_init(&kcp->recv, params->first_sn, kcp->params.rcv_wnd);
	kcp->recv.early_kind = params->early_kind;
	return kcp;
}

void kg_kcp_destroy(struct kg_kcp *kcp)
{
	if (kcp == NULL)
		return;
	kg_buf_free_chain(kcp->queue);
	kg_kcp_leave(kcp);
	kg_kcp_flight_fini(&kcp->flight, kcp->mem, kcp->pool);
	kg_kcp_recv_fini(&kcp->recv, kcp->mem, kcp->pool);
	kg_kcp_acks_fini(&kcp->acks, kcp->mem);
	kg_kcp_forget_rate(kcp);
	kg_mem_free(kcp->mem, kcp, kcp_bytes(&kcp->params));
}

void kg_kcp_set_conv(struct kg_kcp *kcp, uint32_t conv)
{
	kcp->params.conv = conv;
}

void kg_kcp_set_windows(struct kg_kcp *kcp, uint16_t snd_wnd, uint16_t rcv_wnd)
{
	if (snd_wnd != 0) {
		kcp->params.snd_wnd = snd_wnd;
		kcp->params.snd_spread = false;
		kg_kcp_update_group_part(kcp);
	}
	if (rcv_wnd != 0) {
		kcp->params.rcv_wnd = rcv_wnd;
		kcp->params.rcv_grows = false;
		kg_kcp_recv_set_window(&kcp->recv, rcv_wnd);
		kg_kcp_update_tell(kcp);
	}
}

uint16_t kg_kcp_mss(const struct kg_kcp *kcp)
{
	return kcp->mss;
}

void kg_kcp_set_mtu(struct kg_kcp *kcp, uint16_t mtu)
{
	uint16_t before = kcp->mss;

	mtu = KG_MIN(KG_MAX(mtu, KG_KCP_MTU_MIN), kcp->params.mtu);
	kcp->mss = mtu - KG_KCP_HEADER_BYTES;
	kcp->cut_short |= kg_kcp_is_cut_short(kcp);
	if (kcp->mss < before)
		kg_kcp_cut_queue(kcp);
}

uint32_t kg_kcp_own_window(const struct kg_kcp *kcp)
{
	const struct kg_kcp_params *params = &kcp->params;
	uint32_t most;

	if (!params->rate_auto)
		return params->snd_wnd;
	most = params->snd_spread ? KG_KCP_WINDOW_MAX : params->snd_wnd;
	if (kcp->shared)
		return KG_MIN(kg_kcp_share_window(kcp->member.share), most);
	return KG_MIN(kcp->pace.window > 0 ? kcp->pace.window : KG_KCP_RATE_FIRST, most);
}

uint32_t kg_kcp_send_window(const struct kg_kcp *kcp)
{
	uint32_t window = KG_MIN(kg_kcp_own_window(kcp), kcp->peer.wnd);

	return kcp->params.nc ? window : KG_MIN(window, kcp->cwnd.window);
}

/* What is left of a window; 0 and below: nothing. */
static int32_t left_of(uint32_t window, uint32_t used)
{
	return (int32_t)(window - used);
}

uint32_t kg_kcp_may_send(const struct kg_kcp *kcp)
{
	const struct kg_kcp_flight *f = &kcp->flight;
	uint32_t span = f->nxt - f->una;
	int32_t left = left_of(kg_kcp_edge(kcp), f->nxt);

	if (kcp->queue == NULL || (kcp->shared && kcp->lost))
		return 0;
	if (kg_kcp_is_free(kcp))
		left = KG_MIN(left, left_of(kg_kcp_own_window(kcp), f->count));
	if (!kg_kcp_spreads(kcp))
		left = KG_MIN(left, left_of(kcp->params.snd_wnd, span));
	if (!kcp->params.nc)
		left = KG_MIN(left, left_of(kcp->cwnd.window, span));
	if (kcp->ring_stuck)
		left = KG_MIN(left, left_of(f->ring.capacity, span));
	return left > 0 ? (uint32_t)left : 0;
}

void kg_kcp_update_probe(struct kg_kcp *kcp)
{
	bool silent = kcp->peer.wnd == 0 || kcp->flight.count == 0;
	bool blocked = kcp->queue != NULL && silent && !kg_kcp_peer_allows(kcp);

	kg_kcp_peer_set_blocked(&kcp->peer, blocked, kcp->rtt.rto_us, kcp->now_us);
}

void kg_kcp_tell_later(struct kg_kcp *kcp)
{
	if (kcp->tell_left > 0)
		return;
	kcp->tell_left = 1;
	kcp->tell_us = kcp->now_us + KG_KCP_LOOK_US;
}

void kg_kcp_update_tell(struct kg_kcp *kcp)
{
	bool telling = kcp->tell_left > 0 && kcp->tell_us <= kcp->now_us;

	if (telling || !kg_kcp_recv_reopened(&kcp->recv, kcp->pool))
		return;
	kcp->tell_left = KG_KCP_TELL_TIMES;
	kcp->tell_us = kcp->now_us;
}

struct kg_buf *kg_kcp_recv(struct kg_kcp *kcp)
{
	struct kg_buf *message = kg_kcp_recv_take(&kcp->recv);

	if (message != NULL && kcp->recv.told_shut)
		kg_kcp_update_tell(kcp);
	return message;
}

uint64_t kg_kcp_trim_us(const struct kg_kcp *kcp)
{
	bool knows, holds;

	if (kcp->flight.count > 0 || kcp->queue != NULL || kcp->recv.held > 0 ||
	    kg_kcp_acks_owed(&kcp->acks))
		return KG_NEVER_US;
	knows = kcp->params.rate_auto && !kcp->shared && kcp->pace.rate != NULL;
	holds = kcp->flight.ring.capacity > 0 || kcp->recv.ring.capacity > 0 ||
		kcp->acks.capacity > 0 || kcp->recv.wnd > kcp->params.rcv_wnd;
	if (!holds && !knows)
		return KG_NEVER_US;
	return kcp->active_us + (holds ? TRIM_AFTER_US : FORGET_AFTER_US);
}

void kg_kcp_rest(struct kg_kcp *kcp)
{
	kcp->active_us = kcp->now_us - TRIM_AFTER_US;
}

void kg_kcp_trim(struct kg_kcp *kcp)
{
	kg_kcp_flight_trim(&kcp->flight, kcp->mem);
	kg_kcp_recv_trim(&kcp->recv, kcp->mem);
	kg_kcp_acks_fini(&kcp->acks, kcp->mem);
	if (!kcp->shared &&
	    (!kcp->params.rate_auto || kcp->now_us - kcp->active_us >= FORGET_AFTER_US))
		kg_kcp_forget_rate(kcp);
	kg_kcp_recv_set_window(&kcp->recv, kcp->params.rcv_wnd);
}

/* Data waits for its pace, and for the grid of flushes when blast is off. */
static uint64_t data_deadline_us(const struct kg_kcp *kcp)
{
	bool may = kcp->waits == KG_KCP_WAITS_NOT || kcp->permitted;
	bool may_send = may && (kg_kcp_may_send(kcp) > 0 || kg_kcp_may_try(kcp));
	uint64_t due_us = 0;

	if (kcp->waits == KG_KCP_WAITS_TO_MEND && !kcp->permitted)
		return KG_NEVER_US;
	if (!may_send)
		due_us = kg_kcp_flight_due_us(&kcp->flight, &kcp->rtt);
	if (!may_send && may)
		due_us = KG_MIN(due_us, kg_kcp_try_us(kcp));
	if (kg_kcp_is_free(kcp))
		due_us = KG_MAX(due_us, kg_kcp_pace_due_us(kcp));
	return kcp->params.blast ? due_us : KG_MAX(due_us, kcp->flush_us);
}

static uint64_t acks_due_us(const struct kg_kcp *kcp)
{
	uint32_t waiting = kcp->params.prompt ? 0 : kcp->recv.held;
	uint64_t due_us = kg_kcp_acks_due_us(&kcp->acks, kcp->recv.nxt, waiting,
					     kg_kcp_rtt_srtt_us(&kcp->rtt));

	return KG_UNLIKELY(kcp->recv.pulled) ? KG_MAX(due_us, kg_kcp_pull_acks_due_us(kcp))
					     : due_us;
}

uint64_t kg_kcp_deadline_us(const struct kg_kcp *kcp)
{
	uint64_t deadline_us = kcp->answer_wask ? 0 : data_deadline_us(kcp);

	if (deadline_us == 0)
		return 0;
	deadline_us = KG_MIN(deadline_us, kcp->peer.probe_us);
	deadline_us = KG_MIN(deadline_us, acks_due_us(kcp));
	if (kcp->tell_left > 0)
		deadline_us = KG_MIN(deadline_us, kcp->tell_us);
	if (kcp->expires)
		deadline_us = KG_MIN(deadline_us, kg_kcp_stale_us(kcp));
	if (KG_UNLIKELY(kcp->recv.pulled))
		deadline_us = KG_MIN(deadline_us, kg_kcp_pull_due_us(kcp));
	return KG_MIN(deadline_us, kg_kcp_trim_us(kcp));
}

bool kg_kcp_take_repeating(struct kg_kcp *kcp)
{
	bool repeating = kcp->repeating;

	kcp->repeating = false;
	return repeating;
}

bool kg_kcp_has_hole(const struct kg_kcp *kcp)
{
	return kcp->recv.held > 0;
}

bool kg_kcp_was_heard(const struct kg_kcp *kcp)
{
	const struct kg_kcp_flight *f = &kcp->flight;

	return f->una != kcp->params.first_sn || f->nxt - f->una > f->count;
}

uint32_t kg_kcp_next_order(const struct kg_kcp *kcp)
{
	return kcp->flight.next_order;
}

uint32_t kg_kcp_newest_order(const struct kg_kcp *kcp)
{
	return kcp->flight.newest_acked;
}

void kg_kcp_lose_before(struct kg_kcp *kcp, uint32_t order)
{
	for (uint8_t i = 0; i < kcp->flight.resend; i++)
		kg_kcp_flight_on_acked(&kcp->flight, order);
}

uint32_t kg_kcp_take_acked(struct kg_kcp *kcp)
{
	uint32_t acked = kcp->acked;

	kcp->acked = 0;
	return acked;
}

uint32_t kg_kcp_unacked(const struct kg_kcp *kcp)
{
	return kcp->queued + kcp->flight.count;
}

uint32_t kg_kcp_held(const struct kg_kcp *kcp)
{
	return kg_kcp_unacked(kcp) + kcp->recv.listed + kcp->recv.held;
}

void kg_kcp_set_of_crowd(struct kg_kcp *kcp, bool of_crowd)
{
	kcp->recv.of_crowd = of_crowd;
}

uint32_t kg_kcp_received(const struct kg_kcp *kcp)
{
	return kcp->stats.received;
}

uint64_t kg_kcp_waits_since_us(const struct kg_kcp *kcp)
{
	const struct kg_kcp_flight *f = &kcp->flight;
	uint32_t age_ms;

	if (f->count == 0)
		return KG_NEVER_US;
	age_ms = kg_kcp_ts(kcp, kcp->now_us) - kg_kcp_flight_slot(f, f->una)->first_ts;
	return kcp->now_us - KG_MIN(age_ms * (uint64_t)KG_US_PER_MS, kcp->now_us);
}

uint32_t kg_kcp_share_of_mix(const struct kg_kcp *kcp, uint32_t share)
{
	return kg_buf_share_of_mix(share, kcp->mix);
}

uint32_t kg_kcp_queued(const struct kg_kcp *kcp)
{
	return kcp->queued;
}

uint32_t kg_kcp_peer_window(const struct kg_kcp *kcp)
{
	return kcp->peer.wnd;
}

uint16_t kg_kcp_receive_window(const struct kg_kcp *kcp)
{
	return kcp->recv.wnd;
}

void kg_kcp_expect_rtt(struct kg_kcp *kcp, uint32_t rtt_us)
{
	kg_kcp_rtt_expect(&kcp->rtt, rtt_us);
}

uint32_t kg_kcp_rtt_us(const struct kg_kcp *kcp)
{
	return kg_kcp_rtt_srtt_us(&kcp->rtt);
}

void kg_kcp_get_stats(const struct kg_kcp *kcp, struct kg_kcp_stats *stats)
{
	*stats = (struct kg_kcp_stats){
		.srtt_us = kg_kcp_rtt_srtt_us(&kcp->rtt),
		.rttvar_us = kcp->rtt.rttvar4_us / 4,
		.rto_us = kcp->rtt.rto_us,
		.snd_wnd = kcp->params.snd_wnd,
		.rcv_wnd = kcp->recv.wnd,
		.rmt_wnd = kcp->peer.wnd,
		.cwnd = kcp->cwnd.window,
		.in_flight = kcp->flight.count,
		.queued = kcp->queued,
		.held = kcp->recv.held,
		.readable = kcp->recv.listed,
		.sent = kcp->stats.sent,
		.sent_bytes = kcp->stats.sent_bytes,
		.resent_fast = kcp->stats.resent_fast,
		.resent_timeout = kcp->stats.resent_timeout,
		.resent_twin = kcp->stats.resent_twin,
		.resent_spare = kcp->stats.resent_spare,
		.resent_needless = kcp->stats.resent_needless,
		.received = kcp->stats.received,
		.received_bytes = kcp->stats.received_bytes,
		.duplicates = kcp->stats.duplicates,
		.out_of_window = kcp->stats.out_of_window,
		.refused = kcp->stats.refused,
		.acks_sent = kcp->stats.acks_sent,
		.acks_received = kcp->stats.acks_received,
	};
}

bool kg_kcp_peek_first(const uint8_t *data, size_t len, uint32_t conv, const uint8_t **payload,
		       size_t *payload_len)
{
	struct kg_kcp_segment seg;
	bool found = false;

	while (len >= KG_KCP_HEADER_BYTES) {
		size_t bytes = kg_kcp_segment_decode(data, len, &seg);

		if (bytes == 0 || seg.conv != conv)
			return false;
		if (!found && seg.cmd == KG_KCP_PUSH && seg.sn == 0 && seg.frg == 0 && !seg.tail) {
			found = true;
			*payload = seg.payload;
			*payload_len = seg.len;
		}
		data += bytes;
		len -= bytes;
	}
	return found;
}
