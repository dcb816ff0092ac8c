/* SPDX-License-Identifier: BSD-3-Clause */
/* The KCP engine that a box would have with the options given, and what stands around its
 * datagrams. */
#pragma once

#include "options.h"

#include "kcp/kcp.h"

#define BENCH_ETHERNET_BYTES 14
#define BENCH_IP_BYTES       1500 /* of the longest packet */

/* IPv4, UDP, envelope and seal. */
uint16_t bench_engine_overhead_bytes(void);
/* False: there is no such preset, and that has been said. */
bool bench_engine_params(const struct bench_options *options, struct kg_kcp_params *params);
