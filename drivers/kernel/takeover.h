/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moves what Linux has on an interface to a port's TAP, and back at the end. A record in the run
 * directory remembers it for the next start, if this process does not come to its end.
 */
#pragma once

#include "base/base.h"

struct kg_takeover;

/* Moves. NULL with a text in `error`; then all is back where it was. */
struct kg_takeover *kg_takeover_begin(const char *interface, unsigned int tap_ifindex, char *error,
				      size_t error_bytes);
/* The TAP gets once more what it has lost. 0, or -errno. */
int kg_takeover_again(const struct kg_takeover *takeover);
/* Back to the interface, when the TAP has gone. NULL is allowed. */
void kg_takeover_end(struct kg_takeover *takeover);

/* What a box that was killed has left, back to the interface. 1: there was something, 0, or -errno.
 * Only who has claimed the interface may call it. */
int kg_takeover_put_back(const char *interface);
