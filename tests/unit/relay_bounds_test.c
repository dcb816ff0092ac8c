/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that lead nowhere: in a circle of relays, or to a server that does not answer. */
#include "relay_chain.h"

static const struct kg_ip second_client = { .version = 4, .bytes = { 198, 18, 0, 77 } };

/* From a server to whichever of the two clients it is for. */
static bool carry_back(struct chain *chain, struct end *server)
{
	uint8_t body[PAIR_MTU];
	struct kg_datagram out = { .data = body }, in;
	bool any = false;

	while (kg_session_output(server->session, &out, chain->now_us)) {
		int leg = kg_ip_equal(&out.remote.ip, &second_client);

		in = pair_arrival(&out, &server->address);
		kg_session_input(chain->ends[leg][KG_ROLE_CLIENT].session, &in, chain->now_us);
		any = true;
	}
	return any;
}

/* The second leg's server is the relay's own listener. */
static void close_the_circle(struct chain *chain)
{
	bool any = true;

	for (int i = 0; any; i++) {
		any = carry(chain, &chain->ends[0][KG_ROLE_CLIENT],
			    &chain->ends[0][KG_ROLE_SERVER]);
		any |= carry(chain, &chain->ends[1][KG_ROLE_CLIENT],
			     &chain->ends[0][KG_ROLE_SERVER]);
		any |= carry_back(chain, &chain->ends[0][KG_ROLE_SERVER]);
		assert_true(i < 1000);
	}
}

static uint64_t opened_by(const struct kg_session *session)
{
	struct kg_session_stats stats;

	kg_session_get_stats(session, &stats);
	return stats.channels_opened;
}

static void a_circle_ends(void **state)
{
	struct chain *chain = chain_new();
	struct app *app = &chain->apps[KG_ROLE_CLIENT];

	chain->ends[1][KG_ROLE_CLIENT].address = second_client;
	chain->ends[0][KG_ROLE_SERVER].config.channels_max = 32;
	chain->ends[1][KG_ROLE_CLIENT].config.channels_max = 32;
	chain_start(chain);
	app->ch = kg_session_open(chain->ends[0][KG_ROLE_CLIENT].session, KG_PROTOCOL_TCP, NULL,
				  app, chain->now_us);
	for (int i = 0; i < 100; i++) {
		uint64_t end_us = chain->now_us + SEC(1) / 10;

		close_the_circle(chain);
		pair_pass(&chain->now_us, end_us, chain->host.wheel, chain->host.wheel);
	}
	assert_int_equal(app->why, KG_CLOSE_REFUSED);
	assert_non_null(strstr(app->text, "in a circle"));
	assert_int_equal(opened_by(chain->ends[1][KG_ROLE_CLIENT].session), KG_RELAYS_MAX);
	chain_stop(chain);
}

static uint64_t channels_of(const struct end *end)
{
	struct kg_session_stats stats;

	kg_session_get_stats(end->session, &stats);
	return stats.channels;
}

static void requests_that_nobody_answers_expire(void **state)
{
	struct chain *chain = chain_new();
	struct end *listener = &chain->ends[0][KG_ROLE_SERVER];
	struct end *forwarder = &chain->ends[1][KG_ROLE_CLIENT];
	struct end *client = &chain->ends[0][KG_ROLE_CLIENT];
	struct app *app = &chain->apps[KG_ROLE_CLIENT];

	client->config.channels_max = 64;
	chain->ends[1][KG_ROLE_SERVER].deaf = true;
	chain_start(chain);
	for (int i = 0; i < 32; i++)
		assert_non_null(kg_session_open(client->session, KG_PROTOCOL_TCP, NULL,
						i == 0 ? app : NULL, chain->now_us));
	for (int i = 0; i < 40; i++) {
		run(chain, SEC(1));
		assert_true(channels_of(listener) <= listener->config.channels_max);
		assert_true(channels_of(forwarder) <= forwarder->config.channels_max);
	}
	assert_int_equal(channels_of(listener), 0);
	assert_int_equal(channels_of(forwarder), 0);
	assert_int_equal(app->closed, 1);
	chain_stop(chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_circle_ends),
		cmocka_unit_test(requests_that_nobody_answers_expire),
	};

	return cmocka_run_group_tests_name("relay_bounds", tests, NULL, NULL);
}
