/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a server connects to: a port and an address as text, a literal or a name, which it
 * resolves. The configuration's, or what a client asks for (custom mappings): that travels in
 * initialise, or in pre_connect_custom_address where channels are shared.
 */
#pragma once

#include "wire/message.h"

struct kg_target {
	uint16_t port;       /* not 0 */
	const char *address; /* visible ASCII, not empty, without brackets */
};

/* RFC 1035 §2.3.4 in text; a literal is shorter. */
#define KG_TARGET_ADDRESS_MAX_BYTES 253
#define KG_TARGET_TEXT_BYTES        (KG_TARGET_ADDRESS_MAX_BYTES + 1)
#define KG_TARGET_SHOWN_BYTES       (KG_TARGET_TEXT_BYTES + sizeof("[]:65535"))

/* "127.0.0.1:8000", "[::1]:53", "host.name:443". */
const char *kg_target_text(const struct kg_target *target, char text[KG_TARGET_SHOWN_BYTES]);

/*
 * Reads what a message says: `len` bytes of text, not terminated, around which brackets may stand.
 * `text` backs target->address. Returns NULL, or words for the client's log that say what is wrong
 * with it.
 */
const char *kg_target_decode(struct kg_target *target, char text[KG_TARGET_TEXT_BYTES],
			     uint16_t port, const uint8_t *address, size_t len);
