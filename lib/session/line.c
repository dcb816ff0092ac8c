/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps lines: their names, homes, timers, who is ready, and takes datagrams out of them. */
#include "session/bare.h"
#include "session/stale.h"

/* By enum kg_line_kind: a line has no room for a pointer. */
static const struct kg_line_ops *ops_of(const struct kg_line *line)
{
	return line->session->talk->kinds[line->kind];
}

static void on_timer(struct kg_timer *timer, uint64_t now_us)
{
	struct kg_line *line = KG_CONTAINER_OF(timer, struct kg_line, timer);

	if (line->home == KG_HOME_RETIRED) {
		kg_line_destroy(line);
		return;
	}
	line->session->now_us = now_us;
	ops_of(line)->on_timer(line, now_us);
	kg_line_touch(line, now_us);
}

bool kg_line_init(struct kg_line *line, struct kg_session *s, enum kg_line_kind kind,
		  const struct kg_kcp_params *params, uint64_t now_us)
{
	line->session = s;
	line->kind = (uint8_t)kind;
	line->timer = (struct kg_timer){ .deadline_us = KG_NEVER_US, .fire = on_timer };
	if (params == NULL)
		return true;
	kg_framing_init(&line->framing, s->config.fec);
	line->kcp = kg_kcp_create(params, s->mem, s->pool, now_us);
	return line->kcp != NULL;
}

/*
 * Names. A channel is known by its conv. Servers choose these: at a client, channels of different
 * servers, or of one that was restarted, may have the same. They must talk from different ports.
 */
struct kg_channel *kg_channel_find(const struct kg_session *s, uint32_t conv)
{
	return kg_u32map_lookup(&s->by_conv, conv);
}

static bool is_taken(const struct kg_session *s, const struct kg_channel *first,
		     const struct kg_path *path)
{
	if (s->config.role == KG_ROLE_SERVER)
		return first != NULL;
	while (first != NULL && first->line.path->ends.local.port != path->ends.local.port)
		first = first->namesake;
	return first != NULL;
}

bool kg_channel_hook(struct kg_channel *ch, struct kg_path *path)
{
	struct kg_session *s = ch->line.session;

	if (is_taken(s, kg_channel_find(s, ch->conv), path))
		return false;
	/* The slot that was just freed takes them back. */
	ch->namesake = kg_u32map_remove(&s->by_conv, ch->conv);
	if (!kg_u32map_insert(&s->by_conv, ch->conv, ch))
		return false;
	kg_path_join(path, &ch->line);
	ch->line.hooked = true;
	return true;
}

void kg_channel_forget(struct kg_channel *ch)
{
	struct kg_u32map *by_conv = &ch->line.session->by_conv;
	struct kg_channel *head = kg_u32map_remove(by_conv, ch->conv), **at = &head;

	while (*at != ch)
		at = &(*at)->namesake;
	*at = ch->namesake;
	if (head != NULL)
		kg_u32map_insert(by_conv, ch->conv, head);
}

static void fall_silent(struct kg_line *line)
{
	line->open = false;
	line->asking = line->probes = 0;
	if (line->kcp != NULL)
		kg_permits_join(line, NULL);
	if (line->ready)
		TAILQ_REMOVE(&line->session->ready, line, ready_link);
	line->ready = false;
}

void kg_line_unhook(struct kg_line *line)
{
	bool hooked = line->hooked;

	fall_silent(line);
	line->hooked = false;
	if (hooked)
		ops_of(line)->unhook(line);
}

/* Lines that are done give way: to others of their kind, and to new ones when memory is no longer
 * plenty. Two for each that comes, so that they become fewer without a pause. */
static void thin_out(struct kg_session *s, enum kg_home home)
{
	bool plenty = kg_mem_allows(s->mem, s->mem->soft_limit_bytes / 2);
	uint32_t max = plenty ? s->config.channels_max : s->config.channels_max / 16 + 1;

	for (int i = 0; i < 2 && s->home_counts[home] > max; i++)
		kg_line_retire(TAILQ_FIRST(&s->homes[home]));
}

