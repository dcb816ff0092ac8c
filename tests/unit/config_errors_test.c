/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels that are wrong: what is said, where, and that all of it is said at once. */
#include "config_fixture.h"

#define NUMBER(range) "; allowed a whole number, " range
#define PORTS         "; allowed ports 1 to 65535, ranges as \"3000-3010\", or a list of them"
#define BITS          "; allowed bits per second: a whole number, or digits followed by one of KMGkmg"
#define RATE                                                                                \
	"; allowed auto, fair, scavenger, window, or bits per second, 8k at least: digits " \
	"followed by one of KMGkmg"
#define ADDRESS "; allowed an IPv4 or IPv6 address, or a host name"
#define BOOLEAN "; allowed true or false, 1 or 0, \"yes\", \"true\", \"no\", \"false\""
#define NAME    "; allowed 1 to 32 letters, digits, '_', '.' and '-', the last two not first"

static void broken_json(void **state)
{
	static const struct {
		const char *text, *where;
	} cases[] = {
		{ "", "box.json:1:0" },
		{ "{\n  'name': 'x',\n  'workers': [0,\n}\n", "box.json:4:1" },
		{ "{'name': 'a', 'name': 'b'}", "box.json:1:20" },
		{ "{'name': 'a'} x", "box.json:1:15" },
		{ "{'name': '\xff'}", "box.json:1:10" },
		{ "{'name': 'a\\u0000b'}", "box.json:1:19" },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		struct fixture f;

		load_text(&f, cases[i].text);
		assert_int_equal(count_entries(f.mistakes.errors), 1);
		assert_string_equal(f.mistakes.errors->where, cases[i].where);
		assert_true(strlen(f.mistakes.errors->text) > 0);
		unload(&f);
	}
}

