/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tests. Each prints its tables and adds a JSON object per result row to `rows`. EAL is up.
 * False: it could not be run; it has said why.
 */
#pragma once

#include "options.h"

#include <jansson.h>

/* The limit: seal and open alone, bursts of 32. */
bool bench_aead(const struct bench_options *options, json_t *rows);
/* FEC alone: encode, decode without loss and with as much as there may be. */
bool bench_fec(const struct bench_options *options, json_t *rows);
/* The KCP engine: a pair in memory, virtual time. */
bool bench_kcp(const struct bench_options *options, json_t *rows);
/* Our sender and its rivals on twelve paths, virtual time: how much of each they use, and how. */
bool bench_path(const struct bench_options *options, json_t *rows);
/* A conversation on a path with delay and loss, virtual time: what the wire carries, how late. */
bool bench_talk(const struct bench_options *options, json_t *rows);
/* The box's own stages: a client and a server worker, one core each, joined by in-memory ports. */
bool bench_tunnel(const struct bench_options *options, json_t *rows);
/* The same boxes with many channels: what they cost at rest, and when they come and go. */
bool bench_idle(const struct bench_options *options, json_t *rows);
bool bench_handshake(const struct bench_options *options, json_t *rows);
/* Running boxes from outside, over real ports: loss-free rate and latency. */
bool bench_box(const struct bench_options *options, json_t *rows);
