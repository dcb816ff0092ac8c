/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the session's files share.
 *
 * A line is one KCP conversation with its path, its timer and its place in the ready list: the part
 * that a handshake and a channel have in common. A line is hooked while it can be found (by path,
 * conv or source, or by the handshake that will bring them) and holds those names; it is open while
 * it may send.
 *
 * Every line has one home, the list that owns it:
 *
 *   channels    the host's, until kg_channel_free
 *   doubted     likewise, but it has not proved itself yet; UDP has a home of its own (proof.c)
 *   handshakes  the answer is still awaited
 *   answered    server: a handshake whose answer is not acknowledged yet
 *   settled     a handshake that serves only the peer's repetitions
 *   lingering   a channel that does
 *   retired     out of use, freed by its timer
 *
 * Of the answered, the settled and the lingering lines the oldest gives way when there are more
 * than channels may be, when memory is half used up, and on clients when local ports run short.
 * Answered ones are told apart because the client may repeat its request, which would then open a
 * second channel.
 *
 * Memory of a line is freed by its timer and nowhere else while the session lives, so a callback
 * may end any channel without pulling it from under a caller further up.
 */
#pragma once

#include <sys/queue.h>

#include "base/siphash.h"
#include "base/u32map.h"
#include "session/destination.h"
#include "session/ends.h"
#include "session/exchange.h"
#include "session/forgotten.h"
#include "session/framing.h"
#include "session/hop.h"
#include "session/path.h"
#include "session/roam.h"
#include "session/session.h"
#include "session/spread.h"

enum kg_line_kind {
	KG_LINE_CHANNEL,
	KG_LINE_HANDSHAKE,
	KG_LINE_KINDS
};

enum kg_home {
	KG_HOME_NONE,
	KG_HOME_CHANNELS,
	KG_HOME_DOUBTED,
	KG_HOME_DOUBTED_UDP,
	KG_HOME_HANDSHAKES,
	KG_HOME_ANSWERED,
	KG_HOME_SETTLED,
	KG_HOME_LINGERING,
	KG_HOME_RETIRED,
	KG_HOME_COUNT
};

struct kg_line {
	struct kg_session *session;
	struct kg_kcp *kcp;
	struct kg_framing framing; /* between kcp and the wire */
	struct kg_timer timer;
	TAILQ_ENTRY(kg_line) home_link;
	TAILQ_ENTRY(kg_line) ready_link;
	struct kg_path *path; /* NULL: none yet, or no longer */
	LIST_ENTRY(kg_line) path_link;
	uint8_t kind; /* enum kg_line_kind */
	uint8_t home; /* enum kg_home */
	bool hooked, open, ready;
	uint8_t asking; /* KG_ASKING_…: questions that are due */
	bool limited;   /* what goes out is weighed against what came in: roam.h, handshake.c */
	uint8_t probes; /* of a round of peers.c, still to be sent */
};

/* Questions about a channel. */
#define KG_ASKING_WHERE 1u /* roam.h */
#define KG_ASKING_KNOWN 2u /* forgotten.h */

TAILQ_HEAD(kg_line_list, kg_line);

/* What a line does in its kind's way. */
struct kg_line_ops {
	void (*unhook)(struct kg_line *line); /* gives back the names that only its kind has */
	void (*spend)(struct kg_line *line, uint16_t bytes); /* so much went out, while limited */
	uint64_t (*timeout_us)(struct kg_line *line, uint64_t now_us); /* without KCP's */
	void (*on_timer)(struct kg_line *line, uint64_t now_us);
	void (*free)(struct kg_line *line); /* it has no KCP any more */
	/* Of lines that have none: when to send, and the body that is due, 0: none. */
	uint64_t (*due_us)(const struct kg_line *line);
	uint16_t (*output)(struct kg_line *line, uint64_t now_us, uint8_t *body);
};

