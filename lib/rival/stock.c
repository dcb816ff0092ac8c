/* SPDX-License-Identifier: BSD-3-Clause */
/* Plays a stock peer: acknowledges each PUSH, sends again by its rules, and takes what comes. */
#include "rival/stock.h"

#include <stdlib.h>
#include <string.h>

#include "kcp/kcp_segment.h"

#define RTO_MIN_MS 10 /* as KCPTube sets it */

void kg_stock_init(struct kg_stock *s, const struct kg_kcp_params *params, uint32_t now_ms)
{
	s->params = *params;
	s->rto = 200;
	s->rmt_wnd = 128;
	s->now = s->next_flush = now_ms;
}

void kg_stock_fini(struct kg_stock *s)
{
	for (uint32_t sn = 0; sn < KG_STOCK_MAX; sn++)
		free(s->in[sn]);
	free(s->taken);
}

void kg_stock_send(struct kg_stock *s, uint16_t len)
{
	s->out[(s->nxt + s->queued++) % KG_STOCK_MAX] = (struct kg_stock_segment){ .len = len };
}

static void take_sample(struct kg_stock *s, uint32_t sample)
{
	uint32_t delta = sample > s->srtt ? sample - s->srtt : s->srtt - sample;

	if (s->srtt == 0) {
		s->srtt = sample;
		s->rttvar = sample / 2;
	} else {
		s->rttvar = (3 * s->rttvar + delta) / 4;
		s->srtt = KG_MAX((7 * s->srtt + sample) / 8, 1u);
	}
	s->rto = s->srtt + KG_MAX((uint32_t)s->params.interval_ms, 4 * s->rttvar);
	s->rto = KG_MIN(KG_MAX(s->rto, (uint32_t)RTO_MIN_MS), 60000u);
}

static void on_push(struct kg_stock *s, const struct kg_kcp_segment *seg)
{
	if (seg->sn >= s->rcv_nxt + s->params.rcv_wnd)
		return;
	if (s->acks < KG_STOCK_MAX) {
		s->ack_sn[s->acks] = seg->sn;
		s->ack_ts[s->acks++] = seg->ts;
	}
	if (seg->sn >= s->rcv_nxt && s->in[seg->sn % KG_STOCK_MAX] == NULL) {
		s->in[seg->sn % KG_STOCK_MAX] = malloc(seg->len + 1u);
		memcpy(s->in[seg->sn % KG_STOCK_MAX], seg->payload, seg->len);
		s->in_len[seg->sn % KG_STOCK_MAX] = (uint16_t)seg->len;
	}
	while (s->in[s->rcv_nxt % KG_STOCK_MAX] != NULL && s->rcv_nxt - s->read < s->params.rcv_wnd)
		s->rcv_nxt++;
}

void kg_stock_input(struct kg_stock *s, const uint8_t *data, size_t len)
{
	struct kg_kcp_segment seg;
	uint32_t reference = 0;
	bool acked = false;

	for (size_t bytes; (bytes = kg_kcp_segment_decode(data, len, &seg)) > 0;
	     data += bytes, len -= bytes) {
		s->rmt_wnd = seg.wnd;
		for (; s->una < seg.una && s->una < s->nxt; s->una++)
			s->out[s->una % KG_STOCK_MAX].acked = true;
		if (seg.cmd == KG_KCP_PUSH)
			on_push(s, &seg);
		s->tell |= seg.cmd == KG_KCP_WASK;
		if (seg.cmd != KG_KCP_ACK)
			continue;
		if (s->now >= seg.ts)
			take_sample(s, s->now - seg.ts);
		if (seg.sn >= s->una && seg.sn < s->nxt)
			s->out[seg.sn % KG_STOCK_MAX].acked = true;
		reference = KG_MAX(reference, seg.sn);
		acked = true;
	}
	while (s->una < s->nxt && s->out[s->una % KG_STOCK_MAX].acked)
		s->una++;
	if (!acked || reference < s->una || reference >= s->nxt)
		return;
	for (uint32_t sn = s->una; sn < reference; sn++)
		s->out[sn % KG_STOCK_MAX].overtaken++;
}

