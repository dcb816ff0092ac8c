/* SPDX-License-Identifier: BSD-3-Clause */
/* Decides the fate of every packet: when it arrives, how often, in what state. */
#include "sim/link.h"

#include <stdlib.h>
#include <string.h>

void kg_sim_link_init(struct kg_sim_link *link, const struct kg_sim_link_params *params,
		      struct kg_rng *rng)
{
	*link = (struct kg_sim_link){ .params = *params, .rng = rng };
}

void kg_sim_link_fini(struct kg_sim_link *link)
{
	for (size_t i = 0; i < link->count; i++)
		free(link->heap[i]);
	free(link->heap);
	kg_sim_bottleneck_fini(&link->bottleneck);
	kg_sim_police_fini(&link->police);
}

/* ---- heap ---- */

static bool earlier(const struct kg_sim_link_packet *a, const struct kg_sim_link_packet *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(struct kg_sim_link *link, size_t i, size_t j)
{
	struct kg_sim_link_packet *packet = link->heap[i];

	link->heap[i] = link->heap[j];
	link->heap[j] = packet;
}

static void push(struct kg_sim_link *link, struct kg_sim_link_packet *packet)
{
	size_t i = link->count++;

	if (link->count > link->room) {
		link->room = 2 * link->count;
		link->heap = realloc(link->heap, link->room * sizeof(*link->heap));
		if (link->heap == NULL)
			abort();
	}
	link->heap[i] = packet;
	for (; i > 0 && earlier(link->heap[i], link->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(link, i, (i - 1) / 2);
}

static struct kg_sim_link_packet *pop(struct kg_sim_link *link)
{
	struct kg_sim_link_packet *first = link->heap[0];
	size_t i = 0;

	link->heap[0] = link->heap[--link->count];
	for (;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++) {
			if (child < link->count && earlier(link->heap[child], link->heap[least]))
				least = child;
		}
		if (least == i)
			return first;
		swap(link, i, least);
		i = least;
	}
}

/* ---- fates ---- */

static bool happens(struct kg_sim_link *link, uint16_t in_65536)
{
	return (kg_rng_next(link->rng) & 0xffff) < in_65536;
}

static bool in_hole(const struct kg_sim_link *link, uint64_t now_us)
{
	for (int i = 0; i < KG_SIM_LINK_HOLES; i++) {
		if (now_us >= link->params.holes[i].from_us && now_us < link->params.holes[i].to_us)
			return true;
	}
	return false;
}

static bool in_bad_time(struct kg_sim_link *link)
{
	if (link->params.gilbert.to_bad == 0)
		return false;
	link->bad ^= happens(link, link->bad ? link->params.gilbert.to_good
					     : link->params.gilbert.to_bad);
	return link->bad && happens(link, link->params.gilbert.loss);
}

static bool is_lost(struct kg_sim_link *link, uint64_t now_us)
{
	if (now_us >= link->bad_until_us && happens(link, link->params.burst))
		link->bad_until_us = now_us + kg_rng_below(link->rng, link->params.burst_us + 1);
	return in_hole(link, now_us) || happens(link, link->params.loss) ||
	       (now_us < link->bad_until_us && happens(link, 32768)) || in_bad_time(link);
}

/* ---- arrival ---- */

/* How much longer than delay_us the way is for what leaves now. */
static uint32_t way_us(struct kg_sim_link *link, uint64_t leaves_us)
{
	const struct kg_sim_link_params *p = &link->params;

	if (p->step_every_us > 0 && leaves_us / p->step_every_us != link->step) {
		link->step = leaves_us / p->step_every_us;
		link->step_extra_us = kg_rng_below(link->rng, p->step_us + 1);
	}
	if (p->flowlet_us > 0 && leaves_us > link->flowlet_us + p->flowlet_us)
		link->detour_us = kg_rng_below(link->rng, 2) * p->detour_us;
	link->flowlet_us = leaves_us;
	return link->step_extra_us + link->detour_us;
}

static uint64_t gathered_us(const struct kg_sim_link *link, uint64_t at_us)
{
	uint32_t gather_us = link->params.gather_us;

	return gather_us == 0 ? at_us : (at_us + gather_us - 1) / gather_us * gather_us;
}

/* When it arrives; KG_NEVER_US when it is turned away at the bottleneck. */
static uint64_t arrival_us(struct kg_sim_link *link, uint64_t now_us, uint16_t len,
			   uint32_t *waited_us)
{
	const struct kg_sim_link_params *p = &link->params;
	uint64_t leaves_us = kg_sim_bottleneck_pass(&link->bottleneck, p, now_us,
						    len + p->overhead_bytes, waited_us);
	uint64_t at_us;

	if (leaves_us == KG_NEVER_US)
		return KG_NEVER_US;
	at_us = leaves_us + p->delay_us + way_us(link, leaves_us) +
		kg_rng_below(link->rng, p->jitter_us + 1);
	if (p->in_order)
		at_us = KG_MAX(at_us, link->last_arrival_us);
	link->last_arrival_us = at_us;
	return gathered_us(link, at_us);
}

/* Flips bits, cuts, or lengthens. */
static void corrupt(struct kg_sim_link *link, struct kg_sim_link_packet *packet)
{
	uint32_t how = kg_rng_below(link->rng, 8);

	link->corrupted++;
	if (how == 0) {
		packet->len = (uint16_t)kg_rng_below(link->rng, packet->len);
	} else if (how == 1) {
		packet->bytes[packet->len++] = (uint8_t)kg_rng_next(link->rng);
	} else {
		for (uint32_t i = 0; i < how; i++)
			packet->bytes[kg_rng_below(link->rng, packet->len)] ^=
				(uint8_t)(1u << kg_rng_below(link->rng, 8));
	}
}

static void carry(struct kg_sim_link *link, uint64_t now_us, const struct kg_sim_link_packet *as)
{
	uint32_t waited_us;
	uint64_t at_us = arrival_us(link, now_us, as->len, &waited_us);
	struct kg_sim_link_packet *packet;

	if (at_us == KG_NEVER_US) {
		link->lost++;
		link->overflowed++;
		return;
	}
	packet = malloc(sizeof(*packet) + as->len + 1u);
	if (packet == NULL)
		abort();
	memcpy(packet, as, sizeof(*packet) + as->len);
	packet->at_us = at_us;
	packet->waited_us = waited_us;
	packet->order = link->order++;
	if (happens(link, link->params.corrupt))
		corrupt(link, packet);
	push(link, packet);
}

/* It may be that it is turned away before it is lost. */
static void pass_in_vain(struct kg_sim_link *link, uint64_t now_us, uint16_t len)
{
	uint32_t waited_us;

	if (kg_sim_bottleneck_pass(&link->bottleneck, &link->params, now_us,
				   len + link->params.overhead_bytes, &waited_us) == KG_NEVER_US)
		link->overflowed++;
}

void kg_sim_link_send(struct kg_sim_link *link, uint64_t now_us, const struct kg_endpoint *from,
		      const struct kg_endpoint *to, const uint8_t *bytes, uint16_t len)
{
	union {
		struct kg_sim_link_packet packet;
		uint8_t room[sizeof(struct kg_sim_link_packet) + 4096];
	} u = { .packet = { .from = *from, .to = *to, .len = len } };

	link->sent++;
	link->sent_bytes += len + link->params.overhead_bytes;
	memcpy(u.packet.bytes, bytes, len);
	if (!kg_sim_police_lets(&link->police, &link->params.police, now_us, from, to,
				len + link->params.overhead_bytes)) {
		link->lost++;
		link->policed++;
		return;
	}
	if (is_lost(link, now_us)) {
		link->lost++;
		if (link->params.lost_behind)
			pass_in_vain(link, now_us, len);
		return;
	}
	carry(link, now_us, &u.packet);
	if (happens(link, link->params.duplicate)) {
		link->duplicated++;
		carry(link, now_us, &u.packet);
	}
}

uint64_t kg_sim_link_next_us(const struct kg_sim_link *link)
{
	return link->count > 0 ? link->heap[0]->at_us : KG_NEVER_US;
}

struct kg_sim_link_packet *kg_sim_link_receive(struct kg_sim_link *link, uint64_t now_us)
{
	return kg_sim_link_next_us(link) <= now_us ? pop(link) : NULL;
}
