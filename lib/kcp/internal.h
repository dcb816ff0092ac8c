/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A conversation from within. Each part has a file of its own; kcp_input.c and kcp_output.c join
 * them.
 *
 *   kcp_segment.h  header on the wire          kcp_rtt.c    RTT, RTO, backoff
 *   kcp_ring.c     slots by sn                 kcp_cwnd.c   congestion window (nc 0)
 *   kcp_flight.c   segments in flight          kcp_acks.c   ACKs we owe
 *   kcp_recv.c     reassembly, our window      kcp_peer.c   the peer's window, probing
 *   kcp_early.c    messages that overtake      kcp_need.c   how large our window has to be
 *   kcp_pace.c     when data may leave         kcp_cut.c    messages for a narrower path
 *   kcp_rate.c     the same, found out         kcp_share.c  what those to one peer share
 *   kcp_permit.c   who stands in line there    kcp_repair.c what goes more than once
 *   kcp_groups.c   FEC's groups, parity        kcp_pull.c   what our window is told to be
 *   kcp_drop.c     messages that are too old   kcp_mark.h   until when one is of use
 *   kcp_ask.c      does the peer know it?      kcp_echo.c   is it this one's answer?
 *   kcp_try.c      is the path there again?    kcp_foresee.c  the peer's window, soon
 */
#pragma once

#include "kcp/kcp.h"
#include "kcp/kcp_acks.h"
#include "kcp/kcp_cwnd.h"
#include "kcp/kcp_flight.h"
#include "kcp/kcp_mark.h"
#include "kcp/kcp_pace.h"
#include "kcp/kcp_peer.h"
#include "kcp/kcp_recv.h"
#include "kcp/kcp_rtt.h"
#include "kcp/kcp_share.h"

/* A window that reopened is announced this often at most, unless data comes before. */
#define KG_KCP_TELL_TIMES 3 /* in two bits */
/* After something was refused, until we look whether there is room to tell of. */
#define KG_KCP_LOOK_US (100u * KG_US_PER_MS)
/* Bytes that a segment takes of a path besides its own, and the least that it has in pieces. */
#define KG_KCP_AROUND_BYTES 64u
#define KG_KCP_PIECE_BYTES  512u
/* Segments under way before anything is known of a path. */
#define KG_KCP_RATE_FIRST 64u
/* Between the time stamps of probes, more than any round of them takes: an ACK that is repeated has
 * a later one than the probe. */
#define KG_KCP_PROBE_STEP_MS 8192u

/* What struct kg_kcp_stats cannot tell from the state; there are many idle conversations, and
 * no more segments of each than sn has values. */
struct kg_kcp_counters {
	uint64_t sent_bytes, received_bytes;
	uint32_t sent, received;
	uint32_t resent_fast, resent_timeout, resent_twin, resent_spare, resent_needless;
	uint32_t duplicates, out_of_window, refused;
	uint32_t acks_sent, acks_received;
};

struct kg_kcp {
	struct kg_mem *mem;
	struct kg_buf_pool *pool;
	struct kg_kcp_params params;
	uint16_t mss;                     /* now; params.mtu is the most there may be */
	bool flushing : 1;                /* blast off: data of the flush under way has left */
	bool shared : 1;                  /* `member` holds */
	bool lost : 1;                    /* shared: a time-out, and nothing heard since */
	bool permitted : 1;               /* to send a datagram, by its share */
	bool answer_wask : 1;             /* WINS is due at once */
	uint8_t waits : 2;                /* enum kg_kcp_waits */
	bool ring_stuck : 1;              /* no memory for a larger ring: wait for ACKs */
	bool begun : 1;                   /* the first of the queue is not its message's first */
	bool probing : 1;                 /* question_ts is that of probes */
	bool held_back : 1;               /* with rate_auto: not by the rate, since an ACK */
	bool paced : 1;                   /* with rate_auto: data waited for its pace alone */
	bool repeating : 1;               /* a segment was sent again and again in vain */
	bool rows : 1;                    /* both ends know the word that more follow */
	bool expires : 1;                 /* some message was of use for a time only */
	bool dropped : 1;                 /* one that waited was too old; to be told */
	uint8_t group_data, group_parity; /* of FEC, now; data 0: off */
	uint8_t tell_left : 2;            /* announcements of a window still to make */
	bool tried : 1;                   /* kcp_try.c: something new left for that */
	bool cut_short : 1;               /* less than params.mtu is known to pass, or lately was */
	bool original : 1;                /* the peer is one */
	bool late : 1;                    /* parity brings back the datagram that comes */
	uint8_t mix;                      /* of what was sent: kg_buf_mix_note */
	uint32_t queued;                  /* segments without sn */
	uint64_t now_us;                  /* latest time we were told; never goes back */
	uint64_t active_us;               /* last input or send */
	uint64_t flush_us;                /* blast off: no data leaves before */

