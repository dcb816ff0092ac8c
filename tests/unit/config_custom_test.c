/* SPDX-License-Identifier: BSD-3-Clause */
/* "{}": clients that say where the server shall connect to. */
#include "config_fixture.h"

#define BRACES "'listen_port': '{}', "
#define ONE    "'custom_input': [{'local': ':8000', 'remote': '127.0.0.1:80'}]"
#define LISTENING                                                                            \
	"; allowed \":PORT\", or an address of this host and a port, as \"127.0.0.1:8000\" " \
	"or \"[fd00:18::1]:8000\""
#define TARGET                                                                               \
	"; allowed an address or host name and a port, as \"127.0.0.1:8000\", \"[::1]:53\" " \
	"or \"host.name:443\""
#define ALLOW                                                                        \
	"; allowed ADDRESS:PORTS, as \"10.0.0.0/8:1-65535\", \"127.0.0.1:8000\" or " \
	"\"[fd00:18::/32]:*\"; no names"

/* ---- good ---- */

/* What is in effect, as it would be printed, loads again and prints the same. */
static void expect_printable(const struct fixture *f)
{
	struct fixture again;
	char *texts[2];
	size_t length;

	for (int i = 0; i < 2; i++) {
		FILE *to = open_memstream(&texts[i], &length);

		kg_config_print(i ? &again.config : &f->config, to, true);
		fclose(to);
		if (i == 0)
			kg_config_load_text(&again.config, &again.mistakes, FIXTURE_FILE, texts[0],
					    length);
	}
	expect_good(&again);
	assert_string_equal(texts[0], texts[1]);
	unload(&again);
	free(texts[0]);
	free(texts[1]);
}

static void mappings_are_read(void **state)
{
	static const struct {
		enum kg_mapped protocol;
		const char *local;
		uint16_t port;
		const char *remote;
	} expected[] = {
		{ KG_MAPPED_BOTH, "none", 8000, "127.0.0.1" },
		{ KG_MAPPED_TCP, "198.18.0.1", 8000, "::1" },
		{ KG_MAPPED_UDP, "fd00:18::1", 65535, "host.name" },
		{ KG_MAPPED_UDP, "198.18.0.1", 1, "localhost" },
		{ KG_MAPPED_BOTH, "0.0.0.0", 2, "localhost" },
		{ KG_MAPPED_BOTH, "::", 2, "localhost" },
	};
	char text[KG_IP_TEXT_BYTES];
	struct fixture f;

	load_tunnel(
		&f, FIXTURE_CLIENT,
		"{" BRACES "'ipv4_only': false, 'custom_input': ["
		"{'local': ':8000', 'remote': '127.0.0.1:8001', 'protocol': 'udp'},"
		"{'protocol': 'tcp', 'local': '198.18.0.1:8000', 'remote': '[::1]:8001'},"
		"{'protocol': 'UDP', 'local': '[fd00:18::1]:65535', 'remote': 'host.name:8001'},"
		"{'protocol': 'udp', 'local': '198.18.0.1:1', 'remote': 'localhost:8001'},"
		"{'local': '0.0.0.0:2', 'remote': 'localhost:8001'},"
		"{'local': '[::]:2', 'remote': 'localhost:8001'}]}");
	expect_good(&f);
	assert_true(f.config.tunnels[0].custom_listen);
	assert_int_equal(f.config.tunnels[0].listen_port_count, 0);
	assert_int_equal(f.config.tunnels[0].mapping_count, KG_ARRAY_SIZE(expected));
	f.config.tunnels[0].mappings[0].protocol = KG_MAPPED_BOTH;
	for (size_t i = 0; i < KG_ARRAY_SIZE(expected); i++) {
		const struct kg_mapping_config *m = &f.config.tunnels[0].mappings[i];

		assert_int_equal(m->protocol, expected[i].protocol);
		assert_string_equal(kg_ip_text(&m->local.ip, text), expected[i].local);
		assert_int_equal(m->local.port, expected[i].port);
		assert_string_equal(m->remote.address, expected[i].remote);
		assert_int_equal(m->remote.port, 8001);
	}
	f.config.tunnels[0].mappings[0].protocol = KG_MAPPED_UDP;
	expect_printable(&f);
	unload(&f);
}

