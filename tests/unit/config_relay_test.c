/* SPDX-License-Identifier: BSD-3-Clause */
/* A relay: two legs of one tunnel, each with what it has itself, or else the relay. */
#include "config_fixture.h"

#define FIXTURE_RELAY                                                    \
	"{'name': 'home', 'mode': 'relay', 'kcp': 'fast3', 'mtu': 1400," \
	" 'listener': {'listen_port': '3000-3010'},"                     \
	" 'forwarder': {'destination_address': '198.18.0.1', 'destination_port': 4000}}"

static void a_relay_is_two_tunnels(void **state)
{
	struct fixture f;
	const struct kg_tunnel_config *listener, *forwarder;

	load_tunnel(&f, FIXTURE_RELAY, "{}");
	expect_good(&f);
	assert_int_equal(f.config.tunnel_count, 2);
	listener = &f.config.tunnels[0];
	forwarder = &f.config.tunnels[1];
	assert_string_equal(listener->name, "home.listener");
	assert_string_equal(forwarder->name, "home.forwarder");
	assert_ptr_equal(listener->other_leg, forwarder);
	assert_ptr_equal(forwarder->other_leg, listener);
	assert_int_equal(listener->app.kind, KG_APP_RELAYS);
	assert_int_equal(forwarder->app.kind, KG_APP_RELAYS);
	assert_int_equal(listener->wire.role, KG_ROLE_SERVER);
	assert_int_equal(listener->wire.ports[0].last, 3010);
	assert_int_equal(forwarder->wire.role, KG_ROLE_CLIENT);
	assert_int_equal(forwarder->wire.peer_count, 1);
	assert_int_equal(forwarder->wire.peer_ports[0].first, 4000);
	assert_int_equal(listener->app.listener_count + forwarder->app.listener_count, 0);
	unload(&f);
}

static void legs_inherit_what_they_do_not_say(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_RELAY,
		    "{'encryption_algorithm': 'AES-GCM', 'encryption_password': 'a', 'fec': '10:2',"
		    " 'listener': {'listen_port': 3000, 'encryption_algorithm': 'chacha20',"
		    "              'mtu': 1280},"
		    " 'forwarder': {'destination_address': '198.18.0.1', 'destination_port': 4000,"
		    "               'encryption_password': 'b', 'fec': ''}}");
	expect_good(&f);

	const struct kg_wire_end *listener = &f.config.tunnels[0].wire;
	const struct kg_wire_end *forwarder = &f.config.tunnels[1].wire;

	assert_string_equal(listener->encryption_algorithm, "chacha20");
	assert_string_equal(listener->encryption_password, "a");
	assert_string_equal(forwarder->encryption_algorithm, "AES-GCM");
	assert_string_equal(forwarder->encryption_password, "b");
	assert_int_equal(listener->mtu, 1280);
	assert_int_equal(forwarder->mtu, 1400);
	assert_int_equal(listener->fec.parity, 2);
	assert_int_equal(forwarder->fec.parity, 2); /* an empty text is not given */
	assert_string_equal(forwarder->kcp_preset, "fast3");
	unload(&f);
}

static void a_relay_without_a_name_has_one(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_RELAY, "{'name': null}");
	expect_good(&f);
	assert_string_equal(f.config.tunnels[0].name, "tunnel0.listener");
	assert_string_equal(f.config.tunnels[1].name, "tunnel0.forwarder");
	unload(&f);
}

