/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of --try share.
 *
 *   configuration ─► tunnels ─► hosts, names resolved ─► places, a port each ─► run ─► report
 */
#pragma once

#include "config/config.h"
#include "resolver/resolver.h"
#include "trial/trial.h"

/* A tunnel that asks. */
struct kg_try_tunnel {
	const struct kg_tunnel_config *config;
	struct kg_trial_tunnel trials;
};

/* An entry of destination_address, or the TXT record. */
struct kg_try_host {
	const struct kg_try_tunnel *tunnel;
	const char *name; /* NULL: `answer` has the configuration's address */
	struct kg_answer answer;
	struct kg_trial_clock clocks[KG_RESOLVER_IPS_MAX]; /* of each address */
	bool told;
};

/* An address and a port; of a name without addresses neither. */
struct kg_try_place {
	struct kg_try_host *host;
	unsigned int ip; /* of the host's */
	uint16_t port;
	struct kg_verdict verdict;
};

struct kg_try {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_rng rng;
	struct kg_try_tunnel *tunnels;
	unsigned int tunnel_count;
	struct kg_try_host *hosts;
	unsigned int host_count;
	struct kg_try_place *places;
	size_t place_count;
};

/* False without memory, or an algorithm has no key. */
bool kg_try_collect_tunnels(struct kg_try *t, const struct kg_config *config);
void kg_try_release_tunnels(struct kg_try *t);

/* All hosts of the tunnels, names resolved as far as they can be, and their places. */
bool kg_try_collect_places(struct kg_try *t);
void kg_try_release_places(struct kg_try *t);

/* Tests all places that have an address. False: Linux gives no epoll. */
bool kg_try_run(struct kg_try *t);

void kg_try_print_table(const struct kg_try *t, FILE *to);
void kg_try_print_json(const struct kg_try *t, FILE *to);
/* Places that have not answered. */
size_t kg_try_failed(const struct kg_try *t);
