/* SPDX-License-Identifier: BSD-3-Clause */
/* What good settings become: values, defaults, presets, windows. */
#include "config/presets.h"
#include "config/schema.h"
#include "config_fixture.h"
#include "rate/rate.h"
#include "rate/told.h"

static void defaults(void **state)
{
	struct fixture f;

	load_text(&f, "{'ports': [{'device': 'net_null0', 'addresses': '198.18.0.2/24'}],"
		      " 'tunnels': [" FIXTURE_CLIENT "]}");
	expect_good(&f);
	assert_string_equal(f.config.name, "kcpgate");
	assert_int_equal(f.config.worker_count, 1);
	assert_int_equal(f.config.workers[0], 0);
	assert_int_equal(f.config.payload_threads, 1);
	assert_int_equal(f.config.poll, KG_POLL_ADAPTIVE);
	assert_true(f.config.hugepages);
	assert_int_equal(f.config.memory_mb, 512);
	assert_int_equal(f.config.eal_count, 0);

	const struct kg_port_config *port = &f.config.ports[0];

	assert_int_equal(f.config.port_count, 1);
	assert_string_equal(port->name, "port0");
	assert_string_equal(port->tap, "kg-port0");
	assert_int_equal(port->mtu, 1500);
	assert_int_equal(port->vlan, 0);
	assert_int_equal(port->gateway_count, 0);

	const struct kg_tunnel_config *t = &f.config.tunnels[0];

	assert_int_equal(f.config.tunnel_count, 1);
	assert_string_equal(t->name, "tunnel0");
	assert_string_equal(t->wire.encryption_algorithm, "none");
	assert_null(t->wire.encryption_password);
	assert_string_equal(t->wire.kcp_preset, "regular5");
	assert_true(t->wire.kcp.blast);
	assert_int_equal(t->wire.kcp.conv, 0);
	assert_int_equal(t->wire.udp_timeout_s, 180);
	assert_int_equal(t->wire.udp_deadline_ms, 0);
	assert_int_equal(t->wire.keep_alive_s, 0);
	assert_int_equal(t->wire.outbound_Bps, 0);
	assert_int_equal(t->wire.inbound_Bps, 0);
	assert_int_equal(t->listen_on_count, 0);
	assert_int_equal(t->wire.mtu, 1500);
	assert_false(t->ipv4_only || t->ipv6_only);
	unload(&f);
}

static void box_values(void **state)
{
	struct fixture f;

	load_text(&f, "{'name': 'edge-1', 'workers': [1, 3], 'payload_threads': 3, 'poll': 'busy',"
		      " 'memory': {'hugepages': false, 'mb': 2048},"
		      " 'eal': ['--log-level=a,b', '--no-pci'],"
		      " 'ports': [{'name': 'wan', 'device': 'net_af_xdp0,iface=eth1', 'tap': 'kg0',"
		      "   'exception': 'vhost', 'mtu': 9000, 'vlan': 7,"
		      "   'addresses': ['198.18.0.2/24', 'fd00:18::2/64'],"
		      "   'gateway': ['198.18.0.254', 'fe80::1']}],"
		      " 'tunnels': [" FIXTURE_CLIENT "]}");
	expect_good(&f);
	assert_string_equal(f.config.name, "edge-1");
	assert_int_equal(f.config.worker_count, 2);
	assert_int_equal(f.config.workers[1], 3);
	assert_int_equal(f.config.payload_threads, 3);
	assert_int_equal(f.config.poll, KG_POLL_BUSY);
	assert_false(f.config.hugepages);
	assert_int_equal(f.config.memory_mb, 2048);
	assert_int_equal(f.config.eal_count, 2);
	assert_string_equal(f.config.eal[0], "--log-level=a,b");

	const struct kg_port_config *port = &f.config.ports[0];
	char text[KG_IP_TEXT_BYTES];

	assert_string_equal(port->device, "net_af_xdp0,iface=eth1");
	assert_string_equal(port->tap, "kg0");
	assert_int_equal(port->exception, KG_EXCEPTION_VHOST);
	assert_int_equal(port->mtu, 9000);
	assert_int_equal(port->vlan, 7);
	assert_int_equal(port->address_count, 2);
	assert_int_equal(port->addresses[1].length, 64);
	assert_string_equal(kg_ip_text(&port->addresses[1].ip, text), "fd00:18::2");
	assert_int_equal(port->gateway_count, 2);
	assert_string_equal(kg_ip_text(&port->gateways[1], text), "fe80::1");
	unload(&f);
}

