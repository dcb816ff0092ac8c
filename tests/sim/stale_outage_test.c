/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Speech with a deadline on a path that passes nothing for a while: 40 ms, out for a second up to
 * five, in either direction or both, with a channel for each talker, at either end. When the path
 * is back what is new arrives soon, and all of it, whatever was lost (docs/kcp.md §7.3). Prints
 * what it sees.
 */
#include "session_rig.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/bytes.h"
#include "rate/rate.h"

#define TALKERS_MAX   64u
#define WAY_US        20000u
#define WORD_BYTES    100u
#define WORD_EVERY_US 20000u
#define DEADLINE_MS   200u
#define OUT_US        SEC(3) /* since the beginning */
#define AFTER_US      SEC(8)
#define TRY_US        250000u
#define GRAIN_US      10000u
#define ALL_US        (6 * WAY_US)

struct world {
	struct rig rig;
	uint64_t back_us; /* the path is */
	enum kg_role talker;
	unsigned int talkers;
	struct kg_channel *channels[TALKERS_MAX]; /* the talkers' */
	uint32_t said[TALKERS_MAX], heard[TALKERS_MAX];
	uint32_t first_us[TALKERS_MAX]; /* of each, since then: a word came; 0: none */
	uint32_t all_us[TALKERS_MAX];   /* from when on none is missing */
	unsigned int accepted;
};

static struct world *world_of(struct rig *rig)
{
	return KG_CONTAINER_OF(rig, struct world, rig);
}

static struct world *world_at(void *host)
{
	return world_of(((struct rig_end *)host)->rig);
}

/* ---- applications: a word says who says it, and which it is ---- */

static void say(struct world *w, uint32_t who)
{
	uint8_t bytes[WORD_BYTES] = { 0 };
	struct rig_end *end = &w->rig.ends[w->talker];
	uint16_t rest = kg_session_rest_bytes(end->session);
	struct kg_buf *chain;

	kg_store_le32(bytes, who);
	kg_store_le32(bytes + 4, w->said[who]++);
	chain = kg_buf_chain_copy(&end->host.pool.pool, bytes, sizeof(bytes),
				  rest - KG_MESSAGE_KIND_BYTES, rest);
	assert_non_null(chain);
	assert_true(kg_channel_send(w->channels[who], chain, w->rig.now_us));
}

static void talk(struct rig *rig)
{
}

static void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct world *w = world_at(host);

	if (w->talker == KG_ROLE_SERVER)
		w->channels[w->accepted++] = ch;
	kg_channel_connected(ch, w->rig.now_us);
}

static void hear(struct world *w, uint32_t who, uint32_t nth)
{
	uint32_t since_us = (uint32_t)(w->rig.now_us - w->back_us);

	if (w->rig.now_us >= w->back_us && w->first_us[who] == 0)
		w->first_us[who] = since_us;
	if (w->rig.now_us >= w->back_us && nth != w->heard[who])
		w->all_us[who] = since_us;
	w->heard[who] = nth + 1;
}

static void on_readable(void *host, struct kg_channel *ch)
{
	struct world *w = world_at(host);
	struct kg_buf *chain;
	uint8_t bytes[WORD_BYTES];

	while ((chain = kg_channel_recv(ch, w->rig.now_us)) != NULL) {
		kg_buf_chain_gather(chain, bytes);
		kg_buf_free_chain(chain);
		hear(w, kg_load_le32(bytes), kg_load_le32(bytes + 4));
	}
}

static const struct kg_session_ops ops = {
	.connect = on_connect,
	.readable = on_readable,
	.closed = rig_on_closed,
};

/* ---- life ---- */

struct outage {
	enum kg_role talker;
	unsigned int talkers;
	uint32_t ms;
	unsigned int ways; /* 1: from the talkers, 2: to them, 3: both */
	enum kg_rate_kind kind;
	bool arrival;
};

static void begin(struct world *w, const struct outage *o)
{
	*w = (struct world){ .talker = o->talker, .talkers = o->talkers };
	rig_init(&w->rig, 1, talk);
	w->back_us = w->rig.now_us + OUT_US + o->ms * (uint64_t)KG_US_PER_MS;
	for (int role = KG_ROLE_SERVER; role >= 0; role--) {
		struct kg_session_config *config = &w->rig.ends[role].config;
		struct kg_sim_link_params link = { .delay_us = WAY_US,
						   .overhead_bytes = RIG_OVERHEAD };

		config->channels_max = 2 * TALKERS_MAX;
		config->kcp.rate_auto = true;
		config->kcp.rate_kind = o->kind;
		config->udp_deadline_ms = DEADLINE_MS;
		config->udp_arrival = o->arrival;
		if ((o->ways & (role == (int)o->talker ? 1u : 2u)) != 0) {
			link.holes[0].from_us = w->rig.now_us + OUT_US;
			link.holes[0].to_us = w->back_us;
		}
		rig_begin_end(&w->rig, role, &link, ops);
	}
}

