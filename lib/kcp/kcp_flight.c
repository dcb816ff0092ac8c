/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps the segments in flight, and finds the one that is to be sent again next. */
#include "kcp/kcp_flight.h"

#include "kcp/kcp.h"
#include "kcp/kcp_mark.h"

/* The average is over twice as many steps: repairs come in bunches, a window's at a time. */
#define LOSS_HALF   32u
#define LOSS_OF_ONE (65536u / (2 * LOSS_HALF * KG_KCP_LOSS_STEP))

/* The end of a burst goes again where so much is lost, a part of the round trip later. */
#define END_LOSS        (65536u / 128)
#define END_PART        8u
#define END_WAIT_MIN_US 2000u

#define MUCH_LOSS (65536u / 6) /* third copies are many */

#define DOUBT_PART 2u /* of a round trip, that a doubt lasts */

_Static_assert(sizeof(struct kg_kcp_slot) == 32, "two slots per cache line");
_Static_assert(KG_KCP_MTU_MAX - KG_KCP_HEADER_BYTES <= KG_BUF_COLD_ROOM, "all can be parked");
_Static_assert(KG_BUF_COLD_ROOM < 1u << 11, "bits of a length");
_Static_assert(KG_KCP_RING_MAX - 1 <= UINT16_MAX, "list links hold the low 16 bits of sn");

void kg_kcp_flight_init(struct kg_kcp_flight *f, uint32_t first_sn, uint8_t resend)
{
	/* Orders may start anywhere; at first_sn they wrap around with sn in tests that do so. */
	*f = (struct kg_kcp_flight){
		.una = first_sn,
		.nxt = first_sn,
		.next_order = first_sn,
		.newest_acked = first_sn - 1,
		.probes_left = KG_KCP_PROBES,
		.twins_saved = KG_KCP_TWINS_SAVED,
		.resend = resend,
	};
}

static void list_append(struct kg_kcp_flight *f, uint32_t sn)
{
	struct kg_kcp_slot *slot = kg_kcp_flight_slot(f, sn);
	uint16_t b = slot->backoff, self = (uint16_t)sn;

	slot->prev = slot->next = self;
	if (f->listed & (1u << b)) {
		slot->prev = f->lists[b].tail;
		kg_kcp_flight_slot(f, slot->prev)->next = self;
	} else {
		f->lists[b].head = self;
		f->listed |= 1u << b;
	}
	f->lists[b].tail = self;
}

static void list_remove(struct kg_kcp_flight *f, uint32_t sn)
{
	struct kg_kcp_slot *slot = kg_kcp_flight_slot(f, sn);
	uint16_t b = slot->backoff, self = (uint16_t)sn;
	bool first = slot->prev == self, last = slot->next == self;

	if (first && last)
		f->listed &= ~(1u << b);
	if (first)
		f->lists[b].head = slot->next;
	else
		kg_kcp_flight_slot(f, slot->prev)->next = last ? slot->prev : slot->next;
	if (last)
		f->lists[b].tail = slot->prev;
	else
		kg_kcp_flight_slot(f, slot->next)->prev = first ? slot->next : slot->prev;
}

/* Who gets the buffer next, on whatever thread, must not be overtaken by what we wrote. */
static void free_slot(struct kg_kcp_flight *f, struct kg_buf_pool *pool, struct kg_kcp_slot *slot)
{
	if (!slot->parked) {
		kg_buf_free(slot->buf);
		return;
	}
	if (f->unfenced)
		kg_cold_fence();
	f->unfenced = false;
	kg_buf_free_cold(pool, slot->buf);
}

void kg_kcp_flight_fini(struct kg_kcp_flight *f, struct kg_mem *mem, struct kg_buf_pool *pool)
{
	for (uint32_t sn = f->una; sn != f->nxt; sn++) {
		struct kg_kcp_slot *slot = kg_kcp_flight_slot(f, sn);

		if (slot->buf != NULL)
			free_slot(f, pool, slot);
	}
	kg_kcp_flight_trim(f, mem);
}

void kg_kcp_flight_trim(struct kg_kcp_flight *f, struct kg_mem *mem)
{
	kg_kcp_ring_fini(&f->ring, mem, sizeof(struct kg_kcp_slot));
}

