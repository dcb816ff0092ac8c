/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of peers by their IP address, shared by all channels there: the size of packets
 * that pass to them, and how fast they may go (permits.c). A channel begins with what is known, or
 * as small as paths may be; one that has been heard asks for its peer, by probes that its KCP
 * understands (kg_kcp_probe).
 *
 * Nothing here is done at fixed times: a round of probes has a timer, all else waits until a
 * channel hears something.
 */
#include "session/internal.h"
#include "session/witnesses.h"

#include <string.h>

#include "net/frame.h"

#define PEERS_MAX     4096 /* that no channel waits at: the one not used for longest goes */
#define RTT_GUESS_US  (200u * KG_US_PER_MS)
#define TOLD_EVERY_US (20ull * KG_US_PER_MS) /* for what routers say we look at all channels */

struct kg_peer {
	TAILQ_ENTRY(kg_peer) link;
	struct kg_by_ip at;
	struct kg_session *session;
	uint32_t asker; /* conv of the channel that probes, or did last */
	uint32_t ts;    /* of its probes */
	bool asked;     /* of the round under way one has left; before, answers are of another */
	uint16_t told;  /* what the host was told */
	struct kg_pmtu pmtu;
	struct kg_witnesses witnesses; /* of a check */
	struct kg_timer timer;         /* a round ends */
	struct kg_permits permits;
};

/* ---- sizes ---- */

static bool is_on(const struct kg_session *s)
{
	return s->config.path_mtu_max != 0 && !s->config.bare;
}

static uint16_t headers(uint8_t version)
{
	return kg_ip_header_bytes(version) + KG_UDP_BYTES;
}

/* What is around KCP's bytes in an IP packet, at most. */
static uint16_t around(const struct kg_session *s, uint8_t version)
{
	return headers(version) + s->config.seal_bytes + kg_framing_overhead_bytes(s->config.fec);
}

/* More than KCP's own mtu is of no use. */
static uint16_t ceiling_of(const struct kg_session *s, uint8_t version)
{
	return KG_MIN(s->config.path_mtu_max, s->config.kcp.mtu + around(s, version));
}

/* ---- the table ---- */

static struct kg_peer *find(const struct kg_session *s, const struct kg_ip *ip)
{
	struct kg_by_ip *at = kg_by_ip_find(s, &s->peers, ip);

	return at != NULL ? KG_CONTAINER_OF(at, struct kg_peer, at) : NULL;
}

static void destroy(struct kg_peer *peer)
{
	struct kg_session *s = peer->session;

	kg_by_ip_remove(&s->peers, &peer->at);
	TAILQ_REMOVE(&s->peer_list, peer, link);
	s->peer_count--;
	kg_twheel_cancel(s->wheel, &peer->timer);
	kg_permits_fini(&peer->permits);
	kg_mem_free(s->mem, peer, sizeof(*peer));
}

static void on_timer(struct kg_timer *timer, uint64_t now_us);

static struct kg_peer *create(struct kg_session *s, const struct kg_ip *ip)
{
	struct kg_peer *peer = kg_mem_alloc(s->mem, sizeof(*peer));

	if (peer == NULL)
		return NULL;
	peer->session = s;
	peer->timer = (struct kg_timer){ .deadline_us = KG_NEVER_US, .fire = on_timer };
	if (s->config.path_mtu_set)
		kg_pmtu_init_set(&peer->pmtu, ceiling_of(s, ip->version));
	else if (is_on(s))
		kg_pmtu_init(&peer->pmtu, kg_path_mtu_min(ip->version), ceiling_of(s, ip->version));
	if (!kg_by_ip_insert(s, &s->peers, &peer->at, ip)) {
		kg_mem_free(s->mem, peer, sizeof(*peer));
		return NULL;
	}
	TAILQ_INSERT_TAIL(&s->peer_list, peer, link);
	s->peer_count++;
	if (s->config.kcp.rate_auto)
		kg_permits_init(&peer->permits, s);
	return peer;
}

