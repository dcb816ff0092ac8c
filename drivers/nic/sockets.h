/* SPDX-License-Identifier: BSD-3-Clause */
/* This process's sockets of one address family, whoever opened them. */
#pragma once

#define KG_SOCKETS_MAX 1024

struct kg_sockets {
	int fds[KG_SOCKETS_MAX]; /* ascending */
	unsigned int count;
};

/* As many as there is room for; none without /proc. */
void kg_sockets_list(struct kg_sockets *sockets, int family);
