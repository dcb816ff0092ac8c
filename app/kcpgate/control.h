/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control thread: signals, the kernel's next hops, what workers report. Runs on the main thread
 * while the workers forward.
 */
#pragma once

struct kg_box;
struct kg_control;

/* First of all: SIGINT and SIGTERM are for the control thread, not for the threads EAL makes. */
void kg_control_block_signals(void);

/* NULL with errno set. */
struct kg_control *kg_control_create(struct kg_box *box);
/* Returns when a signal asks for the end. */
void kg_control_run(struct kg_control *control);
void kg_control_destroy(struct kg_control *control);
