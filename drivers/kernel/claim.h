/* SPDX-License-Identifier: BSD-3-Clause */
/* What only one box of this machine may have: a locked file in the run directory, which the end of
 * the process unlocks, however it comes. */
#pragma once

#include "kernel/run_dir.h"

#include <sys/types.h>

struct kg_claim {
	int fd; /* -1: none */
	char path[PATH_MAX];
};

/* 0, or -errno; -EWOULDBLOCK: process `holder` (0: not known) has it. `name` has no slash. */
int kg_claim_take(struct kg_claim *claim, const char *name, pid_t *holder);
/* Harmless for one that was not taken. */
void kg_claim_release(struct kg_claim *claim);
