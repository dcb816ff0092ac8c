/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels of UDP Hop's wire: what follows from it, and what does not go with it. */
#include "config_fixture.h"

#include "config/schema.h"
#include "wire/profile.h"

#define NO_SUCH_THING "allowed with protocol \"kcptube\"; UDP Hop has no such thing"

static void a_tunnel_names_its_wire(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_CLIENT, "{'protocol': 'udphop'}");
	expect_good(&f);
	assert_ptr_equal(f.config.tunnels[0].wire.profile, &kg_profile_udphop);
	assert_int_equal(f.config.tunnels[0].wire.udp_timeout_s, 1800);
	assert_false(f.config.tunnels[0].app.listeners[0].tcp);
	assert_true(f.config.tunnels[0].app.listeners[0].udp);
	unload(&f);
	load_tunnel(&f, FIXTURE_CLIENT, "{}");
	assert_ptr_equal(f.config.tunnels[0].wire.profile, &kg_profile_kcptube);
	assert_int_equal(f.config.tunnels[0].wire.udp_timeout_s, 180);
	unload(&f);
}

/* 0 is as good as nothing, as the original has it. */
static void time_outs_are_its_own(void **state)
{
	static const struct {
		const char *changes;
		uint32_t timeout_s;
	} cases[] = {
		{ "{'protocol': 'udphop', 'udp_timeout': 0}", 1800 },
		{ "{'protocol': 'udphop', 'udp_timeout': 180}", 180 },
		{ "{'protocol': 'udphop', 'udp_timeout': 60}", 60 },
		{ "{'udp_timeout': 0}", 180 },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		struct fixture f;

		load_tunnel(&f, FIXTURE_SERVER, cases[i].changes);
		expect_good(&f);
		assert_int_equal(f.config.tunnels[0].wire.udp_timeout_s, cases[i].timeout_s);
		unload(&f);
	}
}

static void what_needs_kcp_is_refused(void **state)
{
	static const struct bad cases[] = {
		{ "{'protocol': 'udphop', 'kcp': 'fast1'}", "kcp", NO_SUCH_THING },
		{ "{'protocol': 'udphop', 'mux_tunnels': 2}", "mux_tunnels", NO_SUCH_THING },
		{ "{'protocol': 'udphop', 'spread': 2}", "spread", NO_SUCH_THING },
		{ "{'protocol': 'udphop', 'kcp_mtu': 1200}", "kcp_mtu", NO_SUCH_THING },
		{ "{'protocol': 'udphop', 'udp_order': 'arrival'}", "udp_order", NO_SUCH_THING },
		{ "{'protocol': 'udphop', 'udp_deadline': 300}", "udp_deadline", NO_SUCH_THING },
		{ "{'protocol': 'udphop', 'inbound_bandwidth': '1M'}", "inbound_bandwidth",
		  NO_SUCH_THING },
		{ "{'protocol': 'kcp'}", "protocol", "found \"kcp\"; allowed kcptube, udphop" },
	};
	static const struct bad braces[] = {
		{ "{'protocol': 'udphop', 'destination_port': '{}', 'destination_address': null}",
		  "destination_port", "found \"{}\"; allowed with protocol \"kcptube\"" },
	};

	expect_tunnel_errors(FIXTURE_CLIENT, cases, KG_ARRAY_SIZE(cases));
	expect_tunnel_errors(FIXTURE_SERVER, braces, KG_ARRAY_SIZE(braces));
}

static void print_and_load(const struct fixture *f, struct fixture *again)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	kg_config_print(&f->config, to, true);
	fclose(to);
	kg_config_load_text(&again->config, &again->mistakes, "printed", text, bytes);
	expect_good(again);
	for (const struct kg_key *key = kg_schema; key < kg_schema + kg_schema_count; key++) {
		char quoted[64];

		snprintf(quoted, sizeof(quoted), "\"%s\":", key->name);
		if (key->needs_kcp && strstr(text, quoted) != NULL)
			fail_msg("%s is printed", key->name);
	}
	free(text);
}

static void what_is_printed_loads_again(void **state)
{
	struct fixture f, again;

	load_tunnel(&f, FIXTURE_CLIENT, "{'protocol': 'udphop', 'fec': '3:2'}");
	expect_good(&f);
	print_and_load(&f, &again);
	assert_ptr_equal(again.config.tunnels[0].wire.profile, &kg_profile_udphop);
	unload(&again);
	unload(&f);
}

static void both_legs_of_a_relay_have_it(void **state)
{
	struct fixture f, again;

	load_tunnels(&f, "[{'name': 'hop', 'mode': 'relay', 'protocol': 'udphop',"
			 "  'listener': {'listen_port': '3000-3010'},"
			 "  'forwarder': {'destination_address': '198.18.0.1',"
			 "                'destination_port': 4000}}]");
	expect_good(&f);
	print_and_load(&f, &again);
	for (unsigned int leg = 0; leg < 2; leg++) {
		assert_ptr_equal(f.config.tunnels[leg].wire.profile, &kg_profile_udphop);
		assert_ptr_equal(again.config.tunnels[leg].wire.profile, &kg_profile_udphop);
	}
	unload(&again);
	unload(&f);
	load_tunnels(&f, "[{'name': 'hop', 'mode': 'relay',"
			 "  'listener': {'listen_port': 3000, 'protocol': 'udphop'},"
			 "  'forwarder': {'destination_address': '198.18.0.1',"
			 "                'destination_port': 4000}}]");
	expect_only_error(&f, FIXTURE_FILE ": tunnels[0].listener.protocol",
			  "it belongs to the relay itself");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_names_its_wire),
		cmocka_unit_test(time_outs_are_its_own),
		cmocka_unit_test(what_needs_kcp_is_refused),
		cmocka_unit_test(what_is_printed_loads_again),
		cmocka_unit_test(both_legs_of_a_relay_have_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
