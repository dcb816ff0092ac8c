/* SPDX-License-Identifier: BSD-3-Clause */
/* Judges the rows of a ledger: what befalls one, and not the others. */
#include "rate/ledger.h"

#define ENOUGH      48u /* segments heard of close a window */
#define SOME        8u  /* and so many do after a while */
#define SOME_US     (500u * KG_US_PER_MS)
#define DOWN_BYTES  65536.0f /* that should have come in do, too; of less it may be chance */
#define YOUNG_US    (2u * KG_US_PER_S)
#define HEARD_BYTES 16384u               /* that came in: what crawls has not that many by then */
#define FRESH_US    (8ull * KG_US_PER_S) /* a window of another row says something so long */
#define LOSS_BAD    0.5f
#define LOSS_GOOD   0.25f
#define LOSS_MORE   0.05f /* than the others */
#define SIGMAS      3.0f
#define LOSS_SAME   0.02f
#define CRAWLS      0.25f /* of its own median */
#define ALIKE       0.125f
#define BAD_WINDOWS 2u
#define BELOW_LIMIT 0.97f
#define ABOVE_LIMIT 1.05f
#define UNLIMITED   2.0f /* times what the best one has */

/* ---- one way ---- */

static float median(const struct kg_ledger_way *way)
{
	float sorted[KG_LEDGER_MEDIAN];
	unsigned int n = way->count;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int at = i;

		for (; at > 0 && sorted[at - 1] > way->before[i]; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = way->before[i];
	}
	return n >= KG_LEDGER_MEDIAN / 2 ? sorted[n / 2] : 0;
}

static void remember(struct kg_ledger_way *way)
{
	way->before[way->at] = way->Bps;
	way->at = (uint8_t)((way->at + 1) % KG_LEDGER_MEDIAN);
	way->count = (uint8_t)KG_MIN(way->count + 1u, KG_LEDGER_MEDIAN);
}

static bool crawls(const struct kg_ledger_way *way)
{
	return way->Bps < median(way) * CRAWLS;
}

static void count_bad(struct kg_ledger_way *way, bool bad)
{
	way->bad = bad ? (uint8_t)KG_MIN(way->bad + 1u, BAD_WINDOWS) : 0;
}

/* ---- the others ---- */

static bool says_something(const struct kg_ledger_row *row, uint64_t now_us)
{
	return kg_ledger_is_open(row) && row->judged_us != 0 && row->judged_us + FRESH_US >= now_us;
}

/* What the best of them loses; above 1: there is none that says anything. */
static float least_loss_of_others(const struct kg_ledger *ledger, const struct kg_ledger_row *row,
				  uint64_t now_us)
{
	float least = 2;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++) {
		const struct kg_ledger_row *other = &ledger->rows[i];

		if (other != row && says_something(other, now_us))
			least = KG_MIN(least, other->loss);
	}
	return least;
}

/* What all of them lose that fare as usual. */
static float loss_of_others(const struct kg_ledger *ledger, const struct kg_ledger_row *row,
			    uint64_t now_us)
{
	float lost = 0, all = 0;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++) {
		const struct kg_ledger_row *other = &ledger->rows[i];

		if (other == row || !says_something(other, now_us) || other->up.bad > 0)
			continue;
		lost += other->loss * (float)other->judged;
		all += (float)other->judged;
	}
	return all > 0 ? lost / all : 1;
}

/* On another one comes in what used to come in here, and much more than does. */
static bool others_come_in(const struct kg_ledger *ledger, const struct kg_ledger_row *row)
{
	float best_Bps = 0;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++)
		best_Bps = KG_MAX(best_Bps, ledger->rows[i].down.Bps);
	return row->down.Bps < best_Bps * CRAWLS && best_Bps >= median(&row->down) * CRAWLS;
}

/* There is no other one, or one that may tell yet; or all crawl at once while the peer has more to
 * say, as where all were used alike and are punished for it together. */
static bool is_open_question(const struct kg_ledger *ledger)
{
	bool open = ledger->holes;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++)
		open |= kg_ledger_is_open(&ledger->rows[i]) &&
			ledger->rows[i].verdict == KG_LEDGER_YOUNG;
	return open || kg_ledger_count(ledger) == 1;
}

static float best_of_others(const struct kg_ledger *ledger, const struct kg_ledger_row *row)
{
	float best = 0;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++) {
		if (&ledger->rows[i] != row)
			best = KG_MAX(best, ledger->rows[i].up.Bps);
	}
	return best;
}

/* ---- verdicts ---- */

static void lift_limit(struct kg_ledger_row *row)
{
	row->limit_Bps = 0;
	row->verdict = KG_LEDGER_FINE;
}

