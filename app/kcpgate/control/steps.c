/* SPDX-License-Identifier: BSD-3-Clause */
/* Orders a step in a tunnel's life of all threads that it is for. */
#include "control/steps.h"
#include "control/internal.h"
#include "side.h"

static bool is_for_workers(enum kg_step step)
{
	return step == KG_STEP_BEGIN_SIDES || step == KG_STEP_OPEN_SIDES ||
	       step == KG_STEP_REST_SIDES || step == KG_STEP_END_SIDES;
}

static bool post_to_worker(struct kg_steps *s, unsigned int w)
{
	static const enum kg_mail_type types[] = {
		[KG_STEP_BEGIN_SIDES] = KG_MAIL_BEGIN_SIDE,
		[KG_STEP_OPEN_SIDES] = KG_MAIL_OPEN_SIDE,
		[KG_STEP_REST_SIDES] = KG_MAIL_REST_SIDE,
		[KG_STEP_END_SIDES] = KG_MAIL_DRAIN_SIDE,
	};
	struct kg_mail mail = {
		.type = types[s->step],
		.awaited = &s->awaited,
		.side = s->tunnel->sides[w],
	};

	return kg_box_post(s->box, w, &mail);
}

static bool post_to_payload(struct kg_steps *s, unsigned int i)
{
	static const enum kg_gate_order orders[] = {
		[KG_STEP_OPEN_GATES] = KG_GATE_OPEN,
		[KG_STEP_REST_GATES] = KG_GATE_REST,
		[KG_STEP_SHUT_GATES] = KG_GATE_SHUT,
		[KG_STEP_FORGET_GATES] = KG_GATE_FORGET,
	};
	struct kg_gate_mail mail = {
		.order = orders[s->step],
		.tunnel = s->tunnel->id,
		.gate = s->gates[i],
		.kept = s->step == KG_STEP_REST_GATES
				? kg_control_rest_places(s->kept, s->tunnel, i)
				: NULL,
		.awaited = &s->awaited,
		.waker = &s->box->control_waker,
	};

	return kg_gate_post(s->box->payloads[i].payload, &mail);
}

void kg_steps_post(struct kg_steps *s)
{
	for (unsigned int i = 0; s->unposted >> i != 0; i++) {
		if ((s->unposted >> i & 1) == 0)
			continue;
		if (is_for_workers(s->step) ? post_to_worker(s, i) : post_to_payload(s, i))
			s->unposted &= ~(UINT64_C(1) << i);
	}
}

/* Those of the threads that have something to do. */
static uint64_t threads_of(const struct kg_steps *s)
{
	uint64_t threads = 0;

	if (!is_for_workers(s->step))
		return UINT64_MAX >> (64 - s->box->payload_count);
	for (unsigned int w = 0; w < s->box->worker_count; w++) {
		if (s->step == KG_STEP_BEGIN_SIDES || kg_side_has_begun(s->tunnel->sides[w]))
			threads |= UINT64_C(1) << w;
	}
	return threads;
}

void kg_steps_begin(struct kg_steps *s, enum kg_step step)
{
	s->step = step;
	s->unposted = threads_of(s);
	atomic_store(&s->awaited, (unsigned int)__builtin_popcountll(s->unposted));
}

bool kg_steps_is_done(const struct kg_steps *s)
{
	return s->unposted == 0 && atomic_load_explicit(&s->awaited, memory_order_acquire) == 0;
}
