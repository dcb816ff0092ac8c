/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes a message apart from the front, and never reads beyond its end. */
#pragma once

#include "base/base.h"

/* What is left of it; `bad`: it was shorter than somebody took it for. */
struct kg_reader {
	const uint8_t *at, *end;
	bool bad;
};

/* So many bytes; NULL: there are not, and from now on none are. */
static inline const uint8_t *kg_reader_take(struct kg_reader *reader, size_t bytes)
{
	const uint8_t *at = reader->at;

	if (reader->bad || (size_t)(reader->end - at) < bytes) {
		reader->bad = true;
		return NULL;
	}
	reader->at += bytes;
	return at;
}
