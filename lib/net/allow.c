/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads entries of what may be connected to, and looks a target up in them. */
#include "net/allow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOTHES_BITS 96 /* of an IPv4 address in IPv6 */

/* `*at` moves past the digits of 1 … 65535. */
static bool take_port(const char **at, uint16_t *port)
{
	size_t digits = strspn(*at, "0123456789");
	unsigned long value = digits > 0 && digits <= 5 ? strtoul(*at, NULL, 10) : 0;

	*at += digits;
	*port = (uint16_t)value;
	return value >= 1 && value <= UINT16_MAX;
}

static bool parse_ports(struct kg_allow *allow, const char *text)
{
	allow->first_port = 1;
	allow->last_port = UINT16_MAX;
	if (strcmp(text, "*") == 0)
		return true;
	if (!take_port(&text, &allow->first_port))
		return false;
	allow->last_port = allow->first_port;
	if (*text == '-') {
		text++;
		if (!take_port(&text, &allow->last_port))
			return false;
	}
	return *text == '\0' && allow->first_port <= allow->last_port;
}

static bool parse_prefix(struct kg_prefix *prefix, const char *text)
{
	bool mapped;

	if (strchr(text, '/') == NULL) {
		prefix->length = strchr(text, ':') != NULL ? 128 : 32;
		if (!kg_ip_parse(&prefix->ip, text))
			return false;
	} else if (!kg_prefix_parse(prefix, text)) {
		return false;
	}
	mapped = prefix->ip.version == 6 && kg_ip_unmapped(&prefix->ip).version == 4;
	if (mapped && prefix->length >= CLOTHES_BITS) {
		prefix->ip = kg_ip_unmapped(&prefix->ip);
		prefix->length -= CLOTHES_BITS;
	}
	return true;
}

bool kg_allow_parse(struct kg_allow *allow, const char *text)
{
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[';
	char address[KG_ALLOW_TEXT_BYTES];
	size_t len;

	*allow = (struct kg_allow){ 0 };
	if (colon == NULL || !parse_ports(allow, colon + 1))
		return false;
	len = (size_t)(colon - text);
	if (len >= sizeof(address) || (bracketed && text[len - 1] != ']'))
		return false;
	memcpy(address, text, len);
	address[len - bracketed] = '\0';
	if (bracketed != (memchr(text, ':', len) != NULL))
		return false;
	return parse_prefix(&allow->prefix, address + bracketed);
}

const char *kg_allow_text(const struct kg_allow *allow, char text[KG_ALLOW_TEXT_BYTES])
{
	const struct kg_prefix *prefix = &allow->prefix;
	bool ipv6 = prefix->ip.version == 6;
	char ip[KG_IP_TEXT_BYTES], length[8] = "", last[8] = "";

	if (prefix->length < (ipv6 ? 128 : 32))
		snprintf(length, sizeof(length), "/%u", prefix->length);
	if (allow->last_port != allow->first_port)
		snprintf(last, sizeof(last), "-%u", allow->last_port);
	snprintf(text, KG_ALLOW_TEXT_BYTES, "%s%s%s%s:%u%s", ipv6 ? "[" : "",
		 kg_ip_text(&prefix->ip, ip), length, ipv6 ? "]" : "", allow->first_port, last);
	return text;
}

bool kg_allow_contains(const struct kg_allow *list, unsigned int count,
		       const struct kg_endpoint *to)
{
	struct kg_ip ip = kg_ip_unmapped(&to->ip);

	for (unsigned int i = 0; i < count; i++) {
		if (to->port >= list[i].first_port && to->port <= list[i].last_port &&
		    kg_prefix_contains(&list[i].prefix, &ip))
			return true;
	}
	return false;
}
