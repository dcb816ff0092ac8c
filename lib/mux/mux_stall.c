/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mux channel is not read on while one of its streams, the staller, has as much waiting for its
 * reader as it may: towards an original a queue full, and where buffers are so short that nobody
 * may have more than the floor, that floor. What comes next for whoever else is behind in the
 * channel.
 *
 * A reader takes again, or buffers become free, and the channel goes on. If neither happens for
 * some seconds somebody has to give way: the stream of the tunnel that has most waiting and whose
 * reader has taken nothing for so long. Its peer has had leave to send what is there, so that no
 * smaller share can be given to it any more (docs/decisions/0021).
 */
#include "mux/mux_int.h"

#define LOOK_US     (100ull * KG_US_PER_MS)
#define PATIENCE_US (3ull * KG_US_PER_S)

static bool buffers_are_short(const struct kg_streams *s)
{
	return s->pool->fair_share <= KG_BUF_FLOOR;
}

uint32_t kg_mux_stream_in_max(const struct kg_mux_stream *ms)
{
	if (buffers_are_short(ms->streams))
		return KG_BUF_FLOOR;
	return kg_mux_stream_has_credit(ms) ? UINT32_MAX : KG_MUX_QUEUE_SEGMENTS;
}

void kg_mux_stall(struct kg_mux_stream *ms, uint64_t now_us)
{
	struct kg_mux *mux = ms->mux;

	mux->staller = ms;
	mux->stalled_us = now_us;
	mux->resume_us = now_us + LOOK_US;
	kg_mux_arm(mux);
}

static void go_on(struct kg_mux *mux, uint64_t now_us)
{
	mux->staller = NULL;
	kg_mux_read(mux, now_us);
}

/* Its reader has taken some, but not half of what may wait. */
static bool has_enough(const struct kg_mux_stream *ms)
{
	return ms->mux != NULL && ms->in.segments > kg_mux_stream_in_max(ms) / 2;
}

void kg_mux_unstall(struct kg_mux *mux, const struct kg_mux_stream *ms, uint64_t now_us)
{
	if (mux->staller == ms && !has_enough(ms))
		go_on(mux, now_us);
}

/* Among those whose readers have taken nothing since; NULL: there is none. */
static struct kg_mux_stream *largest(const struct kg_streams *s, uint64_t since_us)
{
	struct kg_mux_stream *found = NULL, *ms;
	struct kg_mux *mux;

	TAILQ_FOREACH (mux, &s->muxes, link) {
		TAILQ_FOREACH (ms, &mux->members, link) {
			bool stands = ms->in.segments > 0 && ms->state != KG_MUX_CLOSED &&
				      ms->taken_us <= since_us;

			if (stands && (found == NULL || ms->in.segments > found->in.segments))
				found = ms;
		}
	}
	return found;
}

static void give_way(struct kg_mux_stream *ms, uint64_t now_us)
{
	kg_mux_queue_clear(&ms->in);
	ms->in_bytes = 0;
	kg_mux_stream_cut(ms, KG_CLOSE_GAVE_WAY, "", now_us);
}

void kg_mux_look_at_staller(struct kg_mux *mux, uint64_t now_us)
{
	struct kg_mux_stream *ms = mux->staller, *other = NULL;

	mux->resume_us = now_us + LOOK_US;
	if (!has_enough(ms)) {
		go_on(mux, now_us);
		return;
	}
	if (buffers_are_short(mux->streams) && now_us - mux->stalled_us >= PATIENCE_US)
		other = largest(mux->streams, now_us - PATIENCE_US);
	if (other != NULL)
		give_way(other, now_us);
}
