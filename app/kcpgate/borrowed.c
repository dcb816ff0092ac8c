/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs the turns of payload threads that have lent what is theirs to the worker. */
#include "borrowed.h"

#include "box.h"

void kg_borrowed_begin(struct kg_borrowed *b, struct kg_box *box)
{
	if (box->config->poll == KG_POLL_BUSY || box->worker_count > 1)
		return;
	b->count = box->payload_count;
	for (unsigned int i = 0; i < b->count; i++) {
		b->all[i].payload = box->payloads[i].payload;
		b->all[i].rings = &box->payloads[i].links[0];
		kg_payload_want(b->all[i].payload);
	}
}

/* ---- in a turn ---- */

static void give_back(struct kg_borrowed_payload *one)
{
	one->lent = false;
	kg_payload_give_back(one->payload);
}

static void serve(struct kg_borrowed_payload *one, bool look)
{
	one->told |= kg_payload_serve(one->payload, look);
	if (kg_payload_wants_home(one->payload))
		give_back(one);
}

void kg_borrowed_read(struct kg_borrowed *b, uint64_t now_us)
{
	for (unsigned int i = 0; i < b->count; i++) {
		struct kg_borrowed_payload *one = &b->all[i];

		if (!one->lent && kg_payload_is_lent(one->payload))
			one->lent = true;
		if (one->lent && (!one->slept || now_us >= one->due_us))
			serve(one, true);
		one->slept = false;
	}
}

void kg_borrowed_write(struct kg_borrowed *b)
{
	for (unsigned int i = 0; i < b->count; i++) {
		struct kg_borrowed_payload *one = &b->all[i];

		if (!one->lent)
			continue;
		one->told = !rte_ring_empty(one->rings->to_worker);
		if (!rte_ring_empty(one->rings->to_payload))
			serve(one, false);
	}
}

/* ---- between turns ---- */

void kg_borrowed_give_back(struct kg_borrowed *b)
{
	for (unsigned int i = 0; i < b->count; i++) {
		if (b->all[i].lent)
			give_back(&b->all[i]);
	}
}

uint64_t kg_borrowed_until_due_us(struct kg_borrowed *b, uint64_t now_us)
{
	uint64_t least_us = KG_NEVER_US;

	for (unsigned int i = 0; i < b->count; i++) {
		struct kg_borrowed_payload *one = &b->all[i];
		uint64_t until_us = KG_NEVER_US;

		if (one->lent)
			until_us = kg_payload_until_due_us(one->payload);
		one->due_us = until_us == KG_NEVER_US ? KG_NEVER_US : now_us + until_us;
		least_us = KG_MIN(least_us, until_us);
	}
	return least_us;
}

void kg_borrowed_watch(const struct kg_borrowed *b, struct pollfd *fds)
{
	for (unsigned int i = 0; i < b->count; i++)
		fds[i].fd = b->all[i].lent ? kg_payload_fd(b->all[i].payload) : -1;
}

bool kg_borrowed_prepare(struct kg_borrowed *b)
{
	bool rests = true;

	for (unsigned int i = 0; i < b->count; i++) {
		struct kg_borrowed_payload *one = &b->all[i];

		if (one->lent) {
			kg_payload_prepare(one->payload);
			rests &= kg_payload_rests(one->payload);
		} else {
			rests &= !kg_payload_is_lent(one->payload);
		}
	}
	return rests;
}

void kg_borrowed_cancel(struct kg_borrowed *b)
{
	for (unsigned int i = 0; i < b->count; i++) {
		if (b->all[i].lent)
			kg_payload_cancel(b->all[i].payload);
	}
}

void kg_borrowed_hear(struct kg_borrowed *b, const struct pollfd *fds)
{
	for (unsigned int i = 0; i < b->count; i++)
		b->all[i].slept = b->all[i].lent && fds[i].revents == 0;
}

bool kg_borrowed_may_wait(const struct kg_borrowed *b, unsigned int n)
{
	return n < b->count && b->all[n].lent && !b->all[n].told;
}