static void rates(void **state)
{
	static const struct {
		const char *tunnel;
		bool rate_auto;
		enum kg_rate_kind kind;
	} cases[] = {
		{ "{}", true, KG_RATE_FOUND_OUT },
		{ "{'rate': 'AUTO'}", true, KG_RATE_FOUND_OUT },
		{ "{'rate': 'window'}", false, KG_RATE_FOUND_OUT },
		{ "{'rate': 'fair'}", true, KG_RATE_FAIR },
		{ "{'rate': 'scavenger'}", true, KG_RATE_SCAVENGER },
		{ "{'rate': '300m'}", true, KG_RATE_TOLD },
		{ "{'rate': 300000000}", true, KG_RATE_TOLD },
		{ "{'rate': 'fair', 'kcp': 'manual', 'kcp_nodelay': 1, 'kcp_interval': 1,"
		  " 'kcp_resend': 2, 'kcp_nc': 0}",
		  false, KG_RATE_FAIR },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		struct fixture f;
		const struct kg_kcp_params *kcp;

		load_tunnel(&f, FIXTURE_CLIENT, cases[i].tunnel);
		expect_good(&f);
		kcp = &f.config.tunnels[0].wire.kcp;
		assert_int_equal(kcp->rate_auto, cases[i].rate_auto);
		assert_int_equal(kcp->rate_kind, cases[i].kind);
		if (cases[i].kind == KG_RATE_TOLD)
			assert_in_range(kg_rate_told(kcp->rate_told), 24980, 25000);
		unload(&f);
	}
}

static void client_values(void **state)
{
	struct fixture f;
	char text[KG_IP_TEXT_BYTES];

	load_tunnel(&f, FIXTURE_CLIENT,
		    "{'name': 'home', 'listen_on': '127.0.0.1', 'udp_deadline': 250,"
		    " 'destination_port': ['3000-3010', 4000, '4001,5000'],"
		    " 'destination_address': ['198.18.0.1', 'fd00:18::1'],"
		    " 'encryption_algorithm': 'aes-gcm', 'encryption_password': ' qwerty1234 ',"
		    " 'outbound_bandwidth': '50M', 'inbound_bandwidth': 8000000, 'blast': 'no',"
		    " 'udp_timeout': '300', 'keep_alive': 10, 'fec': '20 : 4'}");
	expect_good(&f);

	const struct kg_tunnel_config *t = &f.config.tunnels[0];

	assert_string_equal(t->name, "home");
	assert_int_equal(t->mode, KG_MODE_CLIENT);
	assert_int_equal(t->listen_port_count, 1);
	assert_int_equal(t->listen_ports[0].first, 6000);
	assert_int_equal(t->destination_port_count, 3);
	assert_int_equal(t->destination_ports[1].first, 4000);
	assert_int_equal(t->destination_ports[1].last, 4001);
	assert_int_equal(t->destination_count, 2);
	assert_string_equal(kg_ip_text(&t->destinations[1].ip, text), "fd00:18::1");
	assert_int_equal(t->listen_on_count, 1);
	assert_string_equal(t->wire.encryption_algorithm, "AES-GCM");
	assert_string_equal(t->wire.encryption_password, "qwerty1234");
	assert_int_equal(t->wire.outbound_Bps, 6553600);
	assert_int_equal(t->wire.inbound_Bps, 1000000);
	assert_false(t->wire.kcp.blast);
	assert_int_equal(t->wire.udp_timeout_s, 300);
	assert_int_equal(t->wire.udp_deadline_ms, 250);
	assert_int_equal(t->wire.keep_alive_s, 10);
	assert_int_equal(t->wire.fec.data, 20);
	assert_int_equal(t->wire.fec.parity, 4);
	unload(&f);
}

