/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two whole boxes in virtual time: every stage of both, over full frames, with a bad wire between
 * them and applications in place of the payload threads. Everything follows from one seed.
 *
 *   boxes.c      command line, the clock, what must hold in the end
 *   scenario.c   draws settings, wire and flows from the seed: a dimension is a line there
 *   halt.c       boxes that get no CPU
 *   links.c      queues, carriers, radio and outages on the wire
 *   path.c       routers on a narrow way
 *   packet.c     what these and NATs read in frames
 *   nat.c        a NAT that forgets
 *   wire.c       carries frames from port to port, late, twice, damaged or never
 *   apps.c       payload threads and their applications: what they write, and that it is right
 *   apps_check.c what must have arrived in the end, and when
 *   two_boxes.c  the boxes themselves
 */
#pragma once

#include "boxes/two_boxes.h"
#include "sim/link.h"

#define BOXES_FLOWS_MAX   12
#define BOXES_WORKERS_MAX 3
#define BOXES_NAT_TIMES   4
#define BOXES_WIDTHS      3
#define BOXES_HALTS       4
#define BOXES_CHANCES     1024 /* of a trace, but for the last */
#define BOXES_MODELS_FROM 500  /* the first seed whose wire has a model */
/* A request that is repeated from another port is one more. */
#define BOXES_ACCEPTED_MAX (BOXES_FLOWS_MAX * (1 + BOXES_NAT_TIMES))
#define BOXES_LEAST_BYTES  8 /* that an end says: whose it is */

