/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The segments in flight: snd_una … snd_nxt-1, in a ring indexed by sn.
 *
 * Every copy gets the next transmit order. Segments not yet acknowledged are also linked, one list
 * per number of time-outs they have had ("backoff"). A copy always joins at the tail, so each list
 * is in transmit order and, its members waiting equally long, in order of deadline as well: only
 * heads need to be looked at.
 *
 *   slots    [una] [ ] [x] [ ] [ ] [nxt-1]         x: acknowledged, buffer gone
 *   lists    backoff 0:  una+3 → una+4 → nxt-1     backoff 1:  una → una+1
 *
 * Fast resend: a copy is lost when `resend` datagrams have each acknowledged something sent later.
 * Of every such datagram only its newest order matters, so it is enough to keep the `resend`
 * largest of them: whatever is older than the smallest of these is lost.
 *
 * Groups: where FEC stands between engine and wire, what is lost may come back with the parity
 * behind its group. So each group begins with a new multiple of a power of two, which leaves room
 * for all of it. A copy overtaken by later groups was given up by its own; one overtaken by its own
 * only is given some more time.
 *
 * Time-outs in silence: when nothing sent after a copy has been acknowledged, its time-out tells of
 * a delay or a dead path rather than of a loss. Then the path is probed with a few copies at a
 * time, KG_KCP_PROBES per quarter of an rto, instead of the whole window; the first ACK that comes
 * back makes everything older a matter of fast resend.
 *
 * Time-outs behind which most has arrived: the path lives and loses much. Were the wait to double
 * each time, five copies lost in a row would hold up a window for ten seconds. So the first twelve
 * time-outs there wait no longer than the first.
 *
 * An outage ends at any moment, and the waits between time-outs grow. So where few conversations
 * share a path the oldest segment goes at least every KG_KCP_TRY_US from its second time-out on,
 * and when such a copy is acknowledged all that had left before it is lost: nothing else that it
 * waits for will come.
 *
 * Twins: a copy whose loss would be dear is sent twice, in two datagrams: the second copy when few
 * are in flight, where another time-out is all that helps, and the third one of a hole, which holds
 * up the whole window. These are few unless much is lost; then twins would only add to it, so there
 * is one per KG_KCP_TWIN_SEGMENTS segments at most. Where what is late is worse than some more
 * datagrams (kg_kcp_params.prompt) the second copy in a hole is sent twice as well, and there are
 * more of them: those that a burst has lost together are sent again together, and one whose copy
 * has no twin, and is lost, keeps all behind it waiting for another round trip.
 *
 * In a stream the last segment of a burst has a twin, too, where the path loses, for nothing behind
 * it shows its loss before its time-out: a part of a round trip later, unless something has
 * followed.
 *
 * A hole that blocks the window, so that nothing will leave until its copy is acknowledged, is
 * another matter: the path has room for twins then. It has as many, up to two, as make it unlikely
 * that one of the window's holes stays (kg_kcp_flight_repeat), and nobody keeps an account of them.
 * Where the window is wider than the path, and much is lost, even a third copy goes once.
 * `loss` is what that is reckoned by: of the segments acknowledged lately, so many copies were
 * lost. It is brought up to date where it is asked for, or something is lost, so that a path that
 * loses nothing does nothing for it.
 *
 * Doubts: a copy whose loss is not certain stands for a while in the last of the lists, where
 * hardly anything else ever is (kcp_repair.c says which).
 *
 * Spares: there, and while the path loses, a small segment goes once more behind the new data of
 * the next datagram that has room for it, so that its loss is made good before anybody has heard of
 * it. A spare is in no list and has no order: whatever else is known of its segment stays as if
 * there were none.
 *
 * Parked payload: what thousands of segments in flight hold exceeds the caches. Were it left in the
 * buffers it came in, every new message would be written into a buffer that has been out of the
 * caches for a whole window: its old lines are read, for nothing, and written back later. So once
 * it has been sent the payload moves to a cold buffer (base/cold.h), and the one it came in is used
 * again at once, warm.
 */
#pragma once

#include "base/buf.h"
#include "base/cold.h"
#include "kcp/kcp_ring.h"
#include "kcp/kcp_rtt.h"

#define KG_KCP_PROBES   32u
#define KG_KCP_PREFETCH 32u /* segments ahead */
#define KG_KCP_THIN     4u  /* segments in flight that are few */
#define KG_KCP_AS_ONE   12u /* time-outs on a path that lives that wait as long as the first */

#define KG_KCP_TRY_US 250000u /* or a round trip, if that is longer */
#define KG_KCP_TRIERS 16u     /* conversations with a peer: with more of them each tries less */

#define KG_KCP_GROUP_SEGMENTS 16u /* of a datagram, room for so many */

#define KG_KCP_TWIN_SEGMENTS        12u
#define KG_KCP_TWINS_SAVED          8u /* for later, at most */
#define KG_KCP_PROMPT_TWIN_SEGMENTS 4u
#define KG_KCP_PROMPT_TWINS_SAVED   255u
#define KG_KCP_HOLE_COPIES          3u
#define KG_KCP_LOSS_STEP            16u

