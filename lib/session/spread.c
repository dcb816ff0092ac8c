/* SPDX-License-Identifier: BSD-3-Clause */
/* Spreads a client's channels over 5-tuples, and leaves those that are punished. */
#include "session/spread.h"

#include "session/internal.h"

/* So much in the time between two looks makes it worth while: 1 Mbit/s. */
#define BUSY_BYTES 32768u
/* Tests of new 5-tuples: so many at once, and one more in that time. */
#define BUDGET    16.0f
#define BUDGET_US (3.0f * KG_US_PER_S)

static void on_timer(struct kg_timer *timer, uint64_t now_us);

struct kg_spread *kg_spread_create(struct kg_session *s, struct kg_kcp_share *share)
{
	struct kg_spread *spread = kg_mem_alloc(s->mem, sizeof(*spread));

	if (spread == NULL)
		return NULL;
	spread->session = s;
	spread->timer = (struct kg_timer){ .deadline_us = KG_NEVER_US, .fire = on_timer };
	spread->budget = BUDGET;
	kg_ledger_init(&spread->ledger);
	kg_pull_init(&spread->pull, (uint32_t)s->now_us, s->now_us);
	kg_kcp_share_keep(share, &spread->ledger);
	kg_kcp_share_pull(share, &spread->pull);
	return spread;
}

void kg_spread_destroy(struct kg_spread *spread)
{
	struct kg_session *s;

	if (spread == NULL)
		return;
	s = spread->session;
	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++) {
		if (spread->paths[i] != NULL)
			spread->paths[i]->row = 0;
	}
	kg_twheel_cancel(s->wheel, &spread->timer);
	kg_mem_free(s->mem, spread, sizeof(*spread));
}

/* ---- rows ---- */

struct kg_spread *kg_spread_of(const struct kg_session *s, const struct kg_ip *ip)
{
	const struct kg_permits *permits = kg_peers_permits(s, ip);

	return permits != NULL ? permits->spread : NULL;
}

static struct kg_path *current_of(const struct kg_spread *spread)
{
	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++) {
		if (spread->paths[i] != NULL && spread->paths[i]->state == KG_PATH_CURRENT)
			return spread->paths[i];
	}
	return NULL;
}

bool kg_spread_join(struct kg_channel *ch, const struct kg_ip *ip)
{
	const struct kg_session *s = ch->line.session;
	const struct kg_spread *spread = s->config.spread > 0 ? kg_spread_of(s, ip) : NULL;
	struct kg_path *path = spread != NULL ? current_of(spread) : NULL;

	if (path == NULL || path == ch->line.path || !kg_channel_hook(ch, path))
		return false;
	kg_peers_on_path(ch);
	return true;
}

/* An original sends a window in one burst, and looks at its clock once a millisecond. */
void kg_spread_meet(const struct kg_channel *ch)
{
	const struct kg_permits *permits =
		ch->line.session->config.spread > 0 ? kg_kcp_share_user(ch->line.kcp) : NULL;
	bool original = ch->capabilities == 0;

	if (permits == NULL || permits->spread == NULL)
		return;
	kg_ledger_slice_long(&permits->spread->ledger, original);
	kg_kcp_pull(ch->line.kcp, original);
}

void kg_spread_enter(struct kg_session *s, struct kg_path *path, uint64_t now_us)
{
	struct kg_spread *spread = s->config.spread > 0 && path->row == 0
					   ? kg_spread_of(s, &path->ends.remote.ip)
					   : NULL;
	unsigned int row;

	if (spread == NULL || (path->state == KG_PATH_CURRENT && current_of(spread) != NULL))
		return;
	row = kg_ledger_open(&spread->ledger, now_us);
	if (row == KG_LEDGER_ROWS)
		return;
	spread->paths[row] = path;
	path->row = (uint8_t)(row + 1);
}

void kg_spread_leave(struct kg_session *s, struct kg_path *path)
{
	struct kg_spread *spread;

	if (path->row == 0)
		return;
	spread = kg_spread_of(s, &path->ends.remote.ip);
	kg_ledger_close(&spread->ledger, path->row - 1u);
	spread->paths[path->row - 1] = NULL;
	path->row = 0;
}

