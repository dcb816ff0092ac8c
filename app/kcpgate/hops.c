/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps a worker's next hops in a hash table; the last one is remembered, since most datagrams go
 * where the one before went.
 */
#include "hops.h"

#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_malloc.h>

struct kg_hops {
	struct rte_hash *index;
	const struct kg_nexthop *last; /* most datagrams go where the one before went */
	struct kg_nexthop hops[];
};

struct kg_hops *kg_hops_create(const char *name)
{
	struct kg_hops *hops =
		rte_zmalloc("kg_hops", sizeof(*hops) + KG_HOPS_MAX * sizeof(hops->hops[0]), 0);
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

const struct kg_nexthop *kg_hops_lookup(struct kg_hops *hops, const struct kg_ip *peer)
{
	int slot;

	if (hops->last != NULL && kg_ip_equal(&hops->last->peer, peer))
		return hops->last;
	slot = rte_hash_lookup(hops->index, peer);
	if (slot < 0)
		return NULL;
	hops->last = &hops->hops[slot];
	return hops->last;
}

void kg_hops_forget(struct kg_hops *hops)
{
	rte_hash_reset(hops->index);
	hops->last = NULL;
}

void kg_hops_update(struct kg_hops *hops, const struct kg_nexthop *hop)
{
	int slot = rte_hash_add_key(hops->index, &hop->peer);

	if (slot < 0) {
		kg_hops_forget(hops);
		slot = rte_hash_add_key(hops->index, &hop->peer);
	}
	hops->hops[slot] = *hop;
}
