/* SPDX-License-Identifier: BSD-3-Clause */
/* What the words of `kcp` stand for (docs/configuration.md). */
#pragma once

#include "base/base.h"

struct kg_preset {
	const char *name;
	uint8_t nodelay;
	uint8_t interval_ms; /* 0: every tick */
	uint8_t resend;
	bool nc;
	uint16_t window; /* segments, of either direction unless given */
};

#define KG_PRESET_DEFAULT "regular5"
#define KG_PRESET_MANUAL  "manual" /* its four numbers stand in the configuration */

/* NULL for a word that is none. */
const struct kg_preset *kg_preset_find(const char *name);