static void wrong_types(void **state)
{
	static const struct bad cases[] = {
		{ "{'listen_port': true}", "listen_port", "found true" PORTS },
		{ "{'listen_port': {'a': 1}}", "listen_port", "found {\"a\":1}" PORTS },
		{ "{'listen_port': 3000.5}", "listen_port", "found 3000.5" PORTS },
		{ "{'udp_timeout': 'soon'}", "udp_timeout", "found \"soon\"" NUMBER("0 to 65535") },
		{ "{'dport_refresh': '90-30'}", "dport_refresh",
		  "found \"90-30\"; allowed 0 to 32767, or two of them, as \"30-90\"" },
		{ "{'dport_refresh': '0-5'}", "dport_refresh",
		  "found \"0-5\"; allowed 0 to 32767, or two of them, as \"30-90\"" },
		{ "{'dport_refresh': 32768}", "dport_refresh",
		  "found 32768; allowed 0 to 32767, or two of them, as \"30-90\"" },
		{ "{'dport_refresh': -1}", "dport_refresh",
		  "found -1; allowed 0 to 32767, or two of them, as \"30-90\"" },
		{ "{'dport_refresh': true}", "dport_refresh",
		  "found true; allowed 0 to 32767, or two of them, as \"30-90\"" },
		{ "{'spread': 9}", "spread", "found 9" NUMBER("0 to 8") },
		{ "{'udp_timeout': [1]}", "udp_timeout", "found [1]" NUMBER("0 to 65535") },
		{ "{'udp_deadline': 65536}", "udp_deadline", "found 65536" NUMBER("0 to 65535") },
		{ "{'udp_timeout': 1.5}", "udp_timeout", "found 1.5" NUMBER("0 to 65535") },
		{ "{'mode': 1}", "mode", "found 1; allowed client, server, relay" },
		{ "{'kcp': 'regular9'}", "kcp",
		  "found \"regular9\"; allowed fast1, fast2, fast3, fast4, fast5, fast6, regular1, "
		  "regular2, regular3, regular4, regular5, manual" },
		{ "{'encryption_algorithm': 'rot13'}", "encryption_algorithm",
		  "found \"rot13\"; allowed AES-GCM, AES-OCB, chacha20, xchacha20, XOR, none" },
		{ "{'ipv4_only': 'maybe'}", "ipv4_only", "found \"maybe\"" BOOLEAN },
		{ "{'blast': 2}", "blast", "found 2" BOOLEAN },
		{ "{'name': 'two words'}", "name", "found \"two words\"" NAME },
		{ "{'name': '-a'}", "name", "found \"-a\"" NAME },
		{ "{'inbound_bandwidth': '1.5G'}", "inbound_bandwidth", "found \"1.5G\"" BITS },
		{ "{'inbound_bandwidth': -8}", "inbound_bandwidth", "found -8" BITS },
		{ "{'inbound_bandwidth': 1000000000000001}", "inbound_bandwidth",
		  "found 1000000000000001" BITS },
		{ "{'rate': 'slow'}", "rate", "found \"slow\"" RATE },
		{ "{'rate': 1}", "rate", "found 1" RATE },
		{ "{'rate': '7999'}", "rate", "found \"7999\"" RATE },
		{ "{'destination_address': 7}", "destination_address", "found 7" ADDRESS },
		{ "{'destination_address': '[fd00:18::1'}", "destination_address",
		  "found \"[fd00:18::1\"" ADDRESS },
		{ "{'destination_address': '[198.18.0.1]'}", "destination_address",
		  "found \"[198.18.0.1]\"" ADDRESS },
		{ "{'destination_address': '::'}", "destination_address",
		  "found \"::\"; allowed the address of one host" },
		{ "{'destination_address': ['198.18.0.1', '198.18.0.256']}",
		  "destination_address[1]", "found \"198.18.0.256\"" ADDRESS },
		{ "{'destination_address': 'box.test:3000'}", "destination_address",
		  "found \"box.test:3000\"" ADDRESS },
		{ "{'listen_on': 'box.test'}", "listen_on",
		  "found \"box.test\"; allowed an IPv4 or IPv6 address" },
		{ "{'destination_dnstxt': '198.18.0.2'}", "destination_dnstxt",
		  "found \"198.18.0.2\"; allowed a host name" },
		{ "{'destination_address': '0.0.0.0'}", "destination_address",
		  "found \"0.0.0.0\"; allowed the address of one host" },
		{ "{'listen_on': '224.0.0.1'}", "listen_on",
		  "found \"224.0.0.1\"; allowed the address of one host" },
		{ "{'destination_address': []}", "destination_address",
		  "found []; allowed at least one" },
		{ "{'kcp_nodelay': 3, 'kcp': 'regular1'}", "kcp_nodelay",
		  "found 3" NUMBER("0 to 2") },
	};

	expect_tunnel_errors(FIXTURE_CLIENT, cases, KG_ARRAY_SIZE(cases));
}

static void ports(void **state)
{
	static const struct bad cases[] = {
		{ "{'listen_port': 0}", "listen_port", "found 0" PORTS },
		{ "{'listen_port': 70000}", "listen_port", "found 70000" PORTS },
		{ "{'listen_port': -1}", "listen_port", "found -1" PORTS },
		{ "{'listen_port': '0-5'}", "listen_port", "found \"0-5\"" PORTS },
		{ "{'listen_port': '4000-3000'}", "listen_port", "found \"4000-3000\"" PORTS },
		{ "{'listen_port': []}", "listen_port", "found []" PORTS },
		{ "{'listen_port': [3000, '4000-']}", "listen_port[1]", "found \"4000-\"" PORTS },
		{ "{'listen_port': [[3000]]}", "listen_port[0]", "found [3000]" PORTS },
	};

	expect_tunnel_errors(FIXTURE_SERVER, cases, KG_ARRAY_SIZE(cases));
}

