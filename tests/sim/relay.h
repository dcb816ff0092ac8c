/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client, some relays and a server, leg by leg, in virtual time; all follows from one seed.
 *
 *   relay.c        command line, the wire, the clock, what must hold in the end
 *   relay_draw.c   draws legs, nodes and flows from the seed
 *   relay_apps.c   hosts: applications at both ends, relays between them
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "relay/relay.h"
#include "seeds.h"
#include "sim/link.h"
#include "test_host.h"
#include "wire/profile.h"

#define SEC(n)     ((uint64_t)(n)*KG_US_PER_S)
#define MSEC(n)    ((uint64_t)(n)*KG_US_PER_MS)
#define PERCENT(n) ((uint16_t)((n)*65536 / 100))

#define LEGS_MAX    4
#define FLOWS       6
#define MUX_FLOW    0
#define MESSAGE_MAX 6000
#define MTU_MAX     1400
#define LIMIT_US    SEC(2000)
#define QUIET_US    SEC(400)
#define UNIX_S      1700000000u
#define ENDS_CAN    (KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_MUX | KG_CAPABILITY_MUX_RETURN)
#define REASON      "nobody is at home"

enum ending {
	END_ORDERLY,
	END_ABORT,
	END_REFUSED,
	ENDINGS,
};

/* One end of a flow. */
struct app {
	struct kg_channel *ch; /* NULL: none, or no longer */
	uint32_t plan, sent, got;
	uint64_t next_us, stands_until_us, abort_us;
	bool began, peer_finished, closed;
	enum kg_close why;
	char text[64];
};

struct flow {
	enum kg_protocol protocol;
	enum ending ending;
	uint64_t start_us;
	struct app apps[2]; /* by role */
};

struct node;

/* One of the two ends of a leg. */
struct end {
	struct node *node;
	struct kg_session *session;
	struct kg_session_config config;
	struct kg_profile_key key;
	struct kg_sim_link link; /* what it sends */
	struct kg_ip address;
	struct kg_port_range port; /* client: of the other end */
	struct kg_ip peer;
};

/* Between two legs a relay; at the ends the client and the server. */
struct node {
	struct test_host host;
	struct sim *sim;
	struct kg_relay *relay; /* NULL: an end */
	size_t held_max;        /* a relay: so many buffers it may hold */
};

struct sim {
	uint64_t seed, now_us, started_us, age_us;
	struct kg_rng rng;
	unsigned int legs;
	struct node nodes[LEGS_MAX + 1]; /* the client is the first, the server the last */
	struct end ends[LEGS_MAX][2];    /* by role */
	struct flow flows[FLOWS];
	bool half_close, scarce;
};

struct totals {
	uint64_t messages, closed_by[KG_CLOSE_COUNT];
	size_t held; /* buffers at a relay at most */
};
extern struct totals totals;

void print(const struct sim *sim);

static inline uint32_t below(struct sim *sim, uint32_t bound)
{
	return kg_rng_below(&sim->rng, bound);
}

static inline bool one_in(struct sim *sim, uint32_t n)
{
	return below(sim, n) == 0;
}

/* ---- relay_apps.c ---- */

extern const struct kg_session_ops app_ops, relay_ops;
/* What an end of a flow does when its time has come. */
void act(struct sim *sim, int number, int role);
bool half_closes(const struct sim *sim, const struct flow *flow);

/* ---- relay_draw.c ---- */

void draw(struct sim *sim);
