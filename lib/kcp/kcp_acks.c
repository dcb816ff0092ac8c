/* SPDX-License-Identifier: BSD-3-Clause */
#include "kcp/kcp_acks.h"

#include <string.h>

#define LIST_MIN 32u
#define LIST_MAX 4096u /* many bursts of datagrams between two flushes */

static bool list_grow(struct kg_kcp_acks *acks, struct kg_mem *mem)
{
	uint32_t capacity = acks->capacity == 0 ? LIST_MIN : acks->capacity * 2;
	struct kg_kcp_ack *list;

	if (capacity > LIST_MAX)
		return false;
	list = kg_mem_alloc(mem, capacity * sizeof(*list));
	if (list == NULL)
		return false;
	if (acks->count > 0)
		memcpy(list, acks->list, acks->count * sizeof(*list));
	kg_mem_free(mem, acks->list, acks->capacity * sizeof(*list));
	acks->list = list;
	acks->capacity = capacity;
	return true;
}

void kg_kcp_acks_note_beyond(struct kg_kcp_acks *acks, struct kg_mem *mem, uint32_t sn, uint32_t ts)
{
	if (acks->count == acks->capacity && !list_grow(acks, mem))
		return;
	acks->list[acks->count++] = (struct kg_kcp_ack){ sn, ts };
}

/* A flush begins: una may have passed some of the listed sn since they came. */
static void begin_flush(struct kg_kcp_acks *acks, uint32_t una, uint8_t resend)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < acks->count; i++) {
		struct kg_kcp_ack ack = acks->list[i];

		if ((int32_t)(ack.sn - una) >= 0)
			acks->list[kept++] = ack;
		else if (!acks->covered_due)
			kg_kcp_acks_note_covered(acks, ack.sn, ack.ts);
	}
	acks->count = kept;
	acks->next = 0;
	acks->quota = resend > 1 ? (kept + resend - 1) / resend : kept;
}

uint32_t kg_kcp_acks_take(struct kg_kcp_acks *acks, uint32_t una, uint8_t resend,
			  struct kg_kcp_ack *to, uint32_t max)
{
	uint32_t n;

	if (acks->quota == 0)
		begin_flush(acks, una, resend);
	n = KG_MIN(acks->count - acks->next, KG_MIN(acks->quota, max));
	if (n > 0)
		memcpy(to, acks->list + acks->next, n * sizeof(*to));
	acks->next += n;
	if (acks->next < acks->count)
		return n;
	acks->count = acks->next = acks->quota = 0;
	if (acks->covered_due && n < max) {
		to[n++] = acks->covered;
		acks->covered_due = false;
	}
	return n;
}

void kg_kcp_acks_fini(struct kg_kcp_acks *acks, struct kg_mem *mem)
{
	kg_mem_free(mem, acks->list, acks->capacity * sizeof(*acks->list));
	*acks = (struct kg_kcp_acks){ 0 };
}
