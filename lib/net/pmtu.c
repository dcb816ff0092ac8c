/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the size of packets that pass, and notices when it changes. */
#include "net/pmtu.h"

#include <string.h>

#define STEP         4 /* bytes; more exact is not worth a round */
#define WAIT_MIN_US  (100ull * KG_US_PER_MS)
#define WAIT_RTTS    3u
#define RAISE_MIN_US (10ull * KG_US_PER_S)
#define RAISE_MAX_US (180ull * KG_US_PER_S)
#define RAISES_MAX   5 /* doublings */
#define DEAF_US      (60ull * KG_US_PER_S)
#define CALM_US      KG_US_PER_S
#define ALARMS_MAX   6 /* doublings of the calm */
#define SEARCH_TRIES 2
#define CHECK_MIN    3  /* rounds */
#define CHECK_MAX    16 /* when chance may have lost all that was */
#define SILENT_MAX   5  /* when nothing is answered: the peer has gone, or all is lost */
#define CHANCE_BITS  24
#define CHANCE_MAX   (1u << CHANCE_BITS >> 13) /* of a wrong conclusion */

void kg_pmtu_init(struct kg_pmtu *p, uint16_t floor, uint16_t ceiling)
{
	*p = (struct kg_pmtu){
		.floor = KG_MIN(floor, ceiling),
		.ceiling = ceiling,
		.mtu = KG_MIN(floor, ceiling),
		.bound = ceiling + 1,
	};
}

void kg_pmtu_init_set(struct kg_pmtu *p, uint16_t mtu)
{
	*p = (struct kg_pmtu){
		.floor = mtu,
		.ceiling = mtu,
		.mtu = mtu,
		.bound = mtu + 1,
		.how = KG_PMTU_SET,
		.state = KG_PMTU_REST,
		.due_us = KG_NEVER_US,
	};
}

static void rest(struct kg_pmtu *p, uint64_t now_us)
{
	p->state = KG_PMTU_REST;
	p->count = 0;
	p->due_us = p->mtu < p->ceiling ? now_us + KG_MIN(RAISE_MIN_US << p->raises, RAISE_MAX_US)
					: KG_NEVER_US;
}

static void search(struct kg_pmtu *p, uint16_t bound, uint64_t now_us)
{
	p->state = KG_PMTU_SEARCH;
	p->bound = bound;
	p->tries = 0;
	p->again = false;
	p->count = 0;
	p->due_us = now_us;
}

/* Everything above, up to the port's own size. */
static void search_all(struct kg_pmtu *p, uint64_t now_us)
{
	search(p, p->ceiling + 1, now_us);
	p->again = true;
}

/* ---- the end of a round ---- */

/* A suspicion came to nothing; the next one waits. */
static void calm_down(struct kg_pmtu *p, uint64_t now_us)
{
	p->calm_us = now_us + (CALM_US << p->alarms);
	if (p->alarms < ALARMS_MAX)
		p->alarms++;
	rest(p, now_us);
}

/* A router that denied what passes. */
static void expose(struct kg_pmtu *p, uint64_t now_us)
{
	if (p->how == KG_PMTU_TOLD)
		p->deaf_us = now_us + DEAF_US;
}

/* The shortest of the round that is longer than what passes. */
static uint16_t first_lost(const struct kg_pmtu *p)
{
	for (unsigned int i = 0; i < p->count; i++) {
		if (p->sizes[i] > p->mtu)
			return p->sizes[i];
	}
	return p->bound;
}

static void conclude_search(struct kg_pmtu *p, uint64_t now_us)
{
	bool news = p->count > 0 && p->sizes[0] <= p->mtu;
	uint16_t lost = first_lost(p);

	p->count = 0;
	p->due_us = now_us;
	if (news || ++p->tries >= SEARCH_TRIES) {
		p->tries = 0;
		p->again = p->again && !news;
		p->bound = lost;
	}
	if (p->mtu == p->ceiling || (p->again && p->tries == 0))
		rest(p, now_us);
	else if (p->bound - p->mtu <= STEP && !p->again)
		search_all(p, now_us);
}

static unsigned int sum(const uint8_t *counts, unsigned int count)
{
	unsigned int total = 0;

	for (unsigned int i = 0; i < count; i++)
		total += counts[i];
	return total;
}

/* Of a round that is over. */
static void tally(struct kg_pmtu *p)
{
	p->tries++;
	for (unsigned int i = p->count; i-- > 0 && (p->heard & 1u << i) == 0;)
		p->lost[i]++;
}

/* Whether by such losses, `lost` of `sent`, `above` more are none by chance. One answer more is
 * counted as lost, for the best was chosen by having one. */
static bool is_unlikely(uint32_t lost, uint32_t sent, uint32_t above)
{
	uint64_t share = ((uint64_t)(lost + 2) << CHANCE_BITS) / (sent + 2);
	uint64_t chance = 1u << CHANCE_BITS;

	for (; above > 0; above--)
		chance = chance * share >> CHANCE_BITS;
	return chance < CHANCE_MAX;
}

/*
 * Whether all above sizes[best] is lost for its size. Of what is not longer some are lost by
 * chance; if that share explains it, too, nothing is proved. A peer that takes a burst at once
 * answers the last of it alone. So the share is taken of all, and of the longest that was answered
 * in each round and what is above it, and either is proof.
 */
