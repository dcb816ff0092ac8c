/* SPDX-License-Identifier: BSD-3-Clause */
/* Each rival against a figure that its paper, draft or RFC gives. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rival/vivace.h"

#define BEGIN_US KG_US_PER_S
#define LINE_PPS 1000.0

struct fixture {
	const struct kg_rival_ops *ops;
	void *rival;
	struct kg_rng rng;
	uint64_t now_us, delivered;
};

static void begin(struct fixture *f, const struct kg_rival_ops *ops)
{
	*f = (struct fixture){ .ops = ops, .now_us = BEGIN_US, .rival = calloc(1, ops->bytes) };
	assert_non_null(f->rival);
	kg_rng_init(&f->rng, 1);
	ops->init(f->rival, &(struct kg_rival_params){
				    .line_pps = LINE_PPS, .wire_bytes = 1500, .rng = &f->rng });
}

static void end(struct fixture *f)
{
	free(f->rival);
}

static struct kg_rival_leave leave_of(const struct fixture *f)
{
	struct kg_rival_leave leave;

	f->ops->leave(f->rival, &leave);
	return leave;
}

/* One datagram of `flight` that arrives `after_us` after the one before. */
static void ack(struct fixture *f, uint32_t after_us, uint32_t rtt_us, double rate_pps,
		uint32_t flight)
{
	f->now_us += after_us;
	f->delivered++;
	f->ops->on_ack(f->rival,
		       &(struct kg_rival_ack){
			       .now_us = f->now_us,
			       .sent_us = f->now_us - rtt_us,
			       .rtt_us = rtt_us,
			       .rate_pps = rate_pps,
			       .delivered = f->delivered,
			       .delivered_then = f->delivered < flight ? 0 : f->delivered - flight,
			       .in_flight = flight,
		       });
}

static void lose(struct fixture *f, uint32_t sent_before_us, uint32_t lost_since, uint32_t flight)
{
	f->ops->on_loss(f->rival, &(struct kg_rival_loss){
					  .now_us = f->now_us,
					  .sent_us = f->now_us - sent_before_us,
					  .lost_since = lost_since,
					  .in_flight_then = flight,
				  });
}

static void expect_near(double value, double wanted, double part)
{
	if (fabs(value - wanted) > part * wanted)
		fail_msg("%g, not %g", value, wanted);
}

/* ---- CUBIC ---- */

/* A round trip's worth of what the window allows. */
static void cubic_round(struct fixture *f, uint32_t rtt_us)
{
	uint32_t window = (uint32_t)leave_of(f).window;

	for (uint32_t i = 0; i < window; i++)
		ack(f, i == 0 ? rtt_us : 0, rtt_us, 0, window);
}

static void cubic_to(struct fixture *f, double window)
{
	begin(f, &kg_rival_cubic);
	while (leave_of(f).window < window)
		ack(f, 100, 100, 0, 1);
	lose(f, 100, 1, 1);
	expect_near(leave_of(f).window, 0.7 * window, 0.001);
	lose(f, 100, 2, 1); /* of the same flight */
	expect_near(leave_of(f).window, 0.7 * window, 0.001);
}

/* RFC 9438 §4.2: W(t) = C (t - K)^3 + Wmax, K = cbrt(Wmax (1 - beta) / C): for 1,000 that is 9.09
 * s, until then it is concave, and as long again leads to 1,300. */
static void cubic_follows_its_curve(void **state)
{
	const double k_s = cbrt(1000 * 0.3 / 0.4);
	struct fixture f;
	uint64_t began_us;

	cubic_to(&f, 1000);
	began_us = f.now_us;
	while ((double)(f.now_us - began_us) / 1e6 < k_s)
		cubic_round(&f, 100000);
	expect_near(leave_of(&f).window, 1000, 0.01);
	while ((double)(f.now_us - began_us) / 1e6 < 2 * k_s)
		cubic_round(&f, 100000);
	expect_near(leave_of(&f).window, 1300, 0.03);
	end(&f);
}

/* RFC 9438 §4.3: where its curve is too slow it grows like Reno's average with this beta, by
 * 3 (1 - 0.7) / (1 + 0.7) = 0.53 a round. */
static void cubic_is_friendly_to_reno(void **state)
{
	struct fixture f;

	cubic_to(&f, 100);
	for (int round = 0; round < 50; round++)
		cubic_round(&f, 1000);
	expect_near(leave_of(&f).window, 70 + 50 * 0.53, 0.03);
	end(&f);
}

/* ---- BBR ---- */

static double bbr_gain(struct fixture *f)
{
	return leave_of(f).pps / LINE_PPS;
}

/* A path of 1,000 per second and 50 ms: a BDP of 50. */
static void bbr_ack(struct fixture *f, uint32_t flight)
{
	ack(f, 1000, 50000, LINE_PPS, flight);
}

/* draft-cardwell-iccrg-bbr-congestion-control-00: 2 / ln 2, its inverse, then a cycle of 1.25,
 * 0.75 and six times 1, each for a round trip. */
