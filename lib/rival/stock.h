/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stock KCPTube peer in miniature, for what matters to us: one ACK per PUSH on the interval's
 * grid, fast resend by counting ACK datagrams, its collapsing RTO, window from una (docs/kcp.md
 * §3). Messages of one segment, no congestion window, sn from 0; milliseconds. Windows are at most
 * half of KG_STOCK_MAX.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kcp/kcp.h"

#define KG_STOCK_MAX 16384 /* segments on the send side, in flight and queued */

struct kg_stock_segment {
	uint16_t len;
	uint8_t copies;
	bool acked;
	uint32_t rto, resend_at, overtaken;
};

struct kg_stock {
	struct kg_kcp_params params;
	uint32_t srtt, rttvar, rto, next_flush, now;
	uint32_t una, nxt, queued, rmt_wnd;
	uint64_t copies_sent;
	struct kg_stock_segment out[KG_STOCK_MAX]; /* by sn, as all that follows */
	/* receiving */
	uint32_t rcv_nxt, read;
	uint16_t in_len[KG_STOCK_MAX];
	uint8_t *in[KG_STOCK_MAX];
	uint8_t *taken; /* what was read last */
	uint32_t ack_sn[KG_STOCK_MAX], ack_ts[KG_STOCK_MAX];
	uint32_t acks;
	bool tell;
	/* one datagram; the host sends it */
	void (*emit)(void *host, const uint8_t *data, uint16_t len);
	/* writes the payload of our sn */
	void (*fill)(uint32_t sn, uint8_t *to, uint16_t len);
	void *host;
	uint8_t buffer[KG_KCP_MTU_MAX];
	uint16_t used;
};

/* Zeroed memory; emit, fill and host are set by the caller. */
void kg_stock_init(struct kg_stock *s, const struct kg_kcp_params *params, uint32_t now_ms);
void kg_stock_fini(struct kg_stock *s);
void kg_stock_send(struct kg_stock *s, uint16_t len);
void kg_stock_input(struct kg_stock *s, const uint8_t *data, size_t len);
/* Once per millisecond. */
void kg_stock_update(struct kg_stock *s, uint32_t now_ms);
/* The next message in order, or NULL; belongs to the peer until the next is read. */
const uint8_t *kg_stock_read(struct kg_stock *s, uint16_t *len);
