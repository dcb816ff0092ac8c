/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asks STUN servers how a tunnel's port looks from outside, for each IP version, from that very
 * port: so often that a NAT's binding stays alive. What has changed goes to the log, to a file and
 * to the user's program.
 */
#include "net/stun.h"

#include "base/bytes.h"
#include "base/rng.h"
#include "clock.h"
#include "config/values.h"
#include "control/internal.h"
#include "log/files.h"
#include "log/journal.h"
#include "outlook.h"
#include "pkt.h"
#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVERY_US                                                                        \
	(25 * KG_US_PER_S) /* below the 30 s after which the most impatient NATs forget \
			    */
#define RETRY_US  (500 * KG_US_PER_MS) /* RFC 8489 §6.2.1, doubled each time */
#define TRIES     6                    /* then the next server has its turn, after the last pause */
#define FILE_NAME "ip_address.txt"

struct asker;

/* One server as far as it is known. */
struct server {
	struct asker *asker;
	struct kg_name_wait *wait; /* for its name; NULL: not watched */
	const struct kg_server_config *config;
	struct kg_ip ip; /* version 0: not known */
};

/* A tunnel's questions in one IP version. */
struct asker {
	TAILQ_ENTRY(asker) link;
	const struct kg_tunnel_config *config;
	uint16_t tunnel; /* id */
	uint64_t tag;    /* the tunnel's */
	uint8_t version;
	struct server *servers; /* by the configuration's order */
	unsigned int at;        /* of them */
	struct kg_stun_id id;   /* of the question under way */
	unsigned int tries;     /* of it; 0: none is under way */
	uint64_t due_us;
	struct kg_endpoint mapped; /* version 0: not known */
	uint64_t mapped_us;        /* when that was said last */
	uint64_t failed_us;        /* when a server was given up last; 0: never */
};

struct kg_control_stun {
	struct kg_loop_source source;
	struct kg_box *box;
	struct kg_control_names *names;
	struct kg_control_hooks *hooks;
	struct kg_rng rng;
	TAILQ_HEAD(, asker) askers; /* one for each IP version of a tunnel that has servers */
};

/* ---- asking ---- */

static bool send_request(struct kg_control_stun *stun, const struct asker *asker)
{
	const struct server *server = &asker->servers[asker->at];
	struct rte_mbuf *m = rte_pktmbuf_alloc(stun->box->mbufs);
	const struct kg_wire_end *wire = &asker->config->wire;
	struct kg_pkt *pkt;

	if (m == NULL)
		return false;
	kg_stun_request((uint8_t *)rte_pktmbuf_append(m, KG_STUN_REQUEST_BYTES), &asker->id);
	pkt = kg_pkt(m);
	*pkt = (struct kg_pkt){ .tunnel = asker->tunnel };
	pkt->local.port = wire->ports[0].first;
	if (wire->address_count > 0 && !kg_ip_is_unspecified(&wire->addresses[0]))
		pkt->local.ip = wire->addresses[0];
	pkt->remote = (struct kg_endpoint){ server->ip, server->config->port };
	if (rte_ring_sp_enqueue(stun->box->from_control, m) == 0) {
		kg_waker_wake(&stun->box->workers[0]->waker);
		return true;
	}
	rte_pktmbuf_free(m);
	return false;
}

/* To the next server that is known; false: none is. */
static bool next_server(struct asker *asker)
{
	for (unsigned int i = 0; i < asker->config->stun_server_count; i++) {
		asker->at = (asker->at + 1) % asker->config->stun_server_count;
		if (asker->servers[asker->at].ip.version != 0)
			return true;
	}
	return false;
}

/* A new transaction: what was asked before is not waited for any more. */
static void begin(struct kg_control_stun *stun, struct asker *asker)
{
	kg_store_be64(asker->id.bytes, asker->tag);
	kg_store_be32(asker->id.bytes + 8, (uint32_t)kg_rng_next(&stun->rng));
	asker->tries = 0;
}

static void ask(struct kg_control_stun *stun, struct asker *asker, uint64_t now_us)
{
	if (asker->tries == TRIES)
		asker->failed_us = now_us;
	if (asker->tries == TRIES || asker->servers[asker->at].ip.version == 0) {
		asker->tries = 0;
		if (!next_server(asker)) {
			asker->due_us = KG_NEVER_US; /* until a name is answered */
			return;
		}
	}
	if (asker->tries == 0)
		begin(stun, asker);
	if (send_request(stun, asker))
		asker->tries++;
	asker->due_us = now_us + (RETRY_US << KG_MIN(asker->tries - (asker->tries > 0), 6u));
}

/* ---- what an answer changes ---- */

static const struct asker *of_version(const struct kg_control_stun *stun, const struct asker *a,
				      uint8_t version)
{
	const struct asker *asker;

	TAILQ_FOREACH (asker, &stun->askers, link) {
		if (asker->tunnel == a->tunnel && asker->version == version)
			return asker;
	}
	return NULL;
}

