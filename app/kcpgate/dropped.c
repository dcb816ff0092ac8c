/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps the last drop of each address and reason, in one of the few places that the two may have.
 */
#include "dropped.h"

#define WAYS 4
#define SEED UINT64_C(0x9e3779b9) /* who finds two addresses of one place hides old drops only */

_Static_assert(KG_DROPPED_PLACES % WAYS == 0, "sets of places");

static bool is_same(const struct kg_dropped *place, const struct kg_dropped *what)
{
	return place->count > 0 && place->reason == what->reason &&
	       kg_ip_equal(&place->ends.remote.ip, &what->ends.remote.ip);
}

/* Its own, a free one, or else that of the oldest. */
static struct kg_dropped *place_of(struct kg_dropped_table *table, const struct kg_dropped *what)
{
	const struct kg_endpoint key = { what->ends.remote.ip, what->reason };
	uint64_t hash = kg_endpoint_hash(&key, SEED);
	struct kg_dropped *set = &table->places[hash % (KG_DROPPED_PLACES / WAYS) * WAYS];
	struct kg_dropped *best = set;

	for (struct kg_dropped *place = set; place < set + WAYS; place++) {
		if (is_same(place, what))
			return place;
		if (best->count > 0 && (place->count == 0 || place->at_us < best->at_us))
			best = place;
	}
	best->count = 0;
	return best;
}

void kg_dropped_note(struct kg_dropped_table *table, const struct kg_dropped *what)
{
	struct kg_dropped *place = place_of(table, what);
	uint32_t before = place->count;

	*place = *what;
	place->count = before + (before < UINT32_MAX);
}
