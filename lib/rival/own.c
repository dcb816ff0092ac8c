/* SPDX-License-Identifier: BSD-3-Clause */
/* Lets our own controller race as rivals do (rate/rate.h). */
#include "rate/rate.h"
#include "rival/rival.h"

struct own {
	struct kg_rate rate;
	uint32_t lost;
	bool begun;
};

static void init(void *self, const struct kg_rival_params *params)
{
	const struct kg_rate_params rate = { .seed = (uint32_t)kg_rng_next(params->rng) };
	struct own *own = self;

	*own = (struct own){ 0 };
	kg_rate_init(&own->rate, &rate, 0);
}

static void on_ack(void *self, const struct kg_rival_ack *ack)
{
	struct own *own = self;
	const struct kg_rate_news news = {
		.now_us = ack->now_us,
		.sent_us = ack->sent_us,
		.rtt_us = ack->rtt_us,
		.delivered = (uint32_t)ack->delivered,
		.lost = own->lost,
		.under_way = ack->in_flight,
		.backlogged = true,
	};

	if (!own->begun)
		own->rate.began_us = ack->sent_us;
	own->begun = true;
	kg_rate_hear(&own->rate, &news);
}

static void on_loss(void *self, const struct kg_rival_loss *loss)
{
	((struct own *)self)->lost++;
}

static void leave(const void *self, struct kg_rival_leave *leave)
{
	const struct own *own = self;

	leave->pps = (double)kg_rate_pps(&own->rate);
	leave->window = (double)kg_rate_window(&own->rate);
}

const struct kg_rival_ops kg_rival_own = {
	.bytes = sizeof(struct own),
	.init = init,
	.on_ack = on_ack,
	.on_loss = on_loss,
	.leave = leave,
};
