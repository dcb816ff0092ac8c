/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds what a session keeps of an IP address. Addresses with the same key make a chain. */
#include "session/internal.h"

/* Strangers choose addresses; they cannot find others with the same. */
static uint32_t key_of(const struct kg_session *s, const struct kg_ip *ip)
{
	return (uint32_t)kg_siphash(&s->source_key, ip, sizeof(*ip));
}

struct kg_by_ip *kg_by_ip_find(const struct kg_session *s, const struct kg_u32map *map,
			       const struct kg_ip *ip)
{
	struct kg_by_ip *node = kg_u32map_lookup(map, key_of(s, ip));

	while (node != NULL && !kg_ip_equal(&node->ip, ip))
		node = node->next;
	return node;
}

/* What was in the map goes behind it; then there is a place for it in any case. */
bool kg_by_ip_insert(const struct kg_session *s, struct kg_u32map *map, struct kg_by_ip *node,
		     const struct kg_ip *ip)
{
	node->ip = *ip;
	node->key = key_of(s, ip);
	node->next = kg_u32map_remove(map, node->key);
	return kg_u32map_insert(map, node->key, node);
}

void kg_by_ip_remove(struct kg_u32map *map, struct kg_by_ip *node)
{
	struct kg_by_ip *head = kg_u32map_remove(map, node->key), **at = &head;

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	if (head != NULL)
		kg_u32map_insert(map, node->key, head);
}
