/* SPDX-License-Identifier: BSD-3-Clause */
/* IP addresses, endpoints and their text forms. */
#pragma once

#include <string.h>

#include "base/base.h"

struct kg_ip {
	uint8_t version;   /* 4, 6, or 0: not set */
	uint8_t bytes[16]; /* network order; IPv4 uses the first 4, the rest is 0 */
};

struct kg_endpoint {
	struct kg_ip ip;
	uint16_t port; /* host order */
};

/* The two ends of a UDP conversation, as seen from here. */
struct kg_tuple {
	struct kg_endpoint local, remote;
};

struct kg_prefix {
	struct kg_ip ip; /* the address as written, host bits kept */
	uint8_t length;  /* 0 … 32 or 128 */
};

struct kg_mac {
	uint8_t bytes[6];
};

#define KG_IP_TEXT_BYTES       46 /* INET6_ADDRSTRLEN */
#define KG_ENDPOINT_TEXT_BYTES 56 /* [address]:port */

static inline bool kg_ip_equal(const struct kg_ip *a, const struct kg_ip *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
/* Does what is bound to `at` get what is sent to `ip`? The same address, or any of its version. */
bool kg_ip_accepts(const struct kg_ip *at, const struct kg_ip *ip);
static inline bool kg_endpoint_equal(const struct kg_endpoint *a, const struct kg_endpoint *b)
{
	return a->port == b->port && kg_ip_equal(&a->ip, &b->ip);
}
/* An IPv6 address that means something on one link only. */
bool kg_ip_is_link_local(const struct kg_ip *ip);
/* All zeros. */
bool kg_ip_is_unspecified(const struct kg_ip *ip);
/* This machine, and nobody else. */
bool kg_ip_is_loopback(const struct kg_ip *ip);
/* An IPv4 address in IPv6's clothes (RFC 4291 §2.5.5.2) becomes IPv4 again. */
struct kg_ip kg_ip_unmapped(const struct kg_ip *ip);
/* Same bits up to the prefix length, and same version. */
bool kg_prefix_contains(const struct kg_prefix *prefix, const struct kg_ip *ip);

/* Literals only; no brackets, no scope. */
bool kg_ip_parse(struct kg_ip *ip, const char *text);
/* address/length, both needed. */
bool kg_prefix_parse(struct kg_prefix *prefix, const char *text);
/* address:port or [address]:port, both needed. */
bool kg_endpoint_parse(struct kg_endpoint *ep, const char *text);
/* Version 0 reads "none". */
const char *kg_ip_text(const struct kg_ip *ip, char text[KG_IP_TEXT_BYTES]);
const char *kg_endpoint_text(const struct kg_endpoint *ep, char text[KG_ENDPOINT_TEXT_BYTES]);

/* Mixes all bits; `seed` makes it unpredictable for peers. */
uint64_t kg_endpoint_hash(const struct kg_endpoint *ep, uint64_t seed);
uint64_t kg_tuple_hash(const struct kg_tuple *tuple, uint64_t seed);
