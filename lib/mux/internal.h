/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mux channels from within.
 *
 *   stream.c      the host's side: plain streams pass through, others go to mux_stream.c
 *   mux.c         a mux channel: opened, chosen, dead, opened again; ids that have ended
 *   mux_stream.c  a stream of one: its life and its ends
 *   mux_in.c      messages from the channel to the streams
 *   mux_stall.c   a channel that is not read, since one of its streams has enough
 *   mux_out.c     messages of the streams to the channel, in turn
 *   mux_bound.c   how many of them ahead of the network
 *
 * Memory of a mux and of a stream is freed by its timer and nowhere else while the streams live, so
 * that a callback may end any of them without pulling it from under a caller further up.
 *
 * Credit counts the payload bytes of messages, of short ones as many as KG_MUX_MESSAGE_LEAST_BYTES,
 * for what they take of memory. A message goes whole while there is any credit left.
 */
#pragma once

#include <sys/queue.h>

#include "base/buf_queue.h"
#include "base/u32map.h"
#include "mux/stream.h"
#include "session/ends.h"
#include "session/exchange.h"

#define KG_MUX_CREDIT_BYTES        (256u << 10) /* of a new stream, either way; docs/wire.md */
#define KG_MUX_CREDIT_FIRST_BYTES  (16u << 10)  /* the same, where credit returns */
#define KG_MUX_MESSAGE_LEAST_BYTES 256u
#define KG_MUX_QUEUE_SEGMENTS      256u /* of a stream, out, and in where there is no credit */

enum kg_mux_state {
	KG_MUX_WAITING,    /* client: for a channel */
	KG_MUX_CONNECTING, /* server: the host has not answered */
	KG_MUX_OPEN,
	KG_MUX_CLOSED, /* the host knows; may still have to tell the peer */
};

struct kg_mux_stream {
	struct kg_streams *streams;
	struct kg_stream *stream; /* the host's; NULL: the host has let go */
	struct kg_mux *mux;       /* NULL: waits for one, or has nothing to do with it any more */
	TAILQ_ENTRY(kg_mux_stream) link; /* of the mux, or of those without one */
	TAILQ_ENTRY(kg_mux_stream) ready_link, doubted_link, unread_link;
	struct kg_timer timer;
	struct kg_buf_queue out, in;
	const struct kg_target *target; /* client: the server has yet to be told; NULL: none */
	uint64_t opened_us, closed_us;
	uint64_t last_data_us;                     /* either direction */
	uint64_t used_us;                          /* when credit was last used, or came */
	int64_t out_credit_bytes, in_credit_bytes; /* bytes that we may send; that the peer may */
	uint64_t in_bytes;                         /* in `in`, as credit counts */
	uint64_t taken_us; /* while `unread`: when the host last took of it */
	uint32_t id;
	struct kg_exchange exchange; /* UDP, in doubt: what went to and fro */
	uint8_t protocol;            /* enum kg_protocol */
	uint8_t state;               /* enum kg_mux_state */
	uint8_t last_word;           /* mux_finish or mux_cancel, to go behind `out`; 0: none */
	bool ready;                  /* in the mux's list */
	bool unread;                 /* in the streams' list: more than a little is in `in` */
	bool doubted;    /* UDP that has not been a conversation; in the streams' list */
	bool held;       /* counted: the host has it, or what it dials is not over */
	bool greet;      /* client: the server does not know of it yet */
	bool grant_due;  /* the peer may have more credit */
	bool return_due; /* what it has granted is not used */
	bool was_read;
	bool told_readable;
	bool finish_due; /* before mux_cancel */
	bool heard_out;  /* nothing of the peer's comes any more */
	uint8_t ends;    /* enum kg_ends */
	uint8_t way;     /* enum kg_ends_way, since it has an id */
};
TAILQ_HEAD(kg_mux_stream_list, kg_mux_stream);

/* An id that is no longer in use, for what the peer has under way. */
struct kg_mux_ended {
	TAILQ_ENTRY(kg_mux_ended) link;
	uint64_t until_us;
	uint32_t id;
};

struct kg_mux_bound {
	uint64_t since_us;
	uint32_t acked;    /* segments since then */
	uint32_t rate;     /* segments a second that the path works off */
	uint32_t least_us; /* round trip; 0: not known */
	uint32_t segments; /* that the channel may have taken and the peer not acknowledged */
};
#define KG_MUX_UNBOUND (1u << 20)

