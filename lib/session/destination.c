/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps what a client learns of its server's addresses, and draws ports. */
#include "session/destination.h"

#include "session/internal.h"

void kg_destinations_fini(struct kg_session *s)
{
	if (s->destinations != NULL)
		kg_mem_free(s->mem, s->destinations,
			    s->config.destination_count * sizeof(*s->destinations));
}

/* Of an address that was there before everything stays known. */
static struct kg_destination *peers_of(struct kg_session *s, const struct kg_ip *ips,
				       uint16_t count)
{
	struct kg_destination *peers =
		count > 0 ? kg_mem_alloc(s->mem, count * sizeof(struct kg_destination)) : NULL;

	for (uint16_t i = 0; peers != NULL && i < count; i++) {
		const struct kg_destination *known = kg_destination_of(s, &ips[i]);

		peers[i] = known != NULL ? *known : (struct kg_destination){ .ip = ips[i] };
	}
	return peers;
}

void kg_session_set_destinations(struct kg_session *s, const struct kg_ip *ips, uint16_t count,
				 const struct kg_port_range *ports, uint16_t port_count)
{
	struct kg_destination *peers = peers_of(s, ips, count);

	kg_destinations_fini(s);
	s->destinations = peers;
	s->config.destinations = ips;
	s->config.destination_count = peers != NULL ? count : 0;
	s->config.destination_ports = ports;
	s->config.destination_port_count = port_count;
}

bool kg_destinations_init(struct kg_session *s)
{
	struct kg_session_config config = s->config;

	s->config.destination_count = 0;
	if (config.role == KG_ROLE_CLIENT)
		kg_session_set_destinations(s, config.destinations, config.destination_count,
					    config.destination_ports,
					    config.destination_port_count);
	return config.role == KG_ROLE_SERVER ||
	       s->config.destination_count == config.destination_count;
}

struct kg_destination *kg_destination_of(const struct kg_session *s, const struct kg_ip *ip)
{
	for (uint16_t i = 0; i < s->config.destination_count; i++) {
		if (kg_ip_equal(&s->destinations[i].ip, ip))
			return &s->destinations[i];
	}
	return NULL;
}

struct kg_destination *kg_destination_any(struct kg_session *s)
{
	return &s->destinations[kg_rng_below(s->rng, s->config.destination_count)];
}

/* The server's own list, unless it would leave the user's one port or says nothing. */
void kg_destination_learn(const struct kg_session *s, struct kg_destination *peer, uint16_t first,
			  uint16_t last)
{
	const struct kg_port_range *own = s->config.destination_ports;
	bool one = s->config.destination_port_count == 1 && own->first == own->last;

	if (first != 0 && first <= last && !one)
		peer->learned = (struct kg_port_range){ first, last };
}

static uint32_t range_size(const struct kg_port_range *range)
{
	return (uint32_t)(range->last - range->first) + 1;
}

static uint16_t pick_configured(struct kg_session *s)
{
	const struct kg_port_range *range = s->config.destination_ports;
	uint32_t total = 0, nth;

	for (uint16_t i = 0; i < s->config.destination_port_count; i++)
		total += range_size(&range[i]);
	nth = kg_rng_below(s->rng, total);
	for (; nth >= range_size(range); range++)
		nth -= range_size(range);
	return (uint16_t)(range->first + nth);
}

uint16_t kg_destination_pick_port(struct kg_session *s, const struct kg_destination *peer)
{
	const struct kg_port_range *learned = &peer->learned;

	if (learned->first == 0)
		return pick_configured(s);
	return (uint16_t)(learned->first + kg_rng_below(s->rng, range_size(learned)));
}

static bool has_port(const struct kg_port_range *range, uint16_t port)
{
	return range->first <= port && port <= range->last;
}

bool kg_destination_has(const struct kg_session *s, const struct kg_endpoint *source)
{
	const struct kg_destination *peer = kg_destination_of(s, &source->ip);
	bool known = peer != NULL && has_port(&peer->learned, source->port);

	for (uint16_t i = 0; peer != NULL && i < s->config.destination_port_count && !known; i++)
		known = has_port(&s->config.destination_ports[i], source->port);
	return known;
}
