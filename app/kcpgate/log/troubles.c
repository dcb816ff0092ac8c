/* SPDX-License-Identifier: BSD-3-Clause */
/* Words for each trouble; a table of the latest, in which a new one takes the oldest's place. */
#include "log/troubles.h"

#include "log/journal.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kg_trouble_row latest[KG_TROUBLE_ROWS];
static unsigned int latest_count;

/* ---- in words ---- */

static void no_answer(const struct kg_report *r, const char *remote, char *text)
{
	char local[KG_IP_TEXT_BYTES];

	snprintf(text, TEXT_BYTES, "no answer from %s to %s for %d s%s", remote,
		 kg_ip_text(&r->local.ip, local), (int)r->seconds,
		 r->error != 0 ? ": the next hop's hardware address is not found" : "");
}

static void datagrams(const struct kg_report *r, const char *remote, const char *what, char *text)
{
	char local[KG_ENDPOINT_TEXT_BYTES];

	snprintf(text, TEXT_BYTES, "%" PRIu32 " datagrams from %s to %s %s", r->count, remote,
		 kg_endpoint_text(&r->local, local), what);
}

static void clock_differs(const struct kg_report *r, const char *remote, char *text)
{
	char what[96];

	snprintf(what, sizeof(what), "are not taken: their clock is %d s %s ours",
		 abs((int)r->seconds), r->seconds > 0 ? "ahead of" : "behind");
	datagrams(r, remote, what, text);
}

static void put_in_words(const struct kg_report *r, char text[TEXT_BYTES])
{
	char remote[KG_ENDPOINT_TEXT_BYTES];

	kg_endpoint_text(&r->remote, remote);
	switch ((enum kg_trouble)r->why) {
	case KG_TROUBLE_NO_ROUTE:
		snprintf(text, TEXT_BYTES,
			 "no route to %s: Linux has none that leaves through a port", remote);
		break;
	case KG_TROUBLE_NO_ANSWER:
		no_answer(r, remote, text);
		break;
	case KG_TROUBLE_CHECK:
		datagrams(r, remote, "fail the check: other password or algorithm there?", text);
		break;
	case KG_TROUBLE_CLOCK:
		clock_differs(r, remote, text);
		break;
	case KG_TROUBLE_MALFORMED:
		datagrams(r, remote,
			  "pass the check but are malformed: other fec or version there?", text);
		break;
	case KG_TROUBLE_COUNT:
		break;
	}
}

/* ---- the latest ---- */

static bool is_same(const struct kg_report *a, const struct kg_report *b)
{
	return a->why == b->why && a->tunnel == b->tunnel &&
	       kg_ip_equal(&a->remote.ip, &b->remote.ip);
}

/* The row of the same, an empty one, or the oldest. */
static struct kg_trouble_row *row_of(const struct kg_report *report)
{
	struct kg_trouble_row *oldest = &latest[0];

	for (unsigned int i = 0; i < latest_count; i++) {
		if (is_same(&latest[i].report, report))
			return &latest[i];
		if (latest[i].logged_us < oldest->logged_us)
			oldest = &latest[i];
	}
	return latest_count < KG_TROUBLE_ROWS ? &latest[latest_count++] : oldest;
}

void kg_trouble_log(const struct kg_tunnel_config *tunnel, const struct kg_report *report,
		    uint64_t now_us)
{
	char text[TEXT_BYTES] = "";

	put_in_words(report, text);
	KG_JOURNAL(WARNING, tunnel, "%s: %s\n", tunnel->name, text);
	pthread_mutex_lock(&lock);
	*row_of(report) = (struct kg_trouble_row){ .report = *report, .logged_us = now_us };
	pthread_mutex_unlock(&lock);
}

void kg_trouble_forget(uint16_t tunnel)
{
	unsigned int kept = 0;

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < latest_count; i++) {
		if (latest[i].report.tunnel != tunnel)
			latest[kept++] = latest[i];
	}
	latest_count = kept;
	pthread_mutex_unlock(&lock);
}

unsigned int kg_trouble_rows(struct kg_trouble_row rows[KG_TROUBLE_ROWS])
{
	unsigned int count;

	pthread_mutex_lock(&lock);
	count = latest_count;
	memcpy(rows, latest, count * sizeof(rows[0]));
	pthread_mutex_unlock(&lock);
	return count;
}
