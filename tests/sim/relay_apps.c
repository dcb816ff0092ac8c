/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Applications at both ends of a chain: what they write and read follows from seed, flow, role and
 * number of the message, so each is checked to the last byte. And what joins the legs between them.
 */
#include "relay.h"

#include <string.h>

#include "base/hash.h"

/* What an end says as its nth message; of a mux channel with the header that it has there. */
static size_t compose(const struct sim *sim, int number, int role, uint32_t nth,
		      uint8_t bytes[MESSAGE_MAX])
{
	const uint64_t name[] = { sim->seed, (uint64_t)number, (uint64_t)role, nth };
	uint64_t chance = kg_hash64(name, sizeof(name), 0);
	size_t head = number == MUX_FLOW ? KG_MESSAGE_MUX_BYTES : 0;
	size_t most = chance % 4 == 0 ? MESSAGE_MAX : 300;
	size_t len = head + (chance >> 8) % (most - head);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(chance + i * 7 + (i >> 8) * 3);
	if (head > 0)
		bytes[0] = kg_message_kind(KG_FEATURE_MUX_TRANSFER, KG_PROTOCOL_TCP);
	return len;
}

static bool say(struct sim *sim, int number, int role)
{
	struct app *app = &sim->flows[number].apps[role];
	struct node *node = &sim->nodes[role == KG_ROLE_SERVER ? sim->legs : 0];
	uint16_t rest = kg_session_rest_bytes(kg_channel_session(app->ch));
	bool mux = number == MUX_FLOW;
	uint8_t bytes[MESSAGE_MAX];
	size_t len = compose(sim, number, role, app->sent, bytes);
	struct kg_buf *chain =
		kg_buf_chain_copy(&node->host.pool.pool, bytes, len,
				  (uint16_t)(rest - !mux * KG_MESSAGE_KIND_BYTES), rest);

	if (mux ? kg_channel_send_message(app->ch, chain, sim->now_us)
		: kg_channel_send(app->ch, chain, sim->now_us)) {
		app->sent++;
		return true;
	}
	kg_buf_free_chain(chain);
	return false;
}

static void hear(struct sim *sim, int number, int role)
{
	struct app *app = &sim->flows[number].apps[role];
	uint8_t bytes[MESSAGE_MAX], expected[MESSAGE_MAX];
	struct kg_buf *chain;

	while (app->ch != NULL && sim->now_us >= app->stands_until_us &&
	       (chain = kg_channel_recv(app->ch, sim->now_us)) != NULL) {
		size_t len = compose(sim, number, !role, app->got, expected);

		check(sim, kg_buf_chain_len(chain) == len);
		kg_buf_chain_gather(chain, bytes);
		kg_buf_free_chain(chain);
		check(sim, memcmp(bytes, expected, len) == 0);
		app->got++;
		totals.messages++;
	}
}

bool half_closes(const struct sim *sim, const struct flow *flow)
{
	return sim->half_close && flow->protocol == KG_PROTOCOL_TCP;
}

/* Who knows half-close ends when it has said all. Else the client does, when it has heard all. */
static void end_some_time(struct sim *sim, int number, int role)
{
	struct flow *flow = &sim->flows[number];
	struct app *app = &flow->apps[role];
	bool all_said = app->sent == app->plan;
	bool all_heard = app->got == flow->apps[!role].plan;

	if (flow->ending == END_ABORT && sim->now_us >= app->abort_us)
		kg_channel_abort(app->ch, sim->now_us);
	else if (all_said && (half_closes(sim, flow) || (role == KG_ROLE_CLIENT && all_heard)))
		kg_channel_finish(app->ch, sim->now_us);
}

void act(struct sim *sim, int number, int role)
{
	struct app *app = &sim->flows[number].apps[role];

	if (app->ch == NULL || sim->now_us < app->next_us)
		return;
	app->next_us = sim->now_us + MSEC(1) + below(sim, 20000);
	hear(sim, number, role);
	while (app->ch != NULL && app->sent < app->plan && kg_channel_room(app->ch) > 0) {
		if (!say(sim, number, role))
			break;
	}
	if (app->ch != NULL)
		end_some_time(sim, number, role);
}

static void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct node *node = host;
	struct sim *sim = node->sim;
	int number = target != NULL ? target->port - 1 : MUX_FLOW;
	struct app *app = &sim->flows[number].apps[KG_ROLE_SERVER];

	check(sim, (kg_channel_protocol(ch) == KG_PROTOCOL_MUX) == (target == NULL));
	check(sim, target == NULL || strcmp(target->address, "behind.relays") == 0);
	if (sim->flows[number].ending == END_REFUSED) {
		kg_channel_refused(ch, REASON, sim->now_us);
		return;
	}
	app->ch = ch;
	app->began = true;
	app->next_us = sim->now_us;
	kg_channel_set_user(ch, app);
	kg_channel_connected(ch, sim->now_us);
}

static void on_readable(void *host, struct kg_channel *ch)
{
	struct app *app = kg_channel_user(ch);

	app->next_us = 0;
}

static void on_finished(void *host, struct kg_channel *ch)
{
	struct app *app = kg_channel_user(ch);

	app->peer_finished = true;
}

static void on_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	struct app *app = kg_channel_user(ch);

	kg_channel_free(ch);
	if (app == NULL)
		return; /* refused */
	app->ch = NULL;
	app->closed = true;
	app->why = why;
	snprintf(app->text, sizeof(app->text), "%s", text);
	totals.closed_by[why]++;
}

const struct kg_session_ops app_ops = {
	.connect = on_connect,
	.readable = on_readable,
	.finished = on_finished,
	.closed = on_closed,
};

static void on_relay_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct node *node = host;

	kg_relay_accept(node->relay, ch, target);
}

const struct kg_session_ops relay_ops = { .connect = on_relay_connect,
					  KG_RELAY_OPS,
					  .closed = kg_relay_closed };
