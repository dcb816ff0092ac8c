/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connections of applications inside a tunnel, on one worker. A stream is one of them: it has a
 * channel of its own ("plain"), or shares a mux channel with others (docs/wire.md §2.2). Its host
 * does not see which. The streams own the tunnel's session (session/session.h) and are its host;
 * what is said there of time, memory and callbacks holds here.
 *
 *   host ── kg_stream_… ──► plain: kg_channel_…, one branch
 *                           mux:   queue of the stream ──► mux channel, in turn ──► session
 *
 * What a mux channel's streams want to send waits with each of them; the channel takes a message of
 * one after the other. What comes in goes to the stream's own queue. Between boxes (both announce
 * KG_CAPABILITY_MUX) a TCP stream sends only what the other side's reader has granted, so a reader
 * that stands still holds up nobody else. An original knows no such thing: a stream towards one
 * whose queue is full stops the whole channel until it has been read to half, or gives way. The
 * same happens between boxes where buffers are short (mux_stall.c).
 *
 * Mux channels of a client are opened at the start, and again when they die; their streams end then
 * as reset. A stream goes to the channel with the fewest; when none is open it waits for one. One
 * that has not been acknowledged anything for a while is not given more while it has a successor.
 * The server hears of a TCP stream at once, by an empty message, so that it may speak first.
 */
#pragma once

#include "session/session.h"

struct kg_streams;
struct kg_mux_stream;

/* Embedded in the host's own struct; private. */
struct kg_stream {
	struct kg_channel *channel; /* plain: its own; NULL: of a mux channel */
	struct kg_mux_stream *mux;  /* NULL: plain */
};

struct kg_stream_ops {
	/* As in struct kg_session_ops. */
	uint16_t (*port_acquire)(void *host, const struct kg_endpoint *remote, bool alone);
	void (*port_release)(void *host, uint16_t port);
	void (*port_share)(void *host, uint16_t port);
	/*
	 * Server: a stream to connect, answered later with kg_stream_connected or _refused. NULL:
	 * out of memory. `target`: where to, good during the call; NULL without custom_targets.
	 */
	struct kg_stream *(*accept)(void *host, enum kg_protocol protocol,
				    const struct kg_target *target);
	/* As in struct kg_session_ops. `acked` on a mux channel: have left the stream's queue. */
	void (*opened)(void *host, struct kg_stream *stream);
	void (*readable)(void *host, struct kg_stream *stream);
	void (*acked)(void *host, struct kg_stream *stream, uint32_t segments);
	uint32_t (*held)(void *host, const struct kg_stream *stream); /* may be NULL */
	void (*finished)(void *host, struct kg_stream *stream);
	void (*closed)(void *host, struct kg_stream *stream, enum kg_close why, const char *text);
	/* As in struct kg_session_ops; may be NULL. */
	void (*path_mtu)(void *host, const struct kg_ip *peer, uint16_t mtu, enum kg_pmtu_how how);
	void (*silent)(void *host, const struct kg_ip *server);
	void (*hopped)(void *host, const struct kg_tuple *from, const struct kg_tuple *to,
		       unsigned int reason);
	void (*policed)(void *host, const struct kg_tuple *at, uint64_t limit_Bps);
	void (*moved)(void *host, uint32_t conv, const struct kg_endpoint *from,
		      const struct kg_endpoint *to);
	/* A mux channel has closed; its streams, `count`, are told next. */
	void (*mux_closed)(void *host, const struct kg_channel_info *info, enum kg_close why,
			   const char *text, uint32_t count);
};

struct kg_streams_config {
	struct kg_session_config session;
	uint32_t mux_channels; /* client: of this worker; 0: every stream has its own channel */
};

/* As kg_session_create. A client's mux channels are opened when the wheel turns next. */
struct kg_streams *kg_streams_create(const struct kg_streams_config *config,
				     const struct kg_stream_ops *ops, void *host,
				     const struct kg_supplies *supplies, uint64_t now_us);
/* Without a word to anyone. */
void kg_streams_destroy(struct kg_streams *s);
/* For the network side: input, output, owner, tour. */
struct kg_session *kg_streams_session(const struct kg_streams *s);
/* As the configuration has it, from now on. */
void kg_streams_set_doubted_max(struct kg_streams *s, uint32_t doubted_max);
/* Ends all streams, for a clean stop. What they have taken still goes, and then a word to the
 * peers: drive input and output until all is over, or patience ends. */
void kg_streams_shutdown(struct kg_streams *s, uint64_t now_us);
/* After a shutdown: no mux channel is left that has something to send, and the session is quiet. */
bool kg_streams_is_over(const struct kg_streams *s);

/* Largest payload of the first and of each later buffer of a message. */
uint16_t kg_streams_first_bytes(const struct kg_streams *s);
uint16_t kg_streams_rest_bytes(const struct kg_streams *s);