/* How the lines of a session speak: by KCP (kcp_talk.c), or bare (bare.h). */
struct kg_talk {
	const struct kg_line_ops *kinds[KG_LINE_KINDS];
	/* Nothing that it has said waits for an acknowledgement. */
	bool (*is_quiet)(const struct kg_line *line);
	/* Client: a test of a path, for that channel, which asks as soon as it is open; NULL
	 * without memory. Whether it has asked once only (hop.h). */
	struct kg_handshake *(*test)(struct kg_session *s, const struct kg_channel *ch,
				     uint64_t now_us);
	bool (*has_asked_once)(const struct kg_handshake *test);
	/* Client: a channel waits for something from its server; it has come to another path, since
	 * the one before was silent or for another reason; a test of its path was answered. */
	bool (*waits)(const struct kg_channel *ch);
	void (*follow)(struct kg_channel *ch, bool silent, uint64_t now_us);
	void (*on_proof)(struct kg_channel *ch, bool at_once, uint64_t now_us);
	/* Server (roam.h): the order of what a channel sends next; all that left before an order is
	 * lost. There will be a question, with `ts`; its body, of no more than `room` bytes, 0: not
	 * yet. */
	uint32_t (*next_order)(const struct kg_channel *ch);
	void (*lose_before)(struct kg_channel *ch, uint32_t order);
	void (*prepare_question)(struct kg_channel *ch, uint64_t now_us);
	uint16_t (*question)(struct kg_channel *ch, uint32_t ts, uint16_t room, uint64_t now_us,
			     uint8_t *body);
};
extern const struct kg_talk kg_kcp_talk;

struct kg_handshake {
	struct kg_line line;
	struct kg_channel *channel; /* NULL when it has gone, and on tests of a port */
	struct kg_handshake *next;  /* server: next with the same source hash */
	uint64_t begun_us;
	uint64_t expires_us; /* KG_NEVER_US until there is an answer */
	uint64_t peer_outbound_Bps, peer_inbound_Bps;
	uint32_t key;        /* server: hash of the source */
	uint32_t request_ts; /* server: the client's clock when it asked */
	uint32_t credit_bytes,
		answer_bytes; /* server: heard and not yet spent; what an answer costs */
	bool settled;         /* server: the answer is acknowledged */
	bool echoed;          /* client: something has come with our clock */
	/* client: handshake_hop.c */
	uint8_t tries, asked_count;
	struct kg_endpoint asked[2]; /* the first places, but the latest */
	uint64_t asked_us;           /* when the latest was */
};

struct kg_channel {
	struct kg_line line;
	struct kg_handshake *handshake; /* NULL once released */
	struct kg_buf *inbox;           /* the message at the head of the queue */
	struct kg_roam *roam;           /* NULL: the peer is where it is, as far as we know */
	struct kg_channel *namesake;    /* client: next with the same conv, of another server */
	void *user;
	uint64_t opened_us;
	uint64_t last_input_us; /* anything valid from the peer */
	uint64_t last_data_us;  /* raw_data, either direction */
	uint64_t last_alive_us; /* a keep_alive was due */
	uint64_t end_us;        /* CLOSING: since when; CLOSED: the line serves the peer so long */
	uint64_t timeout_us;    /* OPEN: no time-out is nearer; 0: not reckoned (timers.c) */
	uint32_t conv;
	uint32_t segments;     /* data segments ever queued */
	uint32_t data_left;    /* unacknowledged segments up to the latest with data */
	uint32_t capabilities; /* KG_CAPABILITY_… of both ends; until both are known, ours */
	uint16_t snd_wnd;
	uint8_t protocol;   /* enum kg_protocol */
	uint8_t state;      /* enum kg_channel_state */
	uint8_t why;        /* enum kg_close: what ends it once the disconnect is acknowledged */
	uint8_t probes;     /* keep_alives sent because nothing was heard */
	uint8_t asks;       /* questions of forgotten.h since something was heard */
	uint8_t proofs;     /* that the peer is there, likewise */
	uint8_t doubts : 2; /* KG_DOUBT_… */
	uint8_t words : 3;  /* said because a stream had stopped, that brought no stream */
	struct kg_exchange exchange; /* UDP, in doubt: what went to and fro */
	uint16_t owed;               /* control messages to send, bit per feature */
	uint8_t flowing : 4;         /* datagrams with payload since we spoke, up to KG_FLOWING */
	uint8_t relays : 4;          /* that its request has passed, up to KG_RELAYS_MAX */
	/* The arena gives a channel 256 bytes, and not one more. */
	uint8_t ends : 4;   /* enum kg_ends */
	bool finishing : 1; /* disconnect is on its way */
	bool told_readable : 1;
	bool answer_acked : 1; /* server: the client has the answer to its handshake */
	bool sizing : 1;       /* what passes to the peer is still to be found out */
};

