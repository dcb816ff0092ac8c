/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host of streams under a fuzz target: memory, time, local ports, and applications that do what
 * the input says. What the streams may tell it, and when, is checked here.
 */
#pragma once

#include "fuzz.h"
#include "mux/internal.h"
#include "test_host.h"

#define HOST_APPS_MAX   64
#define HOST_PORTS      64
#define HOST_PORT_FIRST 20000
#define HOST_NOW_US     (1000ull * KG_US_PER_S)
#define HOST_ALONE      UINT16_MAX /* of a port's users: one, who shares it with nobody */

struct host_app {
	struct kg_stream stream;
	bool there, closed;
};

struct host {
	struct test_host own;
	struct fuzz_input in;
	uint64_t now_us;
	struct kg_streams *streams;
	struct host_app apps[HOST_APPS_MAX];
	unsigned int app_count;
	uint16_t port_users[HOST_PORTS];
	unsigned int port_turn;
};

/* ---- what streams ask of it, and tell it ---- */

static inline struct host_app *host_app_of(struct kg_stream *stream)
{
	struct host_app *app = KG_CONTAINER_OF(stream, struct host_app, stream);

	FUZZ_CHECK(app->there && !app->closed);
	return app;
}

static inline struct host_app *host_app_new(struct host *host)
{
	struct host_app *app = &host->apps[0];

	while (app < &host->apps[host->app_count] && app->there)
		app++;
	if (app == &host->apps[HOST_APPS_MAX])
		return NULL;
	if (app == &host->apps[host->app_count])
		host->app_count++;
	*app = (struct host_app){ .there = true };
	return app;
}

/* The next that nobody has; shared ones may have users already. */
static inline uint16_t host_port_acquire(void *host, const struct kg_endpoint *remote, bool alone)
{
	struct host *h = host;

	for (unsigned int i = 0; i < HOST_PORTS; i++) {
		unsigned int nth = h->port_turn++ % HOST_PORTS;
		uint16_t *users = &h->port_users[nth];

		if (*users > 0 && (alone || *users == HOST_ALONE))
			continue;
		*users = alone ? HOST_ALONE : *users + 1;
		return (uint16_t)(HOST_PORT_FIRST + nth);
	}
	return 0;
}

/* Who has it alone has company from now on. */
static inline void host_port_share(void *host, uint16_t port)
{
	struct host *h = host;
	uint16_t *users = &h->port_users[port - HOST_PORT_FIRST];

	FUZZ_CHECK(*users == HOST_ALONE);
	*users = 1;
}

static inline void host_port_release(void *host, uint16_t port)
{
	uint16_t *users = &((struct host *)host)->port_users[(port - HOST_PORT_FIRST) % HOST_PORTS];

	FUZZ_CHECK(port >= HOST_PORT_FIRST && port<HOST_PORT_FIRST + HOST_PORTS && * users> 0);
	*users = *users == HOST_ALONE ? 0 : *users - 1;
}

static inline struct kg_stream *host_accept(void *host, enum kg_protocol protocol,
					    const struct kg_target *target)
{
	struct host *h = host;
	struct host_app *app = host_app_new(h);

	FUZZ_CHECK(protocol == KG_PROTOCOL_TCP || protocol == KG_PROTOCOL_UDP);
	FUZZ_CHECK((target != NULL) == h->streams->config.session.custom_targets);
	FUZZ_CHECK(target == NULL || (strlen(target->address) > 0 && target->port != 0));
	return app != NULL ? &app->stream : NULL;
}

static inline void host_note(void *host, struct kg_stream *stream)
{
	host_app_of(stream);
}

static inline void host_readable(void *host, struct kg_stream *stream)
{
	size_t bytes;

	host_app_of(stream);
	FUZZ_CHECK(kg_stream_peek(stream, &bytes, ((struct host *)host)->now_us));
}

static inline void host_acked(void *host, struct kg_stream *stream, uint32_t segments)
{
	host_app_of(stream);
}

/* The text is fit for a log. */
static inline void host_closed(void *host, struct kg_stream *stream, enum kg_close why,
			       const char *text)
{
	host_app_of(stream)->closed = true;
	FUZZ_CHECK(*kg_close_name(why) != '\0' && strlen(text) <= KG_MESSAGE_TEXT_MAX_BYTES);
	for (const char *c = text; *c != '\0'; c++)
		FUZZ_CHECK(*c >= ' ' && *c <= '~');
}