static void keys_have_their_objects(void **state)
{
	static const struct bad bad[] = {
		{ "{'listen_port': 3000}", "listen_port", "it belongs to the listener" },
		{ "{'dport_refresh': 3}", "dport_refresh", "it belongs to the forwarder" },
		{ "{'mux_tunnels': 3}", "mux_tunnels", "without effect on a relay" },
		{ "{'spread': 3}", "spread", "it belongs to the forwarder" },
		{ "{'listener': {'listen_port': 3000, 'name': 'x'}}", "listener.name",
		  "it belongs to the relay itself" },
		{ "{'listener': {'listen_port': 3000, 'destination_port': 1}}",
		  "listener.destination_port", "it belongs to the forwarder" },
		{ "{'listener': {'listen_port': 3000, 'mut': 1400}}", "listener.mut",
		  "unknown key; did you mean \"mtu\"?" },
		{ "{'listener': {'listen_port': '{}'}}", "listener.listen_port",
		  "found \"{}\"; allowed on a client" },
		{ "{'listener': 3}", "listener", "found 3; allowed an object" },
		{ "{'listener': {}}", "listener.listen_port", "missing" },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(bad); i++) {
		char place[128];
		struct fixture f;

		load_tunnel(&f, FIXTURE_RELAY, bad[i].changes);
		snprintf(place, sizeof(place), FIXTURE_FILE ": tunnels[0].%s", bad[i].key);
		expect_error(&f, place, bad[i].text);
		unload(&f);
	}
}

/* Both legs come to what is wrong in the relay's own object. */
static void what_is_wrong_is_said_once(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_RELAY, "{'keep_alive': -3}");
	expect_only_error(&f, FIXTURE_FILE ": tunnels[0].keep_alive",
			  "found -3; allowed a whole number, 0 to 65535");
	load_tunnel(&f, FIXTURE_RELAY, "{'encryption_algorithm': 'AES-GCM'}");
	expect_error(&f, FIXTURE_FILE ": tunnels[0].listener.encryption_password",
		     "missing; AES-GCM requires it");
	unload(&f);
}

static void legs_are_for_relays(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_SERVER, "{'listener': {}}");
	expect_only_error(&f, FIXTURE_FILE ": tunnels[0].listener", "allowed with mode \"relay\"");
}

static void a_relay_to_itself_is_noticed(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_RELAY,
		    "{'forwarder': {'destination_address': '198.18.0.2',"
		    "               'destination_port': 3000}}");
	expect_only_error(
		&f, FIXTURE_FILE ": tunnels[0].forwarder.destination_address",
		"found 198.18.0.2, which is this box itself; allowed the server's address");
}

static void ports_are_not_shared_with_others(void **state)
{
	struct fixture f;

	load_tunnels(&f, "[" FIXTURE_RELAY "," FIXTURE_SERVER "]");
	expect_only_error(
		&f, FIXTURE_FILE ": tunnels[1].listen_port",
		"found 3000, where tunnels[0].listener in box.json listens already on the "
		"same address");
}

/* What is printed is a configuration that says the same. */
static void a_relay_is_printed_as_one(void **state)
{
	struct fixture f, again;
	char *text = NULL;
	size_t len;
	FILE *to;

	load_tunnel(&f, FIXTURE_RELAY, "{}");
	to = open_memstream(&text, &len);
	kg_config_print(&f.config, to, true);
	fclose(to);
	kg_config_load_text(&again.config, &again.mistakes, FIXTURE_FILE, text, len);
	expect_good(&again);
	assert_int_equal(again.config.tunnel_count, 2);
	assert_string_equal(again.config.tunnels[0].name, "home.listener");
	assert_int_equal(again.config.tunnels[1].wire.mtu, 1400);
	assert_int_equal(again.config.tunnels[1].wire.peer_ports[0].first, 4000);
	free(text);
	unload(&again);
	unload(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_relay_is_two_tunnels),
		cmocka_unit_test(legs_inherit_what_they_do_not_say),
		cmocka_unit_test(a_relay_without_a_name_has_one),
		cmocka_unit_test(keys_have_their_objects),
		cmocka_unit_test(what_is_wrong_is_said_once),
		cmocka_unit_test(legs_are_for_relays),
		cmocka_unit_test(a_relay_to_itself_is_noticed),
		cmocka_unit_test(ports_are_not_shared_with_others),
		cmocka_unit_test(a_relay_is_printed_as_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
