/* SPDX-License-Identifier: BSD-3-Clause */
/* Sections: a client's custom mappings, and the legs of a relay. */
#include "import_fixture.h"

/* ---- custom mappings ---- */

#define BRACES(line, key, by) \
	AT line ": " key ": warning: left out: {} in line " by " decides, as with KCPTube\n"

static void mappings(void **state)
{
	static const struct good cases[] = {
		{ "mode=client\nlisten_port={}\ndestination_port=3000\n"
		  "destination_address=198.18.0.2\n[custom_input]\n127.0.0.1:8000 -> host.name:80\n"
		  "[CUSTOM_INPUT_TCP]\n:2222->[::1]:22\nkcp=fast1\n[custom_input_udp]\n"
		  "[fd00:18::1]:53 -> 127.0.0.1:53\n",
		  "{'mode': 'client', 'listen_port': '{}', 'destination_port': 3000,"
		  " 'destination_address': '198.18.0.2', 'kcp': 'fast1', 'custom_input': ["
		  "{'local': '127.0.0.1:8000', 'remote': 'host.name:80'},"
		  "{'local': ':2222', 'remote': '[::1]:22', 'protocol': 'tcp'},"
		  "{'local': '[fd00:18::1]:53', 'remote': '127.0.0.1:53', 'protocol': 'udp'}]}",
		  "" },
		/* brackets, remarks, and what listens twice in one place */
		{ "mode=client\nlisten_on={}\ndestination_port=3000\n"
		  "destination_address=198.18.0.2\n[custom_input]\n:80 -> a.b:80\n"
		  "::1:53->fd00:18::9:53\n[custom_input_tcp]\n:80 -> c.d:81 # web\n"
		  "[custom_input]\n[::1]:53 -> 127.0.0.1:53\n",
		  "{'mode': 'client', 'listen_on': '{}', 'destination_port': 3000,"
		  " 'destination_address': '198.18.0.2', 'custom_input': ["
		  "{'local': ':80', 'remote': 'a.b:80', 'protocol': 'udp'},"
		  "{'local': ':80', 'remote': 'c.d:81', 'protocol': 'tcp'},"
		  "{'local': '[::1]:53', 'remote': '127.0.0.1:53'}]}",
		  AT "7: custom_input: warning: brackets are put around an IPv6 address\n" AT
		     "9: custom_input: warning: what stands behind a port is left out, as KCPTube "
		     "does\n" AT
		     "9: custom_input: warning: takes the place of line 6, which listens there, "
		     "too\n" AT
		     "11: custom_input: warning: takes the place of line 7, which listens there, "
		     "too\n" },
		/* "{}" decides, whatever else says where */
		{ "mode=client\nlisten_port={}\nlisten_port=6000\nlisten_on=127.0.0.1\n"
		  "destination_port=3000\ndestination_address=198.18.0.2\n[custom_input]\n"
		  ":80 -> a.b:80\n",
		  "{'mode': 'client', 'listen_port': '{}', 'destination_port': 3000,"
		  " 'destination_address': '198.18.0.2',"
		  " 'custom_input': [{'local': ':80', 'remote': 'a.b:80'}]}",
		  BRACES("3", "listen_port", "2") BRACES("4", "listen_on", "2") },
		{ SERVER "destination_port={}\n",
		  "{'mode': 'server', 'listen_port': 3000, 'destination_port': '{}'}",
		  AGAIN("5", "destination_port", "3") BRACES("4", "destination_address", "5") },
		{ CLIENT "[custom_input]\n:80 -> a.b:80\n",
		  "{'mode': 'client', 'listen_port': 6000, 'destination_port': 3000,"
		  " 'destination_address': '198.18.0.2'}",
		  AT "6: custom_input: warning: mappings are without effect unless listen_port is "
		     "{}; left out\n" },
	};

	expect_imports(cases, KG_ARRAY_SIZE(cases));
}

#define LOCAL                                                                                \
	"; allowed \":PORT\", or an address of this host and a port, as \"127.0.0.1:8000\" " \
	"or \"[fd00:18::1]:8000\"\n"
#define REMOTE                                                                               \
	"; allowed an address or host name and a port, as \"127.0.0.1:8000\", \"[::1]:53\" " \
	"or \"host.name:443\"\n"