/* Those with channels stay, however many. */
static void make_room(struct kg_session *s)
{
	struct kg_peer *peer = TAILQ_FIRST(&s->peer_list);

	if (!kg_kcp_share_is_used(peer->permits.share)) {
		destroy(peer);
		return;
	}
	TAILQ_REMOVE(&s->peer_list, peer, link);
	TAILQ_INSERT_TAIL(&s->peer_list, peer, link);
}

static struct kg_peer *find_or_create(struct kg_session *s, const struct kg_ip *ip)
{
	struct kg_peer *peer = find(s, ip);

	if (peer == NULL && s->peer_count >= PEERS_MAX)
		make_room(s);
	if (peer == NULL)
		return create(s, ip);
	TAILQ_REMOVE(&s->peer_list, peer, link);
	TAILQ_INSERT_TAIL(&s->peer_list, peer, link);
	return peer;
}

struct kg_permits *kg_peers_permits(const struct kg_session *s, const struct kg_ip *ip)
{
	struct kg_peer *peer = find(s, ip);

	return peer != NULL ? &peer->permits : NULL;
}

void kg_peers_fini(struct kg_session *s)
{
	while (!TAILQ_EMPTY(&s->peer_list))
		destroy(TAILQ_FIRST(&s->peer_list));
	kg_u32map_fini(&s->peers);
}

/* ---- channels ---- */

enum kg_pmtu_how kg_peers_mtu_how(const struct kg_session *s, const struct kg_path *path)
{
	const struct kg_peer *peer = is_on(s) ? find(s, &path->ends.remote.ip) : NULL;

	return peer != NULL ? peer->pmtu.how : KG_PMTU_UNKNOWN;
}

void kg_peers_get_info(const struct kg_channel *ch, struct kg_channel_info *info)
{
	const struct kg_session *s = ch->line.session;

	if (!is_on(s) || ch->line.path == NULL)
		return;
	info->path_mtu = ch->line.path->mtu;
	info->path_mtu_how = kg_peers_mtu_how(s, ch->line.path);
}

static void fit(struct kg_line *line, uint16_t mtu)
{
	const struct kg_session *s = line->session;
	uint16_t kcp_mtu = mtu - around(s, line->path->ends.remote.ip.version);

	line->path->mtu = mtu;
	kg_kcp_set_mtu(line->kcp, KG_MIN(kcp_mtu, s->config.kcp.mtu));
}

/* Nothing is left to be found. */
static bool is_settled(const struct kg_pmtu *pmtu)
{
	return pmtu->state == KG_PMTU_REST && pmtu->mtu == pmtu->ceiling;
}

static void share(struct kg_line *line)
{
	struct kg_session *s = line->session;
	struct kg_peer *peer;

	if (!s->config.kcp.rate_auto || line->kcp == NULL)
		return;
	peer = find_or_create(s, &line->path->ends.remote.ip);
	kg_permits_join(line, peer != NULL ? &peer->permits : NULL);
}

void kg_peers_on_path(struct kg_channel *ch)
{
	struct kg_session *s = ch->line.session;
	const struct kg_ip *ip = &ch->line.path->ends.remote.ip;
	const struct kg_peer *peer;

	share(&ch->line);
	kg_spread_meet(ch);
	if (!is_on(s))
		return;
	peer = s->config.path_mtu_set ? find_or_create(s, ip) : find(s, ip);
	fit(&ch->line, peer != NULL
			       ? peer->pmtu.mtu
			       : KG_MIN(kg_path_mtu_min(ip->version), ceiling_of(s, ip->version)));
	ch->sizing = peer == NULL || !is_settled(&peer->pmtu);
	ch->line.probes = 0;
}

static void each_channel(struct kg_peer *peer, void (*on_channel)(struct kg_channel *ch, void *ctx),
			 void *ctx)
{
	struct kg_session *s = peer->session;
	struct kg_line *line;

	for (unsigned int home = KG_HOME_CHANNELS; kg_home_is_hosted(home); home++) {
		TAILQ_FOREACH (line, &s->homes[home], home_link) {
			if (line->path != NULL &&
			    kg_ip_equal(&line->path->ends.remote.ip, &peer->at.ip))
				on_channel(kg_line_channel(line), ctx);
		}
	}
}

