/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that work with an original: the samples of its README, and those with which the captures
 * were recorded.
 */
#include "import_fixture.h"

/* ---- the README's ---- */

#define ENCRYPTION "encryption_password=qwerty1234\nencryption_algorithm=AES-GCM\n"
#define ENCRYPTED  "'encryption_password': 'qwerty1234', 'encryption_algorithm': 'AES-GCM'"
#define MANUAL                                                                       \
	"kcp=manual\nkcp_mtu=1400\nkcp_sndwnd=512\nkcp_rcvwnd=2048\nkcp_nodelay=1\n" \
	"kcp_interval=10\nkcp_resend=2\nkcp_nc=true\nudp_timeout=300\n"
#define MANUALLY                                                     \
	"'kcp': 'manual', 'kcp_mtu': 1400, 'kcp_sndwnd': 512,"       \
	" 'kcp_rcvwnd': 2048, 'kcp_nodelay': 1, 'kcp_interval': 10," \
	" 'kcp_resend': 2, 'kcp_nc': true, 'udp_timeout': 300"

static const struct good readme[] = {
	{ "mode=client\nkcp=regular3\ninbound_bandwidth=500M\noutbound_bandwidth=50M\n"
	  "listen_port=59000\ndestination_port=3000\ndestination_address=123.45.67.89\n" ENCRYPTION,
	  "{'mode': 'client', 'kcp': 'regular3', 'inbound_bandwidth': '500M',"
	  " 'outbound_bandwidth': '50M', 'listen_port': 59000, 'destination_port': 3000,"
	  " 'destination_address': '123.45.67.89', " ENCRYPTED "}",
	  "" },
	{ "mode=server\nkcp=regular3\ninbound_bandwidth=1G\noutbound_bandwidth=1G\n"
	  "listen_port=3000\ndestination_port=59000\ndestination_address=::1\n" ENCRYPTION
	  "stun_server=stun.qq.com\nlog_path=./\n",
	  "{'mode': 'server', 'kcp': 'regular3', 'inbound_bandwidth': '1G',"
	  " 'outbound_bandwidth': '1G', 'listen_port': 3000, 'destination_port': 59000,"
	  " 'destination_address': '::1', " ENCRYPTED ","
	  " 'stun_server': 'stun.qq.com', 'log_path': './'}",
	  "" },
	{ "mode=client\nkcp=regular3\ninbound_bandwidth=500M\noutbound_bandwidth=50M\n"
	  "listen_port=6000\ndestination_port=3000-4000\ndestination_address=123.45.67.89\n"
	  "dport_refresh=600\n" ENCRYPTION,
	  "{'mode': 'client', 'kcp': 'regular3', 'inbound_bandwidth': '500M',"
	  " 'outbound_bandwidth': '50M', 'listen_port': 6000, 'destination_port': '3000-4000',"
	  " 'destination_address': '123.45.67.89', 'dport_refresh': 600, " ENCRYPTED "}",
	  "" },
	{ "mode=server\nkcp=regular3\ninbound_bandwidth=1G\noutbound_bandwidth=1G\n"
	  "listen_port=3000-4000\ndestination_port=6000\ndestination_address=::1\n" ENCRYPTION,
	  "{'mode': 'server', 'kcp': 'regular3', 'inbound_bandwidth': '1G',"
	  " 'outbound_bandwidth': '1G', 'listen_port': '3000-4000', 'destination_port': 6000,"
	  " 'destination_address': '::1', " ENCRYPTED "}",
	  "" },
	{ "mode=client\n" MANUAL "listen_port=6000\ndestination_port=3000-4000\n"
	  "destination_address=123.45.67.89\ndport_refresh=600\n" ENCRYPTION,
	  "{'mode': 'client', " MANUALLY ", 'listen_port': 6000,"
	  " 'destination_port': '3000-4000', 'destination_address': '123.45.67.89',"
	  " 'dport_refresh': 600, " ENCRYPTED "}",
	  "" },
	{ "mode=server\n" MANUAL "listen_port=3000-4000\ndestination_port=6000\n"
	  "destination_address=::1\n" ENCRYPTION,
	  "{'mode': 'server', " MANUALLY ", 'listen_port': '3000-4000',"
	  " 'destination_port': 6000, 'destination_address': '::1', " ENCRYPTED "}",
	  "" },
};

static void samples_of_the_readme(void **state)
{
	expect_imports(readme, KG_ARRAY_SIZE(readme));
}

/* ---- the captures' ---- */

#define RECORDING_CLIENT                                                     \
	"{'mode': 'client', 'kcp': 'regular3', 'inbound_bandwidth': '100M'," \
	" 'outbound_bandwidth': '100M', 'listen_port': 6000,"                \
	" 'destination_port': 3000, 'destination_address': '198.18.0.2',"    \
	" 'dport_refresh': 0, " ENCRYPTED ", 'ipv4_only': true}"
#define RECORDING_SERVER                                                                \
	"{'mode': 'server', 'kcp': 'regular3', 'inbound_bandwidth': '100M',"            \
	" 'outbound_bandwidth': '100M', 'listen_port': 3000,"                           \
	" 'destination_port': 5201, 'destination_address': '127.0.0.1', " ENCRYPTED "," \
	" 'ipv4_only': true}"

