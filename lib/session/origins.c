/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many channels of a server come from one origin: an IPv4 address, or the first 64 bits of an
 * IPv6 one, for who has one address of such a network has all. Whoever has the password can prove
 * as many channels as he likes, but each where he is. So an origin has no more than a part of the
 * room that it leaves to others (docs/decisions/0023).
 */
#include "session/internal.h"

#include <string.h>

#define NETWORK_BYTES 8 /* of IPv6 */

static struct kg_ip network_of(const struct kg_ip *ip)
{
	struct kg_ip network = *ip;

	if (network.version == 6)
		memset(network.bytes + NETWORK_BYTES, 0, sizeof(network.bytes) - NETWORK_BYTES);
	return network;
}

static struct kg_origin *find(const struct kg_session *s, const struct kg_ip *network)
{
	struct kg_by_ip *at = kg_by_ip_find(s, &s->origins, network);

	return at != NULL ? KG_CONTAINER_OF(at, struct kg_origin, at) : NULL;
}

static struct kg_origin *create(struct kg_session *s, const struct kg_ip *network)
{
	struct kg_origin *origin = kg_mem_alloc(s->mem, sizeof(*origin));

	if (origin == NULL || kg_by_ip_insert(s, &s->origins, &origin->at, network))
		return origin;
	kg_mem_free(s->mem, origin, sizeof(*origin));
	return NULL;
}

static void destroy(struct kg_session *s, struct kg_origin *origin)
{
	kg_by_ip_remove(&s->origins, &origin->at);
	kg_mem_free(s->mem, origin, sizeof(*origin));
}

struct kg_origin *kg_origin_of(const struct kg_line *line)
{
	struct kg_ip network = network_of(&line->path->ends.remote.ip);

	return find(line->session, &network);
}

void kg_origins_enter(const struct kg_line *line)
{
	struct kg_session *s = line->session;
	struct kg_origin *origin = kg_origin_of(line);
	struct kg_ip network;

	if (origin == NULL) {
		network = network_of(&line->path->ends.remote.ip);
		origin = create(s, &network);
	}
	if (origin != NULL)
		origin->channels++;
}

void kg_origins_leave(const struct kg_line *line)
{
	struct kg_origin *origin = kg_origin_of(line);

	if (origin != NULL && --origin->channels == 0)
		destroy(line->session, origin);
}

uint32_t kg_origins_channels(const struct kg_session *s, const struct kg_ip *ip)
{
	struct kg_ip network = network_of(ip);
	const struct kg_origin *origin = find(s, &network);

	return origin != NULL ? origin->channels : 0;
}