/* False, and the payload stays where it is, when parking is of no use, or the mark is needed, or
 * there is no memory. */
static bool park(struct kg_kcp_flight *f, struct kg_buf_pool *pool, struct kg_kcp_slot *slot)
{
	struct kg_buf *buf = slot->buf;

	if (f->count < KG_KCP_PARK_SEGMENTS || buf->len < KG_KCP_PARK_BYTES ||
	    (buf->mark & KG_KCP_MARK_HAS_UNTIL) != 0)
		return false;
	slot->buf = kg_buf_alloc_cold(pool);
	if (slot->buf == NULL) {
		slot->buf = buf;
		return false;
	}
	kg_cold_copy(kg_buf_cold_data(slot->buf), buf->data, buf->len);
	kg_buf_free(buf);
	f->unfenced = true;
	return true;
}

static void save_twin(struct kg_kcp_flight *f, uint32_t sn)
{
	uint32_t segments = f->prompt ? KG_KCP_PROMPT_TWIN_SEGMENTS : KG_KCP_TWIN_SEGMENTS;
	uint32_t most = f->prompt ? KG_KCP_PROMPT_TWINS_SAVED : KG_KCP_TWINS_SAVED;

	if (f->twins_saved < most && sn % segments == 0)
		f->twins_saved++;
}

void kg_kcp_flight_add(struct kg_kcp_flight *f, struct kg_buf_pool *pool, struct kg_buf *buf,
		       bool tail, uint64_t now_us, uint32_t ts)
{
	uint32_t sn = f->nxt++;
	struct kg_kcp_slot *slot = kg_kcp_flight_slot(f, sn);

	__builtin_prefetch(kg_kcp_flight_slot(f, f->nxt + KG_KCP_PREFETCH), 1);
	*slot = (struct kg_kcp_slot){
		.buf = buf,
		.sent_us = now_us,
		.order = f->next_order++,
		.first_ts = ts,
		.len = buf->len,
		.copies = 1,
		.tail = tail,
		.frg = kg_kcp_mark_frg(buf) & KG_KCP_MARK_FRG_MASK,
	};
	slot->parked = park(f, pool, slot);
	f->count++;
	save_twin(f, sn);
	list_append(f, sn);
}

void kg_kcp_flight_defer(struct kg_kcp_flight *f)
{
	uint32_t sn = f->nxt - 1;

	list_remove(f, sn);
	kg_kcp_flight_slot(f, sn)->backoff = kg_kcp_flight_slot(f, f->una)->backoff;
	list_append(f, sn);
}

/* ---- how much is lost ---- */

static void forget_loss(struct kg_kcp_flight *f)
{
	uint16_t acked = (uint16_t)((f->nxt - f->count) / KG_KCP_LOSS_STEP);
	uint32_t passed = (uint16_t)(acked - f->loss_at);

	f->loss = (uint16_t)(f->loss >> KG_MIN(passed / LOSS_HALF, 16u));
	f->loss -= (uint16_t)(f->loss * (passed % LOSS_HALF) / (2 * LOSS_HALF));
	f->loss_at = acked;
}

uint16_t kg_kcp_flight_loss(struct kg_kcp_flight *f)
{
	forget_loss(f);
	return f->loss;
}

void kg_kcp_flight_note_loss(struct kg_kcp_flight *f)
{
	forget_loss(f);
	f->loss = (uint16_t)KG_MIN(f->loss + LOSS_OF_ONE, (uint32_t)UINT16_MAX);
}

void kg_kcp_flight_note_needless(struct kg_kcp_flight *f, uint32_t copies)
{
	f->loss -= (uint16_t)KG_MIN(copies * LOSS_OF_ONE, (uint32_t)f->loss);
}

/* ---- copies ---- */

static bool in_silence(const struct kg_kcp_flight *f, const struct kg_kcp_slot *slot)
{
	return (int32_t)(slot->order - f->newest_acked) > 0;
}

static bool in_doubt(const struct kg_kcp_slot *slot)
{
	return slot->fast && slot->copies == 1;
}

