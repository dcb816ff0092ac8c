/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kcp_mtu: with the headers around it never more than the mtu, so that no packet is fragmented, and
 * never more than an original reads.
 */
#include "config_fixture.h"

#define IPV4_PORT "{'device': 'net_null0', 'addresses': '198.18.0.2/24', 'mtu': %u}"
#define BOTH_PORT \
	"{'device': 'net_null0', 'addresses': ['198.18.0.2/24', 'fd00:18::2/64'], 'mtu': %u}"

static void load_pair(struct fixture *f, const char *port, unsigned int mtu, const char *tunnel,
		      const char *changes)
{
	char text[256];

	snprintf(text, sizeof(text), port, mtu);
	load_json(f, json_pack("{s:[o],s:[o]}", "ports", parse(text), "tunnels",
			       changed(tunnel, changes)));
}

#define KEYED "'encryption_algorithm': 'AES-GCM', 'encryption_password': 'x'"

static const struct {
	const char *port;
	unsigned int port_mtu;
	const char *tunnel, *changes;
	unsigned int ip_bytes, seal_bytes; /* what surrounds UDP's 8 and the timestamp's 4 */
	unsigned int mtu, kcp_mtu;         /* expected */
} rows[] = {
	/* the port's mtu, 1500: IPv4 and IPv6, both ciphers */
	{ BOTH_PORT, 1500, FIXTURE_CLIENT, "{}", 20, 2, 1500, 1466 },
	{ BOTH_PORT, 1500, FIXTURE_CLIENT, "{" KEYED "}", 20, 18, 1500, 1450 },
	{ BOTH_PORT, 1500, FIXTURE_CLIENT, "{'destination_address': 'fd00:18::1'}", 40, 2, 1500,
	  1446 },
	{ BOTH_PORT, 1500, FIXTURE_CLIENT, "{'destination_address': 'fd00:18::1', " KEYED "}", 40,
	  18, 1500, 1430 },
	{ BOTH_PORT, 1500, FIXTURE_CLIENT,
	  "{'destination_address': ['198.18.0.1', 'fd00:18::1'], " KEYED "}", 40, 18, 1500, 1430 },
	/* the others add as much as these two */
	{ IPV4_PORT, 1500, FIXTURE_CLIENT, "{'encryption_algorithm': 'xor'}", 20, 2, 1500, 1466 },
	{ IPV4_PORT, 1500, FIXTURE_CLIENT,
	  "{'encryption_algorithm': 'aes-ocb', 'encryption_password': 'x'}", 20, 18, 1500, 1450 },
	{ IPV4_PORT, 1500, FIXTURE_CLIENT,
	  "{'encryption_algorithm': 'chacha20', 'encryption_password': 'x'}", 20, 18, 1500, 1450 },
	{ IPV4_PORT, 1500, FIXTURE_CLIENT,
	  "{'encryption_algorithm': 'xchacha20', 'encryption_password': 'x'}", 20, 18, 1500, 1450 },
	/* a server: by listen_on, else by what the ports have */
	{ BOTH_PORT, 1500, FIXTURE_SERVER, "{" KEYED "}", 40, 18, 1500, 1430 },
	{ BOTH_PORT, 1500, FIXTURE_SERVER, "{'ipv4_only': true, " KEYED "}", 20, 18, 1500, 1450 },
	{ BOTH_PORT, 1500, FIXTURE_SERVER, "{'listen_on': '198.18.0.2', " KEYED "}", 20, 18, 1500,
	  1450 },
	{ BOTH_PORT, 1500, FIXTURE_SERVER, "{'listen_on': 'fd00:18::2'}", 40, 2, 1500, 1446 },
	{ IPV4_PORT, 1500, FIXTURE_SERVER, "{" KEYED "}", 20, 18, 1500, 1450 },
	{ BOTH_PORT, 1500, FIXTURE_SERVER,
	  "{'ipv6_only': true, 'destination_address': '::1', " KEYED "}", 40, 18, 1500, 1430 },
	/* the tunnel's own mtu */
	{ IPV4_PORT, 1500, FIXTURE_CLIENT, "{'mtu': 1492, " KEYED "}", 20, 18, 1492, 1442 },
	{ IPV4_PORT, 1500, FIXTURE_CLIENT, "{'mtu': '1280'}", 20, 2, 1280, 1246 },
	{ IPV4_PORT, 1500, FIXTURE_CLIENT, "{'mtu': 98}", 20, 2, 98, 64 },
	{ IPV4_PORT, 1500, FIXTURE_CLIENT, "{'mtu': 114, " KEYED "}", 20, 18, 114, 64 },
	/* FEC: the longest body is a parity shard */
	{ IPV4_PORT, 1500, FIXTURE_CLIENT, "{'fec': '20:4', " KEYED "}", 20, 29, 1500, 1439 },
	{ IPV4_PORT, 9000, FIXTURE_CLIENT, "{'fec': '20:4', " KEYED "}", 20, 29, 9000, 2000 },
	{ BOTH_PORT, 1500, FIXTURE_SERVER, "{'fec': '1:1'}", 40, 13, 1500, 1435 },
	/* other ports */
	{ IPV4_PORT, 576, FIXTURE_CLIENT, "{" KEYED "}", 20, 18, 576, 526 },
	{ BOTH_PORT, 1280, FIXTURE_SERVER, "{" KEYED "}", 40, 18, 1280, 1210 },
	/* an original reads 2048 bytes, our engine sends 2000 */
	{ IPV4_PORT, 9000, FIXTURE_CLIENT, "{" KEYED "}", 20, 18, 9000, 2000 },
	{ IPV4_PORT, 9000, FIXTURE_CLIENT, "{'mtu': 8000}", 20, 2, 8000, 2000 },
	/* kcp_mtu alone is used as it stands */
	{ IPV4_PORT, 1500, FIXTURE_CLIENT, "{'kcp_mtu': 1400}", 20, 2, 1500, 1400 },
	{ IPV4_PORT, 1500, FIXTURE_CLIENT, "{'kcp_mtu': 64}", 20, 2, 1500, 64 },
	{ IPV4_PORT, 1500, FIXTURE_CLIENT, "{'kcp_mtu': 1450, " KEYED "}", 20, 18, 1500, 1450 },
	{ IPV4_PORT, 9000, FIXTURE_CLIENT, "{'kcp_mtu': 2000}", 20, 2, 9000, 2000 },
	{ IPV4_PORT, 1500, FIXTURE_CLIENT, "{'kcp_mtu': 1466, 'mtu': 1500}", 20, 2, 1500, 1466 },
};

