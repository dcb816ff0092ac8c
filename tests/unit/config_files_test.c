/* SPDX-License-Identifier: BSD-3-Clause */
/* Files: the samples, several that add up, printing and reading again, files that are none. */
#include "config_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 3

static void in_source(char *path, size_t bytes, const char *name)
{
	snprintf(path, bytes, "%s/../../%s", getenv("KG_VECTORS"), name);
}

static char *printed(const struct kg_config *config)
{
	char *text;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	kg_config_print(config, to, true);
	fclose(to);
	return text;
}

/* What is printed loads without a remark and prints the same. */
static void expect_round_trip(const struct kg_config *config)
{
	char *first = printed(config);
	struct fixture again;

	kg_config_load_text(&again.config, &again.mistakes, "printed", first, strlen(first));
	expect_good(&again);
	char *second = printed(&again.config);

	assert_string_equal(first, second);
	assert_int_equal(again.config.tunnel_count, config->tunnel_count);
	for (unsigned int i = 0; i < config->tunnel_count; i++) {
		const struct kg_tunnel_config *a = &config->tunnels[i],
					      *b = &again.config.tunnels[i];

		assert_memory_equal(&a->wire.kcp, &b->wire.kcp, sizeof(a->wire.kcp));
		assert_int_equal(a->wire.mtu, b->wire.mtu);
		assert_int_equal(a->wire.outbound_Bps, b->wire.outbound_Bps);
	}
	unload(&again);
	free(first);
	free(second);
}

/* A file whatever its permissions. */
static void load_file(struct fixture *f, const char *path)
{
	char text[16384];
	FILE *file = fopen(path, "r");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, sizeof(text), file);
	fclose(file);
	kg_config_load_text(&f->config, &f->mistakes, path, text, length);
}

static void samples(void **state)
{
	static const char *const names[] = { "config/client.json", "config/server.json",
					     "config/vlan.json", "config/mappings.json",
					     "config/udphop.json" };

	for (size_t i = 0; i < KG_ARRAY_SIZE(names); i++) {
		char path[4096];
		struct fixture f;

		in_source(path, sizeof(path), names[i]);
		load_file(&f, path);
		expect_good(&f);
		expect_round_trip(&f.config);
		unload(&f);
	}
}

/* The example at the top of docs/configuration.md. */
static void documented_example(void **state)
{
	char path[4096], text[16384];
	struct fixture f;

	in_source(path, sizeof(path), "docs/configuration.md");
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	char *begin = strstr(text, "```json\n"), *end = begin ? strstr(begin, "\n```\n") : NULL;

	assert_non_null(end);
	begin += strlen("```json\n");
	kg_config_load_text(&f.config, &f.mistakes, "example", begin, (size_t)(end - begin));
	expect_good(&f);
	unload(&f);
}

static void client_and_server_fit(void **state)
{
	struct fixture client, server;
	char client_path[4096], server_path[4096];
	const char *client_paths[] = { client_path }, *server_paths[] = { server_path };

	in_source(client_path, sizeof(client_path), "config/client.json");
	in_source(server_path, sizeof(server_path), "config/server.json");
	kg_config_load(&client.config, &client.mistakes, client_paths, 1);
	kg_config_load(&server.config, &server.mistakes, server_paths, 1);

	const struct kg_tunnel_config *c = &client.config.tunnels[0];
	const struct kg_tunnel_config *s = &server.config.tunnels[0];

	assert_string_equal(c->wire.encryption_algorithm, s->wire.encryption_algorithm);
	assert_string_equal(c->wire.encryption_password, s->wire.encryption_password);
	assert_memory_equal(c->wire.peer_ports, s->wire.ports, sizeof(*s->wire.ports));
	assert_true(kg_ip_equal(&c->wire.peers[0].ip, &server.config.ports[0].addresses[0].ip));
	unload(&client);
	unload(&server);
}

