/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steps in which a tunnel comes, rests and goes (control/tunnels.c): each is an order to all
 * threads that it is for, and done when all of them have acknowledged it. Control thread only.
 */
#pragma once

#include "box.h"
#include "payload/gate.h"

#include <stdatomic.h>

enum kg_step {
	KG_STEP_BEGIN_SIDES,
	KG_STEP_OPEN_GATES,
	KG_STEP_OPEN_SIDES,
	KG_STEP_REST_GATES,
	KG_STEP_REST_SIDES,
	KG_STEP_SHUT_GATES,
	KG_STEP_END_SIDES,
	KG_STEP_FORGET_GATES,
};

/* Where a tunnel is. */
struct kg_steps {
	struct kg_box *box;
	struct kg_box_tunnel *tunnel;
	enum kg_step step;
	struct kg_kept *kept; /* where the gates leave their sockets as they begin to rest */
	struct kg_gate *gates[KG_CONFIG_PAYLOAD_THREADS_MAX]; /* that are to open */
	uint64_t unposted;   /* a bit for each thread that was not told of the step yet */
	atomic_uint awaited; /* threads that have not done it; they: wo after posting */
};

/* Nobody has been told yet: kg_steps_post. */
void kg_steps_begin(struct kg_steps *s, enum kg_step step);
/* Tells those whose mailbox has room; `unposted` says who is left. */
void kg_steps_post(struct kg_steps *s);
/* All have acknowledged the step. */
bool kg_steps_is_done(const struct kg_steps *s);
