/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Brutal, Hysteria's: the bandwidth that the user wrote, divided by the part of it that arrives,
 * and that part is not believed to be below 0.8. (apernet/hysteria,
 * core/internal/congestion/brutal.)
 */
#include "rival/rival.h"

#define SLOTS           5 /* of a second */
#define SAMPLES_MIN     50
#define ARRIVES_MIN     0.8
#define WINDOW_MULTIPLE 2.0

struct brutal {
	double line_pps;
	uint64_t slot; /* the second that it is */
	uint32_t acked[SLOTS], lost[SLOTS];
	uint32_t srtt_us;
};

static void init(void *self, const struct kg_rival_params *params)
{
	*(struct brutal *)self = (struct brutal){ .line_pps = params->line_pps };
}

static size_t slot_of(struct brutal *b, uint64_t now_us)
{
	uint64_t second = now_us / KG_US_PER_S;

	if (second > b->slot + SLOTS)
		b->slot = second - SLOTS;
	while (b->slot < second) {
		b->slot++;
		b->acked[b->slot % SLOTS] = b->lost[b->slot % SLOTS] = 0;
	}
	return second % SLOTS;
}

static void on_ack(void *self, const struct kg_rival_ack *ack)
{
	struct brutal *b = self;

	b->acked[slot_of(b, ack->now_us)]++;
	b->srtt_us = b->srtt_us == 0 ? ack->rtt_us : (7 * b->srtt_us + ack->rtt_us) / 8;
}

static void on_loss(void *self, const struct kg_rival_loss *loss)
{
	struct brutal *b = self;

	b->lost[slot_of(b, loss->now_us)]++;
}

static double arrives(const struct brutal *b)
{
	uint32_t acked = 0, lost = 0;

	for (int i = 0; i < SLOTS; i++) {
		acked += b->acked[i];
		lost += b->lost[i];
	}
	if (acked + lost < SAMPLES_MIN)
		return 1;
	return KG_MAX((double)acked / (acked + lost), ARRIVES_MIN);
}

static void leave(const void *self, struct kg_rival_leave *leave)
{
	const struct brutal *b = self;

	leave->pps = b->line_pps / arrives(b);
	leave->window = b->srtt_us == 0 ? KG_RIVAL_WINDOW_FIRST
					: KG_MAX(leave->pps * b->srtt_us / 1e6 * WINDOW_MULTIPLE,
						 KG_RIVAL_WINDOW_FIRST);
}

const struct kg_rival_ops kg_rival_brutal = {
	.bytes = sizeof(struct brutal),
	.init = init,
	.on_ack = on_ack,
	.on_loss = on_loss,
	.leave = leave,
};