static void open_channels(struct world *w)
{
	for (uint32_t who = 0; who < w->talkers; who++) {
		struct kg_channel *ch = kg_session_open(w->rig.ends[KG_ROLE_CLIENT].session,
							KG_PROTOCOL_UDP, NULL, NULL, w->rig.now_us);

		assert_non_null(ch);
		if (w->talker == KG_ROLE_CLIENT)
			w->channels[who] = ch;
	}
	rig_pass(&w->rig, SEC(1));
}

static void speak(struct world *w, uint64_t end_us)
{
	while (w->rig.now_us < end_us) {
		for (uint32_t who = 0; who < w->talkers; who++)
			say(w, who);
		rig_pass(&w->rig, WORD_EVERY_US);
	}
}

static uint32_t longest(const struct world *w, const uint32_t *us)
{
	uint32_t most = 0;

	for (uint32_t who = 0; who < w->talkers; who++)
		most = KG_MAX(most, us[who]);
	return most;
}

/* After the end of the outage: when the last of the talkers was heard again, and from when on all
 * that they say. */
struct outcome {
	uint32_t first_us, all_us;
	uint64_t sent; /* datagrams, during it */
};

static struct outcome be_out(const struct outage *o)
{
	static struct world w;
	const struct kg_sim_link *link = &w.rig.ends[o->talker].link;
	struct outcome out;
	uint64_t before;

	begin(&w, o);
	open_channels(&w);
	speak(&w, w.rig.began_us + OUT_US);
	before = link->sent;
	speak(&w, w.back_us);
	out.sent = link->sent - before;
	speak(&w, w.back_us + AFTER_US);
	for (uint32_t who = 0; who < o->talkers; who++)
		assert_int_not_equal(w.first_us[who], 0);
	out.first_us = longest(&w, w.first_us);
	out.all_us = longest(&w, w.all_us);
	printf("%2u talkers at the %s, out for %u ms, ways %u, kind %d, %s: the first word after"
	       " %.0f ms, all after %.0f ms; %llu datagrams sent in vain\n",
	       o->talkers, o->talker == KG_ROLE_CLIENT ? "client" : "server", o->ms, o->ways,
	       o->kind, o->arrival ? "as they arrive" : "in sequence", out.first_us / 1e3,
	       out.all_us / 1e3, (unsigned long long)out.sent);
	rig_fini(&w.rig);
	return out;
}

/* After a try, which where many talk each makes the less often, and its way. */
static void expect_soon(const struct outage *o)
{
	uint32_t tries = KG_MAX(o->talkers / 16, 1u);
	struct outcome out = be_out(o);

	assert_true(out.first_us <= tries * TRY_US + WAY_US + GRAIN_US);
	assert_true(out.all_us <= tries * TRY_US + ALL_US);
	assert_true(out.sent * KG_US_PER_MS <=
		    (uint64_t)o->talkers * o->ms * KG_US_PER_S / WORD_EVERY_US);
}

/* However long ago the oldest of it went last. */
static void what_is_new_does_not_wait_for_what_was_lost(void **state)
{
	static const uint32_t outages_ms[] = { 1000, 1307, 1910, 2000, 4070, 4870, 5000 };
	static const unsigned int talkers[] = { 1, 8, 64 };

	for (size_t i = 0; i < KG_ARRAY_SIZE(outages_ms); i++) {
		for (size_t j = 0; j < KG_ARRAY_SIZE(talkers); j++) {
			struct outage o = { KG_ROLE_SERVER,    talkers[j], outages_ms[i], 0,
					    KG_RATE_FOUND_OUT, true };

			for (o.ways = 1; o.ways <= 3; o.ways++)
				expect_soon(&o);
		}
	}
}

/* Whose time-outs alone ask whether it is there. */
static void nor_where_the_rate_yields_to_others(void **state)
{
	struct outage o = { KG_ROLE_SERVER, 8, 4070, 0, KG_RATE_SCAVENGER, true };

	for (o.ways = 1; o.ways <= 3; o.ways++)
		expect_soon(&o);
}

static void nor_at_a_client_nor_in_sequence(void **state)
{
	struct outage o = { KG_ROLE_CLIENT, 8, 5000, 0, KG_RATE_FOUND_OUT, false };

	for (o.ways = 1; o.ways <= 3; o.ways++)
		expect_soon(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_new_does_not_wait_for_what_was_lost),
		cmocka_unit_test(nor_where_the_rate_yields_to_others),
		cmocka_unit_test(nor_at_a_client_nor_in_sequence),
	};

	return cmocka_run_group_tests_name("stale_outage", tests, NULL, NULL);
}
