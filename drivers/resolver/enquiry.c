/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Carries questions for names between threads. No more are under way than the ring of answers
 * holds, so an answer always finds room.
 */
#include "resolver/enquiry.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_ring_elem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_SIZE 1024

struct kg_enquiry {
	struct kg_enquiries *enquiries;
	kg_resolved *told; /* the asker's; NULL: forgotten */
	void *ctx;
	bool doubts;             /* no question, but word that the answer is no good */
	struct kg_answer answer; /* the keeper's until it comes back */
	unsigned int what;
	char name[];
};

/* ---- the asking thread ---- */

static struct kg_enquiry *send_away(struct kg_enquiries *e, const char *name, unsigned int what,
				    bool doubts)
{
	struct kg_enquiry *enquiry =
		e->away < RING_SIZE - 1 ? calloc(1, sizeof(*enquiry) + strlen(name) + 1) : NULL;

	if (enquiry == NULL)
		return NULL;
	enquiry->enquiries = e;
	enquiry->what = what;
	enquiry->doubts = doubts;
	strcpy(enquiry->name, name);
	e->away++;
	return enquiry;
}

static void post(struct kg_enquiries *e, struct kg_enquiry *enquiry)
{
	rte_ring_sp_enqueue(e->questions, enquiry);
	kg_waker_wake(e->keeper_waker);
}

struct kg_enquiry *kg_enquire(struct kg_enquiries *e, const char *name, unsigned int what,
			      kg_resolved *told, void *ctx)
{
	struct kg_enquiry *enquiry = send_away(e, name, what, false);

	if (enquiry == NULL)
		return NULL;
	enquiry->told = told;
	enquiry->ctx = ctx;
	post(e, enquiry);
	return enquiry;
}

void kg_enquiry_forget(struct kg_enquiry *enquiry)
{
	enquiry->told = NULL;
}

void kg_enquiry_doubt(struct kg_enquiries *e, const char *name, unsigned int what)
{
	struct kg_enquiry *enquiry = send_away(e, name, what, true);

	if (enquiry != NULL)
		post(e, enquiry);
}

bool kg_enquiries_input(struct kg_enquiries *e)
{
	void *back;
	bool any = false;

	while (rte_ring_sc_dequeue(e->answers, &back) == 0) {
		struct kg_enquiry *enquiry = back;

		any = true;
		e->away--;
		if (enquiry->told != NULL)
			enquiry->told(enquiry->ctx, &enquiry->answer);
		free(enquiry);
	}
	return any;
}

bool kg_enquiries_answered(const struct kg_enquiries *e)
{
	return !rte_ring_empty(e->answers);
}

/* ---- the thread that keeps the names ---- */

bool kg_enquiries_waiting(const struct kg_enquiries *e)
{
	return !rte_ring_empty(e->questions);
}

static void send_back(struct kg_enquiry *enquiry)
{
	struct kg_enquiries *e = enquiry->enquiries;

	rte_ring_sp_enqueue(e->answers, enquiry);
	kg_waker_wake(e->asker_waker);
}

static void resolved(void *ctx, const struct kg_answer *answer)
{
	struct kg_enquiry *enquiry = ctx;

	enquiry->answer = *answer;
	send_back(enquiry);
}

static void serve(struct kg_enquiry *enquiry, struct kg_names *names, uint64_t now_us)
{
	if (enquiry->doubts) {
		kg_names_doubt(names, enquiry->name, enquiry->what, now_us);
		send_back(enquiry);
	} else if (kg_names_ask(names, enquiry->name, enquiry->what, resolved, enquiry, now_us) ==
		   NULL) {
		enquiry->answer.error = KG_RESOLVER_NO_ANSWER;
		send_back(enquiry);
	}
}

void kg_enquiries_serve(struct kg_enquiries *e, struct kg_names *names, uint64_t now_us)
{
	void *question;

	while (rte_ring_sc_dequeue(e->questions, &question) == 0)
		serve(question, names, now_us);
}

/* ---- life ---- */

static struct rte_ring *make_ring(const char *name, const char *which)
{
	char text[RTE_RING_NAMESIZE];

	snprintf(text, sizeof(text), "%s_%s", name, which);
	return rte_ring_create(text, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

int kg_enquiries_init(struct kg_enquiries *e, const char *name)
{
	e->away = 0;
	e->questions = make_ring(name, "q");
	e->answers = make_ring(name, "a");
	if (e->questions != NULL && e->answers != NULL)
		return 0;
	kg_enquiries_fini(e);
	return rte_errno == 0 ? -ENOMEM : -rte_errno;
}

static void free_all_in(struct rte_ring *ring)
{
	void *enquiry;

	while (ring != NULL && rte_ring_sc_dequeue(ring, &enquiry) == 0)
		free(enquiry);
	rte_ring_free(ring);
}

void kg_enquiries_fini(struct kg_enquiries *e)
{
	free_all_in(e->questions);
	free_all_in(e->answers);
	*e = (struct kg_enquiries){ 0 };
}
