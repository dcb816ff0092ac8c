/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * KCPTube's text forms of values (docs/configuration.md) with their documented meaning. White space
 * around a value and around the elements of a list does not count. Total functions: false and
 * nothing stored for anything else.
 */
#pragma once

#include "config/config.h"

/* Part of a text: from `at` up to but without `end`. */
struct kg_slice {
	const char *at, *end;
};

struct kg_slice kg_slice_trim(struct kg_slice slice);
/* Letters in any case. */
bool kg_slice_is(struct kg_slice slice, const char *word);
/* The whole text without white space around it. */
struct kg_slice kg_slice_of(const char *text);
/* What stands before `separator`, trimmed, which is taken away with it; all when there is none. */
struct kg_slice kg_slice_cut(struct kg_slice *rest, char separator);

/* More is no bandwidth; keeps every sum within 63 bits. */
#define KG_BANDWIDTH_MAX_BITPS UINT64_C(1000000000000000)

/* "-12", decimal digits with an optional sign. */
bool kg_parse_number(const char *text, int64_t *number);

/* yes, true, 1; no, false, 0; letters in any case. */
bool kg_parse_bool(const char *text, bool *value);

/* "500M" bits per second: K M G count in 1024, k m g in 1000. Bytes per second, rounded down. */
bool kg_parse_bandwidth(const char *text, uint64_t *Bps);

/* "30-90" or "60" seconds, 32767 at most; "0": never. */
bool kg_parse_interval(const char *text, struct kg_interval *interval);

/* "20:4": data and parity shards of a group, 255 at most together; 0 on either side: off. */
bool kg_parse_fec(const char *text, struct kg_fec_config *fec);

/* Looks like a host name: letters, digits and "-._", a letter among them, not too long. */
bool kg_is_host_name(const char *text);
/* Neither all zeros nor a group: something can be bound or sent there. */
bool kg_is_one_host(const struct kg_ip *ip);

/* "198.18.0.1", "fd00:18::1", "[fd00:18::1]". */
bool kg_parse_address(const char *text, struct kg_ip *ip);
/* "198.18.0.1/24", "fd00:18::1/64", "[fd00:18::1]/64", "[fd00:18::1/64]". */
bool kg_parse_prefix(const char *text, struct kg_prefix *prefix);

/* ":8000" on any address (version 0), "0.0.0.0:8000" and "[::]:8000" on any of a family,
 * "127.0.0.1:8000", "[fd00:18::1]:8000"; no port 0. */
bool kg_parse_listening(const char *text, struct kg_endpoint *local);
/* "127.0.0.1:8000", "[::1]:53", "host.name:443"; no port 0. The address, without brackets, is on
 * the heap. */
bool kg_parse_target(const char *text, struct kg_target *target);

struct kg_port_list {
	struct kg_port_range *ranges; /* heap */
	unsigned int count, room;
};

/* Appends "3000-3010,4000": ports 1 … 65535, from low to high; a comma may end the list. On false
 * what stood before the mistake has been appended. */
bool kg_parse_ports(const char *text, struct kg_port_list *list);
void kg_port_list_add(struct kg_port_list *list, uint16_t first, uint16_t last);
/* Sorts, and joins ranges that overlap or touch. */
void kg_port_list_merge(struct kg_port_list *list);
/* Of a merged list: how many of the range's ports it has; the list without them. */
unsigned int kg_port_list_count_in(const struct kg_port_list *list,
				   const struct kg_port_range *range);
void kg_port_list_cut(struct kg_port_list *list, const struct kg_port_range *range);
