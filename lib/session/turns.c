/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gives the channels to a peer their turns at the rate that they share (kcp/kcp_share.h): those
 * of a peer whose next turn is due are served in turn, a datagram each. A peer whose turn is to
 * come has a timer; one whose window is full waits until a channel hears something.
 */
#include "session/internal.h"

static void stand(struct kg_turns *turns, bool due)
{
	struct kg_session *s = turns->session;

	if (due && !turns->due)
		TAILQ_INSERT_TAIL(&s->turns, turns, link);
	else if (!due && turns->due)
		TAILQ_REMOVE(&s->turns, turns, link);
	turns->due = due;
}

/* A timer that is too early looks again, which is cheaper than to move it with each datagram. */
static void look(struct kg_turns *turns, uint64_t now_us)
{
	uint64_t due_us = kg_kcp_share_due_us(turns->share, now_us);

	stand(turns, due_us <= now_us);
	if (!turns->due && due_us < turns->timer.deadline_us)
		kg_twheel_arm(turns->session->wheel, &turns->timer, due_us);
}

static void on_timer(struct kg_timer *timer, uint64_t now_us)
{
	look(KG_CONTAINER_OF(timer, struct kg_turns, timer), now_us);
}

bool kg_turns_init(struct kg_turns *turns, struct kg_session *s)
{
	*turns = (struct kg_turns){
		.session = s,
		.timer = { .deadline_us = KG_NEVER_US, .fire = on_timer },
		.share = kg_kcp_share_create(s->mem, turns),
	};
	return turns->share != NULL;
}

void kg_turns_fini(struct kg_turns *turns)
{
	if (turns->share == NULL)
		return;
	stand(turns, false);
	kg_twheel_cancel(turns->session->wheel, &turns->timer);
	kg_kcp_share_destroy(turns->share);
}

void kg_turns_ask(struct kg_line *line, uint64_t now_us)
{
	if (line->open && kg_kcp_ask_turn(line->kcp, now_us))
		look(kg_kcp_share_user(line->kcp), now_us);
}

struct kg_line *kg_turns_next(struct kg_session *s, uint64_t now_us)
{
	struct kg_turns *turns;
	struct kg_line *line;

	while ((turns = TAILQ_FIRST(&s->turns)) != NULL) {
		look(turns, now_us);
		line = turns->due ? kg_kcp_share_turn(turns->share) : NULL;
		if (line == NULL)
			continue;
		TAILQ_REMOVE(&s->turns, turns, link);
		TAILQ_INSERT_TAIL(&s->turns, turns, link);
		return line;
	}
	return NULL;
}