void kg_spread_get_info(const struct kg_session *s, const struct kg_path *path,
			struct kg_path_info *info, uint64_t now_us)
{
	const struct kg_ledger_row *row;

	if (path->row == 0)
		return;
	row = &kg_spread_of(s, &path->ends.remote.ip)->ledger.rows[path->row - 1];
	info->verdict = kg_ledger_verdict_name(row->verdict);
	info->age_us = now_us - row->begun_us;
	info->sent_bytes = row->sent_bytes;
	info->acked_bytes = row->up.bytes;
	info->lost_bytes = row->lost_bytes;
	info->received_bytes = row->down.bytes;
	info->acked_Bps = (uint64_t)row->up.Bps;
	info->received_Bps = (uint64_t)row->down.Bps;
	info->limit_Bps = (uint64_t)row->limit_Bps;
}

bool kg_spread_renew(struct kg_session *s, const struct kg_path *current, uint64_t now_us)
{
	struct kg_spread *spread =
		current->row != 0 ? kg_spread_of(s, &current->ends.remote.ip) : NULL;
	struct kg_path *oldest = NULL;
	uint64_t oldest_us = KG_NEVER_US;

	for (unsigned int i = 0; spread != NULL && i < KG_LEDGER_ROWS; i++) {
		const struct kg_ledger_row *row = &spread->ledger.rows[i];

		if (spread->paths[i] == NULL || row->begun_us >= oldest_us)
			continue;
		oldest = spread->paths[i];
		oldest_us = row->begun_us;
	}
	if (oldest == NULL || oldest == current)
		return false;
	kg_hop_rest(oldest, now_us);
	return true;
}

/* ---- datagrams ---- */

/* A handshake's go where it is. */
static struct kg_spread *spread_of(const struct kg_line *line)
{
	const struct kg_permits *permits = line->kcp != NULL ? kg_kcp_share_user(line->kcp) : NULL;
	struct kg_spread *spread = permits != NULL ? permits->spread : NULL;

	return spread != NULL && spread->paths[line->path->row - 1] == line->path ? spread : NULL;
}

const struct kg_path *kg_spread_way(struct kg_line *line, uint64_t now_us)
{
	struct kg_spread *spread = spread_of(line);

	if (spread == NULL)
		return line->path;
	if (spread->busy)
		return spread->paths[kg_ledger_slice(&spread->ledger, now_us)];
	kg_ledger_stay(&spread->ledger, line->path->row - 1u, now_us);
	return line->path;
}

/* Who begins to be busy is looked at at once: until there are others all of it leaves on one. */
static void pass(struct kg_spread *spread, uint16_t bytes, uint64_t now_us)
{
	bool begins;

	spread->passed_bytes += bytes;
	begins = !spread->busy && spread->passed_bytes - spread->passed_then >= BUSY_BYTES;
	if (begins)
		kg_twheel_arm(spread->session->wheel, &spread->timer, now_us);
	else if (spread->timer.link == NULL)
		kg_twheel_arm(spread->session->wheel, &spread->timer, now_us + KG_LEDGER_LOOK_US);
}

void kg_spread_sent(struct kg_line *line, uint16_t bytes, uint64_t now_us)
{
	struct kg_spread *spread = spread_of(line);

	if (spread == NULL)
		return;
	kg_ledger_sent(&spread->ledger, spread->ledger.on, bytes);
	pass(spread, bytes, now_us);
}

void kg_spread_heard(struct kg_line *line, const struct kg_path *path, uint16_t bytes,
		     uint64_t now_us)
{
	struct kg_spread *spread = line->path->row != 0 ? spread_of(line) : NULL;

	if (spread == NULL || spread->paths[path->row - 1] != path)
		return;
	kg_ledger_received(&spread->ledger, path->row - 1u, bytes, now_us);
	if (kg_kcp_has_hole(line->kcp))
		kg_ledger_hole(&spread->ledger);
	line->path->heard = true; /* the server is there; which row is bad the ledger says */
	pass(spread, bytes, now_us);
}

