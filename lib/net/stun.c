/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes the one request there is, and finds the mapped address in an answer. */
#include "net/stun.h"

#include "base/bytes.h"
#include "base/reader.h"

#include <string.h>

#define COOKIE 0x2112a442u /* RFC 8489 §5 */

enum {
	TYPE_REQUEST = 0x0001, /* Binding */
	TYPE_SUCCESS = 0x0101,
	ATTRIBUTE_MAPPED = 0x0001,     /* RFC 8489 §14.1 */
	ATTRIBUTE_XOR_MAPPED = 0x0020, /* RFC 8489 §14.2 */
	FAMILY_IPV4 = 1,
	FAMILY_IPV6 = 2,
	/* in a message */
	LENGTH_AT = 2,
	COOKIE_AT = 4,
	ID_AT = 8,
	/* in an attribute with an address */
	FAMILY_AT = 1,
	PORT_AT = 2,
	ADDRESS_AT = 4,
};

void kg_stun_request(uint8_t request[KG_STUN_REQUEST_BYTES], const struct kg_stun_id *id)
{
	kg_store_be16(request, TYPE_REQUEST);
	kg_store_be16(request + LENGTH_AT, 0);
	kg_store_be32(request + COOKIE_AT, COOKIE);
	memcpy(request + ID_AT, id->bytes, sizeof(id->bytes));
}

bool kg_stun_is_message(const uint8_t *message, size_t len)
{
	return len >= KG_STUN_REQUEST_BYTES && (message[0] & 0xc0) == 0 &&
	       kg_load_be32(message + COOKIE_AT) == COOKIE &&
	       kg_load_be16(message + LENGTH_AT) == len - KG_STUN_REQUEST_BYTES;
}

uint64_t kg_stun_tag(const uint8_t *message)
{
	return kg_load_be64(message + ID_AT);
}

/* `mask`: what the address is XORed with, 16 bytes, its first two the port; NULL: it is not. */
static bool read_address(const uint8_t *value, size_t len, const uint8_t *mask,
			 struct kg_endpoint *mapped)
{
	struct kg_endpoint read = { 0 };
	size_t bytes;

	if (len < ADDRESS_AT)
		return false;
	if (value[FAMILY_AT] == FAMILY_IPV4)
		read.ip.version = 4;
	else if (value[FAMILY_AT] == FAMILY_IPV6)
		read.ip.version = 6;
	bytes = read.ip.version == 4 ? 4 : 16;
	if (read.ip.version == 0 || len != ADDRESS_AT + bytes)
		return false;
	read.port = kg_load_be16(value + PORT_AT);
	memcpy(read.ip.bytes, value + ADDRESS_AT, bytes);
	if (mask != NULL) {
		read.port ^= kg_load_be16(mask);
		for (size_t i = 0; i < bytes; i++)
			read.ip.bytes[i] ^= mask[i];
	}
	*mapped = read;
	return true;
}

/* The XORed address counts before the other, which some NATs rewrite. */
bool kg_stun_answer(const uint8_t *message, size_t len, const struct kg_stun_id *id,
		    struct kg_endpoint *mapped)
{
	struct kg_reader rest = { message, message + len, false };
	const uint8_t *head, *value;
	bool found = false;

	if (!kg_stun_is_message(message, len) || kg_load_be16(message) != TYPE_SUCCESS ||
	    memcmp(message + ID_AT, id->bytes, sizeof(id->bytes)) != 0)
		return false;
	kg_reader_take(&rest, KG_STUN_REQUEST_BYTES);
	while ((head = kg_reader_take(&rest, 4)) != NULL) {
		uint16_t type = kg_load_be16(head), bytes = kg_load_be16(head + 2);

		value = kg_reader_take(&rest, (bytes + 3u) & ~3u);
		if (value == NULL)
			return false;
		if (type == ATTRIBUTE_XOR_MAPPED &&
		    read_address(value, bytes, message + COOKIE_AT, mapped))
			return true;
		if (type == ATTRIBUTE_MAPPED && !found)
			found = read_address(value, bytes, NULL, mapped);
	}
	return found && rest.at == rest.end;
}
