/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kcpgate-ctl: what a box does, and what it is asked to do, by its control socket
 * (docs/control.md).
 *
 *   arguments ─► connection ─► answers of the box ─► table or JSON
 */
#pragma once

#include "net/addr.h"

#include <jansson.h>
#include <stdio.h>

struct ctl_args {
	const char *box;  /* NULL: the only one that runs */
	const char *word; /* of the command; NULL: none */
	const char *of;   /* what it is about; NULL: nothing is said */
	unsigned int every_s, times;
	const char *output; /* file; NULL: standard output */
	bool json, decrypted;
};

/* ---- the connection; each ends the process with a complaint when the box says no ---- */

struct connection {
	FILE *from;
	int fd;
	json_t *greeting;
};

void ctl_connect(struct connection *c, const char *box);
void ctl_disconnect(struct connection *c);
/* The result of a request that `format` and what follows pack; a reference of the caller's. */
json_t *ctl_ask(struct connection *c, const char *format, ...);
/* A line that the box says by itself; NULL: it has ended. */
json_t *ctl_hear(struct connection *c);
/* All pages of what the telemetry socket shows, of a worker or (-1) of the box: one object. */
json_t *ctl_show(struct connection *c, const char *what, int worker);
/* Rows of each worker in one array; the key that they had is `name`. */
json_t *ctl_show_rows(struct connection *c, const char *what, const char *name);
__attribute__((noreturn, format(printf, 1, 2))) void ctl_die(const char *format, ...);

/* ---- tables ---- */

struct column {
	const char *head, *key;
	double divisor; /* of a number; 0: as it is */
};

/* Of an array of objects. */
void ctl_print_table(const json_t *rows, const struct column *columns, size_t count);

/* ---- pcapng ---- */

/* A datagram of UDP, as a packet of IP. */
struct ctl_packet {
	struct kg_endpoint source, destination;
	const uint8_t *payload; /* as far as it is known */
	uint16_t kept_bytes, payload_bytes;
	bool outbound;
	uint64_t time_ns;    /* since 1970 */
	const char *comment; /* for who looks at it */
};

/* The beginning of a file; `what` its packets are, from which box. */
void ctl_pcapng_begin(FILE *out, const char *what);
/* False: the file takes no more. */
bool ctl_pcapng_write(FILE *out, const struct ctl_packet *packet);

/* ---- commands ---- */

void ctl_status(struct connection *c, const struct ctl_args *args);
void ctl_tunnels(struct connection *c, const struct ctl_args *args);
void ctl_channels(struct connection *c, const struct ctl_args *args);
void ctl_paths(struct connection *c, const struct ctl_args *args);
void ctl_stats(struct connection *c, const struct ctl_args *args);
void ctl_drops(struct connection *c, const struct ctl_args *args);
void ctl_why(struct connection *c, const struct ctl_args *args);
void ctl_hop(struct connection *c, const struct ctl_args *args);
void ctl_reload(struct connection *c, const struct ctl_args *args);
void ctl_log(struct connection *c, const struct ctl_args *args);
void ctl_events(struct connection *c, const struct ctl_args *args);
void ctl_trace(struct connection *c, const struct ctl_args *args);
void ctl_top(struct connection *c, const struct ctl_args *args);
