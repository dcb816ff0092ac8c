/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One rate for all channels to a peer (session/permits.c): uploads that fill a line of 50 Mbit/s
 * and 40 ms with half a second of dumb queue, and one beside them who says 100 bytes now and then.
 * He hardly waits, the uploads have equal parts, and the line is full. And what the first channel
 * has learned of a path the next one knows. Prints what it sees.
 */
#include "session_rig.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/bytes.h"

#define UPLOADS       64u
#define LINE_BPS      6250000u
#define FAST_BPS      50000000u
#define FAST_LOSS     655u /* of 65,536 */
#define WAY_US        20000u
#define DUMB_US       500000u /* of queue */
#define SHORT_US      10000u
#define PIECE_BYTES   1100u
#define WORD_BYTES    100u
#define WORD_EVERY_US 25000u
#define WARM_US       SEC(8)
#define RUN_US        SEC(28)
#define WORDS         ((RUN_US - WARM_US) / WORD_EVERY_US + 8)

struct world {
	struct rig rig;
	unsigned int uploads;
	struct kg_channel *channels[UPLOADS + 1]; /* the client's; the last one is the talker */
	uint64_t got_bytes[UPLOADS];
	uint32_t words;
	uint32_t took_us[WORDS];
	uint32_t dead_conv; /* whose datagrams are lost; 0: none */
};

static struct world *world_of(struct rig *rig)
{
	return KG_CONTAINER_OF(rig, struct world, rig);
}

static struct world *world_at(void *host)
{
	return world_of(((struct rig_end *)host)->rig);
}

static bool is_warm(const struct world *w)
{
	return w->rig.now_us >= w->rig.began_us + WARM_US;
}

/* ---- applications: a message says who says it, and when ---- */

static void say(struct world *w, uint32_t who, uint16_t len)
{
	static uint8_t bytes[PIECE_BYTES];
	struct rig_end *client = &w->rig.ends[KG_ROLE_CLIENT];
	uint16_t rest = kg_session_rest_bytes(client->session);
	struct kg_buf *chain;

	kg_store_le32(bytes, who);
	kg_store_le64(bytes + 4, w->rig.now_us);
	chain = kg_buf_chain_copy(&client->host.pool.pool, bytes, len, rest - KG_MESSAGE_KIND_BYTES,
				  rest);
	assert_non_null(chain);
	assert_true(kg_channel_send(w->channels[who], chain, w->rig.now_us));
}

static void talk(struct rig *rig)
{
	struct world *w = world_of(rig);

	for (uint32_t who = 0; who < w->uploads; who++) {
		while (w->channels[who] != NULL && kg_channel_room(w->channels[who]) > 0)
			say(w, who, PIECE_BYTES);
	}
	if (rig->now_us < rig->talk_us || w->channels[UPLOADS] == NULL)
		return;
	say(w, UPLOADS, WORD_BYTES);
	rig->talk_us = rig->now_us + WORD_EVERY_US;
}

static void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	kg_channel_connected(ch, ((struct rig_end *)host)->rig->now_us);
}

static void note_word(struct world *w, uint64_t said_us)
{
	if (said_us < w->rig.began_us + WARM_US)
		return;
	assert_true(w->words < WORDS);
	w->took_us[w->words++] = (uint32_t)(w->rig.now_us - said_us);
}

static void on_readable(void *host, struct kg_channel *ch)
{
	struct world *w = world_at(host);
	struct kg_buf *chain;
	uint8_t bytes[PIECE_BYTES];
	uint32_t who;

	while ((chain = kg_channel_recv(ch, w->rig.now_us)) != NULL) {
		size_t len = kg_buf_chain_gather(chain, bytes);

		kg_buf_free_chain(chain);
		who = kg_load_le32(bytes);
		if (who == UPLOADS)
			note_word(w, kg_load_le64(bytes + 4));
		else if (is_warm(w))
			w->got_bytes[who] += len;
	}
}

static const struct kg_session_ops ops = {
	.connect = on_connect,
	.readable = on_readable,
	.closed = rig_on_closed,
};

