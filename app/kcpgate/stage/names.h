/* SPDX-License-Identifier: BSD-3-Clause */
/* The stages by name, and why they throw away, for what is shown of a packet's way. */
#pragma once

#include "base/drop.h"

#define KG_STAGE_LIST(X)                    \
	X(RX, "rx")                         \
	X(CLASSIFY, "classify")             \
	X(EXCEPTION, "exception")           \
	X(CONTROL, "control")               \
	X(APP_INPUT, "app_input")           \
	X(OPEN, "open")                     \
	X(STEER, "steer")                   \
	X(SESSION_INPUT, "session_input")   \
	X(SESSION_OUTPUT, "session_output") \
	X(SEAL, "seal")                     \
	X(ROUTE, "route")

enum kg_stage {
#define KG_STAGE_ENUM(id, name) KG_STAGE_##id,
	KG_STAGE_LIST(KG_STAGE_ENUM)
#undef KG_STAGE_ENUM
	KG_STAGE_COUNT
};

const char *kg_stage_name(enum kg_stage stage);
/* As its counter is called, without what that has in common with the others; not of KG_DROP_NONE.
 */
const char *kg_stage_drop_name(enum kg_drop reason);