/* ---- what is to be done ---- */

/* Where all are suspect there is another one, to compare them, until it has told. */
static unsigned int wanted(const struct kg_spread *spread)
{
	const struct kg_ledger *ledger = &spread->ledger;
	unsigned int max = spread->session->config.spread;
	bool more = kg_ledger_count(ledger) > max ? kg_ledger_suspects(ledger)
						  : kg_ledger_lacks_a_good_one(ledger);

	return KG_MIN(max + more, KG_LEDGER_ROWS);
}

static bool may_try(struct kg_spread *spread, uint64_t now_us)
{
	float more = (float)(now_us - spread->tried_us) / BUDGET_US;

	spread->budget = KG_MIN(spread->budget + more, BUDGET);
	spread->tried_us = now_us;
	if (spread->budget < 1)
		return false;
	spread->budget--;
	return true;
}

static struct kg_path *live_of(const struct kg_spread *spread)
{
	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++) {
		if (spread->paths[i] != NULL && spread->paths[i]->state == KG_PATH_LIVE)
			return spread->paths[i];
	}
	return NULL;
}

/* One of those that are all suspect goes for one that tells. */
static void make_room(struct kg_spread *spread, uint64_t now_us)
{
	struct kg_path *live = live_of(spread);

	if (live != NULL && kg_ledger_count(&spread->ledger) == KG_LEDGER_ROWS &&
	    kg_ledger_lacks_a_good_one(&spread->ledger) && spread->budget >= 1)
		kg_hop_rest(live, now_us);
}

static void widen(struct kg_spread *spread, uint64_t now_us)
{
	struct kg_path *current = current_of(spread);
	unsigned int there;

	if (current == NULL)
		return;
	make_room(spread, now_us);
	there = kg_ledger_count(&spread->ledger) + kg_hop_widening(current);
	for (; there < wanted(spread) && may_try(spread, now_us); there++)
		kg_hop_widen(current, now_us);
}

/* The one that was to be compared with is not needed. */
static void narrow(struct kg_spread *spread, uint64_t now_us)
{
	if (kg_ledger_count(&spread->ledger) <= wanted(spread))
		return;
	kg_hop_rest(live_of(spread), now_us);
	kg_ledger_forget(&spread->ledger);
}

static void tell_of_policer(struct kg_spread *spread, unsigned int row)
{
	struct kg_session *s = spread->session;

	s->stats.policers++;
	if (s->ops.policed != NULL)
		s->ops.policed(s->host, &spread->paths[row]->ends,
			       (uint64_t)spread->ledger.rows[row].limit_Bps);
}

/* What follows from verdicts that are new. */
static void act(struct kg_spread *spread, unsigned int changed, uint64_t now_us)
{
	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++) {
		const struct kg_ledger_row *row = &spread->ledger.rows[i];

		if ((changed & 1u << i) == 0)
			continue;
		if (row->verdict == KG_LEDGER_POLICER)
			tell_of_policer(spread, i);
		if (kg_ledger_is_bad(row->verdict))
			kg_hop_leave_bad(spread->paths[i], row->verdict, now_us);
	}
}

static void on_timer(struct kg_timer *timer, uint64_t now_us)
{
	struct kg_spread *spread = KG_CONTAINER_OF(timer, struct kg_spread, timer);
	uint64_t passed = spread->passed_bytes - spread->passed_then;

	spread->session->now_us = now_us;
	spread->passed_then = spread->passed_bytes;
	act(spread, kg_ledger_judge(&spread->ledger, now_us), now_us);
	spread->busy = passed >= BUSY_BYTES || kg_ledger_suspects(&spread->ledger);
	if (spread->busy)
		widen(spread, now_us);
	narrow(spread, now_us);
	if (passed > 0)
		kg_twheel_arm(spread->session->wheel, &spread->timer, now_us + KG_LEDGER_LOOK_US);
}
