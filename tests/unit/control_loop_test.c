/* SPDX-License-Identifier: BSD-3-Clause */
/* The control thread's loop with real descriptors, deadlines and a thread that feeds it. */
#include "kcpgate/control/loop.h"
#include "thread/monotonic.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#define FEEDS 20000 /* many enough that some meet the loop on its way to sleep */

/* A source that counts how often it is served, and does what a test asks of it. */
struct probe {
	struct kg_loop_source source;
	struct kg_loop *loop;
	unsigned int served, until; /* ends the loop when it was served so often */
	int pipe[2];
	void (*also)(struct probe *probe);
	struct probe *other;
};

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct probe *probe = KG_CONTAINER_OF(source, struct probe, source);

	probe->served++;
	if (probe->also != NULL)
		probe->also(probe);
	if (probe->served == probe->until)
		kg_loop_end(probe->loop, true);
}

static void init(struct probe *probe, struct kg_loop *loop)
{
	*probe = (struct probe){ .loop = loop, .pipe = { -1, -1 } };
	probe->source = (struct kg_loop_source){ .fd = -1, .due_us = KG_NEVER_US, .serve = serve };
}

static void init_pipe(struct probe *probe, struct kg_loop *loop)
{
	init(probe, loop);
	assert_int_equal(pipe(probe->pipe), 0);
	probe->source.fd = probe->pipe[0];
}

static void put(const struct probe *probe, unsigned int bytes)
{
	while (bytes-- > 0)
		assert_int_equal(write(probe->pipe[1], "x", 1), 1);
}

static void take_one(struct probe *probe)
{
	char byte;

	assert_int_equal(read(probe->pipe[0], &byte, 1), 1);
}

static void leave(struct probe *probe)
{
	kg_loop_remove(&probe->source);
	if (probe->pipe[0] >= 0)
		close(probe->pipe[0]);
	if (probe->pipe[1] >= 0)
		close(probe->pipe[1]);
}

/* ---- descriptors ---- */

static void a_descriptor_is_served_as_long_as_it_is_readable(void **state)
{
	struct kg_loop loop;
	struct probe probe;

	assert_true(kg_loop_init(&loop, kg_monotonic_us));
	init_pipe(&probe, &loop);
	probe.also = take_one;
	probe.until = 5;
	put(&probe, 5);
	assert_true(kg_loop_add(&loop, &probe.source));
	assert_true(kg_loop_run(&loop));
	assert_int_equal(probe.served, 5);
	leave(&probe);
	kg_loop_fini(&loop);
}

static void what_cannot_be_watched_stays_out(void **state)
{
	struct kg_loop loop;
	struct probe probe;

	assert_true(kg_loop_init(&loop, kg_monotonic_us));
	init(&probe, &loop);
	probe.source.fd = loop.epoll_fd; /* an epoll does not watch itself */
	assert_false(kg_loop_add(&loop, &probe.source));
	kg_loop_remove(&probe.source);
	kg_loop_fini(&loop);
}

/* ---- deadlines ---- */

static void put_off(struct probe *probe)
{
	assert_true(kg_monotonic_us() >= probe->source.due_us);
	probe->source.due_us = kg_monotonic_us() + 2000;
}

static void a_deadline_is_served_when_it_is_due_and_not_before(void **state)
{
	struct kg_loop loop;
	struct probe soon, never;

	assert_true(kg_loop_init(&loop, kg_monotonic_us));
	init(&soon, &loop);
	init_pipe(&never, &loop);
	soon.source.due_us = kg_monotonic_us() + 3000;
	soon.also = put_off;
	soon.until = 4;
	assert_true(kg_loop_add(&loop, &soon.source));
	assert_true(kg_loop_add(&loop, &never.source));
	assert_true(kg_loop_run(&loop));
	assert_int_equal(soon.served, 4);
	assert_int_equal(never.served, 0);
	leave(&soon);
	leave(&never);
	kg_loop_fini(&loop);
}

/* ---- coming and going ---- */

static void remove_other(struct probe *probe)
{
	take_one(probe);
	leave(probe->other);
}

