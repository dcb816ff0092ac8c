/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes, every minute, how the tunnels do that have a journal: tunnel by tunnel, leg by leg,
 * worker by worker, page by page of its channels.
 */
#include "log/status.h"

#include "box_metrics.h"
#include "control/internal.h"
#include "log/files.h"
#include "log/journal.h"
#include "side.h"

#include <stdlib.h>

#define EVERY_US     (KG_STATUS_EVERY_S * KG_US_PER_S)
#define LOOK_US      (5 * KG_US_PER_MS) /* whether a worker has filled in its page */
#define CHANNELS_MAX 1024               /* of a leg that are shown */

/* What stands in a status of a leg's totals; the previous ones. */
struct totals {
	struct kg_status_traffic traffic;
	struct kg_status_mux mux;
	uint16_t tunnel; /* id */
};

struct kg_control_status {
	struct kg_loop_source source;
	struct kg_box *box;
	struct totals before[KG_SLOTS]; /* by the tunnel's place */
	uint64_t period_us;             /* when the next one begins */
	struct kg_page page;            /* asked for, or to be asked for */

	/* the one that is being written; NULL: none */
	FILE *text;
	char *bytes;
	size_t len;
	unsigned int at;     /* of the box's tunnels, in turn */
	uint16_t subject;    /* id of the tunnel that it is about, of a relay its listener */
	uint16_t leg;        /* id of the one whose channels are asked for */
	unsigned int worker; /* that is asked */
	unsigned int shown;  /* channels of the leg */
};

/* ---- numbers ---- */

#define FIGURE(field) kg_box_figure(box, tunnel, offsetof(struct kg_side_figures, field))

static struct kg_status_traffic traffic_of(const struct kg_box *box,
					   const struct kg_box_tunnel *tunnel)
{
	return (struct kg_status_traffic){
		.received_raw = FIGURE(side.received_bytes),
		.received = FIGURE(session.message_bytes_received),
		.sent = FIGURE(session.message_bytes_sent),
		.sent_raw = FIGURE(side.sent_bytes),
		.recovered = FIGURE(fec.recovered),
	};
}

static uint64_t channels_of(const struct kg_box *box, const struct kg_box_tunnel *tunnel)
{
	return FIGURE(session.channels);
}

static struct kg_status_mux mux_of(const struct kg_box *box, const struct kg_box_tunnel *tunnel)
{
	return (struct kg_status_mux){
		.tcp_received = FIGURE(streams.tcp_received),
		.udp_received = FIGURE(streams.udp_received),
		.tcp_sent = FIGURE(streams.tcp_sent),
		.udp_sent = FIGURE(streams.udp_sent),
	};
}

/* As of the status before; nothing of a tunnel that is new. */
static struct totals *totals_of(struct kg_control_status *s, const struct kg_box_tunnel *tunnel)
{
	struct totals *totals = &s->before[tunnel->id % KG_SLOTS];

	if (totals->tunnel != tunnel->id)
		*totals = (struct totals){ .tunnel = tunnel->id };
	return totals;
}

static struct kg_status_traffic traffic_in_period(struct kg_control_status *s,
						  const struct kg_box_tunnel *tunnel)
{
	struct totals *totals = totals_of(s, tunnel);
	struct kg_status_traffic now = traffic_of(s->box, tunnel), was = totals->traffic;

	totals->traffic = now;
	return (struct kg_status_traffic){
		.received_raw = now.received_raw - was.received_raw,
		.received = now.received - was.received,
		.sent = now.sent - was.sent,
		.sent_raw = now.sent_raw - was.sent_raw,
		.recovered = now.recovered - was.recovered,
	};
}

static struct kg_status_mux mux_in_period(struct kg_control_status *s,
					  const struct kg_box_tunnel *tunnel)
{
	struct totals *totals = totals_of(s, tunnel);
	struct kg_status_mux now = mux_of(s->box, tunnel), was = totals->mux;

	totals->mux = now;
	return (struct kg_status_mux){
		.tcp_received = now.tcp_received - was.tcp_received,
		.udp_received = now.udp_received - was.udp_received,
		.tcp_sent = now.tcp_sent - was.tcp_sent,
		.udp_sent = now.udp_sent - was.udp_sent,
	};
}

/* ---- legs ---- */

static const char *leg_words(const struct kg_tunnel_config *config)
{
	switch (config->mode) {
	case KG_MODE_LISTENER:
		return "[Client <-> This] ";
	case KG_MODE_FORWARDER:
		return "[This <-> Remote] ";
	default:
		return "";
	}
}

/* NULL: it is none of a relay's, or has gone. */
static const struct kg_box_tunnel *other_leg(const struct kg_box *box,
					     const struct kg_box_tunnel *tunnel)
{
	const struct kg_tunnel_config *other = tunnel->config->other_leg;

	return other != NULL ? kg_box_find_tunnel(box, other->name) : NULL;
}

static void begin_leg(struct kg_control_status *s, const struct kg_box_tunnel *tunnel)
{
	s->leg = tunnel->id;
	s->worker = 0;
	s->shown = 0;
	s->page.skip = 0;
	s->page.count = 0;
}

/* ---- pages ---- */

static void ask(struct kg_control_status *s)
{
	struct kg_mail mail = { .type = KG_MAIL_PAGE, .page = &s->page };

	s->page.kind = KG_PAGE_CHANNELS;
	s->page.tunnel = s->leg;
	atomic_store_explicit(&s->page.done, false, memory_order_relaxed);
	if (!kg_box_post(s->box, s->worker, &mail)) {
		s->page.count = 0;
		s->page.more = false;
		atomic_store_explicit(&s->page.done, true, memory_order_relaxed);
	}
}

