/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists of what may be connected to. An entry is an address or a prefix, and ports:
 *
 *   127.0.0.1:8000   10.0.0.0/8:1-65535   [fd00:18::1]:53   [fd00:18::/32]:*
 *
 * IPv4 in IPv6's clothes counts as IPv4, in entries and in what is asked about.
 */
#pragma once

#include "net/addr.h"

struct kg_allow {
	struct kg_prefix prefix;
	uint16_t first_port, last_port; /* inclusive */
};

/* Address, prefix length, range of ports. */
#define KG_ALLOW_TEXT_BYTES (KG_IP_TEXT_BYTES + 20)

bool kg_allow_parse(struct kg_allow *allow, const char *text);
const char *kg_allow_text(const struct kg_allow *allow, char text[KG_ALLOW_TEXT_BYTES]);

/* Does one of the entries hold the address and the port? */
bool kg_allow_contains(const struct kg_allow *list, unsigned int count,
		       const struct kg_endpoint *to);
