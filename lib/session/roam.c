/* SPDX-License-Identifier: BSD-3-Clause */
/* Follows a server's peer: first, asked and proved addresses. */
#include "session/roam.h"

#include "session/internal.h"

/* What a first address may get before it is proved: some datagrams, so that a question's answer
 * need not wait, and as much for each byte it sent as QUIC allows (RFC 9000 §8.1). */
#define FIRST_DATAGRAMS 4
#define CREDIT_FACTOR   3
/* A question that what is no news draws, at most one in this time. */
#define REPLAYS_US (50ull * KG_US_PER_MS)
/* A place that was in use so long ago is asked anew. */
#define KNOWN_US (10ull * KG_US_PER_S)
/* Nobody answers any more. */
#define GIVE_UP_US (5 * KG_US_PER_S)

static bool is_at(const struct kg_path *path, const struct kg_datagram *in)
{
	return kg_endpoint_equal(&path->ends.remote, &in->remote);
}

bool kg_roam_asks(const struct kg_channel *ch)
{
	return ch->roam != NULL && ch->roam->path != NULL;
}

static void stop_asking(struct kg_channel *ch)
{
	if (kg_roam_asks(ch))
		kg_path_give(ch->line.session, ch->roam->path);
	if (ch->roam != NULL)
		ch->roam->path = NULL;
	ch->line.asking &= (uint8_t)~KG_ASKING_WHERE;
	ch->line.limited = false;
}

static bool knows_places(const struct kg_roam *roam)
{
	bool any = false;

	for (unsigned int i = 0; i < KG_ROAM_KNOWN; i++)
		any |= roam->known[i].path != NULL;
	return any;
}

static void give_up(struct kg_channel *ch)
{
	stop_asking(ch);
	if (ch->roam != NULL && !knows_places(ch->roam))
		kg_roam_forget(ch);
}

void kg_roam_forget(struct kg_channel *ch)
{
	struct kg_session *s = ch->line.session;

	stop_asking(ch);
	if (ch->roam == NULL)
		return;
	for (unsigned int i = 0; i < KG_ROAM_KNOWN; i++) {
		if (ch->roam->known[i].path != NULL)
			kg_path_give(s, ch->roam->known[i].path);
	}
	kg_mem_free(s->mem, ch->roam, sizeof(*ch->roam));
	ch->roam = NULL;
}

static uint64_t give_up_us(const struct kg_roam *roam)
{
	return KG_MAX(roam->begun_us, roam->asked_us) + GIVE_UP_US;
}

/* The first of the known places is to be forgotten. */
static uint64_t forget_us(const struct kg_roam *roam)
{
	uint64_t first_us = KG_NEVER_US;

	for (unsigned int i = 0; i < KG_ROAM_KNOWN; i++) {
		if (roam->known[i].path != NULL)
			first_us = KG_MIN(first_us, roam->known[i].left_us + KNOWN_US);
	}
	return first_us;
}

uint64_t kg_roam_timeout_us(const struct kg_channel *ch)
{
	uint64_t next_us = ch->roam != NULL ? forget_us(ch->roam) : KG_NEVER_US;

	if (!kg_roam_asks(ch) || ch->line.limited)
		return next_us;
	return KG_MIN(next_us, give_up_us(ch->roam));
}

static struct kg_tuple ends_of(const struct kg_datagram *in)
{
	return (struct kg_tuple){ in->local, in->remote };
}

/* Without memory the peer stays where it was. */
static bool go(struct kg_channel *ch, const struct kg_datagram *in)
{
	struct kg_tuple ends = ends_of(in);

	if (!kg_line_go(&ch->line, &ends))
		return false;
	kg_peers_on_path(ch);
	ch->line.open = true;
	return true;
}