#define KG_KCP_SPARE_BYTES 216u /* of a payload, at most (docs/kcp.md §7.5) */
#define KG_KCP_SPARE_WAITS 16u  /* segments that leave behind it, at most, for room */
#define KG_KCP_SPARES      255u /* datagrams with spares that a loss is worth */

#define KG_KCP_PARK_SEGMENTS 4096u /* in flight, from which on it is worth it */
#define KG_KCP_PARK_BYTES    512u  /* the same for a payload */

struct kg_kcp_slot {
	struct kg_buf *buf; /* NULL: acknowledged */
	uint64_t sent_us;   /* latest copy */
	uint32_t order;     /* latest copy */
	uint32_t first_ts;  /* wire time stamp of the first copy */
	/* Low bits of the neighbours' sn in the list; at an end its own. */
	uint16_t prev, next;
	uint16_t len : 11;    /* of the payload */
	uint16_t backoff : 4; /* time-outs, up to KG_KCP_BACKOFF_MAX */
	bool parked : 1;      /* buf is a cold one */
	uint8_t copies : 5;   /* up to KG_KCP_COPIES_MAX, without the spare */
	bool mended : 1;      /* its latest copies are as many as it takes (kcp_foresee.c) */
	bool tail : 1;        /* not its message's first */
	bool spare : 1;       /* has one */
	uint8_t frg : 7;
	/* the latest copy was a fast resend of what was not in doubt; the only one: it is in doubt
	 */
	bool fast : 1;
};

#define KG_KCP_COPIES_MAX 31u

enum kg_kcp_cause {
	KG_KCP_CAUSE_FAST,
	KG_KCP_CAUSE_THIN, /* few in flight: early, and no back-off */
	KG_KCP_CAUSE_TIMEOUT,
};

struct kg_kcp_flight {
	struct kg_kcp_ring ring;
	uint32_t una, nxt; /* oldest unacknowledged sn; next sn to be sent */
	uint32_t count;    /* segments not acknowledged */
	uint32_t next_order;
	uint32_t newest_acked; /* order; whatever is newer is in silence */
	uint16_t twin;         /* low bits: sn of the copy to be sent again */
	uint16_t sure;         /* low bits: kcp_foresee.c */
	uint64_t probe_us;     /* when there are more copies that may go in silence */
	uint8_t twins : 2;     /* of `twin`, so many; 0: none */
	bool ends : 1;         /* `twin` is the end of a burst, and waits for something to follow */
	bool prompt : 1;       /* the first copy in a hole is dear, too */
	bool una_due : 1;      /* the peer has room for the oldest one again */
	bool tries : 1;        /* the oldest asks again and again whether the path is there */
	bool patient : 1;      /* groups have parity, which may bring back what is lost */
	bool unfenced : 1;     /* parked payload may be on its way to memory */
	uint8_t twins_saved;   /* that may be granted */
	uint8_t spares_left;   /* datagrams that may have spares; 0 without `prompt` */
	uint8_t fresh;         /* segments before nxt that have had no chance of one */
	uint8_t probes_left;   /* copies that may go in silence */
	uint8_t calm;          /* groups in turn that wanted less parity than they had */
	uint16_t listed;       /* bit b: list b has members */
	struct {
		uint16_t head, tail; /* low bits of sn */
	} lists[KG_KCP_BACKOFF_MAX + 1];
	uint16_t loss;    /* copies lost for a segment, in parts of 65,536: a moving average */
	uint16_t loss_at; /* KG_KCP_LOSS_STEP segments acknowledged, ever: `loss` is of then */
	uint16_t group_mask : 14; /* of an order: its place in its group; 0: there are no groups */
	uint16_t ahead : 1;       /* `sure` is beyond una */
	uint16_t wary : 1;        /* `sure` was a mistake, and nothing is until una is there */
	uint8_t resend;           /* datagrams that make a loss; 0: never */
	uint8_t acked_count;
	uint32_t acked[]; /* newest orders acknowledged, newest first; `resend` places */
};

static inline struct kg_kcp_slot *kg_kcp_flight_slot(const struct kg_kcp_flight *f, uint32_t sn)
{
	return (struct kg_kcp_slot *)f->ring.slots + (sn & (f->ring.capacity - 1));
}

/*
 * Buffers in flight have left the caches by the time they are acknowledged, and ACKs mostly come in
 * order of sn: touch the one that will probably be released a few segments on.
 */
static inline void kg_kcp_flight_prefetch(const struct kg_kcp_flight *f, uint32_t sn)
{
	const struct kg_kcp_slot *slot = kg_kcp_flight_slot(f, sn + KG_KCP_PREFETCH);

	__builtin_prefetch(kg_kcp_flight_slot(f, sn + 2 * KG_KCP_PREFETCH));
	if (!slot->parked)
		__builtin_prefetch(slot->buf);
}

