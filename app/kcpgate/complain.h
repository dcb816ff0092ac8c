/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker tells the control thread what keeps a tunnel from working (telemetry/troubles.h): each
 * kind and peer at once and then at most every ten seconds.
 */
#pragma once

#include "base/drop.h"
#include "pkt.h"
#include "telemetry/troubles.h"

struct kg_worker;

/* A received datagram was thrown away; `skew_s`: how far its clock was ahead of ours. */
void kg_complain_of_datagram(struct kg_worker *w, const struct kg_pkt *pkt, enum kg_drop drop,
			     int32_t skew_s);
/* Client: Linux knows no way to `remote`. */
void kg_complain_no_route(struct kg_worker *w, uint16_t tunnel, const struct kg_endpoint *remote);
/* At housekeeping: clients that wait for an answer and get none. */
void kg_complain_unanswered(struct kg_worker *w);
