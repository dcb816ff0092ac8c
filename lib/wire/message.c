/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads and writes messages. The structs draw them; they consist of bytes, so they fit any address.
 */
#include "wire/message.h"

#include "base/bytes.h"

struct initialise_wire {
	uint8_t kind;
	uint8_t uid_be[4];
	uint8_t port_start_be[2];
	uint8_t port_end_be[2];
	uint8_t outbound_be[8];
	uint8_t inbound_be[8];
	uint8_t custom_port_be[2];
	uint8_t custom_address[]; /* text */
};

struct failure_wire {
	uint8_t kind;
	uint8_t reason[]; /* text */
};

/* Behind the 0 of the custom address. */
struct extension_wire {
	uint8_t magic[2];
	uint8_t version;
	uint8_t capabilities_be[4];
};

#define RELAYS_BYTES 1 /* behind the extension, where there are any */

static const struct extension_wire extension = { .magic = { 'K', 'G' }, .version = 1 };

/* disconnect, keep_alive, keep_alive_response, finish */
struct signal_wire {
	uint8_t kind;
	uint8_t zero[2];
};

struct raw_data_wire {
	uint8_t kind;
	uint8_t data[];
};

struct mux_transfer_wire {
	uint8_t kind;
	uint8_t connection_id_be[4];
	uint8_t data[];
};

/* mux_cancel, mux_finish */
struct mux_cancel_wire {
	uint8_t kind;
	uint8_t connection_id_be[4];
	uint8_t zero[1];
};

struct mux_credit_wire {
	uint8_t kind;
	uint8_t connection_id_be[4];
	uint8_t bytes_be[4];
};

struct pre_connect_wire {
	uint8_t kind;
	uint8_t connection_id_be[4];
	uint8_t port_be[2];
	uint8_t address[]; /* text */
};

_Static_assert(sizeof(struct initialise_wire) + 1 == KG_INITIALISE_MIN_BYTES, "docs/wire.md §2");
_Static_assert(sizeof(struct mux_transfer_wire) == KG_MESSAGE_MUX_BYTES, "docs/wire.md §2");
_Static_assert(KG_INITIALISE_MIN_BYTES + sizeof(struct extension_wire) + RELAYS_BYTES ==
		       KG_INITIALISE_MAX_BYTES,
	       "with an extension");

enum tail_kind {
	TAIL_NONE,
	TAIL_TEXT, /* ends at its 0 or with the message */
	TAIL_DATA, /* ends with the message */
};

/* What stands first has a fixed size; what follows it is the tail. */
static const struct {
	uint8_t fixed_bytes;
	enum tail_kind tail;
} layout[] = {
	[KG_FEATURE_INITIALISE] = { sizeof(struct initialise_wire), TAIL_TEXT },
	[KG_FEATURE_FAILURE] = { sizeof(struct failure_wire), TAIL_TEXT },
	[KG_FEATURE_DISCONNECT] = { sizeof(struct signal_wire), TAIL_NONE },
	[KG_FEATURE_KEEP_ALIVE] = { sizeof(struct signal_wire), TAIL_NONE },
	[KG_FEATURE_KEEP_ALIVE_RESPONSE] = { sizeof(struct signal_wire), TAIL_NONE },
	[KG_FEATURE_RAW_DATA] = { sizeof(struct raw_data_wire), TAIL_DATA },
	[KG_FEATURE_MUX_TRANSFER] = { sizeof(struct mux_transfer_wire), TAIL_DATA },
	[KG_FEATURE_MUX_CANCEL] = { sizeof(struct mux_cancel_wire), TAIL_NONE },
	[KG_FEATURE_PRE_CONNECT] = { sizeof(struct pre_connect_wire), TAIL_TEXT },
	[KG_FEATURE_FINISH] = { sizeof(struct signal_wire), TAIL_NONE },
	[KG_FEATURE_MUX_FINISH] = { sizeof(struct mux_cancel_wire), TAIL_NONE },
	[KG_FEATURE_MUX_CREDIT] = { sizeof(struct mux_credit_wire), TAIL_NONE },
	[KG_FEATURE_MUX_RETURN] = { sizeof(struct mux_credit_wire), TAIL_NONE },
};