static unsigned int listens_on(const char *listen_on, const char *first)
{
	struct fixture f;
	char changes[128], text[KG_IP_TEXT_BYTES];
	unsigned int count;

	snprintf(changes, sizeof(changes), "{'listen_on': %s}", listen_on);
	load_tunnel(&f, FIXTURE_SERVER, changes);
	expect_good(&f);
	count = f.config.tunnels[0].listen_on_count;
	assert_string_equal(kg_ip_text(&f.config.tunnels[0].listen_on[0], text), first);
	unload(&f);
	return count;
}

/* Any address of a family stands for all of them, and each is listened on once. */
static void any_address_of_a_family(void **state)
{
	assert_int_equal(listens_on("'0.0.0.0'", "0.0.0.0"), 1);
	assert_int_equal(listens_on("'[::]'", "::"), 1);
	assert_int_equal(listens_on("'0.0.0.0,::'", "0.0.0.0"), 2);
	assert_int_equal(listens_on("['198.18.0.2', '0.0.0.0', 'fd00:18::2']", "0.0.0.0"), 2);
	assert_int_equal(listens_on("['198.18.0.2', '198.18.0.2', '[fd00:18::2]']", "198.18.0.2"),
			 2);
}

/* Off, as in the original. */
static void fec_with_a_zero(void **state)
{
	static const char *const texts[] = { "{'fec': '0:4'}", "{'fec': '20:0'}",
					     "{'fec': '0:0'}" };

	for (size_t i = 0; i < KG_ARRAY_SIZE(texts); i++) {
		struct fixture f;

		load_tunnel(&f, FIXTURE_CLIENT, texts[i]);
		expect_good(&f);
		assert_int_equal(f.config.tunnels[0].wire.fec.data, 0);
		assert_int_equal(f.config.tunnels[0].wire.fec.parity, 0);
		unload(&f);
	}
}

/* The forms of the original's files, as they are pasted. */
static void kcptube_text_forms(void **state)
{
	struct fixture f;

	load_tunnel(
		&f, FIXTURE_SERVER,
		"{'mode': 'Server', 'listen_port': '60000-65535,3000', 'listen_on': '198.18.0.2, "
		"fd00:18::2', 'kcp': 'Manual', 'kcp_mtu': '1400', 'kcp_sndwnd': '512',"
		" 'kcp_rcvwnd': '2048', 'kcp_nodelay': '1', 'kcp_interval': '10',"
		" 'kcp_resend': '2', 'kcp_nc': 'true', 'udp_timeout': '300',"
		" 'inbound_bandwidth': '1G', 'outbound_bandwidth': ''}");
	expect_good(&f);

	const struct kg_tunnel_config *t = &f.config.tunnels[0];

	assert_int_equal(t->mode, KG_MODE_SERVER);
	assert_int_equal(t->listen_port_count, 2);
	assert_int_equal(t->listen_ports[1].last, 65535);
	assert_int_equal(t->listen_on_count, 2);
	assert_string_equal(t->wire.kcp_preset, "manual");
	assert_int_equal(t->wire.kcp.mtu, 1400);
	assert_int_equal(t->wire.kcp.snd_wnd, 512);
	assert_int_equal(t->wire.kcp.rcv_wnd, 2048);
	assert_false(t->wire.kcp.snd_spread || t->wire.kcp.rcv_grows);
	assert_int_equal(t->wire.kcp.nodelay, 1);
	assert_int_equal(t->wire.kcp.interval_ms, 10);
	assert_int_equal(t->wire.kcp.resend, 2);
	assert_true(t->wire.kcp.nc);
	assert_int_equal(t->wire.inbound_Bps, 134217728);
	assert_int_equal(t->wire.outbound_Bps, 0);
	unload(&f);
}