static void print_addresses(const struct kg_control_stun *stun, const struct asker *a, FILE *to)
{
	char text[KG_IP_TEXT_BYTES], stamp[KG_LOG_STAMP_BYTES];

	fprintf(to, "Update Time: %s\n", kg_log_stamp(stamp));
	for (uint8_t version = 4; version <= 6; version += 2) {
		const struct asker *asker = of_version(stun, a, version);

		if (asker == NULL || asker->mapped.ip.version == 0)
			continue;
		fprintf(to, "External IPv%u Address: %s\nExternal IPv%u Port: %u\n", version,
			kg_ip_text(&asker->mapped.ip, text), version, asker->mapped.port);
	}
}

/* A reader finds the old file or the new one, never a part. */
static void write_file(const struct kg_control_stun *stun, const struct asker *asker)
{
	char path[4096], fresh[4096 + 4];
	FILE *file;
	bool good;

	if (asker->config->log_path == NULL)
		return;
	snprintf(path, sizeof(path), "%s/" FILE_NAME, asker->config->log_path);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	file = fopen(fresh, "we");
	good = file != NULL;
	if (good) {
		print_addresses(stun, asker, file);
		good = fclose(file) == 0 && rename(fresh, path) == 0;
	}
	if (!good)
		KG_JOURNAL(WARNING, asker->config, "%s: cannot write %s: %s\n", asker->config->name,
			   path, strerror(errno));
}

static void on_changed(struct kg_control_stun *stun, struct asker *asker)
{
	const char *hook =
		asker->version == 4 ? asker->config->update_ipv4 : asker->config->update_ipv6;
	char text[KG_ENDPOINT_TEXT_BYTES];

	kg_endpoint_text(&asker->mapped, text);
	KG_JOURNAL(NOTICE, asker->config, "%s: from outside its port is %s\n", asker->config->name,
		   text);
	write_file(stun, asker);
	if (hook != NULL)
		kg_control_hooks_run(stun->hooks, hook, asker->tunnel, text);
}

static void on_answer(struct kg_control_stun *stun, struct asker *asker,
		      const struct kg_endpoint *mapped, uint64_t now_us)
{
	bool changed = !kg_endpoint_equal(mapped, &asker->mapped);

	asker->tries = 0;
	begin(stun, asker); /* a second answer to the same question is none */
	asker->due_us = now_us + EVERY_US;
	asker->mapped = *mapped;
	asker->mapped_us = now_us;
	if (changed)
		on_changed(stun, asker);
}

/* From anybody, but only who has seen the question knows its number. */
static void input(struct kg_control_stun *stun, struct rte_mbuf *m, uint64_t now_us)
{
	const struct kg_pkt *pkt = kg_pkt(m);
	struct kg_endpoint mapped;
	struct asker *asker;

	TAILQ_FOREACH (asker, &stun->askers, link) {
		if (asker->tries > 0 && asker->tunnel == pkt->tunnel &&
		    kg_stun_answer(pkt->body, pkt->body_len, &asker->id, &mapped) &&
		    mapped.ip.version == asker->version) {
			on_answer(stun, asker, &mapped, now_us);
			break;
		}
	}
	rte_pktmbuf_free(m);
}

/* ---- names of servers ---- */

static void resolved(void *ctx, const struct kg_answer *answer)
{
	struct server *server = ctx;

	if (answer->error != KG_RESOLVER_OK)
		return;
	server->ip = answer->ips[0];
	if (server->asker->due_us == KG_NEVER_US)
		server->asker->due_us = 0;
}

static bool know(struct kg_control_stun *stun, struct server *server)
{
	const struct kg_host *host = &server->config->host;
	unsigned int what = server->asker->version == 4 ? KG_ASK_IPV4 : KG_ASK_IPV6;

	if (host->ip.version == 0) {
		server->wait =
			kg_control_names_watch(stun->names, host->name, what, resolved, server);
		return server->wait != NULL;
	}
	if (host->ip.version == server->asker->version)
		server->ip = host->ip;
	return true;
}

/* ---- the source ---- */

static bool fed(const struct kg_loop_source *source)
{
	const struct kg_control_stun *stun =
		KG_CONTAINER_OF(source, const struct kg_control_stun, source);
	const struct asker *asker;

	for (unsigned int w = 0; w < stun->box->worker_count; w++) {
		if (!rte_ring_empty(stun->box->to_control[w]))
			return true;
	}
	TAILQ_FOREACH (asker, &stun->askers, link) {
		if (asker->due_us < source->due_us)
			return true; /* a name was answered */
	}
	return false;
}

