/* SPDX-License-Identifier: BSD-3-Clause */
/* KCPTube's messages inside KCP, and what boxes add to them (docs/wire.md §2): kind byte (protocol
 * in the high nibble, feature in the low) and arguments, all integers big-endian. */
#pragma once

#include "base/base.h"
#include "base/drop.h"

enum kg_feature {
	KG_FEATURE_INITIALISE = 0,
	KG_FEATURE_FAILURE = 1,
	KG_FEATURE_DISCONNECT = 2,
	KG_FEATURE_KEEP_ALIVE = 3, /* on conv 0: test_connection */
	KG_FEATURE_KEEP_ALIVE_RESPONSE = 4,
	KG_FEATURE_RAW_DATA = 5,
	KG_FEATURE_MUX_TRANSFER = 6,
	KG_FEATURE_MUX_CANCEL = 7,
	KG_FEATURE_PRE_CONNECT = 8,
	KG_FEATURE_FINISH = 9, /* only to peers that have announced KG_CAPABILITY_HALF_CLOSE */
	/* only to peers that have announced KG_CAPABILITY_MUX */
	KG_FEATURE_MUX_FINISH = 10,
	KG_FEATURE_MUX_CREDIT = 11,
	KG_FEATURE_MUX_RETURN = 12, /* only with KG_CAPABILITY_MUX_RETURN */
};

enum kg_protocol {
	KG_PROTOCOL_NOT_CARE = 0,
	KG_PROTOCOL_MUX = 1,
	KG_PROTOCOL_TCP = 2,
	KG_PROTOCOL_UDP = 3,
};

#define KG_MESSAGE_KIND_BYTES     1
#define KG_MESSAGE_MUX_BYTES      5  /* of a mux_transfer, before its data: kind, connection_id */
#define KG_INITIALISE_MIN_BYTES   28 /* kind, 26 of numbers, terminating 0 */
#define KG_INITIALISE_MAX_BYTES   36 /* and docs/wire.md §2.1; the custom address comes on top */
#define KG_MESSAGE_TEXT_MAX_BYTES 255

/*
 * What an end can do beyond the original, which ignores whatever follows the custom address. Used
 * only when both ends have announced it (docs/wire.md).
 */
#define KG_CAPABILITY_HALF_CLOSE   (1u << 0) /* finish: this direction has ended */
#define KG_CAPABILITY_RIGHT_PARITY (1u << 1) /* FEC: parity is right, over padding of zeros */
#define KG_CAPABILITY_MUX          (1u << 2) /* mux_finish, and credit for each connection */
#define KG_CAPABILITY_MUX_RETURN   (1u << 3) /* little credit at first; what is not used returns */
#define KG_CAPABILITY_PLACES       (1u << 4) /* a client speaks from several places */
#define KG_CAPABILITY_ROWS         (1u << 5) /* a datagram may say that another follows at once */
#define KG_CAPABILITY_TAILS        (1u << 6) /* a segment may say that it is not the first */

struct kg_initialise {
	uint32_t uid;
	uint16_t port_start, port_end;
	uint64_t outbound_Bps, inbound_Bps; /* bytes per second; 0: no opinion */
	uint16_t custom_port;
	const uint8_t *custom_address; /* not terminated; into the decoded bytes */
	size_t custom_address_len;
	uint32_t capabilities; /* KG_CAPABILITY_…; 0: an original, or nothing to announce */
	uint8_t relays;        /* that it has passed, as far as they are ours and say it */
};

struct kg_message {
	enum kg_feature feature;
	enum kg_protocol protocol;
	struct kg_initialise initialise; /* INITIALISE */
	uint32_t connection_id;          /* MUX_*, PRE_CONNECT */
	uint32_t credit_bytes;           /* MUX_CREDIT, MUX_RETURN */
	uint16_t port;                   /* PRE_CONNECT */
	const uint8_t *data; /* RAW_DATA, MUX_TRANSFER: payload; FAILURE, PRE_CONNECT: text */
	size_t len;          /* without a terminating 0 for texts */
};

/*
 * Total over (bytes, len). Longer arguments than known are accepted, shorter ones refused with
 * KG_DROP_MESSAGE_MALFORMED. Pointers in `msg` lead into `bytes`.
 */
enum kg_drop kg_message_decode(struct kg_message *msg, const uint8_t *bytes, size_t len);

/* Writes the whole message; returns its length, 0 when `room` is too small. */
size_t kg_message_encode(uint8_t *out, size_t room, const struct kg_message *msg);

/* "tcp", "udp", "mux"; "none" for 0. */
const char *kg_protocol_name(enum kg_protocol protocol);

static inline uint8_t kg_message_kind(enum kg_feature feature, enum kg_protocol protocol)
{
	return (uint8_t)(protocol << 4 | feature);
}