static void mappings_that_are_wrong(void **state)
{
	static const struct refused cases[] = {
		{ "mode=client\nlisten_port={}\ndestination_port=3000\n"
		  "destination_address=198.18.0.2\n[custom_input]\n:79 -> a.b:1\n:79 -> a.b:2\n"
		  "80 -> a.b:80\nlocalhost:80 -> a.b:80\n:81 -> nothing\n:82 -> :82\n:0 -> a.b:1\n",
		  AT "8: custom_input[1].local: found \"80\"" LOCAL AT
		     "9: custom_input[2].local: found \"localhost:80\"" LOCAL AT
		     "10: custom_input[3].remote: found \"nothing\"" REMOTE AT
		     "11: custom_input[4].remote: found \":82\"" REMOTE AT
		     "12: custom_input[5].local: found \":0\"" LOCAL AT
		     "7: custom_input: warning: takes the place of line 6, which listens there, "
		     "too\n" },
		{ "mode=client\nlisten_port={}\ndestination_port=3000\n"
		  "destination_address=198.18.0.2\n",
		  IMPORT_FILE ": custom_input: missing; listen_port \"{}\" requires it\n" },
		{ CLIENT "destination_port={}\n",
		  AT "5: destination_port: found \"{}\"; allowed on a server\n" AGAIN(
			  "5", "destination_port", "3") },
	};

	expect_refused(cases, KG_ARRAY_SIZE(cases));
}

static void too_many_mappings(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	struct imported result;

	fprintf(to, "mode=client\nlisten_port={}\ndestination_port=3000\n"
		    "destination_address=198.18.0.2\n[custom_input]\n");
	for (int port = 1; port <= 1025; port++)
		fprintf(to, ":%d -> a.b:1\n", port);
	fclose(to);
	result = import_bytes(IMPORT_FILE, text, len);
	assert_null(result.document);
	expect_said(&result, AT "1030: custom_input: one too many; allowed 1024 in all\n");
	forget(&result);
	free(text);
}

/* ---- relays ---- */

#define LISTENER  "[listener]\nlisten_port=3000\n"
#define FORWARDER "[forwarder]\ndestination_port=4000\ndestination_address=198.18.0.2\n"
#define LEGS                                 \
	"'listener': {'listen_port': 3000}," \
	" 'forwarder': {'destination_port': 4000, 'destination_address': '198.18.0.2'}"
#define WINS(line, key, outer)                                       \
	AT line ": " key ": warning: KCPTube takes what line " outer \
		" says instead; here the section's holds\n"
#define KEPT(line, key)                                                                \
	AT line ": " key ": warning: KCPTube keeps it from the sections, against its " \
		"documents; here it holds for those that have none of their own\n"
#define TWO_ENCRYPTIONS                                                           \
	IMPORT_FILE ": warning: KCPTube sends to the server with the listener's " \
		    "encryption; here each leg has its own\n"

static void sections_win(void **state)
{
	static const struct good cases[] = {
		{ "mode=relay\nkcp=fast1\nudp_timeout=0\n" LISTENER FORWARDER,
		  "{'mode': 'relay', 'kcp': 'fast1', 'udp_timeout': 0, " LEGS "}", "" },
		/* the same word twice, and one that KCPTube does not copy: nothing to say */
		{ "mode=relay\nkcp=fast1\nkeep_alive=0\nencryption_algorithm=none\n" LISTENER
		  "kcp=fast1\nkeep_alive=3\nencryption_algorithm=xor\n" FORWARDER
		  "encryption_algorithm=XOR\nencryption_algorithm=xor\n",
		  "{'mode': 'relay', 'kcp': 'fast1', 'keep_alive': 0,"
		  " 'encryption_algorithm': 'none',"
		  " 'listener': {'listen_port': 3000, 'kcp': 'fast1', 'keep_alive': 3,"
		  "              'encryption_algorithm': 'xor'},"
		  " 'forwarder': {'destination_port': 4000,"
		  "               'destination_address': '198.18.0.2',"
		  "               'encryption_algorithm': 'xor'}}",
		  AGAIN("14", "forwarder.encryption_algorithm", "13") },
		{ "mode=relay\nkcp=fast1\nfec=10:2\nmtu=1400\nencryption_algorithm=AES-GCM\n"
		  "encryption_password=a\n" LISTENER "kcp=fast2\nfec=0:0\nmtu=1280\nblast=0\n"
		  "encryption_password=b\n" FORWARDER,
		  "{'mode': 'relay', 'kcp': 'fast1', 'fec': '10:2', 'mtu': 1400,"
		  " 'encryption_algorithm': 'AES-GCM', 'encryption_password': 'a',"
		  " 'listener': {'listen_port': 3000, 'kcp': 'fast2', 'fec': '0:0', 'mtu': 1280,"
		  "              'blast': false, 'encryption_password': 'b'},"
		  " 'forwarder': {'destination_port': 4000,"
		  "               'destination_address': '198.18.0.2'}}",
		  WINS("9", "listener.kcp", "2") WINS("13", "listener.encryption_password", "6") AT
		  "12: listener.blast: warning: KCPTube does not heed it here, for blast "
		  "is on before the sections unless set there; off here\n" WINS("10",
										"listener.fec", "3")
			  WINS("11", "listener.mtu", "4") TWO_ENCRYPTIONS },
	};

	expect_imports(cases, KG_ARRAY_SIZE(cases));
}