static void show(const struct kg_control_stun *stun)
{
	struct kg_stun_row rows[KG_OUTLOOK_ROWS_MAX];
	const struct asker *asker;
	unsigned int count = 0;

	TAILQ_FOREACH (asker, &stun->askers, link) {
		const struct server *server = &asker->servers[asker->at];

		if (count == KG_OUTLOOK_ROWS_MAX)
			break;
		rows[count] = (struct kg_stun_row){
			.version = asker->version,
			.mapped = asker->mapped,
			.mapped_us = asker->mapped_us,
			.server = { server->ip, server->config->port },
			.unanswered = asker->tries,
			.failed_us = asker->failed_us,
		};
		snprintf(rows[count].tunnel, sizeof(rows[count].tunnel), "%s", asker->config->name);
		count++;
	}
	kg_outlook_put_stun(rows, count);
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_control_stun *stun = KG_CONTAINER_OF(source, struct kg_control_stun, source);
	struct asker *asker;
	void *m;

	for (unsigned int w = 0; w < stun->box->worker_count; w++) {
		while (rte_ring_sc_dequeue(stun->box->to_control[w], &m) == 0)
			input(stun, m, now_us);
	}
	source->due_us = KG_NEVER_US;
	TAILQ_FOREACH (asker, &stun->askers, link) {
		if (now_us >= asker->due_us)
			ask(stun, asker, now_us);
		source->due_us = KG_MIN(source->due_us, asker->due_us);
	}
	show(stun);
}

/* ---- life ---- */

static void remove_asker(struct kg_control_stun *stun, struct asker *asker)
{
	TAILQ_REMOVE(&stun->askers, asker, link);
	for (unsigned int i = 0; asker->servers != NULL && i < asker->config->stun_server_count;
	     i++)
		kg_control_names_forget(stun->names, asker->servers[i].wait);
	free(asker->servers);
	free(asker);
}

static bool know_all(struct kg_control_stun *stun, struct asker *asker)
{
	for (unsigned int i = 0; i < asker->config->stun_server_count; i++) {
		asker->servers[i].asker = asker;
		asker->servers[i].config = &asker->config->stun_servers[i];
		if (!know(stun, &asker->servers[i]))
			return false;
	}
	return true;
}

static bool add_asker(struct kg_control_stun *stun, const struct kg_box_tunnel *tunnel,
		      uint8_t version)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (asker == NULL)
		return false;
	TAILQ_INSERT_TAIL(&stun->askers, asker, link);
	asker->config = tunnel->config;
	asker->tunnel = tunnel->id;
	asker->tag = tunnel->stun_tag;
	asker->version = version;
	asker->servers = calloc(asker->config->stun_server_count, sizeof(asker->servers[0]));
	return asker->servers != NULL && know_all(stun, asker);
}

bool kg_control_stun_follow(struct kg_control_stun *stun, const struct kg_box_tunnel *tunnel)
{
	bool good = true;

	if (tunnel->stun_tag == 0)
		return true;
	if (!tunnel->config->ipv6_only)
		good = add_asker(stun, tunnel, 4);
	if (good && !tunnel->config->ipv4_only)
		good = add_asker(stun, tunnel, 6);
	if (!good)
		kg_control_stun_unfollow(stun, tunnel->id);
	return good;
}

void kg_control_stun_unfollow(struct kg_control_stun *stun, uint16_t tunnel)
{
	struct asker *asker = TAILQ_FIRST(&stun->askers), *next;

	for (; asker != NULL; asker = next) {
		next = TAILQ_NEXT(asker, link);
		if (asker->tunnel == tunnel)
			remove_asker(stun, asker);
	}
}

static bool follow_all(struct kg_control_stun *stun)
{
	for (unsigned int t = 0; t < stun->box->tunnels.count; t++) {
		if (!kg_control_stun_follow(stun, stun->box->tunnels.all[t]))
			return false;
	}
	return true;
}

struct kg_control_stun *kg_control_stun_create(struct kg_loop *loop, struct kg_box *box,
					       struct kg_control_names *names,
					       struct kg_control_hooks *hooks)
{
	struct kg_control_stun *stun = calloc(1, sizeof(*stun));

	if (stun == NULL)
		return NULL;
	stun->box = box;
	stun->names = names;
	stun->hooks = hooks;
	TAILQ_INIT(&stun->askers);
	kg_rng_init(&stun->rng, kg_clock_seed());
	stun->source = (struct kg_loop_source){ .fd = -1, .fed = fed, .serve = serve };
	if (follow_all(stun) && kg_loop_add(loop, &stun->source))
		return stun;
	kg_control_stun_destroy(stun);
	errno = ENOMEM;
	return NULL;
}

void kg_control_stun_destroy(struct kg_control_stun *stun)
{
	if (stun == NULL)
		return;
	kg_loop_remove(&stun->source);
	while (!TAILQ_EMPTY(&stun->askers))
		remove_asker(stun, TAILQ_FIRST(&stun->askers));
	free(stun);
}
