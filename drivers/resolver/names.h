/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of host names: answers are kept as long as their TTL says, and whoever asks
 * meanwhile is told at once. A name that is watched is asked for again when its answer has run out,
 * and its watchers are told each time. One thread; time comes in.
 */
#pragma once

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

struct kg_names_stats {
	uint64_t asked;  /* questions put to name servers or read from the hosts file */
	uint64_t failed; /* of which nothing came */
	uint64_t known;  /* answers given from memory */
};
struct kg_names_stats kg_names_get_stats(const struct kg_names *names);