/* Both are ready in the same turn. */
static void a_source_that_was_removed_is_not_served(void **state)
{
	struct kg_loop loop;
	struct probe first, second;

	assert_true(kg_loop_init(&loop, kg_monotonic_us));
	init_pipe(&first, &loop);
	init_pipe(&second, &loop);
	first.other = &second;
	first.also = remove_other;
	first.until = 1;
	put(&first, 1);
	put(&second, 1);
	assert_true(kg_loop_add(&loop, &first.source));
	assert_true(kg_loop_add(&loop, &second.source));
	assert_true(kg_loop_run(&loop));
	assert_int_equal(second.served, 0);
	leave(&first);
	kg_loop_fini(&loop);
}

static void remove_itself(struct probe *probe)
{
	take_one(probe);
	leave(probe);
	assert_true(kg_loop_add(probe->loop, &probe->other->source));
}

static void a_source_may_leave_and_bring_another(void **state)
{
	struct kg_loop loop;
	struct probe first, second;

	assert_true(kg_loop_init(&loop, kg_monotonic_us));
	init_pipe(&first, &loop);
	init(&second, &loop);
	second.source.due_us = 0;
	second.until = 1;
	first.other = &second;
	first.also = remove_itself;
	put(&first, 2);
	assert_true(kg_loop_add(&loop, &first.source));
	assert_true(kg_loop_run(&loop));
	assert_int_equal(first.served, 1);
	assert_int_equal(second.served, 1);
	leave(&second);
	kg_loop_fini(&loop);
}

static void end_badly(struct probe *probe)
{
	kg_loop_end(probe->loop, false);
}

static void whoever_ends_it_says_how_and_is_the_last(void **state)
{
	struct kg_loop loop;
	struct probe first, second;

	assert_true(kg_loop_init(&loop, kg_monotonic_us));
	init(&first, &loop);
	init(&second, &loop);
	first.source.due_us = second.source.due_us = 0;
	first.also = end_badly;
	assert_true(kg_loop_add(&loop, &first.source));
	assert_true(kg_loop_add(&loop, &second.source));
	assert_false(kg_loop_run(&loop));
	assert_int_equal(second.served, 0);
	leave(&first);
	leave(&second);
	kg_loop_fini(&loop);
}

/* ---- a thread that feeds ---- */

static atomic_uint in_ring, in_other_ring;
static struct kg_waker waker;

static bool is_fed(const struct kg_loop_source *source)
{
	return atomic_load(&in_ring) > 0;
}

static bool other_is_fed(const struct kg_loop_source *source)
{
	return atomic_load(&in_other_ring) > 0;
}

static unsigned int taken;

static void take_both(struct probe *probe)
{
	taken += atomic_exchange(&in_ring, 0) + atomic_exchange(&in_other_ring, 0);
	if (taken == FEEDS)
		kg_loop_end(probe->loop, true);
}

static void *feed(void *arg)
{
	for (int i = 0; i < FEEDS; i++) {
		atomic_fetch_add(i % 2 == 0 ? &in_ring : &in_other_ring, 1);
		kg_waker_wake(&waker);
	}
	return NULL;
}

/* Neither has a deadline: a feed that went unseen would be waited for in vain. */
static void nothing_fed_is_slept_over(void **state)
{
	struct kg_loop loop;
	struct probe owner, guest;
	pthread_t thread;

	assert_true(kg_loop_init(&loop, kg_monotonic_us));
	assert_int_equal(kg_waker_init(&waker), 0);
	init(&owner, &loop);
	init(&guest, &loop);
	owner.source.fd = waker.fd;
	owner.source.waker = &waker;
	owner.source.fed = is_fed;
	guest.source.fed = other_is_fed;
	owner.also = guest.also = take_both;
	assert_true(kg_loop_add(&loop, &owner.source));
	assert_true(kg_loop_add(&loop, &guest.source));
	assert_int_equal(pthread_create(&thread, NULL, feed, NULL), 0);
	assert_true(kg_loop_run(&loop));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(taken, FEEDS);
	leave(&owner);
	leave(&guest);
	kg_waker_fini(&waker);
	kg_loop_fini(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_is_served_as_long_as_it_is_readable),
		cmocka_unit_test(what_cannot_be_watched_stays_out),
		cmocka_unit_test(a_deadline_is_served_when_it_is_due_and_not_before),
		cmocka_unit_test(a_source_that_was_removed_is_not_served),
		cmocka_unit_test(a_source_may_leave_and_bring_another),
		cmocka_unit_test(whoever_ends_it_says_how_and_is_the_last),
		cmocka_unit_test(nothing_fed_is_slept_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
