/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sending end of the rivals' transport. It never runs out of data. A datagram is lost when
 * others that left later have arrived (RFC 9002 §6.1: three, more where the path reorders), or when
 * nothing is heard for a time-out (RFC 6298); what it carried goes again first. Delivery rates are
 * sampled as in draft-cheng-iccrg-delivery-rate-estimation.
 */
#pragma once

#include "rival/ack.h"
#include "rival/rival.h"

struct kg_rival_sender;

/* NULL: out of memory. */
struct kg_rival_sender *kg_rival_sender_create(const struct kg_rival_ops *ops,
					       const struct kg_rival_params *params);
void kg_rival_sender_destroy(struct kg_rival_sender *s);
void kg_rival_sender_hear(struct kg_rival_sender *s, const struct kg_rival_acks *acks,
			  uint64_t now_us);
/* False: nothing may leave now. */
bool kg_rival_sender_next(struct kg_rival_sender *s, uint64_t now_us, struct kg_rival_data *data);
uint64_t kg_rival_sender_deadline_us(const struct kg_rival_sender *s);
