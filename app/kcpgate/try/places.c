/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds out which addresses and ports there are to test: names are resolved, all at once. */
#include "try/internal.h"

#include <poll.h>
#include <stdlib.h>

/* ---- hosts ---- */

static unsigned int hosts_of(const struct kg_wire_end *wire)
{
	return wire->peer_record != NULL ? 1 : wire->peer_count;
}

static void collect_hosts_of(struct kg_try *t, const struct kg_try_tunnel *tunnel)
{
	const struct kg_wire_end *wire = &tunnel->config->wire;

	for (unsigned int i = 0; i < hosts_of(wire); i++) {
		struct kg_try_host *host = &t->hosts[t->host_count++];

		host->tunnel = tunnel;
		if (wire->peer_record != NULL) {
			host->name = wire->peer_record;
		} else if (wire->peers[i].ip.version == 0) {
			host->name = wire->peers[i].name;
		} else {
			host->answer.ips[host->answer.count++] = wire->peers[i].ip;
			host->told = true;
		}
	}
}

static bool collect_hosts(struct kg_try *t)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < t->tunnel_count; i++)
		count += hosts_of(&t->tunnels[i].config->wire);
	t->hosts = calloc(count + 1, sizeof(t->hosts[0]));
	for (unsigned int i = 0; t->hosts != NULL && i < t->tunnel_count; i++)
		collect_hosts_of(t, &t->tunnels[i]);
	return t->hosts != NULL;
}

/* ---- names ---- */

/* What cannot be reached from here is tested, too. */
static void resolved(void *ctx, const struct kg_answer *answer)
{
	struct kg_try_host *host = ctx;

	host->answer = *answer;
	kg_answer_keep_hosts(&host->answer, answer->count);
	host->told = true;
}

static void ask(struct kg_resolver *resolver, struct kg_try_host *host)
{
	const struct kg_tunnel_config *config = host->tunnel->config;
	unsigned int what = config->wire.peer_record != NULL
				    ? (unsigned int)KG_ASK_TXT
				    : kg_ask_addresses(config->ipv4_only, config->ipv6_only);

	if (kg_resolver_ask(resolver, host->name, what, resolved, host) == NULL)
		resolved(host, &(struct kg_answer){ .error = KG_RESOLVER_NO_ANSWER });
}

static bool all_told(const struct kg_try *t)
{
	for (unsigned int i = 0; i < t->host_count; i++) {
		if (!t->hosts[i].told)
			return false;
	}
	return true;
}

static bool resolve(struct kg_try *t)
{
	struct kg_resolver *resolver = kg_resolver_create();

	if (resolver == NULL)
		return false;
	for (unsigned int i = 0; i < t->host_count; i++) {
		if (!t->hosts[i].told)
			ask(resolver, &t->hosts[i]);
	}
	while (!all_told(t)) {
		struct pollfd fd = { .fd = kg_resolver_fd(resolver), .events = POLLIN };

		(void)poll(&fd, 1, kg_resolver_timeout_ms(resolver));
		kg_resolver_input(resolver);
	}
	kg_resolver_destroy(resolver);
	return true;
}

/* ---- places ---- */

/* A TXT record says the port; a name without addresses has one place, which is not tested. */
static size_t ports_of(const struct kg_try_host *host)
{
	const struct kg_wire_end *wire = &host->tunnel->config->wire;
	size_t count = 0;

	if (wire->peer_record != NULL)
		return 1;
	for (unsigned int i = 0; i < wire->peer_port_count; i++)
		count += wire->peer_ports[i].last - wire->peer_ports[i].first + 1u;
	return count;
}

static size_t places_of(const struct kg_try_host *host)
{
	return host->answer.count > 0 ? host->answer.count * ports_of(host) : 1;
}

static struct kg_try_place *add(struct kg_try *t, struct kg_try_host *host, unsigned int ip,
				unsigned int port)
{
	struct kg_try_place *place = &t->places[t->place_count++];

	*place = (struct kg_try_place){ .host = host, .ip = ip, .port = (uint16_t)port };
	return place;
}

static void add_address(struct kg_try *t, struct kg_try_host *host, unsigned int ip)
{
	const struct kg_wire_end *wire = &host->tunnel->config->wire;

	if (wire->peer_record != NULL) {
		add(t, host, ip, host->answer.port);
		return;
	}
	for (unsigned int i = 0; i < wire->peer_port_count; i++) {
		for (unsigned int port = wire->peer_ports[i].first;
		     port <= wire->peer_ports[i].last; port++)
			add(t, host, ip, port);
	}
}

static void add_host(struct kg_try *t, struct kg_try_host *host)
{
	for (unsigned int ip = 0; ip < host->answer.count; ip++)
		add_address(t, host, ip);
	if (host->answer.count == 0)
		add(t, host, 0, 0)->verdict = (struct kg_verdict){
			.kind = KG_VERDICT_UNRESOLVED,
			.why = kg_resolver_error_text(host->answer.error),
		};
}

static bool list_places(struct kg_try *t)
{
	size_t count = 0;

	for (unsigned int i = 0; i < t->host_count; i++)
		count += places_of(&t->hosts[i]);
	t->places = calloc(count + 1, sizeof(t->places[0]));
	for (unsigned int i = 0; t->places != NULL && i < t->host_count; i++)
		add_host(t, &t->hosts[i]);
	return t->places != NULL;
}

bool kg_try_collect_places(struct kg_try *t)
{
	return collect_hosts(t) && (all_told(t) || resolve(t)) && list_places(t);
}

void kg_try_release_places(struct kg_try *t)
{
	free(t->places);
	free(t->hosts);
}
