/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the tables of names and help texts out of the one list of counters, and adds blocks up. */
#include "telemetry/counters.h"

static const struct {
	const char *name;
	const char *help;
} counters[KG_COUNTER_COUNT] = {
#define COUNTER_TEXT(id, text, about) [KG_COUNTER_##id] = { text, about },
	KG_COUNTER_LIST(COUNTER_TEXT)
#undef COUNTER_TEXT
};

const char *kg_counter_name(enum kg_counter counter)
{
	return counters[counter].name;
}

const char *kg_counter_help(enum kg_counter counter)
{
	return counters[counter].help;
}

void kg_counters_merge(struct kg_counters *sum, const struct kg_counters *from)
{
	for (int i = 0; i < KG_COUNTER_COUNT; i++)
		sum->counters[i] += from->counters[i];
	for (int i = 0; i < KG_DROP_COUNT; i++)
		sum->drops[i] += from->drops[i];
}