static void fec(void **state)
{
#define SHARDS "; allowed \"DATA:PARITY\", whole numbers, 255 at most together"
	static const struct bad cases[] = {
		{ "{'fec': '200:56'}", "fec", "found \"200:56\"" SHARDS },
		{ "{'fec': '256:0'}", "fec", "found \"256:0\"" SHARDS },
		{ "{'fec': 'much'}", "fec", "found \"much\"" SHARDS },
		{ "{'fec': 20}", "fec", "found 20" SHARDS },
	};

	expect_tunnel_errors(FIXTURE_SERVER, cases, KG_ARRAY_SIZE(cases));
}

/* Passwords do not get into logs. */
static void secrets(void **state)
{
	static const struct bad cases[] = {
		{ "{'encryption_password': 12345}", "encryption_password",
		  "found a number; allowed a text that is not empty" },
		{ "{'encryption_password': ['hidden']}", "encryption_password",
		  "found a list; allowed a text that is not empty" },
	};

	expect_tunnel_errors(FIXTURE_CLIENT, cases, KG_ARRAY_SIZE(cases));
}

static void not_supported_yet(void **state)
{
	static const char *const keys[] = {
		"fib_ingress",
		"fib_egress",
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(keys); i++) {
		char change[64];
		const struct bad one = { change, keys[i], "not supported yet" };

		snprintf(change, sizeof(change), "{'%s': 1}", keys[i]);
		expect_tunnel_errors(FIXTURE_CLIENT, &one, 1);
	}
}

static void unknown_keys(void **state)
{
	static const struct bad cases[] = {
		{ "{'encryption_pasword': 'x'}", "encryption_pasword",
		  "unknown key; did you mean \"encryption_password\"?" },
		{ "{'listen_prot': 1}", "listen_prot",
		  "unknown key; did you mean \"listen_port\"?" },
		{ "{'Mode': 'client'}", "Mode", "unknown key; did you mean \"mode\"?" },
		{ "{'mdoe': 1}", "mdoe", "unknown key; did you mean \"mode\"?" },
		{ "{'kcp-mtu': 1}", "kcp-mtu", "unknown key; did you mean \"kcp_mtu\"?" },
		{ "{'hugepages': true}", "hugepages", "unknown key here; it belongs into memory" },
		{ "{'device': 'x'}", "device", "unknown key here; it belongs into ports[]" },
		{ "{'workers': 1}", "workers",
		  "unknown key here; it belongs to the outermost object" },
		{ "{'zzzzzzzz': 1}", "zzzzzzzz", "unknown key" },
		{ "{'': 1}", "", "unknown key" },
		{ "{'a\\nb\\u001b[0m': 1}", "a?b?[0m", "unknown key" },
	};

	expect_tunnel_errors(FIXTURE_CLIENT, cases, KG_ARRAY_SIZE(cases));
}

static void missing_keys(void **state)
{
	static const struct bad cases[] = {
		{ "{'mode': null}", "mode", "missing" },
		{ "{'listen_port': null}", "listen_port", "missing" },
		{ "{'destination_port': ''}", "destination_port", "missing" },
		{ "{'destination_address': null}", "destination_address", "missing" },
		{ "{'encryption_algorithm': 'AES-GCM'}", "encryption_password",
		  "missing; AES-GCM requires it" },
		{ "{'encryption_algorithm': 'AES-GCM', 'encryption_password': ''}",
		  "encryption_password", "missing; AES-GCM requires it" },
		{ "{'encryption_algorithm': 'aes-ocb'}", "encryption_password",
		  "missing; AES-OCB requires it" },
		{ "{'encryption_algorithm': 'ChaCha20'}", "encryption_password",
		  "missing; chacha20 requires it" },
		{ "{'encryption_algorithm': 'xchacha20'}", "encryption_password",
		  "missing; xchacha20 requires it" },
	};
	struct fixture f;

	expect_tunnel_errors(FIXTURE_CLIENT, cases, KG_ARRAY_SIZE(cases));

	load_tunnel(&f, FIXTURE_CLIENT, "{'kcp': 'manual', 'kcp_interval': 10}");
	assert_int_equal(count_entries(f.mistakes.errors), 3);
	expect_error(&f, FIXTURE_FILE ": tunnels[0].kcp_nodelay",
		     "missing; kcp \"manual\" requires it");
	expect_error(&f, FIXTURE_FILE ": tunnels[0].kcp_resend",
		     "missing; kcp \"manual\" requires it");
	expect_error(&f, FIXTURE_FILE ": tunnels[0].kcp_nc", "missing; kcp \"manual\" requires it");
	unload(&f);
}

