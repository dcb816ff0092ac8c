/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where payload buffers are so short that nobody may have more than a floor, the floors of many
 * channels are all there is. So what each origin holds is counted then, in KCP and at the host, and
 * one that holds more than fifteen times what it leaves is a crowd: its channels take no more of
 * their applications, and not the last buffers for what comes in (docs/decisions/0101).
 *
 * While buffers are not short nothing is counted. A count begins with what there is; it begins
 * again now and then, as not all that happens to a channel is told.
 */
#include "session/crowd.h"

/* As of channels and memory (proof.c). */
#define PARTS   15u
#define LOOK_US (200ull * KG_US_PER_MS)

static const enum kg_home holders[] = { KG_HOME_CHANNELS, KG_HOME_DOUBTED, KG_HOME_DOUBTED_UDP,
					KG_HOME_LINGERING };

/* What other workers have of an origin is not known here. As the NIC spreads channels they have as
 * much each. A channel that has come from elsewhere gives back what was not counted here. */
static bool is_crowd(const struct kg_session *s, const struct kg_origin *origin)
{
	int64_t held = (int32_t)origin->held;

	return held * s->config.workers > (int64_t)PARTS * kg_buf_left(s->pool);
}

static uint32_t held_by(const struct kg_channel *ch)
{
	const struct kg_session *s = ch->line.session;
	uint32_t at_host = 0;

	if (s->ops.held != NULL && ch->user != NULL && kg_home_is_hosted(ch->line.home))
		at_host = s->ops.held(s->host, ch);
	return kg_kcp_held(ch->line.kcp) + at_host;
}

/* Channels of one origin often stand side by side. */
static struct kg_origin *origin_of(const struct kg_line *line, struct kg_origin *latest)
{
	if (latest != NULL && kg_ip_equal(&latest->at.ip, &line->path->ends.remote.ip))
		return latest;
	return kg_origin_of(line);
}

static void each_origin(struct kg_session *s,
			void (*visit)(struct kg_session *, struct kg_origin *))
{
	for (uint32_t i = 0; i < kg_u32map_slots(&s->origins); i++) {
		struct kg_by_ip *at = kg_u32map_at(&s->origins, i);

		for (; at != NULL; at = at->next)
			visit(s, KG_CONTAINER_OF(at, struct kg_origin, at));
	}
}

static void begin_origin(struct kg_session *s, struct kg_origin *origin)
{
	(void)s;
	origin->held = 0;
}

static void count_home(struct kg_session *s, enum kg_home home)
{
	struct kg_origin *origin = NULL;
	struct kg_line *line;

	TAILQ_FOREACH (line, &s->homes[home], home_link) {
		if (line->kcp == NULL || line->path == NULL)
			continue;
		origin = origin_of(line, origin);
		if (origin != NULL)
			origin->held += held_by(kg_line_channel(line));
	}
}

static void count(struct kg_session *s)
{
	each_origin(s, begin_origin);
	for (size_t i = 0; i < KG_ARRAY_SIZE(holders); i++)
		count_home(s, holders[i]);
}

/* ---- what follows from it ---- */

static void note_told(struct kg_session *s, struct kg_origin *origin)
{
	origin->crowd = s->counts && is_crowd(s, origin);
}

static bool has_changed(const struct kg_session *s, struct kg_line *line)
{
	const struct kg_origin *origin;

	if (line->path == NULL || kg_line_channel(line)->state != KG_CHANNEL_OPEN)
		return false;
	origin = kg_origin_of(line);
	return origin != NULL && origin->crowd != (s->counts && is_crowd(s, origin));
}

/* Their hosts ask for the room again; one of them may end meanwhile. */
static void tell(struct kg_session *s, enum kg_home home)
{
	struct kg_line *line = TAILQ_FIRST(&s->homes[home]);

	while (line != NULL) {
		struct kg_line *next = TAILQ_NEXT(line, home_link);

		if (has_changed(s, line))
			s->ops.acked(s->host, kg_line_channel(line), 0);
		line = next;
	}
}

static bool has_holders(const struct kg_session *s)
{
	return kg_session_channels(s) + s->home_counts[KG_HOME_LINGERING] > 0;
}

static void look(struct kg_session *s, uint64_t now_us)
{
	s->counts = kg_buf_fair_share(s->pool) <= KG_BUF_FLOOR && has_holders(s);
	if (s->counts)
		count(s);
	for (unsigned int home = KG_HOME_CHANNELS; kg_home_is_hosted(home); home++)
		tell(s, home);
	each_origin(s, note_told);
	if (s->counts)
		kg_twheel_arm(s->wheel, &s->crowd_timer, now_us + LOOK_US);
}

static void on_timer(struct kg_timer *timer, uint64_t now_us)
{
	look(KG_CONTAINER_OF(timer, struct kg_session, crowd_timer), now_us);
}

void kg_crowd_init(struct kg_session *s)
{
	s->crowd_timer = (struct kg_timer){ .deadline_us = KG_NEVER_US, .fire = on_timer };
}

void kg_crowd_fini(struct kg_session *s)
{
	kg_twheel_cancel(s->wheel, &s->crowd_timer);
}

/* ---- meanwhile ---- */

void kg_crowd_begin_count(struct kg_session *s)
{
	s->counts = true;
	count(s);
	kg_twheel_arm(s->wheel, &s->crowd_timer, s->now_us + LOOK_US);
}

void kg_crowd_add(const struct kg_channel *ch, uint32_t more)
{
	struct kg_session *s = ch->line.session;
	struct kg_origin *origin;

	if (more == 0 || ch->line.path == NULL)
		return;
	origin = kg_origin_of(&ch->line);
	if (origin == NULL)
		return;
	origin->held += more;
	if (!origin->crowd && is_crowd(s, origin))
		kg_twheel_arm(s->wheel, &s->crowd_timer, 0);
}

void kg_channel_hold(struct kg_channel *ch, int32_t more)
{
	if (KG_UNLIKELY(ch->line.session->counts) && ch->line.kcp != NULL)
		kg_crowd_add(ch, (uint32_t)more);
}

bool kg_crowd_holds_all(const struct kg_channel *ch)
{
	const struct kg_origin *origin = ch->line.path != NULL ? kg_origin_of(&ch->line) : NULL;

	return origin != NULL && is_crowd(ch->line.session, origin);
}
