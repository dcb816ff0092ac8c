/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Leads tunnels through their life while the box runs. What other threads have of one is theirs, so
 * each step is ordered by mail and the next one waits until all have acknowledged it:
 *
 *   comes   sides of the workers begin ─► gates of the payload threads open ─► sides let peers in
 *   goes    gates are shut ─► sides drain and end ─► gates are forgotten ─► it is freed
 *   rests   gates rest ─► sides rest ─► nothing is open on it, or its time is over ─► it goes
 */
#include "control/internal.h"
#include "control/steps.h"
#include "log/journal.h"
#include "log/troubles.h"
#include "payload/kept.h"
#include "side.h"

#include <stdio.h>
#include <stdlib.h>

#define POST_AGAIN_US (10 * KG_US_PER_MS) /* to a thread whose mailbox was full */

/* A tunnel on its way in or out. */
struct change {
	TAILQ_ENTRY(change) link;
	struct kg_steps steps;
	kg_tunnel_told *told; /* NULL: it has been */
	void *ctx;
	bool ending;     /* of one that rests: told when it has gone */
	char error[256]; /* why it could not come; empty: it could */
};

struct kg_control_tunnels {
	struct kg_loop_source source;
	struct kg_box *box;
	struct kg_control_destinations *destinations;
	struct kg_control_stun *stun;
	struct kg_kept_list kept; /* for gates that are to come */
	TAILQ_HEAD(, change) changes;
};

static void begin_step(struct kg_control_tunnels *t, struct change *change, enum kg_step step)
{
	kg_steps_begin(&change->steps, step);
	t->source.due_us = 0;
}

/* Nothing new is asked or told on its behalf. */
static void leave(struct kg_control_tunnels *t, const struct kg_box_tunnel *tunnel)
{
	kg_control_stun_unfollow(t->stun, tunnel->id);
	kg_control_destinations_leave(t->destinations, tunnel->id);
}

/* ---- a tunnel comes ---- */

static void run_out(struct change *change)
{
	snprintf(change->error, sizeof(change->error), "tunnel %s: out of memory",
		 change->steps.tunnel->config->name);
}

static bool have_begun(const struct kg_control_tunnels *t, const struct kg_box_tunnel *tunnel)
{
	for (unsigned int w = 0; w < t->box->worker_count; w++) {
		if (!kg_side_has_begun(tunnel->sides[w]))
			return false;
	}
	return true;
}

static void close_gates(struct kg_control_tunnels *t, struct change *change)
{
	for (unsigned int i = 0; i < t->box->payload_count; i++) {
		if (change->steps.gates[i] != NULL)
			kg_gate_destroy(change->steps.gates[i]);
		change->steps.gates[i] = NULL;
	}
}

/* The sockets of all threads, so that a port that is somebody else's is known now. */
static bool create_gates(struct kg_control_tunnels *t, struct change *change)
{
	const struct kg_payload_tunnel tunnel = kg_box_payload_tunnel(change->steps.tunnel);

	for (unsigned int i = 0; i < t->box->payload_count; i++) {
		change->steps.gates[i] =
			kg_gate_create(t->box->payloads[i].payload, &tunnel, &t->kept,
				       change->error, sizeof(change->error));
		if (change->steps.gates[i] == NULL)
			return false;
	}
	return true;
}

static bool is_followed(struct kg_control_tunnels *t, const struct change *change)
{
	return kg_control_destinations_follow(t->destinations, change->steps.tunnel) &&
	       kg_control_stun_follow(t->stun, change->steps.tunnel);
}

static void sides_have_begun(struct kg_control_tunnels *t, struct change *change)
{
	if (!have_begun(t, change->steps.tunnel) || !is_followed(t, change))
		run_out(change);
	else if (create_gates(t, change)) {
		begin_step(t, change, KG_STEP_OPEN_GATES);
		return;
	}
	close_gates(t, change);
	leave(t, change->steps.tunnel);
	begin_step(t, change, KG_STEP_END_SIDES);
}

static bool are_open(const struct kg_control_tunnels *t, const struct change *change)
{
	for (unsigned int i = 0; i < t->box->payload_count; i++) {
		if (!kg_gate_is_open(change->steps.gates[i]))
			return false;
	}
	return true;
}

static void tell(struct change *change)
{
	if (change->told != NULL)
		change->told(change->ctx, change->error[0] != '\0' ? change->error : NULL);
	change->told = NULL;
}

static void finish(struct kg_control_tunnels *t, struct change *change)
{
	TAILQ_REMOVE(&t->changes, change, link);
	tell(change);
	free(change);
}

