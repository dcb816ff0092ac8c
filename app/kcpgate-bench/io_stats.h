/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics of ports, as users of testpmd know them. */
#pragma once

#include "base/base.h"

/* Of a port, since whenever. */
struct bench_io {
	uint64_t rx_frames, rx_bytes;
	uint64_t tx_frames, tx_bytes;
	uint64_t dropped; /* either way */
};

/* What happened between two looks, `seconds` apart: at one port, and at all of `count`. */
void bench_io_print(unsigned int port, const char *name, const struct bench_io *from,
		    const struct bench_io *to, double seconds);
void bench_io_print_sum(const struct bench_io *from, const struct bench_io *to, unsigned int count,
			double seconds);
