/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Follows the names of clients' servers. Each name gives its tunnel one address at a time: the
 * first that can be reached, the next one when that does not answer. What has changed goes to every
 * worker; the list before it is kept until the last of them has taken the new one.
 */
#include "control/internal.h"
#include "log/journal.h"

#include <errno.h>
#include <stdlib.h>

#define POST_AGAIN_US (10 * KG_US_PER_MS) /* to a worker whose mailbox was full */

struct followed;

/* An entry of destination_address, or the TXT record. */
struct host {
	struct followed *tunnel;
	const char *name; /* NULL: `chosen` is the configuration's, for ever */
	unsigned int what;
	struct kg_answer answer;
	struct kg_ip chosen;         /* version 0: nothing is known */
	uint16_t port;               /* of a TXT record */
	enum kg_resolver_error told; /* what the log knows */
	struct kg_name_wait *wait;   /* for the name; NULL: not watched */
};

/* A tunnel whose server has a name. */
struct followed {
	TAILQ_ENTRY(followed) link;
	const struct kg_tunnel_config *config;
	uint16_t tunnel; /* id */
	struct host *hosts;
	unsigned int host_count;
	struct kg_port_range port; /* of a TXT record */
	struct kg_destinations *current, *before;
	atomic_uint
		awaited; /* workers that have not taken the current one; worker: wo after posting */
	uint64_t unposted; /* a bit for each worker that it could not be sent to yet */
	bool changed;      /* since the current one */
	bool leaves;       /* workers hear nothing new */
};

struct kg_control_destinations {
	struct kg_loop_source source;
	struct kg_box *box;
	struct kg_control_names *names;
	TAILQ_HEAD(, followed) followed;
};

/* ---- lists for workers ---- */

static struct kg_destinations *make_list(struct followed *f)
{
	struct kg_destinations *list =
		calloc(1, sizeof(*list) + f->host_count * sizeof(list->ips[0]));

	if (list == NULL)
		return NULL;
	list->tunnel = f->tunnel;
	list->ports = f->config->wire.peer_ports;
	list->port_count = (uint16_t)f->config->wire.peer_port_count;
	for (unsigned int i = 0; i < f->host_count; i++) {
		if (f->hosts[i].chosen.version != 0)
			list->ips[list->count++] = f->hosts[i].chosen;
	}
	if (f->config->wire.peer_record != NULL) {
		f->port = (struct kg_port_range){ f->hosts[0].port, f->hosts[0].port };
		list->ports = &f->port;
		list->port_count = 1;
	}
	return list;
}

static void post(struct kg_control_destinations *d, struct followed *f)
{
	struct kg_mail mail = { .type = KG_MAIL_DESTINATIONS, .awaited = &f->awaited };

	mail.destinations = f->current;
	for (unsigned int w = 0; w < d->box->worker_count; w++) {
		if ((f->unposted >> w & 1) != 0 && kg_box_post(d->box, w, &mail))
			f->unposted &= ~(UINT64_C(1) << w);
	}
}

/* While workers take one, the next one waits. */
static void publish(struct kg_control_destinations *d, struct followed *f)
{
	struct kg_destinations *list;

	if (atomic_load_explicit(&f->awaited, memory_order_acquire) > 0)
		return;
	free(f->before);
	f->before = NULL;
	if (!f->changed)
		return;
	list = make_list(f);
	if (list == NULL)
		return;
	f->changed = false;
	f->before = f->current;
	f->current = list;
	atomic_store(&f->awaited, d->box->worker_count);
	f->unposted = UINT64_MAX >> (64 - d->box->worker_count);
}

/* ---- names ---- */