/* The same port for both protocols, of two addresses, and beside a TCP mapping a UDP tunnel. */
static void listening_apart(void **state)
{
	static const char *const lists[] = {
		"{'protocol': 'tcp', 'local': ':80', 'remote': 'a:1'},"
		"{'protocol': 'udp', 'local': ':80', 'remote': 'b:1'}",
		"{'local': '198.18.0.1:80', 'remote': 'a:1'},"
		"{'local': '198.18.0.2:80', 'remote': 'b:1'}",
		"{'local': ':80', 'remote': 'a:1'}, {'local': ':81', 'remote': 'a:1'}",
		"{'protocol': 'tcp', 'local': ':3000', 'remote': 'a:1'}",
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(lists); i++) {
		struct fixture f;
		char text[1024];

		snprintf(text, sizeof(text),
			 "[" FIXTURE_SERVER ", {'mode': 'client', 'listen_on': '{}',"
			 " 'destination_port': 3000, 'destination_address': '198.18.0.1', "
			 " 'listen_port': '{}', 'custom_input': [%s]}]",
			 lists[i]);
		load_tunnels(&f, text);
		expect_good(&f);
		unload(&f);
	}
}

static void one_pair_of_braces_is_enough(void **state)
{
	static const char *const clients[] = {
		"{'listen_port': '{}', " ONE "}",
		"{'listen_port': null, 'listen_on': '{}', " ONE "}",
		"{'listen_port': '{}', 'listen_on': '{}', " ONE "}",
		"{'listen_port': '{}', 'listen_on': [], " ONE "}",
	};
	static const char *const servers[] = {
		"{'destination_port': '{}', 'destination_address': null}",
		"{'destination_port': null, 'destination_address': '{}'}",
		"{'destination_port': '{}', 'destination_address': '{}'}",
		"{'destination_port': '{}', 'destination_address': ''}",
	};
	struct fixture f;

	for (size_t i = 0; i < KG_ARRAY_SIZE(clients); i++) {
		load_tunnel(&f, FIXTURE_CLIENT, clients[i]);
		expect_good(&f);
		assert_true(f.config.tunnels[0].custom_listen);
		expect_printable(&f);
		unload(&f);
		load_tunnel(&f, FIXTURE_SERVER, servers[i]);
		expect_good(&f);
		assert_true(f.config.tunnels[0].custom_destination);
		assert_int_equal(f.config.tunnels[0].app.allowed_count, 0);
		expect_printable(&f);
		unload(&f);
	}
}

static void what_is_allowed_is_read(void **state)
{
	static const char *const texts[] = { "10.0.0.0/8:1-65535", "127.0.0.1:8000",
					     "[fd00:18::/32]:1-65535" };
	struct fixture f;

	for (int as_text = 0; as_text < 2; as_text++) {
		load_tunnel(&f, FIXTURE_SERVER,
			    as_text ? "{'destination_port': '{}', 'destination_address': '',"
				      " 'custom_allow': '10.0.0.0/8:*, 127.0.0.1:8000,"
				      " [fd00:18::/32]:*'}"
				    : "{'destination_port': '{}', 'destination_address': '',"
				      " 'custom_allow': ['10.0.0.0/8:1-65535', '127.0.0.1:8000',"
				      " '[fd00:18::/32]:*']}");
		expect_good(&f);
		assert_int_equal(f.config.tunnels[0].app.allowed_count, KG_ARRAY_SIZE(texts));
		for (size_t i = 0; i < KG_ARRAY_SIZE(texts); i++) {
			char text[KG_ALLOW_TEXT_BYTES];

			assert_string_equal(
				kg_allow_text(&f.config.tunnels[0].app.allowed[i], text), texts[i]);
		}
		expect_printable(&f);
		unload(&f);
	}
}

/* ---- bad ---- */