static void count(struct kg_line *line, uint32_t by)
{
	struct kg_session *s = line->session;

	s->home_counts[line->home] += by;
	if (kg_home_is_hosted(line->home) && kg_line_channel(line)->protocol == KG_PROTOCOL_UDP)
		s->udp_channels += by;
}

void kg_line_move(struct kg_line *line, enum kg_home home)
{
	struct kg_session *s = line->session;

	if (s->tour == line)
		s->tour = TAILQ_NEXT(line, home_link);
	if (line->home != KG_HOME_NONE) {
		TAILQ_REMOVE(&s->homes[line->home], line, home_link);
		count(line, (uint32_t)-1);
	}
	line->home = (uint8_t)home;
	if (home == KG_HOME_NONE)
		return;
	TAILQ_INSERT_TAIL(&s->homes[home], line, home_link);
	count(line, 1);
	if (home >= KG_HOME_ANSWERED && home <= KG_HOME_LINGERING)
		thin_out(s, home);
}

void kg_line_retire(struct kg_line *line)
{
	kg_line_unhook(line);
	kg_path_leave(line);
	kg_line_move(line, KG_HOME_RETIRED);
	kg_twheel_arm(line->session->wheel, &line->timer, 0);
}

void kg_line_destroy(struct kg_line *line)
{
	struct kg_session *s = line->session;

	kg_line_unhook(line);
	kg_path_leave(line);
	kg_line_move(line, KG_HOME_NONE);
	kg_twheel_cancel(s->wheel, &line->timer);
	kg_framing_fini(&line->framing);
	if (line->kcp != NULL)
		kg_kcp_destroy(line->kcp);
	ops_of(line)->free(line);
}

/* When it has something to send. */
static uint64_t due_us(const struct kg_line *line)
{
	if (!line->open)
		return KG_NEVER_US;
	return line->kcp != NULL ? kg_framing_deadline_us(&line->framing, line->kcp)
				 : ops_of(line)->due_us(line);
}

/* A channel is asked after each message: without its table, which would cost. */
static uint64_t timeout_us(struct kg_line *line, uint64_t now_us)
{
	return line->kind == KG_LINE_CHANNEL && line->kcp != NULL
		       ? kg_channel_timeout_us(line, now_us)
		       : ops_of(line)->timeout_us(line, now_us);
}

/* What is ready needs no timer to be sent. */
static void arm(struct kg_line *line, uint64_t send_us, uint64_t now_us)
{
	uint64_t deadline_us = timeout_us(line, now_us);

	if (!line->ready)
		deadline_us = KG_MIN(deadline_us, send_us);
	kg_twheel_arm(line->session->wheel, &line->timer, deadline_us);
}

void kg_line_touch(struct kg_line *line, uint64_t now_us)
{
	uint64_t send_us;

	if (line->home == KG_HOME_RETIRED)
		return;
	if (line->kcp != NULL)
		kg_permits_ask(line, now_us);
	send_us = line->ready ? now_us : due_us(line);
	if (!line->ready && (line->asking != 0 || line->probes > 0 || send_us <= now_us)) {
		line->ready = true;
		TAILQ_INSERT_TAIL(&line->session->ready, line, ready_link);
	}
	arm(line, send_us, now_us);
}

size_t kg_line_say(struct kg_line *line, const struct kg_message *message, uint64_t now_us)
{
	uint8_t bytes[KG_CONTROL_MAX_BYTES];
	size_t len = kg_message_encode(bytes, sizeof(bytes), message);
	uint16_t mss = kg_kcp_mss(line->kcp);
	struct kg_buf *chain;

	chain = kg_buf_chain_copy_for(line->session->pool, bytes, len, mss, mss, KG_BUF_VITAL);
	if (chain == NULL)
		return 0;
	if (kg_kcp_send(line->kcp, chain, now_us))
		return len;
	kg_buf_free_chain(chain);
	return 0;
}

bool kg_line_hear(struct kg_buf *chain, struct kg_message *message,
		  uint8_t bytes[KG_CONTROL_MAX_BYTES])
{
	size_t len = kg_buf_chain_len(chain);
	bool fits = len <= KG_CONTROL_MAX_BYTES;

	if (fits)
		kg_buf_chain_gather(chain, bytes);
	kg_buf_free_chain(chain);
	return fits && kg_message_decode(message, bytes, len) == KG_DROP_NONE;
}