static const struct kg_stream_ops host_ops = {
	.port_acquire = host_port_acquire,
	.port_release = host_port_release,
	.port_share = host_port_share,
	.accept = host_accept,
	.opened = host_note,
	.readable = host_readable,
	.acked = host_acked,
	.finished = host_note,
	.closed = host_closed,
};

/* ---- what applications do ---- */

static inline void host_let_go(struct host_app *app)
{
	if (!app->there || !app->closed)
		return;
	app->there = false;
	kg_stream_free(&app->stream);
}

static inline void host_open(struct host *host, bool udp, const struct kg_target *target)
{
	struct host_app *app = host_app_new(host);

	if (app != NULL)
		app->there = kg_streams_open(host->streams, &app->stream,
					     udp ? KG_PROTOCOL_UDP : KG_PROTOCOL_TCP, target,
					     host->now_us);
}

static inline void host_send(struct host *host, struct host_app *app)
{
	static const uint8_t zeros[1000];
	struct kg_buf *chain = kg_buf_chain_copy(
		&host->own.pool.pool, zeros, fuzz_take(&host->in, 2) % sizeof(zeros),
		kg_streams_first_bytes(host->streams), kg_streams_rest_bytes(host->streams));

	if (chain != NULL && !kg_stream_send(&app->stream, chain, host->now_us))
		kg_buf_free_chain(chain);
}

/* A byte: which deed, of which application. */
static inline void host_deed(struct host *host)
{
	static const struct kg_target target = { 80, "host.name" };
	bool client = host->streams->config.session.role == KG_ROLE_CLIENT;
	uint32_t what = fuzz_take(&host->in, 1);
	struct host_app *app = &host->apps[(what >> 3) % KG_MAX(host->app_count, 1u)];

	if (what % 8 == 0 && client) {
		host_open(host, what & 8, what & 16 ? &target : NULL);
		return;
	}
	if (!app->there)
		return;
	switch (what % 8) {
	case 1:
		kg_stream_connected(&app->stream, host->now_us);
		break;
	case 2:
		kg_stream_refused(&app->stream, "no", host->now_us);
		break;
	case 3:
		kg_stream_finish(&app->stream, host->now_us);
		break;
	case 4:
		kg_stream_abort(&app->stream, host->now_us);
		break;
	case 5:
		host_send(host, app);
		break;
	case 6:
		kg_buf_free_chain(kg_stream_recv(&app->stream, host->now_us));
		break;
	default:
		host_let_go(app);
	}
}

/* What can be seen of a stream agrees; true when its end has not been told. */
static inline bool host_is_open(const struct host *host, const struct host_app *app)
{
	struct kg_channel_info info;

	if (!app->there)
		return false;
	kg_stream_get_info(&app->stream, &info, host->now_us);
	FUZZ_CHECK(info.protocol == kg_stream_protocol(&app->stream));
	FUZZ_CHECK(info.age_us <= host->now_us - HOST_NOW_US);
	FUZZ_CHECK(kg_stream_room(&app->stream) <= UINT16_MAX * 2u);
	return !app->closed;
}

/* To be called after each step. */
static inline void host_check(const struct host *host)
{
	unsigned int open = 0;

	for (unsigned int i = 0; i < host->app_count; i++)
		open += host_is_open(host, &host->apps[i]);
	FUZZ_CHECK(kg_streams_count(host->streams) == open);
	FUZZ_CHECK(kg_twheel_next_us(host->own.wheel) >= host->now_us);
}

/* ---- life ---- */

static inline void host_init(struct host *host, const uint8_t *data, size_t len)
{
	*host = (struct host){ .in = { data, len }, .now_us = HOST_NOW_US };
	test_host_init(&host->own, len > 0 ? data[0] : 0, SIZE_MAX, host->now_us);
}

static inline void host_start(struct host *host, const struct kg_streams_config *config)
{
	host->streams = test_host_streams(&host->own, config, host_ops, host->now_us);
	FUZZ_CHECK(host->streams != NULL);
}

/* All that was taken is given back. */
static inline void host_fini(struct host *host)
{
	FUZZ_CHECK(test_host_fini(&host->own));
	for (unsigned int i = 0; i < HOST_PORTS; i++)
		FUZZ_CHECK(host->port_users[i] == 0);
}
