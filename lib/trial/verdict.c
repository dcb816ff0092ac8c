/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts verdicts into words. */
#include "trial/verdict.h"

#include <stdio.h>
#include <stdlib.h>

#define SKEW_SHOWN_S 5 /* less is no news */

static const struct {
	const char *name;
	const char *text;
} kinds[KG_VERDICT_COUNT] = {
#define VERDICT_TEXT(id, word, words) [KG_VERDICT_##id] = { word, words },
	KG_VERDICT_LIST(VERDICT_TEXT)
#undef VERDICT_TEXT
};

const char *kg_verdict_name(enum kg_verdict_kind kind)
{
	return kinds[kind].name;
}

static bool is_skewed(const struct kg_verdict *verdict)
{
	return labs(verdict->skew_s) >= SKEW_SHOWN_S;
}

/* Two askings of one clock may fall into different seconds. */
static bool is_same_skew(const struct kg_verdict *a, const struct kg_verdict *b)
{
	return is_skewed(a) == is_skewed(b) &&
	       (!is_skewed(a) || labs((long)a->skew_s - b->skew_s) <= 1);
}

bool kg_verdict_join(struct kg_verdict *sum, const struct kg_verdict *verdict)
{
	if (sum->kind != verdict->kind || sum->why != verdict->why ||
	    !kg_ip_equal(&sum->by, &verdict->by) || !is_same_skew(sum, verdict))
		return false;
	sum->after_us = KG_MIN(sum->after_us, verdict->after_us);
	sum->after_max_us = KG_MAX(sum->after_max_us, verdict->after_max_us);
	sum->questions = KG_MAX(sum->questions, verdict->questions);
	return true;
}

static const char *skew_text(int32_t skew_s, char *text, size_t bytes)
{
	snprintf(text, bytes, "%u s %s ours", (unsigned int)labs(skew_s),
		 skew_s > 0 ? "ahead of" : "behind");
	return text;
}

static void answered_text(const struct kg_verdict *verdict, char *text, size_t bytes)
{
	char skew[40];
	int len = snprintf(text, bytes, "answered in %.1f", verdict->after_us / 1000.0);

	if (verdict->after_max_us / 100 > verdict->after_us / 100)
		len += snprintf(text + len, bytes - (size_t)len, " to %.1f",
				verdict->after_max_us / 1000.0);
	len += snprintf(text + len, bytes - (size_t)len, " ms");
	if (verdict->questions > 1)
		len += snprintf(text + len, bytes - (size_t)len, ", asked %u times",
				verdict->questions);
	if (is_skewed(verdict))
		snprintf(text + len, bytes - (size_t)len, ", its clock is %s",
			 skew_text(verdict->skew_s, skew, sizeof(skew)));
}

static void unreachable_text(const struct kg_verdict *verdict, char *text, size_t bytes)
{
	char by[KG_IP_TEXT_BYTES];

	if (verdict->by.version == 0)
		snprintf(text, bytes, "unreachable from here: %s", verdict->why);
	else
		snprintf(text, bytes, "unreachable: %s, says %s", verdict->why,
			 kg_ip_text(&verdict->by, by));
}

const char *kg_verdict_text(const struct kg_verdict *verdict, unsigned int skew_max_s,
			    char text[KG_VERDICT_TEXT_BYTES])
{
	char skew[40];

	switch (verdict->kind) {
	case KG_VERDICT_ANSWERED:
		answered_text(verdict, text, KG_VERDICT_TEXT_BYTES);
		break;
	case KG_VERDICT_CLOCK:
		snprintf(text, KG_VERDICT_TEXT_BYTES, "its clock is %s, allowed %u s",
			 skew_text(verdict->skew_s, skew, sizeof(skew)), skew_max_s);
		break;
	case KG_VERDICT_UNREACHABLE:
		unreachable_text(verdict, text, KG_VERDICT_TEXT_BYTES);
		break;
	case KG_VERDICT_UNRESOLVED:
		snprintf(text, KG_VERDICT_TEXT_BYTES, "%s: %s", kinds[verdict->kind].text,
			 verdict->why);
		break;
	default:
		snprintf(text, KG_VERDICT_TEXT_BYTES, "%s", kinds[verdict->kind].text);
	}
	return text;
}