static void bbr1_has_its_gains(void **state)
{
	uint32_t up = 0, down = 0, even = 0;
	struct fixture f;

	begin(&f, &kg_rival_bbr1);
	bbr_ack(&f, 50);
	expect_near(bbr_gain(&f), 2 / log(2), 0.001);
	while (bbr_gain(&f) > 1)
		bbr_ack(&f, 120);
	/* three rounds without growth behind the first */
	assert_in_range(f.delivered, 3 * 120, 5 * 120);
	expect_near(bbr_gain(&f), log(2) / 2, 0.001);
	bbr_ack(&f, 50);
	for (int i = 0; i < 8 * 51 * 10; i++) {
		bbr_ack(&f, bbr_gain(&f) > 1 ? 63 : 51);
		up += fabs(bbr_gain(&f) - 1.25) < 1e-6;
		down += fabs(bbr_gain(&f) - 0.75) < 1e-6;
		even += fabs(bbr_gain(&f) - 1) < 1e-6;
	}
	assert_in_range(up, 450, 570);
	assert_in_range(down, 450, 570);
	assert_in_range(even, 2900, 3200);
	expect_near(leave_of(&f).window, 100, 0.001);
	end(&f);
}

static void bbr3_to_up(struct fixture *f)
{
	begin(f, &kg_rival_bbr3);
	bbr_ack(f, 50);
	expect_near(bbr_gain(f), 2.77 * 0.99, 0.001);
	while (bbr_gain(f) > 1)
		bbr_ack(f, 120);
	expect_near(bbr_gain(f), 0.5 * 0.99, 0.001);
	while (bbr_gain(f) < 1.2)
		bbr_ack(f, 50);
	expect_near(bbr_gain(f), 1.25 * 0.99, 0.001);
}

/* draft-ietf-ccwg-bbr: LossThresh is 2 % of what was in flight; beyond it a probe ends. */
static void bbr3_ends_a_probe_at_two_percent(void **state)
{
	struct fixture f;

	bbr3_to_up(&f);
	lose(&f, 0, 2, 100);
	expect_near(bbr_gain(&f), 1.25 * 0.99, 0.001);
	lose(&f, 0, 3, 100);
	expect_near(bbr_gain(&f), 0.9 * 0.99, 0.001);
	end(&f);
}

/* ---- Brutal ---- */

/* Its README: "the actual rate is bandwidth / (1 - loss)", and it stops to believe at 20 %. */
static void brutal_makes_up_for_what_is_lost(void **state)
{
	struct fixture f;

	begin(&f, &kg_rival_brutal);
	expect_near(leave_of(&f).pps, LINE_PPS, 0.001);
	for (int i = 0; i < 190; i++)
		ack(&f, 1000, 40000, 0, 40);
	for (uint32_t i = 0; i < 10; i++)
		lose(&f, 40000, i, 40);
	expect_near(leave_of(&f).pps, LINE_PPS / 0.95, 0.001);
	for (uint32_t i = 0; i < 190; i++)
		lose(&f, 40000, i, 40);
	expect_near(leave_of(&f).pps, LINE_PPS / 0.8, 0.001);
	end(&f);
}

/* ---- Copa ---- */

/* Copa, NSDI 2018: the rate goes to 1 / (delta dq), which is 200 per second for a delta of a half
 * and 10 ms. */
static void copa_goes_to_its_target(void **state)
{
	struct fixture f;

	begin(&f, &kg_rival_copa);
	ack(&f, 1000, 50000, 0, 12);
	for (int i = 0; i < 9000; i++)
		ack(&f, 1000, 60000, 0, 12);
	expect_near(leave_of(&f).window / 0.06, 1 / (0.5 * 0.01), 0.1);
	expect_near(leave_of(&f).pps, 2 * leave_of(&f).window / 0.06, 0.001);
	end(&f);
}

/* ---- Vivace ---- */

/* NSDI 2018: u(x) = x^0.9 - 900 x d(RTT)/dT - 11.35 x L. A sender of 100 Mbit/s is content with
 * 5 % of random loss: 0.9 x^-0.1 = 11.35 L. */
static void vivace_values_what_it_says(void **state)
{
	expect_near(kg_vivace_utility(10, 0, 0), 7.943, 0.001);
	expect_near(kg_vivace_utility(10, 0.001, 0), 7.943 - 9, 0.01 * -1);
	assert_true(kg_vivace_utility(99, 0, 0.05) > kg_vivace_utility(80, 0, 0.05));
	assert_true(kg_vivace_utility(101, 0, 0.05) > kg_vivace_utility(130, 0, 0.05));
}

/* It doubles each interval as long as that is worth more. */
static void vivace_starts_by_doubling(void **state)
{
	struct fixture f;
	double first_pps;

	begin(&f, &kg_rival_vivace);
	ack(&f, 1000, 50000, 0, 10);
	first_pps = leave_of(&f).pps;
	expect_near(first_pps, 10 / 0.05, 0.001);
	while (leave_of(&f).pps < 8.1 * first_pps) {
		double pps = leave_of(&f).pps;

		ack(&f, (uint32_t)(1e6 / pps), 50000, 0, 10);
		assert_true(leave_of(&f).pps == pps || leave_of(&f).pps == 2 * pps);
		assert_true(f.now_us < 10 * KG_US_PER_S);
	}
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cubic_follows_its_curve),
		cmocka_unit_test(cubic_is_friendly_to_reno),
		cmocka_unit_test(bbr1_has_its_gains),
		cmocka_unit_test(bbr3_ends_a_probe_at_two_percent),
		cmocka_unit_test(brutal_makes_up_for_what_is_lost),
		cmocka_unit_test(copa_goes_to_its_target),
		cmocka_unit_test(vivace_values_what_it_says),
		cmocka_unit_test(vivace_starts_by_doubling),
	};

	return cmocka_run_group_tests_name("rival", tests, NULL, NULL);
}
