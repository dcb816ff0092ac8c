/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The listing beside a recording (vectors/captures/NAME.txt), made by an independent decoder: one
 * line per datagram. Its words for messages are looked for apart from those for segments.
 */
#pragma once

#include "replay/capture.h"
#include "wire/message.h"

#define LISTING_LINE_BYTES 512

struct listing {
	char *text;
	const char *line; /* next */
};

void listing_load(struct listing *listing, const char *name);
void listing_free(struct listing *listing);

/* The next datagram's line without what it says of messages, single spaces between words; false at
 * the end. */
bool listing_next(struct listing *listing, char line[LISTING_LINE_BYTES]);

/* The same of a datagram of ours. False when its body is no chain of segments; with FEC (data
 * shards per group, 0: off) no shard. */
bool listing_of_datagram(char line[LISTING_LINE_BYTES], const struct datagram *d, uint8_t fec_data,
			 uint64_t start_us);

/* What the listing says of a message; for raw data only kind and length. */
void listing_of_message(char words[LISTING_LINE_BYTES], const struct kg_message *msg, size_t len);
