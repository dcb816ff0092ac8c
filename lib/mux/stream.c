/* SPDX-License-Identifier: BSD-3-Clause */
/* Has the streams of a tunnel, to both sides: what the session tells, and what their host calls. */
#include "mux/internal.h"

/* ---- what the session asks and tells ---- */

static bool is_mux(const struct kg_channel *ch)
{
	return kg_channel_protocol(ch) == KG_PROTOCOL_MUX;
}

static uint16_t on_port_acquire(void *host, const struct kg_endpoint *remote, bool alone)
{
	struct kg_streams *s = host;

	return s->ops.port_acquire(s->host, remote, alone);
}

static void on_port_release(void *host, uint16_t port)
{
	struct kg_streams *s = host;

	s->ops.port_release(s->host, port);
}

static void on_port_share(void *host, uint16_t port)
{
	struct kg_streams *s = host;

	s->ops.port_share(s->host, port);
}

static void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct kg_streams *s = host;
	uint64_t now_us = kg_session_now_us(s->session);
	struct kg_stream *stream;

	if (is_mux(ch)) {
		kg_mux_accept(s, ch, now_us);
		return;
	}
	stream = s->ops.accept(s->host, kg_channel_protocol(ch), target);
	if (stream == NULL) {
		kg_channel_refused(ch, "server is out of memory", now_us);
		return;
	}
	s->stats.opened++;
	*stream = (struct kg_stream){ .channel = ch };
	kg_channel_set_user(ch, stream);
}

static void on_opened(void *host, struct kg_channel *ch)
{
	struct kg_streams *s = host;

	if (is_mux(ch))
		kg_mux_on_opened(kg_channel_user(ch), kg_session_now_us(s->session));
	else
		s->ops.opened(s->host, kg_channel_user(ch));
}

static void on_readable(void *host, struct kg_channel *ch)
{
	struct kg_streams *s = host;

	if (is_mux(ch))
		kg_mux_read(kg_channel_user(ch), kg_session_now_us(s->session));
	else
		s->ops.readable(s->host, kg_channel_user(ch));
}

static void on_acked(void *host, struct kg_channel *ch, uint32_t segments)
{
	struct kg_streams *s = host;

	if (is_mux(ch)) {
		kg_mux_on_acked(kg_channel_user(ch), segments, kg_session_now_us(s->session));
		kg_mux_pump(kg_channel_user(ch), kg_session_now_us(s->session));
	} else {
		s->ops.acked(s->host, kg_channel_user(ch), segments);
	}
}

static uint32_t held_by(const struct kg_streams *s, const struct kg_stream *stream)
{
	return s->ops.held != NULL && stream != NULL ? s->ops.held(s->host, stream) : 0;
}

static uint32_t on_held(void *host, const struct kg_channel *ch)
{
	const struct kg_streams *s = host;
	const struct kg_mux_stream *ms;
	const struct kg_mux *mux;
	uint32_t held = 0;

	if (!is_mux(ch))
		return held_by(s, kg_channel_user(ch));
	mux = kg_channel_user(ch);
	TAILQ_FOREACH (ms, &mux->members, link)
		held += ms->in.segments + ms->out.segments + held_by(s, ms->stream);
	return held;
}

static void on_finished(void *host, struct kg_channel *ch)
{
	struct kg_streams *s = host;

	s->ops.finished(s->host, kg_channel_user(ch));
}

static void on_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	struct kg_streams *s = host;

	if (kg_channel_user(ch) == NULL) { /* refused: there was no memory for more than that */
		kg_channel_free(ch);
	} else if (is_mux(ch)) {
		kg_mux_on_closed(kg_channel_user(ch), why, text, kg_session_now_us(s->session));
	} else {
		s->stats.closed++;
		s->ops.closed(s->host, kg_channel_user(ch), why, text);
	}
}

static void on_path_mtu(void *host, const struct kg_ip *peer, uint16_t mtu, enum kg_pmtu_how how)
{
	struct kg_streams *s = host;

	if (s->ops.path_mtu != NULL)
		s->ops.path_mtu(s->host, peer, mtu, how);
}

static void on_silent(void *host, const struct kg_ip *server)
{
	struct kg_streams *s = host;

	if (s->ops.silent != NULL)
		s->ops.silent(s->host, server);
}

static void on_hopped(void *host, const struct kg_tuple *from, const struct kg_tuple *to,
		      unsigned int reason)
{
	struct kg_streams *s = host;

	if (s->ops.hopped != NULL)
		s->ops.hopped(s->host, from, to, reason);
}

