/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * KCP engine: one conversation (docs/kcp.md). No I/O and no clock: time comes in as now_us
 * (monotonic), datagrams are pulled out. Work per segment does not depend on the window: segments
 * live in rings indexed by sn, only holes are scanned for fast resend, time-outs come from lists
 * in order of their deadline. 32-bit sn and ts are compared with wrap-around.
 *
 * Not thread-safe; one owner thread per conversation.
 */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/drop.h"
#include "base/mem.h"

#define KG_KCP_HEADER_BYTES  24
#define KG_KCP_WINDOW_MAX    65535
#define KG_KCP_FRAGMENTS_MAX 127
#define KG_KCP_MTU_MIN       64
#define KG_KCP_MTU_MAX       2000

/* Bytes of the longest message whose first segment holds `first` bytes and each other one `rest`.
 */
static inline size_t kg_kcp_message_max_bytes(uint16_t first, uint16_t rest)
{
	return first + (KG_KCP_FRAGMENTS_MAX - 1u) * (size_t)rest;
}

enum kg_kcp_cmd {
	KG_KCP_PUSH = 81,
	KG_KCP_ACK = 82,
	KG_KCP_WASK = 83, /* ask window */
	KG_KCP_WINS = 84, /* tell window */
};

struct kg_kcp_params {
	uint32_t conv;
	uint16_t mtu;     /* bytes of one KCP datagram, all segments; payload per segment 24 less */
	uint16_t snd_wnd; /* segments, 1 … 65535 */
	uint16_t rcv_wnd; /* segments, 1 … 65535 */
	uint8_t nodelay;  /* 0, 1, 2: how the time-out grows */
	bool prompt : 1;  /* what is late is worse than some more datagrams */
	bool una_only : 1; /* what comes in order is acknowledged only beside what is sent */
	/* snd_wnd is for what is unacknowledged; how far apart that may lie the peer says alone */
	bool snd_spread : 1;
	/* How fast to send, and how much may be under way, is found out (kcp_rate.c), in place of
	 * `pace`; a snd_wnd that does not spread is a bound */
	bool rate_auto : 1;
	bool pace : 1;         /* spread a window over the round trip */
	uint8_t rate_kind : 2; /* with rate_auto, which: enum kg_rate_kind (rate/rate.h) */
	bool rcv_grows : 1;    /* rcv_wnd is the least; what is needed is found out (kcp_need.c) */
	uint16_t interval_ms;  /* grid of flushes when `blast` is off; 0 means 1 */
	uint16_t rate_told;    /* of KG_RATE_TOLD: rate/told.h */
	uint8_t resend;        /* later-acknowledged datagrams that make a hole a loss; 0: never */
	bool nc;               /* true: no congestion window */
	bool blast;            /* send at once instead of on the grid */
	/* A message that begins with this byte is given as soon as it is whole, whatever is missing
	 * before it; 0: all in order */
	uint8_t early_kind;
	uint32_t first_sn;     /* 0 on the wire; tests of wrap-around choose another */
	uint32_t ts_offset_ms; /* added to our clock in ts */
};

/* conv 0 runs with these numbers whatever the configuration says (docs/wire.md §4.1). */
extern const struct kg_kcp_params kg_kcp_handshake_params;

struct kg_kcp;

/* NULL when out of memory. `mem` and `pool` must outlive the conversation. */
struct kg_kcp *kg_kcp_create(const struct kg_kcp_params *params, struct kg_mem *mem,
			     struct kg_buf_pool *pool, uint64_t now_us);
void kg_kcp_destroy(struct kg_kcp *kcp);

/* A client learns its conv after it has begun to queue data. Nothing may have been sent yet. */
void kg_kcp_set_conv(struct kg_kcp *kcp, uint32_t conv);
/* Windows may change at any time, upwards and downwards; what is held stays held and the right
 * edge already advertised stays valid. One that is set does not set itself any more; 0: as it was.
 */