static void round_trips(void **state)
{
	static const char *const changes[] = {
		"{}",
		"{'mtu': 1400}",
		"{'kcp_mtu': 1200}",
		"{'kcp_mtu': 64, 'ipv4_only': 1}",
		"{'kcp': 'manual', 'kcp_nodelay': 2, 'kcp_interval': 0, 'kcp_resend': 0, 'kcp_nc': "
		"0}",
		"{'outbound_bandwidth': '1G', 'inbound_bandwidth': 12345}",
		"{'rate': 'scavenger'}",
		"{'rate': '20M'}",
		"{'destination_port': '1-65535'}",
		"{'destination_address': ['fd00:18::1', '198.18.0.9'], 'listen_on': "
		"'::1,127.0.0.1'}",
		"{'encryption_algorithm': 'aes-gcm', 'encryption_password': 'p\\u00e4ss \\\" "
		"word'}",
		"{'encryption_password': 'unused', 'encryption_algorithm': 'none', 'blast': 0}",
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(changes); i++) {
		struct fixture f;

		load_tunnel(&f, FIXTURE_CLIENT, changes[i]);
		expect_good(&f);
		expect_round_trip(&f.config);
		unload(&f);
	}
}

static void expect_exposed(mode_t mode, const char *tunnel, bool exposed)
{
	char path[] = "/tmp/kcpgate-config-XXXXXX", text[256];
	const char *paths[] = { path };
	struct fixture f;
	int fd = mkstemp(path);
	char *json = with_double_quotes(tunnel);

	assert_true(fd >= 0);
	snprintf(text, sizeof(text),
		 "{\"ports\": [{\"device\": \"net_null0\", \"addresses\": "
		 "\"198.18.0.2/24\"}], \"tunnels\": [%s]}",
		 json);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	kg_config_load(&f.config, &f.mistakes, paths, 1);
	unlink(path);
	if (exposed)
		expect_only_warning(&f, path,
				    "every user can read it, and it has a password; "
				    "chmod o-r would do");
	else
		expect_good(&f);
	unload(&f);
	free(json);
}

static void a_password_for_everybody(void **state)
{
#define KEYED                                                                       \
	"{'mode': 'client', 'listen_port': 6000, 'destination_port': 3000,"         \
	" 'destination_address': '198.18.0.1', 'encryption_algorithm': 'AES-GCM', " \
	" 'encryption_password': 'x'}"
	expect_exposed(0644, KEYED, true);
	expect_exposed(0640, KEYED, false);
	expect_exposed(0600, KEYED, false);
	expect_exposed(0644, FIXTURE_CLIENT, false);
}

/* Loads a client whose password stands in a file with that text and mode. */
static void load_with_password_in(struct fixture *f, const char *text, mode_t mode)
{
	char path[] = "/tmp/kcpgate-test-XXXXXX", changes[128];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	snprintf(changes, sizeof(changes),
		 "{'encryption_algorithm': 'AES-GCM', 'encryption_password_file': '%s'}", path);
	load_tunnel(f, FIXTURE_CLIENT, changes);
	unlink(path);
}

static void a_password_in_a_file_of_its_own(void **state)
{
	struct fixture f;

	load_with_password_in(&f, "  one line\n", 0600);
	expect_good(&f);
	assert_string_equal(f.config.tunnels[0].wire.encryption_password, "one line");
	expect_round_trip(&f.config);
	unload(&f);
	load_with_password_in(&f, "one line", 0644);
	expect_only_warning(&f, FIXTURE_FILE ": tunnels[0].encryption_password_file",
			    "every user can read that file; chmod o-r would do");
	unload(&f);
}

