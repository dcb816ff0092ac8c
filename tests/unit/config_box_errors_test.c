/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports and the box: what is said about settings that are wrong. */
#include "config_fixture.h"

#define NUMBER(range) "; allowed a whole number, " range
#define NAME          "; allowed 1 to 32 letters, digits, '_', '.' and '-', the last two not first"

/* Each makes one error in ports[0]. */
static void expect_port_errors(const struct bad *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char where[128];
		struct fixture f;

		snprintf(where, sizeof(where), FIXTURE_FILE ": ports[0].%s", cases[i].key);
		load_port(&f, cases[i].changes);
		expect_only_error(&f, where, cases[i].text);
	}
}

static void port_keys(void **state)
{
	static const struct bad cases[] = {
		{ "{'device': null}", "device", "missing" },
		{ "{'device': '  '}", "device", "found \"  \"; allowed a text that is not empty" },
		{ "{'device': 'FILL IN'}", "device",
		  "to be filled in: PCI address (`0000:03:00.0`), or a DPDK virtual device with "
		  "its arguments (`net_af_xdp0,iface=eth1`)." },
		{ "{'addresses': 'FILL IN'}", "addresses",
		  "to be filled in: The port's own addresses, with prefix length, at most 16." },
		{ "{'tap': 'sixteen_letters_'}", "tap",
		  "found \"sixteen_letters_\"; allowed the name of an interface, 1 to 15 "
		  "characters" },
		{ "{'tap': 'a/b'}", "tap",
		  "found \"a/b\"; allowed the name of an interface, 1 to 15 characters" },
		{ "{'name': 'thirteen-long'}", "tap",
		  "missing; \"kg-thirteen-long\" is longer than the 15 characters allowed" },
		{ "{'mtu': 100}", "mtu", "found 100" NUMBER("576 to 9600") },
		{ "{'mtu': 1279}", "mtu", "found 1279; allowed 1280 or more with IPv6 addresses" },
		{ "{'vlan': 4095}", "vlan", "found 4095" NUMBER("0 to 4094") },
		{ "{'flow_rules': 'auto'}", "flow_rules",
		  "found \"auto\"; allowed true or false, 1 or 0, \"yes\", \"true\", \"no\", "
		  "\"false\"" },
		{ "{'addresses': ['198.18.0.2/24', 'fd00:18::2/129']}", "addresses[1]",
		  "found \"fd00:18::2/129\"; allowed an address with its prefix length, as "
		  "198.18.0.2/24" },
		{ "{'addresses': '198.18.0.2'}", "addresses",
		  "found \"198.18.0.2\"; allowed an address with its prefix length, as "
		  "198.18.0.2/24" },
		{ "{'addresses': ['198.18.0.2/24', '198.18.0.2/16']}", "addresses",
		  "found 198.18.0.2, which ports[0] has already" },
		{ "{'addresses': '198.18.0.0/24'}", "addresses",
		  "found 198.18.0.0/24, the network's own address; allowed a host's" },
		{ "{'addresses': ['198.18.0.2/24', '198.18.3.255/22']}", "addresses",
		  "found 198.18.3.255/22, the network's broadcast address; allowed a host's" },
		{ "{'addresses': ['198.18.0.2/24', 'fd00:18::/64']}", "addresses",
		  "found fd00:18::/64, the network's own address; allowed a host's" },
		{ "{'device': 'eth1'}", "device",
		  "found \"eth1\", which looks like an interface of Linux; write "
		  "\"net_af_xdp0,iface=eth1\", or the PCI address of a NIC that is bound to a DPDK "
		  "driver" },
		{ "{'gateway': '198.18.1.1'}", "gateway",
		  "found 198.18.1.1; allowed an address in a network of the port" },
		{ "{'gateway': ['198.18.0.9', '198.18.0.8']}", "gateway",
		  "found two of IPv4; allowed one per IP version" },
		{ "{'gateway': ['198.18.0.9', 'fe80::1', 'fe80::2']}", "gateway",
		  "found 3 entries; allowed at most 2" },
		{ "{'gatway': '198.18.0.9'}", "gatway", "unknown key; did you mean \"gateway\"?" },
		{ "{'mode': 'client'}", "mode", "unknown key here; it belongs into tunnels[]" },
	};

	expect_port_errors(cases, KG_ARRAY_SIZE(cases));
}

