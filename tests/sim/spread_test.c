/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A carrier that caps each 5-tuple, or punishes it for being used, on a path that has more: one
 * transfer leaves on several 5-tuples at once (session/spread.h), and leaves those that are
 * punished (rate/ledger.h). Each way, between our ends and with an original's server, and every
 * byte arrives. Prints what it sees.
 *
 * With "table" and a number of seeds it is what scripts/spread_table.py makes a table of.
 */
#include "stock_server.h"

#include <stdio.h>

#include "net/frame.h"

#define PATH_BPS      12500000u /* 100 Mbit/s */
#define CAP_BPS       2500000u  /* 20 Mbit/s of a 5-tuple */
#define CRAWL_BPS     8000u
#define WAY_US        20000u
#define QUEUE_US      25000u
#define BURST_BYTES   64000u
#define PIECE_BYTES   1100u
#define PORTS         50u
#define WIDE          (PAIR_MTU + KG_IPV4_BYTES + KG_UDP_BYTES)
#define RUN_US        SEC(20)
#define FIRST_US      SEC(5)
#define BUSY_EVERY_US 50000u
#define LATE_S        120u /* later than that all has come; an original takes long pauses */

struct world {
	struct rig rig;
	struct kg_channel *channels[2];
	enum kg_role sender;
	bool saying;
	uint64_t said, got;                          /* pieces */
	unsigned int hops[KG_HOP_REASONS], policers; /* that were told */
	bool original;                               /* the server is one: */
	struct stock_server stock;
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

static void get(struct world *w, const uint8_t *piece)
{
	assert_int_equal(kg_load_le64(piece), w->got);
	w->got++;
}

static void talk_to_original(struct world *w)
{
	const uint8_t *piece;

	while ((piece = stock_server_read(&w->stock)) != NULL)
		get(w, piece);
	for (; w->saying && w->sender == KG_ROLE_SERVER && stock_server_room(&w->stock) > 0;
	     w->said++)
		stock_server_say(&w->stock);
	w->rig.talk_us = stock_server_update(&w->stock);
}

static void talk(struct rig *rig)
{
	struct world *w = world_of(rig);
	struct kg_channel *ch = w->channels[w->sender];

	if (w->original && rig_runs(rig, KG_ROLE_SERVER))
		talk_to_original(w);
	if ((w->original && w->sender == KG_ROLE_SERVER) || !rig_runs(rig, w->sender))
		return;
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
		get(w, bytes);
	}
}

/* An original's channel is elsewhere. */
static void on_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	struct world *w = world_at(host);

	if (!w->original || ch != w->channels[KG_ROLE_SERVER])
		fail_msg("closed: %s", kg_close_name(why));
}

static void on_hopped(void *host, const struct kg_tuple *from, const struct kg_tuple *to,
		      unsigned int reason)
{
	world_at(host)->hops[reason]++;
}

static void on_policed(void *host, const struct kg_tuple *at, uint64_t limit_Bps)
{
	assert_in_range(limit_Bps, 1, PATH_BPS);
	world_at(host)->policers++;
}

static const struct kg_session_ops ops = {
	.connect = on_connect,
	.readable = on_readable,
	.closed = on_closed,
	.hopped = on_hopped,
	.policed = on_policed,
};

/* ---- wire ---- */

static bool hears(struct rig *rig, int role, struct kg_datagram *in)
{
	struct world *w = world_of(rig);

	if (!w->original || role != KG_ROLE_SERVER || !stock_server_is_channel(in->data))
		return true;
	stock_server_hear(&w->stock, in);
	return false;
}

/* What the session beside an original would say of its channel. */
static bool sends(struct rig *rig, int role, struct kg_datagram *out)
{
	return !world_of(rig)->original || role != KG_ROLE_SERVER ||
	       !stock_server_is_channel(out->data);
}

/* ---- life ---- */

struct carrier {
	const char *name;
	uint64_t cap_Bps, penalty_Bps;
	uint32_t holes; /* of the 5-tuples that it drops, in parts of 65,536 */
	uint32_t free;  /* that it does not cap, likewise */
	uint16_t loss;  /* whatever the 5-tuple, likewise */
};

struct setting {
	const char *name;
	uint8_t spread;
	uint32_t hop_s;
	uint16_t rcv_wnd; /* the client's; 0: it sets itself */
	bool original;
	uint32_t busy_us;  /* processes have no CPU for so long at most; 0: they always have it */
	uint32_t mixed_us; /* what leaves the server within that time comes in any order */
	bool at_once;      /* all is said before it is known what size of packets passes */
};

