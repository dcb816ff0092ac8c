/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An owner that lends itself with its mailbox, a borrower, and who puts mail there, on real wakers,
 * in every state that any order of their steps leads to. Never do both have it; nobody sleeps
 * beside mail, beside something that was lent to it or given back to it; and without mail both
 * sleep in the end. Then two real threads.
 */
#include "base/base.h"
#include "thread/loan.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MAIL   2
#define FRAMES 1

/* All of it in one word, by which states are known again. */
struct state {
	uint64_t owner : 4, borrower : 4, poster : 2; /* each one's next step */
	uint64_t owner_claimed : 1, borrower_claimed : 1, poster_claimed : 1;
	uint64_t to_post : 2, mail : 2; /* not yet put there; not yet seen */
	uint64_t frames : 2;            /* still to come: the borrower wakes for nothing of ours */
	uint64_t frame : 1;
	uint64_t has : 1, slept : 1; /* of the borrower: as in app/kcpgate/borrowed.h */
	uint64_t fresh : 1;          /* the owner's descriptor tells of a token, once */
	uint64_t lent : 1;
	uint64_t home_sleeps : 1, mail_sleeps : 1, borrower_sleeps : 1;
	uint64_t home_token : 1, borrower_token : 1; /* or more: a read takes all */
};
_Static_assert(sizeof(struct state) == sizeof(uint64_t), "a word");

static struct kg_loan loan;
static struct kg_waker mail_waker, borrower_waker;

/* ---- between the word and what is really there ---- */

static bool take_token(struct kg_waker *waker)
{
	uint64_t count;

	return read(waker->fd, &count, sizeof(count)) > 0;
}

static void put_token(struct kg_waker *waker, bool any)
{
	take_token(waker);
	if (any)
		kg_waker_post(waker);
}

static void set_up(const struct state *s)
{
	atomic_store(&loan.lent, s->lent);
	atomic_store(&loan.home.sleeping, s->home_sleeps);
	atomic_store(&mail_waker.sleeping, s->mail_sleeps);
	atomic_store(&borrower_waker.sleeping, s->borrower_sleeps);
	put_token(&loan.home, s->home_token);
	put_token(&borrower_waker, s->borrower_token);
}

static void read_back(struct state *s)
{
	s->lent = atomic_load(&loan.lent);
	s->home_sleeps = atomic_load(&loan.home.sleeping);
	s->mail_sleeps = atomic_load(&mail_waker.sleeping);
	s->borrower_sleeps = atomic_load(&borrower_waker.sleeping);
	s->home_token = take_token(&loan.home);
	s->borrower_token = take_token(&borrower_waker);
	s->fresh |= take_token(&mail_waker);
}

/* ---- the owner: a turn, then a sleep of its own, or a loan (kg_loan_lend, kg_loan_await) ---- */

enum {
	O_TURN,
	O_PREPARE,
	O_LOOK,
	O_WAIT,
	O_CANCEL,
	O_LEND,
	O_CLAIM,
	O_POST,
	O_AWAIT,
	O_AWAIT_PREPARE,
	O_AWAIT_LOOK,
	O_AWAIT_WAIT,
	O_AWAIT_CANCEL
};

static bool owner_blocks(const struct state *s)
{
	return (s->owner == O_WAIT && !s->fresh) ||
	       (s->owner == O_AWAIT_WAIT && s->home_token == 0);
}

static void owner_step(struct state *s, bool lends)
{
	unsigned int next = s->owner + 1u;

	switch (s->owner) {
	case O_TURN:
		s->mail = 0;
		next = lends ? O_LEND : O_PREPARE;
		break;
	case O_PREPARE:
		kg_waker_prepare(&mail_waker);
		break;
	case O_LOOK:
		next = s->mail > 0 ? O_CANCEL : O_WAIT;
		break;
	case O_WAIT:
		s->fresh = 0;
		break;
	case O_CANCEL:
		kg_waker_cancel(&mail_waker);
		next = O_TURN;
		break;
	case O_LEND:
		atomic_store_explicit(&loan.lent, true, memory_order_release);
		break;
	case O_CLAIM:
		s->owner_claimed = kg_waker_claim(&borrower_waker);
		break;
	case O_POST:
		if (s->owner_claimed)
			kg_waker_post(&borrower_waker);
		s->owner_claimed = 0;
		break;
	case O_AWAIT:
		next = kg_loan_is_lent(&loan) ? O_AWAIT_PREPARE : O_TURN;
		break;
	case O_AWAIT_PREPARE:
		kg_waker_prepare(&loan.home);
		break;
	case O_AWAIT_LOOK:
		next = kg_loan_is_lent(&loan) ? O_AWAIT_WAIT : O_AWAIT_CANCEL;
		break;
	case O_AWAIT_WAIT:
		kg_waker_take(&loan.home);
		break;
	default:
		kg_waker_cancel(&loan.home);
		next = O_AWAIT;
		break;
	}
	s->owner = next;
}

