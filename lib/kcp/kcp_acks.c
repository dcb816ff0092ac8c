/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps the ACKs that are owed, and spreads them over datagrams. */
#include "kcp/kcp_acks.h"

#include <string.h>

#define LIST_MIN 32u
#define LIST_MAX 4096u /* many bursts of datagrams between two flushes */
/* Payload from which on an ACK goes again: its 24 bytes are then less than what a tenth of lost
 * ACKs would cost in copies. */
#define AGAIN_BYTES 216u

#define BATCH_MAX   8u
#define BATCHES_MAX 16u /* full ones, then the batch becomes larger by one */

/* Copies in vain: a moving average over some 1,024 segments, 256 for one in 16 of them; or over
 * four times as many, where ACKs go three times. One in 32 is what makes them do so, twice what a
 * third ACK costs, and one in 512 is as good as none. */
#define IN_VAIN_ONE  4u
#define IN_VAIN_LAST 16u
#define IN_VAIN_MUCH 128u
#define IN_VAIN_FEW  32u

#define DEEP_PART        8u /* of what waits behind a gap, and of the round trip */
#define DEEP_BATCH_MAX   32u
#define DEEP_WAIT_MAX_US (20u * KG_US_PER_MS)

static bool list_grow(struct kg_kcp_acks *acks, struct kg_mem *mem)
{
	uint32_t capacity = acks->capacity == 0 ? LIST_MIN : acks->capacity * 2;
	size_t bytes = capacity * sizeof(struct kg_kcp_ack);
	struct kg_kcp_ack *list;

	if (capacity > LIST_MAX ||
	    (capacity > LIST_MIN && bytes > kg_mem_left_to_grow(mem) / KG_MEM_SHARE_DIVISOR))
		return false;
	list = kg_mem_grow(mem, bytes);
	if (list == NULL)
		return false;
	if (acks->count > 0)
		memcpy(list, acks->list, acks->count * sizeof(*list));
	kg_mem_shrink(mem, acks->list, acks->capacity * sizeof(*list));
	acks->list = list;
	acks->capacity = (uint16_t)capacity;
	return true;
}

void kg_kcp_acks_note_beyond(struct kg_kcp_acks *acks, struct kg_mem *mem, uint32_t sn, uint32_t ts,
			     uint16_t len)
{
	if (acks->count == acks->capacity && !list_grow(acks, mem))
		return;
	acks->list[acks->count++] = (struct kg_kcp_ack){ sn, ts };
	acks->dear |= len >= AGAIN_BYTES;
}

/* The second of a pair of twins says nothing of ACKs. */
void kg_kcp_acks_note_in_vain(struct kg_kcp_acks *acks, uint32_t sn)
{
	if (acks->count > 0 && acks->list[acks->count - 1].sn == sn)
		return;
	acks->in_vain = (uint8_t)KG_MIN(acks->in_vain + IN_VAIN_ONE, (uint32_t)UINT8_MAX);
	acks->thrice |= acks->in_vain >= IN_VAIN_MUCH;
}

void kg_kcp_acks_forget_in_vain(struct kg_kcp_acks *acks)
{
	acks->in_vain -= (uint8_t)((acks->in_vain + IN_VAIN_LAST - 1) / IN_VAIN_LAST);
	acks->thrice &= acks->in_vain >= IN_VAIN_FEW;
}

/* Takes out what una has passed; of new ones the last becomes the covered one. */
static uint32_t keep_beyond(struct kg_kcp_acks *acks, uint32_t una, uint32_t from, uint32_t to,
			    uint32_t kept)
{
	for (uint32_t i = from; i < to; i++) {
		struct kg_kcp_ack ack = acks->list[i];

		if ((int32_t)(ack.sn - una) >= 0)
			acks->list[kept++] = ack;
		else if (from == acks->again && !acks->covered_due)
			kg_kcp_acks_note_covered(acks, ack.sn, ack.ts);
	}
	return kept;
}

