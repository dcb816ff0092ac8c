/* SPDX-License-Identifier: BSD-3-Clause */
/* Passes ownership from a thread to another and back (docs/decisions/0089-a-quiet-thread-lends.md).
 */
#include "thread/loan.h"

#include <poll.h>

int kg_loan_init(struct kg_loan *loan)
{
	atomic_init(&loan->wanted, false);
	atomic_init(&loan->lent, false);
	return kg_waker_init(&loan->home);
}

void kg_loan_fini(struct kg_loan *loan)
{
	kg_waker_fini(&loan->home);
}

void kg_loan_want(struct kg_loan *loan)
{
	atomic_store_explicit(&loan->wanted, true, memory_order_relaxed);
}

bool kg_loan_is_wanted(const struct kg_loan *loan)
{
	return atomic_load_explicit(&loan->wanted, memory_order_relaxed);
}

void kg_loan_lend(struct kg_loan *loan, struct kg_waker *borrower)
{
	atomic_store_explicit(&loan->lent, true, memory_order_release);
	kg_waker_wake(borrower);
}

/* Until somebody writes there. */
static void sleep_on(struct kg_waker *waker)
{
	struct pollfd fd = { .fd = waker->fd, .events = POLLIN };

	if (poll(&fd, 1, -1) > 0)
		kg_waker_take(waker);
}

void kg_loan_await(struct kg_loan *loan)
{
	while (kg_loan_is_lent(loan)) {
		kg_waker_prepare(&loan->home);
		if (kg_loan_is_lent(loan))
			sleep_on(&loan->home);
		kg_waker_cancel(&loan->home);
	}
}

bool kg_loan_is_lent(const struct kg_loan *loan)
{
	return atomic_load_explicit(&loan->lent, memory_order_acquire);
}

void kg_loan_give_back(struct kg_loan *loan)
{
	atomic_store_explicit(&loan->lent, false, memory_order_release);
	kg_waker_wake(&loan->home);
}