/* The shortest form: a text holds at least its 0, or one character that fills the message. */
static size_t least_bytes(enum kg_feature feature)
{
	return layout[feature].fixed_bytes + (layout[feature].tail == TAIL_TEXT);
}

static void decode_initialise(struct kg_message *msg, const struct initialise_wire *wire)
{
	struct kg_initialise *init = &msg->initialise;

	init->uid = kg_load_be32(wire->uid_be);
	init->port_start = kg_load_be16(wire->port_start_be);
	init->port_end = kg_load_be16(wire->port_end_be);
	init->outbound_Bps = kg_load_be64(wire->outbound_be);
	init->inbound_Bps = kg_load_be64(wire->inbound_be);
	init->custom_port = kg_load_be16(wire->custom_port_be);
	init->custom_address = msg->data;
	init->custom_address_len = msg->len;
	msg->data = NULL;
	msg->len = 0;
}

/* Later versions may say more; what version 1 says stays where it is. */
static void decode_extension(struct kg_message *msg, const uint8_t *tail, size_t len)
{
	const struct extension_wire *wire;
	size_t text = msg->initialise.custom_address_len;

	if (text >= len || tail[text] != 0 || len - text - 1 < sizeof(*wire))
		return;
	wire = (const void *)(tail + text + 1);
	if (memcmp(wire->magic, extension.magic, sizeof(wire->magic)) != 0 ||
	    wire->version < extension.version)
		return;
	msg->initialise.capabilities = kg_load_be32(wire->capabilities_be);
	if (len - text - 1 >= sizeof(*wire) + RELAYS_BYTES)
		msg->initialise.relays = *(const uint8_t *)(wire + 1);
}

static void decode_fixed(struct kg_message *msg, const uint8_t *bytes)
{
	const struct pre_connect_wire *pre_connect = (const void *)bytes;
	const struct mux_credit_wire *credit = (const void *)bytes;

	switch (msg->feature) {
	case KG_FEATURE_INITIALISE:
		decode_initialise(msg, (const void *)bytes);
		break;
	case KG_FEATURE_PRE_CONNECT:
		msg->port = kg_load_be16(pre_connect->port_be);
		msg->connection_id = kg_load_be32(pre_connect->connection_id_be);
		break;
	case KG_FEATURE_MUX_CREDIT:
	case KG_FEATURE_MUX_RETURN:
		msg->credit_bytes = kg_load_be32(credit->bytes_be);
		/* fall through */
	case KG_FEATURE_MUX_TRANSFER:
	case KG_FEATURE_MUX_CANCEL:
	case KG_FEATURE_MUX_FINISH:
		msg->connection_id = kg_load_be32(credit->connection_id_be);
		break;
	default:
		break;
	}
}

/* A text longer than any name or reason is cut: like surplus arguments, the rest is ignored. */
static void decode_tail(struct kg_message *msg, const uint8_t *tail, size_t len)
{
	enum tail_kind kind = layout[msg->feature].tail;

	if (kind == TAIL_NONE)
		return;
	msg->data = tail;
	msg->len = len;
	if (kind == TAIL_TEXT)
		msg->len =
			strnlen((const char *)tail, KG_MIN(len, (size_t)KG_MESSAGE_TEXT_MAX_BYTES));
}

enum kg_drop kg_message_decode(struct kg_message *msg, const uint8_t *bytes, size_t len)
{
	if (len < KG_MESSAGE_KIND_BYTES)
		return KG_DROP_MESSAGE_MALFORMED;

	uint8_t feature = bytes[0] & 0x0f;
	uint8_t protocol = bytes[0] >> 4;

	if (feature >= KG_ARRAY_SIZE(layout) || protocol > KG_PROTOCOL_UDP ||
	    len < least_bytes(feature))
		return KG_DROP_MESSAGE_MALFORMED;

	uint8_t fixed_bytes = layout[feature].fixed_bytes;