/* What a channel has yet to prove. */
#define KG_DOUBT_UNHEARD 1u /* server: that its client got the answer */
#define KG_DOUBT_SOURCE  2u /* UDP: that the application is where its datagrams say */

_Static_assert(sizeof(struct kg_channel) <= 256, "many are idle");

/* So many, one behind the other, are a stream. */
#define KG_FLOWING 8
/* Of one that stopped anew it is said so often, if it brings fewer each time. */
#define KG_WORDS_MAX 7

/* Data waits, and nothing has come for so long, or for some round trips: a path is silent (hop.c),
 * and a peer may have forgotten a channel (forgotten.c). */
#define KG_SILENT_MIN_MS 600u
#define KG_SILENT_RTTS   4u

/* Of a peer: permits.c. */
struct kg_permits {
	TAILQ_ENTRY(kg_permits) link;
	struct kg_session *session;
	struct kg_kcp_share *share; /* NULL: channels share nothing */
	struct kg_spread *spread;   /* NULL: they leave on one 5-tuple */
	struct kg_timer timer;      /* the next permit */
	bool due;                   /* among those whose permit is due */
};

struct kg_session {
	struct kg_session_config config;
	const struct kg_talk *talk;
	struct kg_session_ops ops;
	void *host;
	struct kg_mem *mem;
	struct kg_buf_pool *pool;
	struct kg_twheel *wheel;
	struct kg_rng *rng;
	struct kg_seen *seen;
	struct kg_line_list ready;        /* something may be due; served in turn */
	TAILQ_HEAD(, kg_permits) permits; /* one is due */
	bool permits_first;               /* at the next datagram, before what is ready */
	struct kg_line_list homes[KG_HOME_COUNT];
	uint32_t home_counts[KG_HOME_COUNT];
	uint32_t udp_channels;  /* of the hosted ones */
	struct kg_line *tour;   /* the channel that kg_session_tour_next gives; NULL: the end */
	unsigned int tour_home; /* of that home; later ones follow */
	struct kg_path_tour {
		uint32_t slot, behind;
	} path_tour;
	struct kg_u32map by_conv;        /* to a line: see line.c */
	struct kg_u32map paths;          /* see path.c */
	struct kg_u32map origins;        /* server: see origins.c */
	struct kg_u32map peers;          /* by address: see peers.c */
	TAILQ_HEAD(, kg_peer) peer_list; /* the one used last comes last */
	uint32_t peer_count;
	struct kg_denials denials;
	struct kg_bare_answers *answers; /* NULL: with KCP there are none */
	bool stopping;                   /* opens nothing any more */
	uint64_t told_us;                /* no router is heard before */
	uint64_t silence_told_us;        /* client: of no silence is told before */
	struct kg_u32map by_source;      /* server: hash of the source to a chain of handshakes */
	struct kg_siphash_key source_key;
	struct kg_timer crowd_timer;         /* server: see crowd.c */
	bool counts;                         /* what origins hold */
	uint64_t now_us;                     /* of the latest input, timer or shutdown */
	struct kg_destination *destinations; /* client: of each destination */
	struct kg_session_stats stats;
};

static inline struct kg_channel *kg_line_channel(struct kg_line *line)
{
	return KG_CONTAINER_OF(line, struct kg_channel, line);
}

/* bare.h */
static inline bool kg_channel_is_bare(const struct kg_channel *ch)
{
	return ch->line.kcp == NULL;
}

static inline struct kg_handshake *kg_line_handshake(struct kg_line *line)
{
	return KG_CONTAINER_OF(line, struct kg_handshake, line);
}

/* Its channels are the host's. */
static inline bool kg_home_is_hosted(unsigned int home)
{
	return home >= KG_HOME_CHANNELS && home <= KG_HOME_DOUBTED_UDP;
}

