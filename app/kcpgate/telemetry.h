/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of the DPDK telemetry socket (dpdk-telemetry.py -f kcpgate-NAME):
 *   /kcpgate/stats            counters and drop reasons of all workers, pools, payload thread
 *   /kcpgate/stats,N          those of worker N
 *   /kcpgate/tunnels          one entry per tunnel
 *   /kcpgate/troubles         what keeps tunnels from working
 *   /kcpgate/channels         first page of channels; /kcpgate/channels,WORKER,SKIP the others
 */
#pragma once

struct kg_box;
struct rte_tel_data;

/* Registers the commands; they answer from `box` until kg_telemetry_fini. 0, or -errno. */
int kg_telemetry_init(struct kg_box *box);
/* Waits for callbacks at work; later ones answer nothing. */
void kg_telemetry_fini(void);

/* One of the commands; the others are in telemetry.c. */
int kg_telemetry_troubles(struct kg_box *box, const char *params, struct rte_tel_data *d);
