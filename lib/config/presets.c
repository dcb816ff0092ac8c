/* SPDX-License-Identifier: BSD-3-Clause */
/* Holds the rows of KCP numbers that a word stands for. */
#include "config/presets.h"
#include "config/schema.h"

#include <string.h>

/*              name      nodelay interval resend nc window */
#define PRESETS(X)                     \
	X(fast1, 1, 0, 2, 1, 2048)     \
	X(fast2, 2, 0, 2, 1, 2048)     \
	X(fast3, 1, 1, 3, 1, 2048)     \
	X(fast4, 2, 1, 3, 1, 2048)     \
	X(fast5, 1, 1, 4, 1, 2048)     \
	X(fast6, 2, 1, 4, 1, 2048)     \
	X(regular1, 1, 1, 5, 1, 1024)  \
	X(regular2, 2, 1, 5, 1, 1024)  \
	X(regular3, 0, 1, 2, 1, 1024)  \
	X(regular4, 0, 15, 2, 1, 1024) \
	X(regular5, 0, 30, 2, 1, 1024) \
	X(manual, 0, 0, 0, 0, 2048)

#define PRESET(name, nodelay, interval, resend, nc, window) \
	{ #name, nodelay, interval, resend, nc, window },
#define WORD(name, ...) { #name },

static const struct kg_preset presets[] = { PRESETS(PRESET) };
const struct kg_word kg_preset_words[] = { PRESETS(WORD){ NULL } };

const struct kg_preset *kg_preset_find(const char *name)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(presets); i++) {
		if (!strcmp(presets[i].name, name))
			return &presets[i];
	}
	return NULL;
}
