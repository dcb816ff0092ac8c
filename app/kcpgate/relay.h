/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A relay's two sides on a worker, joined (lib/relay/relay.h). Each is a side of a tunnel of its
 * own, with what a side has of the wire; its session has no streams. The listener's side owns the
 * relay; either side may come, or go, first.
 */
#pragma once

#include "session/session.h"

struct kg_side;

/* The side's session, joined to the other side's where that is there. NULL without memory. */
struct kg_session *kg_side_begin_relay(struct kg_side *side, const struct kg_session_config *config,
				       const struct kg_supplies *supplies);
/* Before the side's session goes, of which no channel is left unless the worker ends. */
void kg_side_leave_relay(struct kg_side *side);
/* After it. */
void kg_side_end_relay(struct kg_side *side);
