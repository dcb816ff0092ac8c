/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the TXT records of a DNS answer (RFC 1035 §4): where a server is, as text. */
#pragma once

#include "net/addr.h"

/*
 * The first string that is an address and a port ("198.18.0.2:3000", "[fd00:18::2]:3000"), white
 * space around it aside; names of other services may have TXT records there, too. False: there is
 * none, or the message is broken before it comes. `ttl_s`: the least of the records read so far.
 */
bool kg_dns_txt_endpoint(const uint8_t *message, size_t len, struct kg_endpoint *endpoint,
			 uint32_t *ttl_s);