static inline uint32_t kg_session_channels(const struct kg_session *s)
{
	return s->home_counts[KG_HOME_CHANNELS] + s->home_counts[KG_HOME_DOUBTED] +
	       s->home_counts[KG_HOME_DOUBTED_UDP];
}

/* Largest payload of a buffer. */
static inline uint16_t kg_session_buffer_bytes(const struct kg_session *s)
{
	return s->config.kcp.mtu - KG_KCP_HEADER_BYTES;
}

/* ---- line.c ---- */

/* `params` NULL: without KCP. False without memory for one. */
bool kg_line_init(struct kg_line *line, struct kg_session *s, enum kg_line_kind kind,
		  const struct kg_kcp_params *params, uint64_t now_us);
/* Makes a channel known by its conv, and a user of the path; false when memory is short or the conv
 * is taken: at a client, from that local port. */
bool kg_channel_hook(struct kg_channel *ch, struct kg_path *path);
/* Takes its conv back. */
void kg_channel_forget(struct kg_channel *ch);
/* The first channel with that conv, or NULL; others are its namesakes. */
struct kg_channel *kg_channel_find(const struct kg_session *s, uint32_t conv);
/* Gives its names back and falls silent. Harmless when done already. */
void kg_line_unhook(struct kg_line *line);
void kg_line_move(struct kg_line *line, enum kg_home home);
/* Unhooks; the timer frees it. */
void kg_line_retire(struct kg_line *line);
/* At once: only from the line's own timer, from a failed creation, or with the session. */
void kg_line_destroy(struct kg_line *line);
/* To be called after anything that may have changed what is due. */
void kg_line_touch(struct kg_line *line, uint64_t now_us);
/* Queues a control message; its length, 0 when memory is short. */
size_t kg_line_say(struct kg_line *line, const struct kg_message *message, uint64_t now_us);
/* Reads a whole control message and frees it; false when it is none. `bytes` backs `message`. */
#define KG_CONTROL_MAX_BYTES 512
bool kg_line_hear(struct kg_buf *chain, struct kg_message *message,
		  uint8_t bytes[KG_CONTROL_MAX_BYTES]);

/* ---- handshake.c ---- */

extern const struct kg_line_ops kg_handshake_line_ops;

/* A client's clock begins anywhere: its answers are known by that, and what says the same words
 * again and again has another plaintext. A server's is its client's (docs/wire.md §4.2). */
struct kg_handshake *kg_handshake_create(struct kg_session *s, uint32_t ts_offset_ms,
					 uint64_t now_us);
/* Server: so many bytes came from the source. An answer goes out when it is covered: a source that
 * is made up draws no more than was sent in its name. */
void kg_handshake_earn(struct kg_handshake *hs, uint16_t bytes);
/* Server: the answer has arrived, if there was one. */
void kg_handshake_settle(struct kg_handshake *hs, uint64_t now_us);
/* Answered, by us or to us, or settled: from now on kept for the peer's repetitions only. */
void kg_handshake_linger(struct kg_handshake *hs, uint64_t now_us);
/* Next message on conv 0; false when there is none. Malformed ones are counted and passed over. */
bool kg_handshake_next(struct kg_handshake *hs, struct kg_message *message,
		       uint8_t bytes[KG_CONTROL_MAX_BYTES]);

/* The words of a failure, fit for a log; empty for other messages. */
#define KG_TEXT_BYTES (KG_MESSAGE_TEXT_MAX_BYTES + 1)
const char *kg_message_text(const struct kg_message *message, char text[KG_TEXT_BYTES]);

/* ---- handshake_hop.c ---- */

/* Client: when to ask elsewhere. */
uint64_t kg_handshake_hop_due_us(const struct kg_handshake *hs);
void kg_handshake_hop(struct kg_handshake *hs, uint64_t now_us);
/* It has its answer, which came from there. */
void kg_handshake_hop_answered(struct kg_handshake *hs, const struct kg_endpoint *from,
			       uint64_t now_us);

/* ---- client.c, server.c ---- */

enum kg_drop kg_client_input(struct kg_session *s, const struct kg_datagram *in, uint32_t conv,
			     uint64_t now_us);
