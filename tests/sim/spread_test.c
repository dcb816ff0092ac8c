/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A carrier that caps each 5-tuple, or punishes it for being used, on a path that has more: one
 * transfer leaves on several 5-tuples at once (session/spread.h), and leaves those that are
 * punished (rate/ledger.h). Each way, between our ends and with a server that answers as an
 * original does, and every byte arrives. Prints what it sees.
 */
#include "session_rig.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

#define PATH_BPS    12500000u /* 100 Mbit/s */
#define CAP_BPS     2500000u  /* 20 Mbit/s of a 5-tuple */
#define CRAWL_BPS   8000u
#define WAY_US      20000u
#define QUEUE_US    25000u
#define BURST_BYTES 64000u
#define PIECE_BYTES 1100u
#define PORTS       50u
#define WARM_US     SEC(2)
#define RUN_US      SEC(22)

struct world {
	struct rig rig;
	struct kg_channel *channels[2];
	enum kg_role sender;
	bool saying;
	uint64_t said, got; /* pieces */
	uint64_t warm_got;
	unsigned int hops[KG_HOP_REASONS];
	bool original;                    /* the server is one */
	struct kg_endpoint first, latest; /* where it has heard the channel */
};

static const struct kg_port_range server_ports = { 3000, 3000 + PORTS - 1 };

static struct world *world_of(struct rig *rig)
{
	return KG_CONTAINER_OF(rig, struct world, rig);
}

static struct world *world_at(void *host)
{
	return world_of(((struct rig_end *)host)->rig);
}

/* ---- applications ---- */

static void say(struct world *w)
{
	struct rig_end *end = &w->rig.ends[w->sender];
	uint16_t rest = kg_session_rest_bytes(end->session);
	uint8_t bytes[PIECE_BYTES] = { 0 };
	struct kg_buf *chain;

	kg_store_le64(bytes, w->said++);
	chain = kg_buf_chain_copy(&end->host.pool.pool, bytes, sizeof(bytes),
				  rest - KG_MESSAGE_KIND_BYTES, rest);
	assert_non_null(chain);
	assert_true(kg_channel_send(w->channels[w->sender], chain, w->rig.now_us));
}

static void talk(struct rig *rig)
{
	struct world *w = world_of(rig);
	struct kg_channel *ch = w->channels[w->sender];

	while (w->saying && ch != NULL && kg_channel_room(ch) > 0)
		say(w);
}

static void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct world *w = world_at(host);

	w->channels[KG_ROLE_SERVER] = ch;
	kg_channel_connected(ch, w->rig.now_us);
}

/* Every piece comes, in order, whole. */
static void on_readable(void *host, struct kg_channel *ch)
{
	struct world *w = world_at(host);
	uint8_t bytes[PIECE_BYTES];
	struct kg_buf *chain;

	while ((chain = kg_channel_recv(ch, w->rig.now_us)) != NULL) {
		assert_int_equal(kg_buf_chain_gather(chain, bytes), PIECE_BYTES);
		kg_buf_free_chain(chain);
		assert_int_equal(kg_load_le64(bytes), w->got);
		w->got++;
	}
}

static void on_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	fail_msg("closed: %s", kg_close_name(why));
}

static void on_hopped(void *host, const struct kg_tuple *from, const struct kg_tuple *to,
		      unsigned int reason)
{
	world_at(host)->hops[reason]++;
}

static const struct kg_session_ops ops = {
	.connect = on_connect,
	.readable = on_readable,
	.closed = on_closed,
	.hopped = on_hopped,
};

/* ---- wire ---- */

/* The wire of an original server: its channel is in one place for all that it knows, and what it
 * says goes where it has heard something last, whatever it was. */
static bool is_of_channel(const uint8_t *bytes)
{
	return kg_load_le32(bytes) != 0; /* conv */
}

static void hears(struct rig *rig, int role, struct kg_datagram *in)
{
	struct world *w = world_of(rig);

	if (role != KG_ROLE_SERVER || !is_of_channel(in->data))
		return;
	if (w->first.port == 0)
		w->first = in->remote;
	w->latest = in->remote;
	in->remote = w->first;
}

