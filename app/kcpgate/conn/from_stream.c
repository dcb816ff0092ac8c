/* SPDX-License-Identifier: BSD-3-Clause */
/* What the streams of a tunnel ask of their host, and what one tells of its connection. */
#include "conn/internal.h"

#include "box.h"
#include "complain.h"
#include "shortcut.h"
#include "udp_ports/arrival.h"
#include "worker.h"

#include <string.h>

static uint16_t on_port_acquire(void *host, const struct kg_endpoint *remote, bool alone)
{
	struct kg_side *side = host;

	return kg_arrival_acquire(side->worker, side->id, remote, alone);
}

static void on_port_release(void *host, uint16_t port)
{
	struct kg_side *side = host;

	kg_arrival_release(side->worker, port);
}

static void on_port_share(void *host, uint16_t port)
{
	struct kg_side *side = host;

	kg_local_ports_share(&side->worker->local_ports, port);
}

/* The payload threads take turns. */
static uint32_t next_payload(struct kg_worker *w)
{
	uint32_t payload = w->next_link;

	w->next_link = (w->next_link + 1) % w->link_count;
	return payload;
}

static struct kg_conn *conn_of(struct kg_stream *stream)
{
	return KG_CONTAINER_OF(stream, struct kg_conn, stream);
}

static struct kg_stream *on_accept(void *host, enum kg_protocol protocol,
				   const struct kg_target *target)
{
	struct kg_side *side = host;
	struct kg_conn *conn;

	if (side->draining)
		return NULL;
	conn = kg_conn_create(side, next_payload(side->worker));
	if (conn == NULL)
		return NULL;
	if (target != NULL && !kg_conn_set_target(conn, target)) {
		kg_conn_destroy(conn);
		return NULL;
	}
	conn->streaming = true;
	kg_conn_mark(conn, KG_CONN_CONNECT);
	return &conn->stream;
}

static void on_opened(void *host, struct kg_stream *stream)
{
	kg_conn_journal_opened(conn_of(stream));
	kg_conn_mark(conn_of(stream), KG_CONN_CREDIT);
}

static void on_readable(void *host, struct kg_stream *stream)
{
	kg_conn_mark(conn_of(stream), KG_CONN_DATA);
}

static void on_acked(void *host, struct kg_stream *stream, uint32_t segments)
{
	kg_conn_mark(conn_of(stream), KG_CONN_CREDIT);
}

static uint32_t on_held(void *host, const struct kg_stream *stream)
{
	return KG_CONTAINER_OF(stream, const struct kg_conn, stream)->outstanding;
}

static void on_finished(void *host, struct kg_stream *stream)
{
	kg_conn_mark(conn_of(stream), KG_CONN_FINISH);
}

/* A client that is not answered, or knows no way, says so once for all its connections. */
static bool is_trouble(const struct kg_side *side, enum kg_close why)
{
	bool client = side->tunnel->config->wire.role == KG_ROLE_CLIENT;

	return why == KG_CLOSE_NO_ROUTE || (why == KG_CLOSE_HANDSHAKE && client);
}

bool kg_conn_is_failure(const struct kg_side *side, enum kg_close why)
{
	bool failure = why == KG_CLOSE_REFUSED || why == KG_CLOSE_HANDSHAKE ||
		       why == KG_CLOSE_SILENCE || why == KG_CLOSE_FORGOTTEN ||
		       why == KG_CLOSE_EXHAUSTED;

	return failure && !is_trouble(side, why);
}

static void on_closed(void *host, struct kg_stream *stream, enum kg_close why, const char *text)
{
	struct kg_conn *conn = conn_of(stream);
	struct kg_report report = { .type = KG_REPORT_CLOSED, .why = (uint8_t)why };
	struct kg_channel_info info;

	kg_shortcut_close(conn);
	conn->ended = true;
	conn->reset = why != KG_CLOSE_FINISHED && why != KG_CLOSE_PEER && why != KG_CLOSE_IDLE;
	if (why == KG_CLOSE_NO_ROUTE) {
		kg_stream_get_info(stream, &info, conn->side->worker->now_us);
		kg_complain_no_route(conn->side->worker, conn->side->id, &info.remote);
	}
	if (kg_conn_is_failure(conn->side, why)) {
		strncpy(report.text, text, sizeof(report.text) - 1);
		kg_conn_report(conn, &report);
	} else {
		kg_conn_journal_ended(conn, why);
	}
	kg_conn_mark(conn, KG_CONN_DATA);
}

