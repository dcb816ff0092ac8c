/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client and a server session on a perfect wire, in virtual time. Hosts note what they are
 * told. The server host connects, refuses or keeps silent as told; both free closed channels
 * unless told to keep them.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fec/rs_isal.h"
#include "pair_wire.h"
#include "test_host.h"

#define PAIR_SEED 0x5eed0004
/* FEC of both ends unless told otherwise: the build makes some tests with it, too. */
#ifndef PAIR_PARITY
#define PAIR_DATA   1
#define PAIR_PARITY 0 /* off */
#endif
#define PAIR_BODY_MAX (PAIR_MTU + KG_FEC_OVERHEAD_BYTES)
#define PAIR_LOG      256
#ifndef PAIR_CHANNELS
#define PAIR_CHANNELS 16
#endif

enum answer {
	ANSWER_CONNECT,
	ANSWER_REFUSE,
	ANSWER_LATER,
};

/* One application's end of a channel. */
struct app {
	struct kg_channel *ch; /* NULL once freed */
	unsigned int opened, readable, finished, closed;
	uint64_t acked;
	unsigned int asked; /* the room may have changed */
	enum kg_close why;
	char text[256];
	char target[KG_TARGET_TEXT_BYTES + 6]; /* "address port" at a server with custom targets */
	char got[8192];                        /* payloads, one after another */
	size_t got_len;
	unsigned int messages;
	bool got_at_close_known;
	size_t got_at_close;
};

struct end {
	struct test_host host;
	struct pair *pair;
	struct kg_session *session;
	struct kg_session_config config;
	uint8_t data, parity; /* of FEC; 0: off */
	struct kg_ip address;
	struct app apps[PAIR_CHANNELS];
	unsigned int app_count;
	unsigned int silences;
	/* host's manners */
	enum answer answer;
	bool keep_closed; /* frees nothing */
	bool slow;        /* reads nothing by itself */
	const char *banner;
	/* wire */
	bool deaf;        /* loses everything sent to it */
	int16_t behind_s; /* its clock, behind the other's */
	bool (*loses)(struct end *end, const struct kg_datagram *datagram); /* NULL: nothing */
	unsigned int lost;
	uint64_t drops[KG_DROP_COUNT];
};

/* A datagram as it went over the wire. */
struct logged {
	struct kg_datagram datagram; /* as the receiver sees it */
	bool to_server;
	uint8_t bytes[PAIR_BODY_MAX];
};

struct pair {
	uint64_t now_us;
	uint64_t hop_us; /* passes before a side's turn to send: the round trip; 0 unless told */
	struct end client, server;
	struct logged log[PAIR_LOG]; /* the latest, in a ring */
	unsigned int logged;
};

/* ---- hosts ---- */

static inline struct app *app_of(struct kg_channel *ch)
{
	struct app *app = kg_channel_user(ch);

	assert_non_null(app);
	assert_ptr_equal(app->ch, ch);
	assert_int_equal(app->closed, 0);
	return app;
}

static inline struct app *app_new(struct end *end, struct kg_channel *ch)
{
	struct app *app = &end->apps[end->app_count++];

	assert_true(end->app_count <= PAIR_CHANNELS);
	app->ch = ch;
	return app;
}

static inline bool app_send(struct end *end, struct app *app, const void *bytes, size_t len)
{
	uint16_t rest = kg_session_rest_bytes(end->session);
	uint16_t first = rest - KG_MESSAGE_KIND_BYTES;
	struct kg_buf *chain = kg_buf_chain_copy(&end->host.pool.pool, bytes, len, first, rest);

	if (chain != NULL && kg_channel_send(app->ch, chain, end->pair->now_us))
		return true;
	kg_buf_free_chain(chain);
	return false;
}

/* These bytes have been read, and nothing else. */
static inline void expect(const struct app *app, const char *bytes)
{
	assert_int_equal(app->got_len, strlen(bytes));
	assert_memory_equal(app->got, bytes, app->got_len);
}

