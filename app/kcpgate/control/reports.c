/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads what workers report. Questions for next hops are passed on; the rest becomes lines of the
 * log, so many a second and no more.
 */
#include "control/parts.h"
#include "log.h"
#include "log/troubles.h"

#include <stdio.h>
#include <stdlib.h>

#define LINES_MAX 20 /* per tick; the rest is counted */

struct kg_control_reports {
	struct kg_loop_source source;
	struct kg_box *box;
	struct kg_control_nexthops *nexthops;
	struct kg_control_destinations *destinations;
	unsigned int lines, suppressed; /* of this tick */
};

/* ---- lines ---- */

static void log_closed(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	char remote[KG_ENDPOINT_TEXT_BYTES] = "?";

	if (r->remote.ip.version != 0)
		kg_endpoint_text(&r->remote, remote);
	KG_LOG(NOTICE, "%s: %s channel %08x with %s closed: %s%s%s\n", tunnel->name,
	       kg_protocol_name(r->protocol), r->conv, remote, kg_close_name(r->why),
	       r->text[0] != '\0' ? ": " : "", r->text);
}

static void log_connect_failed(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	char text[KG_TARGET_SHOWN_BYTES];
	const char *to = r->text;

	if (!kg_app_is_told(&tunnel->app))
		to = kg_target_text(&tunnel->app.target, text);
	KG_LOG(NOTICE, "%s: cannot connect %s to %s: %s\n", tunnel->name,
	       kg_protocol_name(r->protocol), to, kg_refusal_text((uint32_t)r->error));
}

static void log_path_mtu(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	char peer[KG_IP_TEXT_BYTES];

	KG_LOG(INFO, "%s: packets of %u bytes pass to %s (%s)\n", tunnel->name, r->count,
	       kg_ip_text(&r->remote.ip, peer), kg_pmtu_how_text(r->why));
}

static void log_hop(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	char from[KG_ENDPOINT_TEXT_BYTES], to[KG_ENDPOINT_TEXT_BYTES];

	KG_LOG(INFO, "%s: hops from %s to %s, local port %u (%s)\n", tunnel->name,
	       kg_endpoint_text(&r->before, from), kg_endpoint_text(&r->remote, to), r->local.port,
	       kg_hop_reason_name(r->why));
}

static void log_move(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	char from[KG_ENDPOINT_TEXT_BYTES], to[KG_ENDPOINT_TEXT_BYTES];

	KG_LOG(INFO, "%s: peer of channel %08x has moved from %s to %s\n", tunnel->name, r->conv,
	       kg_endpoint_text(&r->before, from), kg_endpoint_text(&r->remote, to));
}

static void log_open_failed(const struct kg_tunnel_config *tunnel, const struct kg_report *r)
{
	KG_LOG(NOTICE,
	       "%s: %s connection refused: the server's address is not known, or no channel or "
	       "local port is left\n",
	       tunnel->name, kg_protocol_name(r->protocol));
}

static void (*const loggers[])(const struct kg_tunnel_config *tunnel, const struct kg_report *r) = {
	[KG_REPORT_CLOSED] = log_closed,
	[KG_REPORT_CONNECT_FAILED] = log_connect_failed,
	[KG_REPORT_OPEN_FAILED] = log_open_failed,
	[KG_REPORT_PATH_MTU] = log_path_mtu,
	[KG_REPORT_HOP] = log_hop,
	[KG_REPORT_MOVE] = log_move,
};

/* What is in good order leaves half of the lines to what is not. */
static unsigned int lines_max(const struct kg_report *r)
{
	return r->type == KG_REPORT_HOP || r->type == KG_REPORT_MOVE ? LINES_MAX / 2 : LINES_MAX;
}