static void one_client(void **state)
{
	static const struct bad cases[] = {
		{ "{'listen_port': '6000-6001'}", "listen_port",
		  "found 2; allowed one on a client" },
		{ "{'ipv4_only': true, 'ipv6_only': true}", "ipv6_only",
		  "found beside ipv4_only; allowed one of them" },
		{ "{'ipv6_only': true}", "destination_address",
		  "found 198.18.0.1; allowed IPv6 addresses (ipv6_only)" },
		{ "{'ipv4_only': true, 'listen_on': '::1'}", "listen_on",
		  "found ::1; allowed IPv4 addresses (ipv4_only)" },
		{ "{'spread': 2, 'rate': 'window'}", "spread",
		  "found 2; allowed with rate \"auto\" and kcp_nc" },
		{ "{'destination_port': null, 'destination_dnstxt': 'box.test'}",
		  "destination_dnstxt", "found beside destination_address; allowed one" },
		{ "{'destination_address': null, 'destination_dnstxt': 'box.test'}",
		  "destination_dnstxt", "found beside destination_port; allowed one" },
	};
	struct fixture f;

	expect_tunnel_errors(FIXTURE_CLIENT, cases, KG_ARRAY_SIZE(cases));

	load_text(&f, "{'ports': [{'device': 'net_null0', 'addresses': '198.18.0.2/24'}],"
		      " 'tunnels': [{'mode': 'client', 'listen_port': 6000,"
		      "  'destination_port': 3000, 'destination_address': 'fd00:18::1'}]}");
	expect_only_error(&f, FIXTURE_FILE ": tunnels[0].destination_address",
			  "found fd00:18::1, but no port has an IPv6 address");
}

/* What a client sends to itself reaches no server. */
static void the_box_itself(void **state)
{
	static const struct bad cases[] = {
		{ "{'destination_address': '198.18.0.2'}", "destination_address",
		  "found 198.18.0.2, which is this box itself; allowed the server's address" },
		{ "{'destination_address': ['198.18.0.1', 'fd00:18::2']}", "destination_address",
		  "found fd00:18::2, which is this box itself; allowed the server's address" },
		{ "{'destination_address': '127.0.0.1'}", "destination_address",
		  "found 127.0.0.1, which is this box itself; allowed the server's address" },
	};

	expect_tunnel_errors(FIXTURE_CLIENT, cases, KG_ARRAY_SIZE(cases));
}

static void one_server(void **state)
{
	static const struct bad cases[] = {
		{ "{'destination_port': '80,443'}", "destination_port",
		  "found 2; allowed one on a server" },
		{ "{'destination_address': '127.0.0.1,127.0.0.2'}", "destination_address",
		  "found 2; allowed one on a server" },
		{ "{'spread': 2}", "spread",
		  "found 2; allowed 0 on a server, which answers on what its clients use" },
		{ "{'mux_tunnels': 3}", "mux_tunnels",
		  "found 3; allowed 0 on a server, which takes what its clients open" },
	};
	struct fixture f;

	expect_tunnel_errors(FIXTURE_SERVER, cases, KG_ARRAY_SIZE(cases));

	load_text(&f, "{'ports': [{'device': 'net_null0', 'addresses': '198.18.0.2/24'}],"
		      " 'tunnels': [{'mode': 'server', 'listen_port': 3000, 'ipv6_only': 1,"
		      "  'destination_port': 80, 'destination_address': '::1'}]}");
	expect_only_error(&f, FIXTURE_FILE ": tunnels[0].listen_on",
			  "missing, and no port has an address to listen on");

	load_tunnels(&f, "[{'mode': 'server', 'listen_port': 3000,"
			 "  'destination_dnstxt': 'box.test'}]");
	expect_only_error(&f, FIXTURE_FILE ": tunnels[0].destination_dnstxt",
			  "allowed on a client");

	load_tunnel(&f, FIXTURE_SERVER, "{'listen_on': '198.18.0.77'}");
	expect_only_warning(&f, FIXTURE_FILE ": tunnels[0].listen_on",
			    "198.18.0.77 is no address of a port");
	unload(&f);
}