static void configure(struct world *w, const struct setting *setting)
{
	struct kg_session_config *client = &w->rig.ends[KG_ROLE_CLIENT].config;

	for (int role = 0; role < 2; role++) {
		struct kg_session_config *config = &w->rig.ends[role].config;

		config->kcp.rate_auto = true;
		config->capabilities =
			w->original ? 0 : KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_PLACES;
		config->destination_ports = &server_ports;
	}
	client->path_mtu_max = setting->at_once ? WIDE : 0;
	client->hop_min_s = client->hop_max_s = setting->hop_s;
	client->spread = setting->spread;
	if (setting->rcv_wnd == 0)
		return;
	client->kcp.rcv_wnd = setting->rcv_wnd;
	client->kcp.rcv_grows = false;
}

/* As preset regular3 has it. */
static void begin_original(struct world *w)
{
	const struct kg_kcp_params params = {
		.mtu = PAIR_MTU,
		.snd_wnd = 1024,
		.rcv_wnd = 1024,
		.interval_ms = 1,
		.resend = 2,
		.nc = true,
	};

	stock_server_init(&w->stock, &w->rig, &params, PIECE_BYTES);
}

static void begin(struct world *w, const struct carrier *carrier, const struct setting *setting,
		  enum kg_role sender, uint64_t seed)
{
	const struct kg_sim_link_params there = {
		.delay_us = WAY_US,
		.jitter_us = 100,
		.in_order = true,
		.loss = carrier->loss,
		.police = { .key = KG_SIM_BY_TUPLE,
			    .rate_Bps = carrier->cap_Bps,
			    .burst_bytes = BURST_BYTES,
			    .free_flows = carrier->free,
			    .penalty_Bps = carrier->penalty_Bps,
			    .crawl_Bps = CRAWL_BPS },
		.rate_Bps = PATH_BPS,
		.queue_us = QUEUE_US,
		.overhead_bytes = RIG_OVERHEAD,
	};
	struct kg_sim_link_params back = there;

	if (setting->mixed_us > 0) {
		back.jitter_us = setting->mixed_us;
		back.in_order = false;
	}
	memset(w, 0, sizeof(*w));
	w->sender = sender;
	w->original = setting->original;
	rig_init(&w->rig, seed, talk);
	w->rig.busy_us = setting->busy_us;
	w->rig.busy_every_us = BUSY_EVERY_US;
	w->rig.hears = hears;
	w->rig.sends = sends;
	configure(w, setting);
	begin_original(w);
	rig_begin_end(&w->rig, KG_ROLE_SERVER, &back, ops);
	rig_begin_end(&w->rig, KG_ROLE_CLIENT, &there, ops);
	w->channels[KG_ROLE_CLIENT] = kg_session_open(w->rig.ends[KG_ROLE_CLIENT].session,
						      KG_PROTOCOL_TCP, NULL, NULL, w->rig.now_us);
	assert_non_null(w->channels[KG_ROLE_CLIENT]);
	if (setting->at_once)
		return;
	rig_pass(&w->rig, SEC(1) / 2);
	assert_non_null(w->channels[KG_ROLE_SERVER]);
}

static void end(struct world *w)
{
	stock_server_fini(&w->stock);
	rig_fini(&w->rig);
}

/* ---- what came of it ---- */

/* Parts of the path that were used, with the beginning; lost: parts of what was sent. */
struct outcome {
	double used, first; /* of all the time, and of the first FIRST_US */
	double policed, overflowed;
	unsigned int live, left; /* 5-tuples; left because of a verdict */
	unsigned int policers;
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

static double part(uint64_t pieces, uint64_t us)
{
	uint64_t bytes =
		pieces * (PIECE_BYTES + KG_MESSAGE_KIND_BYTES + KG_KCP_HEADER_BYTES + RIG_OVERHEAD);

	return (double)bytes / ((double)us / 1e6 * PATH_BPS);
}

static void transfer(struct world *w, struct outcome *o)
{
	const struct kg_sim_link *link = &w->rig.ends[w->sender].link;
	bool spread = w->rig.ends[KG_ROLE_CLIENT].config.spread > 0;

	w->saying = true;
	rig_pass(&w->rig, FIRST_US);
	o->first = part(w->got, FIRST_US);
	rig_pass(&w->rig, RUN_US - FIRST_US);
	o->used = part(w->got, RUN_US);
	o->live = live_paths(w);
	o->left = w->hops[KG_HOP_PENALTY] + w->hops[KG_HOP_BLOCKED];
	o->policers = w->policers;
	o->tests = tests_of(w);
	o->policed = (double)link->policed / (double)link->sent;
	o->overflowed = (double)link->overflowed / (double)link->sent;
	w->saying = false;
	for (unsigned int i = 0; i < LATE_S && w->got < w->said; i++)
		rig_pass(&w->rig, SEC(1));
	if (!w->original || w->sender == KG_ROLE_CLIENT || spread) /* else an original's crawls */
		assert_int_equal(w->got, w->said);
}

static struct outcome run_seed(const struct carrier *carrier, const struct setting *setting,
			       enum kg_role sender, uint64_t seed)
{
	static struct world w;
	struct outcome o;

