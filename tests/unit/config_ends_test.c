/* SPDX-License-Identifier: BSD-3-Clause */
/* The two ends of a tunnel, as they follow from the settings. */
#include "config_fixture.h"

static void expect_range(const struct kg_port_range *range, uint16_t first, uint16_t last)
{
	assert_int_equal(range->first, first);
	assert_int_equal(range->last, last);
}

static void expect_listener(const struct kg_app_listener *listener, const char *at,
			    const struct kg_app_listener *as)
{
	char text[KG_ENDPOINT_TEXT_BYTES] = "any";

	if (listener->at.ip.version != 0)
		kg_endpoint_text(&listener->at, text);
	assert_string_equal(text, at);
	assert_int_equal(listener->at.port, as->at.port);
	assert_int_equal(listener->tcp, as->tcp);
	assert_int_equal(listener->udp, as->udp);
	assert_int_equal(listener->target != NULL, as->target != NULL);
}

static void a_client_asks_and_listens(void **state)
{
	static const struct kg_app_listener both = { .at.port = 6000, .tcp = true, .udp = true };
	struct fixture f;

	load_tunnel(&f, FIXTURE_CLIENT,
		    "{'listen_on': ['127.0.0.1', '::1'], 'destination_port': ['3000-3010', 4000],"
		    " 'destination_address': ['198.18.0.1', 'box.test']}");
	expect_good(&f);

	const struct kg_wire_end *wire = &f.config.tunnels[0].wire;
	const struct kg_app_end *app = &f.config.tunnels[0].app;

	assert_int_equal(wire->role, KG_ROLE_CLIENT);
	assert_int_equal(wire->address_count, 0);
	assert_int_equal(wire->port_count, 1);
	expect_range(&wire->ports[0], 16384, 32767);
	assert_int_equal(wire->peer_count, 2);
	assert_string_equal(wire->peers[1].name, "box.test");
	assert_int_equal(wire->peer_port_count, 2);
	expect_range(&wire->peer_ports[0], 3000, 3010);
	assert_null(wire->peer_record);
	assert_int_equal(app->kind, KG_APP_LISTENS);
	assert_false(kg_app_is_told(app));
	assert_int_equal(app->listener_count, 2);
	expect_listener(&app->listeners[0], "127.0.0.1:6000", &both);
	expect_listener(&app->listeners[1], "[::1]:6000", &both);
	unload(&f);
}

static void a_client_may_listen_on_any_address(void **state)
{
	static const struct kg_app_listener both = { .at.port = 6000, .tcp = true, .udp = true };
	struct fixture f;

	load_tunnel(&f, FIXTURE_CLIENT, "{}");
	expect_good(&f);
	assert_int_equal(f.config.tunnels[0].app.listener_count, 1);
	expect_listener(&f.config.tunnels[0].app.listeners[0], "any", &both);
	unload(&f);
}

static void each_mapping_is_a_listener(void **state)
{
	static const struct kg_target there = { 0 };
	static const struct kg_app_listener tcp = { .at.port = 1, .tcp = true, .target = &there };
	static const struct kg_app_listener udp = { .at.port = 2, .udp = true, .target = &there };
	struct fixture f;

	load_tunnel(&f, FIXTURE_CLIENT,
		    "{'listen_port': '{}', 'custom_input': ["
		    "{'local': ':1', 'remote': 'host.name:8001', 'protocol': 'tcp'},"
		    "{'local': '[::1]:2', 'remote': '[::1]:8002', 'protocol': 'udp'}]}");
	expect_good(&f);

	const struct kg_app_end *app = &f.config.tunnels[0].app;

	assert_int_equal(app->listener_count, 2);
	expect_listener(&app->listeners[0], "any", &tcp);
	assert_string_equal(app->listeners[0].target->address, "host.name");
	expect_listener(&app->listeners[1], "[::1]:2", &udp);
	assert_int_equal(app->listeners[1].target->port, 8002);
	unload(&f);
}

static void a_record_says_where_the_peers_are(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_CLIENT,
		    "{'destination_address': null, 'destination_port': null,"
		    " 'destination_dnstxt': 'box.test'}");
	expect_good(&f);
	assert_string_equal(f.config.tunnels[0].wire.peer_record, "box.test");
	assert_int_equal(f.config.tunnels[0].wire.peer_count, 0);
	unload(&f);
}

static void a_server_answers_and_dials(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_SERVER,
		    "{'listen_on': ['198.18.0.2'], 'listen_port': ['3000-3010', 4000]}");
	expect_good(&f);

	const struct kg_wire_end *wire = &f.config.tunnels[0].wire;
	const struct kg_app_end *app = &f.config.tunnels[0].app;

	assert_int_equal(wire->role, KG_ROLE_SERVER);
	assert_int_equal(wire->address_count, 1);
	assert_int_equal(wire->port_count, 2);
	expect_range(&wire->ports[1], 4000, 4000);
	assert_int_equal(wire->peer_count, 0);
	assert_int_equal(wire->peer_port_count, 0);
	assert_int_equal(app->kind, KG_APP_DIALS);
	assert_int_equal(app->listener_count, 0);
	assert_false(kg_app_is_told(app));
	unload(&f);
}

