/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of the DPDK telemetry socket (dpdk-telemetry.py -f kcpgate-NAME):
 *   /kcpgate/stats            the box's numbers; those of its workers, payload threads, ports
 * summed up /kcpgate/stats,N          those of worker N /kcpgate/payload,N        those of payload
 * thread N /kcpgate/help             what they mean; /kcpgate/help,SKIP the next page
 *   /kcpgate/tunnels          one entry per tunnel; /kcpgate/tunnels,SKIP the next page
 *   /kcpgate/troubles         what keeps tunnels from working
 *   /kcpgate/channels         first page of channels; /kcpgate/channels,WORKER,SKIP the others
 *   /kcpgate/paths            likewise, of where their datagrams come from and go to
 *   /kcpgate/names            names of servers: what is known of them, and the latest failure
 *   /kcpgate/stun             how the ports of servers look from outside
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
int kg_telemetry_names(struct kg_box *box, const char *params, struct rte_tel_data *d);
int kg_telemetry_stun(struct kg_box *box, const char *params, struct rte_tel_data *d);
int kg_telemetry_troubles(struct kg_box *box, const char *params, struct rte_tel_data *d);
