/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads what workers report. Questions for next hops are passed on; the rest becomes lines of the
 * log, so many a second and no more.
 */
#include "box_metrics.h"
#include "control/internal.h"
#include "log/events.h"
#include "log/journal.h"
#include "side.h"
#include "telemetry/troubles.h"

#include <inttypes.h>
#include <stdlib.h>

/* Per tick, the rest is counted: of the log; of a tunnel's journal besides. */
#define LINES_MAX         20
#define ROUTINE_LINES_MAX 100

struct lines {
	unsigned int written; /* in this tick */
	uint64_t suppressed;
	uint64_t untold; /* journal: what was too much for the workers' way to us, so far */
};

struct kg_control_reports {
	struct kg_loop_source source;
	struct kg_box *box;
	struct kg_control_nexthops *nexthops;
	struct kg_control_destinations *destinations;
	struct kg_control_ctl *ctl;
	struct lines log;
	struct lines journals[KG_SLOTS]; /* by the tunnel's place */
};

/* ---- how many lines ---- */

static bool is_of_paths(const struct kg_report *r)
{
	return r->type == KG_REPORT_HOP || r->type == KG_REPORT_POLICER ||
	       r->type == KG_REPORT_MOVE;
}

/* What is in good order leaves half of the lines to what is not. */
static unsigned int lines_max(const struct kg_report *r)
{
	if (kg_event_is_routine(r))
		return ROUTINE_LINES_MAX;
	return is_of_paths(r) ? LINES_MAX / 2 : LINES_MAX;
}

static struct lines *journal_of(struct kg_control_reports *reports, uint16_t tunnel)
{
	return &reports->journals[tunnel % KG_SLOTS];
}

/* Of a tunnel that has gone meanwhile there is nothing to say. */
static void log_report(struct kg_control_reports *reports, const struct kg_report *r,
		       uint64_t now_us)
{
	const struct kg_box_tunnel *tunnel = kg_box_tunnel(reports->box, r->tunnel);
	struct lines *journal = journal_of(reports, r->tunnel);
	struct lines *lines = kg_event_is_routine(r) ? journal : &reports->log;

	if (tunnel == NULL)
		return;
	kg_control_ctl_report(reports->ctl, tunnel->config, r);
	if (lines->written < lines_max(r)) {
		lines->written++;
		kg_event_log(tunnel->config, r, now_us);
		return;
	}
	journal->suppressed++;
	if (lines == &reports->log)
		reports->log.suppressed++;
}

static void begin_journal(struct kg_control_reports *reports, const struct kg_box_tunnel *tunnel)
{
	struct lines *journal = journal_of(reports, tunnel->id);
	uint64_t now = kg_box_figure(reports->box, tunnel,
				     offsetof(struct kg_side_figures, side.events_untold));

	journal->suppressed += now - KG_MIN(journal->untold, now);
	if (journal->suppressed > 0)
		KG_JOURNAL(DEBUG, tunnel->config, "%s: %" PRIu64 " more lines suppressed\n",
			   tunnel->config->name, journal->suppressed);
	*journal = (struct lines){ .untold = now };
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
	if (reports->log.suppressed > 0)
		KG_LOG(NOTICE, "%" PRIu64 " more lines suppressed\n", reports->log.suppressed);
	reports->log = (struct lines){ 0 };
	for (unsigned int i = 0; i < reports->box->tunnels.count; i++)
		begin_journal(reports, reports->box->tunnels.all[i]);
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
						     struct kg_control_destinations *destinations,
						     struct kg_control_ctl *ctl)
{
	struct kg_control_reports *reports = calloc(1, sizeof(*reports));

	if (reports == NULL)
		return NULL;
	reports->box = box;
	reports->nexthops = nexthops;
	reports->destinations = destinations;
	reports->ctl = ctl;
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
