/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of the DPDK telemetry socket (dpdk-telemetry.py -f kcpgate-NAME), each behind /kcpgate/:
 *
 *   stats       the box's numbers; those of workers, payload threads and ports summed up
 *   stats,N     those of worker N
 *   payload,N   those of payload thread N
 *   help        what the numbers mean; help,SKIP: the next page
 *   tunnels     one entry per tunnel; tunnels,SKIP: the next page
 *   troubles    what keeps tunnels from working
 *   channels    the first page of channels; channels,WORKER,SKIP: the others
 *   paths       likewise, of where their datagrams come from and go to
 *   dropped     likewise, of the last that was thrown away, by address and reason
 *   names       names of servers: what is known of them, and the latest failure
 *   stun        how the ports of servers look from outside
 */
#pragma once

struct kg_box;
struct rte_tel_data;

/* Registers the commands; they answer from `box` until kg_telemetry_fini. 0, or -errno. */
int kg_telemetry_init(struct kg_box *box);
/* Waits for callbacks at work; later ones answer nothing. */
void kg_telemetry_fini(void);

/* The commands. 0, or -1: no answer. */
int kg_telemetry_stats(struct kg_box *box, const char *params, struct rte_tel_data *d);
int kg_telemetry_payload(struct kg_box *box, const char *params, struct rte_tel_data *d);
int kg_telemetry_help(struct kg_box *box, const char *params, struct rte_tel_data *d);
int kg_telemetry_tunnels(struct kg_box *box, const char *params, struct rte_tel_data *d);
int kg_telemetry_channels(struct kg_box *box, const char *params, struct rte_tel_data *d);
int kg_telemetry_paths(struct kg_box *box, const char *params, struct rte_tel_data *d);
int kg_telemetry_dropped(struct kg_box *box, const char *params, struct rte_tel_data *d);
int kg_telemetry_names(struct kg_box *box, const char *params, struct rte_tel_data *d);
int kg_telemetry_stun(struct kg_box *box, const char *params, struct rte_tel_data *d);
int kg_telemetry_troubles(struct kg_box *box, const char *params, struct rte_tel_data *d);