void kg_conn_report_channel(const struct kg_side *side, const struct kg_channel_info *info,
			    enum kg_close why, const char *text)
{
	struct kg_report report = {
		.type = KG_REPORT_CLOSED,
		.why = (uint8_t)why,
		.tunnel = side->id,
		.protocol = (uint8_t)info->protocol,
		.conv = info->conv,
		.remote = info->remote,
	};

	strncpy(report.text, text, sizeof(report.text) - 1);
	kg_worker_report(side->worker, &report);
}

static void on_mux_closed(void *host, const struct kg_channel_info *info, enum kg_close why,
			  const char *text, uint32_t count)
{
	struct kg_side *side = host;

	if (why == KG_CLOSE_NO_ROUTE)
		kg_complain_no_route(side->worker, side->id, &info->remote);
	if (!side->worker->stopping && !is_trouble(side, why))
		kg_conn_report_channel(side, info, why, text);
}

static void on_path_mtu(void *host, const struct kg_ip *peer, uint16_t mtu, enum kg_pmtu_how how)
{
	const struct kg_side *side = host;
	struct kg_report report = {
		.type = KG_REPORT_PATH_MTU,
		.tunnel = side->id,
		.remote.ip = *peer,
		.count = mtu,
		.why = (uint8_t)how,
	};

	kg_worker_report(side->worker, &report);
}

static void on_silent(void *host, const struct kg_ip *server)
{
	const struct kg_side *side = host;
	struct kg_report report = {
		.type = KG_REPORT_SILENT,
		.tunnel = side->id,
		.remote.ip = *server,
	};

	kg_worker_report(side->worker, &report);
}

static void on_hopped(void *host, const struct kg_tuple *from, const struct kg_tuple *to,
		      unsigned int reason)
{
	const struct kg_side *side = host;
	struct kg_report report = {
		.type = KG_REPORT_HOP,
		.tunnel = side->id,
		.why = (uint8_t)reason,
		.local = to->local,
		.remote = to->remote,
		.before = from->remote,
	};

	kg_worker_report(side->worker, &report);
}

static void on_policed(void *host, const struct kg_tuple *at, uint64_t limit_Bps)
{
	const struct kg_side *side = host;
	struct kg_report report = {
		.type = KG_REPORT_POLICER,
		.tunnel = side->id,
		.local = at->local,
		.remote = at->remote,
		.count = (uint32_t)KG_MIN(limit_Bps, (uint64_t)UINT32_MAX),
	};

	kg_worker_report(side->worker, &report);
}

static void on_moved(void *host, uint32_t conv, const struct kg_endpoint *from,
		     const struct kg_endpoint *to)
{
	const struct kg_side *side = host;
	struct kg_report report = {
		.type = KG_REPORT_MOVE,
		.tunnel = side->id,
		.conv = conv,
		.remote = *to,
		.before = *from,
	};

	kg_worker_report(side->worker, &report);
}

const struct kg_stream_ops kg_conn_stream_ops = {
	.port_acquire = on_port_acquire,
	.port_release = on_port_release,
	.port_share = on_port_share,
	.accept = on_accept,
	.opened = on_opened,
	.readable = on_readable,
	.acked = on_acked,
	.held = on_held,
	.path_mtu = on_path_mtu,
	.silent = on_silent,
	.hopped = on_hopped,
	.policed = on_policed,
	.moved = on_moved,
	.finished = on_finished,
	.closed = on_closed,
	.mux_closed = on_mux_closed,
};
