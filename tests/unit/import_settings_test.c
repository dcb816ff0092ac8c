/* SPDX-License-Identifier: BSD-3-Clause */
/* What each setting means: as KCPTube's documents say, and a warning where its program differs. */
#include "import_fixture.h"

/* One line, number 5, behind those of a client or server. */
struct setting {
	const char *line, *changes, *said;
};

static void expect_settings(const char *file, const char *tunnel, const struct setting *cases,
			    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char text[1024];
		struct imported result;

		snprintf(text, sizeof(text), "%s%s\n", file, cases[i].line);
		result = import_text(text);
		expect_tunnel(&result, changed(tunnel, cases[i].changes));
		expect_said(&result, cases[i].said);
		forget(&result);
	}
}

static void expect_of_client(const struct setting *cases, size_t count)
{
	expect_settings(CLIENT,
			"{'mode': 'client', 'listen_port': 6000, 'destination_port': 3000,"
			" 'destination_address': '198.18.0.2'}",
			cases, count);
}

static void expect_of_server(const struct setting *cases, size_t count)
{
	expect_settings(SERVER,
			"{'mode': 'server', 'listen_port': 3000, 'destination_port': 80,"
			" 'destination_address': '::1'}",
			cases, count);
}

static void numbers(void **state)
{
	static const struct setting cases[] = {
		{ "keep_alive=30", "{'keep_alive': 30}", "" },
		{ "keep_alive= +30 # seconds", "{'keep_alive': 30}", BEHIND("5", "keep_alive") },
		{ "keep_alive=1e3", "{'keep_alive': 1}", BEHIND("5", "keep_alive") },
		{ "keep_alive=08", "{'keep_alive': 8}", "" },
		{ "keep_alive=-5", "{'keep_alive': 0}",
		  AT "5: keep_alive: warning: -5 is taken as 0\n" },
		{ "keep_alive=65536", "{'keep_alive': 65535}",
		  AT "5: keep_alive: warning: 65536 is taken as 65535\n" },
		{ "mux_tunnels=-1", "{'mux_tunnels': 0}",
		  AT "5: mux_tunnels: warning: -1 is taken as 0\n" },
		{ "udp_timeout=0", "{'udp_timeout': 0}", "" },
		{ "udp_timeout=65536", "{'udp_timeout': 180}",
		  AT "5: udp_timeout: warning: 65536 is taken as 180\n" },
		{ "udp_timeout=-1", "{'udp_timeout': 180}",
		  AT "5: udp_timeout: warning: -1 is taken as 180\n" },
		{ "mtu=0", "{'mtu': 0}", "" },
		{ "mtu=-1", "{'mtu': 0}", AT "5: mtu: warning: -1 is taken as 0\n" },
		{ "kcp_mtu=-1", "{'kcp_mtu': 0}", AT "5: kcp_mtu: warning: -1 is taken as 0\n" },
		{ "kcp_sndwnd=65536", "{'kcp_sndwnd': 65535}",
		  AT "5: kcp_sndwnd: warning: 65536 is taken as 65535\n" },
		{ "kcp_rcvwnd=0", "{'kcp_rcvwnd': 0}", "" },
		{ "dport_refresh=0", "{'dport_refresh': 0}", "" },
		{ "dport_refresh=1", "{'dport_refresh': 20}",
		  AT "5: dport_refresh: warning: 1 is taken as 20\n" },
		{ "dport_refresh=20", "{'dport_refresh': 20}", "" },
		{ "dport_refresh=65535", "{'dport_refresh': 32767}",
		  AT "5: dport_refresh: warning: 65535 is taken as 32767\n" },
		{ "dport_refresh=300\ndport_refresh=-1", "{'dport_refresh': 300}",
		  AT "6: dport_refresh: warning: -1 is left out, as KCPTube does\n" },
	};

	expect_of_client(cases, KG_ARRAY_SIZE(cases));
}

static void yes_and_no(void **state)
{
	static const struct setting cases[] = {
		{ "blast=yes", "{'blast': true}", "" },
		{ "blast=FALSE", "{'blast': false}", "" },
		{ "blast=perhaps", "{'blast': false}",
		  AT "5: blast: warning: neither yes nor no: taken as no, as KCPTube does\n" },
		{ "ipv4_only=True", "{'ipv4_only': true}", "" },
		{ "ipv4_only=no", "{'ipv4_only': false}",
		  AT "5: ipv4_only: warning: KCPTube takes any value as yes; taken as no\n" },
		{ "ipv6_only=0", "{'ipv6_only': false}",
		  AT "5: ipv6_only: warning: KCPTube takes any value as yes; taken as no\n" },
	};

	expect_of_client(cases, KG_ARRAY_SIZE(cases));
}

