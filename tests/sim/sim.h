/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two boxes without boxes: a client and one or more server workers on a bad network, with
 * applications that write, read, finish and abort at random, each on a channel of its own or on mux
 * channels. Everything follows from one seed.
 *
 *   sim.c       command line, the clock, what must hold in the end
 *   scenario.c  draws network, settings and flows from the seed
 *   side.c      streams and their hosts, envelope and AEAD
 *   flow.c      applications: what they write and what they check
 *   pressure.c  memory that runs out, and that nobody waits for ever
 *   the network itself is lib/sim/link.h
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "mux/stream.h"
#include "sim/link.h"
#include "test_host.h"
#include "wire/profile.h"

#define SEC(n)  ((uint64_t)(n)*KG_US_PER_S)
#define MSEC(n) ((uint64_t)(n)*KG_US_PER_MS)

#define SIM_PORT_FIRST    10000 /* of the client's local ports */
#define SIM_DATAGRAMS_MAX 65536
#define SIM_FLOWS_FEW     16
#define SIM_FLOWS_MAX     64
#define SIM_WORKERS_MAX   3

/* Ends the program with the seed and what did not hold. */
#define sim_check(sim, condition)                                      \
	do {                                                           \
		if (!(condition))                                      \
			sim_fail(sim, __FILE__, __LINE__, #condition); \
	} while (0)

enum ending {
	END_ORDERLY, /* one side finishes when it has sent and received everything */
	END_EARLY,   /* one side finishes when it has sent everything; where both ends know
		      * half-close the other then goes on to its own end */
	END_BOTH,    /* both finish when they have sent everything */
	END_ABORT,   /* one side aborts at some time */
	END_IDLE,    /* UDP: nobody says anything any more */
};

struct app {
	struct sim *sim;
	struct flow *flow;
	struct side *side;
	bool is_client;
	struct kg_stream stream;
	bool there;          /* it has its stream: not before and after */
	uint64_t next_us;    /* when it looks up next */
	uint64_t plan_bytes; /* to send */
	uint64_t sent_bytes, got_bytes;
	uint32_t sent_messages, got_messages;
	uint8_t got[SIM_DATAGRAMS_MAX / 8]; /* UDP by arrival: which */
	uint32_t write_max_bytes, pause_max_us;
	bool slow;                /* reads a little at a time … */
	uint64_t stands_until_us; /* … and nothing at all before that */
	uint64_t lacks_us;        /* since when it has got nothing of what was said to it */
	bool no_buffer;           /* for what it writes; looks again later */
	bool ends;                /* finishes or aborts, as the flow's ending says */
	uint64_t abort_at_us;
	bool readable; /* slow: there is more to read */
	bool began, opened, finished, peer_finished, aborted, closed;
	enum kg_close why;
};

struct flow {
	uint32_t number;
	enum kg_protocol protocol;
	enum ending ending;
	bool refused;
	uint64_t start_us;
	uint32_t connect_us; /* how long the destination takes */
	struct kg_target target;
	struct app client, server;
};

/* Versions of the original whose parity is wrong (docs/fec.md §6). */
enum fault {
	FAULT_NONE,
	FAULT_WHOLE,
	FAULT_PART, /* from some byte on */
};

/* The client's box, or the server's with its workers. */
struct side {
	struct test_host host;
	struct sim *sim;
	uint64_t age_us; /* when groups of FEC age next; KG_NEVER_US: there are none */
	struct kg_session_config config;
	struct kg_streams *streams[SIM_WORKERS_MAX];
	uint16_t workers;
	enum fault fault; /* of the parity it makes */
	struct kg_ip address;
	struct kg_sim_link link; /* what this side sends */
	struct kg_profile_key key;
	uint64_t drops[KG_DROP_COUNT];
	uint64_t received;
	uint16_t input_port;   /* source of the datagram being handed in */
	uint64_t astray_bytes; /* client: sent to where it never was */
};

struct sim {
	uint64_t seed;
	bool verbose;
	uint64_t now_us, started_us;
	struct kg_rng rng;
	const struct kg_aead_alg *alg;
	uint8_t data, parity;  /* of FEC; 0: off */
	uint32_t mux_channels; /* 0: every flow has a channel of its own */
	bool mixed;            /* has FEC, mux channels and half-close */
	bool scarce;           /* memory runs out: pressure.c */
	bool arrival;          /* datagrams do not wait for others */
	uint64_t overtook;     /* so many did not */
	uint32_t deadline_ms;  /* of datagrams; 0: none */
	bool dies;             /* the network ends for good at some time */
	bool over;             /* all flows are; the client's streams are shut down */
	uint64_t rebind_us[2]; /* the client's address changes, and the old one is dead */
	uint16_t copied; /* of what the client sends, a share in 65536 comes from elsewhere, too */
	uint64_t copied_bytes;
	struct side client, server;
	struct flow flows[SIM_FLOWS_MAX];
	uint32_t flow_count;
	uint16_t port_next;
	int8_t flow_of_port[65536]; /* by which handshake, or one of these */
#define SIM_NO_FLOW -1
#define SIM_CHANNEL -2 /* a channel after its handshake */
	struct flow *opening;
};

void sim_fail(const struct sim *sim, const char *file, int line, const char *what);

/* scenario.c */
void scenario_draw(struct sim *sim);

/* side.c */
void side_start(struct side *side);
void side_stop(struct side *side);
/* What a worker does every now and then. */
void side_keep_house(struct side *side);
/* Sends what is due; takes in what has arrived from `peer`. */
void side_output(struct side *side);
void side_input(struct side *side, struct side *peer);

/* pressure.c */
void pressure_draw(struct sim *sim);
/* As a box's worker does every millisecond. */
void pressure_update(struct sim *sim);
/* Who waits for what was said to it gets some in reasonable time. */
void pressure_check(const struct sim *sim);

/* flow.c */
/* Both ends grant credit to streams of mux channels. */
bool sim_grants_credit(const struct sim *sim);
const struct app *app_other(const struct app *app);
extern const struct kg_stream_ops sim_ops;
void app_step(struct app *app);
bool flow_is_over(const struct flow *flow);
void flow_check(const struct flow *flow);
