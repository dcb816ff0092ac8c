/* SPDX-License-Identifier: BSD-3-Clause */
/* UDP Hop's .conf files: how they are known, what their keys become, and what they have too much.
 */
#include "import_fixture.h"

static struct imported import_udphop(const char *text)
{
	const struct kg_import_source source = { IMPORT_FILE, text, strlen(text), .udphop = true };
	struct imported result;

	kg_mistakes_init(&result.mistakes);
	result.document = kg_import(&source, 1, &result.mistakes);
	return result;
}

static void a_timeout_tells_them(void **state)
{
	struct imported result = import_text(CLIENT "timeout=60\nkeep_alive=20\ndport_refresh=5\n");

	expect_said(&result, AT "7: dport_refresh: warning: 5 is taken as 20\n");
	expect_tunnel(&result, parse("{'mode': 'client', 'protocol': 'udphop', 'listen_port': 6000,"
				     " 'destination_port': 3000,"
				     " 'destination_address': '198.18.0.2', 'udp_timeout': 60,"
				     " 'keep_alive': 20, 'dport_refresh': 20}"));
	forget(&result);
	result = import_text(CLIENT "kcp=fast1\ntimeout=60\n");
	expect_said(&result, AT "6: unknown key \"timeout\"\n");
	forget(&result);
}

static void others_are_named(void **state)
{
	struct imported result = import_udphop(SERVER "fec=3:2\nencryption_algorithm=AES-GCM\n"
						      "encryption_password=pass9\n");

	expect_said(&result, "");
	expect_tunnel(&result, parse("{'mode': 'server', 'protocol': 'udphop', 'listen_port': 3000,"
				     " 'destination_port': 80, 'destination_address': '::1',"
				     " 'fec': '3:2', 'encryption_algorithm': 'AES-GCM',"
				     " 'encryption_password': 'pass9'}"));
	forget(&result);
}

/* Beyond its bounds it is 0, which is the default. */
static void odd_timeouts_are_the_default(void **state)
{
	struct imported result = import_text(CLIENT "timeout=-1\n");

	expect_said(&result, AT "5: udp_timeout: warning: -1 is taken as 0\n");
	forget(&result);
	result = import_text(CLIENT "timeout=100000\n");
	expect_said(&result, AT "5: udp_timeout: warning: 100000 is taken as 0\n");
	forget(&result);
}

static void what_it_does_not_know_is_left_out(void **state)
{
	struct imported result = import_text(CLIENT "timeout=60\nmux_tunnels=3\nmtu=1400\n"
						    "colour=blue\n");

	expect_said(&result, AT "6: warning: UDP Hop has no key \"mux_tunnels\"; left out\n" AT
				"7: warning: UDP Hop has no key \"mtu\"; left out\n" AT
				"8: warning: UDP Hop has no key \"colour\"; left out\n");
	expect_tunnel(&result, parse("{'mode': 'client', 'protocol': 'udphop', 'listen_port': 6000,"
				     " 'destination_port': 3000,"
				     " 'destination_address': '198.18.0.2', 'udp_timeout': 60}"));
	forget(&result);
}

static void relays_have_both_legs(void **state)
{
	struct imported result =
		import_text("mode=relay\ntimeout=90\n[listener]\nlisten_port=3000\n"
			    "[forwarder]\ndestination_port=3100-3110\n"
			    "destination_address=198.18.0.2\n");

	expect_said(&result, "");
	expect_tunnel(&result, parse("{'mode': 'relay', 'protocol': 'udphop', 'udp_timeout': 90,"
				     " 'listener': {'listen_port': 3000},"
				     " 'forwarder': {'destination_port': '3100-3110',"
				     "               'destination_address': '198.18.0.2'}}"));
	forget(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timeout_tells_them),
		cmocka_unit_test(others_are_named),
		cmocka_unit_test(odd_timeouts_are_the_default),
		cmocka_unit_test(what_it_does_not_know_is_left_out),
		cmocka_unit_test(relays_have_both_legs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
