/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configurations: what loads is printed, and what was printed loads and prints the same. Bytes of 0
 * part an input into several files.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"
#include "fuzz.h"

#define FILES_MAX  4
#define PATH_BYTES 32
#define FD_PATH    "/proc/self/fd/"

static char *print(const struct kg_config *config, bool secrets)
{
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	kg_config_print(config, to, secrets);
	fclose(to);
	return text;
}

static bool is_of_ours(const char *where)
{
	return !strncmp(where, "fuzz", 4) || !strncmp(where, FD_PATH, strlen(FD_PATH));
}

/* Each error has its line. */
static void check_report(const struct kg_mistakes *mistakes)
{
	char *text = NULL;
	size_t length, lines = 0, entries = 0;
	FILE *to = open_memstream(&text, &length);

	kg_mistakes_print(mistakes, to);
	fclose(to);
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	for (const struct kg_mistake *e = mistakes->errors; e; e = e->next, entries++)
		FUZZ_CHECK(is_of_ours(e->where) && *e->text);
	for (const struct kg_mistake *w = mistakes->warnings; w; w = w->next, entries++)
		FUZZ_CHECK(is_of_ours(w->where) && *w->text);
	FUZZ_CHECK(lines == entries);
	free(text);
}

static void check_printed(const struct kg_config *config)
{
	struct kg_config again;
	struct kg_mistakes mistakes;
	char *first = print(config, true);

	kg_config_load_text(&again, &mistakes, "printed", first, strlen(first));
	FUZZ_CHECK(!mistakes.errors);

	char *second = print(&again, true);

	FUZZ_CHECK(!strcmp(first, second));
	free(first);
	free(second);
	kg_config_forget_secrets(&again);
	free(print(&again, false));
	kg_mistakes_free(&mistakes);
	kg_config_free(&again);
}

/* ---- what the box relies on ---- */

static void check_wire(const struct kg_wire_end *wire)
{
	FUZZ_CHECK(wire->role == KG_ROLE_SERVER || wire->peer_record ||
		   (wire->peer_port_count > 0 && wire->peer_count > 0));
	FUZZ_CHECK(wire->kcp.mtu >= KG_KCP_MTU_MIN && wire->kcp.mtu <= KG_KCP_MTU_MAX);
	FUZZ_CHECK(wire->kcp.snd_wnd > 0 && wire->kcp.rcv_wnd >= 128);
	FUZZ_CHECK(wire->port_count > 0);
	for (unsigned int i = 0; i < wire->port_count; i++) {
		FUZZ_CHECK(wire->ports[i].first > 0);
		FUZZ_CHECK(wire->ports[i].first <= wire->ports[i].last);
		FUZZ_CHECK(i == 0 || wire->ports[i].first > wire->ports[i - 1].last + 1);
	}
}

static void check_app(const struct kg_app_end *app)
{
	FUZZ_CHECK(app->kind == KG_APP_DIALS || app->listener_count > 0);
	FUZZ_CHECK(app->kind == KG_APP_LISTENS || kg_app_is_told(app) ||
		   (app->target.port && *app->target.address));
	for (unsigned int i = 0; i < app->listener_count; i++) {
		const struct kg_app_listener *listener = &app->listeners[i];

		FUZZ_CHECK((listener->tcp || listener->udp) && listener->at.port);
		FUZZ_CHECK(!listener->target ||
			   (listener->target->port && *listener->target->address));
	}
	for (unsigned int i = 0; i < app->allowed_count; i++) {
		struct kg_endpoint own = { app->allowed[i].prefix.ip, app->allowed[i].last_port };

		FUZZ_CHECK(kg_allow_contains(&app->allowed[i], 1, &own));
	}
}

static void check_tunnel(const struct kg_tunnel_config *t)
{
	FUZZ_CHECK(t->wire.encryption_algorithm && t->wire.kcp_preset);
	FUZZ_CHECK(t->name && t->custom_listen == (t->mapping_count > 0));
	check_wire(&t->wire);
	check_app(&t->app);
}

static void check_port(const struct kg_port_config *port)
{
	FUZZ_CHECK(port->name && port->device && port->tap);
	for (unsigned int i = 0; i < port->address_count; i++)
		FUZZ_CHECK(kg_port_has_address(port, &port->addresses[i].ip));
	for (unsigned int i = 0; i < port->gateway_count; i++)
		FUZZ_CHECK(!kg_port_has_address(port, &port->gateways[i]));
}

/* Each worker's share is a part of the range, and the last one ends it. */
static void check_shares(const struct kg_config *config, const struct kg_tunnel_config *t)
{
	const struct kg_port_range *range = t->wire.ports;
	unsigned int workers = config->worker_count, from;

	if (!kg_wire_has_port_shares(&t->wire, workers))
		return;
	from = range->first;
	for (unsigned int i = 0; i < workers; i++) {
		struct kg_port_range share = kg_port_range_share(range, i, workers);

		FUZZ_CHECK(share.first == from && share.first <= share.last);
		FUZZ_CHECK(kg_port_ranges_contain(range, 1, share.last));
		from = share.last + 1u;
	}
	FUZZ_CHECK(from == range->last + 1u);
}

/* ---- files ---- */

/* A file in memory, and how it is called. */
static int make_file(const uint8_t *bytes, size_t len, char path[PATH_BYTES])
{
	int fd = memfd_create("fuzz", 0);

	FUZZ_CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	snprintf(path, PATH_BYTES, FD_PATH "%d", fd);
	return fd;
}

static void load_files(struct kg_config *config, struct kg_mistakes *mistakes, const uint8_t *data,
		       size_t len)
{
	char paths[FILES_MAX][PATH_BYTES];
	const char *names[FILES_MAX] = { paths[0], paths[1], paths[2], paths[3] };
	int fds[FILES_MAX];
	size_t count = 0;

	while (count < FILES_MAX) {
		const uint8_t *end = memchr(data, 0, len);
		size_t bytes = end ? (size_t)(end - data) : len;

		fds[count] = make_file(data, bytes, paths[count]);
		count++;
		if (!end)
			break;
		data += bytes + 1;
		len -= bytes + 1;
	}
	kg_config_load(config, mistakes, names, count);
	while (count > 0)
		close(fds[--count]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct kg_config config;
	struct kg_mistakes mistakes;

	if (len > 0 && memchr(data, 0, len))
		load_files(&config, &mistakes, data, len);
	else
		kg_config_load_text(&config, &mistakes, "fuzz", (const char *)data, len);
	check_report(&mistakes);
	if (!mistakes.errors) {
		for (unsigned int i = 0; i < config.port_count; i++)
			check_port(&config.ports[i]);
		for (unsigned int i = 0; i < config.tunnel_count; i++) {
			check_tunnel(&config.tunnels[i]);
			check_shares(&config, &config.tunnels[i]);
		}
		check_printed(&config);
	}
	kg_mistakes_free(&mistakes);
	kg_config_free(&config);
	return 0;
}
