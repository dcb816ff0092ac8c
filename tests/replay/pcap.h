/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads recordings in classic pcap format: either byte order, micro- or nanoseconds, Ethernet. */
#pragma once

#include "base/base.h"

struct pcap {
	uint8_t *bytes; /* the whole file */
	size_t len, at;
	bool swapped, nanoseconds;
};

struct pcap_record {
	uint64_t time_us;     /* Unix time */
	const uint8_t *frame; /* into the file; whole frames only */
	size_t len;
};

/* False when the file cannot be read or is of another kind. */
bool pcap_open(struct pcap *pcap, const char *path);
void pcap_close(struct pcap *pcap);

/* False at the end. A cut file, or a frame that was not recorded whole, ends the program: a test
 * must not pass because its recording is broken. */
bool pcap_next(struct pcap *pcap, struct pcap_record *record);
