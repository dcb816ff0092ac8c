/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that say where the server shall connect to. */
#include "session_pair.h"

static struct pair *pair_custom(void)
{
	struct pair *pair = pair_new();

	pair->server.config.custom_targets = true;
	return pair_start(pair);
}

static void each_channel_has_its_target(void **state)
{
	struct kg_target targets[] = { { 8000, "198.18.0.7" },
				       { 53, "fd00:18::1" },
				       { 443, "n.x" } };
	static const char *const named[] = { "198.18.0.7 8000", "fd00:18::1 53", "n.x 443" };
	struct pair *pair = pair_custom();

	for (size_t i = 0; i < KG_ARRAY_SIZE(targets); i++) {
		struct app *client =
			pair_open_to(pair, i % 2 ? KG_PROTOCOL_UDP : KG_PROTOCOL_TCP, &targets[i]);

		run(pair, SEC(1));
		assert_int_equal(client->opened, 1);
		assert_string_equal(pair->server.apps[i].target, named[i]);
		assert_true(app_send(&pair->client, client, named[i], strlen(named[i])));
		exchange(pair);
		expect(&pair->server.apps[i], named[i]);
	}
	pair_stop(pair);
}

static void the_longest_name_arrives(void **state)
{
	char name[KG_TARGET_TEXT_BYTES] = "";
	struct kg_target target = { 65535, name };
	struct pair *pair = pair_custom();
	char expected[sizeof(name) + 6];

	memset(name, 'n', sizeof(name) - 1);
	snprintf(expected, sizeof(expected), "%s 65535", name);
	pair_open_to(pair, KG_PROTOCOL_TCP, &target);
	run(pair, SEC(1));
	assert_string_equal(pair->server.apps[0].target, expected);
	pair_stop(pair);
}

static void a_server_without_a_target_refuses(void **state)
{
	struct pair *pair = pair_custom();
	struct app *client = pair_open(pair, KG_PROTOCOL_TCP);

	run(pair, SEC(1));
	assert_int_equal(client->closed, 1);
	assert_int_equal(client->why, KG_CLOSE_REFUSED);
	assert_string_equal(client->text,
			    "no target is named, and this server has none of its own");
	assert_int_equal(pair->server.app_count, 0);
	assert_int_equal(stats_of(&pair->server).channels_opened, 0);
	assert_int_equal(stats_of(&pair->server).handshakes_failed, 1);
	pair_stop(pair);
}

static void a_malformed_target_is_refused(void **state)
{
	struct kg_target target = { 80, "a\tb" };
	struct pair *pair = pair_custom();
	struct app *client = pair_open_to(pair, KG_PROTOCOL_UDP, &target);

	run(pair, SEC(1));
	assert_int_equal(client->why, KG_CLOSE_REFUSED);
	assert_string_equal(client->text, "the target's address is no text");
	assert_int_equal(pair->server.app_count, 0);
	pair_stop(pair);
}

/* As the original does. */
static void a_server_with_its_own_target_ignores_others(void **state)
{
	struct kg_target target = { 0, "a\tb" };
	struct pair *pair = pair_start(pair_new());
	struct app *client = pair_open_to(pair, KG_PROTOCOL_TCP, &target);

	run(pair, SEC(1));
	assert_int_equal(client->opened, 1);
	assert_string_equal(pair->server.apps[0].target, "");
	pair_stop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_channel_has_its_target),
		cmocka_unit_test(the_longest_name_arrives),
		cmocka_unit_test(a_server_without_a_target_refuses),
		cmocka_unit_test(a_malformed_target_is_refused),
		cmocka_unit_test(a_server_with_its_own_target_ignores_others),
	};

	return cmocka_run_group_tests_name("session_custom", tests, NULL, NULL);
}
