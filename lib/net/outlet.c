/* SPDX-License-Identifier: BSD-3-Clause */
/* Says when the next datagram of a burst may leave. */
#include "net/outlet.h"

#define DEPTH      32u                   /* may leave at once: a third of what Linux keeps */
#define UNKNOWN    (28 * KG_OUTLET_UNIT) /* with `DEPTH` that is 88 in two milliseconds */
#define LEAST      (4 * KG_OUTLET_UNIT)
#define LIMITLESS  (1u << 20)
#define FINE       256u /* of `most`, so that it rises by little in a millisecond */
#define LOOK_US    1000u
#define FALL_MS    256u  /* a flow that stops is forgotten in so long, about */
#define REGAIN_MS  8192u /* a receiver that has lost is tried at double the pace after so long */
#define DRAINED_US 1000000u
#define TURN_US    500u /* timers and turns are so far apart, at most */

static uint32_t pace(const struct kg_outlet *outlet)
{
	uint32_t wanted = KG_MAX(2 * outlet->shown, UNKNOWN);

	return KG_MAX(KG_MIN(wanted, outlet->most / FINE), outlet->shown + outlet->shown / 4);
}

uint32_t kg_outlet_pace(const struct kg_outlet *outlet)
{
	return pace(outlet) / KG_OUTLET_UNIT;
}

/* Follows upwards at once, and downwards slowly: what stands still behind a hole does not come. */
static void reckon(struct kg_outlet *outlet, uint32_t received, uint64_t now_us)
{
	uint64_t us = now_us - outlet->looked_us, ms = us / 1000;
	uint64_t came = (uint64_t)(received - outlet->received) * KG_OUTLET_SEGMENT;
	uint32_t sample;

	sample = (uint32_t)KG_MIN(came / us, (uint64_t)LIMITLESS);
	if (sample >= outlet->shown)
		outlet->shown = (outlet->shown + sample + 1) / 2;
	else
		outlet->shown -=
			(uint32_t)((outlet->shown - sample) * KG_MIN(ms, FALL_MS) / FALL_MS);
	outlet->most += (uint32_t)(outlet->most * KG_MIN(ms, REGAIN_MS) / REGAIN_MS);
	outlet->most = KG_MIN(outlet->most, LIMITLESS * FINE);
	outlet->received = received;
	outlet->looked_us = now_us;
}

static void drain(struct kg_outlet *outlet, uint64_t now_us)
{
	uint64_t us = KG_MIN(now_us - outlet->drained_us, (uint64_t)DRAINED_US);
	uint64_t gone = us * pace(outlet);

	outlet->level -= (uint32_t)KG_MIN(gone, (uint64_t)outlet->level);
	outlet->drained_us = now_us;
}

/* A few, and of a fast flow what becomes due between two looks. */
static uint32_t depth(const struct kg_outlet *outlet)
{
	return KG_MAX(DEPTH * KG_OUTLET_SEGMENT, pace(outlet) * TURN_US);
}

void kg_outlet_init(struct kg_outlet *outlet, uint32_t received, uint64_t now_us)
{
	*outlet = (struct kg_outlet){
		.drained_us = now_us,
		.looked_us = now_us,
		.received = received,
		.most = LIMITLESS * FINE,
	};
	outlet->depth = depth(outlet);
}

void kg_outlet_look(struct kg_outlet *outlet, uint32_t received, uint64_t now_us)
{
	if (now_us - outlet->looked_us >= LOOK_US)
		reckon(outlet, received, now_us);
	drain(outlet, now_us);
	outlet->depth = depth(outlet);
}

/* For a quarter of what leaves at once. */
uint64_t kg_outlet_next_us(const struct kg_outlet *outlet)
{
	uint32_t enough = outlet->depth / 4 * 3;

	if (outlet->level <= enough)
		return outlet->drained_us;
	return outlet->drained_us + (outlet->level - enough) / pace(outlet) + 1;
}

void kg_outlet_on_lost(struct kg_outlet *outlet)
{
	outlet->most = KG_MAX(pace(outlet) / 2, LEAST) * FINE;
}
