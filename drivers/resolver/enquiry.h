/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions of a thread to the one that keeps the names (names.h): an enquiry goes there by a ring,
 * waits, and comes back by another with its answer. It is memory of the asking thread's, which
 * frees it.
 */
#pragma once

#include "resolver/names.h"
#include "thread/waker.h"

#include <rte_ring.h>

struct kg_enquiry;

/* Of one asking thread. */
struct kg_enquiries {
	struct rte_ring *questions, *answers; /* struct kg_enquiry *, SP/SC */
	struct kg_waker *keeper_waker;        /* of the thread that keeps the names */
	struct kg_waker *asker_waker;
	unsigned int away; /* the asker's: enquiries under way */
};

/* `name` as kg_payload_link_init's. Wakers are the caller's. 0, or -errno. */
int kg_enquiries_init(struct kg_enquiries *e, const char *name);
/* When both threads have let go of it. */
void kg_enquiries_fini(struct kg_enquiries *e);

/* ---- the asking thread ---- */

/* The answer is told once, from within kg_enquiries_input. NULL when too many are under way, or
 * memory is short. */
struct kg_enquiry *kg_enquire(struct kg_enquiries *e, const char *name, unsigned int what,
			      kg_resolved *told, void *ctx);
/* The answer is not wanted any more. */
void kg_enquiry_forget(struct kg_enquiry *enquiry);
/* What the name stands for does not work: kg_names_doubt. */
void kg_enquiry_doubt(struct kg_enquiries *e, const char *name, unsigned int what);
/* Tells what has come back; true when something has. */
bool kg_enquiries_input(struct kg_enquiries *e);
bool kg_enquiries_answered(const struct kg_enquiries *e);

/* ---- the thread that keeps the names ---- */

bool kg_enquiries_waiting(const struct kg_enquiries *e);
/* Takes what has come; what is known goes back with the next kg_names_input. */
void kg_enquiries_serve(struct kg_enquiries *e, struct kg_names *names, uint64_t now_us);
