/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a test datagram carries: whose it is, and when it left. A run numbers its datagrams from 0
 * and gives them to its flows in turn, so number modulo flows is the flow.
 *
 *   bytes 0-3 magic, 4-7 run, 8-15 number, 16-23 time-stamp counter at departure; big endian
 */
#pragma once

#include "base/base.h"

#define BENCH_PROBE_BYTES 24

struct bench_probe {
	uint32_t run; /* tells late ones of earlier runs from those of this */
	uint64_t number;
	uint64_t sent_cyc;
};

/* Writes BENCH_PROBE_BYTES. */
void bench_probe_encode(const struct bench_probe *probe, uint8_t *out);
/* False when it is no test datagram. */
bool bench_probe_decode(struct bench_probe *probe, const uint8_t *bytes, size_t len);
