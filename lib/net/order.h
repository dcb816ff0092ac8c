/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In which order the addresses of a name are tried: RFC 6724 §6 with its default policy, whatever a
 * library or its version makes of it.
 */
#pragma once

#include "net/addr.h"

struct kg_choice {
	struct kg_ip ip;
	struct kg_ip source; /* from where it would be reached; version 0: it cannot be */
	uint32_t rank;       /* found here */
};

/*
 * Writes the addresses, the best first. Families take turns (RFC 8305 §4), but what cannot be
 * reached comes last. Equals of one family stay as they were: name servers spread load by their
 * order, which is why the RFC's longest prefix is not asked for; nor are deprecated and home
 * addresses and tunnels, of which nobody tells us. `choices` is reordered.
 */
void kg_order(struct kg_choice *choices, unsigned int count, struct kg_ip *ips);
