/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a client knows of an address of its server: the ports that this one has announced, and how
 * far it is. Each address learns for itself, for behind each there may be another box.
 */
#pragma once

#include "session/session.h"

struct kg_destination {
	struct kg_ip ip;
	struct kg_port_range learned; /* 0, 0: nothing announced */
	uint32_t rtt_us;              /* the latest round trip; 0: none yet */
};

/* One for each destination; false when memory is short. */
bool kg_destinations_init(struct kg_session *s);
void kg_destinations_fini(struct kg_session *s);
/* NULL: that is no address of the server, or no longer. */
struct kg_destination *kg_destination_of(const struct kg_session *s, const struct kg_ip *ip);
struct kg_destination *kg_destination_any(struct kg_session *s);
/* The server has announced its own ports, both inclusive; 0, 0: none. */
void kg_destination_learn(const struct kg_session *s, struct kg_destination *peer, uint16_t first,
			  uint16_t last);
/* One of the ports to talk to, by chance. */
uint16_t kg_destination_pick_port(struct kg_session *s, const struct kg_destination *peer);
/* We may have asked there, or the server may answer from there. */
bool kg_destination_has(const struct kg_session *s, const struct kg_endpoint *source);
