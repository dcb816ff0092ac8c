/* SPDX-License-Identifier: BSD-3-Clause */
/* Says what the stages are called, and their reasons. */
#include "stage/names.h"

#include <string.h>

static const char *const names[] = {
#define NAME(id, name) [KG_STAGE_##id] = name,
	KG_STAGE_LIST(NAME)
#undef NAME
};

const char *kg_stage_name(enum kg_stage stage)
{
	return names[stage];
}

const char *kg_stage_drop_name(enum kg_drop reason)
{
	return kg_drop_metrics.rows[reason - 1].name + strlen("drop_");
}
