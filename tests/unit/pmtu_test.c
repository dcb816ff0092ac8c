/* SPDX-License-Identifier: BSD-3-Clause */
/* The size of packets that pass is found in virtual time, on paths of every width, with losses. */
#include "net/pmtu.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/rng.h"

#define SEED    0x5eed0035
#define FLOOR   576
#define CEILING 1500
#define RTT_US  (40u * KG_US_PER_MS)
#define MINUTE  (60ull * KG_US_PER_S)

struct path {
	struct kg_pmtu pmtu;
	struct kg_rng rng;
	uint16_t width;
	uint32_t loss;   /* of 100 */
	bool last_alone; /* is answered, of what arrives of a round */
	uint64_t now_us;
	uint64_t bytes;
	unsigned int rounds;
};

static bool passes(struct path *p, uint16_t size)
{
	p->bytes += size;
	return size <= p->width && kg_rng_below(&p->rng, 100) >= p->loss;
}

/* What is due now, and its answers. */
static void step(struct path *p)
{
	bool passed[KG_PMTU_PROBES];
	unsigned int count = kg_pmtu_poll(&p->pmtu, p->now_us, RTT_US);

	p->rounds += count > 0;
	for (unsigned int i = 0; i < count; i++) {
		assert_true(i == 0 || p->pmtu.sizes[i] > p->pmtu.sizes[i - 1]);
		assert_in_range(p->pmtu.sizes[i], FLOOR, CEILING);
		passed[i] = passes(p, p->pmtu.sizes[i]);
	}
	p->now_us += RTT_US;
	for (unsigned int i = count; i-- > 0;) {
		if (!passed[i])
			continue;
		kg_pmtu_on_answer(&p->pmtu, i, p->now_us);
		if (p->last_alone)
			break;
	}
}

static void run(struct path *p, uint64_t for_us)
{
	uint64_t end_us = p->now_us + for_us;

	while (p->now_us < end_us)
		step(p);
}

static struct path path(uint16_t width, uint32_t loss)
{
	struct path p = { .width = width, .loss = loss, .now_us = KG_US_PER_S };

	kg_rng_init(&p.rng, SEED + width + loss);
	kg_pmtu_init(&p.pmtu, FLOOR, CEILING);
	return p;
}

static void expect_found(const struct path *p)
{
	assert_in_range(p->pmtu.mtu, p->width - 4, p->width);
	assert_int_equal(p->pmtu.state, KG_PMTU_REST);
}

static void every_width_is_found_within_seconds(void **state)
{
	for (uint16_t width = FLOOR; width <= CEILING; width++) {
		struct path p = path(width, 0);

		assert_int_equal(p.pmtu.mtu, FLOOR);
		run(&p, 3 * KG_US_PER_S);
		expect_found(&p);
	}
}

static void a_wide_path_costs_one_round(void **state)
{
	struct path p = path(CEILING, 0);

	run(&p, 60 * MINUTE);
	assert_int_equal(p.rounds, 1);
	assert_int_equal(p.pmtu.mtu, CEILING);
	assert_int_equal(p.pmtu.how, KG_PMTU_PROBED);
	assert_true(kg_pmtu_due_us(&p.pmtu) == KG_NEVER_US);
}

/* Losses by chance do not keep the size down for ever. */
static void losses_are_made_up_for(void **state)
{
	for (uint16_t width = FLOOR; width <= CEILING; width += 7) {
		struct path p = path(width, 20);

		run(&p, 2 * MINUTE);
		assert_in_range(p.pmtu.mtu, width - KG_MIN(width - FLOOR, 8), width);
	}
}

static void a_path_that_widens_is_noticed(void **state)
{
	struct path p = path(1300, 0);

	run(&p, 2 * KG_US_PER_S);
	expect_found(&p);
	p.width = 1480;
	run(&p, 5 * MINUTE);
	expect_found(&p);
}

