/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps a worker's next hops in a hash table; the last one is remembered, since most datagrams go
 * where the one before went.
 *
 * Strangers choose the addresses that we answer to. So the hash has a key, and who fills the table
 * drives out what nobody uses: a hand goes round over the slots, spares once what was looked up
 * since it last passed, and takes the first that was not.
 */
#include "nexthops.h"

#include "memory/keyed_hash.h"

#include <rte_malloc.h>

#define ASK_AGAIN_US KG_US_PER_S

struct entry {
	struct kg_nexthop nexthop;
	uint64_t ask_us; /* when to ask again; KG_NEVER_US: there is an answer */
	bool used;       /* looked up since the hand last passed */
};

struct kg_nexthops {
	struct rte_hash *index;
	struct entry *last; /* most datagrams go where the one before went */
	uint32_t hand;
	uint32_t gave_way;
	struct entry entries[KG_NEXTHOPS_MAX]; /* by slot */
};

struct kg_nexthops *kg_nexthops_create(const char *name)
{
	struct kg_nexthops *nexthops = rte_zmalloc("kg_nexthops", sizeof(*nexthops), 0);
	struct rte_hash_parameters params = {
		.name = name,
		.entries = KG_NEXTHOPS_MAX,
		.key_len = sizeof(struct kg_ip),
		.hash_func = kg_keyed_hash_function(),
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
		.socket_id = SOCKET_ID_ANY,
	};

	if (nexthops == NULL)
		return NULL;
	nexthops->index = rte_hash_create(&params);
	if (nexthops->index == NULL) {
		rte_free(nexthops);
		return NULL;
	}
	return nexthops;
}

void kg_nexthops_destroy(struct kg_nexthops *nexthops)
{
	if (nexthops == NULL)
		return;
	rte_hash_free(nexthops->index);
	rte_free(nexthops);
}

static struct entry *lookup(struct kg_nexthops *nexthops, const struct kg_ip *peer)
{
	int slot;

	if (nexthops->last != NULL && kg_ip_equal(&nexthops->last->nexthop.peer, peer))
		return nexthops->last;
	slot = rte_hash_lookup(nexthops->index, peer);
	if (slot < 0)
		return NULL;
	nexthops->last = &nexthops->entries[slot];
	nexthops->last->used = true;
	return nexthops->last;
}

const struct kg_nexthop *kg_nexthops_lookup(struct kg_nexthops *nexthops, const struct kg_ip *peer)
{
	const struct entry *entry = lookup(nexthops, peer);

	return entry != NULL ? &entry->nexthop : NULL;
}

void kg_nexthops_forget(struct kg_nexthops *nexthops, const struct kg_ip *peer)
{
	rte_hash_del_key(nexthops->index, peer);
	nexthops->last = NULL;
}

/* Of a full table: every slot is taken. */
static void drive_one_out(struct kg_nexthops *nexthops)
{
	while (nexthops->entries[nexthops->hand].used) {
		nexthops->entries[nexthops->hand].used = false;
		nexthops->hand = (nexthops->hand + 1) % KG_NEXTHOPS_MAX;
	}
	kg_nexthops_forget(nexthops, &nexthops->entries[nexthops->hand].nexthop.peer);
	nexthops->hand = (nexthops->hand + 1) % KG_NEXTHOPS_MAX;
	nexthops->gave_way++;
}

static struct entry *enter(struct kg_nexthops *nexthops, const struct kg_ip *peer)
{
	int slot = rte_hash_add_key(nexthops->index, peer);

	if (slot < 0) {
		drive_one_out(nexthops);
		slot = rte_hash_add_key(nexthops->index, peer);
	}
	return &nexthops->entries[slot];
}

void kg_nexthops_update(struct kg_nexthops *nexthops, const struct kg_nexthop *nexthop)
{
	*enter(nexthops, &nexthop->peer) =
		(struct entry){ .nexthop = *nexthop, .ask_us = KG_NEVER_US };
}

const struct kg_nexthop *kg_nexthops_want(struct kg_nexthops *nexthops, const struct kg_ip *peer,
					  uint64_t now_us, bool *ask)
{
	struct entry *entry = lookup(nexthops, peer);

	if (entry == NULL) {
		entry = enter(nexthops, peer);
		*entry = (struct entry){
			.nexthop = { .peer = *peer, .state = KG_NEXTHOP_RESOLVING },
		};
	}
	*ask = now_us >= entry->ask_us;
	if (*ask)
		entry->ask_us = now_us + ASK_AGAIN_US;
	return &entry->nexthop;
}

uint32_t kg_nexthops_take_gave_way(struct kg_nexthops *nexthops)
{
	uint32_t gave_way = nexthops->gave_way;

	nexthops->gave_way = 0;
	return gave_way;
}
