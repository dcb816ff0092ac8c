/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control thread knows of the world outside, copied out for telemetry: host names, and how
 * servers' ports look to STUN servers.
 */
#pragma once

#include "net/addr.h"
#include "resolver/names.h"

#define KG_OUTLOOK_ROWS_MAX   64 /* of each; what is beyond is not shown */
#define KG_OUTLOOK_TEXT_BYTES 64

struct kg_stun_row {
	char tunnel[KG_OUTLOOK_TEXT_BYTES];
	uint8_t version;           /* of IP */
	struct kg_endpoint mapped; /* version 0: not known yet */
	uint64_t mapped_us;        /* when that was said last */
	struct kg_endpoint server; /* that is asked; version 0: none is known */
	unsigned int unanswered;   /* questions to it */
	uint64_t failed_us;        /* when a server was given up last; 0: never */
};

/* Control thread. */
void kg_outlook_put_names(const struct kg_names *names);
void kg_outlook_put_stun(const struct kg_stun_row *rows, unsigned int count);

/* Any thread: how many there are. */
unsigned int kg_outlook_names(struct kg_name_state rows[KG_OUTLOOK_ROWS_MAX]);
unsigned int kg_outlook_stun(struct kg_stun_row rows[KG_OUTLOOK_ROWS_MAX]);
struct kg_names_stats kg_outlook_names_stats(void);
