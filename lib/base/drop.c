/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the tables of names and help texts out of the one list of reasons. */
#include "base/drop.h"

static const struct {
	const char *name;
	const char *help;
} drops[KG_DROP_COUNT] = { [KG_DROP_NONE] = { "none", "not dropped" },
#define DROP_TEXT(id, text, about) [KG_DROP_##id] = { text, about },
			   KG_DROP_LIST(DROP_TEXT)
#undef DROP_TEXT
};

const char *kg_drop_name(enum kg_drop reason)
{
	return drops[reason].name;
}

const char *kg_drop_help(enum kg_drop reason)
{
	return drops[reason].help;
}