static void derived(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++) {
		struct fixture f;

		load_pair(&f, rows[i].port, rows[i].port_mtu, rows[i].tunnel, rows[i].changes);
		expect_good(&f);

		const struct kg_tunnel_config *t = &f.config.tunnels[0];
		unsigned int payload = 4 + t->wire.kcp.mtu + rows[i].seal_bytes;

		if (t->wire.mtu != rows[i].mtu || t->wire.kcp.mtu != rows[i].kcp_mtu)
			fail_msg("row %zu, %s: mtu %u, kcp_mtu %u", i, rows[i].changes, t->wire.mtu,
				 t->wire.kcp.mtu);
		assert_true(rows[i].ip_bytes + 8 + payload <= rows[i].mtu);
		assert_true(payload <= 2048);
		unload(&f);
	}
}

static void smallest_port_counts(void **state)
{
	struct fixture f;

	load_text(&f, "{'ports': [{'device': 'net_null0', 'mtu': 9000},"
		      " {'device': 'net_null1', 'mtu': 1400, 'addresses': '198.18.0.2/24'}],"
		      " 'tunnels': [" FIXTURE_CLIENT "]}");
	expect_good(&f);
	assert_int_equal(f.config.tunnels[0].wire.mtu, 1400);
	assert_int_equal(f.config.tunnels[0].wire.kcp.mtu, 1366);
	unload(&f);
}

static void warnings(void **state)
{
	struct fixture f;

	load_pair(&f, IPV4_PORT, 1500, FIXTURE_CLIENT, "{'mtu': 1492, 'kcp_mtu': 1400}");
	expect_only_warning(&f, FIXTURE_FILE ": tunnels[0].kcp_mtu",
			    "1400 has no effect beside mtu 1492, which makes it 1458");
	assert_int_equal(f.config.tunnels[0].wire.kcp.mtu, 1458);
	unload(&f);

	load_pair(&f, IPV4_PORT, 1500, FIXTURE_CLIENT, "{'kcp_mtu': 1467}");
	expect_only_warning(&f, FIXTURE_FILE ": tunnels[0].kcp_mtu",
			    "1467 makes packets larger than the 1500 bytes of a port; 1466 fits");
	assert_int_equal(f.config.tunnels[0].wire.kcp.mtu, 1467);
	unload(&f);

	load_pair(&f, IPV4_PORT, 1500, FIXTURE_CLIENT, "{'mtu': 9000}");
	expect_only_warning(&f, FIXTURE_FILE ": tunnels[0].mtu",
			    "9000 is more than the 1500 of a port");
	unload(&f);
}

static void errors(void **state)
{
	static const struct {
		const char *changes, *key, *text;
	} cases[] = {
		{ "{'kcp_mtu': 63}", "kcp_mtu",
		  "found 63; allowed a whole number, 0 or 64 to 2000" },
		{ "{'kcp_mtu': 2001}", "kcp_mtu",
		  "found 2001; allowed a whole number, 0 or 64 to 2000" },
		{ "{'kcp_mtu': -1}", "kcp_mtu",
		  "found -1; allowed a whole number, 0 or 64 to 2000" },
		{ "{'mtu': 97}", "mtu", "found 97; allowed 98 or more, for headers and KCP" },
		{ "{'mtu': 113, " KEYED "}", "mtu",
		  "found 113; allowed 114 or more, for headers and KCP" },
		{ "{'mtu': 65536}", "mtu", "found 65536; allowed a whole number, 0 to 65535" },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		char where[64];
		struct fixture f;

		snprintf(where, sizeof(where), FIXTURE_FILE ": tunnels[0].%s", cases[i].key);
		load_pair(&f, IPV4_PORT, 1500, FIXTURE_CLIENT, cases[i].changes);
		expect_only_error(&f, where, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derived),
		cmocka_unit_test(smallest_port_counts),
		cmocka_unit_test(warnings),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