/* ---- the borrower: a turn, perhaps kg_loan_give_back, and a sleep beside both wakers ---- */

enum {
	B_TURN,
	B_GIVE,
	B_CLAIM,
	B_POST,
	B_PREPARE,
	B_PREPARE_MAIL,
	B_LOOK,
	B_WAIT,
	B_CANCEL,
	B_CANCEL_MAIL
};

static bool borrower_blocks(const struct state *s)
{
	return s->borrower == B_WAIT && s->borrower_token == 0 && !(s->has && s->fresh) &&
	       !s->frame;
}

static void borrower_turn(struct state *s)
{
	if (!s->has && kg_loan_is_lent(&loan))
		s->has = 1;
	if (s->has && !s->slept)
		s->fresh = s->mail = 0;
	s->slept = s->frame = 0;
}

static void borrower_step(struct state *s, bool gives)
{
	unsigned int next = s->borrower + 1u;

	switch (s->borrower) {
	case B_TURN:
		borrower_turn(s);
		next = s->has && gives ? B_GIVE : B_PREPARE;
		break;
	case B_GIVE:
		s->has = 0;
		atomic_store_explicit(&loan.lent, false, memory_order_release);
		break;
	case B_CLAIM:
		s->borrower_claimed = kg_waker_claim(&loan.home);
		break;
	case B_POST:
		if (s->borrower_claimed)
			kg_waker_post(&loan.home);
		s->borrower_claimed = 0;
		break;
	case B_PREPARE:
		kg_waker_prepare(&borrower_waker);
		break;
	case B_PREPARE_MAIL:
		if (s->has)
			kg_waker_prepare(&mail_waker);
		break;
	case B_LOOK:
		next = (s->has ? s->mail > 0 : kg_loan_is_lent(&loan)) ? B_CANCEL : B_WAIT;
		break;
	case B_WAIT:
		s->slept = s->has && !s->fresh;
		if (s->borrower_token > 0)
			kg_waker_take(&borrower_waker);
		break;
	case B_CANCEL:
		kg_waker_cancel(&borrower_waker);
		break;
	default:
		if (s->has)
			kg_waker_cancel(&mail_waker);
		next = B_TURN;
		break;
	}
	s->borrower = next;
}

/* ---- who puts mail: the stop, too, is such ---- */

static void poster_step(struct state *s)
{
	switch (s->poster) {
	case 0:
		s->mail++;
		s->to_post--;
		s->poster = 1;
		break;
	case 1:
		s->poster_claimed = kg_waker_claim(&mail_waker);
		s->poster = 2;
		break;
	default:
		if (s->poster_claimed)
			kg_waker_post(&mail_waker);
		s->poster = s->poster_claimed = 0;
		break;
	}
}

/* ---- what may happen next ---- */

enum {
	OWNER_SLEEPS,
	OWNER_LENDS,
	BORROWER_KEEPS,
	BORROWER_GIVES,
	POSTER,
	FRAME,
	MOVES
};

static bool may(const struct state *s, unsigned int move)
{
	switch (move) {
	case OWNER_SLEEPS:
		return !owner_blocks(s);
	case OWNER_LENDS:
		return s->owner == O_TURN;
	case BORROWER_KEEPS:
		return !borrower_blocks(s);
	case BORROWER_GIVES:
		return s->borrower == B_TURN;
	case POSTER:
		return s->poster != 0 || s->to_post > 0;
	default:
		return s->frames > 0;
	}
}

static struct state after(struct state s, unsigned int move)
{
	set_up(&s);
	if (move <= OWNER_LENDS) {
		owner_step(&s, move == OWNER_LENDS);
	} else if (move <= BORROWER_GIVES) {
		borrower_step(&s, move == BORROWER_GIVES);
	} else if (move == POSTER) {
		poster_step(&s);
	} else {
		s.frame = 1;
		s.frames--;
	}
	read_back(&s);
	return s;
}

