/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps a worker's next hops in a hash table; the last one is remembered, since most datagrams go
 * where the one before went.
 *
 * Strangers choose the addresses that we answer to. So the hash has a key, and who fills the table
 * drives out what nobody uses: a hand goes round over the slots, spares once what was looked up
 * since it last passed, and takes the first that was not.
 */
#include "hops.h"

#include "memory/keyed_hash.h"

#include <rte_malloc.h>

#define ASK_AGAIN_US KG_US_PER_S

struct entry {
	struct kg_nexthop hop;
	uint64_t ask_us; /* when to ask again; KG_NEVER_US: there is an answer */
	bool used;       /* looked up since the hand last passed */
};

struct kg_hops {
	struct rte_hash *index;
	struct entry *last; /* most datagrams go where the one before went */
	uint32_t hand;
	uint32_t gave_way;
	struct entry entries[KG_HOPS_MAX]; /* by slot */
};

struct kg_hops *kg_hops_create(const char *name)
{
	struct kg_hops *hops = rte_zmalloc("kg_hops", sizeof(*hops), 0);
	struct rte_hash_parameters params = {
		.name = name,
		.entries = KG_HOPS_MAX,
		.key_len = sizeof(struct kg_ip),
		.hash_func = kg_keyed_hash_function(),
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
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
	hops->last->used = true;
	return hops->last;
}

const struct kg_nexthop *kg_hops_lookup(struct kg_hops *hops, const struct kg_ip *peer)
{
	const struct entry *entry = lookup(hops, peer);

	return entry != NULL ? &entry->hop : NULL;
}

void kg_hops_forget(struct kg_hops *hops, const struct kg_ip *peer)
{
	rte_hash_del_key(hops->index, peer);
	hops->last = NULL;
}

/* Of a full table: every slot is taken. */
static void drive_one_out(struct kg_hops *hops)
{
	while (hops->entries[hops->hand].used) {
		hops->entries[hops->hand].used = false;
		hops->hand = (hops->hand + 1) % KG_HOPS_MAX;
	}
	kg_hops_forget(hops, &hops->entries[hops->hand].hop.peer);
	hops->hand = (hops->hand + 1) % KG_HOPS_MAX;
	hops->gave_way++;
}

static struct entry *enter(struct kg_hops *hops, const struct kg_ip *peer)
{
	int slot = rte_hash_add_key(hops->index, peer);

	if (slot < 0) {
		drive_one_out(hops);
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

uint32_t kg_hops_take_gave_way(struct kg_hops *hops)
{
	uint32_t gave_way = hops->gave_way;

	hops->gave_way = 0;
	return gave_way;
}
