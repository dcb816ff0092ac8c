/* SPDX-License-Identifier: BSD-3-Clause */
/* Leads a mux channel through its life, opens it again when it has died, chooses one for a stream
 * that begins, and remembers the ids that are over. */
#include "mux/internal.h"

/* After its channel has died, or could not be opened: doubled each time, half of it at random. */
#define REOPEN_MIN_US (1ull * KG_US_PER_S)
#define REOPEN_MAX_US (30ull * KG_US_PER_S)
/* Of ids that have ended: what the peer has under way is no older than the silence that a channel
 * survives, and the readers that hold it up. More than so many are not kept. */
#define ENDED_KEEP_US (120ull * KG_US_PER_S)
#define ENDED_MAX     1024u
/* A client whose words are not acknowledged for so long opens one more channel for what begins now.
 * The old one may live on: then there is one more until some channel has no stream. */
#define DOUBT_US (5ull * KG_US_PER_S)
/* Looked at for a new stream. */
#define PICK_MAX 16u

/* ---- its timer ---- */

static void forget(struct kg_mux *mux, struct kg_mux_ended *ended)
{
	kg_u32map_remove(&mux->ended_by_id, ended->id);
	TAILQ_REMOVE(&mux->ended, ended, link);
	mux->ended_count--;
	kg_mem_free(mux->streams->mem, ended, sizeof(*ended));
}

void kg_mux_arm(struct kg_mux *mux)
{
	const struct kg_mux_ended *oldest = TAILQ_FIRST(&mux->ended);
	uint64_t deadline_us =
		mux->channel == NULL ? mux->open_us : KG_MIN(mux->retry_us, mux->check_us);

	if (mux->staller != NULL)
		deadline_us = KG_MIN(deadline_us, mux->resume_us);
	if (oldest != NULL)
		deadline_us = KG_MIN(deadline_us, oldest->until_us);
	kg_twheel_arm(mux->streams->wheel, &mux->timer, mux->gone ? 0 : deadline_us);
}

static void put_off(struct kg_mux *mux, uint64_t now_us)
{
	struct kg_streams *s = mux->streams;
	uint64_t delay_us = REOPEN_MIN_US << KG_MIN(mux->failures, 5u);

	delay_us = KG_MIN(delay_us, REOPEN_MAX_US);
	delay_us = delay_us / 2 + kg_rng_below(s->rng, (uint32_t)(delay_us / 2));
	mux->open_us = s->stopping ? KG_NEVER_US : now_us + delay_us;
	mux->failures++;
}

static void open_channel(struct kg_mux *mux, uint64_t now_us)
{
	mux->channel = kg_session_open(mux->streams->session, KG_PROTOCOL_MUX, NULL, mux, now_us);
	if (mux->channel == NULL)
		put_off(mux, now_us);
}

void kg_mux_expect(struct kg_mux *mux, uint64_t now_us)
{
	if (mux->check_us != KG_NEVER_US || kg_streams_is_server(mux->streams))
		return;
	mux->check_us = now_us + DOUBT_US;
	kg_mux_arm(mux);
}

/* Those that are not doubted; `open`: of those that are open. */
static uint32_t sound_muxes(const struct kg_streams *s, bool open)
{
	const struct kg_mux *mux;
	uint32_t count = 0;

	TAILQ_FOREACH (mux, &s->muxes, link)
		count += !mux->gone && !mux->doubted && (mux->open || !open);
	return count;
}

/* Its streams have ended, and new ones find enough channels without it. */
static bool is_surplus(const struct kg_mux *mux)
{
	const struct kg_streams *s = mux->streams;

	return !kg_streams_is_server(s) && !mux->doubted && s->mux_count > s->config.mux_channels &&
	       sound_muxes(s, true) > s->config.mux_channels;
}

static void settle_all(struct kg_streams *s, uint64_t now_us)
{
	struct kg_mux *mux;

	TAILQ_FOREACH (mux, &s->muxes, link)
		kg_mux_settle(mux, now_us);
}

static void check_peer(struct kg_mux *mux, uint64_t now_us)
{
	struct kg_streams *s = mux->streams;
	bool was_doubted = mux->doubted;
	struct kg_channel_info info;
	bool waits;

	kg_channel_get_info(mux->channel, &info, now_us);
	waits = info.kcp.in_flight + info.kcp.queued > 0;
	mux->check_us = KG_NEVER_US;
	mux->doubted = waits && info.silent_us >= DOUBT_US;
	if (mux->doubted && !s->stopping && sound_muxes(s, false) < s->config.mux_channels)
		kg_mux_create(s, now_us);
	if (waits)
		kg_mux_expect(mux, now_us);
	if (was_doubted && !mux->doubted)
		settle_all(s, now_us);
}