/* ---- wire ---- */

static bool sends(struct rig *rig, int role, struct kg_datagram *out)
{
	uint32_t dead_conv = world_of(rig)->dead_conv;

	return dead_conv == 0 || kg_load_le32(out->data) != dead_conv;
}

/* ---- life ---- */

static void begin(struct world *w, bool rate_auto, uint32_t queue_us)
{
	const struct kg_sim_link_params there = { .delay_us = WAY_US,
						  .jitter_us = 100,
						  .in_order = true,
						  .rate_Bps = LINE_BPS,
						  .queue_us = queue_us,
						  .overhead_bytes = RIG_OVERHEAD };
	const struct kg_sim_link_params back = { .delay_us = WAY_US,
						 .jitter_us = 100,
						 .in_order = true,
						 .overhead_bytes = RIG_OVERHEAD };

	*w = (struct world){ 0 };
	rig_init(&w->rig, 1, talk);
	w->rig.talk_us = w->rig.now_us;
	w->rig.sends = sends;
	for (int role = 0; role < 2; role++) {
		struct kg_session_config *config = &w->rig.ends[role].config;

		config->channels_max = 2 * UPLOADS;
		config->kcp.rate_auto = rate_auto;
		config->capabilities = KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_ROWS;
	}
	rig_begin_end(&w->rig, KG_ROLE_SERVER, &back, ops);
	rig_begin_end(&w->rig, KG_ROLE_CLIENT, &there, ops);
}

static void open_channel(struct world *w, uint32_t who, enum kg_protocol protocol)
{
	w->channels[who] = kg_session_open(w->rig.ends[KG_ROLE_CLIENT].session, protocol, NULL,
					   NULL, w->rig.now_us);
	assert_non_null(w->channels[who]);
}

/* ---- what came of it ---- */

struct outcome {
	double used, jain, p50_ms, p99_ms, own_loss, wire;
};

static struct outcome outcome_of(struct world *w, uint64_t us, uint64_t sent_bytes)
{
	const struct kg_sim_link *there = &w->rig.ends[KG_ROLE_CLIENT].link;
	double sum = 0, squares = 0;
	struct outcome o;

	for (uint32_t i = 0; i < w->uploads; i++) {
		double x = (double)w->got_bytes[i];

		sum += x;
		squares += x * x;
	}
	assert_true(w->words > WORDS / 2);
	qsort(w->took_us, w->words, sizeof(w->took_us[0]), kg_compare_u32);
	o = (struct outcome){
		.used = sum * (PIECE_BYTES + 1 + KG_KCP_HEADER_BYTES + RIG_OVERHEAD) / PIECE_BYTES /
			((double)us / 1e6 * LINE_BPS),
		.jain = sum * sum / (w->uploads * squares),
		.p50_ms = w->words == 0 ? 0 : w->took_us[w->words / 2] / 1e3,
		.p99_ms = w->words == 0 ? 0 : w->took_us[w->words * 99 / 100] / 1e3,
		.own_loss = (double)there->overflowed / (double)there->sent,
		.wire = (double)(there->sent_bytes - sent_bytes) / sum,
	};
	printf("%2u uploads: %.3f of the line, Jain %.3f, 100 bytes one way p50 %.1f ms, p99 %.1f "
	       "ms, own "
	       "loss %.4f, wire %.3f\n",
	       w->uploads, o.used, o.jain, o.p50_ms, o.p99_ms, o.own_loss, o.wire);
	return o;
}

static struct outcome run(bool rate_auto, unsigned int uploads, uint32_t queue_us)
{
	static struct world w;
	struct outcome o;
	uint64_t sent_bytes;

	begin(&w, rate_auto, queue_us);
	for (uint32_t who = 0; who < uploads; who++)
		open_channel(&w, who, KG_PROTOCOL_TCP);
	open_channel(&w, UPLOADS, KG_PROTOCOL_UDP);
	rig_pass(&w.rig, SEC(1) / 2);
	w.uploads = uploads;
	rig_pass(&w.rig, WARM_US - SEC(1) / 2);
	sent_bytes = w.rig.ends[KG_ROLE_CLIENT].link.sent_bytes;
	rig_pass(&w.rig, RUN_US - WARM_US);
	o = outcome_of(&w, RUN_US - WARM_US, sent_bytes);
	rig_fini(&w.rig);
	return o;
}