static bool sends(struct rig *rig, int role, struct kg_datagram *out)
{
	if (role == KG_ROLE_SERVER && is_of_channel(out->data))
		out->remote = world_of(rig)->latest;
	return true;
}

/* ---- life ---- */

struct carrier {
	const char *name;
	uint64_t cap_Bps, penalty_Bps;
	uint32_t holes; /* of the 5-tuples that it drops, in parts of 65,536 */
};

struct setting {
	const char *name;
	uint8_t spread;
	uint32_t hop_s;
	bool original;
};

static void configure(struct world *w, const struct setting *setting)
{
	for (int role = 0; role < 2; role++) {
		struct kg_session_config *config = &w->rig.ends[role].config;

		config->kcp.rate_auto = true;
		config->capabilities =
			w->original ? 0 : KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_PLACES;
		config->destination_ports = &server_ports;
	}
	w->rig.ends[KG_ROLE_CLIENT].config.hop_min_s = setting->hop_s;
	w->rig.ends[KG_ROLE_CLIENT].config.hop_max_s = setting->hop_s;
	w->rig.ends[KG_ROLE_CLIENT].config.spread = setting->spread;
}

static void begin(struct world *w, const struct carrier *carrier, const struct setting *setting,
		  enum kg_role sender)
{
	const struct kg_sim_link_params there = {
		.delay_us = WAY_US,
		.jitter_us = 100,
		.in_order = true,
		.police = { .key = KG_SIM_BY_TUPLE,
			    .rate_Bps = carrier->cap_Bps,
			    .burst_bytes = BURST_BYTES,
			    .penalty_Bps = carrier->penalty_Bps,
			    .crawl_Bps = CRAWL_BPS },
		.rate_Bps = PATH_BPS,
		.queue_us = QUEUE_US,
		.overhead_bytes = RIG_OVERHEAD,
	};

	*w = (struct world){ .sender = sender, .original = setting->original };
	rig_init(&w->rig, talk);
	if (w->original) {
		w->rig.hears = hears;
		w->rig.sends = sends;
	}
	configure(w, setting);
	rig_begin_end(&w->rig, KG_ROLE_SERVER, &there, ops);
	rig_begin_end(&w->rig, KG_ROLE_CLIENT, &there, ops);
	w->channels[KG_ROLE_CLIENT] = kg_session_open(w->rig.ends[KG_ROLE_CLIENT].session,
						      KG_PROTOCOL_TCP, NULL, NULL, w->rig.now_us);
	assert_non_null(w->channels[KG_ROLE_CLIENT]);
	rig_pass(&w->rig, SEC(1) / 2);
	assert_non_null(w->channels[KG_ROLE_SERVER]);
}

/* ---- what came of it ---- */

struct outcome {
	double used;
	unsigned int live, left;
	uint64_t tests;
};

static uint64_t tests_of(struct world *w)
{
	struct kg_session_stats stats;

	kg_session_get_stats(w->rig.ends[KG_ROLE_CLIENT].session, &stats);
	return stats.path_tests;
}

static unsigned int live_paths(struct world *w)
{
	struct kg_session *s = w->rig.ends[KG_ROLE_CLIENT].session;
	struct kg_path_info info;
	unsigned int live = 0;

	kg_session_path_tour_begin(s);
	while (kg_session_path_tour_next(s, &info, w->rig.now_us))
		live += strcmp(info.state, "live") == 0 || strcmp(info.state, "current") == 0;
	return live;
}

static struct outcome run(const struct carrier *carrier, const struct setting *setting,
			  enum kg_role sender)
{
	static struct world w;
	const struct kg_sim_link *link = &w.rig.ends[sender].link;
	uint64_t bytes;
	struct outcome o;

