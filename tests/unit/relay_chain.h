/* SPDX-License-Identifier: BSD-3-Clause */
/* A client, a relay and a server on perfect wires, in virtual time; hosts note what they hear. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pair_wire.h"
#include "relay/relay.h"
#include "test_host.h"

#define ALL                                                                          \
	(KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_MUX | KG_CAPABILITY_RIGHT_PARITY | \
	 KG_CAPABILITY_MUX_RETURN)
#define NARROW 100 /* kcp_mtu of the second leg, where a test says so */
#define LONG   10000

/* An application's end of the one channel. */
struct app {
	struct kg_channel *ch;
	unsigned int finished, closed;
	bool slow; /* reads nothing by itself */
	enum kg_close why;
	char text[64], target[KG_TARGET_SHOWN_BYTES];
	uint8_t got[LONG];
	size_t got_len;
	unsigned int messages;
};

/* The client's side of a leg, or the server's. */
struct end {
	struct kg_session *session;
	struct kg_session_config config;
	struct kg_ip address;
	bool deaf;
};

struct chain {
	struct test_host host; /* of all: first, as it is the sessions' host */
	struct kg_relay *relay;
	struct end ends[2][2]; /* leg, role */
	struct app apps[2];    /* by role */
	uint64_t now_us;
	bool refuses;
};

/* ---- hosts ---- */

static inline void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct chain *chain = host;
	struct app *app = &chain->apps[KG_ROLE_SERVER];

	if (target != NULL)
		kg_target_text(target, app->target);
	if (chain->refuses) {
		kg_channel_refused(ch, "nobody there", chain->now_us);
		return;
	}
	app->ch = ch;
	kg_channel_set_user(ch, app);
	kg_channel_connected(ch, chain->now_us);
}

static inline void read_all(struct chain *chain, struct app *app)
{
	struct kg_channel *ch = app->ch;
	struct kg_buf *message;

	while ((message = kg_channel_recv(ch, chain->now_us)) != NULL) {
		assert_true(app->got_len + kg_buf_chain_len(message) <= sizeof(app->got));
		app->got_len += kg_buf_chain_gather(message, app->got + app->got_len);
		app->messages++;
		kg_buf_free_chain(message);
	}
}

static inline void on_readable(void *host, struct kg_channel *ch)
{
	struct app *app = kg_channel_user(ch);

	if (!app->slow)
		read_all(host, app);
}

static inline void on_finished(void *host, struct kg_channel *ch)
{
	struct app *app = kg_channel_user(ch);

	app->finished++;
}

static inline void on_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	struct app *app = kg_channel_user(ch);

	kg_channel_free(ch);
	if (app == NULL)
		return;
	app->ch = NULL;
	app->closed++;
	app->why = why;
	snprintf(app->text, sizeof(app->text), "%s", text);
}

static inline void on_relay_connect(void *host, struct kg_channel *ch,
				    const struct kg_target *target)
{
	kg_relay_accept(((struct chain *)host)->relay, ch, target);
}

static const struct kg_session_ops app_ops = {
	.connect = on_connect,
	.readable = on_readable,
	.finished = on_finished,
	.closed = on_closed,
};
static const struct kg_session_ops relay_ops = { .connect = on_relay_connect,
						 KG_RELAY_OPS,
						 .closed = kg_relay_closed };

/* ---- wires ---- */

static inline bool carry(struct chain *chain, struct end *from, struct end *to)
{
	uint8_t body[PAIR_MTU];
	struct kg_datagram out = { .data = body }, in;
	bool any = false;

	while (kg_session_output(from->session, &out, chain->now_us)) {
		in = pair_arrival(&out, &from->address);
		if (!to->deaf && !from->deaf)
			kg_session_input(to->session, &in, chain->now_us);
		any = true;
	}
	return any;
}

