/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control thread: signals, the kernel's next hops, how the ports are, what workers report. Runs on
 * the main thread while the workers forward.
 */
#pragma once

#include <stdbool.h>

#include "base/siphash.h"

struct kg_box;
struct kg_control;

/* Where the box's settings are from, for SIGHUP; lives as long as the control thread. */
struct kg_control_origin {
	const char *const *files;
	size_t file_count;
	struct kg_siphash_key key; /* of the digests of tunnels */
};

/* First of all: SIGHUP, SIGINT and SIGTERM are for the control thread, not for the threads EAL
 * makes. */
void kg_control_block_signals(void);

/* NULL with errno set. */
struct kg_control *kg_control_create(struct kg_box *box, const struct kg_control_origin *origin);
/* Returns true when a signal asks for the end, false when the box cannot go on: the log says why.
 */
bool kg_control_run(struct kg_control *control);
void kg_control_destroy(struct kg_control *control);
