/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asks for names, keeps the answers as long as they hold, and tells who waits. Entries are found by
 * name and by what is asked for; those asked for last are at the end of a list. An entry has one
 * question under way at most, for which all wait. It gives way only when nobody waits for it.
 */
#include "resolver/names.h"

#include "base/hash.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#define TTL_MIN_S      1     /* also of what says 0: one burst, one question */
#define TTL_MAX_S      86400 /* a day, for servers with long memories are wrong for long */
#define ERROR_TTL_S    2     /* nobody tells how long an error holds */
#define STALE_MAX_US   (86400 * KG_US_PER_S) /* RFC 8767 §4: servers are away, addresses stay */
#define RETRY_MIN_US   (1 * KG_US_PER_S)
#define RETRY_MAX_US   (30 * KG_US_PER_S) /* of a watched name without answer: doubled up to this */
#define DOUBT_AFTER_US (1 * KG_US_PER_S)  /* an answer younger than this is not asked for anew */

struct kg_name_wait {
	TAILQ_ENTRY(kg_name_wait) link;
	struct entry *entry;
	kg_resolved *told;
	void *ctx;
	bool watches;
	bool due; /* the entry's answer is for it */
};

struct entry {
	TAILQ_ENTRY(entry) link;
	struct kg_names *names;
	TAILQ_HEAD(, kg_name_wait) waits;
	struct kg_question *question; /* under way; NULL: none */
	struct kg_answer answer;
	bool answered;                  /* there is an answer */
	uint64_t asked_us;              /* when it was asked for last */
	uint64_t good_us;               /* when it came, if it is one of addresses; else 0 */
	uint64_t fresh_until_us;        /* how long it holds */
	uint64_t again_us;              /* watched: when it is asked for anew */
	unsigned int failures;          /* in a row */
	enum kg_resolver_error failure; /* the latest; OK: none yet */
	uint64_t failed_us;
	unsigned int what;
	uint64_t hash;
	char text[]; /* in lower case */
};

struct kg_names {
	struct kg_resolver *resolver;
	TAILQ_HEAD(entry_list, entry) entries;
	unsigned int count;
	bool due; /* somebody can be told */
	uint64_t now_us;
	struct kg_names_stats stats;
};

/* ---- entries ---- */

static void lower(char *to, const char *name)
{
	do
		*to++ = (char)tolower((unsigned char)*name);
	while (*name++ != '\0');
}

static struct entry *find(const struct kg_names *names, const char *text, unsigned int what,
			  uint64_t hash)
{
	struct entry *e;

	TAILQ_FOREACH (e, &names->entries, link) {
		if (e->hash == hash && e->what == what && strcmp(e->text, text) == 0)
			return e;
	}
	return NULL;
}

static void destroy(struct entry *e)
{
	if (e->question != NULL)
		kg_resolver_forget(e->question);
	TAILQ_REMOVE(&e->names->entries, e, link);
	e->names->count--;
	free(e);
}

/* False: somebody waits for each. */
static bool make_room(struct kg_names *names)
{
	struct entry *e;

	TAILQ_FOREACH (e, &names->entries, link) {
		if (TAILQ_EMPTY(&e->waits)) {
			destroy(e);
			return true;
		}
	}
	return false;
}

/* Found, or made; it goes to the end of the list. NULL: no room, or no memory. */
static struct entry *enter(struct kg_names *names, const char *name, unsigned int what)
{
	size_t bytes = strlen(name) + 1;
	struct entry *fresh = calloc(1, sizeof(*fresh) + bytes), *e;

	if (fresh == NULL)
		return NULL;
	lower(fresh->text, name);
	fresh->hash = kg_hash64((const uint8_t *)fresh->text, bytes, what);
	e = find(names, fresh->text, what, fresh->hash);
	if (e != NULL) {
		free(fresh);
		TAILQ_REMOVE(&names->entries, e, link);
	} else if (names->count < KG_NAMES_MAX || make_room(names)) {
		e = fresh;
		e->names = names;
		e->what = what;
		e->again_us = KG_NEVER_US;
		TAILQ_INIT(&e->waits);
		names->count++;
	} else {
		free(fresh);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&names->entries, e, link);
	return e;
}

/* ---- answers ---- */