static uint16_t kcp_body(struct kg_line *line, uint64_t now_us, uint8_t *body)
{
	if (KG_UNLIKELY(line->session->config.udp_deadline_ms != 0))
		return kg_stale_output(line, now_us, body);
	return kg_framing_output(&line->framing, line->kcp, now_us, body);
}

static uint16_t kcp_output(struct kg_line *line, uint64_t now_us, uint8_t *body)
{
	uint32_t before;
	uint16_t len;

	if (KG_LIKELY(!line->path->checked))
		return kcp_body(line, now_us, body);
	before = kg_kcp_next_order(line->kcp);
	len = kcp_body(line, now_us, body);
	if (kg_kcp_next_order(line->kcp) != before)
		kg_peers_on_sent(line, len);
	return len;
}

static bool line_output(struct kg_line *line, struct kg_datagram *out, uint64_t now_us)
{
	const struct kg_path *path;

	if ((line->asking & KG_ASKING_WHERE) != 0 &&
	    kg_roam_output(kg_line_channel(line), out, now_us))
		return true;
	if (!line->open)
		return false;
	path = line->path->row == 0 ? line->path : kg_spread_way(line, now_us);
	out->local = path->ends.local;
	out->remote = path->ends.remote;
	out->mtu = line->path->mtu;
	if ((line->asking & KG_ASKING_KNOWN) != 0 &&
	    kg_forgotten_output(kg_line_channel(line), out, now_us))
		return true;
	if (line->probes > 0 && kg_peers_output(line, out, now_us))
		return true;
	out->len = line->kcp != NULL ? kcp_output(line, now_us, out->data)
				     : ops_of(line)->output(line, now_us, out->data);
	if (line->limited)
		ops_of(line)->spend(line, out->len);
	if (line->path->row != 0 && out->len > 0)
		kg_spread_sent(line, out->len, now_us);
	if (!line->path->watched && out->len > 0)
		kg_hop_watch(line->path, now_us);
	return out->len > 0;
}

static bool permit_output(struct kg_session *s, struct kg_datagram *out, uint64_t now_us)
{
	struct kg_line *line;
	bool sent = false;

	while (!sent && (line = kg_permits_next(s, now_us)) != NULL) {
		sent = line_output(line, out, now_us);
		kg_kcp_end_permit(line->kcp, sent);
		if (sent)
			kg_line_touch(line, now_us);
		else /* it stands in line again when its timer has fired */
			arm(line, due_us(line), now_us);
	}
	return sent;
}

static bool ready_output(struct kg_session *s, struct kg_datagram *out, uint64_t now_us)
{
	struct kg_line *line;

	while ((line = TAILQ_FIRST(&s->ready)) != NULL) {
		TAILQ_REMOVE(&s->ready, line, ready_link);
		if (line_output(line, out, now_us)) {
			TAILQ_INSERT_TAIL(&s->ready, line, ready_link);
			return true;
		}
		line->ready = false;
		if (line->kcp != NULL)
			kg_permits_ask(line, now_us);
		arm(line, due_us(line), now_us);
	}
	return false;
}

/* One datagram of one line, then the next line's: in turn of those that need no permit, and of
 * those that have theirs. */
bool kg_session_output(struct kg_session *s, struct kg_datagram *out, uint64_t now_us)
{
	if (s->denials.count > 0) {
		kg_denials_output(s, out);
		return true;
	}
	if (s->answers != NULL && s->answers->count > 0) {
		kg_bare_answer_output(s, out);
		return true;
	}
	s->permits_first = !s->permits_first;
	if (s->permits_first && permit_output(s, out, now_us))
		return true;
	return ready_output(s, out, now_us) || permit_output(s, out, now_us);
}

bool kg_session_output_pending(const struct kg_session *s)
{
	return !TAILQ_EMPTY(&s->ready) || !TAILQ_EMPTY(&s->permits) || s->denials.count > 0 ||
	       (s->answers != NULL && s->answers->count > 0);
}