static bool is_proved(const struct kg_pmtu *p, unsigned int best, unsigned int count)
{
	uint32_t sent = p->tries * (best + 1), above = p->tries * (count - 1 - best);
	uint32_t lost = sum(p->lost, best + 1);
	uint32_t answered = p->tries - p->lost[0]; /* rounds; in the others nothing was */

	return is_unlikely(sent - sum(p->hits, best + 1), sent, above) ||
	       is_unlikely(lost, lost + answered, above);
}

/* So many of the round's sizes pass: up to the longest that was answered, or that others had. */
static unsigned int passing(const struct kg_pmtu *p)
{
	unsigned int best = p->count;

	while (best > 0 && p->hits[best - 1] == 0 && p->sizes[best - 1] > p->passed)
		best--;
	return best;
}

static void conclude_check(struct kg_pmtu *p, uint64_t now_us)
{
	unsigned int count = p->count, best = passing(p);

	tally(p);
	p->count = 0;
	p->due_us = now_us;
	if (best == 0)
		p->due_us = now_us + (WAIT_MIN_US << p->tries);
	if (p->tries >= (best == 0 ? SILENT_MAX : CHECK_MAX)) {
		calm_down(p, now_us);
	} else if (best > 0 && p->tries >= CHECK_MIN && is_proved(p, best - 1, count)) {
		uint16_t bound = p->mtu;

		p->mtu = p->sizes[best - 1];
		p->how = KG_PMTU_LOST;
		p->raises = 0;
		search(p, bound, now_us);
	}
}

/* ---- the beginning of one ---- */

/* So many sizes from above `low` to `high`, evenly. */
static void spread(struct kg_pmtu *p, uint16_t low, uint16_t high)
{
	uint32_t range = high - low, count = KG_MIN(range, (uint32_t)KG_PMTU_PROBES);

	for (uint32_t i = 0; i < count; i++)
		p->sizes[i] = (uint16_t)(low + range * (i + 1) / count);
	p->count = (uint8_t)count;
}

static void spread_check(struct kg_pmtu *p)
{
	spread(p, p->floor, p->mtu);
	p->sizes[0] = p->floor;
}

static unsigned int begin_round(struct kg_pmtu *p, uint64_t now_us, uint32_t rtt_us)
{
	if (p->state == KG_PMTU_REST) {
		p->raises = KG_MIN(p->raises + 1, RAISES_MAX);
		search(p, p->ceiling + 1, now_us);
	}
	if (p->state == KG_PMTU_SEARCH)
		spread(p, p->mtu, p->bound - 1);
	else
		spread_check(p);
	p->heard = 0;
	p->due_us = now_us + KG_MAX((uint64_t)rtt_us * WAIT_RTTS, WAIT_MIN_US);
	return p->count;
}

unsigned int kg_pmtu_poll(struct kg_pmtu *p, uint64_t now_us, uint32_t rtt_us)
{
	if (now_us < p->due_us)
		return 0;
	if (p->count > 0 && p->state == KG_PMTU_SEARCH)
		conclude_search(p, now_us);
	else if (p->count > 0)
		conclude_check(p, now_us);
	return now_us < p->due_us ? 0 : begin_round(p, now_us, rtt_us);
}

/* ---- news ---- */

void kg_pmtu_on_answer(struct kg_pmtu *p, unsigned int index, uint64_t now_us)
{
	uint16_t size;

	if (index >= p->count || (p->heard & 1u << index) != 0)
		return;
	p->heard |= (uint8_t)(1u << index);
	size = p->sizes[index];
	if (p->state == KG_PMTU_CHECK) {
		p->hits[index]++;
		if (size == p->mtu)
			calm_down(p, now_us);
	} else if (size > p->mtu) {
		expose(p, now_us);
		p->mtu = size;
		p->how = KG_PMTU_PROBED;
		if (index == p->count - 1u)
			p->due_us = now_us;
		if (size == p->ceiling)
			rest(p, now_us);
	}
}

bool kg_pmtu_on_too_big(struct kg_pmtu *p, uint16_t mtu, uint64_t now_us)
{
	uint16_t before = p->mtu;

	mtu = KG_MAX(mtu, p->floor);
	if (mtu >= before || now_us < p->deaf_us)
		return false;
	p->mtu = mtu;
	p->how = KG_PMTU_TOLD;
	p->raises = 0;
	search(p, before + 1, now_us);
	return true;
}

bool kg_pmtu_on_suspicion(struct kg_pmtu *p, uint64_t now_us)
{
	if (p->state == KG_PMTU_CHECK || p->mtu == p->floor || now_us < p->calm_us)
		return false;
	p->state = KG_PMTU_CHECK;
	p->count = p->tries = 0;
	p->passed = 0;
	memset(p->hits, 0, sizeof(p->hits));
	memset(p->lost, 0, sizeof(p->lost));
	p->due_us = now_us;
	return true;
}

void kg_pmtu_on_passed(struct kg_pmtu *p, uint16_t size, uint64_t now_us)
{
	if (p->state != KG_PMTU_CHECK)
		return;
	p->passed = KG_MAX(p->passed, size);
	if (p->passed >= p->mtu)
		calm_down(p, now_us);
}

const char *kg_pmtu_how_text(enum kg_pmtu_how how)
{
	static const char *const texts[] = {
		[KG_PMTU_UNKNOWN] = "unknown", [KG_PMTU_PROBED] = "probed", [KG_PMTU_TOLD] = "told",
		[KG_PMTU_LOST] = "lost",       [KG_PMTU_SET] = "set",
	};

	return texts[how];
}
