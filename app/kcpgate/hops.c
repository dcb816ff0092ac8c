/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps a worker's next hops in a hash table; the last one is remembered, since most datagrams go
 * where the one before went.
 */
#include "hops.h"

#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_malloc.h>

#define ASK_AGAIN_US KG_US_PER_S

struct entry {
	struct kg_nexthop hop;
	uint64_t ask_us; /* when to ask again; KG_NEVER_US: there is an answer */
};

struct kg_hops {
	struct rte_hash *index;
	struct entry *last; /* most datagrams go where the one before went */
	struct entry entries[];
};

struct kg_hops *kg_hops_create(const char *name)
{
	struct kg_hops *hops =
		rte_zmalloc("kg_hops", sizeof(*hops) + KG_HOPS_MAX * sizeof(hops->entries[0]), 0);
	struct rte_hash_parameters params = {
		.name = name,
		.entries = KG_HOPS_MAX,
		.key_len = sizeof(struct kg_ip),
		.hash_func = rte_jhash,
		.socket_id = SOCKET_ID_ANY,
	};

	if (hops == NULL)
		return NULL;
	hops->index = rte_hash_create(&params);
	if (hops->index == NULL) {
		rte_free(hops);
		return NULL;
	}
	return hops;
}

void kg_hops_destroy(struct kg_hops *hops)
{
	if (hops == NULL)
		return;
	rte_hash_free(hops->index);
	rte_free(hops);
}

static struct entry *lookup(struct kg_hops *hops, const struct kg_ip *peer)
{
	int slot;

	if (hops->last != NULL && kg_ip_equal(&hops->last->hop.peer, peer))
		return hops->last;
	slot = rte_hash_lookup(hops->index, peer);
	if (slot < 0)
		return NULL;
	hops->last = &hops->entries[slot];
	return hops->last;
}

const struct kg_nexthop *kg_hops_lookup(struct kg_hops *hops, const struct kg_ip *peer)
{
	const struct entry *entry = lookup(hops, peer);

	return entry != NULL ? &entry->hop : NULL;
}

void kg_hops_forget(struct kg_hops *hops)
{
	rte_hash_reset(hops->index);
	hops->last = NULL;
}

static struct entry *enter(struct kg_hops *hops, const struct kg_ip *peer)
{
	int slot = rte_hash_add_key(hops->index, peer);

	if (slot < 0) {
		kg_hops_forget(hops);
		slot = rte_hash_add_key(hops->index, peer);
	}
	return &hops->entries[slot];
}

void kg_hops_update(struct kg_hops *hops, const struct kg_nexthop *hop)
{
	*enter(hops, &hop->peer) = (struct entry){ .hop = *hop, .ask_us = KG_NEVER_US };
}

const struct kg_nexthop *kg_hops_want(struct kg_hops *hops, const struct kg_ip *peer,
				      uint64_t now_us, bool *ask)
{
	struct entry *entry = lookup(hops, peer);

	if (entry == NULL) {
		entry = enter(hops, peer);
		*entry = (struct entry){
			.hop = { .peer = *peer, .state = KG_NEXTHOP_RESOLVING },
		};
	}
	*ask = now_us >= entry->ask_us;
	if (*ask)
		entry->ask_us = now_us + ASK_AGAIN_US;
	return &entry->hop;
}
