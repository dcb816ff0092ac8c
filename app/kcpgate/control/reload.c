/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the settings anew and applies what has changed of the tunnels:
 *
 *   read, compare ─► tunnels that are no more, or otherwise, rest or go ─► new ones come
 *
 * These are waited for, as a new one may have their ports. What is the same is not touched.
 * Settings with a mistake, or that change more than tunnels, change nothing.
 */
#include "control/control.h"
#include "control/internal.h"
#include "log/journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum stage {
	STAGE_RESTS,
	STAGE_GOING,
	STAGE_COMING,
};

struct kg_control_reload {
	struct kg_loop_source source;
	struct kg_box *box;
	struct kg_control_tunnels *tunnels;
	const struct kg_control_origin *origin;
	struct kg_config *config; /* that is being applied */
	enum stage stage;
	bool asked;
	unsigned int awaited;             /* tunnels on their way */
	struct kg_reload_outcome outcome; /* `came`: those that were tried, until the end */
	kg_reload_told *told;             /* NULL: nobody wants to know */
	void *ctx;
};

/* To the log, and to whoever is told how it went. */
__attribute__((format(printf, 2, 3))) static void complain(struct kg_control_reload *r,
							   const char *format, ...)
{
	size_t len = strlen(r->outcome.why);
	char text[512];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	KG_LOG(ERR, "reload: %s\n", text);
	snprintf(r->outcome.why + len, sizeof(r->outcome.why) - len, "%s%s", len > 0 ? "\n" : "",
		 text);
}

/* ---- read, compare ---- */

static void say_mistakes(struct kg_control_reload *r, const struct kg_mistakes *mistakes)
{
	for (const struct kg_mistake *m = mistakes->warnings; m != NULL; m = m->next)
		KG_LOG(WARNING, "reload: %s: %s\n", m->where, m->text);
	for (const struct kg_mistake *m = mistakes->errors; m != NULL; m = m->next)
		complain(r, "%s: %s", m->where, m->text);
}

static bool can_keep_journals(struct kg_control_reload *r, const struct kg_config *config)
{
	const char *fault = NULL;

	for (unsigned int i = 0; i < config->tunnel_count && fault == NULL; i++) {
		fault = kg_journal_fault(&config->tunnels[i]);
		if (fault != NULL)
			complain(r, "log_path of tunnel %s: %s: %s", config->tunnels[i].name,
				 config->tunnels[i].log_path, fault);
	}
	return fault == NULL;
}

static bool is_good(struct kg_control_reload *r, const struct kg_config *config,
		    const struct kg_mistakes *mistakes)
{
	const char *difference;

	say_mistakes(r, mistakes);
	if (mistakes->errors != NULL || !can_keep_journals(r, config))
		return false;
	difference = kg_config_difference(r->box->config, config);
	if (difference != NULL)
		complain(r, "%s differs from what runs, which takes a restart", difference);
	return difference == NULL;
}

/* False: nothing changes. */
static bool read_settings(struct kg_control_reload *r)
{
	struct kg_config *config = kg_box_new_settings(r->box);
	struct kg_mistakes mistakes;
	bool good;

	if (config == NULL)
		return false;
	kg_config_load(config, &mistakes, r->origin->files, r->origin->file_count);
	good = is_good(r, config, &mistakes);
	if (good)
		kg_config_digest(config, &r->origin->key);
	kg_mistakes_free(&mistakes);
	r->config = config;
	return good;
}

static const struct kg_tunnel_config *config_of(const struct kg_control_reload *r, const char *name)
{
	for (unsigned int i = 0; i < r->config->tunnel_count; i++) {
		if (!strcmp(r->config->tunnels[i].name, name))
			return &r->config->tunnels[i];
	}
	return NULL;
}

/* ---- apply ---- */

static void told(void *ctx, const char *error)
{
	struct kg_control_reload *r = ctx;

	if (error != NULL) {
		complain(r, "%s", error);
		r->outcome.failed++;
	}
	r->awaited--;
	r->source.due_us = 0;
}

/* For what comes, or stays: whose a datagram is would not show. */
static bool is_in_the_way(const struct kg_control_reload *r, const struct kg_tunnel_config *old)
{
	for (unsigned int i = 0; i < r->config->tunnel_count; i++) {
		if (kg_tunnels_mingle(old, &r->config->tunnels[i]))
			return true;
	}
	return false;
}

static void say_it_ends(const struct kg_tunnel_config *old)
{
	KG_LOG(NOTICE, "reload: tunnel %s cannot go on beside what comes in its place\n",
	       old->name);
}