static inline void exchange(struct chain *chain)
{
	bool any = true;

	for (int i = 0; any; i++) {
		any = false;
		for (int leg = 0; leg < 2; leg++) {
			any |= carry(chain, &chain->ends[leg][0], &chain->ends[leg][1]);
			any |= carry(chain, &chain->ends[leg][1], &chain->ends[leg][0]);
		}
		assert_true(i < 1000);
	}
}

static inline void run(struct chain *chain, uint64_t us)
{
	uint64_t end_us = chain->now_us + us;

	exchange(chain);
	while (chain->now_us < end_us) {
		pair_pass(&chain->now_us, end_us, chain->host.wheel, chain->host.wheel);
		exchange(chain);
	}
}

/* ---- life ---- */

static inline struct chain *chain_new(void)
{
	static struct chain chain;

	chain = (struct chain){ .now_us = SEC(1000) };
	test_host_init(&chain.host, 0x5eed0012, 100000, chain.now_us);
	chain.host.seen = kg_seen_create(&chain.host.mem, 1024, 510, 0);
	for (int leg = 0; leg < 2; leg++) {
		for (int role = 0; role < 2; role++) {
			struct end *end = &chain.ends[leg][role];

			end->address = pair_addresses[role];
			end->config = pair_config(role, 8);
			end->config.capabilities = ALL;
		}
	}
	chain.ends[0][KG_ROLE_SERVER].config.passed_targets = true;
	return &chain;
}

static inline void start_end(struct chain *chain, struct end *end, bool relayed)
{
	end->session = test_host_session(&chain->host, &end->config, relayed ? relay_ops : app_ops,
					 chain->now_us);
	assert_non_null(end->session);
}

static inline void chain_start(struct chain *chain)
{
	const struct kg_supplies supplies = test_host_supplies(&chain->host);

	chain->relay = kg_relay_create(&supplies);
	for (int leg = 0; leg < 2; leg++) {
		for (int role = 0; role < 2; role++)
			start_end(chain, &chain->ends[leg][role], role != leg);
	}
	kg_relay_set_forwarder(chain->relay, chain->ends[1][KG_ROLE_CLIENT].session);
}

static inline void chain_stop(struct chain *chain)
{
	for (int leg = 0; leg < 2; leg++) {
		for (int role = 0; role < 2; role++)
			kg_session_destroy(chain->ends[leg][role].session);
	}
	kg_relay_destroy(chain->relay);
	assert_true(test_host_fini(&chain->host));
}

static inline void open_to(struct chain *chain, enum kg_protocol protocol,
			   const struct kg_target *target)
{
	struct app *app = &chain->apps[KG_ROLE_CLIENT];

	app->ch = kg_session_open(chain->ends[0][KG_ROLE_CLIENT].session, protocol, target, app,
				  chain->now_us);
	assert_non_null(app->ch);
	run(chain, SEC(1));
}

static inline struct chain *chain_open(struct chain *chain, enum kg_protocol protocol)
{
	chain_start(chain);
	open_to(chain, protocol, NULL);
	assert_non_null(chain->apps[KG_ROLE_SERVER].ch);
	return chain;
}

static inline void say(struct chain *chain, int role, size_t len)
{
	struct app *app = &chain->apps[role];
	uint16_t rest = kg_session_rest_bytes(kg_channel_session(app->ch));
	uint8_t bytes[2 * LONG];
	struct kg_buf *message;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 31 + (i >> 8) * 7);
	message = kg_buf_chain_copy(&chain->host.pool.pool, bytes, len, rest - 1, rest);
	assert_true(kg_channel_send(app->ch, message, chain->now_us));
}

static inline void expect(const struct app *app, size_t len, unsigned int messages)
{
	assert_int_equal(app->got_len, len);
	assert_int_equal(app->messages, messages);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(app->got[i], (uint8_t)(i * 31 + (i >> 8) * 7));
}

static inline uint64_t dropped_by(const struct chain *chain)
{
	struct kg_session_stats stats;

	kg_session_get_stats(chain->ends[1][KG_ROLE_CLIENT].session, &stats);
	return stats.messages_dropped;
}
