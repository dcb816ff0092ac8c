/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asks Linux now and then whether a socket on this host has had no room for what a flow was sent in
 * bursts, counts it, and tells the worker, who then lets it leave more slowly.
 */
#pragma once

#include "payload/flow.h"

/* NULL when memory is short; without the kernel's help nothing is asked. */
struct kg_udp_loss *kg_udp_loss_create(void);
void kg_udp_loss_destroy(struct kg_udp_loss *loss);

/* The flow was sent so many at once. */
void kg_udp_loss_note(struct kg_payload *p, struct kg_flow *flow, uint32_t datagrams);
/* The flow's socket goes. */
void kg_udp_loss_forget(struct kg_payload *p, struct kg_flow *flow);
/* Asks for one flow, if it is time. */
void kg_udp_loss_turn(struct kg_payload *p);
/* When to take a turn; KG_NEVER_US: nobody is to be asked for. */
uint64_t kg_udp_loss_next_us(const struct kg_payload *p);
