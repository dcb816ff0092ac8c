/* SPDX-License-Identifier: BSD-3-Clause */
/* Notes which datagrams have come, and says so. */
#include "rival/receiver.h"

#define SAY_AFTER    2u
#define SAY_AFTER_US 1000u

void kg_rival_receiver_init(struct kg_rival_receiver *r, uint32_t wait_us)
{
	*r = (struct kg_rival_receiver){
		.say_us = KG_NEVER_US,
		.wait_us = wait_us > 0 ? wait_us : SAY_AFTER_US,
	};
}

/* The bits move up by `by`, and the greatest until now becomes one of them. */
static void shift(struct kg_rival_acks *acks, uint32_t by)
{
	enum {
		WORDS = KG_RIVAL_ACKED / 64
	};

	for (; by > 0; by--) {
		for (int i = WORDS - 1; i > 0; i--)
			acks->before[i] = acks->before[i] << 1 | acks->before[i - 1] >> 63;
		acks->before[0] <<= 1;
	}
}

static void note_pn(struct kg_rival_receiver *r, uint32_t pn)
{
	struct kg_rival_acks *acks = &r->acks;

	if (!r->any) {
		acks->greatest = pn;
		r->any = true;
	} else if (pn > acks->greatest) {
		uint32_t by = pn - acks->greatest;

		shift(acks, KG_MIN(by, KG_RIVAL_ACKED));
		if (by <= KG_RIVAL_ACKED)
			acks->before[(by - 1) / 64] |= 1ull << (by - 1) % 64;
		acks->greatest = pn;
	} else if (pn < acks->greatest && acks->greatest - pn <= KG_RIVAL_ACKED) {
		uint32_t n = acks->greatest - pn - 1;

		acks->before[n / 64] |= 1ull << n % 64;
	}
}

static void note_sn(struct kg_rival_receiver *r, uint32_t sn)
{
	if (sn < r->acks.una || sn >= r->acks.una + KG_RIVAL_WINDOW)
		return;
	r->has[sn % KG_RIVAL_WINDOW / 64] |= 1ull << sn % 64;
	for (;; r->acks.una++) {
		uint64_t *word = &r->has[r->acks.una % KG_RIVAL_WINDOW / 64];
		uint64_t bit = 1ull << r->acks.una % 64;

		if ((*word & bit) == 0)
			return;
		*word &= ~bit;
	}
}

void kg_rival_receiver_take(struct kg_rival_receiver *r, const struct kg_rival_data *data,
			    uint64_t now_us)
{
	bool in_order = !r->any || data->pn == r->acks.greatest + 1;

	note_pn(r, data->pn);
	note_sn(r, data->sn);
	if (++r->unsaid >= SAY_AFTER || !in_order)
		r->say_us = now_us;
	else
		r->say_us = KG_MIN(r->say_us, now_us + r->wait_us);
}

bool kg_rival_receiver_say(struct kg_rival_receiver *r, uint64_t now_us, struct kg_rival_acks *acks)
{
	if (now_us < r->say_us)
		return false;
	*acks = r->acks;
	r->unsaid = 0;
	r->say_us = KG_NEVER_US;
	return true;
}