static void gates_have_opened(struct kg_control_tunnels *t, struct change *change)
{
	if (are_open(t, change)) {
		begin_step(t, change, KG_STEP_OPEN_SIDES);
		return;
	}
	run_out(change);
	leave(t, change->steps.tunnel);
	begin_step(t, change, KG_STEP_SHUT_GATES);
}

static void sides_have_opened(struct kg_control_tunnels *t, struct change *change)
{
	KG_JOURNAL(NOTICE, change->steps.tunnel->config, "tunnel %s: has come\n",
		   change->steps.tunnel->config->name);
	finish(t, change);
}

/* ---- a tunnel goes ---- */

/* Nobody else knows it any more. */
static void free_tunnel(struct kg_control_tunnels *t, struct change *change)
{
	uint16_t id = change->steps.tunnel->id;

	if (change->error[0] == '\0')
		KG_JOURNAL(NOTICE, change->steps.tunnel->config, "tunnel %s: has gone\n",
			   change->steps.tunnel->config->name);
	kg_control_destinations_unfollow(t->destinations, id);
	kg_trouble_forget(id);
	kg_box_destroy_tunnel(t->box, change->steps.tunnel);
	kg_box_renew_rules(t->box);
	kg_box_renew_reserved(t->box);
	finish(t, change);
}

/* ---- a tunnel rests ---- */

/* Workers have been told, before they hear of another in its place. When is the next look at it? */
static uint64_t watch_resting(struct change *change, uint64_t now_us)
{
	if (change->steps.step != KG_STEP_REST_SIDES || change->steps.unposted != 0)
		return KG_NEVER_US;
	if (!change->ending)
		tell(change);
	return kg_control_rest_watch(change->steps.tunnel, now_us);
}

/* All have acknowledged the step. */
static void go_on(struct kg_control_tunnels *t, struct change *change)
{
	switch (change->steps.step) {
	case KG_STEP_BEGIN_SIDES:
		sides_have_begun(t, change);
		break;
	case KG_STEP_OPEN_GATES:
		gates_have_opened(t, change);
		break;
	case KG_STEP_OPEN_SIDES:
		sides_have_opened(t, change);
		break;
	case KG_STEP_REST_GATES:
		kg_control_rest_say(t->box, change->steps.tunnel);
		begin_step(t, change, KG_STEP_REST_SIDES);
		break;
	case KG_STEP_REST_SIDES:
		begin_step(t, change, KG_STEP_SHUT_GATES);
		break;
	case KG_STEP_SHUT_GATES:
		begin_step(t, change, KG_STEP_END_SIDES);
		break;
	case KG_STEP_END_SIDES:
		begin_step(t, change, KG_STEP_FORGET_GATES);
		break;
	case KG_STEP_FORGET_GATES:
		free_tunnel(t, change);
		break;
	}
}

/* ---- asking for it ---- */

static struct change *new_change(struct kg_control_tunnels *t, struct kg_box_tunnel *tunnel,
				 kg_tunnel_told *told, void *ctx)
{
	struct change *change = calloc(1, sizeof(*change));

	if (change == NULL)
		return NULL;
	change->steps.box = t->box;
	change->steps.tunnel = tunnel;
	change->told = told;
	change->ctx = ctx;
	TAILQ_INSERT_TAIL(&t->changes, change, link);
	return change;
}

bool kg_control_tunnels_add(struct kg_control_tunnels *t, const struct kg_tunnel_config *config,
			    kg_tunnel_told *told, void *ctx, char *error, size_t error_bytes)
{
	struct kg_box_tunnel *tunnel;
	struct change *change;

	if (kg_box_find_tunnel(t->box, config->name) != NULL) {
		snprintf(error, error_bytes, "tunnel %s: there is one already", config->name);
		return false;
	}
	tunnel = kg_box_create_tunnel(t->box, config, error, error_bytes);
	if (tunnel == NULL)
		return false;
	change = new_change(t, tunnel, told, ctx);
	if (change == NULL) {
		snprintf(error, error_bytes, "tunnel %s: out of memory", config->name);
		kg_box_destroy_tunnel(t->box, tunnel);
		return false;
	}
	kg_box_renew_rules(t->box);
	kg_box_renew_reserved(t->box);
	begin_step(t, change, KG_STEP_BEGIN_SIDES);
	return true;
}

