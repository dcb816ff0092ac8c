/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests other paths for a client's channels, and takes them there. */
#include "session/hop.h"

#include "session/internal.h"

/* Longer than an answer takes on the slowest way there is. */
#define TEST_MS 3000u
/* When a path is silent another port is asked every so often until one answers. */
#define ANOTHER_TEST_MS 250u
/* All that leave an address do so within that time, by chance. */
#define LEAVE_MS 1000u
/* Silence is told the host once in that time. */
#define TELL_US (5ull * KG_US_PER_S)

/* ---- time ---- */

static uint32_t ms_of(uint64_t us)
{
	return (uint32_t)(us / KG_US_PER_MS);
}

/* How long until then; 0 and below: it is past. */
static int32_t ms_until(uint32_t ms, uint64_t now_us)
{
	return (int32_t)(ms - ms_of(now_us));
}

void kg_hop_arm(struct kg_hop_path *hop, int32_t in_ms, uint64_t now_us)
{
	uint64_t in_us = (uint64_t)KG_MAX(in_ms, 1) * KG_US_PER_MS;

	kg_twheel_arm(hop->session->wheel, &hop->timer, now_us + in_us);
}

/* By chance, so that those that began together do not go on together. */
static uint32_t hop_after_ms(struct kg_session *s)
{
	uint32_t min_ms = s->config.hop_min_s * 1000, max_ms = s->config.hop_max_s * 1000;

	return kg_rng_between(s->rng, min_ms, max_ms);
}

static void on_timer(struct kg_timer *timer, uint64_t now_us);

void kg_hop_init(struct kg_hop_path *hop, struct kg_session *s)
{
	hop->session = s;
	hop->timer = (struct kg_timer){ .deadline_us = KG_NEVER_US, .fire = on_timer };
	hop->path.watched = true;
}

void kg_hop_fini(struct kg_hop_path *hop)
{
	kg_twheel_cancel(hop->session->wheel, &hop->timer);
	kg_hop_leave_list(hop);
}

struct kg_path *kg_hop_current(struct kg_path *path)
{
	struct kg_hop_path *hop = kg_hop_path(path);

	return hop->owner != NULL ? &hop->owner->path : path;
}

/* ---- testing ---- */

static struct kg_channel *any_channel(const struct kg_path *path)
{
	struct kg_line *line;

	LIST_FOREACH (line, &path->users, path_link) {
		if (line->kind == KG_LINE_CHANNEL && line->hooked)
			return kg_line_channel(line);
	}
	return NULL;
}

static void begin_test(struct kg_handshake *hs, struct kg_path *path, uint64_t now_us)
{
	kg_path_join(path, &hs->line);
	hs->line.open = hs->line.hooked = true;
	hs->expires_us = now_us + TEST_MS * KG_US_PER_MS;
	/* It gives way to a channel that needs the port. */
	kg_line_move(&hs->line, KG_HOME_SETTLED);
	kg_line_touch(&hs->line, now_us);
}

static void test(struct kg_hop_path *hop, const struct kg_endpoint *remote,
		 enum kg_hop_reason reason, uint64_t now_us)
{
	struct kg_session *s = hop->session;
	struct kg_channel *ch = any_channel(&hop->path);
	struct kg_handshake *hs;
	struct kg_path *path;

	if (ch == NULL || kg_hop_local_ports(hop) >= KG_HOP_PORTS_MAX)
		return;
	hs = s->talk->test(s, ch, now_us);
	path = hs != NULL ? kg_client_lease(s, remote, true) : NULL;
	if (path == NULL) {
		if (hs != NULL)
			kg_line_destroy(&hs->line);
		return;
	}
	path->reason = reason;
	kg_hop_put_beside(kg_hop_path(path), KG_PATH_TESTING, hop);
	begin_test(hs, path, now_us);
	kg_path_give(s, path);
	s->stats.path_tests++;
}

static void test_another(struct kg_hop_path *hop, enum kg_hop_reason reason, uint64_t now_us)
{
	struct kg_endpoint remote =
		kg_destination_pick(hop->session, NULL, &hop->path.ends.remote, now_us);

	if (!kg_endpoint_equal(&remote, &hop->path.ends.remote))
		test(hop, &remote, reason, now_us);
}

void kg_hop_widen(struct kg_path *path, uint64_t now_us)
{
	struct kg_session *s = kg_hop_path(path)->session;
	struct kg_destination *at = kg_destination_of(s, &path->ends.remote.ip);
	const struct kg_endpoint nowhere = { 0 };
	struct kg_endpoint remote;

	if (at == NULL)
		return;
	remote = kg_destination_pick(s, at, &nowhere, now_us);
	test(kg_hop_path(path), &remote, KG_HOP_WIDER, now_us);
}

static struct kg_handshake *test_of(const struct kg_path *path)
{
	struct kg_line *line = LIST_FIRST(&path->users);

	return path->state == KG_PATH_TESTING && line != NULL ? kg_line_handshake(line) : NULL;
}

