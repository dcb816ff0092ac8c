/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP (RFC 826) for IPv4 and neighbour discovery (RFC 4861) for IPv6, as much as a host needs on a
 * port that Linux does not have: it asks for one neighbour and answers for its own addresses.
 * Frames are untagged.
 */
#pragma once

#include "net/addr.h"
#include "net/frame.h"

/* The longest we build: an IPv6 solicitation or advertisement. */
#define BENCH_NEIGHBOUR_FRAME_MAX (KG_ETHER_BYTES + KG_IPV6_BYTES + 32)

enum bench_neighbour_kind {
	BENCH_NEIGHBOUR_NONE,     /* something else, or broken */
	BENCH_NEIGHBOUR_QUESTION, /* sender asks who has `ip` */
	BENCH_NEIGHBOUR_ANSWER,   /* `ip` is at `mac` */
};

struct bench_neighbour {
	enum bench_neighbour_kind kind;
	struct kg_ip ip;
	struct kg_mac mac;        /* of an answer */
	struct kg_ip asker;       /* of a question */
	struct kg_mac return_mac; /* of a question: where the answer goes */
};

struct bench_neighbour_self {
	struct kg_ip ip;
	struct kg_mac mac;
};

void bench_neighbour_parse(struct bench_neighbour *message, const uint8_t *bytes, size_t len);

/* Write a frame to `out`, BENCH_NEIGHBOUR_FRAME_MAX bytes, and return its length. */
uint16_t bench_neighbour_ask(uint8_t *out, const struct bench_neighbour_self *self,
			     const struct kg_ip *ip);
/* `self` has the address that was asked for. */
uint16_t bench_neighbour_answer(uint8_t *out, const struct bench_neighbour_self *self,
				const struct bench_neighbour *question);