/* The sn in una … nxt-1, or nxt, whose low bits these are. */
static inline uint32_t kg_kcp_flight_full_sn(const struct kg_kcp_flight *f, uint16_t low)
{
	return f->una + (uint16_t)(low - (uint16_t)f->una);
}

/* Where the payload is. */
static inline const uint8_t *kg_kcp_flight_data(const struct kg_kcp_slot *slot)
{
	return slot->parked ? kg_buf_cold_data(slot->buf) : slot->buf->data;
}

/* True when sn was sent and lies in una … nxt-1. */
static inline bool kg_kcp_flight_spans(const struct kg_kcp_flight *f, uint32_t sn)
{
	return sn - f->una < f->nxt - f->una;
}

/* Makes room for one more segment. */
static inline bool kg_kcp_flight_reserve(struct kg_kcp_flight *f, struct kg_mem *mem)
{
	return kg_kcp_ring_reserve(&f->ring, mem, sizeof(struct kg_kcp_slot), f->una,
				   f->nxt - f->una + 1);
}

/* There are `resend` places behind it. */
void kg_kcp_flight_init(struct kg_kcp_flight *f, uint32_t first_sn, uint8_t resend);
/* Frees what is in flight. */
void kg_kcp_flight_fini(struct kg_kcp_flight *f, struct kg_mem *mem, struct kg_buf_pool *pool);
/* Nothing is in flight: gives back what memory it has. */
void kg_kcp_flight_trim(struct kg_kcp_flight *f, struct kg_mem *mem);

/* Puts the next sn in flight; room was reserved. `tail`: it is not its message's first. Cold
 * buffers are of `pool`. */
void kg_kcp_flight_add(struct kg_kcp_flight *f, struct kg_buf_pool *pool, struct kg_buf *buf,
		       bool tail, uint64_t now_us, uint32_t ts);
/* The newest segment waits for its first time-out as long as the oldest for its next. */
void kg_kcp_flight_defer(struct kg_kcp_flight *f);
/* Notes that another copy goes out now, which may make its twin due. */
void kg_kcp_flight_resend(struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt, uint32_t sn,
			  enum kg_kcp_cause cause, uint64_t now_us);
/* `loss`, up to date. */
uint16_t kg_kcp_flight_loss(struct kg_kcp_flight *f);
/* A copy was lost. */
void kg_kcp_flight_note_loss(struct kg_kcp_flight *f);
/* So many copies proved needless that were taken for lost. */
void kg_kcp_flight_note_needless(struct kg_kcp_flight *f, uint32_t copies);
struct kg_kcp_repeats {
	unsigned int most;    /* copies */
	unsigned int before;  /* as if so many had gone besides */
	unsigned int windows; /* in one of them a hole may stay */
};
/* A hole blocks the window: it goes as often as the loss asks for. False: as often as may be, which
 * is not enough. */
bool kg_kcp_flight_repeat(struct kg_kcp_flight *f, uint32_t sn, const struct kg_kcp_repeats *how);
/* Its only copy has probably arrived: it goes again when una is there, and a part of a round trip
 * from now, whichever is first. */
void kg_kcp_flight_doubt(struct kg_kcp_flight *f, uint32_t sn);
/* The copy that goes holds up nobody: it has none where much is lost. */
void kg_kcp_flight_save_twin(struct kg_kcp_flight *f);
/* The next one to be sent is the last of a burst. */
void kg_kcp_flight_end_burst(struct kg_kcp_flight *f);
/* When the twin is due; KG_NEVER_US: something has followed. */
uint64_t kg_kcp_flight_twin_us(const struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt);
/* It is sent. */
void kg_kcp_flight_on_twin(struct kg_kcp_flight *f);
/* The path has lost something. */
static inline void kg_kcp_flight_on_loss(struct kg_kcp_flight *f)
{
	if (f->prompt)
		f->spares_left = KG_KCP_SPARES;
}

/* Acknowledged: frees the buffer. una stays until kg_kcp_flight_advance. */
void kg_kcp_flight_release(struct kg_kcp_flight *f, struct kg_buf_pool *pool, uint32_t sn);
/* Moves una over what was released. */
void kg_kcp_flight_advance(struct kg_kcp_flight *f);

/* There are groups, of so many datagrams. */
void kg_kcp_flight_set_groups(struct kg_kcp_flight *f, uint8_t datagrams);
/* What is sent from now on is in another group. False when nothing was sent since the last call. */
bool kg_kcp_flight_next_group(struct kg_kcp_flight *f);

/* A datagram acknowledged a copy with this order and nothing sent later. */
void kg_kcp_flight_on_acked(struct kg_kcp_flight *f, uint32_t order);

/* When the next copy is due; KG_NEVER_US when nothing is in flight. */
uint64_t kg_kcp_flight_due_us(const struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt);
/* The lowest sn among the list heads that are due at now_us; false when none is. */
bool kg_kcp_flight_next_due(const struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt,
			    uint64_t now_us, uint32_t *sn, enum kg_kcp_cause *cause);