static void what_kcptube_keeps_from_sections(void **state)
{
	static const struct good cases[] = {
		{ "mode=relay\nkcp=manual\nkcp_nodelay=1\nkcp_interval=10\nkcp_resend=2\nkcp_nc=1\n"
		  "dport_refresh=300\n" LISTENER FORWARDER,
		  "{'mode': 'relay', 'kcp': 'manual', 'kcp_nodelay': 1, 'kcp_interval': 10,"
		  " 'kcp_resend': 2, 'kcp_nc': true, 'listener': {'listen_port': 3000},"
		  " 'forwarder': {'destination_port': 4000,"
		  "               'destination_address': '198.18.0.2', 'dport_refresh': 300}}",
		  KEPT("7", "dport_refresh") KEPT("3", "kcp_nodelay") KEPT("4", "kcp_interval")
			  KEPT("5", "kcp_resend") KEPT("6", "kcp_nc") },
		{ "mode=relay\ndport_refresh=300\nblast=0\n" LISTENER "blast=0\n" FORWARDER
		  "dport_refresh=30\n[listener]\nfec=3:2\n",
		  "{'mode': 'relay', 'blast': false,"
		  " 'listener': {'listen_port': 3000, 'blast': false, 'fec': '3:2'},"
		  " 'forwarder': {'destination_port': 4000,"
		  "               'destination_address': '198.18.0.2', 'dport_refresh': 30}}",
		  KEPT("2", "dport_refresh") },
		/* kcp_mtu of a section, mtu of the relay */
		{ "mode=relay\nmtu=1400\n" LISTENER "kcp_mtu=1300\n" FORWARDER,
		  "{'mode': 'relay', 'mtu': 1400,"
		  " 'listener': {'listen_port': 3000, 'kcp_mtu': 1300, 'mtu': 0},"
		  " 'forwarder': {'destination_port': 4000,"
		  "               'destination_address': '198.18.0.2'}}",
		  AT "5: listener.kcp_mtu: warning: KCPTube lets mtu win, against its documents; "
		     "mtu is left out here\n" },
	};

	expect_imports(cases, KG_ARRAY_SIZE(cases));
}

static void what_stands_where_nobody_looks(void **state)
{
	static const struct good cases[] = {
		{ "mode=relay\nmux_tunnels=0\nlisten_port=9\nstun_server=a.b\n" LISTENER
		  "stun_server=stun.example.net\ndestination_port=3000\ndport_refresh=20\n"
		  "mux_tunnels=3\n" FORWARDER "log_path=/tmp\nupdate_ipv4=/bin/true\n",
		  "{'mode': 'relay',"
		  " 'listener': {'listen_port': 3000, 'stun_server': 'stun.example.net'},"
		  " 'forwarder': {'destination_port': 4000,"
		  "               'destination_address': '198.18.0.2'}}",
		  NO_USE("2", "mux_tunnels") NO_USE("3", "listen_port") NO_USE(
			  "4", "stun_server") NO_USE("8", "listener.destination_port")
			  NO_USE("9", "listener.dport_refresh") NO_USE("10", "listener.mux_tunnels")
				  NO_USE("14", "forwarder.log_path")
					  NO_USE("15", "forwarder.update_ipv4") },
	};

	expect_imports(cases, KG_ARRAY_SIZE(cases));
}

static void relays_that_are_wrong(void **state)
{
	static const struct refused cases[] = {
		{ "mode=relay\n" LISTENER,
		  IMPORT_FILE ": forwarder: missing\n" IMPORT_FILE
			      ": forwarder.destination_port: missing\n" IMPORT_FILE
			      ": forwarder.destination_address: missing\n" },
		{ "mode=relay\nkeep_alive=soon\n" LISTENER "kcp=quick\n" FORWARDER
		  "fec=1\n[custom_input]\n",
		  AT
		  "10: found [custom_input]; allowed with mode client\n" AT
		  "2: keep_alive: found \"soon\"; allowed a whole number, 0 to 65535\n" AT
		  "5: listener.kcp: found \"quick\"; allowed fast1, fast2, fast3, fast4, fast5, "
		  "fast6, regular1, regular2, regular3, regular4, regular5, manual\n" AT
		  "9: forwarder.fec: found \"1\"; allowed \"DATA:PARITY\", whole numbers, 255 at "
		  "most together\n" },
	};

	expect_refused(cases, KG_ARRAY_SIZE(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mappings),
		cmocka_unit_test(mappings_that_are_wrong),
		cmocka_unit_test(too_many_mappings),
		cmocka_unit_test(sections_win),
		cmocka_unit_test(what_kcptube_keeps_from_sections),
		cmocka_unit_test(what_stands_where_nobody_looks),
		cmocka_unit_test(relays_that_are_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