	/* sending */
	struct kg_buf *queue; /* segments without sn; mark: kcp_mark.h */
	struct kg_buf **queue_tail;
	struct kg_kcp_rtt rtt;
	struct kg_kcp_cwnd cwnd;
	uint32_t question_ts; /* of the latest question, or of the first of later probes */
	struct kg_kcp_peer peer;
	union {
		struct kg_kcp_pace pace;
		struct kg_kcp_member member;
	};

	/* receiving */
	struct kg_kcp_recv recv;
	struct kg_kcp_acks acks;
	uint64_t tell_us; /* when the next announcement of a window is due */

	struct kg_kcp_counters stats;
	uint16_t acked;   /* segments that left the send side since kg_kcp_take_acked */
	uint16_t blanked; /* that had their place filled since kg_kcp_take_blanked */

	/* How much our window has to hold: of the round trip under way. */
	uint16_t came;     /* new segments, 65,535 at most */
	uint16_t since_ms; /* when it began, low bits */

	struct kg_kcp_flight flight; /* sending; its length varies */
};

/* The arena's pieces are multiples of 64 bytes: with four places for
 * orders acknowledged it is one of 576. */
_Static_assert(sizeof(struct kg_kcp) <= 560, "every channel has one, idle or not");

/* Our clock on the wire. */
static inline uint32_t kg_kcp_ts(const struct kg_kcp *kcp, uint64_t us)
{
	return (uint32_t)(us / KG_US_PER_MS) + kcp->params.ts_offset_ms;
}

static inline uint64_t kg_kcp_clock(struct kg_kcp *kcp, uint64_t now_us)
{
	kcp->now_us = KG_MAX(kcp->now_us, now_us);
	return kcp->now_us;
}

/* The message in as many segments of the mss as it takes; as it is, without memory or where they
 * would be too many. */
struct kg_buf *kg_kcp_cut(const struct kg_kcp *kcp, struct kg_buf *chain);
/* The same with every queued message of which nothing was sent. */
void kg_kcp_cut_queue(struct kg_kcp *kcp);
/* The queue's first segment is longer than `len`, what its datagram has room for. Where it begins a
 * message of two, and the other one stays small, its end goes there, so that the datagram is full:
 * else each such message would take two of them. */
bool kg_kcp_shorten(const struct kg_kcp *kcp, uint16_t len);
/* Puts a message at the end of the queue; `until`: of kg_kcp_mark_until. */
void kg_kcp_append(struct kg_kcp *kcp, struct kg_buf *message, uint32_t until);
/* The last segment of the message that begins there. */
struct kg_buf *kg_kcp_message_end(struct kg_buf *message);
/* When the first of the queue is too old; KG_NEVER_US: it never is. */
static inline uint64_t kg_kcp_stale_us(const struct kg_kcp *kcp)
{
	const struct kg_buf *first = kcp->queue;

	if (!kcp->expires || first == NULL || (first->mark & KG_KCP_MARK_HAS_UNTIL) == 0)
		return KG_NEVER_US;
	return kg_until_us(first->mark >> KG_KCP_MARK_FRG_BITS, kcp->now_us);
}
/* The segment is about to be sent again: if it is too old, its place is filled. */
void kg_kcp_blank(struct kg_kcp *kcp, struct kg_kcp_slot *slot);
/* Whether our send window counts what is unacknowledged. Where the pace is held back, or the round
 * trip shows a queue, losses are probably our doing, and the oldest hole holds up what would make
 * it worse; but not where a controller knows better. */
