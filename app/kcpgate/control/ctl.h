/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the control socket share: clients and what they ask for. The protocol is in
 * docs/control.md. All of it is the control thread's, and waits for nobody: a client that does not
 * read what it asked for is let go.
 */
#pragma once

#include "config/config.h"
#include "control/loop.h"
#include "mail.h"

#include <jansson.h>

#define KG_CTL_PROTOCOL      1u
#define KG_CTL_REQUEST_BYTES 1024u
#define KG_CTL_CLIENTS_MAX   16

struct kg_box;
struct kg_control_reload;
struct kg_control_ctl;
struct kg_tunnel_config;

/* At most one client traces at a time. */
struct kg_ctl_tracer {
	struct kg_loop_source source;
	struct kg_box *box;
	struct kg_ctl_client *client; /* NULL: nobody traces, or the trace is ending */
	struct kg_trace *traces[KG_CONFIG_WORKERS_MAX]; /* NULL: there is none */
	uint64_t unposted;   /* a bit for each worker that was not told yet */
	atomic_uint awaited; /* workers that may still have theirs */
	uint64_t unsaid;     /* for want of room in the client's socket */
};

struct kg_ctl_client {
	struct kg_loop_source source; /* fd -1: the place is free */
	/* To the telemetry socket, which has all figures, and answers one request at a time. */
	struct kg_loop_source figures;
	struct kg_control_ctl *ctl;
	char request[KG_CTL_REQUEST_BYTES];
	size_t request_len;
	json_t *id;       /* of the request that is being answered; NULL: none is */
	char command[64]; /* of the telemetry socket that it asks */
	bool greeted;     /* by the telemetry socket */
	bool hears_events;
	bool awaits_reload;
	bool gone; /* to be let go as soon as nobody holds it */
};

struct kg_control_ctl {
	struct kg_loop_source source;
	struct kg_box *box;
	struct kg_control_reload *reload;
	struct kg_ctl_client clients[KG_CTL_CLIENTS_MAX];
	struct kg_ctl_tracer tracer;
	int spare_fd; /* given up to turn a client away when there are no descriptors */
	char path[108];
};

/* ctl_client.c. A line for a client; takes the reference. */
void kg_ctl_say(struct kg_ctl_client *client, json_t *line);
/* The same for what it may miss: false when its socket has no room. */
bool kg_ctl_try_say(struct kg_ctl_client *client, json_t *line);
/* Ends the answer to its request: with a result, whose reference it takes, or with a complaint. */
void kg_ctl_answer(struct kg_ctl_client *client, json_t *result);
__attribute__((format(printf, 2, 3))) void kg_ctl_refuse(struct kg_ctl_client *client,
							 const char *format, ...);

/* ctl_figures.c. Passes a question on to the telemetry socket; answered when that has. */
void kg_ctl_ask_figures(struct kg_ctl_client *client, const char *what, const char *of);
void kg_ctl_stop_figures(struct kg_ctl_client *client);

/* ctl_trace.c. */
void kg_ctl_tracer_init(struct kg_ctl_tracer *tracer, struct kg_loop *loop, struct kg_box *box);
/* The workers have ended. */
void kg_ctl_tracer_fini(struct kg_ctl_tracer *tracer);
/* Answers; datagrams come as events until the client goes. */
void kg_ctl_trace(struct kg_ctl_client *client, const json_t *request);
/* It hears no more; harmless for one that does not trace. */
void kg_ctl_stop_trace(struct kg_ctl_client *client);

/* ctl_commands.c. Does what a client asks for; answers now or later. */
void kg_ctl_do(struct kg_ctl_client *client, const json_t *request);

/* ctl_events.c. What workers report, as an event. */
json_t *kg_ctl_event(const struct kg_tunnel_config *tunnel, const struct kg_report *report);