/* NULL: it is there, and stays. */
static struct change *change_of(const struct kg_control_tunnels *t,
				const struct kg_box_tunnel *tunnel)
{
	struct change *change;

	TAILQ_FOREACH (change, &t->changes, link) {
		if (change->steps.tunnel == tunnel)
			break;
	}
	return change;
}

static bool go(struct kg_control_tunnels *t, const char *name, kg_tunnel_told *told, void *ctx,
	       enum kg_step first)
{
	struct kg_box_tunnel *tunnel = kg_box_find_tunnel(t->box, name);
	struct change *change;

	if (tunnel == NULL || change_of(t, tunnel) != NULL)
		return false;
	change = new_change(t, tunnel, told, ctx);
	if (change == NULL)
		return false;
	leave(t, tunnel);
	if (first == KG_STEP_REST_GATES)
		change->steps.kept =
			kg_control_rest_begin(t->box, tunnel, &t->kept, t->source.loop->clock_us());
	begin_step(t, change, first);
	return true;
}

bool kg_control_tunnels_remove(struct kg_control_tunnels *t, const char *name, kg_tunnel_told *told,
			       void *ctx)
{
	return go(t, name, told, ctx, KG_STEP_SHUT_GATES);
}

bool kg_control_tunnels_rest(struct kg_control_tunnels *t, const char *name, kg_tunnel_told *told,
			     void *ctx)
{
	return go(t, name, told, ctx, KG_STEP_REST_GATES);
}

bool kg_control_tunnels_end_rest(struct kg_control_tunnels *t, const struct kg_box_tunnel *tunnel,
				 kg_tunnel_told *told, void *ctx)
{
	struct change *change = change_of(t, tunnel);

	if (change == NULL || change->told != NULL)
		return false;
	change->told = told;
	change->ctx = ctx;
	change->ending = true;
	kg_control_rest_end(change->steps.tunnel);
	return true;
}

/* ---- the source ---- */

static bool fed(const struct kg_loop_source *source)
{
	const struct kg_control_tunnels *t =
		KG_CONTAINER_OF(source, const struct kg_control_tunnels, source);
	const struct change *change;

	TAILQ_FOREACH (change, &t->changes, link) {
		if (kg_steps_is_done(&change->steps))
			return true;
	}
	return false;
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_control_tunnels *t = KG_CONTAINER_OF(source, struct kg_control_tunnels, source);
	struct change *change = TAILQ_FIRST(&t->changes), *next;

	source->due_us = KG_NEVER_US;
	for (; change != NULL; change = next) {
		next = TAILQ_NEXT(change, link);
		if (kg_steps_is_done(&change->steps)) {
			go_on(t, change);
			continue;
		}
		kg_steps_post(&change->steps);
		if (change->steps.unposted != 0)
			source->due_us = KG_MIN(source->due_us, now_us + POST_AGAIN_US);
		source->due_us = KG_MIN(source->due_us, watch_resting(change, now_us));
	}
}

/* ---- life ---- */

void kg_control_tunnels_close_kept(struct kg_control_tunnels *t)
{
	kg_kept_close_all(&t->kept);
}

struct kg_control_tunnels *kg_control_tunnels_create(struct kg_loop *loop, struct kg_box *box,
						     struct kg_control_destinations *destinations,
						     struct kg_control_stun *stun)
{
	struct kg_control_tunnels *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->box = box;
	t->destinations = destinations;
	t->stun = stun;
	TAILQ_INIT(&t->changes);
	TAILQ_INIT(&t->kept);
	t->source = (struct kg_loop_source){
		.fd = -1,
		.due_us = KG_NEVER_US,
		.fed = fed,
		.serve = serve,
	};
	kg_loop_add(loop, &t->source);
	return t;
}

/* What a thread was given goes with it. */
static void close_unposted(struct kg_control_tunnels *t, struct change *change)
{
	for (unsigned int i = 0; i < t->box->payload_count; i++) {
		if ((change->steps.unposted >> i & 1) == 0)
			change->steps.gates[i] = NULL;
	}
	close_gates(t, change);
}

/* What is under way is taken down with the box. */
void kg_control_tunnels_destroy(struct kg_control_tunnels *t)
{
	struct change *change;

	if (t == NULL)
		return;
	kg_loop_remove(&t->source);
	kg_control_tunnels_close_kept(t);
	while ((change = TAILQ_FIRST(&t->changes)) != NULL) {
		TAILQ_REMOVE(&t->changes, change, link);
		if (change->steps.step == KG_STEP_OPEN_GATES)
			close_unposted(t, change);
		free(change);
	}
	free(t);
}