/* A flush begins: una may have passed some of the listed sn since they came. */
static void begin_flush(struct kg_kcp_acks *acks, uint32_t una, uint8_t resend, uint32_t now_ms)
{
	uint32_t twice, again, kept;

	for (uint32_t i = 0; i < acks->again; i++)
		acks->list[i].ts += now_ms - acks->flushed_ms;
	twice = keep_beyond(acks, una, 0, acks->twice, 0);
	again = keep_beyond(acks, una, acks->twice, acks->again, twice);
	kept = keep_beyond(acks, una, acks->again, acks->count, again);
	acks->twice = (uint16_t)twice;
	acks->again = (uint16_t)again;
	acks->count = (uint16_t)kept;
	acks->next = 0;
	acks->quota = (uint16_t)(resend > 1 ? (kept + resend - 1) / resend : kept);
}

/* What was new in it is repeated in the next, if it is worth it. And once more, if what is repeated
 * takes as many datagrams anyhow. */
static void end_flush(struct kg_kcp_acks *acks, uint8_t resend, uint32_t now_ms)
{
	bool thrice = acks->thrice && acks->count - acks->again >= resend;
	uint16_t done = thrice ? acks->twice : acks->again;

	acks->twice = acks->again - done;
	acks->count -= done;
	memmove(acks->list, acks->list + done, acks->count * sizeof(*acks->list));
	if (!acks->dear)
		acks->count = acks->twice = 0;
	acks->again = acks->count;
	acks->dear = false;
	acks->flushed_ms = now_ms;
	acks->next = acks->quota = 0;
}

uint32_t kg_kcp_acks_take(struct kg_kcp_acks *acks, uint32_t una, uint8_t resend, uint32_t now_ms,
			  struct kg_kcp_ack *to, uint32_t max)
{
	uint32_t n;

	if (acks->quota == 0)
		begin_flush(acks, una, resend, now_ms);
	n = KG_MIN((uint32_t)(acks->count - acks->next), KG_MIN((uint32_t)acks->quota, max));
	if (n > 0)
		memcpy(to, acks->list + acks->next, n * sizeof(*to));
	acks->next += (uint16_t)n;
	if (acks->next < acks->count)
		return n;
	if (acks->count > 0)
		end_flush(acks, resend, now_ms);
	if (acks->covered_due && n < max) {
		to[n++] = acks->covered;
		acks->covered_due = acks->covered_again = false;
	}
	return n;
}

uint64_t kg_kcp_acks_deep_due_us(const struct kg_kcp_acks *acks, uint32_t waiting, uint32_t rtt_us)
{
	uint32_t batch = KG_MIN(waiting / DEEP_PART, DEEP_BATCH_MAX);
	uint64_t wait_us = KG_MIN(rtt_us / DEEP_PART, DEEP_WAIT_MAX_US);

	if ((uint32_t)(acks->count - acks->again) >= batch)
		return 0;
	return acks->told_us + KG_MAX(wait_us, KG_KCP_ACK_WAIT_US);
}

uint64_t kg_kcp_acks_seldom_due_us(const struct kg_kcp_acks *acks, uint32_t round_ms,
				   uint32_t now_ms, uint64_t now_us)
{
	uint32_t since_ms = now_ms - acks->flushed_ms;

	if (acks->quota > 0)
		return 0;
	if (since_ms < round_ms)
		return now_us + (round_ms - since_ms) * (uint64_t)KG_US_PER_MS;
	return (uint32_t)(acks->count - acks->again) >= BATCH_MAX
		       ? 0
		       : acks->told_us + KG_KCP_ACK_WAIT_US;
}

void kg_kcp_acks_told(struct kg_kcp_acks *acks, uint32_t una, uint64_t now_us)
{
	uint32_t owed = una - acks->told;

	if (owed > 0 && owed >= acks->batch) {
		if (++acks->batches >= BATCHES_MAX) {
			acks->batch = (uint8_t)KG_MIN(acks->batch + 1u, BATCH_MAX);
			acks->batches = 0;
		}
	} else if (owed > 0 && now_us - acks->told_us >= KG_KCP_ACK_WAIT_US) {
		acks->batch /= 2;
		acks->batches = 0;
	}
	acks->told = una;
	acks->told_us = now_us;
	acks->row_goes_on = acks->row_ended = false;
}

void kg_kcp_acks_fini(struct kg_kcp_acks *acks, struct kg_mem *mem)
{
	kg_mem_shrink(mem, acks->list, acks->capacity * sizeof(*acks->list));
	*acks = (struct kg_kcp_acks){ 0 };
}