static inline bool kg_kcp_spreads(const struct kg_kcp *kcp)
{
	return kcp->params.snd_spread &&
	       (kcp->params.rate_auto ||
		(kcp->pace.limit_gap == 0 && !kg_kcp_rtt_shows_queue(&kcp->rtt)));
}
/* Segments that it counts. */
static inline uint32_t kg_kcp_under_way(const struct kg_kcp *kcp)
{
	const struct kg_kcp_flight *f = &kcp->flight;

	return kg_kcp_spreads(kcp) ? f->count : f->nxt - f->una;
}
static inline struct kg_kcp_account kg_kcp_account(const struct kg_kcp *kcp)
{
	const struct kg_kcp_counters *stats = &kcp->stats;

	return (struct kg_kcp_account){
		.under_way = kcp->lost ? 0 : kcp->flight.count,
		.delivered = stats->sent - kcp->flight.count,
		.lost = stats->resent_fast + stats->resent_timeout - stats->resent_needless,
	};
}
static inline struct kg_kcp_pace *kg_kcp_pace_of(struct kg_kcp *kcp)
{
	return kcp->shared ? &kcp->member.share->pace : &kcp->pace;
}
/* It shares with others, but nobody else has something under way or waits: it needs no permit, and
 * the pace and the window are its own. Not true in between a change and kg_kcp_share_note. */
static inline bool kg_kcp_is_alone(const struct kg_kcp *kcp)
{
	const struct kg_kcp_share *share = kcp->member.share;

	return !kcp->lost && share->under_way == kcp->flight.count &&
	       TAILQ_EMPTY(&share->mending) && TAILQ_EMPTY(&share->sending);
}
/* Nothing but its own pace and window is between it and the wire. */
static inline bool kg_kcp_is_free(const struct kg_kcp *kcp)
{
	return !kcp->shared || kg_kcp_is_alone(kcp);
}
/* Its rate is found out, and it yields to nobody: only then what is lost is not its doing. */
static inline bool kg_kcp_holds_its_own(const struct kg_kcp *kcp)
{
	return kcp->params.rate_auto && kcp->params.rate_kind == KG_RATE_FOUND_OUT;
}
/* Asks for no permit. */
static inline bool kg_kcp_is_sparse(const struct kg_kcp *kcp)
{
	return kcp->flight.count + kcp->queued <= KG_KCP_SPARSE;
}
/* When the pace lets data leave of who is free. */
static inline uint64_t kg_kcp_pace_due_us(const struct kg_kcp *kcp)
{
	if (!kcp->shared)
		return kg_kcp_pace_next_us(&kcp->pace);
	return kg_kcp_is_sparse(kcp) ? 0 : kg_kcp_pace_next_us(&kcp->member.share->pace);
}
static inline bool kg_kcp_is_cut_short(const struct kg_kcp *kcp)
{
	return kcp->mss + KG_KCP_HEADER_BYTES < kcp->params.mtu;
}
/* Bytes that a segment takes of a path, as its rate counts them: each is a whole one, as small as
 * what it says may be, but where messages had to be cut into shorter ones. */
