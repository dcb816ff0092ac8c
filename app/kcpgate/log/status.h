/* SPDX-License-Identifier: BSD-3-Clause */
/* The text of a tunnel's status, as KCPTube writes it. */
#pragma once

#include "base/base.h"

#include <stdio.h>

#define KG_STATUS_EVERY_S    60
#define KG_STATUS_RATE_BYTES 32

/* Of one period. Raw: of datagrams on the wire; inner: of the messages in them. */
struct kg_status_traffic {
	uint64_t received_raw, received, sent, sent_raw; /* bytes */
	uint64_t recovered;                              /* datagrams, by parity */
};

/* Of one period: payload of applications through mux channels. */
struct kg_status_mux {
	uint64_t tcp_received, udp_received, tcp_sent, udp_sent; /* bytes */
};

/* A rate of so many bytes in a period, in whole numbers. */
const char *kg_status_rate(uint64_t bytes, char text[KG_STATUS_RATE_BYTES]);

void kg_status_heading(FILE *to, const char *stamp, const char *name);
/* `leg`: "" for a tunnel that is none. */
void kg_status_traffic(FILE *to, const char *leg, const struct kg_status_traffic *traffic);
void kg_status_channel(FILE *to, const char *leg, uint32_t conv, uint32_t srtt_us);
void kg_status_mux(FILE *to, const struct kg_status_mux *mux);
/* Of a leg so many channels are not shown. */
void kg_status_more(FILE *to, const char *leg, uint64_t channels);
