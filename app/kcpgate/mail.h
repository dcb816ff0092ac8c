/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages between the control thread and the workers. To a worker: mail, posted under the box's
 * lock because telemetry threads post too. From a worker: reports, one SPSC ring each.
 */
#pragma once

#include "base/base.h"
#include "netlink/nexthop.h"
#include "pages.h"
#include "session/session.h"

#include <stdatomic.h>

#define KG_MAIL_RING_SIZE 1024

enum kg_mail_type {
	KG_MAIL_NEXTHOP,        /* the kernel's word on a peer */
	KG_MAIL_FORGET_NEXTHOP, /* of nexthop.peer; ask again */
	KG_MAIL_PAGE,           /* fill in `page` */
	KG_MAIL_LEAVE_PORT,     /* Linux has a socket on `port` */
	KG_MAIL_DESTINATIONS,   /* where a client tunnel's server is now */
	KG_MAIL_TOO_BIG,        /* a router's word, which another worker has heard */
	KG_MAIL_HOP,            /* of client tunnel `tunnel` all that is open */
	KG_MAIL_TRACE,          /* by `trace`; NULL: no more, and the one before is nobody's */
	KG_MAIL_BEGIN_SIDE,     /* `side` is the worker's; awaited: it has begun, or cannot */
	KG_MAIL_OPEN_SIDE,      /* its gates are open: peers may open connections */
	KG_MAIL_REST_SIDE,      /* awaited: nothing is open on it any more, or its time is over */
	KG_MAIL_DRAIN_SIDE,     /* awaited: it has ended, and is nobody's */
	KG_MAIL_STOP,           /* awaited: the peers have been told, or it is time to go anyway */
	KG_MAIL_LEAVE,          /* awaited: the loop has ended, nobody is woken */
};

/* Where a tunnel's server is. The control thread's, which keeps it until every worker has taken the
 * next one. */
struct kg_destinations {
	const struct kg_port_range *ports;
	uint16_t port_count;
	uint16_t tunnel; /* id */
	uint16_t count;
	struct kg_ip ips[];
};

/* A router says that packets of more than `mtu` bytes do not pass from local to remote. */
struct kg_too_big {
	struct kg_tuple ends;
	uint16_t tunnel, mtu;
};

struct kg_side;
struct kg_trace;
struct kg_worker;

struct kg_mail {
	enum kg_mail_type type;
	/* One less when it is done, and the control thread is woken; NULL: nobody waits for it */
	atomic_uint *awaited;
	union {
		const struct kg_destinations *destinations;
		struct kg_nexthop nexthop;
		struct kg_page *page;
		struct kg_too_big too_big;
		struct kg_side *side;
		struct kg_trace *trace;
		uint16_t port;
		uint16_t tunnel; /* id */
	};
};
_Static_assert(sizeof(struct kg_mail) % 4 == 0, "ring element");

enum kg_report_type {
	KG_REPORT_RESOLVE, /* next hop of `remote.ip` wanted */
	KG_REPORT_SILENT,  /* client: nothing comes from the server at `remote.ip` any more */
	KG_REPORT_OPENED,  /* for journals: an application's connection has its channel */
	KG_REPORT_ENDED,   /* for journals: it has no longer, after `seconds`, and all was well */
	KG_REPORT_CLOSED,  /* a channel ended other than in good order */
	/* server: the target refused; `error` is an errno or enum kg_refusal */
	KG_REPORT_CONNECT_FAILED,
	KG_REPORT_OPEN_FAILED, /* client: no channel for an application's connection */
	KG_REPORT_PATH_MTU,    /* `count`: what passes to `remote.ip`; `why`: enum kg_pmtu_how */
	KG_REPORT_HOP,         /* client: from `before` to `remote`; `why`: enum kg_hop_reason */
	/* client: no more than `count` bytes per second arrive at `remote` from `local` */
	KG_REPORT_POLICER,
	KG_REPORT_MOVE, /* server: the peer of `conv`, from `before` to `remote` */
	/* a router's word, for the other workers: `count` bytes pass from `local` to `remote` */
	KG_REPORT_TOO_BIG,
	KG_REPORT_TROUBLE, /* what keeps a tunnel from working: see complain.h */
};

#define KG_REPORT_TEXT_BYTES 128

struct kg_report {
	enum kg_report_type type;
	uint16_t tunnel;  /* id */
	uint8_t protocol; /* enum kg_protocol */
	uint8_t why;      /* enum kg_close; of a trouble enum kg_trouble */
	int error;
	uint32_t conv;
	uint32_t count;  /* trouble: datagrams or handshakes since the last report of it */
	int32_t seconds; /* trouble: how long nobody answers; how far the peer's clock is ahead; of
			  * a channel: its age */
	struct kg_endpoint remote, local, before;
	char text[KG_REPORT_TEXT_BYTES]; /* the peer's words, or the target; cut to fit */
};
_Static_assert(sizeof(struct kg_report) % 4 == 0, "ring element");

/* Takes and does what is in the worker's mailbox; pages, sides that drain and a stop go on from
 * call to call. */
void kg_mail_read(struct kg_worker *w);