static inline uint32_t kg_kcp_takes(const struct kg_kcp *kcp, uint16_t len)
{
	uint32_t whole = kcp->params.mtu - KG_KCP_HEADER_BYTES;
	uint32_t bytes = kcp->cut_short ? KG_MAX((uint32_t)len, KG_KCP_PIECE_BYTES) : whole;

	return bytes + KG_KCP_AROUND_BYTES;
}
/* What a datagram has acknowledged. */
struct kg_kcp_heard {
	uint64_t sent_us;         /* when the latest of it had left */
	uint32_t rtt_us;          /* of the fastest, or 0 */
	uint32_t segments, bytes; /* of kg_kcp_takes */
};
/* With rate_auto. */
void kg_kcp_rate_hear(struct kg_kcp *kcp, const struct kg_kcp_heard *heard);
/* With a permit, it has sent a datagram: another one of it is the next of its share. */
bool kg_kcp_goes_on(const struct kg_kcp *kcp);
/* A copy of `sn` goes, for the one before is lost: it may be the first of several. */
void kg_kcp_repeat(struct kg_kcp *kcp, uint32_t sn);
/* What was taken for lost has probably arrived, and waits a while. */
bool kg_kcp_doubt(struct kg_kcp *kcp, uint32_t sn);
/* First sn that the peer will not take when it arrives; and where that is foreseen. */
uint32_t kg_kcp_edge_ahead(const struct kg_kcp *kcp);
static inline uint32_t kg_kcp_edge(const struct kg_kcp *kcp)
{
	return KG_UNLIKELY(kcp->flight.ahead) ? kg_kcp_edge_ahead(kcp) : kcp->peer.edge;
}
/* As many copies of it are under way as it takes. */
void kg_kcp_mend(struct kg_kcp *kcp, uint32_t sn);
/* Something was mended or acknowledged. */
void kg_kcp_look_ahead(struct kg_kcp *kcp);
/* What leaves next is the last that waits. */
void kg_kcp_end_burst(struct kg_kcp *kcp);
/* A group's data, in a window of it. */
void kg_kcp_update_group_part(struct kg_kcp *kcp);
/* Gives back what was found out of pace or rate. */
void kg_kcp_forget_rate(struct kg_kcp *kcp);
/* A round trip may be over; so many new segments have come, up to sn `furthest`. */
void kg_kcp_need_update(struct kg_kcp *kcp, uint32_t now_ms);
void kg_kcp_need_note(struct kg_kcp *kcp, uint32_t came, uint32_t furthest);
/* What a datagram says of our window that leaves now; and that it does. Both. */
uint16_t kg_kcp_window(const struct kg_kcp *kcp);
void kg_kcp_told(struct kg_kcp *kcp, uint16_t window);
uint16_t kg_kcp_advertise(struct kg_kcp *kcp);
/* Pulled: when more of it is to be told, though nothing comes; KG_NEVER_US: no time is. */
uint64_t kg_kcp_pull_due_us(const struct kg_kcp *kcp);
/* Pulled: no ACKs leave before; what has come beyond a hole is told once in a round trip. */
uint64_t kg_kcp_pull_acks_due_us(const struct kg_kcp *kcp);
/* Pulled: by so much an ACK's ts is earlier than that of what it is for. */
uint32_t kg_kcp_pull_slack_ms(const struct kg_kcp *kcp);
/* The peer has asked where we are: an original never does, so it is pulled no more. */
void kg_kcp_pull_asked(struct kg_kcp *kcp);
/* Pulled: so many new segments have come, up to `sn`, the latest with `ts`. */
void kg_kcp_pull_hear(struct kg_kcp *kcp, uint32_t sn, uint32_t ts, uint32_t came);
/* One more segment is within what the peer has told of its window. */
static inline bool kg_kcp_peer_allows(const struct kg_kcp *kcp)
{
	return (int32_t)(kcp->flight.nxt - kcp->peer.edge) < 0;
}
/* Segments that may be in flight as far as windows go. */
uint32_t kg_kcp_send_window(const struct kg_kcp *kcp);
/* Segments that all windows let leave now, be there so many in the queue or not; 0 where it is
 * empty. */
uint32_t kg_kcp_may_send(const struct kg_kcp *kcp);
/* One segment, for kg_kcp_try_us. */
bool kg_kcp_may_try(const struct kg_kcp *kcp);
/* When new data goes whatever windows let leave, to see whether a path is there again; KG_NEVER_US:
 * there is no such data, or no reason. */
uint64_t kg_kcp_try_us(const struct kg_kcp *kcp);
/* Arms or disarms the window probe after anything that may have changed it. */
void kg_kcp_update_probe(struct kg_kcp *kcp);
/* Announces the window when it has reopened. */
void kg_kcp_update_tell(struct kg_kcp *kcp);
/* Something found no place: announces the window when there is one, for time-outs grow meanwhile.
 */
void kg_kcp_tell_later(struct kg_kcp *kcp);
/* Gives the rings back after a second of silence; KG_NEVER_US when there is nothing to give. */
uint64_t kg_kcp_trim_us(const struct kg_kcp *kcp);
void kg_kcp_trim(struct kg_kcp *kcp);
