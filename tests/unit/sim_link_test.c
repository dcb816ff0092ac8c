/* SPDX-License-Identifier: BSD-3-Clause */
/* The models of a link against arithmetic that a reader can do by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/link.h"

#define BYTES  1000u
#define MANY   200000u
#define ANYONE 40000

struct fixture {
	struct kg_rng rng;
	struct kg_sim_link link;
};

static void begin(struct fixture *f, const struct kg_sim_link_params *params)
{
	kg_rng_init(&f->rng, 1);
	kg_sim_link_init(&f->link, params, &f->rng);
}

static void end(struct fixture *f)
{
	kg_sim_link_fini(&f->link);
}

static void send_from(struct fixture *f, uint64_t now_us, uint16_t port)
{
	static const uint8_t bytes[BYTES];
	struct kg_endpoint from = { .ip = { .version = 4, .bytes = { 10, 1 } }, .port = port };
	struct kg_endpoint to = { .ip = { .version = 4, .bytes = { 10, 2 } }, .port = 3000 };

	kg_sim_link_send(&f->link, now_us, &from, &to, bytes, BYTES);
}

/* How many of `count` sent every `every_us` from `from_us` on arrive by then. */
static uint32_t arrive(struct fixture *f, uint64_t from_us, uint32_t count, uint32_t every_us,
		       uint16_t port)
{
	struct kg_sim_link_packet *packet;
	uint32_t arrived = 0;

	for (uint32_t i = 0; i < count; i++)
		send_from(f, from_us + (uint64_t)i * every_us, port);
	for (; (packet = kg_sim_link_receive(&f->link, KG_NEVER_US - 1)) != NULL; arrived++)
		free(packet);
	return arrived;
}

static struct kg_sim_link_packet *next(struct fixture *f)
{
	struct kg_sim_link_packet *packet = kg_sim_link_receive(&f->link, KG_NEVER_US - 1);

	assert_non_null(packet);
	return packet;
}

static void expect_arrival(struct fixture *f, uint64_t at_us, uint32_t waited_us)
{
	struct kg_sim_link_packet *packet = next(f);

	assert_int_equal(packet->at_us, at_us);
	assert_int_equal(packet->waited_us, waited_us);
	free(packet);
}

/* ---- queues ---- */

/* 1 MB/s: a millisecond each. The nth of a burst has waited for n before it. */
static void a_rate_serves_one_behind_another(void **state)
{
	struct fixture f;

	begin(&f, &(struct kg_sim_link_params){
			  .rate_Bps = 1000000, .queue_us = 10000, .delay_us = 500 });
	for (int i = 0; i < 20; i++)
		send_from(&f, 0, ANYONE);
	assert_int_equal(f.link.overflowed, 9);
	for (uint32_t i = 0; i < 11; i++)
		expect_arrival(&f, 1500 + i * 1000, i * 1000);
	end(&f);
}

static void a_queue_ends_by_packets_and_by_bytes(void **state)
{
	struct fixture f;

	begin(&f, &(struct kg_sim_link_params){ .rate_Bps = 1000000, .queue_pkts = 14 });
	assert_int_equal(arrive(&f, 0, 20, 0, ANYONE), 14);
	end(&f);
	begin(&f, &(struct kg_sim_link_params){ .rate_Bps = 1000000, .queue_bytes = 5500 });
	assert_int_equal(arrive(&f, 0, 20, 0, ANYONE), 5);
	/* two have left by now */
	assert_int_equal(arrive(&f, 2500, 20, 0, ANYONE), 2);
	end(&f);
}

/* Three chances of 1,500 bytes in 10 ms: what is left of one serves who waits then. */
static void a_trace_gives_chances(void **state)
{
	static const uint32_t at_ms[] = { 2, 5, 10 };
	struct fixture f;

	begin(&f, &(struct kg_sim_link_params){ .trace = { at_ms, 3 }, .queue_pkts = 100 });
	for (int i = 0; i < 5; i++)
		send_from(&f, 1000, ANYONE);
	expect_arrival(&f, 2000, 0);
	expect_arrival(&f, 5000, 1000);
	expect_arrival(&f, 5000, 4000);
	expect_arrival(&f, 10000, 4000);
	expect_arrival(&f, 12000, 9000);
	/* chances that nobody waited for are gone */
	send_from(&f, 101000, ANYONE);
	expect_arrival(&f, 102000, 0);
	end(&f);
}

/* How long the last one waits when a twentieth too much comes for 30 s. */
static uint32_t last_waits_us(const struct kg_sim_link_params *params)
{
	struct kg_sim_link_packet *packet;
	uint32_t waited_us = 0;
	struct fixture f;

	begin(&f, params);
	for (uint32_t i = 0; i < 31500; i++)
		send_from(&f, i * 30000000ull / 31500, ANYONE);
	for (; (packet = kg_sim_link_receive(&f.link, KG_NEVER_US - 1)) != NULL; free(packet))
		waited_us = packet->waited_us;
	end(&f);
	return waited_us;
}

