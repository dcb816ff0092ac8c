/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client and a server with mux channels between them, on a perfect wire in virtual time. A host
 * keeps a log of each stream; it reads what comes unless told to be slow, and frees closed streams.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mux/internal.h"
#include "pair_wire.h"
#include "test_host.h"

#define MUX_SEED     0x5eed0010
#define MUX_BODY_MAX 2048
#ifndef MUX_APPS /* of each end, and what each may read */
#define MUX_APPS      16
#define MUX_GOT_BYTES (1u << 20)
#endif

struct app {
	struct kg_stream stream;
	bool there;  /* not freed */
	bool stands; /* reads nothing by itself */
	enum kg_protocol protocol;
	unsigned int opened, readable, finished, closed;
	uint64_t acked;
	enum kg_close why;
	char got[MUX_GOT_BYTES];
	size_t got_len;
	unsigned int messages;
	char target[64];
};

struct end {
	struct test_host host;
	struct pair *pair;
	struct kg_streams *streams;
	struct kg_streams_config config;
	struct kg_ip address;
	struct app apps[MUX_APPS];
	unsigned int app_count;
	unsigned int mux_closes;
	enum kg_close mux_why;
	bool late;      /* connects nothing by itself */
	bool slow;      /* reads nothing by itself */
	bool no_memory; /* accepts nothing */
	bool deaf;      /* loses everything sent to it */
	bool dials;     /* keeps what was closed: its dialling is not over */
};

struct pair {
	uint64_t now_us;
	struct end client, server;
};

/* ---- hosts ---- */

static inline struct app *app_of(struct kg_stream *stream)
{
	struct app *app = KG_CONTAINER_OF(stream, struct app, stream);

	assert_true(app->there);
	assert_int_equal(app->closed, 0);
	return app;
}

static inline struct app *app_new(struct end *end)
{
	struct app *app = &end->apps[end->app_count++];

	assert_true(end->app_count <= MUX_APPS);
	memset(app, 0, sizeof(*app));
	app->there = true;
	return app;
}

/* At most `messages`; true when there was nothing more. */
static inline bool app_read(struct end *end, struct app *app, unsigned int messages)
{
	while (messages-- > 0) {
		size_t bytes;
		bool any = app->there && kg_stream_peek(&app->stream, &bytes, end->pair->now_us);
		struct kg_buf *chain;

		if (!any)
			return true;
		chain = kg_stream_recv(&app->stream, end->pair->now_us);
		assert_non_null(chain);
		assert_int_equal(kg_buf_chain_len(chain), bytes);
		assert_true(app->got_len + bytes <= sizeof(app->got));
		app->got_len += kg_buf_chain_gather(chain, app->got + app->got_len);
		app->messages++;
		kg_buf_free_chain(chain);
	}
	return false;
}

static inline struct kg_stream *on_accept(void *host, enum kg_protocol protocol,
					  const struct kg_target *target)
{
	struct end *end = host;
	struct app *app;

	if (end->no_memory)
		return NULL;
	app = app_new(end);
	app->protocol = protocol;
	if (target != NULL)
		snprintf(app->target, sizeof(app->target), "%s:%u", target->address, target->port);
	return &app->stream;
}

static inline void on_opened(void *host, struct kg_stream *stream)
{
	app_of(stream)->opened++;
}

static inline void on_readable(void *host, struct kg_stream *stream)
{
	struct end *end = host;
	struct app *app = app_of(stream);

	app->readable++;
	if (!end->slow && !app->stands)
		app_read(end, app, UINT32_MAX);
}

static inline void on_acked(void *host, struct kg_stream *stream, uint32_t segments)
{
	app_of(stream)->acked += segments;
}

static inline void on_finished(void *host, struct kg_stream *stream)
{
	app_of(stream)->finished++;
}

static inline void on_closed(void *host, struct kg_stream *stream, enum kg_close why,
			     const char *text)
{
	struct app *app = app_of(stream);
	const struct end *end = host;

	app->closed++;
	app->why = why;
	app->there = false;
	if (!end->dials)
		kg_stream_free(stream);
}

static inline void on_mux_closed(void *host, const struct kg_channel_info *info, enum kg_close why,
				 const char *text, uint32_t count)
{
	struct end *end = host;

	assert_int_equal(info->protocol, KG_PROTOCOL_MUX);
	end->mux_closes++;
	end->mux_why = why;
}

static const struct kg_stream_ops mux_ops = {
	.accept = on_accept,
	.opened = on_opened,
	.readable = on_readable,
	.acked = on_acked,
	.finished = on_finished,
	.closed = on_closed,
	.mux_closed = on_mux_closed,
};

/* ---- what applications do ---- */

static inline bool app_send(struct end *end, struct app *app, const void *bytes, size_t len)
{
	struct kg_buf *chain = kg_buf_chain_copy_for(
		&end->host.pool.pool, bytes, len, kg_streams_first_bytes(end->streams),
		kg_streams_rest_bytes(end->streams), KG_BUF_FIRST);

	if (chain != NULL && kg_stream_send(&app->stream, chain, end->pair->now_us))
		return true;
	kg_buf_free_chain(chain);
	return false;
}