static void ports(void **state)
{
	static const struct setting cases[] = {
		{ "destination_port=3000-65535", "{'destination_port': '3000-65535'}",
		  AT "5: destination_port: warning: KCPTube hangs on a range up to 65535; taken as "
		     "it stands\n" AGAIN("5", "destination_port", "3") },
		{ "destination_port=5-5", "{'destination_port': 5}",
		  AT "5: destination_port: warning: KCPTube refuses 5-5; taken as one port\n" AGAIN(
			  "5", "destination_port", "3") },
		{ "destination_port= 4000 , 9-8000,3000,", "{'destination_port': '9-8000'}",
		  AGAIN("5", "destination_port", "3") },
		{ "destination_port=4000,10-12,7", "{'destination_port': [7, '10-12', 4000]}",
		  AGAIN("5", "destination_port", "3") },
		{ "destination_port=5-10-20", "{'destination_port': '5-10'}",
		  BEHIND("5", "destination_port") AGAIN("5", "destination_port", "3") },
		{ "listen_port=6005,6001-6003", "{'listen_port': 6001}",
		  AGAIN("5", "listen_port", "2") AT
		  "5: listen_port: warning: a client has one port: 6001, the lowest, is taken, as "
		  "KCPTube does\n" },
	};

	expect_of_client(cases, KG_ARRAY_SIZE(cases));
}

static void bandwidths(void **state)
{
	static const struct setting cases[] = {
		{ "inbound_bandwidth=100k", "{'inbound_bandwidth': '100k'}", "" },
		{ "inbound_bandwidth=100K", "{'inbound_bandwidth': '100K'}", "" },
		{ "inbound_bandwidth=3 g", "{'inbound_bandwidth': '3g'}", "" },
		{ "inbound_bandwidth=8000000", "{'inbound_bandwidth': 8000000}",
		  AT "5: inbound_bandwidth: warning: KCPTube loses the last digit of a number "
		     "without a unit; taken as 8000000 bits per second\n" },
		{ "inbound_bandwidth=0", "{'inbound_bandwidth': 0}", "" },
		{ "outbound_bandwidth=1.5G", "{'outbound_bandwidth': '1G'}",
		  BEHIND("5", "outbound_bandwidth") },
		{ "outbound_bandwidth=300MM", "{'outbound_bandwidth': '300M'}",
		  BEHIND("5", "outbound_bandwidth") },
	};

	expect_of_client(cases, KG_ARRAY_SIZE(cases));
}

static void forward_error_correction(void **state)
{
	static const struct setting cases[] = {
		{ "fec = 20 : 4", "{'fec': '20:4'}", "" },
		{ "fec=0:4", "{'fec': '0:0'}", "" },
		{ "fec=-3:2", "{'fec': '0:0'}", "" },
		{ "fec=20:4x", "{'fec': '20:4'}", BEHIND("5", "fec") },
		{ "fec=20:4\nfec=0:4", "{'fec': '0:0'}",
		  AT "6: fec: warning: KCPTube keeps numbers of an earlier line; FEC is off "
		     "here\n" AGAIN("6", "fec", "5") },
		{ "fec=20:4\nfec=10:2", "{'fec': '10:2'}", AGAIN("6", "fec", "5") },
	};

	expect_of_client(cases, KG_ARRAY_SIZE(cases));
}

static void packet_sizes(void **state)
{
	static const struct setting cases[] = {
		{ "mtu=1400", "{'mtu': 1400}", "" },
		{ "mtu=1400\nkcp_mtu=1300", "{'kcp_mtu': 1300}",
		  AT
		  "6: kcp_mtu: warning: KCPTube lets mtu win, against its documents; mtu is left "
		  "out here\n" },
		{ "kcp_mtu=0\nmtu=1400", "{'mtu': 1400, 'kcp_mtu': 0}", "" },
	};

	expect_of_client(cases, KG_ARRAY_SIZE(cases));
}

#define NO_TABLES(vrf)                                                                           \
	"left out: FreeBSD's routing tables have numbers, Linux's VRFs have names; \"" vrf "\" " \
	"takes one\n"

static void what_has_no_place(void **state)
{
	static const struct setting client[] = {
		{ "stun_server=a.b", "{}", NO_USE("5", "stun_server") },
		{ "update_ipv4=/bin/true", "{}", NO_USE("5", "update_ipv4") },
		{ "fib_ingress=3", "{}", AT "5: fib_ingress: warning: " NO_TABLES("vrf_ingress") },
		{ "fib_egress=x", "{}", AT "5: fib_egress: warning: " NO_TABLES("vrf_egress") },
	};
	static const struct setting server[] = {
		{ "dport_refresh=20", "{}", NO_USE("5", "dport_refresh") },
		{ "destination_dnstxt=a.b", "{}", NO_USE("5", "destination_dnstxt") },
	};

	expect_of_client(client, KG_ARRAY_SIZE(client));
	expect_of_server(server, KG_ARRAY_SIZE(server));
}

