/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps the rows, and deals out slices of time. */
#include "rate/ledger.h"

#define HELD_US  10000u /* nobody has had a slice for longer */
#define SLICE_US 250u   /* a tick of the wheel: what is paced leaves together */
#define LONG_US  1000u
#define CANARY   0.05f /* of an equal part, for who is young, or seems to be punished */
#define DOUBTFUL 0.25f /* for who is suspect: who is to tell has more */
#define ROW_BITS 3u
_Static_assert(KG_LEDGER_ROWS == 1u << ROW_BITS, "a slice's row is in its low bits");

const char *kg_ledger_verdict_name(enum kg_ledger_verdict verdict)
{
#define NAME(id, name, help) name,
	static const char *const names[] = { KG_LEDGER_VERDICT_LIST(NAME) };
#undef NAME

	return names[verdict];
}

void kg_ledger_init(struct kg_ledger *ledger)
{
	*ledger = (struct kg_ledger){ .on = KG_LEDGER_ROWS };
}

unsigned int kg_ledger_count(const struct kg_ledger *ledger)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++)
		count += kg_ledger_is_open(&ledger->rows[i]);
	return count;
}

/* ---- doubts ---- */

bool kg_ledger_lacks_a_good_one(const struct kg_ledger *ledger)
{
	bool any = false;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++)
		any |= ledger->rows[i].suspect;
	return any;
}

bool kg_ledger_suspects(const struct kg_ledger *ledger)
{
	bool any = false;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++)
		any |= ledger->rows[i].suspect || ledger->rows[i].up.bad > 0 ||
		       ledger->rows[i].down.bad > 0;
	return any;
}

/* ---- slices ---- */

static double least_dealt(const struct kg_ledger *ledger)
{
	double least = 0;
	bool any = false;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++) {
		const struct kg_ledger_row *row = &ledger->rows[i];

		if (kg_ledger_is_open(row) && (!any || row->dealt < least))
			least = row->dealt;
		any |= kg_ledger_is_open(row);
	}
	return least;
}

/* Each has another part of the whole from now on. */
static void scale(struct kg_ledger *ledger, float by)
{
	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++) {
		for (unsigned int at = 0; at < KG_LEDGER_MEDIAN; at++) {
			ledger->rows[i].up.before[at] *= by;
			ledger->rows[i].down.before[at] *= by;
		}
	}
}

void kg_ledger_forget(struct kg_ledger *ledger)
{
	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++)
		ledger->rows[i].up.count = ledger->rows[i].down.count = 0;
}

unsigned int kg_ledger_open(struct kg_ledger *ledger, uint64_t now_us)
{
	float count = (float)kg_ledger_count(ledger);
	double dealt = least_dealt(ledger);
	unsigned int at = 0;

	while (at < KG_LEDGER_ROWS && kg_ledger_is_open(&ledger->rows[at]))
		at++;
	if (at == KG_LEDGER_ROWS)
		return at;
	scale(ledger, count / (count + 1));
	ledger->rows[at] = (struct kg_ledger_row){
		.begun_us = KG_MAX(now_us, 1ull),
		.window_us = now_us,
		.dealt = dealt,
	};
	return at;
}

void kg_ledger_close(struct kg_ledger *ledger, unsigned int row)
{
	float left = (float)kg_ledger_count(ledger) - 1;

	ledger->rows[row] = (struct kg_ledger_row){ 0 };
	scale(ledger, (left + 1) / KG_MAX(left, 1.0f));
	if (ledger->on == row)
		ledger->on = KG_LEDGER_ROWS;
}

static float best_Bps(const struct kg_ledger *ledger)
{
	float best = 0;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++)
		best = KG_MAX(best, ledger->rows[i].up.Bps);
	return best;
}

/* Of an equal part. */
static float part_of(const struct kg_ledger *ledger, const struct kg_ledger_row *row)
{
	if (row->up.bad > 0 || kg_ledger_is_bad(row->verdict) ||
	    (row->verdict == KG_LEDGER_YOUNG && !kg_ledger_suspects(ledger)))
		return CANARY;
	if (row->suspect)
		return DOUBTFUL;
	if (row->limit_Bps == 0)
		return 1;
	return KG_MAX(row->limit_Bps / KG_MAX(best_Bps(ledger), row->limit_Bps), CANARY);
}

