/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes one super-frame of TCP frames that continue each other, of which a stack then has the work
 * of one. Only what can be cut into the same frames again is merged: addresses, ports, TTL, TOS
 * with ECN, acknowledgement, window and options are equal, no byte is missing between them, flags
 * are ACK alone. PSH or a shorter frame is the last. A frame's checksums are verified before, for
 * the super-frame's would cover what they found.
 *
 * Of acknowledgements without payload one does for several: the last says all that the others did.
 */
#pragma once

#include "base/base.h"
#include "net/offload.h"

/* What merging makes of a frame. */
enum kg_merge_kind {
	KG_MERGE_FOREIGN, /* whose it is was not found out; it goes alone, after all that came
			     before */
	KG_MERGE_ALONE,   /* TCP that goes alone, after what came before of its flow */
	KG_MERGE_PART,
	KG_MERGE_ACK, /* it acknowledges, and that is all; a later one may do for it */
};

struct kg_merge_frame {
	const uint8_t *bytes; /* an Ethernet frame, whole and without tag */
	enum kg_merge_kind kind;
	uint16_t tcp_at, payload_at; /* the former unless it is foreign */
	uint16_t payload_bytes;      /* the rest is set of parts and acknowledgements only */
	uint16_t ip_id;              /* of IPv4 */
	bool last;                   /* nothing follows it in a super-frame */
};

/* Total over (bytes, len). A checksum is verified unless `sum_good`; an unfilled one, as a virtual
 * NIC's sender leaves it, is good. */
void kg_merge_look(struct kg_merge_frame *frame, const uint8_t *bytes, size_t len, bool sum_good);

/* Frames that are not foreign: of the same ends? */
bool kg_merge_same_flow(const struct kg_merge_frame *a, const struct kg_merge_frame *b);

/* Two frames of one flow: both are acknowledgements, and `later`, which came behind the other,
 * makes it needless. It acknowledges more; one that repeats another is how loss is told. Options
 * other than a timestamp, flags and ECN are never lost. */
bool kg_merge_outdates(const struct kg_merge_frame *later, const struct kg_merge_frame *earlier);

struct kg_merge {
	struct kg_merge_frame first;
	uint32_t frames, payload_bytes;
	uint32_t next_seq;
	uint16_t ip_id; /* of the last */
	bool complete;  /* nothing more is added */
	bool push;
};

/* The part's bytes stay where they are as long as the super-frame is made. */
void kg_merge_begin(struct kg_merge *merge, const struct kg_merge_frame *part);
/* False: the part does not continue it, or not within the length of an IP packet. */
bool kg_merge_add(struct kg_merge *merge, const struct kg_merge_frame *part);
/* Writes into the first part's headers, `bytes`, what they are of all parts; the payloads of the
 * others follow its own. One part alone stays as it is. */
void kg_merge_end(const struct kg_merge *merge, uint8_t *bytes, struct kg_offload *offload);
