/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of host names: answers are kept as long as their TTL says, and whoever asks
 * meanwhile is told at once. A name that is watched is asked for again when its answer has run out,
 * and its watchers are told each time. One thread; time comes in.
 */
#pragma once

#include "base/metric.h"
#include "resolver/resolver.h"

#define KG_NAMES_MAX                                                                \
	1024 /* that are remembered; those that were asked for longest ago give way \
	      */

struct kg_names;
struct kg_name_wait;

/* NULL when memory or descriptors are short. */
struct kg_names *kg_names_create(void);
/* Whoever waits to be told once is told that there is no answer. */
void kg_names_destroy(struct kg_names *names);

/* Readable, or this time has come: call kg_names_input. */
int kg_names_fd(const struct kg_names *names);
uint64_t kg_names_due_us(const struct kg_names *names, uint64_t now_us);
void kg_names_input(struct kg_names *names, uint64_t now_us);

/* Told once, from within kg_names_input. `what`: enum kg_ask. NULL when too many are asked for, or
 * memory is short. */
struct kg_name_wait *kg_names_ask(struct kg_names *names, const char *name, unsigned int what,
				  kg_resolved *told, void *ctx, uint64_t now_us);
/* Told again and again, until it is forgotten; of errors, too. While name servers do not answer,
 * what was known stays so. */
struct kg_name_wait *kg_names_watch(struct kg_names *names, const char *name, unsigned int what,
				    kg_resolved *told, void *ctx, uint64_t now_us);
/* Not for what was told once. */
void kg_names_forget(struct kg_names *names, struct kg_name_wait *wait);

/* What is known has turned out not to work: it is asked for anew, if it is not of this moment. */
void kg_names_doubt(struct kg_names *names, const char *name, unsigned int what, uint64_t now_us);

/* ---- seeing inside ---- */

#define KG_NAMES_METRICS(X)                                                                   \
	X(asked, "names_asked", COUNTER, "questions",                                         \
	  "questions put to name servers, or to the hosts file")                              \
	X(failed, "names_failed", COUNTER, "questions", "questions of which no address came") \
	X(known, "names_known", COUNTER, "answers", "answers given from memory")

struct kg_names_stats {
	KG_NAMES_METRICS(KG_METRIC_FIELD)
};
extern const struct kg_metric_table kg_names_metrics;
struct kg_names_stats kg_names_get_stats(const struct kg_names *names);

#define KG_NAME_BYTES   254 /* RFC 1035 §2.3.4, as text */
#define KG_NAME_IPS_MAX 4

/* What is known of a watched name. */
struct kg_name_state {
	char name[KG_NAME_BYTES];
	unsigned int what;                 /* enum kg_ask */
	struct kg_ip ips[KG_NAME_IPS_MAX]; /* the first of them */
	unsigned int count;                /* all */
	uint64_t good_us;                  /* when they were told; 0: there are none */
	uint64_t fresh_until_us;           /* when it is asked for anew */
	enum kg_resolver_error failure;    /* the latest; OK: none yet */
	uint64_t failed_us;
};
/* Fills in `max` at most; how many. */
unsigned int kg_names_get_watched(const struct kg_names *names, struct kg_name_state *states,
				  unsigned int max);