static bool begin(struct kg_channel *ch, const struct kg_datagram *in, uint64_t now_us)
{
	struct kg_session *s = ch->line.session;
	struct kg_tuple ends = ends_of(in);
	struct kg_path *path = kg_path_take(s, &ends);
	struct kg_roam *roam = ch->roam != NULL ? ch->roam : kg_mem_alloc(s->mem, sizeof(*roam));

	if (path == NULL || roam == NULL) {
		if (roam != ch->roam)
			kg_mem_free(s->mem, roam, sizeof(*roam));
		if (path != NULL)
			kg_path_give(s, path);
		return false;
	}
	stop_asking(ch);
	ch->roam = roam;
	kg_channel_reckon(ch);
	roam->path = path;
	roam->begun_us = now_us;
	roam->asked_us = 0;
	roam->ts = (uint32_t)kg_rng_next(s->rng);
	roam->order = s->talk->next_order(ch);
	roam->credit_bytes = FIRST_DATAGRAMS * s->config.kcp.mtu;
	roam->asked = roam->news = false;
	return true;
}

/* ---- first ---- */

static void earn(struct kg_channel *ch, const struct kg_datagram *in)
{
	ch->roam->credit_bytes += CREDIT_FACTOR * in->len;
	ch->line.open = ch->roam->credit_bytes > 0;
}

void kg_roam_spend(struct kg_channel *ch, uint16_t bytes)
{
	ch->roam->credit_bytes -= bytes;
	ch->line.open = ch->roam->credit_bytes > 0;
}

static void come_first(struct kg_channel *ch, const struct kg_datagram *in, uint64_t now_us)
{
	bool told =
		kg_ip_equal(&ch->line.path->ends.remote.ip, &in->remote.ip) && !ch->line.limited;

	if (!told && !begin(ch, in, now_us))
		return;
	ch->line.limited = !told;
	if (go(ch, in) && !told)
		earn(ch, in);
}

/* ---- asked ---- */

/* Whether this datagram's address is asked, or begins to be. */
static bool is_asked(struct kg_channel *ch, const struct kg_datagram *in, bool news,
		     uint64_t now_us)
{
	const struct kg_roam *roam = kg_roam_asks(ch) ? ch->roam : NULL;
	int32_t credit_bytes = roam == NULL ? 0 : roam->credit_bytes;
	bool limited = ch->line.limited;

	if (roam != NULL && is_at(roam->path, in))
		return true;
	if (roam != NULL && now_us - roam->begun_us < KG_ROAM_ASK_US && (!news || roam->news))
		return false;
	if (!begin(ch, in, now_us))
		return false;
	ch->line.limited = limited;
	if (limited) /* what the first address may still get stays as it was */
		ch->roam->credit_bytes = credit_bytes;
	return true;
}

static void ask(struct kg_channel *ch, const struct kg_datagram *in, bool news, uint64_t now_us)
{
	struct kg_roam *roam = ch->roam;

	roam->news |= news;
	if (!news && roam->asked_us != 0 && now_us - roam->asked_us < REPLAYS_US)
		return;
	roam->asked_us = now_us;
	roam->heard_bytes = in->len;
	ch->line.asking |= KG_ASKING_WHERE;
	ch->line.session->talk->prepare_question(ch, now_us);
}

/* ---- known ---- */

static bool is_in_several_places(const struct kg_channel *ch)
{
	return (ch->capabilities & KG_CAPABILITY_PLACES) != 0;
}

/* A free place, or that of the one that was left longest ago. */
static struct kg_roam_place *place_for(struct kg_roam *roam)
{
	struct kg_roam_place *oldest = &roam->known[0];

	for (unsigned int i = 0; i < KG_ROAM_KNOWN; i++) {
		if (roam->known[i].path == NULL)
			return &roam->known[i];
		if (roam->known[i].left_us < oldest->left_us)
			oldest = &roam->known[i];
	}
	return oldest;
}

static struct kg_roam_place *known_place(const struct kg_channel *ch, const struct kg_datagram *in)
{
	struct kg_roam_place *known = ch->roam != NULL ? ch->roam->known : NULL;

	for (unsigned int i = 0; known != NULL && i < KG_ROAM_KNOWN; i++) {
		if (known[i].path != NULL && is_at(known[i].path, in))
			return &known[i];
	}
	return NULL;
}

/* The place that was asked. */
static void know(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_roam_place *place = place_for(ch->roam);
	struct kg_path *path = ch->roam->path;

	if (place->path != NULL)
		kg_path_give(ch->line.session, place->path);
	path->holds++;
	path->state = KG_PATH_LIVE;
	*place = (struct kg_roam_place){ path, now_us };
	stop_asking(ch);
	kg_channel_reckon(ch);
}