struct kg_mux {
	struct kg_streams *streams;
	TAILQ_ENTRY(kg_mux) link;
	struct kg_channel *channel;        /* NULL: client, to be opened; server, gone */
	struct kg_timer timer;             /* opens, frees, forgets, tries again */
	struct kg_u32map by_id;            /* to struct kg_mux_stream */
	struct kg_mux_stream_list members; /* all that have an id here */
	struct kg_mux_stream_list ready;   /* such as have something to send */
	struct kg_u32map ended_by_id;
	TAILQ_HEAD(, kg_mux_ended) ended; /* oldest first */
	uint32_t ended_count;
	uint32_t count;                /* members */
	struct kg_mux_stream *staller; /* keeps the channel from being read; NULL: none does */
	uint64_t resume_us;            /* when to look again */
	struct kg_mux_bound bound;     /* of the channel that is open */
	uint32_t failures;             /* in a row, to open it */
	uint64_t open_us;              /* client: when to open it */
	uint64_t retry_us; /* when to try to send again; KG_NEVER_US: nothing is stuck */
	uint64_t
		check_us; /* client: when to look whether the peer answers; KG_NEVER_US: not sent */
	bool open;
	bool gone;     /* the timer frees it */
	bool doubted;  /* client: the peer is silent though it should answer */
	bool extended; /* both ends have KG_CAPABILITY_MUX */
	bool returns;  /* and KG_CAPABILITY_MUX_RETURN */
	bool reading, pumping;
};

struct kg_streams {
	struct kg_session *session;
	struct kg_streams_config config;
	struct kg_stream_ops ops;
	void *host;
	struct kg_mem *mem;
	struct kg_buf_pool *pool;
	struct kg_twheel *wheel;
	struct kg_rng *rng;
	TAILQ_HEAD(, kg_mux) muxes;
	uint32_t mux_count;                /* not gone */
	struct kg_mux_stream_list waiting; /* for a channel, in the order they came */
	struct kg_mux_stream_list adrift;  /* had one */
	struct kg_mux_stream_list doubted; /* as on channels (session/proof.c); the oldest first */
	uint32_t doubted_count;
	struct kg_mux_stream_list unread; /* whose reader has taken nothing for longest first */
	uint32_t relief_segments;         /* have given way since the share was last reckoned */
	int64_t promised_bytes;           /* credit that peers have beyond the first, and return */
	uint32_t held, udp_held;          /* of mux channels, until the host has let go of them */
	bool stopping;
	struct kg_streams_stats stats;
};

static inline bool kg_streams_is_server(const struct kg_streams *s)
{
	return s->config.session.role == KG_ROLE_SERVER;
}

/* Those that the host has not been told the end of. */
static inline uint64_t kg_streams_count(const struct kg_streams *s)
{
	return s->stats.opened - s->stats.closed;
}

/* TCP between ends that grant credit. */
static inline bool kg_mux_stream_has_credit(const struct kg_mux_stream *ms)
{
	return ms->mux != NULL && ms->mux->extended && ms->protocol == KG_PROTOCOL_TCP;
}

/* The same, between ends that return it. */
static inline bool kg_mux_stream_returns(const struct kg_mux_stream *ms)
{
	return kg_mux_stream_has_credit(ms) && ms->mux->returns;
}

/* ---- mux.c ---- */

/* A client's, to be opened by its timer. NULL: out of memory. */
struct kg_mux *kg_mux_create(struct kg_streams *s, uint64_t now_us);
/* A server's: `ch` asks to be one. */
void kg_mux_accept(struct kg_streams *s, struct kg_channel *ch, uint64_t now_us);
void kg_mux_destroy(struct kg_mux *mux);
void kg_mux_on_opened(struct kg_mux *mux, uint64_t now_us);
void kg_mux_on_closed(struct kg_mux *mux, enum kg_close why, const char *text, uint64_t now_us);
/* Cuts its streams off; when what they have sent has left, the channel ends, too. */
void kg_mux_end(struct kg_mux *mux, uint64_t now_us);
/* Ends the channel when no stream has anything to say any more, if the tunnel stops or a client
 * has more than it needs. */
void kg_mux_settle(struct kg_mux *mux, uint64_t now_us);
/* The one for a new stream; NULL: none is open. */
struct kg_mux *kg_mux_pick(struct kg_streams *s);
/* An unused id for a client's stream. */
uint32_t kg_mux_new_id(struct kg_mux *mux);
/* Remembers that an id is over. */
void kg_mux_remember(struct kg_mux *mux, uint32_t id, uint64_t now_us);
bool kg_mux_is_over(const struct kg_mux *mux, uint32_t id);
void kg_mux_arm(struct kg_mux *mux);
/* Something was sent that the peer must acknowledge. */
void kg_mux_expect(struct kg_mux *mux, uint64_t now_us);

/* ---- mux_stream.c ---- */

/* Without a mux yet; NULL: out of memory, or too many. */
struct kg_mux_stream *kg_mux_stream_create(struct kg_streams *s, enum kg_protocol protocol,
					   uint64_t now_us);