static void a_client_without_sense(void **state)
{
	static const struct bad cases[] = {
		{ "{'listen_port': '{}'}", "custom_input",
		  "missing; listen_port \"{}\" requires it" },
		{ "{'listen_port': null, 'listen_on': '{}'}", "custom_input",
		  "missing; listen_port \"{}\" requires it" },
		{ "{" BRACES "'custom_input': []}", "custom_input",
		  "found []; allowed at least one" },
		{ "{" BRACES "'custom_input': {}}", "custom_input",
		  "found {}; allowed a list of objects" },
		{ "{" ONE "}", "custom_input", "without effect; requires listen_port \"{}\"" },
		{ "{'listen_on': '{}', " ONE "}", "listen_port",
		  "found 6000 beside listen_on \"{}\"; allowed one" },
		{ "{" BRACES "'listen_on': '127.0.0.1', " ONE "}", "listen_on",
		  "found \"127.0.0.1\" beside listen_port \"{}\"; allowed one" },
		{ "{'listen_port': ['{}']}", "listen_port[0]",
		  "found \"{}\"; allowed ports 1 to 65535, ranges as \"3000-3010\", or a list of "
		  "them" },
		{ "{'listen_port': '{ }'}", "listen_port",
		  "found \"{ }\"; allowed ports 1 to 65535, ranges as \"3000-3010\", or a list of "
		  "them" },
		{ "{'destination_port': '{}'}", "destination_port",
		  "found \"{}\"; allowed on a server" },
		{ "{'destination_address': '{}'}", "destination_address",
		  "found \"{}\"; allowed on a server" },
		{ "{'custom_allow': '10.0.0.0/8:80'}", "custom_allow",
		  "found on a client; allowed on a server" },
		{ "{'custom_input_tcp': []}", "custom_input_tcp",
		  "unknown key; did you mean \"custom_input\"?" },
	};

	expect_tunnel_errors(FIXTURE_CLIENT, cases, KG_ARRAY_SIZE(cases));
}

static void a_server_without_sense(void **state)
{
	static const struct bad cases[] = {
		{ "{'destination_port': '{}'}", "destination_address",
		  "found \"127.0.0.1\" beside destination_port \"{}\"; allowed one" },
		{ "{'destination_address': '{}'}", "destination_port",
		  "found 80 beside destination_address \"{}\"; allowed one" },
		{ "{'custom_allow': '10.0.0.0/8:80'}", "custom_allow",
		  "without effect; requires destination_port \"{}\"" },
		{ "{'listen_port': '{}'}", "listen_port", "found \"{}\"; allowed on a client" },
		{ "{'listen_on': '{}'}", "listen_on", "found \"{}\"; allowed on a client" },
		{ "{" ONE "}", "custom_input", "found on a server; allowed on a client" },
	};

	expect_tunnel_errors(FIXTURE_SERVER, cases, KG_ARRAY_SIZE(cases));
}

/* `key` under custom_input. */
static void expect_mapping_error(const char *mappings, const char *key, const char *text)
{
	char changes[1024], where[128];
	struct fixture f;

	snprintf(changes, sizeof(changes), "{" BRACES "'custom_input': [%s]}", mappings);
	snprintf(where, sizeof(where), FIXTURE_FILE ": tunnels[0].custom_input%s", key);
	load_tunnel(&f, FIXTURE_CLIENT, changes);
	expect_only_error(&f, where, text);
}