static void expect_good_ports(const char *const *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct fixture f;

		load_port(&f, changes[i]);
		expect_good(&f);
		unload(&f);
	}
}

/* The first and last address of a network of two, or one, and of part of a network are hosts'. */
static void hosts_at_the_edge(void **state)
{
	static const char *const changes[] = {
		"{'addresses': ['198.18.0.0/31', 'fd00:18::/127']}",
		"{'addresses': ['198.18.0.255/32', 'fd00:18::/128', '198.18.1.0/22']}",
		"{'addresses': ['198.18.0.2/24', 'fd00:18::ffff:ffff:ffff:ffff/64']}",
	};

	expect_good_ports(changes, KG_ARRAY_SIZE(changes));
}

/* DPDK's virtual devices by both of their prefixes, a PCI address, and what no interface of Linux
 * can be called. */
static void devices_that_are_no_interfaces(void **state)
{
	static const char *const changes[] = {
		"{'device': 'net_ring0'}",
		"{'device': 'eth_ring0'}",
		"{'device': '0000:03:00.0'}",
		"{'device': 'a_name_of_sixteen'}",
	};

	expect_good_ports(changes, KG_ARRAY_SIZE(changes));
}

static void two_ports(void **state)
{
	struct fixture f;

	load_text(&f, "{'ports': ["
		      "  {'name': 'a', 'device': 'net_null0', 'tap': 'kg0', 'addresses': "
		      "'198.18.0.2/24'},"
		      "  {'name': 'a', 'device': 'net_null0', 'tap': 'kg0', 'addresses': "
		      "'198.18.0.2/16'}],"
		      " 'tunnels': [" FIXTURE_CLIENT "]}");
	assert_int_equal(count_entries(f.mistakes.errors), 4);
	expect_error(&f, "box.json: ports[1].name",
		     "found \"a\", which ports[0].name in box.json is already");
	expect_error(&f, "box.json: ports[1].device",
		     "found \"net_null0\", which ports[0].device in box.json is already");
	expect_error(&f, "box.json: ports[1].tap",
		     "found \"kg0\", which ports[0].tap in box.json is already");
	expect_error(&f, "box.json: ports[1].addresses",
		     "found 198.18.0.2, which ports[0] has already");
	unload(&f);
}

static void box_keys(void **state)
{
	static const struct bad cases[] = {
		{ "'workers': [0, 1, 0]", "workers", "found 0 twice; allowed once" },
		{ "'workers': []", "workers", "found []; allowed at least one" },
		{ "'workers': 'all'", "workers", "found \"all\"" NUMBER("0 to 1023") },
		{ "'workers': [0, 1024]", "workers[1]", "found 1024" NUMBER("0 to 1023") },
		{ "'local_ports': '40000-49999,50001'", "local_ports",
		  "found 2 ranges; allowed one" },
		{ "'metrics': '0.0.0.0:9464'", "metrics",
		  "found \"0.0.0.0:9464\"; allowed \"unix:/path\", or an address of the loopback "
		  "with "
		  "a port" },
		{ "'metrics': '127.0.0.1:0'", "metrics",
		  "found \"127.0.0.1:0\"; allowed \"unix:/path\", or an address of the loopback "
		  "with "
		  "a port" },
		{ "'metrics': 'unix:here'", "metrics",
		  "found \"unix:here\"; allowed \"unix:/path\", or an address of the loopback with "
		  "a "
		  "port" },
		{ "'local_ports': 40000", "local_ports", "found 1 ports; allowed 64 to 16384" },
		{ "'local_ports': '20000-36384'", "local_ports",
		  "found 16385 ports; allowed 64 to 16384" },
		{ "'local_ports': '2-1'", "local_ports",
		  "found \"2-1\"; allowed ports 1 to 65535, ranges as \"3000-3010\", or a list of "
		  "them" },
		{ "'payload_threads': 0", "payload_threads", "found 0" NUMBER("1 to 16") },
		{ "'payload_threads': 17", "payload_threads", "found 17" NUMBER("1 to 16") },
		{ "'payload_thread': 1", "payload_thread",
		  "unknown key; did you mean \"payload_threads\"?" },
		{ "'poll': 'lazy'", "poll", "found \"lazy\"; allowed adaptive, busy" },
		{ "'pol': 'busy'", "pol", "unknown key; did you mean \"poll\"?" },
		{ "'memory': 512", "memory", "found 512; allowed an object" },
		{ "'memory': {'mb': 1}", "memory.mb", "found 1" NUMBER("64 to 1048576") },
		{ "'memory': {'MB': 512}", "memory.MB", "unknown key; did you mean \"mb\"?" },
		{ "'eal': [1]", "eal[0]", "found 1; allowed a text that is not empty" },
		{ "'memory': {'hugepages': false, 'shared': true}", "memory.shared",
		  "found true without hugepages; allowed with them, for others attach by their "
		  "files" },
		{ "'name': ''", "name", "found \"\"" NAME },
		{ "'name': null", "name", "found null" NAME },
		{ "'tunnels': {}", "tunnels", "found {}; allowed a list of objects" },
		{ "'tunnels': ['a']", "tunnels[0]", "found \"a\"; allowed an object" },
		{ "'listen_port': 1", "listen_port",
		  "unknown key here; it belongs into tunnels[]" },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		char text[256], where[64];
		struct fixture f;

		snprintf(text, sizeof(text), "{'ports': [" FIXTURE_PORT "], %s}", cases[i].changes);
		snprintf(where, sizeof(where), FIXTURE_FILE ": %s", cases[i].key);
		load_text(&f, text);
		expect_only_error(&f, where, cases[i].text);
	}
}