/* At most `messages`; true when there was nothing more. */
static inline bool app_read(struct end *end, struct app *app, unsigned int messages)
{
	while (messages-- > 0) {
		struct kg_channel *ch = app->ch;
		size_t bytes;
		bool any = kg_channel_peek(ch, &bytes, end->pair->now_us);
		struct kg_buf *chain = kg_channel_recv(ch, end->pair->now_us);

		assert_int_equal(chain != NULL, any);
		if (chain == NULL)
			return true;
		assert_int_equal(kg_buf_chain_len(chain), bytes);
		assert_true(app->got_len + kg_buf_chain_len(chain) <= sizeof(app->got));
		app->got_len += kg_buf_chain_gather(chain, app->got + app->got_len);
		app->messages++;
		kg_buf_free_chain(chain);
	}
	return false;
}

static inline void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct end *end = host;
	struct app *app = app_new(end, ch);

	kg_channel_set_user(ch, app);
	assert_int_equal(target != NULL, end->config.custom_targets);
	if (target != NULL)
		snprintf(app->target, sizeof(app->target), "%s %u", target->address, target->port);
	if (end->answer == ANSWER_REFUSE)
		kg_channel_refused(ch, "connection refused", end->pair->now_us);
	if (end->answer != ANSWER_CONNECT)
		return;
	kg_channel_connected(ch, end->pair->now_us);
	if (end->banner != NULL)
		assert_true(app_send(end, app, end->banner, strlen(end->banner)));
}

static inline void on_opened(void *host, struct kg_channel *ch)
{
	app_of(ch)->opened++;
}

static inline void on_readable(void *host, struct kg_channel *ch)
{
	struct end *end = host;
	struct app *app = app_of(ch);

	app->readable++;
	if (!end->slow)
		app_read(end, app, UINT32_MAX);
}

static inline void on_acked(void *host, struct kg_channel *ch, uint32_t segments)
{
	app_of(ch)->acked += segments;
	app_of(ch)->asked += segments == 0;
}

static inline void on_finished(void *host, struct kg_channel *ch)
{
	app_of(ch)->finished++;
}

static inline void on_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	struct end *end = host;
	struct app *app = app_of(ch);

	app->closed++;
	app->why = why;
	app->got_at_close = app->got_len;
	snprintf(app->text, sizeof(app->text), "%s", text);
	if (end->keep_closed)
		return;
	app->ch = NULL;
	kg_channel_free(ch);
}

static inline void on_silent(void *host, const struct kg_ip *server)
{
	struct end *end = host;

	end->silences++;
}

static const struct kg_session_ops pair_ops = {
	.connect = on_connect,
	.opened = on_opened,
	.readable = on_readable,
	.acked = on_acked,
	.finished = on_finished,
	.closed = on_closed,
	.silent = on_silent,
};

/* ---- wire ---- */

static inline enum kg_drop deliver(struct end *to, struct logged *logged)
{
	struct kg_datagram in = logged->datagram;
	uint8_t bytes[PAIR_BODY_MAX];
	enum kg_drop drop;

	/* Input may write to it, and the log keeps what was sent. */
	memcpy(bytes, in.data, in.len);
	in.data = bytes;
	drop = kg_session_input(to->session, &in, to->pair->now_us);
	to->drops[drop]++;
	return drop;
}

/* Sends what `from` has due to `to`; true when there was something. */
static inline bool carry(struct end *from, struct end *to)
{
	struct pair *pair = from->pair;
	bool any = false;

	pair->now_us += pair->hop_us;
	for (;;) {
		struct logged *logged = &pair->log[pair->logged % PAIR_LOG];
		struct kg_datagram out = { .data = logged->bytes };

		if (!kg_session_output(from->session, &out, pair->now_us))
			return any;
		assert_true(out.len > 0 &&
			    out.len <= PAIR_MTU + (from->parity > 0 ? KG_FEC_OVERHEAD_BYTES : 0));
		any = true;
		pair->logged++;
		logged->to_server = to == &pair->server;
		logged->datagram = pair_arrival(&out, &from->address);
		logged->datagram.age_s = from->behind_s;
		if (to->loses != NULL && to->loses(to, &logged->datagram))
			to->lost++;
		else if (!to->deaf)
			deliver(to, logged);
	}
}