static void mappings_that_cannot_be_read(void **state)
{
	static const char *const locals[] = {
		"8000",
		"",
		":",
		":0",
		":65536",
		":80x",
		"224.0.0.1:80",
		"::1:80",
		"[::1]",
		"[127.0.0.1]:80",
		"host.name:80",
		"127.0.0.1:0",
		"127.0.0.1",
		"127.0.0.1:",
	};
	static const char *const remotes[] = {
		"8000",
		"",
		":8000",
		"127.0.0.1",
		"host.name:",
		"host.name:0",
		"host.name:65536",
		"::1:80",
		"[::1]",
		"[host.name]:80",
		"127.0.0:80",
		"two words:80",
		"[]:80",
		"host/name:80",
		"0.0.0.0:80",
		"[::]:80",
		"224.0.0.1:80",
	};
	char mapping[160], text[320];

	for (size_t i = 0; i < KG_ARRAY_SIZE(locals); i++) {
		snprintf(mapping, sizeof(mapping), "{'local': '%s', 'remote': 'a:1'}", locals[i]);
		snprintf(text, sizeof(text), "found \"%s\"" LISTENING, locals[i]);
		expect_mapping_error(mapping, "[0].local", text);
	}
	for (size_t i = 0; i < KG_ARRAY_SIZE(remotes); i++) {
		snprintf(mapping, sizeof(mapping), "{'local': ':80', 'remote': '%s'}", remotes[i]);
		snprintf(text, sizeof(text), "found \"%s\"" TARGET, remotes[i]);
		expect_mapping_error(mapping, "[0].remote", text);
	}
	expect_mapping_error("{'local': 80, 'remote': 'a:1'}", "[0].local", "found 80" LISTENING);
	expect_mapping_error("{'local': ':80', 'remote': null}", "[0].remote", "found null" TARGET);
	expect_mapping_error("{'local': ':80'}", "[0].remote", "missing");
	expect_mapping_error("{'remote': 'a:80'}", "[0].local", "missing");
	expect_mapping_error("{'local': ':80', 'remote': 'a:1', 'protocol': 'sctp'}",
			     "[0].protocol", "found \"sctp\"; allowed tcp, udp, both");
	expect_mapping_error("{'local': ':80', 'remote': 'a:1', 'remot': 1}", "[0].remot",
			     "unknown key; did you mean \"remote\"?");
	expect_mapping_error("{'local': ':80', 'remote': 'a:1'}, ':81 -> b:1'", "[1]",
			     "found \":81 -> b:1\"; allowed an object");
}

static void the_longest_name(void **state)
{
	char name[300], changes[512];

	for (size_t length = 253; length < 256; length++) {
		struct fixture f;

		memset(name, 'n', length);
		name[length] = '\0';
		snprintf(changes, sizeof(changes),
			 "{" BRACES "'custom_input': [{'local': ':80', 'remote': '%s:1'}]}", name);
		load_tunnel(&f, FIXTURE_CLIENT, changes);
		if (length == 253)
			expect_good(&f);
		else
			assert_int_equal(count_entries(f.mistakes.errors), 1);
		unload(&f);
	}
}

/* The request must be one datagram. */
static void a_small_kcp_mtu_has_no_room_for_long_names(void **state)
{
	struct fixture f;

	load_tunnel(
		&f, FIXTURE_CLIENT,
		"{" BRACES "'kcp_mtu': 64, 'custom_input': ["
		"{'local': ':80', 'remote': 'n.eu:1'}, {'local': ':81', 'remote': 'nn.eu:1'}]}");
	expect_only_error(&f, FIXTURE_FILE ": tunnels[0].custom_input[1].remote",
			  "found 5 characters; allowed 4 with kcp_mtu 64");
}

static void two_on_one_port(void **state)
{
#define CLASH(port, other)                                                               \
	"found port " port ", where tunnels[0]" other " in box.json listens already on " \
	"the same address"
	static const char *const second[] = {
		"{'local': ':80', 'remote': 'b:1'}",
		"{'local': '127.0.0.1:80', 'remote': 'a:1'}",
		"{'local': '[::1]:80', 'remote': 'a:1'}",
		"{'local': ':80', 'remote': 'b:1', 'protocol': 'tcp'}",
		"{'local': ':80', 'remote': 'b:1', 'protocol': 'udp'}",
	};
	char text[512];
	struct fixture f;

	for (size_t i = 0; i < KG_ARRAY_SIZE(second); i++) {
		snprintf(text, sizeof(text), "{'local': ':80', 'remote': 'a:1'}, %s", second[i]);
		expect_mapping_error(text, "[1].local", CLASH("80", ".custom_input[0]"));
	}
	for (int beside = 0; beside < 2; beside++) {
		snprintf(text, sizeof(text),
			 "[%s, {'mode': 'client', 'destination_port': 3000, 'listen_port': '{}',"
			 " 'destination_address': '198.18.0.1',"
			 " 'custom_input': [{'local': ':%u', 'remote': 'a:1', 'protocol': '%s'}]}]",
			 beside ? FIXTURE_CLIENT : FIXTURE_SERVER, beside ? 6000 : 3000,
			 beside ? "tcp" : "udp");
		load_tunnels(&f, text);
		expect_only_error(&f, FIXTURE_FILE ": tunnels[1].custom_input[0].local",
				  beside ? CLASH("6000", "") : CLASH("3000", ""));
	}
}