	begin(&w, carrier, setting, sender, seed);
	for (int role = 0; role < 2; role++) /* of those that are to come */
		w.rig.ends[role].link.params.police.dropped_flows = carrier->holes;
	transfer(&w, &o);
	end(&w);
	printf("%-8s %-14s %-8s %-4s seed %2u: %.3f of the path, %.3f in the first 5 s; %u "
	       "5-tuples, "
	       "%u left; lost: %.4f policed, %.4f queue\n",
	       carrier->name, setting->name, setting->original ? "original" : "ours",
	       sender == KG_ROLE_CLIENT ? "up" : "down", (unsigned int)seed, o.used, o.first,
	       o.live, o.left, o.policed, o.overflowed);
	return o;
}

static struct outcome run(const struct carrier *carrier, const struct setting *setting,
			  enum kg_role sender)
{
	return run_seed(carrier, setting, sender, 1);
}

static const struct carrier open_road = { "none" };
static const struct carrier cap = { "cap", .cap_Bps = CAP_BPS };
static const struct carrier penalty = { "penalty", .penalty_Bps = CAP_BPS };
static const struct carrier lossy_cap = { "lossy", .cap_Bps = CAP_BPS, .loss = 65536 / 1000 };
static const struct setting alone = { "timer 30 s", .hop_s = 30 };
static const struct carrier holes = { "holes", .cap_Bps = CAP_BPS, .holes = 65536 / 4 };
static const struct carrier unequal = { "unequal", .cap_Bps = CAP_BPS / 4, .free = 65536 / 2 };
static const struct carrier strict = { "strict", .penalty_Bps = PATH_BPS / 100 };
static const struct setting one_by_one = { "spread 1", .spread = 1, .hop_s = 30 };
static const struct setting four = { "spread 4", .spread = 4, .hop_s = 30 };
static const struct setting eight = { "spread 8", .spread = 8, .hop_s = 30 };
static const struct setting alone_to_original = { "timer 30 s", .hop_s = 30, .original = true };
static const struct setting eight_to_original = { "spread 8", .spread = 8, .hop_s = 30,
						  .original = true };

static void most_of_it_is_used(const struct carrier *carrier, const struct setting *with,
			       const struct setting *without, enum kg_role sender)
{
	struct outcome one = run(carrier, without, sender), many = run(carrier, with, sender);

	assert_true(one.used < 0.5);
	assert_true(many.used >= 0.9);
	assert_true(many.live <= 8);
}

/* A test takes a round trip, and a window fills the path in a few. */
static void others_come_as_soon_as_much_passes(void **state)
{
	static struct world w;

	for (int sender = 0; sender < 2; sender++) {
		begin(&w, &cap, &eight, sender, 1);
		rig_pass(&w.rig, SEC(3));
		w.saying = true;
		rig_pass(&w.rig, 6 * WAY_US);
		assert_true(live_paths(&w) >= 8);
		end(&w);
	}
}

static void a_cap_is_one_of_many(void **state)
{
	for (int sender = 0; sender < 2; sender++) {
		most_of_it_is_used(&cap, &eight, &alone, sender);
		most_of_it_is_used(&cap, &eight_to_original, &alone_to_original, sender);
	}
}

static void a_penalty_is_not_met(void **state)
{
	for (int sender = 0; sender < 2; sender++) {
		most_of_it_is_used(&penalty, &eight, &alone, sender);
		most_of_it_is_used(&penalty, &eight_to_original, &alone_to_original, sender);
	}
}

/* Four have 25 Mbit/s each, and one alone all of it: they are punished after five seconds, and
 * left. While that is found out there is one more, which tells. */
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
		assert_true(some.live <= 4 + 1);
	}
}

/* What does not answer a test is not used. */
static void a_hole_is_not_stepped_into(void **state)
{
	struct outcome many = run(&holes, &eight, KG_ROLE_CLIENT);

	assert_true(many.used >= 0.85);
	assert_true(many.live <= 8);
}