/* It has been heard for so long. */
static void end_slice(struct kg_ledger *ledger, uint64_t now_us)
{
	struct kg_ledger_row *row = &ledger->rows[ledger->on];
	double held_us = (double)KG_MIN(now_us - ledger->slice_us, HELD_US), down_Bps = 0;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++)
		down_Bps += ledger->rows[i].down.Bps;
	row->dealt += held_us / 1e6 * down_Bps / part_of(ledger, row);
}

static unsigned int next_of(const struct kg_ledger *ledger)
{
	unsigned int next = KG_LEDGER_ROWS;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++) {
		if (kg_ledger_is_open(&ledger->rows[i]) &&
		    (next == KG_LEDGER_ROWS || ledger->rows[i].dealt < ledger->rows[next].dealt))
			next = i;
	}
	return next;
}

static void begin_slice(struct kg_ledger *ledger, unsigned int next, uint64_t now_us)
{
	ledger->on = next;
	ledger->slice_us = now_us;
	ledger->log[ledger->slices++ % KG_LEDGER_SLICES] = now_us << ROW_BITS | next;
}

void kg_ledger_slice_long(struct kg_ledger *ledger, bool on)
{
	ledger->long_slices = on;
}

/* Never twice as long as before, so that they keep no step with the peer's clock. */
static uint64_t slice_of(const struct kg_ledger *ledger)
{
	if (!ledger->long_slices)
		return SLICE_US;
	return LONG_US + ((uint32_t)ledger->slices * 0x9e3779b1u >> 22);
}

unsigned int kg_ledger_slice(struct kg_ledger *ledger, uint64_t now_us)
{
	bool none = ledger->on == KG_LEDGER_ROWS;

	if (!none && now_us < ledger->slice_us + slice_of(ledger))
		return ledger->on;
	if (!none)
		end_slice(ledger, now_us);
	begin_slice(ledger, next_of(ledger), now_us);
	return ledger->on;
}

void kg_ledger_stay(struct kg_ledger *ledger, unsigned int row, uint64_t now_us)
{
	if (ledger->on != row)
		begin_slice(ledger, row, now_us);
}

/* Where next to nothing passes any more, what was dealt out before would keep a row waiting. */
void kg_ledger_level(struct kg_ledger *ledger)
{
	double most = least_dealt(ledger) + (double)ledger->passed;

	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++)
		ledger->rows[i].dealt = KG_MIN(ledger->rows[i].dealt, most);
	ledger->passed = 0;
}

/* ---- what came of it ---- */

void kg_ledger_sent(struct kg_ledger *ledger, unsigned int at, uint32_t bytes)
{
	struct kg_ledger_row *row = &ledger->rows[at];

	ledger->passed += bytes;
	row->sent_bytes += bytes;
	row->dealt += (double)bytes / part_of(ledger, row);
}

/* The row that had the slice then, and was the same one; NULL: nobody knows. */
static struct kg_ledger_row *row_then(struct kg_ledger *ledger, uint64_t sent_us)
{
	uint64_t last = ledger->slices, first = last - KG_MIN(last, KG_LEDGER_SLICES), at;
	struct kg_ledger_row *row;

	while (last - first > 1) { /* first began before, or is the oldest; last did not */
		at = first + (last - first) / 2;
		if (ledger->log[at % KG_LEDGER_SLICES] >> ROW_BITS <= sent_us)
			first = at;
		else
			last = at;
	}
	if (ledger->slices == 0 || ledger->log[first % KG_LEDGER_SLICES] >> ROW_BITS > sent_us)
		return NULL;
	row = &ledger->rows[ledger->log[first % KG_LEDGER_SLICES] & (KG_LEDGER_ROWS - 1)];
	return kg_ledger_is_open(row) && row->begun_us <= sent_us ? row : NULL;
}

void kg_ledger_acked(struct kg_ledger *ledger, uint64_t sent_us, uint32_t bytes)
{
	struct kg_ledger_row *row = row_then(ledger, sent_us);

	if (row == NULL)
		return;
	row->up.bytes += bytes;
	row->arrived++;
}

void kg_ledger_lost(struct kg_ledger *ledger, uint64_t sent_us, uint32_t bytes)
{
	struct kg_ledger_row *row = row_then(ledger, sent_us);

	if (row == NULL)
		return;
	row->lost_bytes += bytes;
	row->missed++;
}

void kg_ledger_hole(struct kg_ledger *ledger)
{
	ledger->holes = true;
}

void kg_ledger_received(struct kg_ledger *ledger, unsigned int row, uint32_t bytes, uint64_t now_us)
{
	ledger->passed += bytes;
	ledger->rows[row].down.bytes += bytes;
	ledger->rows[row].heard_us = now_us;
}
