/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive interrupts of drivers that have them: those of NICs under vfio, virtio, TAP. An interrupt
 * tells of frames that come after it was armed, so the queue is looked at once more before the
 * sleep.
 */
#pragma once

#include "nic/rx_wake.h"

#include <stdint.h>

/* Of a port that was started with rxmode's interrupts: of all of its queues, or of none. */
void kg_rx_interrupts_find(struct kg_rx_wake *wakes, uint16_t queues, uint16_t port_id);
/* Before the port is stopped. */
void kg_rx_interrupts_forget(struct kg_rx_wake *wakes, uint16_t queues);

/* The worker: what has come so far is forgotten, what comes now is told; then it looks. */
void kg_rx_interrupt_arm(const struct kg_rx_wake *wake);
/* After the sleep: a queue that is looked at need not tell. */
void kg_rx_interrupt_disarm(const struct kg_rx_wake *wake);
