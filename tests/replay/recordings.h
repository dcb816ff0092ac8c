/* SPDX-License-Identifier: BSD-3-Clause */
/* What was done while the recordings in vectors/captures were made. */
#pragma once

#include "base/base.h"

#define SERVER_PORT   3000
#define BANDWIDTH_Bps (100 * 1024 * 1024 / 8) /* 100M of the settings */
#define STREAM_MAX    20000
#define FLOW_BYTES    101 /* of each datagram of the UDP flow */

struct recording {
	const char *name;
	uint32_t tcp_uid;
	size_t tcp_bytes; /* each way */
	uint32_t udp_uid;
	size_t udp_datagrams; /* each way */
	const char *refusal;  /* instead of all that */
	uint8_t data, parity; /* of FEC; 0: off */
	uint8_t mux_channels; /* 0: each flow has a channel of its own */
};

static const struct recording recordings[] = {
	{ "aes-gcm", 289001117, 20000, 2219860, 5, NULL },
	{ "aes-ocb", 2451189395, 3000, 260820165, 2, NULL },
	{ "chacha20", 1681060078, 3000, 1555721418, 2, NULL },
	{ "xchacha20", 448750599, 3000, 3976301495, 2, NULL },
	{ "xor", 199159041, 3000, 2139863879, 2, NULL },
	{ "none", 1211821888, 3000, 1977738468, 2, NULL },
	{ "refused", 0, 0, 0, 0, "Connection refused" },
};

/* The TCP stream, both ways. */
static inline void stream_fill(uint8_t *out, size_t at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((at + i) * 31 + ((at + i) >> 8) * 7);
}

/* A datagram of the UDP flow, both ways: its number and the beginning of the stream. */
static inline void flow_fill(uint8_t out[FLOW_BYTES], size_t nth)
{
	out[0] = (uint8_t)nth;
	stream_fill(out + 1, 0, FLOW_BYTES - 1);
}