static void two_tunnels(void **state)
{
	static const char server[] = "{'mode': 'server', 'destination_port': 80, 'name': '%s',"
				     " 'destination_address': '127.0.0.1', 'listen_port': '%s'%s}";
	static const struct {
		const char *first_ports, *first_more, *ports, *more;
		unsigned int clash; /* lowest port; 0: none */
	} cases[] = {
		{ "3000", "", "3000", "", 3000 },
		{ "3000-3010", "", "1-2,3005-4000", "", 3005 },
		{ "3000-3010", "", "3011-3020", "", 0 },
		{ "3000", ", 'ipv4_only': 1", "3000", ", 'ipv4_only': 0", 3000 },
		{ "3000", ", 'listen_on': '198.18.0.2'", "3000", ", 'listen_on': 'fd00:18::2'", 0 },
		{ "3000", ", 'listen_on': '198.18.0.2'", "3000", "", 3000 },
		{ "3000", "", "3000", ", 'listen_on': 'fd00:18::2'", 3000 },
		{ "3000", ", 'listen_on': '0.0.0.0'", "3000", ", 'listen_on': '198.18.0.2'", 3000 },
		{ "3000", ", 'listen_on': 'fd00:18::2'", "3000", ", 'listen_on': '::'", 3000 },
		{ "3000", ", 'listen_on': '0.0.0.0'", "3000", ", 'listen_on': '::'", 0 },
		{ "3000", ", 'ipv4_only': 1", "3000", ", 'listen_on': 'fd00:18::2'", 0 },
		{ "3000", ", 'listen_on': ['198.18.0.2', 'fd00:18::2']", "3000",
		  ", 'listen_on': 'fd00:18::2'", 3000 },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		char first[256], second[256], both[600], text[128];
		struct fixture f;

		snprintf(first, sizeof(first), server, "a", cases[i].first_ports,
			 cases[i].first_more);
		snprintf(second, sizeof(second), server, "b", cases[i].ports, cases[i].more);
		snprintf(both, sizeof(both), "[%s, %s]", first, second);
		snprintf(text, sizeof(text),
			 "found %u, where tunnels[0] in box.json listens already on the same "
			 "address",
			 cases[i].clash);
		load_tunnels(&f, both);
		if (cases[i].clash) {
			expect_only_error(&f, FIXTURE_FILE ": tunnels[1].listen_port", text);
		} else {
			expect_good(&f);
			unload(&f);
		}
	}
}

static void one_name_for_two(void **state)
{
	struct fixture f;

	load_tunnels(&f, "[{'mode': 'client', 'listen_port': 6000, 'destination_port': 3000,"
			 "  'destination_address': '198.18.0.1', 'name': 'home'},"
			 " {'mode': 'client', 'listen_port': 6001, 'destination_port': 3000,"
			 "  'destination_address': '198.18.0.1', 'name': 'home'}]");
	expect_only_error(&f, FIXTURE_FILE ": tunnels[1].name",
			  "found \"home\", which tunnels[0] in box.json is already");
}