static void fit_one(struct kg_channel *ch, void *mtu)
{
	fit(&ch->line, *(const uint16_t *)mtu);
	ch->sizing = true;
}

static void fit_all(struct kg_peer *peer)
{
	each_channel(peer, fit_one, &peer->pmtu.mtu);
}

/* ---- suspicion ---- */

static void check_one(struct kg_channel *ch, void *ctx)
{
	ch->line.path->checked = true;
}

/* Long packets seem to be lost: what becomes of those that leave now? */
static void suspect(struct kg_peer *peer, uint64_t now_us)
{
	if (!kg_pmtu_on_suspicion(&peer->pmtu, now_us))
		return;
	peer->witnesses.count = 0;
	each_channel(peer, check_one, NULL);
}

/* Its acknowledgement is to be heard. */
void kg_peers_on_sent(struct kg_line *line, uint16_t bytes)
{
	const struct kg_session *s = line->session;
	const struct kg_ip *ip = &line->path->ends.remote.ip;
	struct kg_peer *peer = find(s, ip);
	uint16_t packet = bytes + s->config.seal_bytes + headers(ip->version);

	line->path->checked = peer != NULL && peer->pmtu.state == KG_PMTU_CHECK;
	if (!line->path->checked || packet <= peer->pmtu.passed || packet > peer->pmtu.mtu)
		return;
	kg_witnesses_add(&peer->witnesses, kg_line_channel(line)->conv,
			 kg_kcp_next_order(line->kcp) - 1, packet);
	kg_line_channel(line)->sizing = true;
}

static void hear_witness(struct kg_peer *peer, const struct kg_channel *ch, uint64_t now_us)
{
	uint16_t packet =
		kg_witnesses_hear(&peer->witnesses, ch->conv, kg_kcp_newest_order(ch->line.kcp));

	if (packet > 0)
		kg_pmtu_on_passed(&peer->pmtu, packet, now_us);
}

/* ---- probes ---- */

static struct kg_channel *asker_of(struct kg_peer *peer)
{
	struct kg_channel *ch = kg_channel_find(peer->session, peer->asker);

	while (ch != NULL && (ch->line.path == NULL ||
			      !kg_ip_equal(&ch->line.path->ends.remote.ip, &peer->at.ip)))
		ch = ch->namesake;
	return ch;
}

static bool may_ask(const struct kg_channel *ch)
{
	return ch->line.open && !kg_roam_asks(ch) && !ch->line.limited &&
	       kg_kcp_was_heard(ch->line.kcp);
}

static void tell(struct kg_peer *peer)
{
	struct kg_session *s = peer->session;

	if (s->ops.path_mtu == NULL || peer->told == peer->pmtu.mtu)
		return;
	peer->told = peer->pmtu.mtu;
	s->ops.path_mtu(s->host, &peer->at.ip, peer->pmtu.mtu, peer->pmtu.how);
}

/* Goes on with the search as far as it is time to; `before`: the size when something came in. */
static void proceed(struct kg_peer *peer, struct kg_channel *ch, uint16_t before, uint64_t now_us)
{
	struct kg_pmtu *pmtu = &peer->pmtu;

	if (may_ask(ch) && kg_pmtu_due_us(pmtu) <= now_us) {
		uint32_t rtt_us = kg_kcp_rtt_us(ch->line.kcp);

		ch->line.probes =
			(uint8_t)kg_pmtu_poll(pmtu, now_us, rtt_us != 0 ? rtt_us : RTT_GUESS_US);
		peer->asker = ch->conv;
		peer->asked = false;
		peer->ts = kg_kcp_probe_ts(ch->line.kcp, (uint32_t)kg_rng_next(peer->session->rng));
	}
	if (pmtu->mtu < before)
		fit_all(peer);
	else /* another one on its path may have been told before */
		fit(&ch->line, pmtu->mtu);
	ch->sizing = !is_settled(pmtu);
	if (pmtu->mtu < before || pmtu->state == KG_PMTU_REST)
		tell(peer);
	kg_twheel_arm(peer->session->wheel, &peer->timer,
		      pmtu->count > 0 ? kg_pmtu_due_us(pmtu) : KG_NEVER_US);
	kg_line_touch(&ch->line, now_us);
}