enum kg_drop kg_server_input(struct kg_session *s, const struct kg_datagram *in, uint32_t conv,
			     uint64_t now_us);
void kg_server_forget(struct kg_handshake *hs);
/* Client: a path from a local port of the host's choice, held; NULL: there is none. */
struct kg_path *kg_client_lease(struct kg_session *s, const struct kg_endpoint *remote, bool alone);
/* Gives a channel a path to `remote` that it shares, and its names there; false when no local port
 * is left. */
bool kg_client_take_path(struct kg_channel *ch, const struct kg_endpoint *remote);
bool kg_client_is_from_server(const struct kg_session *s, const struct kg_path *path,
			      const struct kg_datagram *in);
/* The channel with that conv, and on which of its paths this came; NULL. */
struct kg_channel *kg_client_channel_of(const struct kg_session *s, const struct kg_datagram *in,
					uint32_t conv, struct kg_path **path);
/* A number for two ends that strangers choose; they cannot find others with the same. */
uint32_t kg_session_tuple_key(const struct kg_session *s, const struct kg_tuple *ends);

/* ---- channel.c ---- */

extern const struct kg_line_ops kg_channel_line_ops;
/* Gives back the names of a channel, of whichever kind. */
void kg_channel_unhook(struct kg_line *line);

struct kg_channel *kg_channel_create(struct kg_session *s, enum kg_protocol protocol, uint32_t conv,
				     uint64_t now_us);
enum kg_drop kg_channel_input(struct kg_channel *ch, const struct kg_datagram *in, uint64_t now_us);
/* What both we and a peer that has announced `theirs` can do is done; conv is known. */
void kg_channel_agree(struct kg_channel *ch, uint32_t theirs);
/* Both ends know conv and the target answers: data flows. */
void kg_channel_establish(struct kg_channel *ch, uint64_t now_us);
/* A message of an application came in, or went out. */
void kg_channel_on_exchange(struct kg_channel *ch, bool in);
/* Sends a message without arguments, again later when memory is short. */
void kg_channel_say(struct kg_channel *ch, enum kg_feature feature, uint64_t now_us);
/* Sends what kg_channel_say could not. */
void kg_channel_pay(struct kg_channel *ch, uint64_t now_us);

/* ---- channel_end.c ---- */

/* What it says of an end, and when. */
enum kg_ends_way kg_channel_ends_way(const struct kg_channel *ch);
/* Of an open channel: notes the event and says what is to be said. */
void kg_channel_on_end(struct kg_channel *ch, enum kg_ends_event event, uint64_t now_us);
/* Ends both directions: disconnect goes after all data. */
void kg_channel_disconnect(struct kg_channel *ch, enum kg_close why, uint64_t now_us);
/* Nobody will read what has come. */
void kg_channel_discard_input(struct kg_channel *ch);
/* Over for the host; the line serves the peer for another linger_us. */
void kg_channel_close(struct kg_channel *ch, enum kg_close why, uint64_t linger_us,
		      const char *text, uint64_t now_us);
/* Closes it when both directions have ended and the peer has acknowledged all. */
void kg_channel_settle(struct kg_channel *ch, uint64_t now_us);
/* The peer says so. */
void kg_channel_on_finish(struct kg_channel *ch, uint64_t now_us);
void kg_channel_on_disconnect(struct kg_channel *ch, const char *text, uint64_t now_us);

/* ---- proof.c ---- */

/* For one more channel; another that is in doubt may end for it. `from`: server: who asks. */
bool kg_session_make_room(struct kg_session *s, enum kg_protocol protocol, const struct kg_ip *from,
			  uint64_t now_us);
/* Gives a new channel its doubts and its home. */
void kg_channel_doubt(struct kg_channel *ch);
/* It has proved that. */
void kg_channel_settle_doubt(struct kg_channel *ch, uint8_t doubt);

/* ---- by_ip.c ---- */

/* In what is kept of an address: `peers`, `origins`. */
struct kg_by_ip {
	struct kg_by_ip *next; /* with the same key */
	struct kg_ip ip;
	uint32_t key;
};

