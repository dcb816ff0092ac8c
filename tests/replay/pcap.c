/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads pcap files: headers of the file and of its records, and what is in them. */
#include "replay/pcap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* draft-ietf-opsawg-pcap: the order of the magic's bytes is the order of the writer. */
#define MAGIC_US        0xa1b2c3d4u
#define MAGIC_NS        0xa1b23c4du
#define FILE_BYTES      24
#define FILE_LINK_AT    20
#define RECORD_BYTES    16
#define LINK_ETHERNET   1
#define PCAP_FILE_BYTES (64u << 20)

static uint32_t number_at(const struct pcap *pcap, size_t at)
{
	uint32_t value;

	memcpy(&value, pcap->bytes + at, sizeof(value));
	return pcap->swapped ? __builtin_bswap32(value) : value;
}

static bool read_file(struct pcap *pcap, const char *path)
{
	FILE *file = fopen(path, "rb");

	if (!file)
		return false;
	pcap->bytes = malloc(PCAP_FILE_BYTES);
	if (pcap->bytes)
		pcap->len = fread(pcap->bytes, 1, PCAP_FILE_BYTES, file);
	fclose(file);
	return pcap->len >= FILE_BYTES && pcap->len < PCAP_FILE_BYTES;
}

bool pcap_open(struct pcap *pcap, const char *path)
{
	*pcap = (struct pcap){ .at = FILE_BYTES };
	if (!read_file(pcap, path)) {
		pcap_close(pcap);
		return false;
	}

	uint32_t magic = number_at(pcap, 0);

	pcap->swapped =
		magic == __builtin_bswap32(MAGIC_US) || magic == __builtin_bswap32(MAGIC_NS);
	magic = number_at(pcap, 0);
	pcap->nanoseconds = magic == MAGIC_NS;
	if ((magic != MAGIC_US && magic != MAGIC_NS) ||
	    number_at(pcap, FILE_LINK_AT) != LINK_ETHERNET) {
		pcap_close(pcap);
		return false;
	}
	return true;
}

void pcap_close(struct pcap *pcap)
{
	free(pcap->bytes);
	pcap->bytes = NULL;
}

static void give_up(const char *why)
{
	fprintf(stderr, "pcap: %s\n", why);
	exit(1);
}

bool pcap_next(struct pcap *pcap, struct pcap_record *record)
{
	size_t left = pcap->len - pcap->at;

	if (left == 0)
		return false;
	if (left < RECORD_BYTES)
		give_up("cut within a record header");

	uint32_t seconds = number_at(pcap, pcap->at), part = number_at(pcap, pcap->at + 4);
	uint32_t kept = number_at(pcap, pcap->at + 8), original = number_at(pcap, pcap->at + 12);

	if (kept != original)
		give_up("a frame was not recorded whole");
	if (kept > left - RECORD_BYTES)
		give_up("cut within a frame");
	record->time_us = seconds * (uint64_t)KG_US_PER_S + part / (pcap->nanoseconds ? 1000 : 1);
	record->frame = pcap->bytes + pcap->at + RECORD_BYTES;
	record->len = kept;
	pcap->at += RECORD_BYTES + kept;
	return true;
}
