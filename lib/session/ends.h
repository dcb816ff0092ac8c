/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What has ended of a connection's two directions, and what is to be done when one of its ends says
 * something. A channel (channel_end.c) and a stream of a mux channel (mux/mux_stream.c) have the
 * same ends. They differ in their words, and in when these are heard: a stream has a queue of its
 * own.
 */
#pragma once

#include "base/base.h"

/* A set. */
enum kg_ends {
	KG_ENDS_OURS = 1 << 0,  /* our application has ended */
	KG_ENDS_PEERS = 1 << 1, /* the peer's has */
	KG_ENDS_TOLD = 1 << 2,  /* and ours knows: it has read all that came before */
	KG_ENDS_CUT = 1 << 3,   /* one of us has cut both directions off */
	KG_ENDS_SETS = 1 << 4   /* so many sets */
};

/* How our end is said. */
enum kg_ends_way {
	KG_ENDS_EACH,     /* each direction has its own end: both sides know half-close */
	KG_ENDS_AT_ONCE,  /* one word ends both */
	KG_ENDS_ANSWERED, /* so it does, and waits until the peer has answered */
	KG_ENDS_WAYS
};

enum kg_ends_event {
	KG_ENDS_FINISHES,      /* our application has ended */
	KG_ENDS_MAY_SPEAK,     /* and the peer can be told so */
	KG_ENDS_HAS_WAITED,    /* for an answer, long enough */
	KG_ENDS_ABORTS,        /* our host gives the connection up */
	KG_ENDS_PEER_FINISHES, /* the peer says that its application has ended */
	KG_ENDS_PEER_CUTS,     /* the peer says that it is over */
	KG_ENDS_ALL_READ,      /* there is nothing left that the peer has said before */
	KG_ENDS_EVENTS
};

enum kg_ends_deed {
	KG_ENDS_NOTHING,
	KG_ENDS_AWAIT,        /* the answer */
	KG_ENDS_SAY_FINISH,   /* after all data */
	KG_ENDS_SAY_CUT,      /* after all data */
	KG_ENDS_DROP_AND_CUT, /* what waits to be sent does not go any more */
	KG_ENDS_TELL,        /* our application that the peer's has ended; then all is read again */
	KG_ENDS_CLOSE,       /* the peer has ended it in the way it has */
	KG_ENDS_CLOSE_RESET, /* the peer has other words for an orderly end, and did not use them */
};

struct kg_ends_step {
	uint8_t ends;
	enum kg_ends_deed deed;
};

struct kg_ends_step kg_ends_next(uint8_t ends, enum kg_ends_way way, enum kg_ends_event event);

/* Both directions have ended by themselves. */
static inline bool kg_ends_are_over(uint8_t ends)
{
	const unsigned int both = KG_ENDS_OURS | KG_ENDS_TOLD;

	return (ends & (both | KG_ENDS_CUT)) == both;
}