static void choose(struct host *host, const struct kg_ip *ip)
{
	char text[KG_IP_TEXT_BYTES];

	if (kg_ip_equal(&host->chosen, ip) && host->port == host->answer.port)
		return;
	host->chosen = *ip;
	host->port = host->answer.port;
	host->tunnel->changed = true;
	if (host->port == 0)
		KG_JOURNAL(NOTICE, host->tunnel->config, "%s: %s is %s\n",
			   host->tunnel->config->name, host->name, kg_ip_text(ip, text));
	else
		KG_JOURNAL(NOTICE, host->tunnel->config, "%s: %s is %s, port %u\n",
			   host->tunnel->config->name, host->name, kg_ip_text(ip, text),
			   host->port);
}

/* Nor does what cannot be reached count while something can. */
static void keep_usable(struct kg_answer *answer)
{
	kg_answer_keep_hosts(answer, answer->reachable > 0 ? answer->reachable : answer->count);
}

/* Where in the answer the chosen address is; `count`: it is not. */
static unsigned int place_of(const struct host *host)
{
	unsigned int i = 0;

	while (i < host->answer.count && !kg_ip_equal(&host->answer.ips[i], &host->chosen))
		i++;
	return i;
}

/* Told by the names. Addresses that were good stay until there are others: a name that has gone
 * says nothing about them. */
static void resolved(void *ctx, const struct kg_answer *answer)
{
	struct host *host = ctx;
	unsigned int place;

	host->answer = *answer;
	keep_usable(&host->answer);
	if (host->answer.error != host->told && host->answer.error != KG_RESOLVER_OK)
		KG_JOURNAL(WARNING, host->tunnel->config, "%s: %s: %s\n",
			   host->tunnel->config->name, host->name,
			   kg_resolver_error_text(host->answer.error));
	host->told = host->answer.error;
	if (host->told != KG_RESOLVER_OK)
		return;
	place = place_of(host);
	choose(host, &host->answer.ips[place < host->answer.count ? place : 0]);
}

/* The next address of the same name has its turn, and the name is asked for anew. */
static void doubt(struct kg_control_destinations *d, struct host *host)
{
	unsigned int place = place_of(host);

	if (place < host->answer.count)
		choose(host, &host->answer.ips[(place + 1) % host->answer.count]);
	kg_control_names_doubt(d->names, host->name, host->what);
}

static struct followed *find(const struct kg_control_destinations *d, uint16_t tunnel)
{
	struct followed *f;

	TAILQ_FOREACH (f, &d->followed, link) {
		if (f->tunnel == tunnel)
			return f;
	}
	return NULL;
}

void kg_control_destinations_doubt(struct kg_control_destinations *d, uint16_t tunnel,
				   const struct kg_ip *ip)
{
	struct followed *f = find(d, tunnel);

	for (unsigned int h = 0; f != NULL && !f->leaves && h < f->host_count; h++) {
		if (f->hosts[h].name != NULL && kg_ip_equal(&f->hosts[h].chosen, ip))
			doubt(d, &f->hosts[h]);
	}
}

/* ---- the source ---- */

/* A list waits to be sent, or has been taken by all. */
static bool fed(const struct kg_loop_source *source)
{
	const struct kg_control_destinations *d =
		KG_CONTAINER_OF(source, const struct kg_control_destinations, source);

	const struct followed *f;

	TAILQ_FOREACH (f, &d->followed, link) {
		if (atomic_load_explicit(&f->awaited, memory_order_acquire) == 0 &&
		    (f->changed || f->before != NULL))
			return true;
	}
	return false;
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_control_destinations *d =
		KG_CONTAINER_OF(source, struct kg_control_destinations, source);

	struct followed *f;

	source->due_us = KG_NEVER_US;
	TAILQ_FOREACH (f, &d->followed, link) {
		publish(d, f);
		post(d, f);
		if (f->unposted != 0)
			source->due_us = now_us + POST_AGAIN_US;
	}
}

/* ---- life ---- */

static bool has_name(const struct kg_wire_end *wire)
{
	bool any = wire->peer_record != NULL;

	for (unsigned int i = 0; i < wire->peer_count; i++)
		any |= wire->peers[i].ip.version == 0;
	return any;
}

