/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stock KCPTube peer in miniature, for what matters to us: one ACK per PUSH on the interval's
 * grid, fast resend by counting ACK datagrams, its collapsing RTO, window from una (docs/kcp.md
 * §3). Messages of one segment, no congestion window, sn from 0 to STOCK_MAX-1; milliseconds.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kcp/kcp.h"

#define STOCK_MAX 20000

struct stock_segment {
	uint16_t len;
	uint8_t copies;
	bool acked;
	uint32_t rto, resend_at, overtaken;
};

struct stock {
	struct kg_kcp_params params;
	uint32_t srtt, rttvar, rto, next_flush, now;
	uint32_t una, nxt, queued, rmt_wnd;
	uint64_t copies_sent;
	struct stock_segment out[STOCK_MAX];
	/* receiving */
	uint32_t rcv_nxt, read;
	uint16_t in_len[STOCK_MAX];
	uint8_t *in[STOCK_MAX];
	uint32_t ack_sn[STOCK_MAX], ack_ts[STOCK_MAX];
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
void stock_init(struct stock *s, const struct kg_kcp_params *params, uint32_t now_ms);
void stock_fini(struct stock *s);
void stock_send(struct stock *s, uint16_t len);
void stock_input(struct stock *s, const uint8_t *data, size_t len);
/* Once per millisecond. */
void stock_update(struct stock *s, uint32_t now_ms);
/* The next message in order, or NULL; belongs to the peer until stock_fini. */
const uint8_t *stock_read(struct stock *s, uint16_t *len);
