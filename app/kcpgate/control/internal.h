/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sources of the control thread's loop, a file each. Each create puts its source into the loop,
 * or returns NULL with errno set; each destroy takes it out, and takes NULL.
 */
#pragma once

#include "box.h"
#include "control/loop.h"

struct kg_control_origin;
struct kg_control_reload;
struct kg_kept;
struct kg_kept_list;
struct kg_kept_socket;

#define KG_CONTROL_TICK_US KG_US_PER_S /* how often is looked at what says nothing by itself */

/* SIGINT and SIGTERM end the loop, SIGHUP asks `reload`, which may be NULL. */
struct kg_control_signals *kg_control_signals_create(struct kg_loop *loop,
						     struct kg_control_reload *reload);
void kg_control_signals_destroy(struct kg_control_signals *signals);

/* The kernel's next hops, published to all workers. */
struct kg_control_nexthops *kg_control_nexthops_create(struct kg_loop *loop, struct kg_box *box);
void kg_control_nexthops_destroy(struct kg_control_nexthops *nexthops);
/* A worker asks for a peer. */
void kg_control_nexthops_resolve(struct kg_control_nexthops *nexthops, const struct kg_ip *peer);

/* Host names: asks for what payload threads enquire after. */
struct kg_control_names *kg_control_names_create(struct kg_loop *loop, struct kg_box *box);
void kg_control_names_destroy(struct kg_control_names *names);
/* As kg_names_watch. */
struct kg_name_wait *kg_control_names_watch(struct kg_control_names *names, const char *name,
					    unsigned int what, kg_resolved *told, void *ctx);
/* Harmless for NULL. */
void kg_control_names_forget(struct kg_control_names *names, struct kg_name_wait *wait);
/* As kg_names_doubt. */
void kg_control_names_doubt(struct kg_control_names *names, const char *name, unsigned int what);

/* Where clients' servers are, as far as they have names; the workers are told. */
struct kg_control_destinations *kg_control_destinations_create(struct kg_loop *loop,
							       struct kg_box *box,
							       struct kg_control_names *names);
void kg_control_destinations_destroy(struct kg_control_destinations *destinations);
/* A tunnel has come: true also when none of its servers has a name. It goes, and workers hear
 * nothing new of it. It has gone, and no worker has a side of it. */
bool kg_control_destinations_follow(struct kg_control_destinations *destinations,
				    const struct kg_box_tunnel *tunnel);
void kg_control_destinations_leave(struct kg_control_destinations *destinations, uint16_t tunnel);
void kg_control_destinations_unfollow(struct kg_control_destinations *destinations,
				      uint16_t tunnel);
/* A server does not answer there. */
void kg_control_destinations_doubt(struct kg_control_destinations *destinations, uint16_t tunnel,
				   const struct kg_ip *ip);

/* The control socket, for kcpgate-ctl and other programs (docs/control.md). Without one, for want
 * of a place for it, the box does its work all the same. */
struct kg_control_ctl *kg_control_ctl_create(struct kg_loop *loop, struct kg_box *box);
/* Reloads can be asked for, and are told, from now on. */
void kg_control_ctl_open(struct kg_control_ctl *ctl, struct kg_control_reload *reload);
/* What a worker has said of a tunnel, to those who want to hear it. */
void kg_control_ctl_report(struct kg_control_ctl *ctl, const struct kg_tunnel_config *tunnel,
			   const struct kg_report *report);
void kg_control_ctl_destroy(struct kg_control_ctl *ctl);

/* What workers report: questions for next hops, and what the log shall say. */
struct kg_control_reports *kg_control_reports_create(struct kg_loop *loop, struct kg_box *box,
						     struct kg_control_nexthops *nexthops,
						     struct kg_control_destinations *destinations,
						     struct kg_control_ctl *ctl);
void kg_control_reports_destroy(struct kg_control_reports *reports);

/* Users' programs, one at a time. */
struct kg_control_hooks *kg_control_hooks_create(struct kg_loop *loop);
/* Ends the one that runs; those that wait are not run. */
void kg_control_hooks_destroy(struct kg_control_hooks *hooks);
/* With one argument, now or when those before have ended; another argument of the same tunnel takes
 * the place of one that waits. */
void kg_control_hooks_run(struct kg_control_hooks *hooks, const char *path, uint16_t tunnel,
			  const char *argument);

/* How the ports of servers look from outside. */
struct kg_control_stun *kg_control_stun_create(struct kg_loop *loop, struct kg_box *box,
					       struct kg_control_names *names,
					       struct kg_control_hooks *hooks);
void kg_control_stun_destroy(struct kg_control_stun *stun);
/* A tunnel has come: true also when it asks nobody. It goes. */
bool kg_control_stun_follow(struct kg_control_stun *stun, const struct kg_box_tunnel *tunnel);
void kg_control_stun_unfollow(struct kg_control_stun *stun, uint16_t tunnel);