static bool has_begun_test(const struct kg_hop_path *current, uint64_t now_us)
{
	const struct kg_handshake *hs;

	for (const struct kg_hop_path *at = current->beside; at != NULL; at = at->beside) {
		hs = test_of(&at->path);
		if (hs != NULL && now_us - hs->begun_us < ANOTHER_TEST_MS * KG_US_PER_MS)
			return true;
	}
	return false;
}

/* Where there is one place only, another local port is another path. */
void kg_hop_doubt(struct kg_path *path, uint64_t now_us)
{
	struct kg_hop_path *hop = kg_hop_path(path);
	struct kg_endpoint remote;

	if (path->state != KG_PATH_CURRENT || has_begun_test(hop, now_us))
		return;
	path->heard = false;
	kg_destination_doubt(hop->session, &path->ends.remote, now_us);
	remote = kg_destination_pick(hop->session, NULL, &path->ends.remote, now_us);
	test(hop, &remote, KG_HOP_SILENCE, now_us);
}

static void tell_of_silence(struct kg_session *s, const struct kg_ip *server)
{
	if (s->ops.silent == NULL || s->now_us < s->silence_told_us)
		return;
	s->silence_told_us = s->now_us + TELL_US;
	s->ops.silent(s->host, server);
}

/* One that gave way to a channel had no time for an answer. */
void kg_hop_unanswered(struct kg_handshake *hs)
{
	const struct kg_path *path = hs->line.path;
	struct kg_session *s = hs->line.session;

	s->stats.path_tests_failed++;
	if (s->now_us < hs->begun_us + KG_SILENT_MIN_MS * KG_US_PER_MS)
		return;
	kg_destination_rest(s, &path->ends.remote, s->now_us);
	if (path->reason == KG_HOP_SILENCE)
		tell_of_silence(s, &path->ends.remote.ip);
}

/* ---- hopping ---- */

static void follow(struct kg_channel *ch, struct kg_path *to, uint64_t now_us)
{
	kg_path_join(to, &ch->line);
	if (!ch->line.open)
		return;
	kg_peers_on_path(ch);
	ch->line.session->talk->follow(ch, to->reason == KG_HOP_SILENCE, now_us);
}

void kg_hop_go(struct kg_path *from, struct kg_path *to, enum kg_hop_proof proof, uint64_t now_us)
{
	struct kg_line *line, *next;

	for (line = LIST_FIRST(&from->users); line != NULL; line = next) {
		next = LIST_NEXT(line, path_link);
		if (line->kind != KG_LINE_CHANNEL)
			continue;
		if (to != NULL)
			follow(kg_line_channel(line), to, now_us);
		if (proof != KG_HOP_UNPROVED && line->open)
			line->session->talk->on_proof(kg_line_channel(line),
						      proof == KG_HOP_PROVED_AT_ONCE, now_us);
	}
}

void kg_hop_answered(struct kg_handshake *hs, uint64_t now_us)
{
	struct kg_hop_path *hop = kg_hop_path(hs->line.path), *old = hop->owner;
	struct kg_session *s = hop->session;
	enum kg_hop_proof proof =
		s->talk->has_asked_once(hs) ? KG_HOP_PROVED_AT_ONCE : KG_HOP_PROVED;

	if (hop->path.state != KG_PATH_TESTING || hop->path.answered) /* it comes late */
		return;
	hop->path.answered = true;
	kg_destination_wake(s, &hop->path.ends.remote);
	if (hop->path.reason == KG_HOP_SILENCE && old->path.heard) { /* of others */
		kg_hop_go(&old->path, NULL, proof, now_us);
		return;
	}
	if (hop->path.reason == KG_HOP_WIDER) {
		kg_hop_live(hop, now_us);
		return;
	}
	kg_hop_tell(s, &old->path, &hop->path, hop->path.reason);
	s->ops.port_share(s->host, hop->path.ends.local.port);
	kg_hop_take_over(hop, old, now_us);
	kg_hop_begin(&hop->path, now_us);
	kg_hop_go(&old->path, &hop->path, proof, now_us);
	kg_hop_follow_live(hop, now_us);
	hop->path.reason = KG_HOP_TIMER; /* from now on the reason to leave it */
}

/* ---- when ---- */

static uint32_t silent_ms(const struct kg_hop_path *hop)
{
	const struct kg_destination *destination =
		kg_destination_of(hop->session, &hop->path.ends.remote.ip);
	uint32_t rtt_ms = destination != NULL ? ms_of(destination->rtt_us) : 0;

	return KG_MAX(KG_SILENT_MIN_MS, KG_SILENT_RTTS * rtt_ms);
}

static bool data_waits(const struct kg_path *path)
{
	struct kg_line *line;

	LIST_FOREACH (line, &path->users, path_link) {
		if (line->kind == KG_LINE_CHANNEL && line->open &&
		    line->session->talk->waits(kg_line_channel(line)))
			return true;
	}
	return false;
}

