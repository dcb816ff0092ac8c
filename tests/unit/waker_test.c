/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sleeper and two wakers on a real eventfd, in every order in which their steps can follow each
 * other. No sleep begins beside a message that nobody will announce, and a token that comes late
 * ends one sleep, not all of them.
 */
#include "base/base.h"
#include "thread/waker.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SLEEPS 2
#define WAKERS 2

struct sleeper {
	unsigned int step;
	unsigned int unseen; /* messages put since the last look */
	bool awake;          /* the look has found a message */
	bool readable;       /* what the last wait has found */
};

struct side {
	unsigned int step;
	bool claimed;
};

struct model {
	struct kg_waker waker;
	struct sleeper sleeper;
	struct side wakers[WAKERS];
};

static bool is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

/* ---- the sleeper: prepare, look, wait, cancel, take ---- */

static void prepare(struct model *m)
{
	kg_waker_prepare(&m->waker);
}

static void look(struct model *m)
{
	m->sleeper.awake = m->sleeper.unseen > 0;
	m->sleeper.unseen = 0;
}

static bool all_said(const struct model *m)
{
	for (unsigned int i = 0; i < WAKERS; i++) {
		if (m->wakers[i].step == 1 || m->wakers[i].step == 2)
			return false;
	}
	return true;
}

static void wait(struct model *m)
{
	m->sleeper.readable = !m->sleeper.awake && is_readable(m->waker.fd);
	if (!m->sleeper.awake && m->sleeper.unseen > 0 && all_said(m))
		assert_true(m->sleeper.readable);
}

static void cancel(struct model *m)
{
	kg_waker_cancel(&m->waker);
}

static void take(struct model *m)
{
	if (m->sleeper.readable)
		kg_waker_take(&m->waker);
}

static void (*const sleeper_steps[])(struct model *m) = { prepare, look, wait, cancel, take };
#define SLEEP_STEPS KG_ARRAY_SIZE(sleeper_steps)

static void sleeper_step(struct model *m)
{
	sleeper_steps[m->sleeper.step++ % SLEEP_STEPS](m);
}

/* ---- a waker: put a message, claim, post ---- */

#define WAKE_STEPS 3

static void waker_step(struct model *m, struct side *side)
{
	switch (side->step++) {
	case 0:
		m->sleeper.unseen++;
		break;
	case 1:
		side->claimed = kg_waker_claim(&m->waker);
		break;
	default:
		if (side->claimed)
			kg_waker_post(&m->waker);
		break;
	}
}

/* ---- every order ---- */

#define STEPS (SLEEPS * SLEEP_STEPS + WAKERS * WAKE_STEPS)

/* Sleeps once more with nothing to do; true when nothing ended that sleep. */
static bool sleeps_on(struct model *m)
{
	for (unsigned int i = 0; i < SLEEP_STEPS; i++)
		sleeper_step(m);
	return !m->sleeper.readable;
}

/* order[i]: who makes step i; 0 the sleeper, else a waker. */
static void play(struct model *m, const uint8_t order[STEPS])
{
	memset(&m->sleeper, 0, sizeof(m->sleeper));
	memset(m->wakers, 0, sizeof(m->wakers));
	for (unsigned int i = 0; i < STEPS; i++) {
		if (order[i] == 0)
			sleeper_step(m);
		else
			waker_step(m, &m->wakers[order[i] - 1]);
	}
	sleeps_on(m); /* the last messages are seen */
	sleeps_on(m); /* a late token may end this one */
	assert_true(sleeps_on(m));
}

/* Plays every order that begins with the first `made` steps; `left` are those still to place. */
static unsigned int play_all(struct model *m, uint8_t order[STEPS], unsigned int made,
			     uint8_t left[1 + WAKERS])
{
	unsigned int played = 0;

	if (made == STEPS) {
		play(m, order);
		return 1;
	}
	for (uint8_t who = 0; who <= WAKERS; who++) {
		if (left[who] == 0)
			continue;
		left[who]--;
		order[made] = who;
		played += play_all(m, order, made + 1, left);
		left[who]++;
	}
	return played;
}

static void every_order_of_steps(void **state)
{
	struct model m;
	uint8_t order[STEPS], left[1 + WAKERS] = { SLEEPS * SLEEP_STEPS, WAKE_STEPS, WAKE_STEPS };

	(void)state;
	assert_int_equal(kg_waker_init(&m.waker), 0);
	/* 16! / (10! 3! 3!) */
	assert_int_equal(play_all(&m, order, 0, left), 160160);
	kg_waker_fini(&m.waker);
}

static void writes_only_to_a_sleeper(void **state)
{
	struct kg_waker waker;

	(void)state;
	assert_int_equal(kg_waker_init(&waker), 0);
	kg_waker_wake(&waker);
	assert_false(is_readable(waker.fd));
	kg_waker_prepare(&waker);
	kg_waker_wake(&waker);
	kg_waker_wake(&waker);
	assert_true(is_readable(waker.fd));
	kg_waker_cancel(&waker);
	kg_waker_take(&waker);
	assert_false(is_readable(waker.fd));
	kg_waker_prepare(&waker);
	kg_waker_cancel(&waker);
	kg_waker_wake(&waker);
	assert_false(is_readable(waker.fd));
	kg_waker_fini(&waker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order_of_steps),
		cmocka_unit_test(writes_only_to_a_sleeper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
