/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An original's server at the end of a rig: a session of ours answers its handshakes, and the one
 * channel that comes of them is stock KCP (rival/stock.h). It answers where it has heard the
 * channel last, whatever it was. What it says is pieces, each behind its number.
 */
#pragma once

#include "session_rig.h"

#include <string.h>

#include "base/bytes.h"
#include "rival/stock.h"
#include "wire/message.h"

struct stock_server {
	struct rig *rig;
	struct kg_kcp_params params;
	uint16_t piece_bytes;
	bool begun; /* the channel was heard */
	struct kg_tuple at;
	uint64_t updated_ms;
	uint64_t looked_ms;            /* at its clock, and has not sent since; 0: it has */
	uint8_t piece[KG_KCP_MTU_MAX]; /* its segments, as far as they have been read: */
	uint16_t read_bytes;
	struct kg_stock stock;
};

static inline void stock_server_init(struct stock_server *s, struct rig *rig,
				     const struct kg_kcp_params *params, uint16_t piece_bytes)
{
	s->rig = rig;
	s->params = *params;
	s->piece_bytes = piece_bytes;
	s->begun = false;
	s->read_bytes = 0;
	s->looked_ms = 0;
}

static inline void stock_server_fini(struct stock_server *s)
{
	if (s->begun)
		kg_stock_fini(&s->stock);
}

static inline bool stock_server_is_channel(const uint8_t *bytes)
{
	return kg_load_le32(bytes) != 0; /* conv */
}

static inline void stock_server_emit(void *host, const uint8_t *data, uint16_t len)
{
	struct stock_server *s = host;

	kg_sim_link_send(&s->rig->ends[KG_ROLE_SERVER].link, rig_goes_on_us(s->rig, RIG_WIRE),
			 &s->at.local, &s->at.remote, data, len);
}

static inline void stock_server_fill(uint32_t sn, uint8_t *to, uint16_t len)
{
	memset(to, 0, len);
	to[0] = kg_message_kind(KG_FEATURE_RAW_DATA, KG_PROTOCOL_TCP);
	kg_store_le64(to + KG_MESSAGE_KIND_BYTES, sn);
}

static inline void stock_server_begin(struct stock_server *s, uint32_t conv)
{
	s->params.conv = conv;
	s->updated_ms = s->rig->now_us / KG_US_PER_MS;
	memset(&s->stock, 0, sizeof(s->stock));
	kg_stock_init(&s->stock, &s->params, (uint32_t)s->updated_ms);
	s->stock.emit = stock_server_emit;
	s->stock.fill = stock_server_fill;
	s->stock.host = s;
	s->begun = true;
}

/* A datagram of the channel. */
static inline void stock_server_hear(struct stock_server *s, const struct kg_datagram *in)
{
	if (!s->begun)
		stock_server_begin(s, kg_load_le32(in->data));
	s->at = (struct kg_tuple){ .local = in->local, .remote = in->remote };
	s->stock.now = (uint32_t)(s->rig->now_us / KG_US_PER_MS);
	kg_stock_input(&s->stock, in->data, in->len);
}

/* Pieces that it can take to be sent now. */
static inline uint32_t stock_server_room(const struct stock_server *s)
{
	return s->begun && s->stock.queued < s->params.snd_wnd ? s->params.snd_wnd - s->stock.queued
							       : 0;
}

static inline void stock_server_say(struct stock_server *s)
{
	kg_stock_send(&s->stock, KG_MESSAGE_KIND_BYTES + s->piece_bytes);
}

/* The next piece that has come, behind its kind; NULL: there is none. */
static inline const uint8_t *stock_server_read(struct stock_server *s)
{
	const uint16_t whole = KG_MESSAGE_KIND_BYTES + s->piece_bytes;
	const uint8_t *segment;
	uint16_t len;

	while (s->begun && (segment = kg_stock_read(&s->stock, &len)) != NULL) {
		if (s->read_bytes == 0 &&
		    segment[0] != kg_message_kind(KG_FEATURE_RAW_DATA, KG_PROTOCOL_TCP))
			continue;
		assert_true(s->read_bytes + len <= whole);
		memcpy(s->piece + s->read_bytes, segment, len);
		s->read_bytes = (uint16_t)((s->read_bytes + len) % whole);
		if (s->read_bytes == 0)
			return s->piece + KG_MESSAGE_KIND_BYTES;
	}
	return NULL;
}

/* It looks at its clock once a millisecond; when next. */
static inline uint64_t stock_server_update(struct stock_server *s)
{
	uint64_t now_ms = s->rig->now_us / KG_US_PER_MS;
	uint64_t goes_on_us = rig_goes_on_us(s->rig, RIG_SENDER);

	if (s->looked_ms == 0)
		s->looked_ms = now_ms;
	if (goes_on_us > s->rig->now_us)
		return goes_on_us;
	if (s->begun && s->looked_ms > s->updated_ms) {
		s->updated_ms = s->looked_ms;
		kg_stock_update(&s->stock, (uint32_t)s->looked_ms);
	}
	s->looked_ms = 0;
	return (now_ms + 1) * KG_US_PER_MS;
}