static bool watch(struct kg_control_destinations *d, struct host *host)
{
	host->wait = kg_control_names_watch(d->names, host->name, host->what, resolved, host);
	return host->wait != NULL;
}

static bool follow_hosts(struct kg_control_destinations *d, struct followed *f)
{
	const struct kg_wire_end *wire = &f->config->wire;
	unsigned int addresses = kg_ask_addresses(f->config->ipv4_only, f->config->ipv6_only);

	for (unsigned int i = 0; i < f->host_count; i++) {
		struct host *host = &f->hosts[i];
		bool txt = wire->peer_record != NULL;

		host->tunnel = f;
		host->what = txt ? (unsigned int)KG_ASK_TXT : addresses;
		host->name = txt ? wire->peer_record : wire->peers[i].name;
		if (!txt && wire->peers[i].ip.version != 0) {
			host->name = NULL;
			host->chosen = wire->peers[i].ip;
		} else if (!watch(d, host)) {
			return false;
		}
	}
	return true;
}

static void leave(struct kg_control_destinations *d, struct followed *f)
{
	for (unsigned int i = 0; f->hosts != NULL && i < f->host_count; i++) {
		kg_control_names_forget(d->names, f->hosts[i].wait);
		f->hosts[i].wait = NULL;
	}
	f->unposted = 0;
	f->changed = false;
	f->leaves = true;
}

static void unfollow(struct kg_control_destinations *d, struct followed *f)
{
	leave(d, f);
	TAILQ_REMOVE(&d->followed, f, link);
	free(f->hosts);
	free(f->current);
	free(f->before);
	free(f);
}

bool kg_control_destinations_follow(struct kg_control_destinations *d,
				    const struct kg_box_tunnel *tunnel)
{
	struct followed *f;

	if (!has_name(&tunnel->config->wire))
		return true;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return false;
	TAILQ_INSERT_TAIL(&d->followed, f, link);
	f->config = tunnel->config;
	f->tunnel = tunnel->id;
	f->host_count = KG_MAX(f->config->wire.peer_count, 1u);
	f->hosts = calloc(f->host_count, sizeof(f->hosts[0]));
	if (f->hosts != NULL && follow_hosts(d, f))
		return true;
	unfollow(d, f);
	return false;
}

void kg_control_destinations_leave(struct kg_control_destinations *d, uint16_t tunnel)
{
	struct followed *f = find(d, tunnel);

	if (f != NULL)
		leave(d, f);
}

void kg_control_destinations_unfollow(struct kg_control_destinations *d, uint16_t tunnel)
{
	struct followed *f = find(d, tunnel);

	if (f != NULL)
		unfollow(d, f);
}

static bool follow_all(struct kg_control_destinations *d)
{
	for (unsigned int t = 0; t < d->box->tunnels.count; t++) {
		if (!kg_control_destinations_follow(d, d->box->tunnels.all[t]))
			return false;
	}
	return true;
}

struct kg_control_destinations *kg_control_destinations_create(struct kg_loop *loop,
							       struct kg_box *box,
							       struct kg_control_names *names)
{
	struct kg_control_destinations *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->box = box;
	d->names = names;
	TAILQ_INIT(&d->followed);
	d->source = (struct kg_loop_source){
		.fd = -1,
		.due_us = KG_NEVER_US,
		.fed = fed,
		.serve = serve,
	};
	if (follow_all(d) && kg_loop_add(loop, &d->source))
		return d;
	kg_control_destinations_destroy(d);
	errno = ENOMEM;
	return NULL;
}

void kg_control_destinations_destroy(struct kg_control_destinations *d)
{
	if (d == NULL)
		return;
	kg_loop_remove(&d->source);
	while (!TAILQ_EMPTY(&d->followed))
		unfollow(d, TAILQ_FIRST(&d->followed));
	free(d);
}