static void all_at_once(void **state)
{
	struct fixture f;

	load_text(&f, "{'nam': 'x', 'poll': 1, 'ports': [{'device': 1, 'mtu': 1, 'x_y_z': 0}, 3],"
		      " 'tunnels': [{'mode': 'replay', 'listen_port': [0, 70000], 'fib_ingress': 4,"
		      "   'destination_prot': 80}, null]}");
	expect_error(&f, "box.json: nam", "unknown key; did you mean \"name\"?");
	expect_error(&f, "box.json: poll", "found 1; allowed adaptive, busy");
	expect_error(&f, "box.json: ports[0].device", "found 1; allowed a text that is not empty");
	expect_error(&f, "box.json: ports[0].mtu", "found 1" NUMBER("576 to 9600"));
	expect_error(&f, "box.json: ports[0].x_y_z", "unknown key");
	expect_error(&f, "box.json: ports[1]", "found 3; allowed an object");
	expect_error(&f, "box.json: tunnels[0].mode",
		     "found \"replay\"; allowed client, server, relay");
	expect_error(&f, "box.json: tunnels[0].listen_port[0]", "found 0" PORTS);
	expect_error(&f, "box.json: tunnels[0].listen_port[1]", "found 70000" PORTS);
	expect_error(&f, "box.json: tunnels[0].fib_ingress", "not supported yet");
	expect_error(&f, "box.json: tunnels[0].destination_prot",
		     "unknown key; did you mean \"destination_port\"?");
	expect_error(&f, "box.json: tunnels[0].destination_port", "missing");
	expect_error(&f, "box.json: tunnels[0].destination_address", "missing");
	expect_error(&f, "box.json: tunnels[1]", "found null; allowed an object");
	assert_int_equal(count_entries(f.mistakes.errors), 14);
	unload(&f);
}

static void long_values_are_cut(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_CLIENT,
		    "{'kcp': "
		    "'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg'}");
	assert_int_equal(count_entries(f.mistakes.errors), 1);
	assert_non_null(
		strstr(f.mistakes.errors->text,
		       "found \"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffffff...; "
		       "allowed"));
	unload(&f);
}

static void report_as_printed(void **state)
{
	struct fixture f;
	char *text;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	load_tunnel(&f, FIXTURE_CLIENT, "{'fib_ingress': 4, 'keep_alive': 65536}");
	kg_mistakes_print(&f.mistakes, to);
	fclose(to);
	assert_string_equal(text, "box.json: tunnels[0].fib_ingress: not supported yet\n"
				  "box.json: tunnels[0].keep_alive: warning: 65536 is too large, "
				  "taken as 65535\n");
	free(text);
	unload(&f);
}

/* Nobody reads a hundred thousand lines, and nobody waits until each was compared with all. */
static void not_all_of_very_many(void **state)
{
	json_t *addresses = json_array(), *tunnel = parse(FIXTURE_CLIENT);
	const struct kg_mistake *last;
	struct fixture f;

	for (int i = 0; i < 100000; i++)
		json_array_append_new(addresses, json_integer(i));
	json_object_set_new(tunnel, "destination_address", addresses);
	load_json(&f, json_pack("{s:[o],s:[o]}", "ports", parse(FIXTURE_PORT), "tunnels", tunnel));
	assert_int_equal(count_entries(f.mistakes.errors), 1001);
	for (last = f.mistakes.errors; last->next != NULL;)
		last = last->next;
	assert_string_equal(last->where, FIXTURE_FILE ": tunnels[0].destination_address[1000]");
	assert_string_equal(last->text, "more is wrong than is told here");
	unload(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_json),
		cmocka_unit_test(wrong_types),
		cmocka_unit_test(ports),
		cmocka_unit_test(fec),
		cmocka_unit_test(secrets),
		cmocka_unit_test(not_supported_yet),
		cmocka_unit_test(unknown_keys),
		cmocka_unit_test(missing_keys),
		cmocka_unit_test(one_client),
		cmocka_unit_test(the_box_itself),
		cmocka_unit_test(one_server),
		cmocka_unit_test(two_tunnels),
		cmocka_unit_test(one_name_for_two),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(long_values_are_cut),
		cmocka_unit_test(report_as_printed),
		cmocka_unit_test(not_all_of_very_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
