/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose something is that one thread owns and now and then lends to another. Only who has it writes
 * the word, so the two never contend: whatever the one did with the thing is seen by the other
 * (release, acquire). Who has lent it sleeps until it is given back.
 *
 *   owner:     lend, wake the borrower, await ─────────────────► it is the owner's again
 *   borrower:                 is_lent: it is the borrower's ─► give_back
 */
#pragma once

#include "thread/waker.h"

struct kg_loan {
	atomic_bool wanted; /* borrower: wo */
	atomic_bool lent;   /* written by who has it */
	struct kg_waker home;
};

int kg_loan_init(struct kg_loan *loan); /* 0, or -errno */
void kg_loan_fini(struct kg_loan *loan);

/* The borrower: takes it whenever it is lent, from now on until the owner's thread has ended. */
void kg_loan_want(struct kg_loan *loan);
bool kg_loan_is_wanted(const struct kg_loan *loan);

/* The owner, when it is wanted. The borrower looks for it whenever its waker wakes it. */
void kg_loan_lend(struct kg_loan *loan, struct kg_waker *borrower);
/* Sleeps until it is the owner's again. */
void kg_loan_await(struct kg_loan *loan);

/* The borrower; true: it is the borrower's. */
bool kg_loan_is_lent(const struct kg_loan *loan);
void kg_loan_give_back(struct kg_loan *loan);