static void judge_policer(const struct kg_ledger *ledger, struct kg_ledger_row *row, float others)
{
	float was_Bps = row->up.was_Bps;
	float more = row->loss - others, spread = others * (1 - others) / (float)row->judged;
	float change_Bps = KG_MAX(row->up.Bps - was_Bps, was_Bps - row->up.Bps);
	bool before = row->lossy;

	row->lossy =
		row->judged >= ENOUGH && more > LOSS_MORE && more * more > SIGMAS * SIGMAS * spread;
	if (row->lossy && (row->limit_Bps > 0 || (before && change_Bps < was_Bps * ALIKE))) {
		row->verdict = KG_LEDGER_POLICER;
		row->limit_Bps = row->up.Bps * BELOW_LIMIT;
	}
	if (row->limit_Bps == 0 || row->loss > others + LOSS_SAME)
		return;
	row->limit_Bps *= ABOVE_LIMIT;
	if (row->limit_Bps > best_of_others(ledger, row) * UNLIMITED)
		lift_limit(row);
}

static void judge_up(const struct kg_ledger *ledger, struct kg_ledger_row *row, uint64_t now_us)
{
	float least = least_loss_of_others(ledger, row, now_us);
	bool known = median(&row->up) > 0;
	bool bad = row->loss > LOSS_BAD && (known ? crawls(&row->up) : row->loss == 1);

	row->suspect |= bad && least >= LOSS_GOOD;
	count_bad(&row->up, bad && least < LOSS_GOOD);
	if (row->up.bad >= BAD_WINDOWS)
		row->verdict = known ? KG_LEDGER_PENALTY : KG_LEDGER_BLOCKED;
	else if (row->up.bad == 0)
		judge_policer(ledger, row, loss_of_others(ledger, row, now_us));
}

/* Acknowledgements come where the peer has heard us last, as chance will have it. */
static void judge_down(const struct kg_ledger *ledger, struct kg_ledger_row *row)
{
	bool data = median(&row->down) > median(&row->up);
	bool low = data && crawls(&row->down), told = others_come_in(ledger, row);

	row->suspect |= low && !told && is_open_question(ledger);
	count_bad(&row->down, low && told);
	if (row->down.bad >= BAD_WINDOWS)
		row->verdict = KG_LEDGER_PENALTY;
}

/* Where one seems to be punished who comes in its place is to be told from it by more. */
static bool is_heard(const struct kg_ledger *ledger, const struct kg_ledger_row *row,
		     uint64_t now_us)
{
	return row->judged_us != 0 || now_us >= row->begun_us + YOUNG_US ||
	       (row->down.bytes >= HEARD_BYTES && !kg_ledger_suspects(ledger));
}

static void grow_up(const struct kg_ledger *ledger, struct kg_ledger_row *row, uint64_t now_us)
{
	if (row->verdict == KG_LEDGER_YOUNG && is_heard(ledger, row, now_us) && row->up.bad == 0 &&
	    row->down.bad == 0 && !row->suspect)
		row->verdict = KG_LEDGER_FINE;
}

/* ---- windows ---- */

static bool is_over(const struct kg_ledger_row *row, uint64_t now_us)
{
	uint32_t heard = row->arrived + row->missed;
	float s = (float)(now_us - row->window_us) / 1e6f;
	float came = (float)(row->down.bytes - row->down.then);

	return heard >= ENOUGH || (heard >= SOME && now_us >= row->window_us + SOME_US) ||
	       KG_MAX(came, median(&row->down) * s) >= DOWN_BYTES;
}

static void close_way(struct kg_ledger_way *way, float s)
{
	way->was_Bps = way->Bps;
	way->Bps = (float)(way->bytes - way->then) / s;
	way->then = way->bytes;
}

static void close_window(struct kg_ledger_row *row, uint64_t now_us)
{
	float s = (float)(now_us - row->window_us) / 1e6f;

	close_way(&row->up, s);
	close_way(&row->down, s);
	row->window_us = now_us;
	row->judged = row->arrived + row->missed;
	if (row->judged >= SOME) {
		row->judged_us = now_us;
		row->loss = (float)row->missed / (float)row->judged;
	}
	row->arrived = row->missed = 0;
}

static void judge(const struct kg_ledger *ledger, struct kg_ledger_row *row, uint64_t now_us)
{
	bool young = row->verdict == KG_LEDGER_YOUNG;

	row->suspect = false;
	if (row->judged >= SOME)
		judge_up(ledger, row, now_us);
	judge_down(ledger, row);
	if (!young && row->up.bad == 0 && !row->suspect)
		remember(&row->up);
	if (!young && row->down.bad == 0 && !row->suspect)
		remember(&row->down);
}

unsigned int kg_ledger_judge(struct kg_ledger *ledger, uint64_t now_us)
{
	unsigned int closed = 0, changed = 0;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++) {
		if (!kg_ledger_is_open(&ledger->rows[i]) || !is_over(&ledger->rows[i], now_us))
			continue;
		close_window(&ledger->rows[i], now_us);
		closed |= 1u << i;
	}
	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++) {
		struct kg_ledger_row *row = &ledger->rows[i];
		uint8_t before = row->verdict;

		if ((closed & 1u << i) != 0)
			judge(ledger, row, now_us);
		if (kg_ledger_is_open(row))
			grow_up(ledger, row, now_us);
		changed |= row->verdict != before ? 1u << i : 0;
	}
	kg_ledger_level(ledger);
	ledger->holes = false;
	return changed;
}
