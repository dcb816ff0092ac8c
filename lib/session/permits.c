/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gives the channels to a peer their permits at the rate that they share (kcp/kcp_share.h): those
 * of a peer whose next permit is due are served in turn, a datagram each. A peer whose permit is to
 * come has a timer; one whose window is full waits until a channel hears something.
 */
#include "session/internal.h"

static void stand(struct kg_permits *permits, bool due)
{
	struct kg_session *s = permits->session;

	if (due && !permits->due)
		TAILQ_INSERT_TAIL(&s->permits, permits, link);
	else if (!due && permits->due)
		TAILQ_REMOVE(&s->permits, permits, link);
	permits->due = due;
}

/* A timer that is too early looks again, which is cheaper than to move it with each datagram. */
static void look(struct kg_permits *permits, uint64_t now_us)
{
	uint64_t due_us = kg_kcp_share_due_us(permits->share, now_us);

	stand(permits, due_us <= now_us);
	if (!permits->due && due_us < permits->timer.deadline_us)
		kg_twheel_arm(permits->session->wheel, &permits->timer, due_us);
}

static void on_timer(struct kg_timer *timer, uint64_t now_us)
{
	look(KG_CONTAINER_OF(timer, struct kg_permits, timer), now_us);
}

bool kg_permits_init(struct kg_permits *permits, struct kg_session *s)
{
	*permits = (struct kg_permits){
		.session = s,
		.timer = { .deadline_us = KG_NEVER_US, .fire = on_timer },
		.share = kg_kcp_share_create(s->mem, permits),
	};
	if (permits->share != NULL && s->config.spread > 0)
		permits->spread = kg_spread_create(s, permits->share);
	return permits->share != NULL;
}

void kg_permits_fini(struct kg_permits *permits)
{
	if (permits->share == NULL)
		return;
	stand(permits, false);
	kg_twheel_cancel(permits->session->wheel, &permits->timer);
	kg_kcp_share_destroy(permits->share);
	kg_spread_destroy(permits->spread);
}

/* Those whom it leaves may have waited for what it had under way, and hear nothing themselves. */
void kg_permits_join(struct kg_line *line, struct kg_permits *permits)
{
	struct kg_permits *before = kg_kcp_share_user(line->kcp);

	kg_kcp_join(line->kcp, permits != NULL ? permits->share : NULL, line);
	if (before != NULL && before != permits)
		look(before, line->session->now_us);
}

void kg_permits_ask(struct kg_line *line, uint64_t now_us)
{
	if (line->open && kg_kcp_ask_permit(line->kcp, now_us))
		look(kg_kcp_share_user(line->kcp), now_us);
}

struct kg_line *kg_permits_next(struct kg_session *s, uint64_t now_us)
{
	struct kg_permits *permits;
	struct kg_line *line;

	while ((permits = TAILQ_FIRST(&s->permits)) != NULL) {
		look(permits, now_us);
		line = permits->due ? kg_kcp_share_permit(permits->share) : NULL;
		if (line == NULL)
			continue;
		TAILQ_REMOVE(&s->permits, permits, link);
		TAILQ_INSERT_TAIL(&s->permits, permits, link);
		return line;
	}
	return NULL;
}