/* The same whether it is an address or a name. */
static void where_a_server_dials_to_is_a_target(void **state)
{
	static const struct {
		const char *changes, *address;
	} rows[] = {
		{ "{}", "127.0.0.1" },
		{ "{'destination_address': '[fd00::1]'}", "fd00::1" },
		{ "{'destination_address': 'app.test'}", "app.test" },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++) {
		struct fixture f;

		load_tunnel(&f, FIXTURE_SERVER, rows[i].changes);
		expect_good(&f);
		assert_string_equal(f.config.tunnels[0].app.target.address, rows[i].address);
		assert_int_equal(f.config.tunnels[0].app.target.port, 80);
		unload(&f);
	}
}

static void a_server_may_be_told_where_to(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_SERVER,
		    "{'destination_address': null, 'destination_port': '{}',"
		    " 'custom_allow': ['10.0.0.0/8:*']}");
	expect_good(&f);
	assert_true(kg_app_is_told(&f.config.tunnels[0].app));
	assert_int_equal(f.config.tunnels[0].app.allowed_count, 1);
	unload(&f);
}

static void vrfs_are_of_sockets(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_CLIENT, "{'vrf_ingress': 'red'}");
	expect_good(&f);
	assert_string_equal(f.config.tunnels[0].app.vrf_ingress, "red");
	assert_false(f.config.tunnels[0].app.fast_path);
	unload(&f);
	load_tunnel(&f, FIXTURE_SERVER, "{'vrf_egress': 'red'}");
	expect_good(&f);
	assert_string_equal(f.config.tunnels[0].app.vrf_egress, "red");
	assert_false(f.config.tunnels[0].app.fast_path);
	unload(&f);
	load_tunnel(&f, FIXTURE_CLIENT, "{'vrf_egress': 'red'}");
	expect_only_error(&f, FIXTURE_FILE ": tunnels[0].vrf_egress", "allowed on a server");
	load_tunnel(&f, FIXTURE_SERVER, "{'vrf_ingress': 'red'}");
	expect_only_error(&f, FIXTURE_FILE ": tunnels[0].vrf_ingress", "allowed on a client");
	load_tunnel(&f, FIXTURE_SERVER, "{'vrf_egress': 'sixteen.letters.'}");
	assert_int_equal(count_entries(f.mistakes.errors), 1);
	unload(&f);
}

static void load_two_entries(struct fixture *f, const char *vrf, const char *other)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "[{'mode': 'client', 'listen_port': 6000, 'destination_port': 3000,"
		 "  'destination_address': '198.18.0.1'%s},"
		 " {'mode': 'client', 'listen_port': 6000, 'destination_port': 3000,"
		 "  'destination_address': '198.18.0.1'%s}]",
		 vrf, other);
	load_tunnels(f, text);
}

/* One without a VRF is in the way of all. */
static void each_vrf_has_ports_of_its_own(void **state)
{
	static const char *const wrong[] = { ", 'vrf_ingress': 'red'", "" };
	struct fixture f;

	load_two_entries(&f, wrong[0], ", 'vrf_ingress': 'blue'");
	expect_good(&f);
	unload(&f);
	for (size_t i = 0; i < KG_ARRAY_SIZE(wrong); i++) {
		load_two_entries(&f, wrong[0], wrong[i]);
		assert_int_equal(count_entries(f.mistakes.errors), 1);
		unload(&f);
	}
}

static void shares_are_of_one_range_that_is_answered_on(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_SERVER, "{'listen_port': '3000-3002'}");
	assert_true(kg_wire_has_port_shares(&f.config.tunnels[0].wire, 3));
	assert_false(kg_wire_has_port_shares(&f.config.tunnels[0].wire, 1));
	assert_false(kg_wire_has_port_shares(&f.config.tunnels[0].wire, 4));
	unload(&f);
	load_tunnel(&f, FIXTURE_SERVER, "{'listen_port': ['3000-3002', 4000]}");
	assert_false(kg_wire_has_port_shares(&f.config.tunnels[0].wire, 3));
	unload(&f);
	load_tunnel(&f, FIXTURE_CLIENT, "{}");
	assert_false(kg_wire_has_port_shares(&f.config.tunnels[0].wire, 3));
	unload(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_asks_and_listens),
		cmocka_unit_test(a_client_may_listen_on_any_address),
		cmocka_unit_test(each_mapping_is_a_listener),
		cmocka_unit_test(a_record_says_where_the_peers_are),
		cmocka_unit_test(a_server_answers_and_dials),
		cmocka_unit_test(where_a_server_dials_to_is_a_target),
		cmocka_unit_test(a_server_may_be_told_where_to),
		cmocka_unit_test(vrfs_are_of_sockets),
		cmocka_unit_test(each_vrf_has_ports_of_its_own),
		cmocka_unit_test(shares_are_of_one_range_that_is_answered_on),
	};

	return cmocka_run_group_tests_name("config_ends", tests, NULL, NULL);
}