/* A server that listens on every port, beside a client. */
static void nothing_left_for_clients(void **state)
{
	struct fixture f;

	load_tunnels(&f, "[" FIXTURE_CLIENT ", {'mode': 'server', 'listen_port': '1-65535',"
			 " 'destination_port': 80, 'destination_address': '127.0.0.1'}]");
	expect_error(&f, "box.json: local_ports",
		     "servers' listen_port leaves fewer than 64 of 16384-32767 to clients; take "
		     "ports out of it, or another range");
	unload(&f);
	load_tunnels(&f, "[{'mode': 'server', 'listen_port': '1-65535',"
			 " 'destination_port': 80, 'destination_address': '127.0.0.1'}]");
	expect_good(&f);
	unload(&f);
}

static void no_ports(void **state)
{
	struct fixture f;

	load_text(&f, "{'tunnels': []}");
	expect_only_error(&f, FIXTURE_FILE ": ports", "missing");
	load_text(&f, "{'ports': [], 'tunnels': []}");
	expect_only_error(&f, FIXTURE_FILE ": ports", "found []; allowed a list of objects");
	load_text(&f, "[]");
	expect_only_error(&f, FIXTURE_FILE, "found []; allowed an object");
}

static void too_many(void **state)
{
	json_t *ports = json_array(), *tunnels = json_array();
	struct fixture f;

	for (int i = 0; i <= KG_CONFIG_PORTS_MAX; i++)
		json_array_append_new(ports,
				      json_pack("{s:o}", "device", json_sprintf("net_null%d", i)));
	for (int i = 0; i <= KG_CONFIG_TUNNELS_MAX; i++)
		json_array_append_new(tunnels,
				      json_pack("{s:s,s:i,s:i,s:s}", "mode", "client",
						"listen_port", 6000 + i, "destination_port", 3000,
						"destination_address", "198.18.0.1"));
	json_object_set_new(json_array_get(ports, 0), "addresses", json_string("198.18.0.2/24"));
	load_json(&f, json_pack("{s:o,s:o}", "ports", ports, "tunnels", tunnels));
	assert_int_equal(count_entries(f.mistakes.errors), 2);
	expect_error(&f, "box.json: ports[16]", "one too many; allowed 16 in all");
	expect_error(&f, "box.json: tunnels[256]", "one too many; allowed 256 in all");
	unload(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_keys),
		cmocka_unit_test(hosts_at_the_edge),
		cmocka_unit_test(devices_that_are_no_interfaces),
		cmocka_unit_test(two_ports),
		cmocka_unit_test(nothing_left_for_clients),
		cmocka_unit_test(box_keys),
		cmocka_unit_test(no_ports),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
