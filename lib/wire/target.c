/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows a target; reads one out of a message and refuses what cannot be one. */
#include "wire/target.h"

#include <stdio.h>
#include <string.h>

const char *kg_target_text(const struct kg_target *target, char text[KG_TARGET_SHOWN_BYTES])
{
	bool ipv6 = strchr(target->address, ':') != NULL;

	snprintf(text, KG_TARGET_SHOWN_BYTES, ipv6 ? "[%s]:%u" : "%s:%u", target->address,
		 target->port);
	return text;
}

static bool is_visible(const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

static bool has_brackets(const uint8_t *text, size_t len)
{
	return len >= 2 && text[0] == '[' && text[len - 1] == ']';
}

const char *kg_target_decode(struct kg_target *target, char text[KG_TARGET_TEXT_BYTES],
			     uint16_t port, const uint8_t *address, size_t len)
{
	if (port == 0 && len == 0)
		return "no target is named, and this server has none of its own";
	if (port == 0)
		return "the target has no port";
	if (has_brackets(address, len)) {
		address++;
		len -= 2;
	}
	if (len == 0)
		return "the target has no address";
	if (len > KG_TARGET_ADDRESS_MAX_BYTES)
		return "the target's address is too long";
	if (!is_visible(address, len))
		return "the target's address is no text";
	memcpy(text, address, len);
	text[len] = '\0';
	*target = (struct kg_target){ .port = port, .address = text };
	return NULL;
}