void kg_kcp_set_windows(struct kg_kcp *kcp, uint16_t snd_wnd, uint16_t rcv_wnd);

/*
 * What conversations with one peer share, with rate_auto: one rate, one window, and permits.
 * Whoever owns them has each ask for a permit (kg_kcp_ask_permit) after anything that may have
 * changed what is due, and gives the first in line its permit when the share's is due. A permit is
 * for a datagram with data; who has next to nothing under way needs none. Of one thread.
 */
struct kg_kcp_share;
/* NULL without memory. */
struct kg_kcp_share *kg_kcp_share_create(struct kg_mem *mem, void *user);
/* Nobody is in it any more. */
void kg_kcp_share_destroy(struct kg_kcp_share *share);
bool kg_kcp_share_is_used(const struct kg_kcp_share *share);
/* What has arrived, and what was lost, is entered there from now on; it outlives the share. */
struct kg_ledger;
void kg_kcp_share_keep(struct kg_kcp_share *share, struct kg_ledger *ledger);
/* What it grants the peer, which outlives the share. And one that is in the share tells no more of
 * its window than that from now on, or all of it. */
struct kg_pull;
void kg_kcp_share_pull(struct kg_kcp_share *share, struct kg_pull *pull);
void kg_kcp_pull(struct kg_kcp *kcp, bool on);
/* The user of the share that it is in; NULL: in none. */
void *kg_kcp_share_user(const struct kg_kcp *kcp);
/* Goes to another share, NULL: to none; until it is destroyed at most. */
void kg_kcp_join(struct kg_kcp *kcp, struct kg_kcp_share *share, void *user);
/* The peer has KG_CAPABILITY_ROWS, as we have: who sends several datagrams in a row says so, and
 * who has them acknowledges the row. Not where what is said is prompt; nothing is said of it with
 * groups. */
void kg_kcp_use_rows(struct kg_kcp *kcp);
/* The peer is an original engine: it takes whatever lies within a whole window of its oldest hole
 * when it comes, and says each ACK once. */
void kg_kcp_meet_original(struct kg_kcp *kcp);
/* The peer has KG_CAPABILITY_TAILS, as we have, and the conversation is one of datagrams, without
 * rows: segments say that they are not their message's first. */
void kg_kcp_use_tails(struct kg_kcp *kcp);
/* Before kg_kcp_input, which refuses it: takes that word off a datagram. */
void kg_kcp_take_row(struct kg_kcp *kcp, uint8_t *data, size_t len, uint64_t now_us);
/* Segments that may wait here where so many buffers of a kind may (base/buf.h). */
uint32_t kg_kcp_share_of_mix(const struct kg_kcp *kcp, uint32_t share);
/* Segments that may wait behind its window beside those of others; UINT32_MAX: it is in none. */
uint32_t kg_kcp_queue_share(const struct kg_kcp *kcp);
/* Stands in line if data is due that needs a permit; false when there is no share. */
bool kg_kcp_ask_permit(struct kg_kcp *kcp, uint64_t now_us);
/* Does not stand in line any more. */
void kg_kcp_withdraw(struct kg_kcp *kcp);
/* When the first in line may have its permit; KG_NEVER_US: nobody may, until something is heard. */
uint64_t kg_kcp_share_due_us(struct kg_kcp_share *share, uint64_t now_us);
/* It has its permit now: the user it came with. NULL: nobody may. */
void *kg_kcp_share_permit(struct kg_kcp_share *share);
/* It was asked for a datagram, and gave one or not; who gave one without data stays the first. */
void kg_kcp_end_permit(struct kg_kcp *kcp, bool sent);

/* The round trip to this peer as another conversation has measured it, for the first time-out; 0:
 * not known. */
void kg_kcp_expect_rtt(struct kg_kcp *kcp, uint32_t rtt_us);
/* The smoothed round trip; 0: no sample yet. */
uint32_t kg_kcp_rtt_us(const struct kg_kcp *kcp);