/* A dumb queue is full; CoDel's drops come as often as it takes for the queue to go down again. */
static void codel_keeps_the_queue_short(void **state)
{
	struct kg_sim_link_params params = { .rate_Bps = 1000000, .queue_us = 1000000 };

	assert_in_range(last_waits_us(&params), 990000, 1000000);
	params.codel = (struct kg_sim_codel){ .target_us = 5000, .interval_us = 100000 };
	assert_in_range(last_waits_us(&params), 0, 60000);
}

/* RFC 8289 §5.3: drops are interval / sqrt(n) apart. A queue of 20 ms that never moves. */
static void codel_drops_faster_and_faster(void **state)
{
	static const struct kg_sim_link_params params = {
		.rate_Bps = 1000000,
		.queue_us = 1000000,
		.codel = { .target_us = 5000, .interval_us = 100000 },
	};
	uint64_t dropped_us[5];
	size_t drops = 0;
	struct fixture f;

	begin(&f, &params);
	for (int i = 0; i < 20; i++)
		send_from(&f, 0, ANYONE);
	for (uint64_t now_us = 1000; drops < 5; now_us += 1000) {
		uint64_t before = f.link.overflowed;

		send_from(&f, now_us, ANYONE);
		if (f.link.overflowed == before)
			continue;
		dropped_us[drops++] = now_us;
		send_from(&f, now_us, ANYONE); /* in its place */
	}
	for (size_t n = 1; n < drops; n++)
		assert_in_range(dropped_us[n] - dropped_us[n - 1],
				(uint64_t)(100000 / sqrt((double)n)) - 2000,
				(uint64_t)(100000 / sqrt((double)n)) + 2000);
	end(&f);
}

/* ---- losses ---- */

/* Bad for a hundredth of the packets that come in good times, for ten at a time, and then all are
 * lost: 1/11 of the time. */
static void bad_times_have_their_share_and_length(void **state)
{
	static const struct kg_sim_link_params params = {
		.gilbert = { .to_bad = 655, .to_good = 6554, .loss = 65535 },
	};
	uint32_t lost = 0, runs = 0;
	bool was_lost = false;
	struct fixture f;

	begin(&f, &params);
	for (uint32_t i = 0; i < MANY; i++) {
		uint64_t before = f.link.lost;
		bool is_lost;

		send_from(&f, i, ANYONE);
		is_lost = f.link.lost > before;
		lost += is_lost;
		runs += is_lost && !was_lost;
		was_lost = is_lost;
	}
	assert_in_range(lost, MANY / 11 * 95 / 100, MANY / 11 * 105 / 100);
	assert_in_range(lost / runs, 9, 10);
	end(&f);
}

/* Half of 1 MB/s is lost. Before the bottleneck that leaves it idle for half of the time. */
static void what_is_lost_behind_has_cost_time(void **state)
{
	struct kg_sim_link_params params = { .rate_Bps = 1000000,
					     .queue_us = 9000000,
					     .loss = 32768 };
	uint64_t busy_until_us[2];

	for (int behind = 0; behind < 2; behind++) {
		struct fixture f;

		params.lost_behind = behind;
		begin(&f, &params);
		arrive(&f, 0, 1000, 0, ANYONE);
		busy_until_us[behind] = f.link.bottleneck.busy_until_us;
		end(&f);
	}
	assert_in_range(busy_until_us[0], 450000, 550000);
	assert_int_equal(busy_until_us[1], 1000000);
}

/* ---- police ---- */

/* 1 MB/s and 20 kB at once, offered 2 MB/s for 1 s: 1,000 and 20 packets pass, of each flow. */
static void a_policer_has_a_rate_and_a_burst(void **state)
{
	static const struct kg_sim_link_params params = {
		.police = { .rate_Bps = 1000000, .burst_bytes = 20000 },
	};
	struct fixture f;

	begin(&f, &params);
	assert_in_range(arrive(&f, 0, 2000, 500, ANYONE), 1018, 1020);
	assert_in_range(arrive(&f, 0, 2000, 500, ANYONE + 1), 1018, 1020);
	assert_int_equal(f.link.policed, f.link.lost);
	end(&f);
}

static void a_policer_may_count_hosts(void **state)
{
	struct kg_sim_link_params params = {
		.police = { .key = KG_SIM_BY_HOST, .rate_Bps = 1000000, .burst_bytes = 20000 },
	};
	struct fixture f;

	for (int by_target = 0; by_target < 2; by_target++) {
		begin(&f, &params);
		assert_int_equal(arrive(&f, 0, 100, 0, ANYONE), 20);
		assert_int_equal(arrive(&f, 0, 100, 0, ANYONE + 1), 0);
		end(&f);
		params.police.key = KG_SIM_BY_TARGET;
	}
}

