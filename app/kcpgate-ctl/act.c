/* SPDX-License-Identifier: BSD-3-Clause */
/* Has the commands that change something, or listen. */
#include "ctl.h"

#include <string.h>

static void print_line(json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(object);
}

void ctl_hop(struct connection *c, const struct ctl_args *args)
{
	json_t *result = ctl_ask(c, "{s:s,s:s}", "do", "hop", "tunnel", args->of);

	if (args->json)
		print_line(result);
	else
		json_decref(result);
}

static void say_outcome(const json_t *outcome)
{
	const char *why = json_string_value(json_object_get(outcome, "why"));

	if (why != NULL && why[0] != '\0')
		fprintf(stderr, "%s\n", why);
	printf("%" JSON_INTEGER_FORMAT " tunnels have gone, %" JSON_INTEGER_FORMAT " have come\n",
	       json_integer_value(json_object_get(outcome, "went")),
	       json_integer_value(json_object_get(outcome, "came")));
}

void ctl_reload(struct connection *c, const struct ctl_args *args)
{
	json_t *outcome = ctl_ask(c, "{s:s}", "do", "reload");
	bool good = json_is_true(json_object_get(outcome, "good"));

	if (args->json) {
		print_line(outcome);
	} else {
		say_outcome(outcome);
		json_decref(outcome);
	}
	if (!good)
		ctl_die("not all that the files say is in effect");
}

void ctl_log(struct connection *c, const struct ctl_args *args)
{
	json_t *result = ctl_ask(c, "{s:s,s:s*}", "do", "log", "level", args->of);

	if (args->json) {
		print_line(result);
		return;
	}
	puts(json_string_value(json_object_get(result, "level")));
	json_decref(result);
}

void ctl_events(struct connection *c, const struct ctl_args *args)
{
	json_t *event;

	json_decref(ctl_ask(c, "{s:s}", "do", "events"));
	while ((event = ctl_hear(c)) != NULL)
		print_line(event);
}
