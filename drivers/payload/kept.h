/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listening sockets that outlive their gate: a gate that rests leaves them to the gate that comes
 * in its place. What has come in meanwhile waits in them, so no application is refused, nor loses
 * what it has said. The control thread's; a gate's thread only puts its own sockets in, when it
 * does what it is told with them.
 */
#pragma once

#include "net/addr.h"

#include <stdbool.h>
#include <sys/queue.h>

/* What a socket is bound to, and what it is for. */
struct kg_listen_place {
	struct kg_endpoint at;
	int type; /* SOCK_STREAM, SOCK_DGRAM */
	bool ipv4_only, ipv6_only;
	char vrf[16];        /* empty: none */
	unsigned int thread; /* payload thread, each of which has sockets of its own */
};

struct kg_kept_socket {
	int fd; /* -1: none, or it has been taken */
	struct kg_listen_place place;
};

/* Of a tunnel. */
struct kg_kept {
	TAILQ_ENTRY(kg_kept) link;
	unsigned int count;
	struct kg_kept_socket sockets[];
};

TAILQ_HEAD(kg_kept_list, kg_kept);

/* With so many places, all empty, in the list; NULL without memory. */
struct kg_kept *kg_kept_create(struct kg_kept_list *list, unsigned int count);
/* That socket, which is the caller's from now on; -1: there is none, and none that is kept has that
 * port any more. */
int kg_kept_take(struct kg_kept_list *list, const struct kg_listen_place *place);
/* Closes what nobody took. */
void kg_kept_close_all(struct kg_kept_list *list);
