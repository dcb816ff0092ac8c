/* SPDX-License-Identifier: BSD-3-Clause */
/* What a configuration changes of another one. */
#include "config_fixture.h"

static const struct kg_siphash_key key = { { 1, 2 } };

/* A box of these tunnels, and settings of its own. */
static void load(struct fixture *f, const char *tunnels, const char *settings)
{
	char text[2048];

	snprintf(text, sizeof(text), "{'ports': [" FIXTURE_PORT "], 'tunnels': [%s]%s}", tunnels,
		 settings);
	load_text(f, text);
	expect_good(f);
	kg_config_digest(&f->config, &key);
}

static uint64_t digest_of(const char *tunnel)
{
	struct fixture f;
	uint64_t digest;

	load(&f, tunnel, "");
	digest = f.config.tunnels[0].digest;
	unload(&f);
	return digest;
}

#define SECRET(password)                                                                 \
	"{'name': 'home', 'mode': 'client', 'listen_port': 6000, 'destination_port': "   \
	"3000, 'destination_address': '198.18.0.1', 'encryption_algorithm': 'AES-GCM', " \
	"'encryption_password': '" password "'}"

static void same_settings_have_one_digest(void **state)
{
	static const char written_otherwise[] =
		"{'destination_address': ['198.18.0.1'], 'destination_port': '3000',"
		" 'listen_port': 6000, 'mode': 'client', 'kcp': 'regular5'}";

	assert_true(digest_of(FIXTURE_CLIENT) == digest_of(FIXTURE_CLIENT));
	assert_true(digest_of(FIXTURE_CLIENT) == digest_of(written_otherwise));
}

static void other_settings_have_another(void **state)
{
	assert_true(digest_of(SECRET("one")) == digest_of(SECRET("one")));
	assert_true(digest_of(SECRET("one")) != digest_of(SECRET("two")));
	assert_true(digest_of(FIXTURE_CLIENT) != digest_of(FIXTURE_SERVER));
}

static void the_place_of_a_tunnel_does_not_matter(void **state)
{
	struct fixture one, other;

	load(&one, SECRET("one") "," FIXTURE_SERVER, "");
	load(&other, FIXTURE_SERVER "," SECRET("one"), "");
	assert_true(one.config.tunnels[0].digest == other.config.tunnels[1].digest);
	unload(&one);
	unload(&other);
}

#define RELAY(fec)                                                                              \
	"{'name': 'between', 'mode': 'relay', 'listener': {'listen_port': 3100}, 'forwarder': " \
	"{'destination_address': '198.18.0.1', 'destination_port': 3200, 'fec': '" fec "'}}"

/* They come and go together. */
static void legs_have_the_digest_of_their_relay(void **state)
{
	struct fixture f;

	load(&f, RELAY("2:1"), "");
	assert_int_equal(f.config.tunnel_count, 2);
	assert_true(f.config.tunnels[0].digest == f.config.tunnels[1].digest);
	assert_true(f.config.tunnels[0].digest != digest_of(RELAY("3:1")));
	unload(&f);
}

static void expect_difference(const char *tunnels, const char *settings, const char *name)
{
	struct fixture one, other;
	const char *difference;

	load(&one, FIXTURE_CLIENT, ", 'memory': {'hugepages': false, 'mb': 256}");
	load(&other, tunnels, settings);
	kg_config_forget_secrets(&one.config);
	difference = kg_config_difference(&one.config, &other.config);
	if (name == NULL)
		assert_null(difference);
	else
		assert_string_equal(difference, name);
	unload(&one);
	unload(&other);
}

static void what_is_not_of_tunnels_is_named(void **state)
{
	const char *same = ", 'memory': {'mb': 256, 'hugepages': 'no'}";

	expect_difference(FIXTURE_CLIENT, same, NULL);
	expect_difference(FIXTURE_SERVER, same, NULL);
	expect_difference(FIXTURE_CLIENT, ", 'memory': {'hugepages': false, 'mb': 512}", "memory");
	expect_difference(FIXTURE_CLIENT,
			  ", 'memory': {'hugepages': false, 'mb': 256}, 'payload_threads': 2",
			  "payload_threads");
	expect_difference(FIXTURE_CLIENT,
			  ", 'memory': {'hugepages': false, 'mb': 256}, 'eal': ['--no-pci']",
			  "eal");
}

/* A server's tunnel, in single quotes. */
#define AT(settings)                                                  \
	"{'mode': 'server', 'destination_address': '127.0.0.1', "     \
	"'destination_port': 80, 'encryption_algorithm': 'AES-GCM', " \
	"'encryption_password': 'x', 'listen_port': " settings "}"

static bool mingle(const char *a, const char *b)
{
	struct fixture one, other;
	bool both;

	load(&one, a, "");
	load(&other, b, "");
	both = kg_tunnels_mingle(&one.config.tunnels[0], &other.config.tunnels[0]);
	assert_int_equal(kg_tunnels_mingle(&other.config.tunnels[0], &one.config.tunnels[0]), both);
	unload(&one);
	unload(&other);
	return both;
}

static void bodies_of_two_kinds_mingle_at_a_port_of_both(void **state)
{
	assert_true(mingle(AT("'3000-3009'"), AT("'3009-3010', 'fec': '10:3'")));
	assert_true(mingle(AT("3000, 'fec': '10:3'"), AT("3000, 'fec': '10:4'")));
	assert_true(mingle(AT("3000"), AT("3000, 'protocol': 'udphop'")));
	assert_true(mingle(AT("3000"), AT("3000, 'fec': '10:3', 'listen_on': 'fd00:18::2'")));
	assert_false(mingle(AT("3000"), AT("3000, 'udp_timeout': 99, 'kcp': 'fast3'")));
	assert_false(mingle(AT("'3000-3009'"), AT("3010, 'fec': '10:3'")));
	assert_false(mingle(AT("3000, 'listen_on': '198.18.0.2'"),
			    AT("3000, 'fec': '10:3', 'listen_on': 'fd00:18::2'")));
	assert_false(mingle(FIXTURE_CLIENT, AT("6000, 'fec': '10:3'")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_settings_have_one_digest),
		cmocka_unit_test(other_settings_have_another),
		cmocka_unit_test(the_place_of_a_tunnel_does_not_matter),
		cmocka_unit_test(legs_have_the_digest_of_their_relay),
		cmocka_unit_test(what_is_not_of_tunnels_is_named),
		cmocka_unit_test(bodies_of_two_kinds_mingle_at_a_port_of_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