/* Payload bytes that fit one segment. */
uint16_t kg_kcp_mss(const struct kg_kcp *kcp);
/* Datagrams have so many bytes at most from now on, params.mtu at most: what is queued is cut
 * anew, what is in flight is not. */
void kg_kcp_set_mtu(struct kg_kcp *kcp, uint16_t mtu);

/* What an input did; bits. */
enum kg_kcp_event {
	/* new sn, una, or newer ts inside the windows: not a replay of an old datagram */
	KG_KCP_ADVANCED = 1 << 0,
	KG_KCP_READABLE = 1 << 1, /* a whole message can be taken */
	KG_KCP_ACKED = 1 << 2,    /* segments left the send side: see kg_kcp_take_acked */
	KG_KCP_ECHOED = 1 << 3,   /* an ACK brought back the time stamp of a segment in flight */
	KG_KCP_ANSWERED = 1 << 4, /* the same of the latest kg_kcp_question */
	KG_KCP_RECEIVED = 1 << 5, /* a segment that is new to us */
	/* a segment has been sent KG_KCP_IN_VAIN times; told once */
	KG_KCP_REPEATING = 1 << 6,
	KG_KCP_PROBED_SHIFT = 8, /* from here on, a bit each: answers to kg_kcp_probe 0, 1, … */
};

/*
 * One datagram from the peer (docs/kcp.md §4). Parsed whole before anything is applied: a malformed
 * datagram (KG_DROP_KCP_MALFORMED) changes nothing. Bytes are copied, `data` stays the caller's.
 * Segments that find no buffer are not acknowledged and come again.
 */
enum kg_drop kg_kcp_input(struct kg_kcp *kcp, const uint8_t *data, size_t len, uint64_t now_us,
			  unsigned int *events);

/* The next datagram was on its way for less long than it seems: parity has brought it back. What an
 * original acknowledges by it tells nothing of the round trip, nor that datagrams overtake each
 * other. */
void kg_kcp_expect_late(struct kg_kcp *kcp);

/*
 * Queues one message. Each buffer of the chain becomes a segment: none longer than fits params.mtu,
 * none but the only one empty, at most KG_KCP_FRAGMENTS_MAX; where the mtu is less now, as far as
 * it can be, the message is cut into more. Returns false, and leaves the chain with the caller,
 * when that does not hold or memory is short. The queue has no limit of its own.
 */
bool kg_kcp_send(struct kg_kcp *kcp, struct kg_buf *chain, uint64_t now_us);
/*
 * The same with a message that is of use until then, which is less than two hours away. If it still
 * waits by then it gets no sn, and kg_kcp_drop_stale throws it away, which who sends such messages
 * calls before each kg_kcp_output. If it was lost, and is to be sent again, its place is filled,
 * as far as it is one segment: by the KG_KCP_BLANK_BYTES in front of its payload, a message for
 * the peer to pass over. The peer may get either, or both.
 */
#define KG_KCP_BLANK_BYTES 3u
bool kg_kcp_send_until(struct kg_kcp *kcp, struct kg_buf *chain, uint64_t until_us,
		       uint64_t now_us);
/* How many messages were too old, and are thrown away, from the head of the queue on. */
uint32_t kg_kcp_drop_stale(struct kg_kcp *kcp, uint64_t now_us);
/* Whether there were some, since it was told; and whether there were, which is told once. */
bool kg_kcp_has_dropped(const struct kg_kcp *kcp);
bool kg_kcp_take_dropped(struct kg_kcp *kcp);
/* How many had their place filled, since the last call. */
uint16_t kg_kcp_take_blanked(struct kg_kcp *kcp);

/* Throws away the queued messages for which the window has no room yet; but the first of the queue
 * stays, since it may have begun to be sent. */
void kg_kcp_discard_queue(struct kg_kcp *kcp);

/* Next whole message as a chain the caller owns, or NULL. */
struct kg_buf *kg_kcp_recv(struct kg_kcp *kcp);

