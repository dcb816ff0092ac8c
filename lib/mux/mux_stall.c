/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mux channel is not read on while one of its streams, the staller, has as much waiting for its
 * reader as it may: towards an original a queue full, and where buffers are so short that nobody
 * may have more than the floor, that floor. What comes next for whoever else is behind in the
 * channel.
 *
 * A reader takes again, or buffers become free, and the channel goes on. It does not wait for
 * readers that stand still: where buffers are short those give way at once that have taken nothing
 * for long, as many as it needs, and towards an original the staller does. Their peers have had
 * leave to send what is there, so that no smaller share can be given to them any more
 * (docs/decisions/0021).
 */
#include "mux/internal.h"

#define LOOK_US (20ull * KG_US_PER_MS)
/* With a reader that takes nothing; the less the more of them stand still, since each of them may
 * be next to stop the channel. */
#define PATIENCE_US       (3ull * KG_US_PER_S)
#define PATIENCE_LEAST_US (100ull * KG_US_PER_MS)
#define STANDING_HALF     4u /* so many halve it */
#define STANDING_MAX      128u
/* That must become free where buffers are short: everybody's share is two bursts again. */
#define RELIEF_SEGMENTS (2 * KG_BUF_BURST * KG_BUF_SHARE_DIVISOR)
/* Looked at for it, and at most to be reset at a time. */
#define LOOKED_AT_MAX 1024u
#define GIVE_WAY_MAX  64u

static bool buffers_are_short(const struct kg_streams *s)
{
	return kg_buf_fair_share(s->pool) <= KG_BUF_FLOOR && s->relief_segments == 0;
}

/* Segments that may wait for the stream's reader. Datagrams come in bursts, and what finds no room
 * is lost. */
static uint32_t in_max(const struct kg_mux_stream *ms)
{
	if (buffers_are_short(ms->streams))
		return ms->protocol == KG_PROTOCOL_UDP ? KG_BUF_BURST / 4 : KG_BUF_FLOOR;
	return kg_mux_stream_has_credit(ms) ? UINT32_MAX : KG_MUX_QUEUE_SEGMENTS;
}

bool kg_mux_stream_is_full(const struct kg_mux_stream *ms)
{
	return ms->in.segments >= in_max(ms);
}

/* Its reader may have taken some, but not half of what may wait. */
static bool has_enough(const struct kg_mux_stream *ms)
{
	return ms->mux != NULL && ms->in.segments > in_max(ms) / 2;
}

void kg_mux_unstall(struct kg_mux *mux, const struct kg_mux_stream *ms, uint64_t now_us)
{
	if (mux->staller != ms || has_enough(ms))
		return;
	mux->staller = NULL;
	kg_mux_read(mux, now_us);
}

/* ---- who has waited for the reader, and since when ---- */

/* Few segments are no matter, and most readers never have more. */
static bool is_unread(const struct kg_mux_stream *ms)
{
	return ms->in.segments >= KG_BUF_FLOOR;
}

void kg_mux_stream_on_taken(struct kg_mux_stream *ms, uint64_t now_us)
{
	struct kg_streams *s = ms->streams;
	bool unread = is_unread(ms);

	if (ms->unread == unread && (!unread || ms->taken_us == now_us))
		return;
	if (ms->unread)
		TAILQ_REMOVE(&s->unread, ms, unread_link);
	ms->unread = unread;
	ms->taken_us = now_us;
	if (unread)
		TAILQ_INSERT_TAIL(&s->unread, ms, unread_link);
}

static uint64_t patience_us(const struct kg_streams *s, uint64_t now_us)
{
	const struct kg_mux_stream *ms;
	uint32_t standing = 0;

	TAILQ_FOREACH (ms, &s->unread, unread_link) {
		if (now_us - ms->taken_us < PATIENCE_LEAST_US || ++standing >= STANDING_MAX)
			break;
	}
	return KG_MAX(PATIENCE_US * STANDING_HALF / (STANDING_HALF + standing), PATIENCE_LEAST_US);
}

/* ---- giving way ---- */

static void give_way(struct kg_mux_stream *ms, uint64_t now_us)
{
	kg_buf_queue_clear(&ms->in);
	ms->in_bytes = 0;
	kg_mux_stream_on_taken(ms, now_us);
	kg_mux_stream_cut(ms, KG_CLOSE_GAVE_WAY, "", now_us);
	if (ms->mux != NULL)
		kg_mux_unstall(ms->mux, ms, now_us);
}

/* Who has stood still for longest. Whoever gives way may let others
 * go, too, so all are chosen before. */
static unsigned int choose(const struct kg_streams *s, uint64_t since_us,
			   struct kg_mux_stream **chosen)
{
	unsigned int looked_at = 0, count = 0;
	uint32_t segments = 0;
	struct kg_mux_stream *ms;

	TAILQ_FOREACH (ms, &s->unread, unread_link) {
		if (ms->taken_us > since_us || segments >= RELIEF_SEGMENTS ||
		    count == GIVE_WAY_MAX || looked_at++ == LOOKED_AT_MAX)
			break;
		if (ms->state == KG_MUX_CLOSED)
			continue;
		chosen[count++] = ms;
		segments += ms->in.segments;
	}
	return count;
}

static void relieve(struct kg_streams *s, uint64_t since_us, uint64_t now_us)
{
	struct kg_mux_stream *chosen[GIVE_WAY_MAX];
	unsigned int count = choose(s, since_us, chosen);

	for (unsigned int i = 0; i < count; i++) {
		s->relief_segments += chosen[i]->in.segments;
		give_way(chosen[i], now_us);
	}
}

void kg_mux_look_at_staller(struct kg_mux *mux, uint64_t now_us)
{
	struct kg_mux_stream *ms = mux->staller;
	struct kg_streams *s = mux->streams;
	uint64_t since_us = now_us - KG_MIN(patience_us(s, now_us), now_us); /* no time before 0 */

	mux->resume_us = now_us + LOOK_US;
	if (has_enough(ms) && buffers_are_short(s))
		relieve(s, since_us, now_us);
	else if (has_enough(ms) && ms->taken_us <= since_us && mux->count > 1)
		give_way(ms, now_us);
	kg_mux_unstall(mux, ms, now_us);
}

void kg_mux_stream_on_came(struct kg_mux_stream *ms, uint32_t segments, uint64_t now_us)
{
	struct kg_streams *s = ms->streams;
	struct kg_mux *mux = ms->mux;

	/* The share does not know yet of what has become free. */
	s->relief_segments -= KG_MIN(s->relief_segments, segments);
	if (kg_buf_fair_share(s->pool) > KG_BUF_FLOOR)
		s->relief_segments = 0;
	if (!ms->unread && is_unread(ms))
		kg_mux_stream_on_taken(ms, now_us);
	if (ms->protocol != KG_PROTOCOL_TCP || !kg_mux_stream_is_full(ms))
		return;
	mux->staller = ms;
	kg_mux_look_at_staller(mux, now_us);
	kg_mux_arm(mux);
}