static bool is_answered(const struct kg_control_status *s)
{
	return atomic_load_explicit(&s->page.done, memory_order_acquire);
}

static void write_page(struct kg_control_status *s, const struct kg_box_tunnel *tunnel)
{
	for (unsigned int i = 0; i < s->page.count && s->shown < CHANNELS_MAX; i++, s->shown++) {
		const struct kg_channel_info *channel = &s->page.rows[i].channel;

		kg_status_channel(s->text, leg_words(tunnel->config), channel->conv,
				  channel->kcp.srtt_us);
	}
}

/* To the next page of the leg; false: that was the last. */
static bool next_page(struct kg_control_status *s)
{
	if (s->shown == CHANNELS_MAX)
		return false;
	s->page.skip += s->page.count;
	if (!s->page.more) {
		s->worker++;
		s->page.skip = 0;
	}
	return s->worker < s->box->worker_count;
}

static void tell_more(struct kg_control_status *s, const struct kg_box_tunnel *tunnel)
{
	uint64_t channels = channels_of(s->box, tunnel);

	if (s->shown == CHANNELS_MAX && channels > CHANNELS_MAX)
		kg_status_more(s->text, leg_words(tunnel->config), channels - CHANNELS_MAX);
}

/* ---- one status ---- */

static void write_traffic(struct kg_control_status *s, const struct kg_box_tunnel *tunnel)
{
	struct kg_status_traffic traffic = traffic_in_period(s, tunnel);

	kg_status_traffic(s->text, leg_words(tunnel->config), &traffic);
}

/* Of who may have mux channels and sees into them. */
static void write_mux(struct kg_control_status *s, const struct kg_box_tunnel *tunnel)
{
	const struct kg_tunnel_config *config = tunnel->config;
	struct kg_status_mux mux;

	if (config->mode != KG_MODE_SERVER &&
	    (config->mode != KG_MODE_CLIENT || config->wire.mux_tunnels == 0))
		return;
	mux = mux_in_period(s, tunnel);
	kg_status_mux(s->text, &mux);
}

static bool begin_status(struct kg_control_status *s, const struct kg_box_tunnel *tunnel)
{
	const struct kg_box_tunnel *other = other_leg(s->box, tunnel);
	const char *name = tunnel->config->relay;
	char stamp[KG_LOG_STAMP_BYTES];

	s->text = open_memstream(&s->bytes, &s->len);
	if (s->text == NULL)
		return false;
	s->subject = tunnel->id;
	kg_status_heading(s->text, kg_log_stamp(stamp), name != NULL ? name : tunnel->config->name);
	write_traffic(s, tunnel);
	if (other != NULL)
		write_traffic(s, other);
	begin_leg(s, tunnel);
	ask(s);
	return true;
}

static void end_status(struct kg_control_status *s)
{
	const struct kg_box_tunnel *tunnel = kg_box_tunnel(s->box, s->subject);
	bool good;

	if (tunnel != NULL)
		write_mux(s, tunnel);
	fputc('\n', s->text);
	good = fclose(s->text) == 0;
	if (good && tunnel != NULL)
		kg_journal_status(tunnel->config, s->bytes, s->len);
	free(s->bytes);
	s->bytes = NULL;
	s->text = NULL;
}

/* The page is there: to the next one, to the other leg, or to the end. */
static void go_on(struct kg_control_status *s)
{
	const struct kg_box_tunnel *tunnel = kg_box_tunnel(s->box, s->leg), *other = NULL;

	if (tunnel != NULL) {
		write_page(s, tunnel);
		if (next_page(s)) {
			ask(s);
			return;
		}
		tell_more(s, tunnel);
		other = tunnel->id == s->subject ? other_leg(s->box, tunnel) : NULL;
	}
	if (other == NULL) {
		end_status(s);
		return;
	}
	begin_leg(s, other);
	ask(s);
}

/* ---- all of them ---- */

/* The forwarder of a relay is in its listener's. */
static bool has_status(const struct kg_box_tunnel *tunnel)
{
	return tunnel->config->mode != KG_MODE_FORWARDER && kg_journal_is_kept(tunnel->config);
}

/* False: no tunnel is left in this period. */
static bool begin_next(struct kg_control_status *s)
{
	while (s->at < s->box->tunnels.count) {
		const struct kg_box_tunnel *tunnel = s->box->tunnels.all[s->at++];

		if (has_status(tunnel) && begin_status(s, tunnel))
			return true;
	}
	return false;
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_control_status *s = KG_CONTAINER_OF(source, struct kg_control_status, source);

	if (s->text == NULL && now_us >= s->period_us) {
		s->period_us += EVERY_US;
		s->at = 0;
	}
	if (s->text != NULL && is_answered(s))
		go_on(s);
	source->due_us = now_us + LOOK_US;
	if (s->text == NULL && !begin_next(s))
		source->due_us = s->period_us;
}

struct kg_control_status *kg_control_status_create(struct kg_loop *loop, struct kg_box *box)
{
	struct kg_control_status *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->box = box;
	s->at = UINT32_MAX;
	s->period_us = loop->clock_us() + EVERY_US;
	s->source = (struct kg_loop_source){ .fd = -1, .due_us = s->period_us, .serve = serve };
	for (unsigned int i = 0; i < KG_SLOTS; i++)
		s->before[i].tunnel = KG_PAGE_ALL_TUNNELS;
	kg_loop_add(loop, &s->source);
	return s;
}

void kg_control_status_destroy(struct kg_control_status *s)
{
	if (s == NULL)
		return;
	kg_loop_remove(&s->source);
	if (s->text != NULL)
		fclose(s->text);
	free(s->bytes);
	free(s);
}
