/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A recording between two originals (vectors/captures/NAME.pcap), opened with what its settings
 * file NAME.client.conf says. Loading fails the running cmocka test when anything does not open.
 */
#pragma once

#include "base/base.h"
#include "net/addr.h"

/* One segment of KCP's chain (wire.md §1). */
struct segment {
	uint32_t conv;
	uint8_t cmd, frg;
	uint16_t wnd;
	uint32_t ts, sn, una;
	const uint8_t *payload;
	uint32_t len;
};

struct datagram {
	uint64_t time_us;     /* Unix time of the recording */
	bool from_client;     /* the client is who sent first */
	uint16_t client_port; /* the client's end: tells its sockets apart */
	struct kg_endpoint source, destination;
	uint16_t sealed_len;
	uint64_t sealed_digest; /* differs between any two datagrams */
	int32_t skew_s;         /* timestamp inside minus time_us */
	uint32_t conv;
	uint8_t *body;
	size_t body_len;
};

struct capture {
	struct datagram *datagrams;
	size_t count;
};

void capture_load(struct capture *capture, const char *name);
void capture_free(struct capture *capture);

/* vectors/captures/NAME.SUFFIX */
const char *capture_path(char path[1024], const char *name, const char *suffix);

/* Takes the next segment off; false at the end, or when what is left is no segment: then *len is
 * not 0. */
bool segment_next(struct segment *segment, const uint8_t **bytes, size_t *len);