/*
 * Writes the next datagram that is due at now_us to `out` (mtu bytes of room) and returns its
 * length; 0 when nothing (more) is due. Call until 0, then sleep until the deadline.
 */
uint16_t kg_kcp_output(struct kg_kcp *kcp, uint64_t now_us, uint8_t *out);
/* When kg_kcp_output should be called next, as things stand: one deadline per conversation.
 * A time not after now means at once; KG_NEVER_US means only after input or send. */
uint64_t kg_kcp_deadline_us(const struct kg_kcp *kcp);

/*
 * Asks whether the peer hears us at an address: a datagram for that address alone, of at most
 * `room` bytes but not less than a header. Whoever gets it answers with an ACK that has its time
 * stamp `ts`, which nobody else knows. Mostly that is an empty segment of a sn that the peer has
 * had; before there is one, a copy of the first segment in flight, if there is one and it has room.
 * (Stock engines pass over a sn below 0.)
 */
uint16_t kg_kcp_question(struct kg_kcp *kcp, uint32_t ts, uint16_t room, uint64_t now_us,
			 uint8_t *out);
/*
 * A datagram of so many bytes, whatever the mtu is, that tells the peer nothing: a segment it has
 * had. It is answered with an ACK; input then says that probe `nth` of its series was. `ts` is of
 * the whole series. The peer must have been heard.
 */
#define KG_KCP_PROBES_MAX 8
uint16_t kg_kcp_probe(struct kg_kcp *kcp, uint32_t ts, unsigned int nth, uint16_t bytes,
		      uint64_t now_us, uint8_t *out);
/* A time stamp for kg_kcp_probe: of a long past, which no segment has. */
uint32_t kg_kcp_probe_ts(const struct kg_kcp *kcp, uint32_t chance);
/* Whether a segment was sent KG_KCP_IN_VAIN times; told once. */
bool kg_kcp_take_repeating(struct kg_kcp *kcp);
#define KG_KCP_IN_VAIN 4
/* Whether the peer has acknowledged anything yet. */
bool kg_kcp_was_heard(const struct kg_kcp *kcp);
/* Something has come of what is behind something that has not. */
bool kg_kcp_has_hole(const struct kg_kcp *kcp);
/* The transmit order of what leaves next (docs/kcp.md §7.2). */
uint32_t kg_kcp_next_order(const struct kg_kcp *kcp);
/* The newest one that the peer has acknowledged. */
uint32_t kg_kcp_newest_order(const struct kg_kcp *kcp);
/* The peer hears us again, elsewhere: what left before that order and is not acknowledged is
 * lost. */
void kg_kcp_lose_before(struct kg_kcp *kcp, uint32_t order);

/*
 * Asks whether the peer knows this conversation, in a datagram of its own (KG_KCP_HEADER_BYTES).
 * Who does answers with its window, like all that it says. A box that does not may deny it: the
 * denial, as long as the question, has its `ts`, which nobody else knows.
 */
uint16_t kg_kcp_ask(struct kg_kcp *kcp, uint32_t ts, uint8_t *out);
bool kg_kcp_is_asked(const uint8_t *data, size_t len, uint32_t *ts);
uint16_t kg_kcp_deny(uint32_t conv, uint32_t ts, uint8_t *out);
bool kg_kcp_is_denied(const uint8_t *data, size_t len, uint32_t ts);
/*
 * Whether the datagram acknowledges something, and says when that was sent by our clock: between
 * then and now. A peer says so in its ACKs, or in all that it sends, when it has our clock: its
 * ts_offset_ms is then kg_kcp_clock_offset_ms() of what it heard.
 */
bool kg_kcp_is_echo(const struct kg_kcp *kcp, const uint8_t *data, size_t len, uint64_t since_us,
		    uint64_t now_us);