static void mappings_of_the_other_family(void **state)
{
	struct fixture f;

	load_tunnel(
		&f, FIXTURE_CLIENT,
		"{" BRACES "'ipv4_only': true, 'custom_input': ["
		"{'local': '[::1]:80', 'remote': '[::1]:80'}, {'local': ':80', 'remote': 'a:1'}]}");
	expect_only_error(&f, FIXTURE_FILE ": tunnels[0].custom_input[0].local",
			  "found ::1; allowed IPv4 addresses (ipv4_only)");
}

static void what_cannot_be_allowed(void **state)
{
	static const struct bad cases[] = {
		{ "[]", "custom_allow", "found []; allowed at least one" },
		{ "['10.0.0.0/8:80', 'host.name:80']", "custom_allow[1]",
		  "found \"host.name:80\"" ALLOW },
		{ "'fd00:18::1:80'", "custom_allow", "found \"fd00:18::1:80\"" ALLOW },
		{ "[80]", "custom_allow[0]", "found 80" ALLOW },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		char changes[256];
		struct bad one = cases[i];

		snprintf(
			changes, sizeof(changes),
			"{'destination_port': '{}', 'destination_address': '', 'custom_allow': %s}",
			cases[i].changes);
		one.changes = changes;
		expect_tunnel_errors(FIXTURE_SERVER, &one, 1);
	}
}

static void all_of_it_at_once(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_CLIENT,
		    "{" BRACES
		    "'listen_on': '127.0.0.1', 'destination_port': '{}', 'custom_allow': 1,"
		    " 'custom_input': [{'local': ':80', 'remote': 'a'}, {'local': ':80'}, 7]}");
	expect_error(&f, "box.json: tunnels[0].listen_on",
		     "found \"127.0.0.1\" beside listen_port \"{}\"; allowed one");
	expect_error(&f, "box.json: tunnels[0].destination_port",
		     "found \"{}\"; allowed on a server");
	expect_error(&f, "box.json: tunnels[0].custom_allow", "found 1" ALLOW);
	expect_error(&f, "box.json: tunnels[0].custom_allow",
		     "found on a client; allowed on a server");
	expect_error(&f, "box.json: tunnels[0].custom_input[0].remote", "found \"a\"" TARGET);
	expect_error(&f, "box.json: tunnels[0].custom_input[1].remote", "missing");
	expect_error(&f, "box.json: tunnels[0].custom_input[1].local",
		     CLASH("80", ".custom_input[0]"));
	expect_error(&f, "box.json: tunnels[0].custom_input[2]", "found 7; allowed an object");
	assert_int_equal(count_entries(f.mistakes.errors), 8);
	unload(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mappings_are_read),
		cmocka_unit_test(listening_apart),
		cmocka_unit_test(one_pair_of_braces_is_enough),
		cmocka_unit_test(what_is_allowed_is_read),
		cmocka_unit_test(a_client_without_sense),
		cmocka_unit_test(a_server_without_sense),
		cmocka_unit_test(mappings_that_cannot_be_read),
		cmocka_unit_test(the_longest_name),
		cmocka_unit_test(a_small_kcp_mtu_has_no_room_for_long_names),
		cmocka_unit_test(two_on_one_port),
		cmocka_unit_test(mappings_of_the_other_family),
		cmocka_unit_test(what_cannot_be_allowed),
		cmocka_unit_test(all_of_it_at_once),
	};

	return cmocka_run_group_tests_name("config_custom", tests, NULL, NULL);
}