static void no_password_in_its_file(void **state)
{
	static const char *const texts[] = { "", " \n", "two\nlines\n" };
	struct fixture f;

	for (size_t i = 0; i < KG_ARRAY_SIZE(texts); i++) {
		load_with_password_in(&f, texts[i], 0600);
		assert_non_null(f.mistakes.errors);
		assert_non_null(strstr(f.mistakes.errors->text, "allowed the path of a file"));
		unload(&f);
	}
	load_tunnel(&f, FIXTURE_CLIENT,
		    "{'encryption_algorithm': 'AES-GCM', 'encryption_password_file': '/dev/zero'}");
	expect_only_error(&f, FIXTURE_FILE ": tunnels[0].encryption_password_file",
			  "found \"/dev/zero\"; allowed the path of a file with one line");
	load_tunnel(&f, FIXTURE_CLIENT,
		    "{'encryption_algorithm': 'AES-GCM', 'encryption_password': 'x',"
		    " 'encryption_password_file': '/dev/zero'}");
	assert_int_equal(count_entries(f.mistakes.errors), 2);
	unload(&f);
}

static void secrets_are_not_printed(void **state)
{
	struct fixture f;
	char *text;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	load_tunnel(&f, FIXTURE_CLIENT,
		    "{'encryption_algorithm': 'AES-GCM', 'encryption_password': 'do not show'}");
	kg_config_print(&f.config, to, false);
	fclose(to);
	assert_null(strstr(text, "do not show"));
	assert_non_null(strstr(text, "\"encryption_password\": null"));
	free(text);
	kg_config_forget_secrets(&f.config);
	assert_null(f.config.tunnels[0].wire.encryption_password);
	unload(&f);
}

static void print_shows_defaults(void **state)
{
	struct fixture f;

	load_tunnel(&f, FIXTURE_CLIENT, "{}");
	char *text = printed(&f.config);
	json_t *json = parse(text);
	json_t *tunnel = json_array_get(json_object_get(json, "tunnels"), 0);

	assert_string_equal(json_string_value(json_object_get(json, "poll")), "adaptive");
	assert_int_equal(json_integer_value(json_object_get(tunnel, "kcp_mtu")), 1466);
	assert_string_equal(json_string_value(json_object_get(tunnel, "rate")), "auto");
	assert_null(
		json_object_get(tunnel, "kcp_sndwnd")); /* sets itself, and would not, written */
	assert_null(json_object_get(tunnel, "kcp_rcvwnd"));
	assert_int_equal(json_integer_value(json_object_get(tunnel, "udp_timeout")), 180);
	assert_null(json_object_get(tunnel, "encryption_password"));
	assert_null(json_object_get(tunnel, "fec"));
	json_decref(json);
	free(text);
	unload(&f);
}

/* ---- several files ---- */

struct files {
	char directory[64];
	char *paths[FILES_MAX];
	size_t count;
};

static void files_create(struct files *files)
{
	*files = (struct files){ .directory = "/tmp/kcpgate-config-XXXXXX" };
	assert_non_null(mkdtemp(files->directory));
}

static void files_add(struct files *files, const char *text)
{
	char *json = with_double_quotes(text), *path;

	assert_true(asprintf(&path, "%s/%c.json", files->directory, 'a' + (char)files->count) > 0);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(json, file);
	fclose(file);
	free(json);
	files->paths[files->count++] = path;
}

static void files_load(struct files *files, struct fixture *f)
{
	kg_config_load(&f->config, &f->mistakes, (const char *const *)files->paths, files->count);
}

static void files_destroy(struct files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		unlink(files->paths[i]);
		free(files->paths[i]);
	}
	rmdir(files->directory);
}

static void files_add_up(void **state)
{
	struct files files;
	struct fixture f;

	files_create(&files);
	files_add(&files, "{'name': 'box', 'memory': {'mb': 128}, 'ports': [" FIXTURE_PORT "]}");
	files_add(&files,
		  "{'name': 'box', 'memory': {'hugepages': 0}, 'tunnels': [" FIXTURE_CLIENT "]}");
	files_add(&files, "{'memory': {'mb': 128}, 'tunnels': [" FIXTURE_SERVER "]}");
	files_load(&files, &f);
	expect_good(&f);
	assert_string_equal(f.config.name, "box");
	assert_int_equal(f.config.memory_mb, 128);
	assert_false(f.config.hugepages);
	assert_int_equal(f.config.port_count, 1);
	assert_int_equal(f.config.tunnel_count, 2);
	assert_string_equal(f.config.tunnels[1].name, "tunnel1");
	expect_round_trip(&f.config);
	unload(&f);
	files_destroy(&files);
}