uint32_t kg_kcp_clock_offset_ms(uint32_t ts, uint64_t now_us);
/* Since when the oldest segment in flight is; KG_NEVER_US: none is. */
uint64_t kg_kcp_waits_since_us(const struct kg_kcp *kcp);

/*
 * With FEC datagrams leave in groups of `data`, behind each of which go `parity` more that bring
 * lost ones back. A segment then waits for those of its group before ACKs of the same group make it
 * lost.
 */
void kg_kcp_set_groups(struct kg_kcp *kcp, uint8_t data, uint8_t parity);
/* To be told before the first datagram of a group; harmless when told again. */
void kg_kcp_next_group(struct kg_kcp *kcp);
/* How many datagrams of parity the group is worth that begins: `most` at most, none on a path that
 * does not lose. */
uint8_t kg_kcp_parity(struct kg_kcp *kcp, uint8_t most);
/* How long it may take until the next datagram leaves although data waits, because of window and
 * pace; 0 when none does. */
uint32_t kg_kcp_lull_us(const struct kg_kcp *kcp);
/* One of the `parity` leaves, for data: it takes its place in the pace. */
void kg_kcp_on_parity(struct kg_kcp *kcp, uint64_t now_us);

/* Segments that may be unacknowledged, as far as we are concerned. */
uint32_t kg_kcp_own_window(const struct kg_kcp *kcp);
/* Segments that were acknowledged, and whose buffers are free, since the last call, modulo 2^16. */
uint32_t kg_kcp_take_acked(struct kg_kcp *kcp);
/* No more is expected for now: rings are given back as soon as they hold nothing. */
void kg_kcp_rest(struct kg_kcp *kcp);
/* New segments that have come, modulo 2^32. */
uint32_t kg_kcp_received(const struct kg_kcp *kcp);
/* Segments queued or in flight. */
uint32_t kg_kcp_unacked(const struct kg_kcp *kcp);
/* Of these, queued. */
uint32_t kg_kcp_queued(const struct kg_kcp *kcp);
/* Buffers that it holds in either direction. */
uint32_t kg_kcp_held(const struct kg_kcp *kcp);
/* Others of its origin hold nearly all: it is not given the last of what is kept. */
void kg_kcp_set_of_crowd(struct kg_kcp *kcp, bool of_crowd);
/* What the peer's window is, in segments. */
uint32_t kg_kcp_peer_window(const struct kg_kcp *kcp);
/* What ours is, whatever of it is taken. */
uint16_t kg_kcp_receive_window(const struct kg_kcp *kcp);

struct kg_kcp_stats {
	uint32_t srtt_us, rttvar_us, rto_us;      /* srtt 0: no sample yet */
	uint32_t snd_wnd, rcv_wnd, rmt_wnd, cwnd; /* segments */
	uint32_t in_flight, queued;               /* segments on the send side */
	uint32_t held, readable;                  /* segments: out of order; in order, not taken */
	uint64_t sent, sent_bytes;                /* first transmissions, payload */
	uint64_t resent_fast, resent_timeout;     /* further copies by cause */
	uint64_t resent_twin;                     /* the same copy once more */
	uint64_t resent_spare;    /* small ones once more behind new data, in case they are lost */
	uint64_t resent_needless; /* copies of which an earlier one proved to have arrived */
	uint64_t received, received_bytes;  /* new segments, payload */
	uint64_t duplicates, out_of_window; /* PUSH segments of no use */
	uint64_t refused;                   /* and such as found no buffer, or had their share */
	uint64_t acks_sent, acks_received;  /* ACK segments */
};
void kg_kcp_get_stats(const struct kg_kcp *kcp, struct kg_kcp_stats *stats);

/*
 * True when a datagram is a well-formed segment chain of `conv` that holds PUSH sn 0 frg 0; then
 * *payload and *payload_len are its payload. Lets a server look at a handshake before it allocates.
 */
bool kg_kcp_peek_first(const uint8_t *data, size_t len, uint32_t conv, const uint8_t **payload,
		       size_t *payload_len);
