/* SPDX-License-Identifier: BSD-3-Clause */
/* Does what clients of the control socket ask for. */
#include "box.h"
#include "control/ctl.h"
#include "control/internal.h"
#include "log.h"

#include <string.h>
#include <strings.h>

/* As rte_log counts them. */
static const char *const levels[] = { "",        "emergency", "alert", "critical", "error",
				      "warning", "notice",    "info",  "debug" };

/* The text of an optional key; `absent` when it is not given. */
static const char *text_of(const json_t *request, const char *key, const char *absent)
{
	const char *text = json_string_value(json_object_get(request, key));

	return text != NULL ? text : absent;
}

/* ---- show ---- */

/* What stands behind /kcpgate/: no other command of the telemetry socket may be made of it. */
static bool is_word(const char *text, const char *more)
{
	return strspn(text, more) == strlen(text);
}

static void show(struct kg_ctl_client *client, const json_t *request)
{
	const char *what = text_of(request, "what", ""), *of = text_of(request, "of", "");

	if (what[0] == '\0' || !is_word(what, "abcdefghijklmnopqrstuvwxyz_") ||
	    !is_word(of, "0123456789,"))
		kg_ctl_refuse(client, "what: a command of the telemetry socket behind /kcpgate/; "
				      "of: its numbers between commas");
	else
		kg_ctl_ask_figures(client, what, of);
}

/* ---- hop ---- */

static void hop(struct kg_ctl_client *client, const json_t *request)
{
	const char *name = text_of(request, "tunnel", "");
	struct kg_box *box = client->ctl->box;
	const struct kg_box_tunnel *tunnel = kg_box_find_tunnel(box, name);
	struct kg_mail mail = { .type = KG_MAIL_HOP };

	if (tunnel == NULL || tunnel->config->wire.role != KG_ROLE_CLIENT) {
		kg_ctl_refuse(client, "tunnel: there is no client or forwarder \"%s\"", name);
		return;
	}
	mail.tunnel = tunnel->id;
	for (unsigned int w = 0; w < box->worker_count; w++)
		kg_box_post(box, w, &mail);
	kg_ctl_answer(client, json_object());
}

/* ---- log ---- */

static uint32_t level_number(const char *name)
{
	for (uint32_t i = 1; i < KG_ARRAY_SIZE(levels); i++) {
		if (strcasecmp(name, levels[i]) == 0)
			return i;
	}
	return 0;
}

static void log_level(struct kg_ctl_client *client, const json_t *request)
{
	const char *name = text_of(request, "level", NULL);
	uint32_t level = name != NULL ? level_number(name) : 0;
	int now = rte_log_get_level(kg_log_type);

	if (name != NULL && level == 0) {
		kg_ctl_refuse(client,
			      "level: found \"%.32s\"; allowed emergency, alert, critical, "
			      "error, warning, notice, info, debug",
			      name);
		return;
	}
	if (level != 0)
		rte_log_set_level((uint32_t)kg_log_type, level);
	kg_ctl_answer(client,
		      json_pack("{s:s,s:s}", "level", levels[level != 0 ? level : (uint32_t)now],
				"before", levels[now]));
}

/* ---- all of them ---- */

static void reload(struct kg_ctl_client *client, const json_t *request)
{
	client->awaits_reload = true;
	kg_control_reload_ask(client->ctl->reload);
}

static void events(struct kg_ctl_client *client, const json_t *request)
{
	client->hears_events = true;
	kg_ctl_answer(client, json_object());
}

static const struct {
	const char *name;
	void (*perform)(struct kg_ctl_client *client, const json_t *request);
} commands[] = {
	{ "show", show },     { "events", events }, { "hop", hop },
	{ "log", log_level }, { "reload", reload }, { "trace", kg_ctl_trace },
};

void kg_ctl_do(struct kg_ctl_client *client, const json_t *request)
{
	const char *name = text_of(request, "do", "");

	client->id = json_incref(json_object_get(request, "id"));
	if (client->id == NULL)
		client->id = json_null();
	for (size_t i = 0; i < KG_ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			commands[i].perform(client, request);
			return;
		}
	}
	kg_ctl_refuse(client, "do: found \"%.32s\"; allowed show, events, hop, log, reload, trace",
		      name);
}
