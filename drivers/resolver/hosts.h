/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The names of a hosts file, hosts(5), in a table: read once, and again when the file has changed.
 * One thread.
 */
#pragma once

#include "base/base.h"
#include "net/addr.h"

struct kg_hosts;

/* `path` outlives it. NULL: out of memory. */
struct kg_hosts *kg_hosts_create(const char *path);
void kg_hosts_destroy(struct kg_hosts *h);

/* The addresses of a name, at most `max`, in the order of the file; 0: none of these families.
 * "localhost" and what ends in ".localhost" have the loopback addresses if the file does not say
 * otherwise (RFC 6761 §6.3). */
unsigned int kg_hosts_find(struct kg_hosts *h, const char *name, bool ipv4, bool ipv6,
			   struct kg_ip *ips, unsigned int max);