/* In windows he waits for half a second. */
static void who_says_little_hardly_waits(void **state)
{
	struct outcome window = run(false, UPLOADS, DUMB_US), shared = run(true, UPLOADS, DUMB_US);

	assert_true(shared.p99_ms < WAY_US / 1e3 + 10);
	assert_true(shared.jain > 0.95);
	assert_true(shared.used > 0.95);
	assert_true(shared.own_loss < 0.01);
	assert_true(window.p99_ms > 100);
}

static void few_share_as_evenly(void **state)
{
	for (unsigned int uploads = 1; uploads <= 8; uploads *= 2) {
		struct outcome o = run(true, uploads, DUMB_US);

		assert_true(o.p99_ms < WAY_US / 1e3 + 10);
		assert_true(o.jain > 0.95);
		assert_true(o.used > 0.95);
		assert_true(o.own_loss < 0.01);
	}
}

/* Strangers have 0.5 of one another there. */
static void a_short_queue_is_shared_as_evenly(void **state)
{
	struct outcome o = run(true, 3, SHORT_US);

	assert_true(o.jain > 0.95);
	assert_true(o.used > 0.95);
	assert_true(o.own_loss < 0.01);
}

/* His handshake, and his first word. */
static void who_comes_beside_many_is_served_at_once(void **state)
{
	static struct world w;
	uint64_t came_us;

	begin(&w, true, DUMB_US);
	w.rig.began_us -= WARM_US;
	w.rig.talk_us = KG_NEVER_US;
	for (uint32_t who = 0; who < UPLOADS; who++)
		open_channel(&w, who, KG_PROTOCOL_TCP);
	rig_pass(&w.rig, SEC(1) / 2);
	w.uploads = UPLOADS;
	rig_pass(&w.rig, SEC(2));
	came_us = w.rig.now_us;
	open_channel(&w, UPLOADS, KG_PROTOCOL_TCP);
	while (kg_channel_room(w.channels[UPLOADS]) == 0)
		rig_pass(&w.rig, 1000);
	say(&w, UPLOADS, WORD_BYTES);
	while (w.words == 0)
		rig_pass(&w.rig, 1000);
	printf("a newcomer was heard after %.0f ms\n", (double)(w.rig.now_us - came_us) / 1e3);
	assert_true(w.rig.now_us - came_us < SEC(1) / 4);
	rig_fini(&w.rig);
}

/* After ten seconds nothing is known of a path: who begins again begins as who was there first. */
static void who_begins_again_begins_small(void **state)
{
	static struct world w;
	struct kg_sim_link *there = &w.rig.ends[KG_ROLE_CLIENT].link;
	uint64_t lost[3];

	begin(&w, true, SHORT_US);
	open_channel(&w, 0, KG_PROTOCOL_TCP);
	rig_pass(&w.rig, SEC(1) / 2);
	for (size_t i = 0; i < KG_ARRAY_SIZE(lost); i++) {
		lost[i] = there->overflowed;
		w.uploads = 1;
		rig_pass(&w.rig, SEC(3));
		w.uploads = 0;
		rig_pass(&w.rig, SEC(15));
		lost[i] = there->overflowed - lost[i];
		printf("upload %zu: %u datagrams lost in the queue\n", i + 1,
		       (unsigned int)lost[i]);
		assert_in_range(lost[i], 0, 500);
	}
	rig_fini(&w.rig);
}

/* What comes of an upload meanwhile, as a part of the line. */
static double part_of(struct world *w, uint32_t who, uint64_t us)
{
	uint64_t before = w->got_bytes[who];

	rig_pass(&w->rig, us);
	return (double)(w->got_bytes[who] - before) / ((double)us / 1e6 * LINE_BPS);
}

