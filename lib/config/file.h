/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of settings as a whole. They may hold passwords: what was read is wiped. */
#pragma once

#include "config/mistakes.h"

struct kg_file {
	char *text; /* heap, no 0 behind it */
	size_t len;
	bool exposed; /* every user of the machine can read it */
};

/* False, and reported, when it cannot be read or is larger than any configuration. */
bool kg_file_read(struct kg_file *file, const char *path, struct kg_mistakes *mistakes);
/* Of one that was read, or is zero. */
void kg_file_wipe(struct kg_file *file);
/* Bytes of the byte order mark that the text begins with; 0: none. */
size_t kg_file_mark_bytes(const char *text, size_t len);