static void check(const struct state *s)
{
	bool at_home = s->owner <= O_LEND;

	assert_false(at_home && (s->has || s->lent));
	assert_false(s->has && !s->lent);
	if (may(s, POSTER) || !owner_blocks(s) || !borrower_blocks(s))
		return;
	assert_int_equal(s->mail, 0);
	assert_int_equal(s->lent, s->has);
	assert_int_equal(s->lent, s->owner == O_AWAIT_WAIT);
}

/* Nothing comes any more: all sleep before long. */
static void check_sleeps(struct state s)
{
	unsigned int steps = 0;

	s.frames = 0;
	while (may(&s, POSTER))
		s = after(s, POSTER);
	while (may(&s, OWNER_SLEEPS) || may(&s, BORROWER_KEEPS)) {
		if (may(&s, OWNER_SLEEPS))
			s = after(s, s.owner == O_TURN ? OWNER_LENDS : OWNER_SLEEPS);
		if (may(&s, BORROWER_KEEPS))
			s = after(s, BORROWER_KEEPS);
		assert_true(++steps < 100);
	}
}

/* ---- every state ---- */

#define STATES (1u << 20)

static struct state *seen, *todo;
static unsigned int seen_count, todo_count;

static bool is_new(const struct state *s)
{
	uint64_t word;
	unsigned int at;

	memcpy(&word, s, sizeof(word));
	at = (unsigned int)((word * 0x9e3779b97f4a7c15u) >> 44);
	for (; seen[at].poster < 3; at = (at + 1) % STATES) {
		if (memcmp(&seen[at], s, sizeof(*s)) == 0)
			return false;
	}
	seen[at] = *s;
	seen_count++;
	return true;
}

static void come_to(struct state s)
{
	assert_true(seen_count < STATES / 2);
	if (!is_new(&s))
		return;
	check(&s);
	check_sleeps(s);
	todo[todo_count++] = s;
}

static void every_state(void **state)
{
	(void)state;
	assert_int_equal(kg_loan_init(&loan), 0);
	assert_int_equal(kg_waker_init(&mail_waker), 0);
	assert_int_equal(kg_waker_init(&borrower_waker), 0);
	seen = malloc(STATES * sizeof(*seen));
	todo = malloc(STATES * sizeof(*todo));
	memset(seen, 0xff, STATES * sizeof(*seen));
	come_to((struct state){ .to_post = MAIL, .frames = FRAMES });
	while (todo_count > 0) {
		struct state s = todo[--todo_count];

		for (unsigned int move = 0; move < MOVES; move++) {
			if (may(&s, move))
				come_to(after(s, move));
		}
	}
	print_message("%u states\n", seen_count);
	assert_true(seen_count > 1000);
	free(seen);
	free(todo);
	kg_waker_fini(&borrower_waker);
	kg_waker_fini(&mail_waker);
	kg_loan_fini(&loan);
}

/* ---- two threads ---- */

#define LOANS 20000

static struct pair {
	struct kg_loan loan;
	struct kg_waker borrower;
	unsigned int count; /* of who has it */
} pair;

static void *borrow(void *unused)
{
	struct pollfd fd = { .fd = pair.borrower.fd, .events = POLLIN };

	kg_loan_want(&pair.loan);
	for (int i = 0; i < LOANS; i++) {
		while (!kg_loan_is_lent(&pair.loan)) {
			kg_waker_prepare(&pair.borrower);
			if (!kg_loan_is_lent(&pair.loan) && poll(&fd, 1, -1) == 1)
				kg_waker_take(&pair.borrower);
			kg_waker_cancel(&pair.borrower);
		}
		pair.count++;
		kg_loan_give_back(&pair.loan);
	}
	return unused;
}

static void to_and_fro(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(kg_loan_init(&pair.loan), 0);
	assert_int_equal(kg_waker_init(&pair.borrower), 0);
	assert_false(kg_loan_is_wanted(&pair.loan));
	assert_int_equal(pthread_create(&thread, NULL, borrow, NULL), 0);
	while (!kg_loan_is_wanted(&pair.loan))
		usleep(100);
	for (unsigned int i = 0; i < LOANS; i++) {
		pair.count++;
		kg_loan_lend(&pair.loan, &pair.borrower);
		kg_loan_await(&pair.loan);
		assert_int_equal(pair.count, 2 * (i + 1));
	}
	pthread_join(thread, NULL);
	kg_waker_fini(&pair.borrower);
	kg_loan_fini(&pair.loan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state),
		cmocka_unit_test(to_and_fro),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