/* The presets of docs/configuration.md. */
static void presets(void **state)
{
	static const struct {
		const char *name;
		unsigned int nodelay, interval_ms, resend, window;
	} rows[] = {
		{ "fast1", 1, 0, 2, 2048 },     { "fast2", 2, 0, 2, 2048 },
		{ "fast3", 1, 1, 3, 2048 },     { "fast4", 2, 1, 3, 2048 },
		{ "fast5", 1, 1, 4, 2048 },     { "fast6", 2, 1, 4, 2048 },
		{ "regular1", 1, 1, 5, 1024 },  { "regular2", 2, 1, 5, 1024 },
		{ "regular3", 0, 1, 2, 1024 },  { "regular4", 0, 15, 2, 1024 },
		{ "regular5", 0, 30, 2, 1024 },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++) {
		char change[32];
		struct fixture f;

		snprintf(change, sizeof(change), "{'kcp': '%s'}", rows[i].name);
		load_tunnel(&f, FIXTURE_CLIENT, change);
		expect_good(&f);

		const struct kg_kcp_params *kcp = &f.config.tunnels[0].wire.kcp;

		assert_string_equal(f.config.tunnels[0].wire.kcp_preset, rows[i].name);
		assert_int_equal(kcp->nodelay, rows[i].nodelay);
		assert_int_equal(kcp->interval_ms, rows[i].interval_ms);
		assert_int_equal(kcp->resend, rows[i].resend);
		assert_true(kcp->nc);
		assert_int_equal(kcp->snd_wnd, rows[i].window);
		assert_int_equal(kcp->rcv_wnd, rows[i].window);
		assert_true(kcp->snd_spread && kcp->rcv_grows);
		unload(&f);
	}
}

static void every_preset_word_is_a_preset(void **state)
{
	for (const struct kg_word *word = kg_preset_words; word->name; word++)
		assert_non_null(kg_preset_find(word->name));
	assert_null(kg_preset_find("fast7"));
}

static void windows(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_CLIENT, "{'kcp': 'fast1', 'kcp_sndwnd': 32, 'kcp_rcvwnd': 65535}");
	expect_good(&f);
	assert_int_equal(f.config.tunnels[0].wire.kcp.snd_wnd, 32);
	assert_int_equal(f.config.tunnels[0].wire.kcp.rcv_wnd, 65535);
	unload(&f);

	load_tunnel(&f, FIXTURE_CLIENT,
		    "{'kcp': 'manual', 'kcp_nodelay': 0, 'kcp_interval': 20,"
		    " 'kcp_resend': 0, 'kcp_nc': 0, 'kcp_sndwnd': 0}");
	expect_good(&f);
	assert_int_equal(f.config.tunnels[0].wire.kcp.snd_wnd, 2048);
	assert_int_equal(f.config.tunnels[0].wire.kcp.rcv_wnd, 2048);
	assert_false(f.config.tunnels[0].wire.kcp.nc);
	unload(&f);
}

/* What takes effect otherwise than written is said. */
static void corrections(void **state)
{
	static const struct {
		const char *changes, *where, *text;
	} cases[] = {
		{ "{'kcp_rcvwnd': 100}", "kcp_rcvwnd", "100 is too small, taken as 128" },
		{ "{'kcp_sndwnd': 1}", "kcp_sndwnd",
		  "1 is less than a datagram of 1500 bytes needs, taken as 2" },
		{ "{'kcp_sndwnd': 65536}", "kcp_sndwnd", "65536 is too large, taken as 65535" },
		{ "{'kcp_rcvwnd': '99999'}", "kcp_rcvwnd", "99999 is too large, taken as 65535" },
		{ "{'udp_timeout': 65536}", "udp_timeout",
		  "65536 is not within 1 to 65535, the default 180 is taken" },
		{ "{'udp_timeout': -1}", "udp_timeout",
		  "-1 is not within 1 to 65535, the default 180 is taken" },
		{ "{'keep_alive': 70000}", "keep_alive", "70000 is too large, taken as 65535" },
		{ "{'kcp': 'regular3', 'kcp_interval': 5}", "kcp_interval",
		  "5 has no effect with kcp \"regular3\", which makes it 1" },
		{ "{'kcp': 'fast1', 'kcp_nc': false}", "kcp_nc",
		  "false has no effect with kcp \"fast1\", which makes it true" },
		{ "{'encryption_password': 'secret'}", "encryption_password",
		  "nothing is encrypted without encryption_algorithm" },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		char where[64];
		struct fixture f;

		snprintf(where, sizeof(where), FIXTURE_FILE ": tunnels[0].%s", cases[i].where);
		load_tunnel(&f, FIXTURE_CLIENT, cases[i].changes);
		expect_only_warning(&f, where, cases[i].text);
		unload(&f);
	}
}