static void on_timer(struct kg_timer *timer, uint64_t now_us)
{
	struct kg_mux *mux = KG_CONTAINER_OF(timer, struct kg_mux, timer);
	struct kg_mux_ended *ended;

	if (mux->gone) {
		kg_mux_destroy(mux);
		return;
	}
	if (mux->channel == NULL && now_us >= mux->open_us)
		open_channel(mux, now_us);
	while ((ended = TAILQ_FIRST(&mux->ended)) != NULL && now_us >= ended->until_us)
		forget(mux, ended);
	if (mux->open && now_us >= mux->check_us)
		check_peer(mux, now_us);
	if (now_us >= mux->retry_us)
		kg_mux_pump(mux, now_us);
	if (mux->staller != NULL && now_us >= mux->resume_us)
		kg_mux_look_at_staller(mux, now_us);
	kg_mux_arm(mux);
}

/* ---- life ---- */

struct kg_mux *kg_mux_create(struct kg_streams *s, uint64_t now_us)
{
	struct kg_mux *mux = kg_mem_alloc(s->mem, sizeof(*mux));

	if (mux == NULL)
		return NULL;
	mux->streams = s;
	mux->timer = (struct kg_timer){ .deadline_us = KG_NEVER_US, .fire = on_timer };
	mux->open_us = now_us;
	mux->retry_us = mux->check_us = KG_NEVER_US;
	kg_u32map_init(&mux->by_id, s->mem, s->rng);
	kg_u32map_init(&mux->ended_by_id, s->mem, s->rng);
	TAILQ_INIT(&mux->members);
	TAILQ_INIT(&mux->ready);
	TAILQ_INIT(&mux->ended);
	TAILQ_INSERT_TAIL(&s->muxes, mux, link);
	s->mux_count++;
	kg_mux_arm(mux);
	return mux;
}

static void forget_all(struct kg_mux *mux)
{
	while (!TAILQ_EMPTY(&mux->ended))
		forget(mux, TAILQ_FIRST(&mux->ended));
}

void kg_mux_destroy(struct kg_mux *mux)
{
	struct kg_streams *s = mux->streams;

	TAILQ_REMOVE(&s->muxes, mux, link);
	kg_twheel_cancel(s->wheel, &mux->timer);
	forget_all(mux);
	kg_u32map_fini(&mux->by_id);
	kg_u32map_fini(&mux->ended_by_id);
	kg_mem_free(s->mem, mux, sizeof(*mux));
}

/* ---- its channel ---- */

static void begin(struct kg_mux *mux, struct kg_channel *ch, uint64_t now_us)
{
	kg_mux_bound_init(&mux->bound, now_us);
	mux->channel = ch;
	mux->open = true;
	mux->extended = (kg_channel_capabilities(ch) & KG_CAPABILITY_MUX) != 0;
	mux->returns =
		mux->extended && (kg_channel_capabilities(ch) & KG_CAPABILITY_MUX_RETURN) != 0;
	mux->failures = 0;
	mux->streams->stats.muxes++;
	kg_mux_arm(mux);
}

void kg_mux_accept(struct kg_streams *s, struct kg_channel *ch, uint64_t now_us)
{
	struct kg_mux *mux = kg_mux_create(s, now_us);

	if (mux == NULL) {
		kg_channel_refused(ch, "server is out of memory", now_us);
		return;
	}
	kg_channel_set_user(ch, mux);
	begin(mux, ch, now_us);
	kg_channel_connected(ch, now_us);
}

void kg_mux_on_opened(struct kg_mux *mux, uint64_t now_us)
{
	struct kg_streams *s = mux->streams;
	struct kg_mux_stream *ms;

	begin(mux, mux->channel, now_us);
	while (mux->open && (ms = TAILQ_FIRST(&s->waiting)) != NULL) {
		if (!kg_mux_stream_attach(ms, mux, now_us))
			kg_mux_stream_cut(ms, KG_CLOSE_EXHAUSTED, "", now_us);
	}
	kg_mux_settle(mux, now_us); /* the doubted one may have answered meanwhile */
}

/* There is none while a mux channel is open. */
static void cut_waiting(struct kg_streams *s, enum kg_close why, uint64_t now_us)
{
	struct kg_mux_stream *ms;

	while ((ms = TAILQ_FIRST(&s->waiting)) != NULL)
		kg_mux_stream_cut(ms, why, "", now_us);
}

