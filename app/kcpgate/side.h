/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One tunnel on one worker: its session and streams, its key, its parity. The control thread makes
 * it with what is of the heap and takes it away; in between it is the worker's, in whose arena all
 * the rest is.
 */
#pragma once

#include "fec/fec.h"
#include "mux/stream.h"
#include "wire/profile.h"

#include <stdatomic.h>

#define KG_SIDE_DRAIN_US (500 * KG_US_PER_MS) /* for peers to acknowledge our goodbye */

struct kg_box_tunnel;
struct kg_relay;
struct kg_worker;

#define KG_SIDE_METRICS(X)                                                   \
	X(received_bytes, "datagram_bytes_received", COUNTER, "bytes",       \
	  "bytes of the tunnel's datagrams from the wire, that have opened") \
	X(sent_bytes, "datagram_bytes_sent", COUNTER, "bytes",               \
	  "bytes of the tunnel's datagrams that were sealed for the wire")   \
	X(events_untold, "events_untold", COUNTER, "events",                 \
	  "connections' beginnings and ends that came too fast for the journal")

struct kg_side_stats {
	KG_SIDE_METRICS(KG_METRIC_FIELD)
};

/* What telemetry sees of a side. Worker: wo, telemetry and control: ro, number by number. */
struct kg_side_figures {
	struct kg_session_stats session;
	struct kg_streams_stats streams;
	struct kg_fec_stats fec;
	struct kg_side_stats side;
};

struct kg_side {
	struct kg_worker *worker;
	const struct kg_box_tunnel *tunnel;
	struct kg_streams *streams;       /* NULL: it is a leg of a relay */
	struct kg_relay *relay;           /* of a leg; NULL: none, or the listener is not there */
	struct kg_session *session;       /* of the streams */
	const struct kg_profile *profile; /* of its wire */
	struct kg_profile_key key;
	struct kg_fec *fec; /* NULL: off */
	uint16_t id;        /* the tunnel's */
	uint32_t conns;     /* that it has */
	/* It takes no more connections, and ends when those that it has are gone and its peers
	 * know, or soon anyway. */
	bool draining;
	bool resting;         /* resting.h */
	bool barred;          /* its gates are not open yet: peers open nothing, and ask again */
	bool journal;         /* connections that begin and end are told one by one */
	uint64_t drained_us;  /* when it no longer waits for peers */
	atomic_uint *awaited; /* as in struct kg_mail, for when it has ended; NULL: nobody waits */
	struct kg_side_stats stats;
	struct kg_side_figures figures;
};

/* The control thread's. NULL without memory. */
struct kg_side *kg_side_create(struct kg_worker *w, const struct kg_box_tunnel *tunnel);
/* One that has not begun, or has ended. */
void kg_side_destroy(struct kg_side *side);

/* The worker's, from here on: it has a session, is found by its id and listens. False without
 * memory, then it has not begun. */
bool kg_side_begin(struct kg_side *side);
static inline bool kg_side_has_begun(const struct kg_side *side)
{
	return side->session != NULL;
}
/* Without a word to anyone; no connection of it is left, or the worker ends. Harmless when it has
 * not begun. */
void kg_side_end(struct kg_side *side);
/* Writes the figures anew. */
void kg_side_publish(struct kg_side *side);
/* Tells all peers that their channels end. */
void kg_side_drain(struct kg_side *side);
/* They know. */
bool kg_side_is_over(const struct kg_side *side);
/* Draining has come to its end. */
bool kg_side_is_drained(const struct kg_side *side);

/* What comes from the wire, opened; KG_DROP_NONE: taken. */
static inline enum kg_drop kg_side_input(struct kg_side *side, const struct kg_datagram *in,
					 uint64_t now_us)
{
	return kg_session_input(side->session, in, now_us);
}

/* A server that takes what is sent to `local`. */
bool kg_side_answers_at(const struct kg_side *side, const struct kg_endpoint *local);
/* The worker that has what an opened datagram is for. */
unsigned int kg_side_owner(const struct kg_side *side, const struct kg_datagram *in);
/* The conv of a body that is open, or the iden in its place; else why there is none. */
enum kg_drop kg_side_conv(const struct kg_side *side, const struct kg_datagram *in, uint32_t *conv);

static inline bool kg_side_output_pending(const struct kg_side *side)
{
	return kg_session_output_pending(side->session);
}

/* What goes to the wire, to be sealed; false: nothing is due. */
static inline bool kg_side_output(struct kg_side *side, struct kg_datagram *out, uint64_t now_us)
{
	return kg_session_output(side->session, out, now_us);
}