/* Who has a policer that others do not have sends what that lets pass, and the others the rest. */
static void who_is_policed_alone_has_less_to_send(void **state)
{
	struct outcome many = run(&unequal, &eight, KG_ROLE_CLIENT);

	assert_true(many.used >= 0.9);
	assert_true(many.policers > 0);
	assert_true(many.policed < 0.03);
}

/* What an original has under way beyond a hole, and may send when it is filled, is no burst. */
static void a_loss_is_no_burst(void **state)
{
	struct outcome many = run(&lossy_cap, &eight_to_original, KG_ROLE_SERVER);

	assert_true(many.used >= 0.85);
	assert_true(many.policed < 0.01);
}

/* An original encrypts on several threads, so what it sends overtakes what it has sent before. */
static void what_comes_in_any_order_is_not_lost(void **state)
{
	static const uint32_t mixed_us[] = { 300, 3000 };
	struct setting setting = eight_to_original;

	for (size_t i = 0; i < KG_ARRAY_SIZE(mixed_us); i++) {
		setting.mixed_us = mixed_us[i];
		assert_true(run(&penalty, &setting, KG_ROLE_SERVER).used >= 0.9);
	}
}

/* Processes that have no CPU for some milliseconds now and then, each of them and the wire. */
static void a_busy_machine_is_no_narrow_path(void **state)
{
	static const struct {
		uint32_t busy_us;
		double used;
	} cases[] = { { 5000, 0.92 }, { 10000, 0.75 } };
	struct setting setting = eight_to_original;

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		setting.busy_us = cases[i].busy_us;
		for (unsigned int seed = 1; seed <= 3; seed++)
			assert_true(run_seed(&penalty, &setting, KG_ROLE_SERVER, seed).used >=
				    cases[i].used);
	}
}

/* Data begins in these, three for a piece, and each takes a third of a path of what a long one
 * does. */
static void short_segments_are_no_measure(void **state)
{
	struct setting setting = { "at once", .at_once = true };

	for (unsigned int way = 0; way < 4; way++) {
		setting.original = way & 1;
		setting.spread = way & 2 ? 8 : 0;
		for (unsigned int seed = 1; seed <= 6; seed++) {
			struct outcome o = run_seed(&open_road, &setting, KG_ROLE_CLIENT, seed);

			assert_true(o.used >= 0.97);
			assert_true(o.overflowed <= 0.01);
		}
	}
}

/* Each is punished as soon as it can be: then they are tried one after the other, and not in a
 * storm. */
static void where_nothing_helps_nothing_storms(void **state)
{
	struct outcome many = run(&strict, &eight, KG_ROLE_CLIENT);

	assert_true(many.left > 8);
	assert_in_range(many.tests, 8, 16 + RUN_US / SEC(3) + 8);
}

/* ---- the table ---- */

static unsigned int seeds;

static void table(void **state)
{
	static const struct carrier *const carriers[] = { &open_road, &cap, &penalty };
	static const struct setting *const settings[] = { &alone, &eight, &alone_to_original,
							  &eight_to_original };

	for (size_t c = 0; c < KG_ARRAY_SIZE(carriers); c++) {
		for (size_t s = 0; s < KG_ARRAY_SIZE(settings); s++) {
			for (unsigned int i = 0; i < 2 * seeds; i++)
				run_seed(carriers[c], settings[s], i / seeds, i % seeds + 1);
		}
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_come_as_soon_as_much_passes),
		cmocka_unit_test(a_cap_is_one_of_many),
		cmocka_unit_test(a_penalty_is_not_met),
		cmocka_unit_test(who_is_punished_is_left),
		cmocka_unit_test(a_hole_is_not_stepped_into),
		cmocka_unit_test(who_is_policed_alone_has_less_to_send),
		cmocka_unit_test(a_loss_is_no_burst),
		cmocka_unit_test(what_comes_in_any_order_is_not_lost),
		cmocka_unit_test(a_busy_machine_is_no_narrow_path),
		cmocka_unit_test(short_segments_are_no_measure),
		cmocka_unit_test(where_nothing_helps_nothing_storms),
	};

	const struct CMUnitTest tables[] = { cmocka_unit_test(table) };

	if (argc != 3 || strcmp(argv[1], "table") != 0)
		return cmocka_run_group_tests(tests, NULL, NULL);
	seeds = (unsigned int)atoi(argv[2]);
	return cmocka_run_group_tests(tables, NULL, NULL);
}