static void corrected_values(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_CLIENT, "{'kcp_sndwnd': 1}");
	assert_int_equal(f.config.tunnels[0].wire.kcp.snd_wnd, 2);
	unload(&f);
	load_tunnel(&f, FIXTURE_CLIENT,
		    "{'kcp_rcvwnd': 1, 'kcp_sndwnd': 4294967296, 'udp_timeout': 100000,"
		    " 'keep_alive': 4294967296}");
	assert_int_equal(count_entries(f.mistakes.warnings), 4);
	assert_int_equal(f.config.tunnels[0].wire.kcp.rcv_wnd, 128);
	assert_int_equal(f.config.tunnels[0].wire.kcp.snd_wnd, 65535);
	assert_int_equal(f.config.tunnels[0].wire.udp_timeout_s, 180);
	assert_int_equal(f.config.tunnels[0].wire.keep_alive_s, 65535);
	unload(&f);
}

/* Numbers that say what the preset says anyway, and 0 for what has a default, are no news. */
static void no_false_alarms(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_CLIENT,
		    "{'kcp': 'regular3', 'kcp_interval': 1, 'kcp_nc': 'yes', 'udp_timeout': 0,"
		    " 'kcp_rcvwnd': 0, 'mtu': 0, 'kcp_mtu': 0, 'encryption_algorithm': 'none',"
		    " 'encryption_password': 'qwerty1234'}");
	expect_good(&f);
	assert_int_equal(f.config.tunnels[0].wire.udp_timeout_s, 180);
	assert_string_equal(f.config.tunnels[0].wire.encryption_password, "qwerty1234");
	unload(&f);
}

/* A server's workers can have shares of one range that is long enough. */
static void flow_rules(void **state)
{
	static const struct {
		const char *workers, *ports;
		bool good;
	} cases[] = {
		{ "[0, 1]", "'3000-3001'", true },
		{ "[0, 1]", "3000", false },
		{ "[0]", "'3000-3001'", false },
		{ "[0, 1]", "'3000-3010,3012'", false },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		char text[512];
		struct fixture f;

		snprintf(text, sizeof(text),
			 "{'workers': %s, 'ports': [{'device': 'net_null0', 'flow_rules': true,"
			 " 'addresses': '198.18.0.2/24'}], 'tunnels': [{'mode': 'server',"
			 " 'listen_port': %s, 'destination_address': '127.0.0.1',"
			 " 'destination_port': 22}]}",
			 cases[i].workers, cases[i].ports);
		load_text(&f, text);
		if (cases[i].good)
			expect_good(&f);
		else
			expect_only_warning(
				&f, FIXTURE_FILE ": ports[0].flow_rules",
				"without effect: no server's listen_port has a port for "
				"each of several workers, without gaps");
		assert_true(f.config.ports[0].flow_rules);
		unload(&f);
	}
}

static void no_tunnels(void **state)
{
	struct fixture f;

	load_text(&f, "{'ports': [" FIXTURE_PORT "]}");
	expect_only_warning(&f, FIXTURE_FILE ": tunnels", "none: the ports only serve Linux");
	unload(&f);
}

static void tunnels_of_one_box(void **state)
{
	struct fixture f;

	load_tunnels(&f,
		     "[{'mode': 'client', 'listen_port': 6000, 'destination_port': 3000,"
		     "  'destination_address': '198.18.0.1'},"
		     " {'mode': 'client', 'listen_port': 6000, 'listen_on': '127.0.0.2',"
		     "  'destination_port': 3000, 'destination_address': '198.18.0.1',"
		     "  'ipv4_only': true, 'name': 'second'},"
		     " {'mode': 'server', 'listen_port': '3000-3010', 'listen_on': '198.18.0.2',"
		     "  'destination_port': 80, 'destination_address': '::1'},"
		     " {'mode': 'server', 'listen_port': '3000-3010', 'listen_on': 'fd00:18::2',"
		     "  'destination_port': 80, 'destination_address': '::1'}]");
	expect_error(
		&f, FIXTURE_FILE ": tunnels[1].listen_port",
		"found 6000, where tunnels[0] in box.json listens already on the same address");
	assert_int_equal(count_entries(f.mistakes.errors), 1);
	assert_string_equal(f.config.tunnels[1].name, "second");
	assert_string_equal(f.config.tunnels[2].name, "tunnel2");
	unload(&f);
}

