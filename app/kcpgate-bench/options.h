/* SPDX-License-Identifier: BSD-3-Clause */
/* kcpgate-bench [EAL options --] --test NAME [options] */
#pragma once

#include "base/base.h"

#include <stdio.h>

struct bench_options {
	char **eal; /* what stood before "--" */
	int eal_count;
	const char *test;
	const char *algorithm; /* as in the configuration; NULL: all that there are */
	const char *preset;    /* of KCP */
	const char *fec;       /* as in the configuration; "": off */
	const char *json;      /* file, NULL: none */
	uint32_t size;         /* payload bytes of a message; 0: the test's own */
	uint32_t window;       /* segments; 0: the test's own */
	uint32_t channels;     /* 0: the test's own */
	uint32_t mux;          /* tunnel: channels that all connections share; 0: none */
	uint32_t kcp_mtu;      /* tunnel; 0: of the path */
	uint32_t keep_alive_s; /* idle; 0: off */
	uint32_t workers;      /* tunnel: of each box */
	uint32_t cores;        /* tunnel: of a pair of workers, 1 or 2 */
	uint32_t seconds;
	uint32_t stats_period_s;                       /* 0: only at the end */
	uint64_t segments;                             /* kcp */
	double loss_percent;                           /* negative: the test's own */
	double rtt_ms, jitter_ms, rate_mbit, queue_ms; /* talk; rate 0: no bottleneck */
	const char *on, *sender;                       /* path; NULL: all */
	uint32_t seeds;                                /* path */
	/* box */
	const char *from, *to, *sink, *gateway;
	uint32_t flows, pps, max_pps, trials; /* pps 0: search up to max_pps */
	double loss_tolerance_percent, precision_percent;
	bool imix, echo, adaptive;
	bool relay;     /* tunnel: one between client and server */
	bool datagrams; /* UDP payload instead of a TCP stream */
	bool udphop;    /* tunnel: its wire */
};

/* False with words on `errors`. */
bool bench_options_parse(struct bench_options *options, int argc, char **argv, FILE *errors);
void bench_options_help(FILE *to);