static inline void app_finish(struct end *end, struct app *app)
{
	kg_stream_finish(&app->stream, end->pair->now_us);
}

static inline void app_abort(struct end *end, struct app *app)
{
	kg_stream_abort(&app->stream, end->pair->now_us);
}

static inline void expect(const struct app *app, const char *bytes)
{
	assert_int_equal(app->got_len, strlen(bytes));
	assert_memory_equal(app->got, bytes, app->got_len);
}

/* ---- wire ---- */

/* So many datagrams at most. */
static inline bool carry_some(struct end *from, struct end *to, unsigned int most)
{
	uint8_t bytes[MUX_BODY_MAX];
	struct kg_datagram out = { .data = bytes };
	bool any = false;

	while (most-- > 0 &&
	       kg_session_output(kg_streams_session(from->streams), &out, from->pair->now_us)) {
		struct kg_datagram in = pair_arrival(&out, &from->address);

		any = true;
		if (!to->deaf)
			kg_session_input(kg_streams_session(to->streams), &in, to->pair->now_us);
	}
	return any;
}

static inline bool carry(struct end *from, struct end *to)
{
	return carry_some(from, to, UINT32_MAX);
}

/* A server accepts in one call and connects in another. */
static inline void connect_new(struct end *end)
{
	for (unsigned int i = 0; !end->late && i < end->app_count; i++) {
		struct app *app = &end->apps[i];

		if (!app->there || app->opened > 0)
			continue;
		app->opened++;
		kg_stream_connected(&app->stream, end->pair->now_us);
	}
}

static inline void exchange(struct pair *pair)
{
	for (int i = 0; i < 10000; i++) {
		bool sent = carry(&pair->client, &pair->server);

		connect_new(&pair->server);
		if (!carry(&pair->server, &pair->client) && !sent)
			return;
	}
	fail_msg("they talk without end");
}

static inline void run(struct pair *pair, uint64_t us)
{
	uint64_t end_us = pair->now_us + us;

	exchange(pair);
	while (pair->now_us < end_us) {
		pair_pass(&pair->now_us, end_us, pair->client.host.wheel, pair->server.host.wheel);
		exchange(pair);
	}
}

/* ---- life ---- */

static inline void end_init(struct end *end, struct pair *pair, enum kg_role role)
{
	end->pair = pair;
	test_host_init(&end->host, MUX_SEED + role, 100000, pair->now_us);
	if (role == KG_ROLE_SERVER)
		end->host.seen = kg_seen_create(&end->host.mem, 1024, 510, 0);
	end->address = pair_addresses[role];
	end->config.session = pair_config(role, MUX_APPS);
	end->config.session.capabilities =
		KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_MUX | KG_CAPABILITY_MUX_RETURN;
	end->config.session.answer_wait_s = 10;
	end->config.mux_channels = role == KG_ROLE_CLIENT ? 1 : 0;
}

static inline struct pair *pair_new_at(uint64_t now_us)
{
	static struct pair pair;

	memset(&pair, 0, sizeof(pair));
	pair.now_us = now_us;
	end_init(&pair.client, &pair, KG_ROLE_CLIENT);
	end_init(&pair.server, &pair, KG_ROLE_SERVER);
	return &pair;
}

/* Change the two configs before pair_start. */
static inline struct pair *pair_new(void)
{
	return pair_new_at(SEC(1000));
}

static inline void end_start(struct end *end)
{
	end->streams = test_host_streams(&end->host, &end->config, mux_ops, end->pair->now_us);
	assert_non_null(end->streams);
}

static inline struct pair *pair_start(struct pair *pair)
{
	end_start(&pair->client);
	end_start(&pair->server);
	return pair;
}

/* Towards an original: neither end has more words than it. */
static inline void pair_as_original(struct pair *pair)
{
	pair->client.config.session.capabilities = 0;
	pair->server.config.session.capabilities = 0;
}

static inline void end_stop(struct end *end)
{
	kg_streams_destroy(end->streams);
	assert_true(test_host_fini(&end->host));
}

static inline void pair_stop(struct pair *pair)
{
	end_stop(&pair->client);
	end_stop(&pair->server);
}

static inline struct app *pair_open_to(struct pair *pair, enum kg_protocol protocol,
				       const struct kg_target *target)
{
	struct end *end = &pair->client;
	struct app *app = app_new(end);

	assert_true(kg_streams_open(end->streams, &app->stream, protocol, target, pair->now_us));
	return app;
}

static inline struct app *pair_open(struct pair *pair, enum kg_protocol protocol)
{
	return pair_open_to(pair, protocol, NULL);
}

static inline struct kg_streams_stats stats_of(const struct end *end)
{
	struct kg_streams_stats stats;

	kg_streams_get_stats(end->streams, &stats);
	return stats;
}

static inline uint64_t messages_dropped_of(const struct end *end)
{
	struct kg_session_stats stats;

	kg_session_get_stats(kg_streams_session(end->streams), &stats);
	return stats.messages_dropped;
}