const uint8_t *kg_stock_read(struct kg_stock *s, uint16_t *len)
{
	size_t at = s->read % KG_STOCK_MAX;

	if (s->read == s->rcv_nxt)
		return NULL;
	s->tell |= s->rcv_nxt - s->read >= s->params.rcv_wnd;
	free(s->taken);
	s->taken = s->in[at];
	s->in[at] = NULL;
	*len = s->in_len[at];
	s->read++;
	return s->taken;
}

static void emit(struct kg_stock *s)
{
	if (s->used > 0)
		s->emit(s->host, s->buffer, s->used);
	s->used = 0;
}

static void put(struct kg_stock *s, uint8_t cmd, uint32_t sn, uint32_t ts, uint16_t len)
{
	struct kg_kcp_segment seg = {
		.conv = s->params.conv,
		.cmd = cmd,
		.wnd = (uint16_t)(s->params.rcv_wnd - (s->rcv_nxt - s->read)),
		.ts = ts,
		.sn = sn,
		.una = s->rcv_nxt,
		.len = len,
	};

	if (s->used + KG_KCP_HEADER_BYTES + len > s->params.mtu)
		emit(s);
	kg_kcp_segment_encode(s->buffer + s->used, &seg);
	s->used += KG_KCP_HEADER_BYTES;
	if (cmd == KG_KCP_PUSH)
		s->fill(sn, s->buffer + s->used, len);
	s->used += len;
}

static void transmit(struct kg_stock *s, uint32_t sn)
{
	struct kg_stock_segment *seg = &s->out[sn % KG_STOCK_MAX];

	seg->resend_at = s->now + seg->rto;
	if (seg->copies == 0 && s->params.nodelay == 0)
		seg->resend_at += s->rto / 8;
	seg->copies++;
	s->copies_sent++;
	put(s, KG_KCP_PUSH, sn, s->now, seg->len);
}

static void resend(struct kg_stock *s, uint32_t sn)
{
	struct kg_stock_segment *seg = &s->out[sn % KG_STOCK_MAX];

	if (s->now >= seg->resend_at) {
		if (s->params.nodelay == 0)
			seg->rto += KG_MAX(seg->rto, s->rto);
		else
			seg->rto += (s->params.nodelay == 1 ? seg->rto : s->rto) / 2;
		transmit(s, sn);
	} else if (s->params.resend > 0 && seg->overtaken >= s->params.resend && seg->copies <= 5) {
		seg->overtaken = 0;
		transmit(s, sn);
	}
}

static void flush(struct kg_stock *s)
{
	uint32_t window = KG_MIN((uint32_t)s->params.snd_wnd, s->rmt_wnd);

	for (uint32_t i = 0; i < s->acks; i++)
		put(s, KG_KCP_ACK, s->ack_sn[i], s->ack_ts[i], 0);
	s->acks = 0;
	if (s->tell)
		put(s, KG_KCP_WINS, 0, 0, 0);
	s->tell = false;
	for (uint32_t sn = s->una; sn < s->nxt; sn++)
		if (!s->out[sn % KG_STOCK_MAX].acked)
			resend(s, sn);
	for (; s->queued > 0 && s->nxt < s->una + window; s->nxt++, s->queued--) {
		s->out[s->nxt % KG_STOCK_MAX].rto = s->rto;
		transmit(s, s->nxt);
	}
	emit(s);
}

void kg_stock_update(struct kg_stock *s, uint32_t now_ms)
{
	s->now = now_ms;
	if (now_ms < s->next_flush)
		return;
	s->next_flush = now_ms + KG_MAX(s->params.interval_ms, 1);
	flush(s);
}