/* The place and the address in use change places. What the channel shares with others stays,
 * wherever it leads through. */
static void change(struct kg_channel *ch, struct kg_roam_place *place, uint64_t now_us)
{
	struct kg_path *before = ch->line.path, *path = place->path;

	before->holds++;
	before->state = KG_PATH_LIVE;
	*place = (struct kg_roam_place){ before, now_us };
	path->mtu = before->mtu;
	kg_path_join(path, &ch->line);
	kg_path_give(ch->line.session, path);
}

static void forget_left(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_roam_place *known = ch->roam->known;

	for (unsigned int i = 0; i < KG_ROAM_KNOWN; i++) {
		if (known[i].path == NULL || known[i].left_us + KNOWN_US > now_us)
			continue;
		kg_path_give(ch->line.session, known[i].path);
		known[i].path = NULL;
	}
}

void kg_roam_on_timer(struct kg_channel *ch, uint64_t now_us)
{
	if (kg_roam_asks(ch) && !ch->line.limited && now_us >= give_up_us(ch->roam))
		stop_asking(ch);
	forget_left(ch, now_us);
	if (!kg_roam_asks(ch))
		give_up(ch);
}

/* ---- where it is ---- */

static void stay(struct kg_channel *ch, const struct kg_datagram *in, unsigned int events)
{
	struct kg_line *line = &ch->line;

	/* Answers come from where the latest news arrived. */
	if ((events & KG_KCP_ADVANCED) != 0 &&
	    !kg_endpoint_equal(&line->path->ends.local, &in->local))
		go(ch, in);
	if (!line->limited)
		return;
	if ((events & KG_KCP_ECHOED) == 0) {
		earn(ch, in);
		return;
	}
	give_up(ch);
	line->open = true;
}

/* ---- both ---- */

static void move(struct kg_channel *ch, const struct kg_datagram *in)
{
	struct kg_session *s = ch->line.session;
	struct kg_endpoint from = ch->line.path->ends.remote;

	if (!go(ch, in))
		return;
	s->stats.peer_moves++;
	if (s->ops.moved != NULL)
		s->ops.moved(s->host, ch->conv, &from, &in->remote);
	s->talk->lose_before(ch, ch->roam->order);
	give_up(ch);
}

static bool is_answer(const struct kg_channel *ch, unsigned int events)
{
	return (events & KG_KCP_ANSWERED) != 0 && kg_roam_asks(ch) && ch->roam->asked;
}

static void come_from_elsewhere(struct kg_channel *ch, const struct kg_datagram *in,
				unsigned int events, uint64_t now_us)
{
	bool news = (events & KG_KCP_ADVANCED) != 0;
	struct kg_roam_place *place = known_place(ch, in);

	if (place != NULL && news) {
		change(ch, place, now_us);
		stay(ch, in, events);
		return;
	}
	if (place != NULL || !is_asked(ch, in, news, now_us))
		return;
	if (is_answer(ch, events))
		move(ch, in);
	else
		ask(ch, in, news, now_us);
}

bool kg_roam_output(struct kg_channel *ch, struct kg_datagram *out, uint64_t now_us)
{
	struct kg_line *line = &ch->line;

	out->len = line->session->talk->question(ch, ch->roam->ts, ch->roam->heard_bytes, now_us,
						 out->data);
	if (out->len == 0)
		return false;
	out->mtu = 0;
	out->local = ch->roam->path->ends.local;
	out->remote = ch->roam->path->ends.remote;
	line->asking &= (uint8_t)~KG_ASKING_WHERE;
	ch->roam->asked = true;
	return true;
}

void kg_roam_heard(struct kg_channel *ch, const struct kg_datagram *in, unsigned int events,
		   uint64_t now_us)
{
	const struct kg_line *line = &ch->line;
	bool news = (events & KG_KCP_ADVANCED) != 0;

	if (line->session->config.role == KG_ROLE_CLIENT)
		return;
	if (is_in_several_places(ch) && !line->limited && is_answer(ch, events))
		know(ch, now_us);
	if (is_at(line->path, in))
		stay(ch, in, events);
	else if (line->path->ends.remote.port == 0 || (line->limited && news))
		come_first(ch, in, now_us);
	else
		come_from_elsewhere(ch, in, events, now_us);
}