static void a_path_that_narrows_is_noticed_by_what_is_lost(void **state)
{
	for (uint16_t width = FLOOR; width < CEILING; width += 11) {
		struct path p = path(CEILING, 0);

		run(&p, 2 * KG_US_PER_S);
		p.width = width;
		kg_pmtu_on_suspicion(&p.pmtu, p.now_us);
		run(&p, KG_US_PER_S);
		assert_true(p.pmtu.mtu <= width);
		assert_int_not_equal(p.pmtu.how, KG_PMTU_TOLD);
		run(&p, 2 * KG_US_PER_S);
		expect_found(&p);
	}
}

/* What is lost by chance, however much, is not lost for its size. */
static void heavy_loss_is_no_narrow_path(void **state)
{
	for (uint32_t loss = 10; loss <= 60; loss += 5) {
		struct path p = path(CEILING, 0);

		run(&p, KG_US_PER_S);
		p.loss = loss;
		p.last_alone = loss % 10 == 0;
		for (int s = 0; s < 600; s++) {
			kg_pmtu_on_suspicion(&p.pmtu, p.now_us);
			run(&p, KG_US_PER_S);
			assert_int_equal(p.pmtu.mtu, CEILING);
		}
	}
}

static void expect_narrowing_noticed(uint32_t loss, bool last_alone)
{
	for (uint16_t width = FLOOR; width < CEILING; width += 11) {
		struct path p = path(CEILING, 0);

		run(&p, KG_US_PER_S);
		p.loss = loss;
		p.width = width;
		p.last_alone = last_alone;
		kg_pmtu_on_suspicion(&p.pmtu, p.now_us);
		run(&p, 3 * KG_US_PER_S);
		assert_true(p.pmtu.mtu <= width);
	}
}

static void a_path_that_narrows_is_noticed_behind_losses(void **state)
{
	expect_narrowing_noticed(30, false);
}

/* Of probes that come in one burst a peer may answer the last alone. */
static void a_path_that_narrows_is_noticed_by_few_answers(void **state)
{
	expect_narrowing_noticed(5, true);
}

/* A policer lets hardly a probe through that is not small; what else is sent is as long, and some
 * of it passes. */
static void what_is_as_long_and_passes_refutes_it(void **state)
{
	struct path p = path(CEILING, 0);

	run(&p, KG_US_PER_S);
	p.width = 807;
	kg_pmtu_on_suspicion(&p.pmtu, p.now_us);
	run(&p, 5 * RTT_US);
	assert_int_equal(p.pmtu.state, KG_PMTU_CHECK);
	kg_pmtu_on_passed(&p.pmtu, CEILING, p.now_us);
	assert_int_equal(p.pmtu.state, KG_PMTU_REST);
	run(&p, MINUTE);
	assert_int_equal(p.pmtu.mtu, CEILING);
}

static void it_is_not_narrower_than_what_passes(void **state)
{
	struct path p = path(CEILING, 0);

	run(&p, KG_US_PER_S);
	p.width = 807;
	assert_true(kg_pmtu_on_suspicion(&p.pmtu, p.now_us));
	assert_false(kg_pmtu_on_suspicion(&p.pmtu, p.now_us));
	kg_pmtu_on_passed(&p.pmtu, 1100, p.now_us);
	run(&p, KG_US_PER_S);
	assert_int_equal(p.pmtu.how, KG_PMTU_LOST);
	assert_in_range(p.pmtu.mtu, 1100 - (CEILING - FLOOR) / KG_PMTU_PROBES, 1100);
}

static uint64_t narrowing_takes_us(uint16_t width, bool small_ones_pass)
{
	struct path p = path(CEILING, 0);
	uint64_t begun_us;

	run(&p, KG_US_PER_S);
	p.width = width;
	begun_us = p.now_us;
	kg_pmtu_on_suspicion(&p.pmtu, p.now_us);
	while (p.pmtu.mtu > width) {
		step(&p);
		if (small_ones_pass)
			kg_pmtu_on_passed(&p.pmtu, width, p.now_us);
		assert_true(p.now_us < begun_us + KG_US_PER_S);
	}
	return p.now_us - begun_us;
}

static void what_is_short_and_passes_refutes_nothing(void **state)
{
	for (uint16_t width = FLOOR; width < CEILING; width += 11)
		assert_int_equal(narrowing_takes_us(width, true), narrowing_takes_us(width, false));
}

