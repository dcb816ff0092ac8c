/* SPDX-License-Identifier: BSD-3-Clause */
/* The XDP program of an interface. All return 0 or -errno. */
#pragma once

#include "netlink/nl.h"

struct kg_xdp {
	uint32_t id;    /* of the program; 0: there is none */
	bool by_driver; /* which runs it before Linux makes a buffer of the frame */
};

int kg_xdp_get(struct kg_nl *nl, unsigned int ifindex, struct kg_xdp *xdp);
/* The program of `fd`, or none (-1), takes the place of that of `old_fd`; -EEXIST: another is
 * there. */
int kg_xdp_replace(struct kg_nl *nl, unsigned int ifindex, int fd, int old_fd);
