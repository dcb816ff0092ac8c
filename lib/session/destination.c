/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps what a client learns of its server's addresses, and draws ports. */
#include "session/destination.h"

#include "session/internal.h"

/* What does not answer rests so long, then twice as long, and so on. */
#define REST_US   (30 * KG_US_PER_S)
#define DOUBLINGS 6
#define PICKS     16 /* places drawn for one that does not rest */

void kg_destinations_fini(struct kg_session *s)
{
	if (s->destinations != NULL)
		kg_mem_free(s->mem, s->destinations,
			    s->config.destination_count * sizeof(*s->destinations));
}

/* Of an address that was there before everything stays known. */
static struct kg_destination *destinations_of(struct kg_session *s, const struct kg_ip *ips,
					      uint16_t count)
{
	struct kg_destination *destinations =
		count > 0 ? kg_mem_alloc(s->mem, count * sizeof(struct kg_destination)) : NULL;

	for (uint16_t i = 0; destinations != NULL && i < count; i++) {
		const struct kg_destination *known = kg_destination_of(s, &ips[i]);

		destinations[i] = known != NULL ? *known : (struct kg_destination){ .ip = ips[i] };
	}
	return destinations;
}

void kg_destinations_set(struct kg_session *s, const struct kg_ip *ips, uint16_t count,
			 const struct kg_port_range *ports, uint16_t port_count)
{
	struct kg_destination *destinations = destinations_of(s, ips, count);

	kg_destinations_fini(s);
	s->destinations = destinations;
	s->config.destinations = ips;
	s->config.destination_count = destinations != NULL ? count : 0;
	s->config.destination_ports = ports;
	s->config.destination_port_count = port_count;
}

bool kg_destinations_init(struct kg_session *s)
{
	struct kg_session_config config = s->config;

	s->config.destination_count = 0;
	if (config.role == KG_ROLE_CLIENT)
		kg_destinations_set(s, config.destinations, config.destination_count,
				    config.destination_ports, config.destination_port_count);
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

static struct kg_destination *any(struct kg_session *s)
{
	return &s->destinations[kg_rng_below(s->rng, s->config.destination_count)];
}

/* The server's own list, unless it would leave the user's one port or says nothing. */
void kg_destination_learn(const struct kg_session *s, struct kg_destination *destination,
			  uint16_t first, uint16_t last)
{
	const struct kg_port_range *own = s->config.destination_ports;
	bool one = s->config.destination_port_count == 1 && own->first == own->last;

	if (first != 0 && first <= last && !one)
		destination->learned = (struct kg_port_range){ first, last };
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

static uint16_t pick_learned(struct kg_session *s, const struct kg_destination *destination)
{
	const struct kg_port_range *learned = &destination->learned;

	return (uint16_t)(learned->first + kg_rng_below(s->rng, range_size(learned)));
}

static bool has_port(const struct kg_port_range *range, uint16_t port)
{
	return range->first <= port && port <= range->last;
}

static bool is_configured(const struct kg_session *s, uint16_t port)
{
	bool known = false;

	for (uint16_t i = 0; i < s->config.destination_port_count && !known; i++)
		known = has_port(&s->config.destination_ports[i], port);
	return known;
}

static bool is_only_learned(const struct kg_session *s, const struct kg_destination *destination,
			    uint16_t port)
{
	return has_port(&destination->learned, port) && !is_configured(s, port);
}

bool kg_session_has_server(const struct kg_session *s, const struct kg_endpoint *source)
{
	const struct kg_destination *destination = kg_destination_of(s, &source->ip);

	return destination != NULL &&
	       (has_port(&destination->learned, source->port) || is_configured(s, source->port));
}

/* ---- ports that rest ---- */

static struct kg_port_rest *rest_of(struct kg_destination *destination, uint16_t port)
{
	for (size_t i = 0; i < KG_DESTINATION_RESTS; i++) {
		if (destination->rests[i].strikes > 0 && destination->rests[i].port == port)
			return &destination->rests[i];
	}
	return NULL;
}

/* A free place, or that of the one that may be asked soonest. */
static struct kg_port_rest *place_for_rest(struct kg_destination *destination)
{
	struct kg_port_rest *soonest = &destination->rests[0];

	for (size_t i = 1; i < KG_DESTINATION_RESTS; i++) {
		if (destination->rests[i].until_us < soonest->until_us)
			soonest = &destination->rests[i];
	}
	return soonest;
}

static void lengthen(struct kg_port_rest *rest, uint64_t now_us)
{
	rest->until_us = now_us + (REST_US << KG_MIN(rest->strikes, DOUBLINGS));
	rest->strikes += rest->strikes <= DOUBLINGS;
}

void kg_destination_doubt(const struct kg_session *s, const struct kg_endpoint *at, uint64_t now_us)
{
	struct kg_destination *destination = kg_destination_of(s, &at->ip);

	if (destination != NULL && is_only_learned(s, destination, at->port) &&
	    destination->learned_rest.until_us <= now_us)
		lengthen(&destination->learned_rest, now_us);
}

void kg_destination_rest(const struct kg_session *s, const struct kg_endpoint *at, uint64_t now_us)
{
	struct kg_destination *destination = kg_destination_of(s, &at->ip);
	struct kg_port_rest *rest;

	if (destination == NULL)
		return;
	rest = rest_of(destination, at->port);
	if (rest == NULL) {
		rest = place_for_rest(destination);
		*rest = (struct kg_port_rest){ .port = at->port };
	}
	lengthen(rest, now_us);
	kg_destination_doubt(s, at, now_us);
}

void kg_destination_wake(const struct kg_session *s, const struct kg_endpoint *at)
{
	struct kg_destination *destination = kg_destination_of(s, &at->ip);
	struct kg_port_rest *rest = destination != NULL ? rest_of(destination, at->port) : NULL;

	if (rest != NULL)
		*rest = (struct kg_port_rest){ 0 };
	if (destination != NULL && is_only_learned(s, destination, at->port))
		destination->learned_rest = (struct kg_port_rest){ 0 };
}

/* What the server announces comes first, unless it is not what leads to it; then the user's list.
 */
static struct kg_endpoint draw(struct kg_session *s, const struct kg_destination *destination,
			       bool first, uint64_t now_us)
{
	bool configured = first == (destination->learned_rest.until_us > now_us);

	return (struct kg_endpoint){ destination->ip, configured || destination->learned.first == 0
							      ? pick_configured(s)
							      : pick_learned(s, destination) };
}

struct kg_endpoint kg_destination_pick(struct kg_session *s, struct kg_destination *only,
				       const struct kg_endpoint *from, uint64_t now_us)
{
	struct kg_endpoint best = *from;
	uint64_t best_us = KG_NEVER_US;

	for (int i = 0; i < PICKS && s->config.destination_count > 0; i++) {
		struct kg_destination *destination = only != NULL ? only : any(s);
		struct kg_endpoint at = draw(s, destination, i < PICKS / 2, now_us);
		const struct kg_port_rest *rest = rest_of(destination, at.port);

		if (kg_endpoint_equal(&at, from))
			continue;
		if (rest == NULL || rest->until_us <= now_us)
			return at;
		if (rest->until_us < best_us) {
			best = at;
			best_us = rest->until_us;
		}
	}
	return best;
}