static void on_timer(struct kg_timer *timer, uint64_t now_us)
{
	struct kg_peer *peer = KG_CONTAINER_OF(timer, struct kg_peer, timer);
	struct kg_channel *ch = asker_of(peer);

	peer->session->now_us = now_us;
	if (ch != NULL)
		proceed(peer, ch, peer->pmtu.mtu, now_us);
}

/* A channel whose very first segments do not arrive cannot ask: they go in the smallest pieces
 * until it is heard. */
static void shrink(struct kg_channel *ch)
{
	struct kg_session *s = ch->line.session;
	uint8_t version = ch->line.path->ends.remote.ip.version;

	fit(&ch->line, KG_MIN(kg_path_mtu_min(version), ceiling_of(s, version)));
	ch->sizing = true;
	kg_line_touch(&ch->line, s->now_us);
}

void kg_peers_on_heard(struct kg_channel *ch, unsigned int events, uint64_t now_us)
{
	struct kg_session *s = ch->line.session;
	unsigned int answered = events >> KG_KCP_PROBED_SHIFT;
	struct kg_peer *peer;
	uint16_t before;

	kg_kcp_take_repeating(ch->line.kcp);
	if (!is_on(s) || ch->line.path == NULL)
		return;
	if (!kg_kcp_was_heard(ch->line.kcp) && !s->config.path_mtu_set) {
		shrink(ch);
		return;
	}
	peer = find_or_create(s, &ch->line.path->ends.remote.ip);
	if (peer == NULL)
		return;
	before = peer->pmtu.mtu;
	for (unsigned int i = 0; i < KG_PMTU_PROBES && peer->asker == ch->conv; i++) {
		if (peer->asked && (answered & 1u << i) != 0)
			kg_pmtu_on_answer(&peer->pmtu, i, now_us);
	}
	hear_witness(peer, ch, now_us);
	if ((events & KG_KCP_REPEATING) != 0)
		suspect(peer, now_us);
	proceed(peer, ch, before, now_us);
}

bool kg_peers_output(struct kg_line *line, struct kg_datagram *out, uint64_t now_us)
{
	const struct kg_session *s = line->session;
	const struct kg_ip *ip = &line->path->ends.remote.ip;
	struct kg_peer *peer = find(s, ip);
	unsigned int nth;

	if (peer == NULL || line->probes > peer->pmtu.count) {
		line->probes = 0;
		return false;
	}
	nth = peer->pmtu.count - line->probes;
	out->len = kg_framing_probe(&line->framing, line->kcp, peer->ts, nth,
				    peer->pmtu.sizes[nth] - headers(ip->version) -
					    s->config.seal_bytes,
				    now_us, out->data);
	if (out->len == 0)
		return false;
	out->mtu = KG_DATAGRAM_WHOLE;
	peer->asked |= peer->asker == kg_line_channel(line)->conv;
	line->probes--;
	return true;
}

/* ---- routers ---- */

static bool is_path(const struct kg_session *s, const struct kg_tuple *ends)
{
	const struct kg_path *path = kg_path_find(s, ends);

	return path != NULL && !LIST_EMPTY(&path->users) &&
	       kg_endpoint_equal(&path->ends.remote, &ends->remote);
}

bool kg_session_too_big(struct kg_session *s, const struct kg_tuple *ends, uint16_t mtu,
			uint64_t now_us)
{
	struct kg_peer *peer;

	if (!is_on(s) || now_us < s->told_us || !is_path(s, ends))
		return false;
	peer = find(s, &ends->remote.ip);
	if (peer == NULL || !kg_pmtu_on_too_big(&peer->pmtu, mtu, now_us))
		return false;
	s->told_us = now_us + TOLD_EVERY_US;
	fit_all(peer);
	tell(peer);
	return true;
}