static bool take_out(struct kg_control_reload *r, const struct kg_tunnel_config *old)
{
	bool has_place = r->box->tunnels.count + r->config->tunnel_count <= KG_SLOTS;

	if (has_place && !is_in_the_way(r, old))
		return kg_control_tunnels_rest(r->tunnels, old->name, told, r);
	say_it_ends(old);
	return kg_control_tunnels_remove(r->tunnels, old->name, told, r);
}

/* It could go on beside what has come since, and cannot beside this. */
static void end_rest(struct kg_control_reload *r, const struct kg_box_tunnel *tunnel)
{
	if (!is_in_the_way(r, tunnel->config) ||
	    !kg_control_tunnels_end_rest(r->tunnels, tunnel, told, r))
		return;
	say_it_ends(tunnel->config);
	r->awaited++;
}

static void remove_changed(struct kg_control_reload *r)
{
	for (unsigned int i = 0; i < r->box->tunnels.count; i++) {
		const struct kg_box_tunnel *tunnel = r->box->tunnels.all[i];
		const struct kg_tunnel_config *config = config_of(r, tunnel->config->name);

		if (tunnel->resting)
			end_rest(r, tunnel);
		else if ((config == NULL || config->digest != tunnel->config->digest) &&
			 take_out(r, tunnel->config)) {
			r->awaited++;
			r->outcome.went++;
		}
	}
}

static void add_new(struct kg_control_reload *r)
{
	char error[256];

	for (unsigned int i = 0; i < r->config->tunnel_count; i++) {
		const struct kg_tunnel_config *config = &r->config->tunnels[i];

		if (kg_box_find_tunnel(r->box, config->name) != NULL)
			continue;
		r->outcome.came++;
		if (kg_control_tunnels_add(r->tunnels, config, told, r, error, sizeof(error))) {
			r->awaited++;
			continue;
		}
		complain(r, "%s", error);
		r->outcome.failed++;
	}
}

/* ---- step by step ---- */

static void tell(const struct kg_control_reload *r)
{
	if (r->told != NULL)
		r->told(r->ctx, &r->outcome);
}

static void begin(struct kg_control_reload *r)
{
	r->outcome = (struct kg_reload_outcome){ .good = false };
	r->asked = false;
	if (!read_settings(r)) {
		KG_LOG(ERR, "reload: nothing has changed\n");
		kg_box_drop_settings(r->box);
		tell(r);
		return;
	}
	remove_changed(r);
	r->stage = STAGE_GOING;
	r->source.due_us = 0;
}

static void end(struct kg_control_reload *r)
{
	r->outcome.came -= r->outcome.failed;
	r->outcome.good = r->outcome.failed == 0;
	KG_LOG(NOTICE, "reload: %u tunnels have gone, %u have come, %u could not\n",
	       r->outcome.went, r->outcome.came, r->outcome.failed);
	kg_control_tunnels_close_kept(r->tunnels);
	kg_config_forget_secrets(r->config);
	kg_box_drop_settings(r->box);
	r->stage = STAGE_RESTS;
	r->source.due_us = r->asked ? 0 : KG_NEVER_US;
	tell(r);
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_control_reload *r = KG_CONTAINER_OF(source, struct kg_control_reload, source);

	source->due_us = KG_NEVER_US;
	if (r->awaited > 0)
		return;
	switch (r->stage) {
	case STAGE_RESTS:
		if (r->asked)
			begin(r);
		break;
	case STAGE_GOING:
		add_new(r);
		r->stage = STAGE_COMING;
		source->due_us = 0;
		break;
	case STAGE_COMING:
		end(r);
		break;
	}
}

void kg_control_reload_ask(struct kg_control_reload *r)
{
	r->asked = true;
	r->source.due_us = 0;
}

void kg_control_reload_watch(struct kg_control_reload *r, kg_reload_told *told_end, void *ctx)
{
	r->told = told_end;
	r->ctx = ctx;
}

/* ---- life ---- */

struct kg_control_reload *kg_control_reload_create(struct kg_loop *loop, struct kg_box *box,
						   struct kg_control_tunnels *tunnels,
						   const struct kg_control_origin *origin)
{
	struct kg_control_reload *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->box = box;
	r->tunnels = tunnels;
	r->origin = origin;
	r->source = (struct kg_loop_source){ .fd = -1, .due_us = KG_NEVER_US, .serve = serve };
	kg_loop_add(loop, &r->source);
	return r;
}

void kg_control_reload_destroy(struct kg_control_reload *r)
{
	if (r == NULL)
		return;
	kg_loop_remove(&r->source);
	free(r);
}
