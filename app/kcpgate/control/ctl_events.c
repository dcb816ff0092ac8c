/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes events for clients of the control socket out of what workers report. */
#include "config/config.h"
#include "control/ctl.h"
#include "telemetry/troubles.h"

#include <stdio.h>

static const char *const names[] = {
	[KG_REPORT_OPENED] = "opened",
	[KG_REPORT_ENDED] = "ended",
	[KG_REPORT_CLOSED] = "closed",
	[KG_REPORT_CONNECT_FAILED] = "connect_failed",
	[KG_REPORT_OPEN_FAILED] = "open_failed",
	[KG_REPORT_PATH_MTU] = "path_mtu",
	[KG_REPORT_HOP] = "hop",
	[KG_REPORT_POLICER] = "policer",
	[KG_REPORT_MOVE] = "move",
	[KG_REPORT_TROUBLE] = "trouble",
};

/* NULL: it has none. */
static const char *reason(const struct kg_report *r)
{
	switch (r->type) {
	case KG_REPORT_ENDED:
	case KG_REPORT_CLOSED:
		return kg_close_name(r->why);
	case KG_REPORT_PATH_MTU:
		return kg_pmtu_how_text(r->why);
	case KG_REPORT_HOP:
		return kg_hop_reason_name(r->why);
	case KG_REPORT_TROUBLE:
		return kg_trouble_name(r->why);
	default:
		return NULL;
	}
}

static void set_endpoint(json_t *event, const char *key, const struct kg_endpoint *endpoint)
{
	char text[KG_ENDPOINT_TEXT_BYTES];

	if (endpoint->ip.version != 0)
		json_object_set_new(event, key, json_string(kg_endpoint_text(endpoint, text)));
}

static void set_number(json_t *event, const char *key, json_int_t number)
{
	if (number != 0)
		json_object_set_new(event, key, json_integer(number));
}

json_t *kg_ctl_event(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	json_t *event = json_pack("{s:s,s:s}", "event", names[r->type], "tunnel", tunnel->name);
	char conv[16];

	if (r->conv != 0) {
		snprintf(conv, sizeof(conv), "%08x", r->conv);
		json_object_set_new(event, "conv", json_string(conv));
	}
	if (reason(r) != NULL)
		json_object_set_new(event, "reason", json_string(reason(r)));
	set_endpoint(event, "remote", &r->remote);
	set_endpoint(event, "before", &r->before);
	set_number(event, "local_port", r->local.port);
	set_number(event, "count", r->count);
	set_number(event, "seconds", r->seconds);
	if (r->text[0] != '\0')
		json_object_set_new(event, "text", json_string(r->text));
	return event;
}