/* Above 1 MB/s for five seconds: 10 kB/s from then on; another flow is as good as new. */
static void a_penalty_box_is_left_as_another_flow(void **state)
{
	static const struct kg_sim_link_params params = {
		.police = { .burst_bytes = 5000, .penalty_Bps = 1000000, .crawl_Bps = 10000 },
	};
	struct fixture f;

	begin(&f, &params);
	assert_int_equal(arrive(&f, 0, 10000, 500, ANYONE), 10000);
	assert_in_range(arrive(&f, 5 * KG_US_PER_S, 10000, 500, ANYONE), 50, 56);
	assert_int_equal(arrive(&f, 10 * KG_US_PER_S, 1000, 500, ANYONE + 1), 1000);
	end(&f);
	begin(&f, &params);
	assert_int_equal(arrive(&f, 0, 10000, 1000, ANYONE), 10000); /* not above */
	end(&f);
}

static void a_black_hole_takes_its_share_of_flows(void **state)
{
	static const struct kg_sim_link_params params = {
		.police = { .dropped_flows = 65536 / 4 },
	};
	uint32_t alive = 0;
	struct fixture f;

	begin(&f, &params);
	for (uint16_t i = 0; i < 1000; i++) {
		uint32_t arrived = arrive(&f, i * 1000u, 4, 0, ANYONE + i);

		assert_true(arrived == 0 || arrived == 4);
		alive += arrived > 0;
	}
	assert_in_range(alive, 700, 800);
	end(&f);
}

/* ---- delays ---- */

static void the_way_steps(void **state)
{
	struct fixture f;
	uint64_t least_us = UINT64_MAX, most_us = 0;

	begin(&f, &(struct kg_sim_link_params){
			  .delay_us = 1000, .step_every_us = 15 * KG_US_PER_S, .step_us = 20000 });
	for (uint64_t step = 0; step < 50; step++) {
		uint64_t first_us = 0;

		for (uint64_t i = 1; i < 10; i++) {
			uint64_t now_us = (15 * step + i) * KG_US_PER_S, took_us;
			struct kg_sim_link_packet *packet;

			send_from(&f, now_us, ANYONE);
			packet = next(&f);
			took_us = packet->at_us - now_us;
			free(packet);
			assert_true(i == 1 || took_us == first_us);
			first_us = took_us;
		}
		least_us = KG_MIN(least_us, first_us);
		most_us = KG_MAX(most_us, first_us);
	}
	assert_in_range(least_us, 1000, 5000);
	assert_in_range(most_us, 17000, 21000);
	end(&f);
}

/* Only what comes after a gap overtakes. */
static void flowlets_overtake_each_other(void **state)
{
	uint32_t overtaken = 0;
	struct fixture f;

	begin(&f, &(struct kg_sim_link_params){ .flowlet_us = 1000, .detour_us = 5000 });
	for (uint64_t i = 0; i < 1000; i++) {
		struct kg_sim_link_packet *packets[4];

		for (uint64_t k = 0; k < 4; k++)
			send_from(&f, i * 2000 + k * 100, ANYONE);
		for (int k = 0; k < 4; k++) {
			packets[k] = next(&f);
			overtaken += packets[k]->at_us >= i * 2000 + 5000;
			assert_true(k == 0 || packets[k]->at_us == packets[k - 1]->at_us + 100);
		}
		for (int k = 0; k < 4; k++)
			free(packets[k]);
	}
	assert_in_range(overtaken, 4 * 430, 4 * 570);
	end(&f);
}

static void what_is_gathered_arrives_together(void **state)
{
	struct fixture f;

	begin(&f, &(struct kg_sim_link_params){ .delay_us = 100, .gather_us = 4000 });
	for (uint64_t i = 0; i < 8; i++)
		send_from(&f, i * 1000, ANYONE);
	for (uint64_t i = 0; i < 8; i++)
		expect_arrival(&f, i < 4 ? 4000 : 8000, 0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_serves_one_behind_another),
		cmocka_unit_test(a_queue_ends_by_packets_and_by_bytes),
		cmocka_unit_test(a_trace_gives_chances),
		cmocka_unit_test(codel_keeps_the_queue_short),
		cmocka_unit_test(codel_drops_faster_and_faster),
		cmocka_unit_test(bad_times_have_their_share_and_length),
		cmocka_unit_test(what_is_lost_behind_has_cost_time),
		cmocka_unit_test(a_policer_has_a_rate_and_a_burst),
		cmocka_unit_test(a_policer_may_count_hosts),
		cmocka_unit_test(a_penalty_box_is_left_as_another_flow),
		cmocka_unit_test(a_black_hole_takes_its_share_of_flows),
		cmocka_unit_test(the_way_steps),
		cmocka_unit_test(flowlets_overtake_each_other),
		cmocka_unit_test(what_is_gathered_arrives_together),
	};

	return cmocka_run_group_tests_name("sim_link", tests, NULL, NULL);
}
