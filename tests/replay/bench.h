/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our streams in the place of either end of a recording. What they send is looked at only for its
 * control messages: the recorded peer goes on as it did. Our server chooses uids of its own, so in
 * what it hears the recorded client's conv is replaced, with parity made anew; everything else is
 * heard as it was sent. Our client's handshakes ask at times of their own, which the recorded
 * server's ACKs have in place of its recorded client's.
 */
#pragma once

#include "base/base.h"
#include "fec/fec.h"
#include "mux/stream.h"
#include "replay/capture.h"
#include "replay/recordings.h"
#include "test_host.h"

#define BENCH_SEED     4711u
#define BENCH_FLOWS    2  /* and channels */
#define BENCH_FEATURES 16 /* values of a kind byte's low nibble */

struct bench;

/* One application flow and what our end heard of it. */
struct flow {
	struct kg_stream stream;
	enum kg_protocol protocol;
	uint8_t heard[STREAM_MAX];
	size_t heard_bytes, heard_messages;
	bool unanswered; /* server */
	bool opened;     /* client */
	bool closed;
	enum kg_close why;
	char text[KG_MESSAGE_TEXT_MAX_BYTES + 1];
};

/* Server: a channel of the recorded client. */
struct peer {
	uint32_t uid; /* the recorded one */
	struct kg_fec_encoder *encoder;
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
	struct test_host host;
	struct bench_config config;
	const struct recording *recording;
	struct capture capture;
	struct kg_streams *streams;
	struct kg_fec *fec; /* NULL: off */
	struct flow flows[BENCH_FLOWS];
	size_t flow_count;
	struct kg_port_range ports;            /* the server's */
	struct peer peers[BENCH_FLOWS];        /* in the order in which they are heard */
	uint16_t handshake_ports[BENCH_FLOWS]; /* client: of ours, in their order */
	uint32_t handshake_ts[BENCH_FLOWS];    /* client: and when each has asked, by its clock */
	size_t handshakes;
	uint64_t now_us;
	/* Messages that left, by feature, the same again too. Right where each fits a segment, and
	 * there is no FEC. */
	unsigned int said[BENCH_FEATURES];
};

struct bench *bench_create(const struct bench_config *config);
void bench_destroy(struct bench *b);

/* Time goes on, our server's applications answer, so that what came meanwhile had to wait, and what
 * is due is sent. */
void bench_advance(struct bench *b, uint64_t now_us);
/* Our end hears a datagram, which it must take, unless that was lost. */
void bench_hear(struct bench *b, const struct datagram *d);
/* Our server hears the recorded client, each datagram when it came. */
void bench_replay_client(struct bench *b);

/* Client: a new flow, for the application that the recorded client had. */
struct flow *bench_open(struct bench *b, enum kg_protocol protocol);
void bench_say(struct bench *b, struct flow *flow, const uint8_t *bytes, size_t len);
