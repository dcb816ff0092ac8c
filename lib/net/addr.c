/* SPDX-License-Identifier: BSD-3-Clause */
/* Compares, reads and prints addresses. */
#include "net/addr.h"
#include "base/hash.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned int ip_bits(const struct kg_ip *ip)
{
	return ip->version == 4 ? 32 : ip->version == 6 ? 128 : 0;
}

static int ip_family(const struct kg_ip *ip)
{
	return ip->version == 4 ? AF_INET : AF_INET6;
}

bool kg_ip_accepts(const struct kg_ip *at, const struct kg_ip *ip)
{
	return kg_ip_equal(at, ip) || (at->version == ip->version && kg_ip_is_unspecified(at));
}

/* fe80::/10 (RFC 4291 §2.5.6). */
bool kg_ip_is_link_local(const struct kg_ip *ip)
{
	return ip->version == 6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

bool kg_ip_is_unspecified(const struct kg_ip *ip)
{
	static const uint8_t zero[sizeof(ip->bytes)];

	return memcmp(ip->bytes, zero, sizeof(zero)) == 0;
}

bool kg_ip_is_loopback(const struct kg_ip *ip)
{
	static const struct kg_ip loopback6 = { .version = 6, .bytes = { [15] = 1 } };

	return (ip->version == 4 && ip->bytes[0] == 127) || kg_ip_equal(ip, &loopback6);
}

struct kg_ip kg_ip_unmapped(const struct kg_ip *ip)
{
	static const uint8_t clothes[12] = { [10] = 0xff, [11] = 0xff };
	struct kg_ip plain = { .version = 4 };

	if (ip->version != 6 || memcmp(ip->bytes, clothes, sizeof(clothes)) != 0)
		return *ip;
	memcpy(plain.bytes, ip->bytes + sizeof(clothes), 4);
	return plain;
}

bool kg_prefix_contains(const struct kg_prefix *prefix, const struct kg_ip *ip)
{
	unsigned int whole = prefix->length / 8;
	uint8_t rest_mask = (uint8_t)(0xff00 >> prefix->length % 8);

	if (prefix->ip.version != ip->version)
		return false;
	if (memcmp(prefix->ip.bytes, ip->bytes, whole) != 0)
		return false;
	return rest_mask == 0 || ((prefix->ip.bytes[whole] ^ ip->bytes[whole]) & rest_mask) == 0;
}

bool kg_ip_parse(struct kg_ip *ip, const char *text)
{
	*ip = (struct kg_ip){ .version = strchr(text, ':') != NULL ? 6 : 4 };
	if (inet_pton(ip_family(ip), text, ip->bytes) == 1)
		return true;
	*ip = (struct kg_ip){ 0 };
	return false;
}

/* At most five decimal digits and nothing else, which strtoul alone would not insist on. */
static bool number_parse(unsigned long *value, const char *text, unsigned long max)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 5 || text[digits] != '\0')
		return false;
	*value = strtoul(text, NULL, 10);
	return *value <= max;
}

/* The characters from `text` to `end`. */
static bool ip_parse_piece(struct kg_ip *ip, const char *text, const char *end)
{
	char address[KG_IP_TEXT_BYTES];

	if (end < text || (size_t)(end - text) >= sizeof(address))
		return false;
	memcpy(address, text, (size_t)(end - text));
	address[end - text] = '\0';
	return kg_ip_parse(ip, address);
}

bool kg_prefix_parse(struct kg_prefix *prefix, const char *text)
{
	const char *slash = strchr(text, '/');
	unsigned long length;

	*prefix = (struct kg_prefix){ 0 };
	if (slash == NULL || !ip_parse_piece(&prefix->ip, text, slash) ||
	    !number_parse(&length, slash + 1, ip_bits(&prefix->ip)))
		return false;
	prefix->length = (uint8_t)length;
	return true;
}

bool kg_endpoint_parse(struct kg_endpoint *ep, const char *text)
{
	bool bracketed = text[0] == '[';
	const char *colon = strrchr(text, ':');
	const char *end = bracketed && colon != NULL ? colon - 1 : colon;
	unsigned long port;

	*ep = (struct kg_endpoint){ 0 };
	if (colon == NULL || (bracketed && *end != ']') ||
	    !ip_parse_piece(&ep->ip, text + bracketed, end) || bracketed != (ep->ip.version == 6) ||
	    !number_parse(&port, colon + 1, UINT16_MAX))
		return false;
	ep->port = (uint16_t)port;
	return true;
}

const char *kg_ip_text(const struct kg_ip *ip, char text[KG_IP_TEXT_BYTES])
{
	if (ip->version == 0)
		strcpy(text, "none");
	else
		inet_ntop(ip_family(ip), ip->bytes, text, KG_IP_TEXT_BYTES);
	return text;
}

const char *kg_endpoint_text(const struct kg_endpoint *ep, char text[KG_ENDPOINT_TEXT_BYTES])
{
	char ip[KG_IP_TEXT_BYTES];
	const char *format = ep->ip.version == 6 ? "[%s]:%u" : "%s:%u";

	snprintf(text, KG_ENDPOINT_TEXT_BYTES, format, kg_ip_text(&ep->ip, ip), ep->port);
	return text;
}

uint64_t kg_endpoint_hash(const struct kg_endpoint *ep, uint64_t seed)
{
	return kg_hash64(ep->ip.bytes, sizeof(ep->ip.bytes),
			 seed + ((uint64_t)ep->ip.version << 16 | ep->port));
}

uint64_t kg_tuple_hash(const struct kg_tuple *tuple, uint64_t seed)
{
	return kg_endpoint_hash(&tuple->remote, kg_endpoint_hash(&tuple->local, seed));
}
