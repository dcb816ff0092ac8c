/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our session in the place of either end of a recording. What it sends is looked at only for its
 * ports and its control messages: the recorded peer goes on as it did. Our server chooses a uid of
 * its own, so in what it hears the recorded client's conv is replaced by it, with parity made anew;
 * everything else is heard as it was sent.
 */
#pragma once

#include "base/base.h"
#include "fec/fec.h"
#include "replay/capture.h"
#include "replay/recordings.h"
#include "session/session.h"

#define BENCH_FLOWS    2
#define BENCH_FEATURES 16 /* values of a kind byte's low nibble */

struct bench;

/* One application flow and what our end heard of it. */
struct flow {
	struct kg_channel *ch;
	enum kg_protocol protocol;
	uint32_t uid; /* the recorded one */
	uint8_t heard[STREAM_MAX];
	size_t heard_bytes, heard_messages;
	bool opened, closed;
	enum kg_close why;
	char text[KG_MESSAGE_TEXT_MAX_BYTES + 1];
	struct kg_fec_encoder *encoder; /* server, FEC: of the shards that are heard */
};

struct bench_config {
	const struct recording *recording;
	enum kg_role role;
	uint32_t keep_alive_s;
	uint16_t last_port; /* of the server's; 0: SERVER_PORT is the only one */
	/* The application of a flow hears a message. */
	void (*react)(struct bench *b, struct flow *flow, const uint8_t *bytes, size_t len);
};

struct bench {
	struct bench_config config;
	const struct recording *recording;
	struct capture capture;
	struct kg_session *session;
	struct kg_fec *fec; /* NULL: off */
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_twheel *wheel;
	struct kg_rng rng;
	struct kg_seen *seen;
	struct flow flows[BENCH_FLOWS];
	size_t flow_count;
	struct kg_port_range ports; /* the server's */
	uint16_t next_port;
	uint16_t handshake_port, data_port; /* client: where our latest datagrams came from */
	uint64_t now_us;
	/* Messages that left, by feature, the same again too. Right where each fits a segment, and
	 * there is no FEC. */
	unsigned int said[BENCH_FEATURES];
};

struct bench *bench_create(const struct bench_config *config);
void bench_destroy(struct bench *b);

/* Time goes on, and what is due is sent. */
void bench_advance(struct bench *b, uint64_t now_us);
/* Our end hears a datagram, which it must take. */
void bench_hear(struct bench *b, const struct datagram *d, uint16_t local_port);
/* Server: makes a datagram of the recorded client one for the channel that we have opened. */
void bench_translate(struct bench *b, struct datagram *d);

/* Client: a new flow, for the application that the recorded client had. */
struct flow *bench_open(struct bench *b, enum kg_protocol protocol);
void bench_say(struct bench *b, struct flow *flow, const uint8_t *bytes, size_t len);