/* Of a tunnel that has gone meanwhile there is nothing to say. */
static void log_report(struct kg_control_reports *reports, const struct kg_report *r,
		       uint64_t now_us)
{
	const struct kg_box_tunnel *tunnel = kg_box_tunnel(reports->box, r->tunnel);

	if (tunnel == NULL)
		return;
	if (reports->lines >= lines_max(r)) {
		reports->suppressed++;
		return;
	}
	reports->lines++;
	if (r->type == KG_REPORT_TROUBLE)
		kg_trouble_log(tunnel->config->name, r, now_us);
	else
		loggers[r->type](tunnel->config, r);
}

/* ---- the source ---- */

static bool fed(const struct kg_loop_source *source)
{
	const struct kg_control_reports *reports =
		KG_CONTAINER_OF(source, const struct kg_control_reports, source);

	for (unsigned int w = 0; w < reports->box->worker_count; w++) {
		if (!rte_ring_empty(reports->box->reports[w]))
			return true;
	}
	return false;
}

/* To all, for the one that has heard it hears nothing more for a while. */
static void tell_workers(struct kg_box *box, const struct kg_report *r)
{
	struct kg_mail mail = {
		.type = KG_MAIL_TOO_BIG,
		.too_big = { { r->local, r->remote }, r->tunnel, (uint16_t)r->count },
	};

	for (unsigned int w = 0; w < box->worker_count; w++)
		kg_box_post(box, w, &mail);
}

/* A client's server cannot be reached where it is thought to be. */
static bool is_about_server(const struct kg_report *r)
{
	return r->type == KG_REPORT_SILENT ||
	       (r->type == KG_REPORT_TROUBLE &&
		(r->why == KG_TROUBLE_NO_ANSWER || r->why == KG_TROUBLE_NO_ROUTE));
}

static void read_reports(struct kg_control_reports *reports, struct rte_ring *ring, uint64_t now_us)
{
	struct kg_report report;

	while (rte_ring_sc_dequeue_elem(ring, &report, sizeof(report)) == 0) {
		if (report.type == KG_REPORT_RESOLVE)
			kg_control_nexthops_resolve(reports->nexthops, &report.remote.ip);
		else if (report.type == KG_REPORT_TOO_BIG)
			tell_workers(reports->box, &report);
		else if (report.type != KG_REPORT_SILENT)
			log_report(reports, &report, now_us);
		if (is_about_server(&report))
			kg_control_destinations_doubt(reports->destinations, report.tunnel,
						      &report.remote.ip);
	}
}

static void begin_tick(struct kg_control_reports *reports, uint64_t now_us)
{
	if (reports->suppressed > 0)
		KG_LOG(NOTICE, "%u more lines suppressed\n", reports->suppressed);
	reports->lines = 0;
	reports->suppressed = 0;
	reports->source.due_us = now_us + KG_CONTROL_TICK_US;
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_control_reports *reports =
		KG_CONTAINER_OF(source, struct kg_control_reports, source);

	for (unsigned int w = 0; w < reports->box->worker_count; w++)
		read_reports(reports, reports->box->reports[w], now_us);
	if (now_us >= source->due_us)
		begin_tick(reports, now_us);
}

struct kg_control_reports *kg_control_reports_create(struct kg_loop *loop, struct kg_box *box,
						     struct kg_control_nexthops *nexthops,
						     struct kg_control_destinations *destinations)
{
	struct kg_control_reports *reports = calloc(1, sizeof(*reports));

	if (reports == NULL)
		return NULL;
	reports->box = box;
	reports->nexthops = nexthops;
	reports->destinations = destinations;
	reports->source = (struct kg_loop_source){
		.fd = box->control_waker.fd,
		.waker = &box->control_waker,
		.fed = fed,
		.serve = serve,
	};
	if (kg_loop_add(loop, &reports->source))
		return reports;
	free(reports);
	return NULL;
}

void kg_control_reports_destroy(struct kg_control_reports *reports)
{
	if (reports != NULL)
		kg_loop_remove(&reports->source);
	free(reports);
}
