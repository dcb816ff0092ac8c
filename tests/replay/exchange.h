/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The exchange of most recordings (recordings.h), as the applications held it: the server's echo a
 * TCP stream, and the datagrams of a UDP flow. The client's say the whole stream, and end it when
 * it has come back; and one datagram after the other, when the one before has.
 */
#pragma once

#include "replay/bench.h"

/* A bench with these applications. */
struct bench *exchange_create(const struct recording *recording, enum kg_role role);
/* Client: the first words. */
void exchange_begin(struct bench *b, struct flow *flow);

/* All was heard. The stream has ended, for this reason; the UDP flow has not. */
void exchange_check_stream(const struct bench *b, const struct flow *flow, enum kg_close why);
void exchange_check_flow(const struct bench *b, const struct flow *flow);