/* STUN, with a name, an address, and what is run. */
static void stun(void **state)
{
	static const struct setting cases[] = {
		{ "stun_server=stun.qq.com\nupdate_ipv4=/bin/true\nupdate_ipv6=/bin/true",
		  "{'stun_server': 'stun.qq.com', 'update_ipv4': '/bin/true',"
		  " 'update_ipv6': '/bin/true'}",
		  "" },
		{ "stun_server=fd00:18::9", "{'stun_server': 'fd00:18::9'}", "" },
	};

	expect_of_server(cases, KG_ARRAY_SIZE(cases));
}

static void where_clients_go(void **state)
{
	static const struct good cases[] = {
		{ "mode=client\nlisten_port=6000\nlisten_on=127.0.0.1, ::1\ndestination_port=1-9\n"
		  "destination_address=A.example.net,198.18.0.2,[fd00:18::2],\n",
		  "{'mode': 'client', 'listen_port': 6000, 'listen_on': '127.0.0.1, ::1',"
		  " 'destination_port': '1-9',"
		  " 'destination_address': 'A.example.net,198.18.0.2,[fd00:18::2],'}",
		  "" },
		{ "mode=client\nlisten_port=6000\ndestination_dnstxt=a.example.net\n",
		  "{'mode': 'client', 'listen_port': 6000,"
		  " 'destination_dnstxt': 'a.example.net'}",
		  "" },
	};

	expect_imports(cases, KG_ARRAY_SIZE(cases));
}

/* What is no value of its kind is told in the words of the loader. */
static void what_no_setting_takes(void **state)
{
	static const struct refused cases[] = {
		{ CLIENT "keep_alive=abc\nudp_timeout=99999999999999999999\nkcp=fast7\nfec=20\n",
		  AT "5: keep_alive: found \"abc\"; allowed a whole number, 0 to 65535\n" AT
		     "6: udp_timeout: found \"99999999999999999999\"; allowed a whole number, 0 to "
		     "65535\n" AT
		     "7: kcp: found \"fast7\"; allowed fast1, fast2, fast3, fast4, fast5, fast6, "
		     "regular1, regular2, regular3, regular4, regular5, manual\n" AT
		     "8: fec: found \"20\"; allowed \"DATA:PARITY\", whole numbers, 255 at most "
		     "together\n" },
		{ CLIENT "fec=200:100\ninbound_bandwidth=100Mbps\noutbound_bandwidth=-5M\n", AT
		  "5: fec: found \"200:100\"; allowed \"DATA:PARITY\", whole numbers, 255 at most "
		  "together\n" AT
		  "6: inbound_bandwidth: found \"100Mbps\"; allowed bits per second: a whole "
		  "number, or digits followed by one of KMGkmg\n" AT
		  "7: outbound_bandwidth: found \"-5M\"; allowed bits per second: a whole "
		  "number, or digits followed by one of KMGkmg\n" },
		{ "mode=client\nlisten_port=0\ndestination_port=10-5\ndestination_address=a,,b\n",
		  AT "2: listen_port: found \"0\"; allowed ports 1 to 65535, ranges as "
		     "\"3000-3010\", or a list of them\n" AT
		     "3: destination_port: found \"10-5\"; allowed ports 1 to 65535, ranges as "
		     "\"3000-3010\", or a list of them\n" AT
		     "4: destination_address: found \"\"; allowed an IPv4 or IPv6 address, or a "
		     "host name\n" },
		{ CLIENT "ipv4_only=1\nipv6_only=1\n",
		  AT "6: ipv6_only: found beside ipv4_only; allowed one of them\n" },
		{ CLIENT "encryption_algorithm=AES-GCM\n",
		  IMPORT_FILE ": encryption_password: missing; AES-GCM requires it\n" },
		{ CLIENT "kcp=manual\nkcp_nodelay=1\nkcp_interval=10\nkcp_resend=2\n",
		  IMPORT_FILE ": kcp_nc: missing; kcp \"manual\" requires it\n" },
		{ "mode=server\nlisten_port=3000-3010\ndestination_port=80,81\n"
		  "destination_address=::1\nmux_tunnels=3\nstun_server=a.b\n",
		  AT "5: mux_tunnels: found 3; allowed 0 on a server, which takes what its clients "
		     "open\n" AT "3: destination_port: found 2; allowed one on a server\n" AT
		     "6: stun_server: allowed with one listen_port and one listen_on at most\n" },
	};

	expect_refused(cases, KG_ARRAY_SIZE(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(yes_and_no),
		cmocka_unit_test(ports),
		cmocka_unit_test(bandwidths),
		cmocka_unit_test(forward_error_correction),
		cmocka_unit_test(packet_sizes),
		cmocka_unit_test(what_has_no_place),
		cmocka_unit_test(stun),
		cmocka_unit_test(where_clients_go),
		cmocka_unit_test(what_no_setting_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
