/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints what ports have moved, as testpmd does. */
#include "io_stats.h"

#include <stdio.h>

static struct bench_io difference(const struct bench_io *from, const struct bench_io *to)
{
	return (struct bench_io){
		.rx_frames = to->rx_frames - from->rx_frames,
		.rx_bytes = to->rx_bytes - from->rx_bytes,
		.tx_frames = to->tx_frames - from->tx_frames,
		.tx_bytes = to->tx_bytes - from->tx_bytes,
		.dropped = to->dropped - from->dropped,
	};
}

static void print_way(const char *way, uint64_t frames, uint64_t bytes, double seconds)
{
	printf("  %cX-packets: %-14llu %cX-bytes: %-16llu %s-pps: %-12.0f %s-Gbit/s: %.3f\n",
	       way[0], (unsigned long long)frames, way[0], (unsigned long long)bytes, way,
	       (double)frames / seconds, way, (double)bytes * 8 / seconds / 1e9);
}

static void print(const struct bench_io *io, double seconds)
{
	print_way("Rx", io->rx_frames, io->rx_bytes, seconds);
	print_way("Tx", io->tx_frames, io->tx_bytes, seconds);
	printf("  dropped:    %llu\n", (unsigned long long)io->dropped);
}

void bench_io_print(unsigned int port, const char *name, const struct bench_io *from,
		    const struct bench_io *to, double seconds)
{
	struct bench_io io = difference(from, to);

	printf("  ---------------------- Forward statistics for port %u (%s) "
	       "--------------------\n",
	       port, name);
	print(&io, seconds);
}

void bench_io_print_sum(const struct bench_io *from, const struct bench_io *to, unsigned int count,
			double seconds)
{
	struct bench_io sum = { 0 };

	for (unsigned int i = 0; i < count; i++) {
		struct bench_io io = difference(&from[i], &to[i]);

		sum.rx_frames += io.rx_frames;
		sum.rx_bytes += io.rx_bytes;
		sum.tx_frames += io.tx_frames;
		sum.tx_bytes += io.tx_bytes;
		sum.dropped += io.dropped;
	}
	puts("  +++++++++++++++ Accumulated forward statistics for all ports +++++++++++++++");
	print(&sum, seconds);
}
