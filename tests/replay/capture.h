/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A recording between two originals (vectors/captures/NAME.pcap), opened with what its settings
 * file NAME.client.conf says; those under udphop/ are of UDP Hop, and have an iden for conv.
 * Loading fails the running cmocka test when anything does not open, or would be sealed to other
 * bytes.
 */
#pragma once

#include "base/base.h"
#include "kcp/kcp.h"
#include "net/addr.h"

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
	bool lost; /* not heard in a replay; false unless a test says so */
};

struct capture {
	struct datagram *datagrams;
	size_t count;
};

/* regular3, which is in all settings; the mtu is the original's default. */
extern const struct kg_kcp_params capture_kcp;

void capture_load(struct capture *capture, const char *name);
void capture_free(struct capture *capture);

/* The client's port of its n-th handshake, n from 0, which there must be. */
uint16_t capture_handshake_port(const struct capture *capture, size_t n);

/* vectors/captures/NAME.SUFFIX */
const char *capture_path(char path[1024], const char *name, const char *suffix);