static void on_policed(void *host, const struct kg_tuple *at, uint64_t limit_Bps)
{
	struct kg_streams *s = host;

	if (s->ops.policed != NULL)
		s->ops.policed(s->host, at, limit_Bps);
}

static void on_moved(void *host, uint32_t conv, const struct kg_endpoint *from,
		     const struct kg_endpoint *to)
{
	struct kg_streams *s = host;

	if (s->ops.moved != NULL)
		s->ops.moved(s->host, conv, from, to);
}

static const struct kg_session_ops session_ops = {
	.port_acquire = on_port_acquire,
	.port_release = on_port_release,
	.port_share = on_port_share,
	.connect = on_connect,
	.opened = on_opened,
	.readable = on_readable,
	.acked = on_acked,
	.held = on_held,
	.finished = on_finished,
	.closed = on_closed,
	.path_mtu = on_path_mtu,
	.silent = on_silent,
	.hopped = on_hopped,
	.policed = on_policed,
	.moved = on_moved,
};

/* ---- life ---- */

static bool create_muxes(struct kg_streams *s, uint64_t now_us)
{
	for (uint32_t i = 0; i < s->config.mux_channels; i++) {
		if (kg_mux_create(s, now_us) == NULL)
			return false;
	}
	return true;
}

struct kg_streams *kg_streams_create(const struct kg_streams_config *config,
				     const struct kg_stream_ops *ops, void *host,
				     const struct kg_supplies *supplies, uint64_t now_us)
{
	struct kg_streams *s = kg_mem_alloc(supplies->mem, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->config = *config;
	s->ops = *ops;
	s->host = host;
	s->mem = supplies->mem;
	s->pool = supplies->pool;
	s->wheel = supplies->wheel;
	s->rng = supplies->rng;
	TAILQ_INIT(&s->muxes);
	TAILQ_INIT(&s->waiting);
	TAILQ_INIT(&s->adrift);
	TAILQ_INIT(&s->doubted);
	TAILQ_INIT(&s->unread);
	s->session = kg_session_create(&config->session, &session_ops, s, supplies, now_us);
	if (s->session == NULL || !create_muxes(s, now_us)) {
		kg_streams_destroy(s);
		return NULL;
	}
	return s;
}

static void destroy_all(struct kg_mux_stream_list *list)
{
	struct kg_mux_stream *ms;

	while ((ms = TAILQ_FIRST(list)) != NULL)
		kg_mux_stream_destroy(ms);
}

void kg_streams_destroy(struct kg_streams *s)
{
	struct kg_mux *mux;

	if (s == NULL)
		return;
	kg_session_destroy(s->session);
	while ((mux = TAILQ_FIRST(&s->muxes)) != NULL) {
		destroy_all(&mux->members);
		kg_mux_destroy(mux);
	}
	destroy_all(&s->waiting);
	destroy_all(&s->adrift);
	kg_mem_free(s->mem, s, sizeof(*s));
}

void kg_streams_shutdown(struct kg_streams *s, uint64_t now_us)
{
	struct kg_mux_stream *ms;
	struct kg_mux *mux, *next;

	s->stopping = true;
	while ((ms = TAILQ_FIRST(&s->waiting)) != NULL)
		kg_mux_stream_cut(ms, KG_CLOSE_ABORTED, "", now_us);
	for (mux = TAILQ_FIRST(&s->muxes); mux != NULL; mux = next) {
		next = TAILQ_NEXT(mux, link);
		kg_mux_end(mux, now_us);
	}
	kg_session_shutdown(s->session, now_us);
}

bool kg_streams_is_over(const struct kg_streams *s)
{
	const struct kg_mux *mux;

	TAILQ_FOREACH (mux, &s->muxes, link) {
		if (mux->open)
			return false;
	}
	return kg_session_is_quiet(s->session);
}

void kg_streams_set_doubted_max(struct kg_streams *s, uint32_t doubted_max)
{
	s->config.session.doubted_max = doubted_max;
	kg_session_set_doubted_max(s->session, doubted_max);
}

struct kg_session *kg_streams_session(const struct kg_streams *s)
{
	return s->session;
}

/* ---- what the host calls ---- */

/* A server cannot know beforehand what its clients will open. */
uint16_t kg_streams_first_bytes(const struct kg_streams *s)
{
	bool shared = kg_streams_is_server(s) || s->config.mux_channels > 0;
	uint16_t header = shared ? KG_MESSAGE_MUX_BYTES : KG_MESSAGE_KIND_BYTES;

	return (uint16_t)(kg_session_rest_bytes(s->session) - header);
}

uint16_t kg_streams_rest_bytes(const struct kg_streams *s)
{
	return kg_session_rest_bytes(s->session);
}

static bool open_shared(struct kg_streams *s, struct kg_stream *stream, enum kg_protocol protocol,
			const struct kg_target *target, uint64_t now_us)
{
	struct kg_mux_stream *ms = kg_mux_stream_create(s, protocol, now_us);
	struct kg_mux *mux = kg_mux_pick(s);

	if (ms == NULL)
		return false;
	*stream = (struct kg_stream){ .mux = ms };
	ms->stream = stream;
	ms->target = target;
	if (mux == NULL || kg_mux_stream_attach(ms, mux, now_us))
		return true;
	kg_mux_stream_destroy(ms);
	*stream = (struct kg_stream){ 0 };
	return false;
}

bool kg_streams_open(struct kg_streams *s, struct kg_stream *stream, enum kg_protocol protocol,
		     const struct kg_target *target, uint64_t now_us)
{
	struct kg_channel *ch;

	if (s->config.mux_channels > 0)
		return open_shared(s, stream, protocol, target, now_us);
	ch = kg_session_open(s->session, protocol, target, stream, now_us);
	if (ch == NULL)
		return false;
	s->stats.opened++;
	*stream = (struct kg_stream){ .channel = ch };
	if (s->config.session.bare) /* nobody is waited for */
		s->ops.opened(s->host, stream);
	return true;
}

void kg_stream_connected(struct kg_stream *stream, uint64_t now_us)
{
	if (stream->mux == NULL)
		kg_channel_connected(stream->channel, now_us);
	else
		kg_mux_stream_connected(stream->mux, now_us);
}

void kg_stream_refused(struct kg_stream *stream, const char *text, uint64_t now_us)
{
	if (stream->mux == NULL)
		kg_channel_refused(stream->channel, text, now_us);
	else if (stream->mux->state == KG_MUX_CONNECTING)
		kg_mux_stream_cut(stream->mux, KG_CLOSE_REFUSED, text, now_us);
}

void kg_stream_finish(struct kg_stream *stream, uint64_t now_us)
{
	if (stream->mux == NULL)
		kg_channel_finish(stream->channel, now_us);
	else
		kg_mux_stream_finish(stream->mux, now_us);
}

void kg_stream_abort(struct kg_stream *stream, uint64_t now_us)
{
	if (stream->mux == NULL)
		kg_channel_abort(stream->channel, now_us);
	else
		kg_mux_stream_abort(stream->mux, now_us);
}

void kg_stream_free(struct kg_stream *stream)
{
	if (stream->mux == NULL)
		kg_channel_free(stream->channel);
	else
		kg_mux_stream_free(stream->mux);
}

enum kg_protocol kg_stream_protocol(const struct kg_stream *stream)
{
	return stream->mux == NULL ? kg_channel_protocol(stream->channel) : stream->mux->protocol;
}

static enum kg_channel_state state_of(const struct kg_mux_stream *ms)
{
	if (ms->state == KG_MUX_CLOSED)
		return KG_CHANNEL_CLOSED;
	return ms->state == KG_MUX_OPEN ? KG_CHANNEL_OPEN : KG_CHANNEL_HANDSHAKE;
}

static const struct kg_channel *channel_of(const struct kg_stream *stream)
{
	const struct kg_mux_stream *ms = stream->mux;

	if (ms == NULL)
		return stream->channel;
	return ms->mux != NULL ? ms->mux->channel : NULL;
}

void kg_stream_get_info(const struct kg_stream *stream, struct kg_channel_info *info,
			uint64_t now_us)
{
	const struct kg_mux_stream *ms = stream->mux;
	const struct kg_channel *ch = channel_of(stream);

	*info = (struct kg_channel_info){ 0 };
	if (ch != NULL)
		kg_channel_get_info(ch, info, now_us);
	if (ms == NULL)
		return;
	info->protocol = ms->protocol;
	info->state = state_of(ms);
	info->age_us = now_us - ms->opened_us;
}

uint32_t kg_stream_received(const struct kg_stream *stream)
{
	const struct kg_channel *ch = channel_of(stream);

	return ch != NULL ? kg_channel_received(ch) : 0;
}

uint32_t kg_streams_of_channel(const struct kg_channel *ch)
{
	const struct kg_mux *mux = kg_channel_user(ch);

	return is_mux(ch) && mux != NULL ? mux->count : !is_mux(ch);
}

KG_METRIC_TABLE(kg_streams_metrics, kg_streams_stats, KG_STREAMS_METRICS(KG_METRIC_ROW));

void kg_streams_get_stats(const struct kg_streams *s, struct kg_streams_stats *stats)
{
	*stats = s->stats;
	stats->streams = kg_streams_count(s);
}