static void use_probe(struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt, uint64_t now_us)
{
	if (f->probes_left == 0)
		f->probes_left = KG_KCP_PROBES;
	if (--f->probes_left == 0)
		f->probe_us = now_us + rtt->rto_us / 4;
}

static bool grant_twin(struct kg_kcp_flight *f, const struct kg_kcp_slot *slot,
		       enum kg_kcp_cause cause)
{
	bool again = slot->copies > 2 || f->prompt;
	bool dear = cause == KG_KCP_CAUSE_THIN || (cause == KG_KCP_CAUSE_FAST && again);

	if (!dear || f->twins_saved == 0)
		return false;
	f->twins_saved--;
	return true;
}

void kg_kcp_flight_resend(struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt, uint32_t sn,
			  enum kg_kcp_cause cause, uint64_t now_us)
{
	struct kg_kcp_slot *slot = kg_kcp_flight_slot(f, sn);

	if (cause != KG_KCP_CAUSE_FAST && in_silence(f, slot))
		use_probe(f, rtt, now_us);
	else
		kg_kcp_flight_note_loss(f);
	list_remove(f, sn);
	if (in_doubt(slot))
		slot->backoff = 0;
	slot->fast = cause == KG_KCP_CAUSE_FAST;
	if (slot->mended && sn == f->una) {
		f->ahead = false;
		f->wary = true;
		f->sure = (uint16_t)f->nxt;
	}
	slot->mended = false;
	if (cause == KG_KCP_CAUSE_TIMEOUT && slot->backoff < KG_KCP_BACKOFF_MAX)
		slot->backoff++;
	if (slot->copies < KG_KCP_COPIES_MAX)
		slot->copies++;
	slot->sent_us = now_us;
	slot->order = f->next_order++;
	f->una_due &= f->una != sn;
	f->tries = cause != KG_KCP_CAUSE_FAST && (f->tries || slot->backoff > 1);
	f->twin = (uint16_t)sn;
	f->twins = grant_twin(f, slot, cause);
	f->ends = false;
	kg_kcp_flight_on_loss(f);
	list_append(f, sn);
}

/* Of what has left since the oldest so many are holes. With each copy more a part of them stays
 * that is the loss; what is wanted is that in most windows none does. */
bool kg_kcp_flight_repeat(struct kg_kcp_flight *f, uint32_t sn, const struct kg_kcp_repeats *how)
{
	uint64_t stay = (uint64_t)(f->nxt - f->una) * f->loss;
	unsigned int copies = 0;

	for (unsigned int i = 0; i < how->before; i++)
		stay = stay * f->loss >> 16;
	for (; copies < how->most && stay >= 65536 / how->windows; copies++)
		stay = stay * f->loss >> 16;
	if (copies >= 2) {
		f->twin = (uint16_t)sn;
		f->twins = (copies - 1) & 3;
	}
	return stay < 65536 / how->windows;
}

void kg_kcp_flight_doubt(struct kg_kcp_flight *f, uint32_t sn)
{
	struct kg_kcp_slot *slot = kg_kcp_flight_slot(f, sn);

	list_remove(f, sn);
	slot->fast = true;
	slot->backoff = KG_KCP_BACKOFF_MAX;
	list_append(f, sn);
}

void kg_kcp_flight_save_twin(struct kg_kcp_flight *f)
{
	if (f->twins == 0 || f->prompt || f->loss < MUCH_LOSS)
		return;
	f->twins = 0;
	f->twins_saved++;
}

void kg_kcp_flight_end_burst(struct kg_kcp_flight *f)
{
	if ((f->twins > 0 && !f->ends) || f->twins_saved == 0 || f->prompt || f->loss < END_LOSS ||
	    kg_kcp_flight_loss(f) < END_LOSS)
		return;
	f->twin = (uint16_t)f->nxt;
	f->twins = 1;
	f->ends = true;
}

uint64_t kg_kcp_flight_twin_us(const struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt)
{
	uint32_t wait_us = END_WAIT_MIN_US + kg_kcp_rtt_srtt_us(rtt) / END_PART;

	if (!f->ends)
		return 0;
	return f->twin == (uint16_t)(f->nxt - 1) ? kg_kcp_flight_slot(f, f->twin)->sent_us + wait_us
						 : KG_NEVER_US;
}

