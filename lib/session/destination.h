/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a client knows of an address of its server: the ports that this one has announced, and how
 * far it is. Each address learns for itself, for behind each there may be another box.
 */
#pragma once

#include "session/session.h"

/* Ports of an address that did not answer: so many are remembered. */
#define KG_DESTINATION_RESTS 16

struct kg_port_rest {
	uint64_t until_us;
	uint16_t port;
	uint8_t strikes; /* how often it did not answer, one after another; 0: no such port */
};

struct kg_destination {
	struct kg_ip ip;
	struct kg_port_range learned;     /* 0, 0: nothing announced */
	struct kg_port_rest learned_rest; /* of those that the user's list has not; `port` is 0 */
	uint32_t rtt_us;                  /* the latest round trip; 0: none yet */
	struct kg_port_rest rests[KG_DESTINATION_RESTS];
};

/* One for each destination; false when memory is short. */
bool kg_destinations_init(struct kg_session *s);
void kg_destinations_fini(struct kg_session *s);
/* Others take their place; what is known of those that stay is kept. */
void kg_destinations_set(struct kg_session *s, const struct kg_ip *ips, uint16_t count,
			 const struct kg_port_range *ports, uint16_t port_count);
/* NULL: that is no address of the server, or no longer. */
struct kg_destination *kg_destination_of(const struct kg_session *s, const struct kg_ip *ip);
/* The server has announced its own ports, both inclusive; 0, 0: none. */
void kg_destination_learn(const struct kg_session *s, struct kg_destination *destination,
			  uint16_t first, uint16_t last);
/* A place to talk to, by chance: at that address only, or NULL, another than `from`, and one that
 * does not rest if there is any. */
struct kg_endpoint kg_destination_pick(struct kg_session *s, struct kg_destination *only,
				       const struct kg_endpoint *from, uint64_t now_us);
/* Nothing comes from there. If only the server has named that port, it may not know what leads to
 * it, and the user's list is asked first. */
void kg_destination_doubt(const struct kg_session *s, const struct kg_endpoint *at,
			  uint64_t now_us);
/* A port has not answered, and rests, longer each time; it has. */
void kg_destination_rest(const struct kg_session *s, const struct kg_endpoint *at, uint64_t now_us);
void kg_destination_wake(const struct kg_session *s, const struct kg_endpoint *at);
