/* SPDX-License-Identifier: BSD-3-Clause */
/* A line for each kind of report. */
#include "log/events.h"

#include "log/journal.h"
#include "log/troubles.h"

static const char *remote_text(const struct kg_report *r, char text[KG_ENDPOINT_TEXT_BYTES])
{
	return r->remote.ip.version != 0 ? kg_endpoint_text(&r->remote, text) : "?";
}

static void log_closed(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	char remote[KG_ENDPOINT_TEXT_BYTES];

	KG_JOURNAL(NOTICE, tunnel, "%s: %s channel %08x with %s closed: %s%s%s\n", tunnel->name,
		   kg_protocol_name(r->protocol), r->conv, remote_text(r, remote),
		   kg_close_name(r->why), r->text[0] != '\0' ? ": " : "", r->text);
}

static void log_connect_failed(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	char text[KG_TARGET_SHOWN_BYTES];
	const char *to = r->text;

	if (!kg_app_is_told(&tunnel->app))
		to = kg_target_text(&tunnel->app.target, text);
	KG_JOURNAL(NOTICE, tunnel, "%s: cannot connect %s to %s: %s\n", tunnel->name,
		   kg_protocol_name(r->protocol), to, kg_refusal_text((uint32_t)r->error));
}

static void log_path_mtu(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	char peer[KG_IP_TEXT_BYTES];

	KG_JOURNAL(INFO, tunnel, "%s: packets of %u bytes pass to %s (%s)\n", tunnel->name,
		   r->count, kg_ip_text(&r->remote.ip, peer), kg_pmtu_how_text(r->why));
}

static void log_hop(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	char from[KG_ENDPOINT_TEXT_BYTES], to[KG_ENDPOINT_TEXT_BYTES];

	KG_JOURNAL(INFO, tunnel, "%s: hops from %s to %s, local port %u (%s)\n", tunnel->name,
		   kg_endpoint_text(&r->before, from), kg_endpoint_text(&r->remote, to),
		   r->local.port, kg_hop_reason_name(r->why));
}

static void log_policer(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	char remote[KG_ENDPOINT_TEXT_BYTES];

	KG_JOURNAL(INFO, tunnel,
		   "%s: less leaves from local port %u to %s, where %u KiB/s arrive and no more "
		   "(policer)\n",
		   tunnel->name, r->local.port, kg_endpoint_text(&r->remote, remote),
		   r->count / 1024);
}

static void log_move(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	char from[KG_ENDPOINT_TEXT_BYTES], to[KG_ENDPOINT_TEXT_BYTES];

	KG_JOURNAL(INFO, tunnel, "%s: peer of channel %08x has moved from %s to %s\n", tunnel->name,
		   r->conv, kg_endpoint_text(&r->before, from), kg_endpoint_text(&r->remote, to));
}

static void log_open_failed(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	KG_JOURNAL(NOTICE, tunnel,
		   "%s: %s connection refused: the server's address is not known, or no channel or "
		   "local port is left\n",
		   tunnel->name, kg_protocol_name(r->protocol));
}

static void log_opened(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	char remote[KG_ENDPOINT_TEXT_BYTES];

	KG_JOURNAL(DEBUG, tunnel, "%s: %s channel %08x with %s opened, local port %u\n",
		   tunnel->name, kg_protocol_name(r->protocol), r->conv, remote_text(r, remote),
		   r->local.port);
}

static void log_ended(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	char remote[KG_ENDPOINT_TEXT_BYTES];

	KG_JOURNAL(DEBUG, tunnel, "%s: %s channel %08x with %s ended after %d s: %s\n",
		   tunnel->name, kg_protocol_name(r->protocol), r->conv, remote_text(r, remote),
		   (int)r->seconds, kg_close_name(r->why));
}

static void (*const loggers[])(const struct kg_tunnel_config *tunnel, const struct kg_report *r) = {
	[KG_REPORT_OPENED] = log_opened,
	[KG_REPORT_ENDED] = log_ended,
	[KG_REPORT_CLOSED] = log_closed,
	[KG_REPORT_CONNECT_FAILED] = log_connect_failed,
	[KG_REPORT_OPEN_FAILED] = log_open_failed,
	[KG_REPORT_PATH_MTU] = log_path_mtu,
	[KG_REPORT_HOP] = log_hop,
	[KG_REPORT_POLICER] = log_policer,
	[KG_REPORT_MOVE] = log_move,
};

bool kg_event_is_routine(const struct kg_report *report)
{
	return report->type == KG_REPORT_OPENED || report->type == KG_REPORT_ENDED;
}

void kg_event_log(const struct kg_tunnel_config *tunnel, const struct kg_report *report,
		  uint64_t now_us)
{
	if (report->type == KG_REPORT_TROUBLE)
		kg_trouble_log(tunnel, report, now_us);
	else
		loggers[report->type](tunnel, report);
}