/* Ends the program with the seed and what did not hold. */
#define boxes_check(boxes, condition)                                      \
	do {                                                               \
		if (!(condition))                                          \
			boxes_fail(boxes, __FILE__, __LINE__, #condition); \
	} while (0)

struct boxes;

/* One end of an application's connection, at its payload thread. */
struct app {
	struct boxes *boxes;
	struct flow *flow; /* server: NULL until the first bytes say which */
	int side;
	unsigned int worker;
	void *conn;
	int32_t credit;      /* segments it may send */
	uint32_t owed;       /* that it has taken, and not told yet */
	uint64_t plan_bytes; /* to send */
	uint64_t sent_bytes, got_bytes, missing_bytes;
	uint64_t sent_datagrams, got_datagrams;
	uint64_t oldest_us;      /* of the datagrams that it has got, when it got them */
	uint64_t waits_since_us; /* what it has sent waits, and nothing has arrived; 0: not */
	uint64_t stall_us;       /* the longest time of that */
	uint64_t next_us;        /* when it writes next */
	bool there;              /* the worker has a channel for it */
	bool finished, closed, reset;
};

struct flow {
	uint32_t number;
	uint8_t protocol; /* enum kg_protocol */
	uint16_t tunnel;  /* of the client */
	uint64_t start_us;
	uint32_t write_max_bytes, pause_max_us;
	uint32_t plan_bytes[SIDES];
	bool opened;
	struct app client, *server; /* NULL: not there yet */
};

/* From a side's port to the other's. */
struct path {
	struct {
		uint64_t since_us;
		uint16_t bytes; /* of an IP packet */
	} widths[BOXES_WIDTHS]; /* the later ones hold; before the first all passes */
	unsigned int width_count;
	bool honest;    /* routers say what passes */
	bool fragments; /* these pass, too */
};

/* A box gets no CPU. */
struct halt {
	uint64_t from_us;
	uint64_t for_us; /* 0: no such halt */
	bool in_burst;   /* not before datagrams wait for their pace */
};

/* As sim/bottleneck.h has it. */
struct trace {
	uint32_t at_ms[BOXES_CHANCES + 1];
	size_t count;
};

/* Of ports, whose mappings are 0 when there is none. */
struct nat {
	uint16_t outside_of[65536], inside_of[65536];
	uint16_t before[65536]; /* outside of each, before it forgot last */
	uint16_t free[65536];   /* outside, of mappings that it has forgotten */
	uint32_t free_count;
	uint64_t used_us[65536]; /* each outside port, from inside */
	unsigned int times;      /* that it has forgotten */
	uint16_t next;           /* outside, that nobody has had */
};

struct scenario {
	struct two_boxes_params params;
	char settings[SIDES][256];   /* as the params have them */
	uint32_t deadline_ms[SIDES]; /* of the datagrams that each sends; 0: none */
	bool arrival;                /* they do not wait for others */
	struct kg_sim_link_params wire[SIDES];
	bool modelled;
	const char *model;  /* of the wire, beyond what it is without one */
	uint64_t outage_us; /* the longest time in which nothing passes, and all waits */
	struct trace traces[SIDES];
	struct path paths[SIDES];                 /* by who sends */
	uint64_t nat_forgets_us[BOXES_NAT_TIMES]; /* KG_NEVER_US: not */
	struct halt halts[SIDES][BOXES_HALTS];    /* one after the other */
	uint32_t flow_count;
};

/* What a run comes to, to the last digit. */
struct outcome {
	struct kg_counters stats[SIDES][BOXES_WORKERS_MAX];
	uint64_t ended_us, turns;
	uint64_t sent[SIDES], lost[SIDES], corrupted[SIDES];
};

struct boxes {
	uint64_t seed;
	bool verbose;
	uint64_t now_us, started_us;
	struct kg_rng rng;
	struct scenario scenario;
	struct two_boxes two;
	struct kg_sim_link links[SIDES]; /* by who sends */
	struct flow flows[BOXES_FLOWS_MAX];
	struct app accepted[BOXES_ACCEPTED_MAX]; /* by the server, in the order they came */
	uint32_t accepted_count;
	unsigned int mbufs_out[SIDES]; /* of the pool, before the first frame */
	uint64_t turns;
	unsigned int halted[SIDES]; /* times */
	uint64_t halted_until_us[SIDES];
	struct nat nat;
};

void boxes_fail(const struct boxes *boxes, const char *file, int line, const char *what);

/* scenario.c */
void scenario_draw(struct boxes *boxes);

/* halt.c */
/* What is due of the side's halts begins. */
void halt_turn(struct boxes *boxes);
/* How long a side stands still; 0: it goes on. */
uint64_t halt_until_us(const struct boxes *boxes, int side);

/* links.c */
void links_draw(struct boxes *boxes, struct kg_rng *rng);
/* How long what is sent may wait at most: the longest outage, a second, and two of the longest
 * round trips, for random loss may take the same segment more than once. */
uint64_t links_stall_us(const struct boxes *boxes);
/* How long what leaves a side is on its way at most, if it arrives. */
uint64_t links_way_us(const struct boxes *boxes, int side);

/* path.c */
/* Puts a frame of a side on its link, as far as the path lets it pass. */
void path_pass(struct boxes *boxes, int side, const uint8_t *frame, uint16_t len);

/* nat.c */
/* There is one. When it forgets after the client's last word, the server waits in vain for an
 * acknowledgement. */
static inline bool nat_is_there(const struct boxes *boxes)
{
	return boxes->scenario.nat_forgets_us[0] != KG_NEVER_US;
}
/* Changes a frame's ports, from the client and to it. */
void nat_out(struct boxes *boxes, uint8_t *frame, uint16_t len);
/* False: there is nobody for it. */
bool nat_in(struct boxes *boxes, uint8_t *frame, uint16_t len);

/* wire.c */
void wire_start(struct boxes *boxes);
void wire_stop(struct boxes *boxes);
/* Takes what the ports have sent, and brings them what has arrived. True when there was any. */
bool wire_turn(struct boxes *boxes);
/* When the next frame arrives; KG_NEVER_US: none is under way. */
uint64_t wire_next_us(const struct boxes *boxes);

/* apps.c */
void apps_start(struct boxes *boxes);
/* A turn of the payload threads. True when there was something to do. */
bool apps_turn(struct boxes *boxes);
uint64_t apps_next_us(const struct boxes *boxes);
bool apps_are_over(const struct boxes *boxes);

/* apps_check.c */
void apps_check(const struct boxes *boxes);
/* After all seeds: no more streams have waited too long than chance makes. */
bool apps_were_in_time(void);