/* NULL: nothing is kept of it. */
struct kg_by_ip *kg_by_ip_find(const struct kg_session *s, const struct kg_u32map *map,
			       const struct kg_ip *ip);
/* Of an address that is not there. False without memory. */
bool kg_by_ip_insert(const struct kg_session *s, struct kg_u32map *map, struct kg_by_ip *node,
		     const struct kg_ip *ip);
void kg_by_ip_remove(struct kg_u32map *map, struct kg_by_ip *node);

/* ---- origins.c ---- */

/* Where channels of a server come from: origins.c, crowd.c. */
struct kg_origin {
	struct kg_by_ip at;
	uint32_t channels;
	uint32_t held; /* buffers, where they are counted */
	bool crowd;    /* its channels have been told of being one */
};

/* Where a line's path leads to; NULL: there was no memory to note it. */
struct kg_origin *kg_origin_of(const struct kg_line *line);
/* A channel has come to be where its path leads to, or is there no more. */
void kg_origins_enter(const struct kg_line *line);
void kg_origins_leave(const struct kg_line *line);
/* How many of its origin there are, as far as memory allowed to count them. */
uint32_t kg_origins_channels(const struct kg_session *s, const struct kg_ip *ip);

/* ---- permits.c ---- */

/* False without memory. Nobody is in it when it ends. */
bool kg_permits_init(struct kg_permits *permits, struct kg_session *s);
void kg_permits_fini(struct kg_permits *permits);
/* A line with a KCP: those with whom it shares from now on. NULL: nobody. */
void kg_permits_join(struct kg_line *line, struct kg_permits *permits);
/* A line with a KCP: it may want a permit now, or others may have theirs. */
void kg_permits_ask(struct kg_line *line, uint64_t now_us);
/* Who has a permit now; NULL: nobody. To be ended by kg_kcp_end_permit. */
struct kg_line *kg_permits_next(struct kg_session *s, uint64_t now_us);

/* ---- peers.c ---- */

void kg_peers_fini(struct kg_session *s);
void kg_peers_get_info(const struct kg_channel *ch, struct kg_channel_info *info);
/* What channels at that address share; NULL: nothing. */
struct kg_permits *kg_peers_permits(const struct kg_session *s, const struct kg_ip *ip);
/* How the mtu of a path was found out. */
enum kg_pmtu_how kg_peers_mtu_how(const struct kg_session *s, const struct kg_path *path);
/* The channel has (another) path. */
void kg_peers_on_path(struct kg_channel *ch);
/* Its KCP has told of answers, or of repetitions. */
void kg_peers_on_heard(struct kg_channel *ch, unsigned int events, uint64_t now_us);
/* A datagram with data has left on a path that is checked. */
void kg_peers_on_sent(struct kg_line *line, uint16_t bytes);
/* The probe that is due; false while something must go before. */
bool kg_peers_output(struct kg_line *line, struct kg_datagram *out, uint64_t now_us);

/* ---- timers.c ---- */

/* A channel's struct kg_line_ops. Its time-out, or a time before it. */
uint64_t kg_channel_timeout_us(struct kg_line *line, uint64_t now_us);
void kg_channel_on_timer(struct kg_line *line, uint64_t now_us);
/* One that is closed has served its peer long enough, or not yet. */
void kg_channel_closed_on_timer(struct kg_channel *ch, uint64_t now_us);
/* A time-out of an open channel may have come nearer. */
static inline void kg_channel_reckon(struct kg_channel *ch)
{
	ch->timeout_us = 0;
}
/* To be called before something is said: when nothing waits yet, its answer will be awaited. */
static inline void kg_channel_await(struct kg_channel *ch)
{
	if (kg_kcp_unacked(ch->line.kcp) == 0)
		kg_channel_reckon(ch);
}
/* How long a handshake is kept for the peer's repetitions. */
uint64_t kg_handshake_kept_until_us(const struct kg_handshake *hs, uint64_t now_us);

/* ---- window.c ---- */

/* Sets both windows from the bandwidths and the round trip (docs/wire.md §4.4). */
void kg_channel_fit_windows(struct kg_channel *ch, const struct kg_handshake *hs);