static bool is_watched(const struct entry *e)
{
	const struct kg_name_wait *wait;

	TAILQ_FOREACH (wait, &e->waits, link) {
		if (wait->watches)
			return true;
	}
	return false;
}

static uint64_t retry_us(const struct entry *e)
{
	uint64_t pause_us = RETRY_MIN_US << KG_MIN(e->failures, 10u);

	return KG_MIN(pause_us, (uint64_t)RETRY_MAX_US);
}

/* All that wait can be told. */
static void mark_due(struct entry *e)
{
	struct kg_name_wait *wait;

	TAILQ_FOREACH (wait, &e->waits, link)
		wait->due = true;
	e->names->due = true;
}

static void settle(struct entry *e, const struct kg_answer *answer)
{
	uint64_t now_us = e->names->now_us;
	uint32_t ttl_s = KG_MIN(KG_MAX(answer->ttl_s, (uint32_t)TTL_MIN_S), (uint32_t)TTL_MAX_S);
	bool good = answer->error == KG_RESOLVER_OK;
	bool stays = answer->error == KG_RESOLVER_NO_ANSWER && e->good_us != 0 &&
		     now_us - e->good_us < STALE_MAX_US;

	if (!stays) {
		e->answer = *answer;
		e->good_us = good ? now_us : 0;
	}
	e->answered = true;
	e->fresh_until_us = now_us + (good ? ttl_s : ERROR_TTL_S) * KG_US_PER_S;
	e->again_us = good ? e->fresh_until_us : now_us + retry_us(e);
	e->failures = good ? 0 : e->failures + 1;
	if (!good) {
		e->failure = answer->error;
		e->failed_us = now_us;
	}
	e->names->stats.failed += !good;
	mark_due(e);
}

static void resolved(void *ctx, const struct kg_answer *answer)
{
	struct entry *e = ctx;

	e->question = NULL;
	settle(e, answer);
}

static void ask(struct entry *e)
{
	static const struct kg_answer none = { .error = KG_RESOLVER_NO_ANSWER };

	if (e->question != NULL)
		return;
	e->names->stats.asked++;
	e->asked_us = e->names->now_us;
	e->question = kg_resolver_ask(e->names->resolver, e->text, e->what, resolved, e);
	if (e->question == NULL)
		settle(e, &none);
}

/* ---- asking ---- */

static struct kg_name_wait *wait_for(struct kg_names *names, const char *name, unsigned int what,
				     kg_resolved *told, void *ctx, bool watches)
{
	struct kg_name_wait *wait = calloc(1, sizeof(*wait));
	struct entry *e = wait == NULL ? NULL : enter(names, name, what);

	if (e == NULL) {
		free(wait);
		return NULL;
	}
	*wait = (struct kg_name_wait){ .entry = e, .told = told, .ctx = ctx, .watches = watches };
	TAILQ_INSERT_TAIL(&e->waits, wait, link);
	if (e->answered && e->question == NULL && names->now_us < e->fresh_until_us) {
		wait->due = names->due = true;
		names->stats.known++;
	} else {
		ask(e);
	}
	return wait;
}

struct kg_name_wait *kg_names_ask(struct kg_names *names, const char *name, unsigned int what,
				  kg_resolved *told, void *ctx, uint64_t now_us)
{
	names->now_us = now_us;
	return wait_for(names, name, what, told, ctx, false);
}

struct kg_name_wait *kg_names_watch(struct kg_names *names, const char *name, unsigned int what,
				    kg_resolved *told, void *ctx, uint64_t now_us)
{
	names->now_us = now_us;
	return wait_for(names, name, what, told, ctx, true);
}

void kg_names_forget(struct kg_names *names, struct kg_name_wait *wait)
{
	TAILQ_REMOVE(&wait->entry->waits, wait, link);
	free(wait);
}

void kg_names_doubt(struct kg_names *names, const char *name, unsigned int what, uint64_t now_us)
{
	struct entry *e;

	names->now_us = now_us;
	TAILQ_FOREACH (e, &names->entries, link) {
		if (e->what != what || strcasecmp(e->text, name) != 0 ||
		    now_us - e->asked_us < DOUBT_AFTER_US)
			continue;
		e->fresh_until_us = now_us;
		if (is_watched(e))
			ask(e);
	}
}