	begin(&w, carrier, setting, sender);
	for (int role = 0; role < 2; role++) /* of those that are to come */
		w.rig.ends[role].link.params.police.dropped_flows = carrier->holes;
	w.saying = true;
	rig_pass(&w.rig, WARM_US);
	w.warm_got = w.got;
	rig_pass(&w.rig, RUN_US - WARM_US);
	bytes = (w.got - w.warm_got) * (PIECE_BYTES + 1 + KG_KCP_HEADER_BYTES + RIG_OVERHEAD);
	o = (struct outcome){
		.used = (double)bytes / ((double)(RUN_US - WARM_US) / 1e6 * PATH_BPS),
		.live = live_paths(&w),
		.left = w.hops[KG_HOP_PENALTY] + w.hops[KG_HOP_BLOCKED],
		.tests = tests_of(&w),
	};
	w.saying = false;
	rig_pass(&w.rig, SEC(30));
	assert_int_equal(w.got, w.said);
	printf("%-8s %-12s %-8s %.3f of the path, %u 5-tuples, %u left, %u by time; lost: %.4f "
	       "policed, %.4f queue\n",
	       carrier->name, setting->name, sender == KG_ROLE_CLIENT ? "up" : "down", o.used,
	       o.live, o.left, w.hops[KG_HOP_TIMER], (double)link->policed / (double)link->sent,
	       (double)link->overflowed / (double)link->sent);
	rig_fini(&w.rig);
	return o;
}

static const struct carrier cap = { "cap", .cap_Bps = CAP_BPS };
static const struct carrier penalty = { "penalty", .penalty_Bps = CAP_BPS };
static const struct setting alone = { "timer 30 s", .hop_s = 30 };
static const struct carrier holes = { "holes", .cap_Bps = CAP_BPS, .holes = 65536 / 4 };
static const struct carrier strict = { "strict", .penalty_Bps = PATH_BPS / 100 };
static const struct setting one_by_one = { "spread 1", .spread = 1, .hop_s = 30 };
static const struct setting four = { "spread 4", .spread = 4, .hop_s = 30 };
static const struct setting eight = { "spread 8", .spread = 8, .hop_s = 30 };
static const struct setting original = { "original, 8", .spread = 8, .hop_s = 30,
					 .original = true };

static void a_cap_is_one_of_many(void **state)
{
	for (int sender = 0; sender < 2; sender++) {
		struct outcome one = run(&cap, &alone, sender), many = run(&cap, &eight, sender),
			       towards = run(&cap, &original, sender);

		assert_true(one.used < 0.25);
		assert_true(many.used >= 0.9);
		assert_true(many.live <= 8);
		assert_true(towards.used >= 0.9);
		assert_true(towards.live <= 8);
	}
}

static void a_penalty_is_not_met(void **state)
{
	for (int sender = 0; sender < 2; sender++) {
		struct outcome one = run(&penalty, &alone, sender),
			       many = run(&penalty, &eight, sender),
			       towards = run(&penalty, &original, sender);

		assert_true(one.used < 0.5);
		assert_true(many.used >= 0.9);
		assert_true(many.live <= 8);
		assert_true(towards.used >= 0.9);
		assert_true(towards.live <= 8);
	}
}

/* Four have 25 Mbit/s each, and one alone all of it: it is punished after five seconds, and left.
 */
static void who_is_punished_is_left(void **state)
{
	for (int sender = 0; sender < 2; sender++) {
		struct outcome timer = run(&penalty, &alone, sender),
			       one = run(&penalty, &one_by_one, sender),
			       some = run(&penalty, &four, sender);

		assert_true(one.left >= 3);
		assert_true(one.used > timer.used + 0.2);
		assert_true(one.live <= 2);
		assert_true(some.used > timer.used + 0.2);
		assert_true(some.live <= 4);
	}
}

/* What does not answer a test is not used. */
static void a_hole_is_not_stepped_into(void **state)
{
	struct outcome many = run(&holes, &eight, KG_ROLE_CLIENT);

	assert_true(many.used >= 0.85);
	assert_true(many.live <= 8);
}

/* Each is punished as soon as it can be: then they are tried one after the other, and not in a
 * storm. */
static void where_nothing_helps_nothing_storms(void **state)
{
	struct outcome many = run(&strict, &eight, KG_ROLE_CLIENT);

	assert_true(many.left > 8);
	assert_in_range(many.tests, 8, 16 + RUN_US / SEC(3) + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cap_is_one_of_many),
		cmocka_unit_test(a_penalty_is_not_met),
		cmocka_unit_test(who_is_punished_is_left),
		cmocka_unit_test(a_hole_is_not_stepped_into),
		cmocka_unit_test(where_nothing_helps_nothing_storms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
