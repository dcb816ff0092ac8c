/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a tunnel towards applications: one end listens for their connections and datagrams,
 * the other dials to where they go. A relay's legs have each other.
 */
#pragma once

#include "base/base.h"
#include "net/addr.h"
#include "net/allow.h"
#include "wire/target.h"

enum kg_app_kind {
	KG_APP_LISTENS,
	KG_APP_DIALS,
	KG_APP_RELAYS, /* there are none: another tunnel has the other end */
};

/* Where applications come in. */
struct kg_app_listener {
	struct kg_endpoint at; /* version 0: any address */
	bool tcp, udp;
	/* Where the other end shall connect them to; NULL: it knows. */
	const struct kg_target *target;
};

/* When a datagram for an application leaves that has come before others of its flow. */
enum kg_udp_order {
	KG_UDP_SEQUENCE, /* behind them */
	KG_UDP_ARRIVAL,  /* as soon as it is whole */
};

struct kg_app_end {
	enum kg_app_kind kind;
	struct kg_app_listener *listeners; /* listens */
	unsigned int listener_count;
	struct kg_target target;  /* dials: where to; address NULL: the other end says it */
	struct kg_allow *allowed; /* of that, what it may name; none: everything */
	unsigned int allowed_count;
	/* A VRF, or another interface of Linux, that the sockets are of: listens; dials. NULL: none
	 */
	char *vrf_ingress, *vrf_egress;
	bool fast_path; /* UDP past Linux; there is none past a VRF */
	enum kg_udp_order udp_order;
};

/* Dials where the other end says. */
static inline bool kg_app_is_told(const struct kg_app_end *app)
{
	return app->kind == KG_APP_DIALS && app->target.address == NULL;
}