void kg_mux_on_closed(struct kg_mux *mux, enum kg_close why, const char *text, uint64_t now_us)
{
	struct kg_streams *s = mux->streams;
	struct kg_channel *ch = mux->channel;
	struct kg_channel_info info;
	struct kg_mux_stream *ms;

	kg_channel_get_info(ch, &info, now_us);
	s->ops.mux_closed(s->host, &info, why, text, mux->count);
	s->stats.muxes -= mux->open;
	mux->open = false;
	mux->channel = NULL;
	mux->retry_us = mux->check_us = KG_NEVER_US;
	mux->doubted = false;
	kg_channel_free(ch);
	while ((ms = TAILQ_FIRST(&mux->members)) != NULL) {
		kg_mux_stream_leave(ms, now_us);
		kg_mux_stream_close(ms, KG_CLOSE_RESET, "", now_us);
	}
	forget_all(mux);
	if (why == KG_CLOSE_NO_ROUTE) { /* who waits need not wait, and the next one asks soon */
		cut_waiting(s, why, now_us);
		mux->failures = 0;
	}
	mux->gone = s->mux_count > s->config.mux_channels; /* on a server always */
	s->mux_count -= mux->gone;
	if (!mux->gone)
		put_off(mux, now_us);
	kg_mux_arm(mux);
}

void kg_mux_end(struct kg_mux *mux, uint64_t now_us)
{
	struct kg_mux_stream *ms, *next;

	if (!mux->open) {
		if (mux->channel != NULL)
			kg_channel_abort(mux->channel, now_us);
		return;
	}
	mux->pumping = true; /* nobody leaves meanwhile but the one that is cut off */
	for (ms = TAILQ_FIRST(&mux->members); ms != NULL; ms = next) {
		next = TAILQ_NEXT(ms, link);
		kg_mux_stream_note(ms, KG_ENDS_FINISHES); /* what it has sent still goes */
		kg_mux_stream_cut(ms, KG_CLOSE_ABORTED, "", now_us);
	}
	mux->pumping = false;
	kg_mux_pump(mux, now_us);
}

void kg_mux_settle(struct kg_mux *mux, uint64_t now_us)
{
	if (mux->open && mux->count == 0 && !mux->pumping &&
	    (mux->streams->stopping || is_surplus(mux)))
		kg_channel_stop(mux->channel, now_us);
}

/* ---- streams and ids ---- */

static bool is_better(const struct kg_mux *a, const struct kg_mux *b)
{
	bool stalled = a->staller != NULL;

	if (a->doubted != b->doubted)
		return !a->doubted;
	if (stalled != (b->staller != NULL))
		return !stalled;
	return a->count < b->count;
}

/* The muxes take turns at being looked at. */
struct kg_mux *kg_mux_pick(struct kg_streams *s)
{
	struct kg_mux *best = NULL, *mux;

	for (uint32_t i = 0; i < s->mux_count && (best == NULL || i < PICK_MAX); i++) {
		mux = TAILQ_FIRST(&s->muxes);
		TAILQ_REMOVE(&s->muxes, mux, link);
		TAILQ_INSERT_TAIL(&s->muxes, mux, link);
		if (mux->open && (best == NULL || is_better(mux, best)))
			best = mux;
	}
	return best;
}

uint32_t kg_mux_new_id(struct kg_mux *mux)
{
	uint32_t id;

	do
		id = (uint32_t)kg_rng_next(mux->streams->rng);
	while (kg_u32map_lookup(&mux->by_id, id) != NULL || kg_mux_is_over(mux, id));
	return id;
}

void kg_mux_remember(struct kg_mux *mux, uint32_t id, uint64_t now_us)
{
	struct kg_mem *mem = mux->streams->mem;
	struct kg_mux_ended *ended;

	if (mux->ended_count >= ENDED_MAX)
		forget(mux, TAILQ_FIRST(&mux->ended));
	ended = kg_mem_allows(mem, sizeof(*ended)) ? kg_mem_alloc(mem, sizeof(*ended)) : NULL;
	if (ended == NULL)
		return;
	if (!kg_u32map_insert(&mux->ended_by_id, id, ended)) {
		kg_mem_free(mem, ended, sizeof(*ended));
		return;
	}
	ended->id = id;
	ended->until_us = now_us + ENDED_KEEP_US;
	TAILQ_INSERT_TAIL(&mux->ended, ended, link);
	if (mux->ended_count++ == 0)
		kg_mux_arm(mux);
}

bool kg_mux_is_over(const struct kg_mux *mux, uint32_t id)
{
	return kg_u32map_lookup(&mux->ended_by_id, id) != NULL;
}