/* How the ports are: whether Linux's interface under one, its TAP or its NIC is up, down or gone.
 * What changes is logged. A TAP that is up again gets back what it had; what has gone for good ends
 * the loop. */
struct kg_control_ports *kg_control_ports_create(struct kg_loop *loop, struct kg_box *box);
void kg_control_ports_destroy(struct kg_control_ports *ports);

/* The UDP ports that Linux's own sockets have. */
struct kg_control_linux *kg_control_linux_create(struct kg_loop *loop, struct kg_box *box);
void kg_control_linux_destroy(struct kg_control_linux *linux_ports);

/* Says in the log that the process has run out of descriptors, seldom however often it does. */
struct kg_control_descriptors *kg_control_descriptors_create(struct kg_loop *loop,
							     struct kg_box *box);
void kg_control_descriptors_destroy(struct kg_control_descriptors *descriptors);

/* Where the service manager wants to know, it is told that the box lives. */
struct kg_control_watchdog *kg_control_watchdog_create(struct kg_loop *loop,
						       const struct kg_box *box);
void kg_control_watchdog_destroy(struct kg_control_watchdog *watchdog);

/* How the tunnels do that have a journal, written every minute. */
struct kg_control_status *kg_control_status_create(struct kg_loop *loop, struct kg_box *box);
/* When no worker runs any more. */
void kg_control_status_destroy(struct kg_control_status *status);

/* Tunnels that come and go while the box runs. */
struct kg_control_tunnels *kg_control_tunnels_create(struct kg_loop *loop, struct kg_box *box,
						     struct kg_control_destinations *destinations,
						     struct kg_control_stun *stun);
void kg_control_tunnels_destroy(struct kg_control_tunnels *tunnels);
/* Told once, from within the loop: the tunnel forwards, or has gone; NULL, or why it could not
 * come. */
typedef void kg_tunnel_told(void *ctx, const char *error);
/*
 * `config` has been checked beside those that are there, and stays until the tunnel has gone. False
 * with a text in `error`: nothing has changed, and nothing is told.
 */
bool kg_control_tunnels_add(struct kg_control_tunnels *tunnels,
			    const struct kg_tunnel_config *config, kg_tunnel_told *told, void *ctx,
			    char *error, size_t error_bytes);
/* Peers are told that their channels end, applications see theirs end. False: there is none of that
 * name, or it comes or goes already. */
bool kg_control_tunnels_remove(struct kg_control_tunnels *tunnels, const char *name,
			       kg_tunnel_told *told, void *ctx);
/* As far as anything is open on it, it goes on for a while (resting.h), and goes then. Told as soon
 * as another may come in its place. False: as above. */
bool kg_control_tunnels_rest(struct kg_control_tunnels *tunnels, const char *name,
			     kg_tunnel_told *told, void *ctx);

/* The ports that those have left which rest: nobody comes for them any more. */
void kg_control_tunnels_close_kept(struct kg_control_tunnels *tunnels);
/* One that rests is to end now. Told when it has gone. False: somebody else is told already. */
bool kg_control_tunnels_end_rest(struct kg_control_tunnels *tunnels,
				 const struct kg_box_tunnel *tunnel, kg_tunnel_told *told,
				 void *ctx);

/* How long tunnels rest, and how many of them. One begins to, and of too many the one that does so
 * longest ends; returns where its gates leave their listening sockets, in `kept`, NULL: they close
 * them. */
struct kg_kept *kg_control_rest_begin(struct kg_box *box, struct kg_box_tunnel *tunnel,
				      struct kg_kept_list *kept, uint64_t now_us);
/* A payload thread's part of that. */
struct kg_kept_socket *kg_control_rest_places(struct kg_kept *kept,
					      const struct kg_box_tunnel *tunnel,
					      unsigned int thread);
/* To the log, if anything is open on it. */
void kg_control_rest_say(const struct kg_box *box, const struct kg_box_tunnel *tunnel);
/* Ends it when its time is over; returns when that is to be asked again. */
uint64_t kg_control_rest_watch(struct kg_box_tunnel *tunnel, uint64_t now_us);
void kg_control_rest_end(struct kg_box_tunnel *tunnel);

/* Reads the settings anew and applies what has changed of the tunnels. */
struct kg_control_reload *kg_control_reload_create(struct kg_loop *loop, struct kg_box *box,
						   struct kg_control_tunnels *tunnels,
						   const struct kg_control_origin *origin);
/* After the tunnels of the box, which point to what it has read. */
void kg_control_reload_destroy(struct kg_control_reload *reload);
/* Now, or when the one before is done. The log tells how it went. */
void kg_control_reload_ask(struct kg_control_reload *reload);
struct kg_reload_outcome {
	bool good; /* all that the files say is in effect */
	unsigned int went, came, failed;
	char why[1024]; /* what was wrong, as much as there is room for */
};
typedef void kg_reload_told(void *ctx, const struct kg_reload_outcome *outcome);
/* Told at the end of each, from within the loop. */
void kg_control_reload_watch(struct kg_control_reload *reload, kg_reload_told *told, void *ctx);