void kg_mux_stream_destroy(struct kg_mux_stream *ms);
/* Makes it known in a mux by its id; false: out of memory. */
bool kg_mux_stream_join(struct kg_mux_stream *ms, struct kg_mux *mux, uint32_t id);
/* Client: from waiting to open. */
bool kg_mux_stream_attach(struct kg_mux_stream *ms, struct kg_mux *mux, uint64_t now_us);
/* A message of an application came in, or went out. */
void kg_mux_stream_on_exchange(struct kg_mux_stream *ms, bool in);
/* Takes it out of its mux: nothing is sent any more. */
void kg_mux_stream_leave(struct kg_mux_stream *ms, uint64_t now_us);
void kg_mux_stream_close(struct kg_mux_stream *ms, enum kg_close why, const char *text,
			 uint64_t now_us);
/* Ends it at once; the peer is told. */
void kg_mux_stream_cut(struct kg_mux_stream *ms, enum kg_close why, const char *text,
		       uint64_t now_us);
/* What follows for its ends; what is to be done is the caller's. */
enum kg_ends_deed kg_mux_stream_note(struct kg_mux_stream *ms, enum kg_ends_event event);
/* Closes it when both directions have ended. */
void kg_mux_stream_settle(struct kg_mux_stream *ms, uint64_t now_us);
/* What the peer has said of ends, when all before it was read. */
void kg_mux_stream_tell_ends(struct kg_mux_stream *ms, uint64_t now_us);
void kg_mux_stream_connected(struct kg_mux_stream *ms, uint64_t now_us);
void kg_mux_stream_finish(struct kg_mux_stream *ms, uint64_t now_us);
void kg_mux_stream_abort(struct kg_mux_stream *ms, uint64_t now_us);
void kg_mux_stream_free(struct kg_mux_stream *ms);
/* The time of its timer may have come nearer. */
void kg_mux_stream_arm(struct kg_mux_stream *ms);
/* The peer has granted more. */
void kg_mux_stream_on_credit(struct kg_mux_stream *ms, uint32_t bytes, uint64_t now_us);
/* Of the credit that the peer has. */
void kg_mux_stream_promise(struct kg_mux_stream *ms, int64_t more_bytes);

/* ---- mux_stall.c ---- */

/* As much waits for its reader as may. */
bool kg_mux_stream_is_full(const struct kg_mux_stream *ms);
/* A message has come into its queue; if that is full the channel is not read on. */
void kg_mux_stream_on_came(struct kg_mux_stream *ms, uint32_t segments, uint64_t now_us);
/* Its queue is another: the host has taken of it, nobody will, or it has just become long. */
void kg_mux_stream_on_taken(struct kg_mux_stream *ms, uint64_t now_us);
/* Some of it was taken, or it has left the channel: if it was this one the channel is read on. */
void kg_mux_unstall(struct kg_mux *mux, const struct kg_mux_stream *ms, uint64_t now_us);
/* Memory may have recovered, or else somebody must give way. */
void kg_mux_look_at_staller(struct kg_mux *mux, uint64_t now_us);

/* ---- mux_in.c ---- */

/* Takes what the channel has, unless a stream stalls it. */
void kg_mux_read(struct kg_mux *mux, uint64_t now_us);
void kg_mux_stream_tell_readable(struct kg_mux_stream *ms);
/* Nobody will read what is in its queue. */
void kg_mux_stream_discard(struct kg_mux_stream *ms, uint64_t now_us);
/* Bytes that the peer should be granted now; 0: not worth a message. */
uint32_t kg_mux_stream_grant(const struct kg_mux_stream *ms);

/* ---- mux_bound.c ---- */

void kg_mux_bound_init(struct kg_mux_bound *bound, uint64_t now_us);
/* The peer has acknowledged segments of the channel. */
void kg_mux_on_acked(struct kg_mux *mux, uint32_t segments, uint64_t now_us);
/* The channel takes another message now. */
bool kg_mux_has_room(const struct kg_mux *mux);

/* ---- mux_out.c ---- */

/* It may have something to send. */
void kg_mux_wake(struct kg_mux_stream *ms, uint64_t now_us);
/* Throws away what has waited for longer than udp_deadline; false: nothing has. */
bool kg_mux_stream_drop_stale(struct kg_mux_stream *ms, uint64_t now_us);
/* When the first of what waits will have. */
uint64_t kg_mux_stream_stale_us(const struct kg_mux_stream *ms);
/* As many messages as the channel has room for. */
void kg_mux_pump(struct kg_mux *mux, uint64_t now_us);
/* Tells the peer that an id means nothing here, if that is possible now. */
void kg_mux_disown(struct kg_mux *mux, enum kg_protocol protocol, uint32_t id, uint64_t now_us);

/* What a message of so many bytes counts. */
static inline uint32_t kg_mux_cost(size_t bytes)
{
	return (uint32_t)KG_MAX(bytes, (size_t)KG_MUX_MESSAGE_LEAST_BYTES);
}