/* From the first round trip on. */
static void what_one_has_learned_the_next_one_knows(void **state)
{
	static struct world w;
	double first, second;

	begin(&w, true, DUMB_US);
	w.rig.began_us -= WARM_US;
	open_channel(&w, 0, KG_PROTOCOL_TCP);
	open_channel(&w, 1, KG_PROTOCOL_TCP);
	rig_pass(&w.rig, SEC(1) / 2);
	w.uploads = 1;
	first = part_of(&w, 0, SEC(1) / 5);
	rig_pass(&w.rig, SEC(5));
	w.uploads = 0;
	rig_pass(&w.rig, SEC(3));
	w.channels[0] = NULL;
	w.uploads = 2;
	second = part_of(&w, 1, SEC(1) / 5);
	printf("of the line in a fifth of a second: the first one %.2f, the next one %.2f\n", first,
	       second);
	assert_true(second > 1.3 * first);
	rig_fini(&w.rig);
}

/* Half a second after it has fallen silent: nobody else waits for what it has under way. */
static void a_dead_channel_holds_up_nobody(void **state)
{
	static struct world w;
	struct kg_channel_info info;
	double part;

	begin(&w, true, DUMB_US);
	w.rig.began_us -= WARM_US;
	open_channel(&w, 0, KG_PROTOCOL_TCP);
	open_channel(&w, 1, KG_PROTOCOL_TCP);
	rig_pass(&w.rig, SEC(1) / 2);
	w.uploads = 1;
	rig_pass(&w.rig, SEC(5));
	kg_channel_get_info(w.channels[0], &info, w.rig.now_us);
	w.dead_conv = info.conv;
	w.channels[0] = NULL;
	w.uploads = 2;
	rig_pass(&w.rig, SEC(1) / 2);
	part = part_of(&w, 1, SEC(1));
	printf("beside a dead channel: %.2f of the line\n", part);
	assert_true(part > 0.7);
	rig_fini(&w.rig);
}

/* Each sends several datagrams in a row, and has one back for it; two beyond a gap, for its peer
 * counts datagrams. One in a hundred is lost, so in a third of the time there is a gap. */
static void who_is_fast_among_many_is_acknowledged_by_the_row(void **state)
{
	static struct world w;
	uint64_t there, back;
	double part;

	begin(&w, true, DUMB_US);
	w.rig.ends[KG_ROLE_CLIENT].link.params.rate_Bps = FAST_BPS;
	w.rig.ends[KG_ROLE_CLIENT].link.params.loss = FAST_LOSS;
	for (uint32_t who = 0; who < UPLOADS; who++)
		open_channel(&w, who, KG_PROTOCOL_TCP);
	rig_pass(&w.rig, SEC(1) / 2);
	w.uploads = UPLOADS;
	rig_pass(&w.rig, SEC(2));
	there = w.rig.ends[KG_ROLE_CLIENT].link.sent;
	back = w.rig.ends[KG_ROLE_SERVER].link.sent;
	rig_pass(&w.rig, SEC(1) / 2);
	there = w.rig.ends[KG_ROLE_CLIENT].link.sent - there;
	back = w.rig.ends[KG_ROLE_SERVER].link.sent - back;
	part = (double)there * PIECE_BYTES / (FAST_BPS / 2);
	printf("fast: %.2f of the line, %.2f datagrams back for each\n", part,
	       (double)back / (double)there);
	assert_true(part > 0.8);
	assert_true(back < there / 4);
	rig_fini(&w.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_says_little_hardly_waits),
		cmocka_unit_test(few_share_as_evenly),
		cmocka_unit_test(a_short_queue_is_shared_as_evenly),
		cmocka_unit_test(who_comes_beside_many_is_served_at_once),
		cmocka_unit_test(what_one_has_learned_the_next_one_knows),
		cmocka_unit_test(a_dead_channel_holds_up_nobody),
		cmocka_unit_test(who_is_fast_among_many_is_acknowledged_by_the_row),
		cmocka_unit_test(who_begins_again_begins_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