/* A peer that hears nothing at all is no narrow path, and is left in peace soon. */
static void silence_is_no_narrow_path(void **state)
{
	struct path p = path(CEILING, 0);
	uint64_t before;

	run(&p, KG_US_PER_S);
	p.loss = 100;
	before = p.bytes;
	for (int s = 0; s < 600; s++) {
		kg_pmtu_on_suspicion(&p.pmtu, p.now_us);
		run(&p, KG_US_PER_S);
	}
	assert_int_equal(p.pmtu.mtu, CEILING);
	assert_true(p.bytes - before < 1000000);
}

static void suspicions_that_are_wrong_become_rare(void **state)
{
	struct path p = path(CEILING, 0);

	for (int s = 0; s < 600; s++) {
		kg_pmtu_on_suspicion(&p.pmtu, p.now_us);
		run(&p, KG_US_PER_S);
	}
	assert_int_equal(p.pmtu.mtu, CEILING);
	assert_true(p.rounds < 30);
}

static void a_router_is_believed_at_once(void **state)
{
	struct path p = path(CEILING, 0);

	run(&p, KG_US_PER_S);
	p.width = 1400;
	assert_true(kg_pmtu_on_too_big(&p.pmtu, 1400, p.now_us));
	assert_int_equal(p.pmtu.mtu, 1400);
	assert_int_equal(p.pmtu.how, KG_PMTU_TOLD);
	assert_false(kg_pmtu_on_too_big(&p.pmtu, 1400, p.now_us));
	assert_false(kg_pmtu_on_too_big(&p.pmtu, 1450, p.now_us));
	run(&p, 3 * KG_US_PER_S);
	expect_found(&p);
}

/* Who makes up a router's words wins nothing below the floor, nothing for long, and is not heard
 * again for a while. */
static void a_liar_is_found_out(void **state)
{
	struct path p = path(CEILING, 0);

	run(&p, KG_US_PER_S);
	assert_true(kg_pmtu_on_too_big(&p.pmtu, 68, p.now_us));
	assert_int_equal(p.pmtu.mtu, FLOOR);
	run(&p, KG_US_PER_S);
	assert_int_equal(p.pmtu.mtu, CEILING);
	for (int i = 0; i < 400; i++) {
		assert_false(kg_pmtu_on_too_big(&p.pmtu, 600, p.now_us));
		run(&p, KG_US_PER_S / 10);
	}
}

static void a_size_that_was_set_stands(void **state)
{
	struct kg_pmtu pmtu;

	kg_pmtu_init_set(&pmtu, 1400);
	kg_pmtu_on_suspicion(&pmtu, KG_US_PER_S);
	assert_false(kg_pmtu_on_too_big(&pmtu, 1300, KG_US_PER_S));
	assert_int_equal(kg_pmtu_poll(&pmtu, 60 * MINUTE, RTT_US), 0);
	assert_int_equal(pmtu.mtu, 1400);
	assert_int_equal(pmtu.how, KG_PMTU_SET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_width_is_found_within_seconds),
		cmocka_unit_test(a_wide_path_costs_one_round),
		cmocka_unit_test(losses_are_made_up_for),
		cmocka_unit_test(a_path_that_widens_is_noticed),
		cmocka_unit_test(a_path_that_narrows_is_noticed_by_what_is_lost),
		cmocka_unit_test(heavy_loss_is_no_narrow_path),
		cmocka_unit_test(a_path_that_narrows_is_noticed_behind_losses),
		cmocka_unit_test(a_path_that_narrows_is_noticed_by_few_answers),
		cmocka_unit_test(what_is_as_long_and_passes_refutes_it),
		cmocka_unit_test(it_is_not_narrower_than_what_passes),
		cmocka_unit_test(what_is_short_and_passes_refutes_nothing),
		cmocka_unit_test(silence_is_no_narrow_path),
		cmocka_unit_test(suspicions_that_are_wrong_become_rare),
		cmocka_unit_test(a_router_is_believed_at_once),
		cmocka_unit_test(a_liar_is_found_out),
		cmocka_unit_test(a_size_that_was_set_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