void kg_hop_begin(struct kg_path *path, uint64_t now_us)
{
	struct kg_hop_path *hop = kg_hop_path(path);
	bool begun = hop->timer.link != NULL;

	if (begun || hop->session->config.hop_max_s == 0)
		return;
	hop->hop_ms = ms_of(now_us) + hop_after_ms(hop->session);
	path->watched = false;
	kg_hop_arm(hop, ms_until(hop->hop_ms, now_us), now_us);
}

void kg_hop_watch(struct kg_path *path, uint64_t now_us)
{
	struct kg_hop_path *hop = kg_hop_path(path);

	path->watched = true;
	path->heard = false;
	hop->look_ms = ms_of(now_us) + silent_ms(hop);
	kg_hop_arm(hop, KG_MIN(ms_until(hop->look_ms, now_us), ms_until(hop->hop_ms, now_us)),
		   now_us);
}

/* ---- the server has moved, or the host asks ---- */

static bool has_gone(const struct kg_hop_path *hop)
{
	return kg_destination_of(hop->session, &hop->path.ends.remote.ip) == NULL;
}

static void leave(struct kg_hop_path *hop, uint64_t now_us)
{
	bool begun = hop->timer.link != NULL;

	if (begun && ms_until(hop->hop_ms, now_us) <= (int32_t)LEAVE_MS)
		return;
	hop->hop_ms = ms_of(now_us) + kg_rng_below(hop->session->rng, LEAVE_MS);
	kg_hop_arm(hop, ms_until(hop->hop_ms, now_us), now_us);
}

static bool is_open(const struct kg_hop_path *hop)
{
	return true;
}

/* Those current paths that are meant. */
static void leave_all(struct kg_session *s, bool (*is_meant)(const struct kg_hop_path *hop),
		      enum kg_hop_reason reason, uint64_t now_us)
{
	struct kg_line *line;

	for (unsigned int home = KG_HOME_CHANNELS; kg_home_is_hosted(home); home++) {
		TAILQ_FOREACH (line, &s->homes[home], home_link) {
			struct kg_path *path = line->open ? line->path : NULL;

			if (path == NULL || path->state != KG_PATH_CURRENT ||
			    !is_meant(kg_hop_path(path)))
				continue;
			path->reason = reason;
			leave(kg_hop_path(path), now_us);
		}
	}
}

void kg_hop_follow(struct kg_session *s, uint64_t now_us)
{
	leave_all(s, has_gone, KG_HOP_ADDRESS, now_us);
}

void kg_session_hop(struct kg_session *s, uint64_t now_us)
{
	if (s->config.role == KG_ROLE_CLIENT)
		leave_all(s, is_open, KG_HOP_ASKED, now_us);
}

/* Nothing came since it is watched, and something should have. Else nobody waits any longer. */
static bool is_silent(struct kg_hop_path *hop, uint64_t now_us)
{
	if (hop->path.watched && (hop->path.heard || !data_waits(&hop->path)))
		hop->path.watched = false;
	return hop->path.watched && ms_until(hop->look_ms, now_us) <= 0;
}

/* Once: whoever asked sees whether it hops. */
static void test_asked(struct kg_hop_path *hop, uint64_t now_us)
{
	struct kg_endpoint remote =
		kg_destination_pick(hop->session, NULL, &hop->path.ends.remote, now_us);

	hop->path.reason = KG_HOP_TIMER;
	test(hop, &remote, KG_HOP_ASKED, now_us);
}

static void current_on_timer(struct kg_hop_path *hop, uint64_t now_us)
{
	int32_t look_in_ms = INT32_MAX;

	if (is_silent(hop, now_us)) {
		kg_hop_doubt(&hop->path, now_us);
		hop->look_ms = ms_of(now_us) + ANOTHER_TEST_MS;
	}
	if (ms_until(hop->hop_ms, now_us) <= 0) {
		if (has_gone(hop))
			test_another(hop, KG_HOP_ADDRESS, now_us);
		else if (hop->path.reason == KG_HOP_ASKED)
			test_asked(hop, now_us);
		else if (hop->session->config.hop_max_s != 0 &&
			 !kg_spread_renew(hop->session, &hop->path, now_us))
			test_another(hop, KG_HOP_TIMER, now_us);
		hop->hop_ms = ms_of(now_us) + TEST_MS; /* another one then */
	}
	if (hop->path.watched)
		look_in_ms = ms_until(hop->look_ms, now_us);
	kg_hop_arm(hop, KG_MIN(look_in_ms, ms_until(hop->hop_ms, now_us)), now_us);
}

static void on_timer(struct kg_timer *timer, uint64_t now_us)
{
	struct kg_hop_path *hop = KG_CONTAINER_OF(timer, struct kg_hop_path, timer);

	hop->session->now_us = now_us;
	if (hop->path.state == KG_PATH_CURRENT)
		current_on_timer(hop, now_us);
	else if (hop->path.state == KG_PATH_OLD)
		kg_hop_old_on_timer(hop, now_us);
}