/* ---- the loop ---- */

int kg_names_fd(const struct kg_names *names)
{
	return kg_resolver_fd(names->resolver);
}

uint64_t kg_names_due_us(const struct kg_names *names, uint64_t now_us)
{
	int timeout_ms = kg_resolver_timeout_ms(names->resolver);
	uint64_t due_us =
		timeout_ms < 0 ? KG_NEVER_US : now_us + (unsigned int)timeout_ms * KG_US_PER_MS;
	const struct entry *e;

	if (names->due)
		return now_us;
	TAILQ_FOREACH (e, &names->entries, link) {
		if (e->question == NULL && is_watched(e))
			due_us = KG_MIN(due_us, e->again_us);
	}
	return due_us;
}

static struct kg_name_wait *next_due(const struct kg_names *names)
{
	struct kg_name_wait *wait;
	struct entry *e;

	TAILQ_FOREACH (e, &names->entries, link) {
		TAILQ_FOREACH (wait, &e->waits, link) {
			if (wait->due)
				return wait;
		}
	}
	return NULL;
}

/* Whoever is told may ask, watch and forget: so the search begins anew after each. */
static void tell(struct kg_names *names)
{
	struct kg_name_wait *wait;

	while (names->due && (wait = next_due(names)) != NULL) {
		struct kg_answer answer = wait->entry->answer;
		kg_resolved *told = wait->told;
		void *ctx = wait->ctx;

		wait->due = false;
		if (!wait->watches)
			kg_names_forget(names, wait);
		told(ctx, &answer);
	}
	names->due = false;
}

void kg_names_input(struct kg_names *names, uint64_t now_us)
{
	struct entry *e;

	names->now_us = now_us;
	kg_resolver_input(names->resolver);
	TAILQ_FOREACH (e, &names->entries, link) {
		if (now_us >= e->again_us && is_watched(e))
			ask(e);
	}
	tell(names);
}

/* ---- seeing inside ---- */

KG_METRIC_TABLE(kg_names_metrics, kg_names_stats, KG_NAMES_METRICS(KG_METRIC_ROW));

struct kg_names_stats kg_names_get_stats(const struct kg_names *names)
{
	return names->stats;
}

static void get_state(const struct entry *e, struct kg_name_state *state)
{
	*state = (struct kg_name_state){
		.what = e->what,
		.count = e->answer.count,
		.good_us = e->good_us,
		.fresh_until_us = e->fresh_until_us,
		.failure = e->failure,
		.failed_us = e->failed_us,
	};
	snprintf(state->name, sizeof(state->name), "%s", e->text);
	memcpy(state->ips, e->answer.ips,
	       KG_MIN(e->answer.count, (unsigned int)KG_NAME_IPS_MAX) * sizeof(state->ips[0]));
}

unsigned int kg_names_get_watched(const struct kg_names *names, struct kg_name_state *states,
				  unsigned int max)
{
	const struct entry *e;
	unsigned int count = 0;

	TAILQ_FOREACH (e, &names->entries, link) {
		if (count < max && is_watched(e))
			get_state(e, &states[count++]);
	}
	return count;
}

/* ---- life ---- */

struct kg_names *kg_names_create(void)
{
	struct kg_names *names = calloc(1, sizeof(*names));

	if (names == NULL)
		return NULL;
	TAILQ_INIT(&names->entries);
	names->resolver = kg_resolver_create();
	if (names->resolver != NULL)
		return names;
	free(names);
	return NULL;
}

static void dismiss_all(struct entry *e)
{
	static const struct kg_answer none = { .error = KG_RESOLVER_NO_ANSWER };
	struct kg_name_wait *wait;

	while ((wait = TAILQ_FIRST(&e->waits)) != NULL) {
		if (!wait->watches)
			wait->told(wait->ctx, &none);
		kg_names_forget(e->names, wait);
	}
}

void kg_names_destroy(struct kg_names *names)
{
	struct entry *e;

	if (names == NULL)
		return;
	while ((e = TAILQ_FIRST(&names->entries)) != NULL) {
		dismiss_all(e);
		destroy(e);
	}
	kg_resolver_destroy(names->resolver);
	free(names);
}