void kg_kcp_flight_on_twin(struct kg_kcp_flight *f)
{
	if (f->ends)
		f->twins_saved--;
	f->twins--;
}

void kg_kcp_flight_release(struct kg_kcp_flight *f, struct kg_buf_pool *pool, uint32_t sn)
{
	struct kg_kcp_slot *slot = kg_kcp_flight_slot(f, sn);

	list_remove(f, sn);
	free_slot(f, pool, slot);
	slot->buf = NULL;
	f->count--;
	if (f->twin == (uint16_t)sn)
		f->twins = 0;
	f->una_due &= f->una != sn;
	f->probes_left = KG_KCP_PROBES;
}

void kg_kcp_flight_advance(struct kg_kcp_flight *f)
{
	while (f->una != f->nxt && kg_kcp_flight_slot(f, f->una)->buf == NULL)
		f->una++;
}

void kg_kcp_flight_set_groups(struct kg_kcp_flight *f, uint8_t datagrams)
{
	uint32_t orders = KG_KCP_GROUP_SEGMENTS;

	while (orders < KG_KCP_GROUP_SEGMENTS * datagrams)
		orders *= 2;
	f->group_mask = (orders - 1) & 0x3fff;
}

bool kg_kcp_flight_next_group(struct kg_kcp_flight *f)
{
	bool begins = (f->next_order & f->group_mask) != 0;

	f->next_order = (f->next_order + f->group_mask) & ~(uint32_t)f->group_mask;
	return begins;
}

void kg_kcp_flight_on_acked(struct kg_kcp_flight *f, uint32_t order)
{
	uint32_t i;

	if ((int32_t)(order - f->newest_acked) > 0)
		f->newest_acked = order;
	if (f->acked_count < f->resend)
		f->acked_count++;
	else if (f->resend == 0 || (int32_t)(order - f->acked[f->resend - 1]) <= 0)
		return;
	for (i = f->acked_count - 1; i > 0 && (int32_t)(order - f->acked[i - 1]) > 0; i--)
		f->acked[i] = f->acked[i - 1];
	f->acked[i] = order;
}

/* By so many datagrams as make a copy lost, in order of transmission. */
static bool overtaken(const struct kg_kcp_flight *f, uint32_t order)
{
	return f->resend > 0 && f->acked_count == f->resend &&
	       (int32_t)(order - f->acked[f->resend - 1]) < 0;
}

/* How long after the latest round trip a copy that was overtaken is sent again: one that may only
 * be late, or whose parity may still come. */
static uint32_t patience_us(const struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt,
			    const struct kg_kcp_slot *slot)
{
	if (!f->patient || overtaken(f, slot->order | f->group_mask))
		return rtt->reorder_us;
	return KG_MAX(rtt->reorder_us, kg_kcp_rtt_group_us(rtt));
}

/* Where more than half of what was sent since the oldest has arrived the path lives, and loses.
 * What is left holds up the whole window, and is too little to flood anything: the first of its
 * time-outs count as one. */
static unsigned int backoffs(const struct kg_kcp_flight *f, const struct kg_kcp_slot *slot)
{
	bool lives = f->count <= KG_KCP_PROBES && f->nxt - f->una > 2 * f->count;

	if (!lives || slot->backoff == 0)
		return slot->backoff;
	return KG_MAX((unsigned int)slot->backoff, KG_KCP_AS_ONE) - (KG_KCP_AS_ONE - 1);
}

/* When the copy has waited long enough, and what for. */
static uint64_t waited_us(const struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt,
			  const struct kg_kcp_slot *slot, enum kg_kcp_cause *cause)
{
	uint64_t timeout_us = kg_kcp_rtt_timeout_us(rtt, backoffs(f, slot)), thin_us;

	*cause = KG_KCP_CAUSE_TIMEOUT;
	if (f->count > KG_KCP_THIN || slot->backoff > 0)
		return slot->sent_us + timeout_us;
	thin_us = kg_kcp_rtt_thin_us(rtt, slot->copies);
	if (thin_us < timeout_us)
		*cause = KG_KCP_CAUSE_THIN;
	return slot->sent_us + thin_us;
}