	*msg = (struct kg_message){ .feature = feature, .protocol = protocol };
	decode_tail(msg, bytes + fixed_bytes, len - fixed_bytes);
	decode_fixed(msg, bytes);
	if (feature == KG_FEATURE_INITIALISE)
		decode_extension(msg, bytes + fixed_bytes, len - fixed_bytes);
	return KG_DROP_NONE;
}

static void encode_initialise(struct initialise_wire *wire, const struct kg_initialise *init)
{
	kg_store_be32(wire->uid_be, init->uid);
	kg_store_be16(wire->port_start_be, init->port_start);
	kg_store_be16(wire->port_end_be, init->port_end);
	kg_store_be64(wire->outbound_be, init->outbound_Bps);
	kg_store_be64(wire->inbound_be, init->inbound_Bps);
	kg_store_be16(wire->custom_port_be, init->custom_port);
}

static void encode_fixed(uint8_t *out, const struct kg_message *msg)
{
	struct pre_connect_wire *pre_connect = (void *)out;
	struct mux_credit_wire *credit = (void *)out;

	memset(out, 0, layout[msg->feature].fixed_bytes);
	out[0] = kg_message_kind(msg->feature, msg->protocol);
	switch (msg->feature) {
	case KG_FEATURE_INITIALISE:
		encode_initialise((void *)out, &msg->initialise);
		break;
	case KG_FEATURE_PRE_CONNECT:
		kg_store_be16(pre_connect->port_be, msg->port);
		kg_store_be32(pre_connect->connection_id_be, msg->connection_id);
		break;
	case KG_FEATURE_MUX_CREDIT:
	case KG_FEATURE_MUX_RETURN:
		kg_store_be32(credit->bytes_be, msg->credit_bytes);
		/* fall through */
	case KG_FEATURE_MUX_TRANSFER:
	case KG_FEATURE_MUX_CANCEL:
	case KG_FEATURE_MUX_FINISH:
		kg_store_be32(credit->connection_id_be, msg->connection_id);
		break;
	default:
		break;
	}
}

static size_t extension_bytes(const struct kg_message *msg)
{
	if (msg->feature != KG_FEATURE_INITIALISE || msg->initialise.capabilities == 0)
		return 0;
	return sizeof(struct extension_wire) + (msg->initialise.relays > 0 ? RELAYS_BYTES : 0);
}

static void encode_extension(uint8_t *out, const struct kg_initialise *init)
{
	struct extension_wire *wire = (void *)out;

	*wire = extension;
	kg_store_be32(wire->capabilities_be, init->capabilities);
	if (init->relays > 0)
		*(uint8_t *)(wire + 1) = init->relays;
}

size_t kg_message_encode(uint8_t *out, size_t room, const struct kg_message *msg)
{
	bool initialise = msg->feature == KG_FEATURE_INITIALISE;
	size_t extended = extension_bytes(msg);
	const uint8_t *tail = initialise ? msg->initialise.custom_address : msg->data;
	size_t tail_len = initialise ? msg->initialise.custom_address_len : msg->len;
	enum tail_kind kind = layout[msg->feature].tail;

	if (kind == TAIL_NONE)
		tail_len = 0;
	if (kind == TAIL_TEXT && tail_len > KG_MESSAGE_TEXT_MAX_BYTES)
		return 0;

	size_t least = least_bytes(msg->feature) + extended;

	if (room < least || room - least < tail_len)
		return 0;
	encode_fixed(out, msg);
	out += layout[msg->feature].fixed_bytes;
	if (tail_len)
		memcpy(out, tail, tail_len);
	if (kind == TAIL_TEXT)
		out[tail_len] = 0;
	if (extended > 0)
		encode_extension(out + tail_len + 1, &msg->initialise);
	return least + tail_len;
}

const char *kg_protocol_name(enum kg_protocol protocol)
{
	static const char *const names[] = {
		[KG_PROTOCOL_NOT_CARE] = "none",
		[KG_PROTOCOL_MUX] = "mux",
		[KG_PROTOCOL_TCP] = "tcp",
		[KG_PROTOCOL_UDP] = "udp",
	};

	return names[protocol];
}