static void files_contradict(void **state)
{
	struct files files;
	struct fixture f;
	char where[128], text[256];

	files_create(&files);
	files_add(&files,
		  "{'name': 'a', 'ports': [" FIXTURE_PORT "], 'tunnels': [" FIXTURE_CLIENT "]}");
	files_add(&files, "{'name': 'b', 'tunnels': [" FIXTURE_CLIENT "], 'workers': [1, 1]}");
	files_load(&files, &f);
	assert_int_equal(count_entries(f.mistakes.errors), 3);

	snprintf(where, sizeof(where), "%s: name", files.paths[1]);
	snprintf(text, sizeof(text), "found \"b\"; %s has \"a\"", files.paths[0]);
	expect_error(&f, where, text);
	snprintf(where, sizeof(where), "%s: tunnels[0].listen_port", files.paths[1]);
	snprintf(text, sizeof(text),
		 "found 6000, where tunnels[0] in %s listens already on the same address",
		 files.paths[0]);
	expect_error(&f, where, text);
	snprintf(where, sizeof(where), "%s: workers", files.paths[1]);
	expect_error(&f, where, "found 1 twice; allowed once");
	unload(&f);
	files_destroy(&files);
}

/* One file that cannot be read does not hide the mistakes of another, nor make any up. */
static void broken_beside_readable(void **state)
{
	struct files files;
	struct fixture f;
	char where[128];

	files_create(&files);
	files_add(&files, "{'ports': [");
	files_add(&files, "{'tunnels': [{'fib_ingress': 'x'}]}");
	files_load(&files, &f);
	snprintf(where, sizeof(where), "%s:1:11", files.paths[0]);
	assert_string_equal(f.mistakes.errors->where, where);
	snprintf(where, sizeof(where), "%s: tunnels[0].fib_ingress", files.paths[1]);
	expect_error(&f, where, "not supported yet");
	snprintf(where, sizeof(where), "%s: tunnels[0].mode", files.paths[1]);
	expect_error(&f, where, "missing");
	for (const struct kg_mistake *e = f.mistakes.errors; e; e = e->next)
		assert_null(strstr(e->where, ": ports"));
	unload(&f);
	files_destroy(&files);
}

static void no_files(void **state)
{
	const char *const paths[] = { "/nonexistent/box.json", "/" };
	struct fixture f;

	kg_config_load(&f.config, &f.mistakes, paths, 2);
	assert_int_equal(count_entries(f.mistakes.errors), 2);
	expect_error(&f, "/nonexistent/box.json", "cannot be opened: No such file or directory");
	expect_error(&f, "/", "cannot be read: Is a directory");
	unload(&f);

	kg_config_load(&f.config, &f.mistakes, paths, 0);
	expect_only_error(&f, "configuration", "no file");
}

static void endless_file(void **state)
{
	const char *const paths[] = { "/dev/zero" };
	struct fixture f;

	kg_config_load(&f.config, &f.mistakes, paths, 1);
	expect_only_error(&f, "/dev/zero", "cannot be read: File too large");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples),
		cmocka_unit_test(documented_example),
		cmocka_unit_test(client_and_server_fit),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(a_password_for_everybody),
		cmocka_unit_test(a_password_in_a_file_of_its_own),
		cmocka_unit_test(no_password_in_its_file),
		cmocka_unit_test(secrets_are_not_printed),
		cmocka_unit_test(print_shows_defaults),
		cmocka_unit_test(files_add_up),
		cmocka_unit_test(files_contradict),
		cmocka_unit_test(broken_beside_readable),
		cmocka_unit_test(no_files),
		cmocka_unit_test(endless_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