/* What una has come to is lost. */
static uint64_t doubt_us(const struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt,
			 const struct kg_kcp_slot *slot)
{
	uint32_t srtt = kg_kcp_rtt_srtt_us(rtt);

	return slot == kg_kcp_flight_slot(f, f->una) ? 0 : slot->sent_us + srtt + srtt / DOUBT_PART;
}

/* When the head of a list is due, and why. */
static uint64_t slot_due_us(const struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt,
			    const struct kg_kcp_slot *slot, enum kg_kcp_cause *cause)
{
	uint64_t timeout_us, fast_us;
	uint32_t patience;

	if (KG_UNLIKELY(in_doubt(slot))) {
		*cause = KG_KCP_CAUSE_FAST;
		return doubt_us(f, rtt, slot);
	}
	timeout_us = waited_us(f, rtt, slot, cause);
	if (f->probes_left == 0 && in_silence(f, slot))
		return KG_MAX(timeout_us, f->probe_us);
	if (!overtaken(f, slot->order))
		return timeout_us;
	patience = patience_us(f, rtt, slot);
	fast_us = patience == 0 ? 0 : slot->sent_us + rtt->latest_us + patience;
	if (fast_us >= timeout_us && !f->prompt)
		return timeout_us;
	*cause = KG_KCP_CAUSE_FAST; /* patience does not cost it its twin */
	return KG_MIN(fast_us, timeout_us);
}

/* The oldest one goes again, behind its time-outs. */
static uint64_t try_us(const struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt)
{
	uint32_t wait_us = KG_MAX(kg_kcp_rtt_srtt_us(rtt), KG_KCP_TRY_US);
	const struct kg_kcp_slot *slot;

	if ((f->listed & ~1u) == 0)
		return KG_NEVER_US;
	slot = kg_kcp_flight_slot(f, f->una);
	return slot->backoff > 0 ? slot->sent_us + wait_us : KG_NEVER_US;
}

/* What goes besides the heads of lists. */
static uint64_t unlisted_us(const struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt)
{
	uint64_t again_us = f->tries ? try_us(f, rtt) : KG_NEVER_US;

	if (f->una_due)
		return 0;
	return f->twins > 0 ? KG_MIN(again_us, kg_kcp_flight_twin_us(f, rtt)) : again_us;
}

uint64_t kg_kcp_flight_due_us(const struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt)
{
	uint64_t earliest_us = KG_NEVER_US;
	enum kg_kcp_cause cause;

	if (f->twins > 0 || f->una_due || f->tries) {
		earliest_us = unlisted_us(f, rtt);
		if (earliest_us == 0)
			return 0;
	}
	for (uint32_t left = f->listed; left != 0; left &= left - 1) {
		uint16_t head = f->lists[__builtin_ctz(left)].head;
		uint64_t due_us = slot_due_us(f, rtt, kg_kcp_flight_slot(f, head), &cause);

		earliest_us = KG_MIN(earliest_us, due_us);
	}
	return earliest_us;
}

bool kg_kcp_flight_next_due(const struct kg_kcp_flight *f, const struct kg_kcp_rtt *rtt,
			    uint64_t now_us, uint32_t *sn, enum kg_kcp_cause *cause)
{
	bool oldest = f->una_due || (f->tries && try_us(f, rtt) <= now_us), found = oldest;

	*sn = f->una;
	*cause = KG_KCP_CAUSE_THIN;
	for (uint32_t left = oldest ? 0 : f->listed; left != 0; left &= left - 1) {
		uint32_t head = kg_kcp_flight_full_sn(f, f->lists[__builtin_ctz(left)].head);
		enum kg_kcp_cause why;

		if (slot_due_us(f, rtt, kg_kcp_flight_slot(f, head), &why) > now_us)
			continue;
		if (found && (int32_t)(head - *sn) > 0)
			continue;
		found = true;
		*sn = head;
		*cause = why;
	}
	return found;
}
