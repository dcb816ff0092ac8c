/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Payload thread: the TCP and UDP sockets toward applications. It never sees KCP; it trades
 * messages with the workers over one pair of SPSC rings each (payload/msg.h). A box may have
 * several such threads. They share nothing but the ports they listen on, over which the kernel
 * spreads connections and UDP sources.
 *
 * Listening (client tunnels): an accepted TCP connection, or the first datagram of a UDP source,
 * becomes a flow and is offered to a worker, chosen round-robin. Dialling (server tunnels): a
 * worker asks, the thread connects: to the tunnel's destination, or to what the client names. Names
 * are asked for at another thread (resolver/enquiry.h).
 */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "net/addr.h"
#include "net/allow.h"
#include "net/role.h"
#include "payload/msg.h"
#include "resolver/enquiry.h"
#include "wire/message.h"

/* Sources of datagrams to listening sockets that all threads together know. */
#define KG_PAYLOAD_SOURCES_MAX 65536

/* Where applications come in. */
struct kg_payload_listen {
	struct kg_endpoint at; /* version 0: any address */
	bool tcp, udp;
	/* Where the server shall connect them to; NULL: it knows. Outlives the thread. */
	const struct kg_target *target;
};

/* What the thread needs of a tunnel. */
struct kg_payload_tunnel {
	const char *name;
	enum kg_role role;
	const struct kg_payload_listen *listen; /* client */
	unsigned int listen_count;
	/* server: where connections and datagrams go, unless the client says it; the one or the
	 * other */
	struct kg_endpoint destination;
	struct kg_target
		name_destination; /* address NULL or empty: none. Text outlives the thread */
	/* server: what clients may name; none: everything. Outlives the thread. */
	const struct kg_allow *allowed;
	unsigned int allowed_count;
	bool ipv4_only, ipv6_only;
	bool fast_path; /* workers want to know the tuples of UDP flows */
	uint16_t first_bytes,
		rest_bytes; /* payload of the first and the later buffers of a message */
};

struct kg_payload_config {
	const struct kg_payload_tunnel *tunnels;
	unsigned int tunnel_count;
	unsigned int index, count;     /* which of how many threads; 0 as count is 1 */
	struct kg_payload_link *links; /* one per worker, rings and wakers ready */
	unsigned int link_count;
	struct kg_waker *waker;         /* this thread's; the links point to it */
	struct kg_enquiries *enquiries; /* this thread's, rings and wakers ready */
	struct kg_buf_pool *pool;
	bool busy; /* never sleep */
	/* Toward applications, of this thread; UDP leaves a quarter to TCP. 0: no limit but the
	 * process's */
	unsigned int sockets_max;
};

/* One writer: the payload thread. Read by telemetry. Nothing but uint64_t. */
struct kg_payload_stats {
	uint64_t tcp_accepted, tcp_connected, tcp_refused, tcp_closed;
	uint64_t tcp_turned_away; /* out of descriptors: let in to be reset */
	uint64_t accept_put_off;  /* not even that, or out of memory: it waits in the kernel */
	uint64_t udp_flows, udp_rx_datagrams, udp_tx_datagrams;
	uint64_t rx_bytes, tx_bytes; /* from, to sockets of applications; not past Linux */
	uint64_t udp_dropped_full;   /* datagram from an application, channel or ring had no room */
	uint64_t udp_dropped_size;   /* datagram from an application, too long for a message */
	uint64_t udp_dropped_buffer; /* datagram from an application, no buffers for all of it */
	uint64_t udp_dropped_error;  /* datagram to an application, socket refused it */
	uint64_t
		udp_dropped_doubted; /* answer to a source that may be made up, its share is full */
	uint64_t udp_icmp_errors;    /* the network's word that a destination is not there */
	uint64_t udp_sources_full;   /* datagram of a source for which there is no place */
	uint64_t no_buffer;          /* reads put off for want of buffers */
	uint64_t ring_full;          /* messages put off for want of ring space */
	uint64_t custom_denied;      /* what a client named is not allowed */
	uint64_t names_asked;        /* host names of clients; of which there was no address */
	uint64_t names_failed;
	uint64_t dials_gave_way;       /* connects given up for others: too many at once */
	uint64_t sockets_full;         /* connections and flows refused at the limit of sockets */
	uint64_t flows;                /* now */
	uint64_t sockets, udp_sockets; /* now: of flows; of these UDP's */
};

struct kg_payload;

/* How many sockets toward applications a process may have: all threads together, as many as there
 * are descriptors, but for a reserve. Raises the soft limit of descriptors to the hard one. */
unsigned int kg_payload_sockets_max(void);

/*
 * Opens the listening sockets; of several threads, the one with index 0 comes first. Links, waker,
 * enquiries and pool must outlive the thread; the arrays of the configuration itself need not.
 * NULL, with a text in `error`, when one cannot be had. Call on the control thread; then
 * kg_payload_run on the thread itself.
 */
struct kg_payload *kg_payload_create(const struct kg_payload_config *config, char *error,
				     size_t error_bytes);
/* Runs until kg_payload_stop, with all signals blocked. Registers itself with EAL so that mempool
 * caches serve it. */
void kg_payload_run(struct kg_payload *p);
/*
 * Any thread. What the workers have said so far is still done as far as the sockets take it at
 * once; then listening ends, connections whose worker has not closed them are reset, run returns.
 */
void kg_payload_stop(struct kg_payload *p);
void kg_payload_destroy(struct kg_payload *p);
/* Any thread. Adds up the threads of a box. */
void kg_payload_add_stats(struct kg_payload_stats *sum, const struct kg_payload *p);
