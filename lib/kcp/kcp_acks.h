/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ACKs we owe (docs/kcp.md §5).
 *
 * una acknowledges everything in order, so of the segments below it only the one that came last is
 * acknowledged by name: its ts gives the peer a round-trip sample. Segments beyond a gap are all
 * named, in two flushes: a lost ACK would cost a needless copy of its segment, some fifty times as
 * much. Repeated, its ts is later by the time between, so that a peer's sample stays true. ACKs of
 * small segments go once: to name all of them again would cost more than the few needless copies.
 *
 * What comes in order in a stream is acknowledged by the batch: from the eighth segment on, or a
 * millisecond after the last datagram. Where the millisecond comes first, because the peer waits or
 * is slow, the batch becomes smaller. So the first segment after a pause is acknowledged at once.
 *
 * Behind a gap a segment is acknowledged at once while little waits there, for the gap may be a
 * loss that the peer is to hear of. Where much waits the peer has heard, and what comes then is
 * acknowledged by an eighth of what waits, or of the round trip.
 *
 * A stock peer resends a hole after `resend` datagrams with ACKs beyond it, however many ACKs they
 * hold; so in a gap the ACKs of one flush are spread over that many datagrams.
 */
#pragma once

#include "base/mem.h"

#define KG_KCP_ACK_WAIT_US KG_US_PER_MS
#define KG_KCP_ACK_DEEP    64u /* segments behind a gap: much */

/* New segments, after which a part of the copies in vain is forgotten. */
#define KG_KCP_VAIN_STEP      64u
#define KG_KCP_VAIN_STEP_LONG 256u

struct kg_kcp_ack {
	uint32_t sn;
	uint32_t ts;
};

struct kg_kcp_acks {
	struct kg_kcp_ack *list;   /* beyond a gap when they came, in order of arrival */
	struct kg_kcp_ack covered; /* the one that came last of those below una */
	uint64_t told_us;          /* when the last datagram left, or a row began since */
	uint32_t told;             /* its una */
	uint32_t flushed_ms;       /* when the last flush of the list was */
	uint16_t capacity, count;
	uint16_t again;  /* so many of them, in front, were in the flush before */
	uint16_t twice;  /* so many of those, in front, in the two before */
	uint16_t next;   /* first one not yet taken */
	uint16_t quota;  /* per datagram of the flush under way; 0: none is */
	uint8_t batch;   /* segments in order that one ACK is for */
	uint8_t batches; /* that became full, since the batch became larger */
	uint8_t in_vain; /* copies that came lately, although ACKs had left (kcp_acks.c) */
	/* Datagrams leave in rows, and all but the last say that more follow. */
	bool row_goes_on : 1;
	bool row_ended : 1;
	bool covered_due : 1;
	/* It had come before: a copy, a question or a probe, which say more. */
	bool covered_again : 1;
	bool dear : 1;   /* some listed since the flush before are, as AGAIN_BYTES has it */
	bool thrice : 1; /* so often they go, for two were lost too often */
};

static inline bool kg_kcp_acks_owed(const struct kg_kcp_acks *acks)
{
	return acks->covered_due || acks->count > acks->again;
}

/* The same where `waiting` segments, KG_KCP_ACK_DEEP or more, are behind a gap. */
uint64_t kg_kcp_acks_deep_due_us(const struct kg_kcp_acks *acks, uint32_t waiting, uint32_t rtt_us);

/* The same where a peer sends a hole again each time it hears of something beyond it: it is to hear
 * once in a round trip. 0: a flush is under way, or is due. */
uint64_t kg_kcp_acks_seldom_due_us(const struct kg_kcp_acks *acks, uint32_t round_ms,
				   uint32_t now_ms, uint64_t now_us);

/* 0: at once; KG_NEVER_US: none is owed. `rtt_us` 0: not known. */
static inline uint64_t kg_kcp_acks_due_us(const struct kg_kcp_acks *acks, uint32_t una,
					  uint32_t waiting, uint32_t rtt_us)
{
	if (!kg_kcp_acks_owed(acks))
		return KG_NEVER_US;
	if (acks->covered_again || acks->row_ended)
		return 0;
	if (acks->row_goes_on)
		return acks->told_us + KG_KCP_ACK_WAIT_US;
	if (una - acks->told >= KG_MAX(acks->batch, 1u))
		return 0;
	if (acks->count == 0)
		return acks->told_us + KG_KCP_ACK_WAIT_US;
	return waiting < KG_KCP_ACK_DEEP ? 0 : kg_kcp_acks_deep_due_us(acks, waiting, rtt_us);
}

static inline void kg_kcp_acks_note_covered(struct kg_kcp_acks *acks, uint32_t sn, uint32_t ts)
{
	if (!acks->covered_again)
		acks->covered = (struct kg_kcp_ack){ sn, ts };
	acks->covered_due = true;
}

static inline void kg_kcp_acks_note_again(struct kg_kcp_acks *acks, uint32_t sn, uint32_t ts)
{
	acks->covered = (struct kg_kcp_ack){ sn, ts };
	acks->covered_due = acks->covered_again = true;
}

/* A datagram has come; `more`: another one follows at once. */
static inline void kg_kcp_acks_note_row(struct kg_kcp_acks *acks, bool more, uint64_t now_us)
{
	if (more && !acks->row_goes_on && !acks->row_ended)
		acks->told_us = now_us;
	acks->row_ended = !more && (acks->row_goes_on || acks->row_ended);
	acks->row_goes_on = more;
}

/* `len`: bytes of payload. The list is bounded; an ACK that finds no room is forgotten. */
void kg_kcp_acks_note_beyond(struct kg_kcp_acks *acks, struct kg_mem *mem, uint32_t sn, uint32_t ts,
			     uint16_t len);
/* What is about to be noted beyond a gap has come before. */
void kg_kcp_acks_note_in_vain(struct kg_kcp_acks *acks, uint32_t sn);

/* A segment has come that is new, so many by now. Where ACKs go three times few copies come in
 * vain, and it takes longer to count them. */
void kg_kcp_acks_forget_in_vain(struct kg_kcp_acks *acks);
static inline void kg_kcp_acks_note_new(struct kg_kcp_acks *acks, uint32_t came)
{
	uint32_t step = acks->thrice ? KG_KCP_VAIN_STEP_LONG : KG_KCP_VAIN_STEP;

	if (acks->in_vain > 0 && came % step == 0)
		kg_kcp_acks_forget_in_vain(acks);
}

/*
 * Takes the ACKs of the next datagram, at most `max`, and returns their number. `una` is what the
 * datagram will carry, `resend` the number of datagrams the peer is thought to wait for.
 */
uint32_t kg_kcp_acks_take(struct kg_kcp_acks *acks, uint32_t una, uint8_t resend, uint32_t now_ms,
			  struct kg_kcp_ack *to, uint32_t max);

/* A datagram leaves that carries `una`. */
void kg_kcp_acks_told(struct kg_kcp_acks *acks, uint32_t una, uint64_t now_us);

void kg_kcp_acks_fini(struct kg_kcp_acks *acks, struct kg_mem *mem);