/* Client: as kg_session_open; `target` must stay. `opened` may be told from within. */
bool kg_streams_open(struct kg_streams *s, struct kg_stream *stream, enum kg_protocol protocol,
		     const struct kg_target *target, uint64_t now_us);
/* Each as kg_channel_… of that name. The headroom to leave is KG_MESSAGE_MUX_BYTES. */
void kg_stream_connected(struct kg_stream *stream, uint64_t now_us);
void kg_stream_refused(struct kg_stream *stream, const char *text, uint64_t now_us);
void kg_stream_finish(struct kg_stream *stream, uint64_t now_us);
void kg_stream_abort(struct kg_stream *stream, uint64_t now_us);
void kg_stream_free(struct kg_stream *stream);
enum kg_protocol kg_stream_protocol(const struct kg_stream *stream);
/* A mux channel's numbers but for protocol, state and age. */
void kg_stream_get_info(const struct kg_stream *stream, struct kg_channel_info *info,
			uint64_t now_us);
/* As kg_channel_received; on a mux channel of all its streams. */
uint32_t kg_stream_received(const struct kg_stream *stream);
/* Streams of a channel: 1 if it is plain. */
uint32_t kg_streams_of_channel(const struct kg_channel *ch);

/* Gave way: mux_stall.c has the second reason. */
#define KG_STREAMS_METRICS(X)                                                                 \
	X(streams, "streams", GAUGE, "streams", "connections of applications there are")      \
	X(opened, "streams_opened", COUNTER, "streams", "connections that have begun")        \
	X(closed, "streams_closed", COUNTER, "streams", "connections that have ended")        \
	X(muxes, "mux_channels", GAUGE, "channels", "mux channels that are open")             \
	X(datagrams_dropped, "datagrams_dropped", COUNTER, "datagrams",                       \
	  "UDP from the peer on mux channels that nobody takes")                              \
	X(gave_way, "streams_gave_way", COUNTER, "streams",                                   \
	  "connections of mux channels: unproven, and the oldest of too many; or the reader " \
	  "stood still and others waited")                                                    \
	X(tcp_received, "mux_tcp_received_bytes", COUNTER, "bytes",                           \
	  "payload of TCP that mux channels brought")                                         \
	X(udp_received, "mux_udp_received_bytes", COUNTER, "bytes",                           \
	  "payload of UDP that mux channels brought")                                         \
	X(tcp_sent, "mux_tcp_sent_bytes", COUNTER, "bytes",                                   \
	  "payload of TCP that mux channels took")                                            \
	X(udp_sent, "mux_udp_sent_bytes", COUNTER, "bytes", "payload of UDP that mux channels took")

struct kg_streams_stats {
	KG_STREAMS_METRICS(KG_METRIC_FIELD)
};
extern const struct kg_metric_table kg_streams_metrics;
/* Messages that were dropped are counted by the session. */
void kg_streams_get_stats(const struct kg_streams *s, struct kg_streams_stats *stats);

/* ---- of each message ---- */

bool kg_mux_stream_send(struct kg_mux_stream *ms, struct kg_buf *chain, uint64_t now_us);
uint32_t kg_mux_stream_room(const struct kg_mux_stream *ms);
bool kg_mux_stream_peek(struct kg_mux_stream *ms, size_t *bytes, uint64_t now_us);
struct kg_buf *kg_mux_stream_recv(struct kg_mux_stream *ms, uint64_t now_us);

static inline bool kg_stream_send(struct kg_stream *stream, struct kg_buf *chain, uint64_t now_us)
{
	return stream->mux == NULL ? kg_channel_send(stream->channel, chain, now_us)
				   : kg_mux_stream_send(stream->mux, chain, now_us);
}

static inline uint32_t kg_stream_room(const struct kg_stream *stream)
{
	return stream->mux == NULL ? kg_channel_room(stream->channel)
				   : kg_mux_stream_room(stream->mux);
}

/* As kg_channel_hold; what a mux channel's streams hold is counted now and then. */
static inline void kg_stream_hold(struct kg_stream *stream, int32_t more)
{
	if (stream->channel != NULL)
		kg_channel_hold(stream->channel, more);
}

static inline bool kg_stream_peek(struct kg_stream *stream, size_t *bytes, uint64_t now_us)
{
	return stream->mux == NULL ? kg_channel_peek(stream->channel, bytes, now_us)
				   : kg_mux_stream_peek(stream->mux, bytes, now_us);
}

static inline struct kg_buf *kg_stream_recv(struct kg_stream *stream, uint64_t now_us)
{
	return stream->mux == NULL ? kg_channel_recv(stream->channel, now_us)
				   : kg_mux_stream_recv(stream->mux, now_us);
}