/* How a capture's two files differ from the rest. */
static const struct {
	const char *name, *client, *server;
} captures[] = {
	{ "aes-gcm", "{}", "{}" },
	{ "aes-ocb", "{'encryption_algorithm': 'AES-OCB'}", "{'encryption_algorithm': 'AES-OCB'}" },
	{ "chacha20", "{'encryption_algorithm': 'chacha20'}",
	  "{'encryption_algorithm': 'chacha20'}" },
	{ "fec-3-2", "{'fec': '3:2'}", "{'fec': '3:2'}" },
	{ "hopping", "{'destination_port': '3000-3010', 'dport_refresh': 20}",
	  "{'listen_port': '3000-3010'}" },
	{ "keep-alive", "{'keep_alive': 3}", "{}" },
	{ "mux", "{'mux_tunnels': 2}", "{}" },
	{ "none", "{'encryption_algorithm': 'none'}", "{'encryption_algorithm': 'none'}" },
	{ "refused", "{}", "{'destination_port': 5999}" },
	{ "xchacha20", "{'encryption_algorithm': 'xchacha20'}",
	  "{'encryption_algorithm': 'xchacha20'}" },
	{ "xor", "{'encryption_algorithm': 'XOR'}", "{'encryption_algorithm': 'XOR'}" },
};

static void expect_capture(const char *name, const char *role, json_t *expected)
{
	char path[4096], text[1024];
	struct imported result;
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/captures/%s.%s.conf", getenv("KG_VECTORS"), name, role);
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	result = import_bytes(path, text, len);
	expect_tunnel(&result, expected);
	expect_said(&result, "");
	forget(&result);
}

static void samples_of_the_captures(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(captures); i++) {
		expect_capture(captures[i].name, "client",
			       changed(RECORDING_CLIENT, captures[i].client));
		expect_capture(captures[i].name, "server",
			       changed(RECORDING_SERVER, captures[i].server));
	}
}

/* ---- several ---- */

static void several_files_are_one_box(void **state)
{
	static const char *const names[] = { "a/home.conf", "b/home.CONF", "-wild name!.conf", "" };
	static const char *const expected[] = { "home", "home-2", "_wild_name_", "tunnel" };
	const char *const texts[] = { readme[0].text, readme[1].text, readme[2].text,
				      "mode=server\nlisten_port=4000\ndestination_port=80\n"
				      "destination_address=localhost\n" };
	struct kg_import_source sources[KG_ARRAY_SIZE(names)];
	struct kg_mistakes mistakes;
	json_t *document, *tunnels;

	for (size_t i = 0; i < KG_ARRAY_SIZE(names); i++)
		sources[i] = (struct kg_import_source){ names[i], texts[i], strlen(texts[i]) };
	kg_mistakes_init(&mistakes);
	document = kg_import(sources, KG_ARRAY_SIZE(names), &mistakes);
	assert_non_null(document);
	tunnels = json_object_get(document, "tunnels");
	assert_int_equal(json_array_size(tunnels), KG_ARRAY_SIZE(names));
	for (size_t i = 0; i < KG_ARRAY_SIZE(names); i++)
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(tunnels, i), "name")),
			expected[i]);
	expect_unfilled(document);
	expect_filled(document);
	json_decref(document);
	kg_mistakes_free(&mistakes);
}

/* One tunnel's mistake is told by its own file and line. */
static void mistakes_have_their_file(void **state)
{
	struct kg_import_source sources[] = {
		{ "a.conf", readme[3].text, strlen(readme[3].text) },
		{ "b.conf", readme[3].text, strlen(readme[3].text) },
		{ "c.conf", "mode=client\n\nkcp=fast9\n", 23 },
	};
	struct imported result;

	kg_mistakes_init(&result.mistakes);
	result.document = kg_import(sources, KG_ARRAY_SIZE(sources), &result.mistakes);
	assert_null(result.document);
	expect_said(&result,
		    "c.conf:3: kcp: found \"fast9\"; allowed fast1, fast2, fast3, fast4, fast5, "
		    "fast6, regular1, regular2, regular3, regular4, regular5, manual\n"
		    "c.conf: listen_port: missing\n"
		    "c.conf: destination_port: missing\n"
		    "c.conf: destination_address: missing\n"
		    "b.conf:5: listen_port: found 3000, where tunnels[0] in the import listens "
		    "already on the same address\n");
	forget(&result);
}

/* What is about no file in particular is about all. */
static void mistakes_of_all_together(void **state)
{
	static const char server[] = "mode=server\nlisten_port=1-65534\ndestination_port=80\n"
				     "destination_address=::1\nlisten_on=198.18.0.1\n";
	struct kg_import_source sources[] = {
		{ "a.conf", readme[0].text, strlen(readme[0].text) },
		{ "b.conf", server, strlen(server) },
	};
	struct imported result;

	kg_mistakes_init(&result.mistakes);
	result.document = kg_import(sources, KG_ARRAY_SIZE(sources), &result.mistakes);
	assert_null(result.document);
	assert_string_equal(result.mistakes.errors->where, "the import: local_ports");
	forget(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_of_the_readme),
		cmocka_unit_test(samples_of_the_captures),
		cmocka_unit_test(several_files_are_one_box),
		cmocka_unit_test(mistakes_have_their_file),
		cmocka_unit_test(mistakes_of_all_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