static inline void exchange(struct pair *pair)
{
	for (int i = 0; i < 1000; i++) {
		bool sent = carry(&pair->client, &pair->server);

		if (!carry(&pair->server, &pair->client) && !sent)
			return;
	}
	fail_msg("two sessions talk without end");
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

/* The latest datagram but `back`, of those that went to the server, or to the client. */
static inline struct logged *latest(struct pair *pair, bool to_server, unsigned int back)
{
	for (unsigned int i = pair->logged; i > 0 && pair->logged - i < PAIR_LOG; i--) {
		struct logged *logged = &pair->log[(i - 1) % PAIR_LOG];

		if (logged->to_server == to_server && back-- == 0)
			return logged;
	}
	fail_msg("no such datagram");
	return NULL;
}

/* ---- life ---- */

static inline void end_init(struct end *end, struct pair *pair, enum kg_role role)
{
	end->pair = pair;
	test_host_init(&end->host, PAIR_SEED + role, 100000, pair->now_us);
	if (role == KG_ROLE_SERVER)
		end->host.seen = kg_seen_create(&end->host.mem, 1024, 510, 0);
	end->data = PAIR_DATA;
	end->parity = PAIR_PARITY;
	end->address = pair_addresses[role];
	end->config = pair_config(role, 8);
}

/* With FEC there are fillers and parity beside each so many datagrams. */
static inline unsigned int pair_bodies_max(unsigned int datagrams)
{
	return PAIR_PARITY > 0 ? 2 * datagrams * (PAIR_DATA + PAIR_PARITY) / PAIR_DATA : datagrams;
}

/* Change the two configs before pair_start. */
static inline struct pair *pair_new(void)
{
	static struct pair pair;

	pair = (struct pair){ .now_us = SEC(1000) };
	end_init(&pair.client, &pair, KG_ROLE_CLIENT);
	end_init(&pair.server, &pair, KG_ROLE_SERVER);
	return &pair;
}

static inline void end_start(struct end *end)
{
	if (end->parity > 0 && end->config.fec == NULL)
		end->config.fec = kg_fec_create(end->data, end->parity, &kg_rs_isal,
						end->config.bare ? &kg_session_bare_fec_content
								 : &kg_session_fec_content,
						&end->host.mem);
	end->session = test_host_session(&end->host, &end->config, pair_ops, end->pair->now_us);
	assert_non_null(end->session);
}

static inline struct pair *pair_start(struct pair *pair)
{
	end_start(&pair->client);
	end_start(&pair->server);
	return pair;
}

static inline void end_stop(struct end *end)
{
	kg_session_destroy(end->session);
	kg_fec_destroy(end->config.fec);
	assert_true(test_host_fini(&end->host));
}

static inline void pair_stop(struct pair *pair)
{
	end_stop(&pair->client);
	end_stop(&pair->server);
}

/* The application's end at the client; the server's is server.apps of the same number, unless
 * `target` is refused. */
static inline struct app *pair_open_to(struct pair *pair, enum kg_protocol protocol,
				       const struct kg_target *target)
{
	struct app *app = app_new(&pair->client, NULL);

	app->ch = kg_session_open(pair->client.session, protocol, target, app, pair->now_us);
	assert_non_null(app->ch);
	return app;
}

static inline struct app *pair_open(struct pair *pair, enum kg_protocol protocol)
{
	return pair_open_to(pair, protocol, NULL);
}

/* Opened, and the handshake's ports and records are gone. */
static inline struct app *pair_open_quiet(struct pair *pair, enum kg_protocol protocol)
{
	struct app *app = pair_open(pair, protocol);

	run(pair, SEC(20));
	assert_int_equal(app->opened, 1);
	return app;
}

static inline struct kg_session_stats stats_of(const struct end *end)
{
	struct kg_session_stats stats;

	kg_session_get_stats(end->session, &stats);
	return stats;
}

static inline struct kg_channel_info info_of(const struct end *end, const struct app *app)
{
	struct kg_channel_info info;

	kg_channel_get_info(app->ch, &info, end->pair->now_us);
	return info;
}
