/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sources of the control thread's loop, a file each. Each create puts its source into the loop,
 * or returns NULL with errno set; each destroy takes it out, and takes NULL.
 */
#pragma once

#include "box.h"
#include "control/loop.h"

#define KG_CONTROL_TICK_US KG_US_PER_S /* how often is looked at what says nothing by itself */

/* SIGINT and SIGTERM end the loop. */
struct kg_control_signals *kg_control_signals_create(struct kg_loop *loop);
void kg_control_signals_destroy(struct kg_control_signals *signals);

/* The kernel's next hops, published to all workers. */
struct kg_control_nexthops *kg_control_nexthops_create(struct kg_loop *loop, struct kg_box *box);
void kg_control_nexthops_destroy(struct kg_control_nexthops *nexthops);
/* A worker asks for a peer. */
void kg_control_nexthops_resolve(struct kg_control_nexthops *nexthops, const struct kg_ip *peer);

/* Host names: asks for what payload threads enquire after. */
struct kg_control_names *kg_control_names_create(struct kg_loop *loop, struct kg_box *box);
void kg_control_names_destroy(struct kg_control_names *names);
/* As kg_names_watch, until the end; false when memory is short. */
bool kg_control_names_watch(struct kg_control_names *names, const char *name, unsigned int what,
			    kg_resolved *told, void *ctx);
/* As kg_names_doubt. */
void kg_control_names_doubt(struct kg_control_names *names, const char *name, unsigned int what);

/* Where clients' servers are, as far as they have names; the workers are told. */
struct kg_control_destinations *kg_control_destinations_create(struct kg_loop *loop,
							       struct kg_box *box,
							       struct kg_control_names *names);
void kg_control_destinations_destroy(struct kg_control_destinations *destinations);
/* A server does not answer there. */
void kg_control_destinations_doubt(struct kg_control_destinations *destinations, uint16_t tunnel,
				   const struct kg_ip *ip);

/* What workers report: questions for next hops, and what the log shall say. */
struct kg_control_reports *kg_control_reports_create(struct kg_loop *loop, struct kg_box *box,
						     struct kg_control_nexthops *nexthops,
						     struct kg_control_destinations *destinations);
void kg_control_reports_destroy(struct kg_control_reports *reports);

/* Users' programs, one at a time. */
struct kg_control_hooks *kg_control_hooks_create(struct kg_loop *loop);
/* Ends the one that runs; those that wait are not run. */
void kg_control_hooks_destroy(struct kg_control_hooks *hooks);
/* With one argument, now or when those before have ended; another argument of the same tunnel takes
 * the place of one that waits. `path` is the configuration's. */
void kg_control_hooks_run(struct kg_control_hooks *hooks, const char *path, uint16_t tunnel,
			  const char *argument);

/* How the ports of servers look from outside. */
struct kg_control_stun *kg_control_stun_create(struct kg_loop *loop, struct kg_box *box,
					       struct kg_control_names *names,
					       struct kg_control_hooks *hooks);
void kg_control_stun_destroy(struct kg_control_stun *stun);

/* How the ports are: whether Linux's interface under one, its TAP or its NIC is up, down or gone.
 * What changes is logged. A TAP that is up again gets back what it had; what has gone for good ends
 * the loop. */
struct kg_control_ports *kg_control_ports_create(struct kg_loop *loop, struct kg_box *box);
void kg_control_ports_destroy(struct kg_control_ports *ports);

/* The UDP ports that Linux's own sockets have. */
struct kg_control_linux *kg_control_linux_create(struct kg_loop *loop, struct kg_box *box);
void kg_control_linux_destroy(struct kg_control_linux *linux_ports);

/* Says in the log that the process has run out of descriptors, seldom however often it does. */
struct kg_control_shortage *kg_control_shortage_create(struct kg_loop *loop, struct kg_box *box);
void kg_control_shortage_destroy(struct kg_control_shortage *shortage);
