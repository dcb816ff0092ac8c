/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Linux has on an interface: addresses, routes and neighbours, kept as the messages in which
 * it tells of them, so that nothing of it is lost. What it puts there by itself, for the link, is
 * not among it.
 */
#pragma once

#include "netlink/nl.h"

struct kg_belongings {
	uint8_t *bytes; /* struct nlmsghdr, one behind the other, as on a socket */
	size_t len;
};

/* Each returns 0 or -errno; free in any case. */
int kg_belongings_read(struct kg_nl *nl, unsigned int ifindex, struct kg_belongings *b);
/* Routes through the interface, but for those of its own link. */
bool kg_belongings_has_routes(struct kg_nl *nl, unsigned int ifindex);
/* Gives it to the interface; what is there already is left. Goes on after an error, and returns the
 * first. */
int kg_belongings_give(struct kg_nl *nl, unsigned int ifindex, const struct kg_belongings *b);
/* Takes it from the interface; what has gone already has gone. */
int kg_belongings_take(struct kg_nl *nl, unsigned int ifindex, const struct kg_belongings *b);
/* Bytes that came from a file are messages of this kind, and nothing else. */
bool kg_belongings_valid(const struct kg_belongings *b);
void kg_belongings_free(struct kg_belongings *b);