static void byte_order_mark(void **state)
{
	struct fixture f;

	load_text(&f, "\xef\xbb\xbf{'ports': [" FIXTURE_PORT "], 'tunnels': [" FIXTURE_CLIENT "]}");
	expect_good(&f);
	unload(&f);
}

static void a_server_has_addresses_and_names(void **state)
{
	struct fixture f;
	char text[KG_IP_TEXT_BYTES];

	load_tunnels(&f, "[{'mode': 'client', 'listen_port': 6000, 'destination_port': 3000,"
			 "  'destination_address': ['198.18.0.1', 'box.test', 'Other.test.', "
			 "'fd00:18::1']}]");
	expect_good(&f);

	const struct kg_host *hosts = f.config.tunnels[0].destinations;

	assert_int_equal(f.config.tunnels[0].destination_count, 4);
	assert_string_equal(kg_ip_text(&hosts[0].ip, text), "198.18.0.1");
	assert_int_equal(hosts[1].ip.version, 0);
	assert_string_equal(hosts[1].name, "box.test");
	assert_string_equal(hosts[2].name, "Other.test.");
	assert_string_equal(hosts[3].name, "");
	/* It may turn out to be IPv6. */
	assert_int_equal(f.config.tunnels[0].wire.kcp.mtu, 1446);
	unload(&f);
}

static void a_txt_record_takes_the_place_of_address_and_port(void **state)
{
	struct fixture f;

	load_tunnels(&f, "[{'mode': 'client', 'listen_port': 6000,"
			 "  'destination_dnstxt': 'box.test'}]");
	expect_good(&f);
	assert_string_equal(f.config.tunnels[0].destination_dnstxt, "box.test");
	assert_int_equal(f.config.tunnels[0].destination_count, 0);
	unload(&f);
}

/* Seconds between hops: a number, or two of which one is drawn in between. */
static void intervals(void **state)
{
	static const struct {
		const char *change;
		unsigned int first, last;
	} cases[] = {
		{ "{}", 60, 60 },
		{ "{'dport_refresh': 0}", 0, 0 },
		{ "{'dport_refresh': ' 20 '}", 20, 20 },
		{ "{'dport_refresh': '30 - 90'}", 30, 90 },
		{ "{'dport_refresh': 32767}", 32767, 32767 },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		struct fixture f;

		load_tunnel(&f, FIXTURE_CLIENT, cases[i].change);
		assert_int_equal(f.config.tunnels[0].wire.dport_refresh.first_s, cases[i].first);
		assert_int_equal(f.config.tunnels[0].wire.dport_refresh.last_s, cases[i].last);
		unload(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(box_values),
		cmocka_unit_test(client_values),
		cmocka_unit_test(rates),
		cmocka_unit_test(any_address_of_a_family),
		cmocka_unit_test(fec_with_a_zero),
		cmocka_unit_test(kcptube_text_forms),
		cmocka_unit_test(presets),
		cmocka_unit_test(every_preset_word_is_a_preset),
		cmocka_unit_test(windows),
		cmocka_unit_test(corrections),
		cmocka_unit_test(corrected_values),
		cmocka_unit_test(no_false_alarms),
		cmocka_unit_test(flow_rules),
		cmocka_unit_test(no_tunnels),
		cmocka_unit_test(tunnels_of_one_box),
		cmocka_unit_test(byte_order_mark),
		cmocka_unit_test(a_server_has_addresses_and_names),
		cmocka_unit_test(a_txt_record_takes_the_place_of_address_and_port),
		cmocka_unit_test(intervals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
