/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Payload thread: the TCP and UDP sockets toward applications. It never sees KCP; it trades
 * messages with the workers over one pair of SPSC rings each (payload/msg.h). A box may have
 * several such threads. They share nothing but the ports they listen on, over which the kernel
 * spreads connections and UDP sources.
 *
 * Listening (client tunnels): an accepted TCP connection, or the first datagram of a UDP source,
 * becomes a flow and is offered to a worker, chosen round-robin. Dialling (server tunnels): a
 * worker says where to, the thread connects. Names are asked for at another thread
 * (resolver/enquiry.h).
 */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/metric.h"
#include "config/app_end.h"
#include "payload/gate.h"
#include "payload/msg.h"
#include "resolver/enquiry.h"
#include "wire/message.h"

/* Sources of datagrams to listening sockets that all threads together know. */
#define KG_PAYLOAD_SOURCES_MAX 65536

/* What the thread needs of a tunnel. */
struct kg_payload_tunnel {
	const char *name; /* stays as long as the gate, as `app` does */
	const struct kg_app_end *app;
	uint16_t id; /* in messages */
	bool ipv4_only, ipv6_only;
	uint16_t first_bytes,
		rest_bytes; /* payload of the first and the later buffers of a message */
};

struct kg_payload_config {
	const struct kg_payload_tunnel *tunnels; /* to begin with; others come by gates */
	unsigned int tunnel_count;
	unsigned int index, count;     /* which of how many threads; 0 as count is 1 */
	struct kg_payload_link *links; /* one per worker, rings and wakers ready */
	unsigned int link_count;
	struct kg_waker *waker;         /* this thread's; the links point to it */
	struct kg_enquiries *enquiries; /* this thread's, rings and wakers ready */
	struct kg_buf_pool *pool;
	bool busy;   /* never sleep */
	bool shared; /* memory is: EAL registers no threads then */
	/* Toward applications, of this thread; UDP leaves a quarter to TCP. 0: no limit but the
	 * process's */
	unsigned int sockets_max;
};

#define KG_PAYLOAD_METRICS(X)                                                                      \
	X(flows, "payload_flows", GAUGE, "flows",                                                  \
	  "connections and UDP flows of applications there are")                                   \
	X(tcp_accepted, "payload_tcp_accepted", COUNTER, "connections",                            \
	  "connections that applications made")                                                    \
	X(tcp_connected, "payload_tcp_connected", COUNTER, "connections",                          \
	  "connections made to applications")                                                      \
	X(tcp_refused, "payload_tcp_refused", COUNTER, "connections",                              \
	  "connections to applications that could not be made")                                    \
	X(tcp_closed, "payload_tcp_closed", COUNTER, "connections", "connections that have ended") \
	X(rx_bytes, "payload_socket_rx_bytes", COUNTER, "bytes",                                   \
	  "bytes from sockets of applications; not what goes past Linux")                          \
	X(tx_bytes, "payload_socket_tx_bytes", COUNTER, "bytes",                                   \
	  "bytes to sockets of applications; not what goes past Linux")                            \
	X(udp_flows, "payload_udp_flows", COUNTER, "flows", "UDP flows that have begun")           \
	X(udp_rx_datagrams, "payload_udp_rx_datagrams", COUNTER, "datagrams",                      \
	  "datagrams from sockets of applications")                                                \
	X(udp_tx_datagrams, "payload_udp_tx_datagrams", COUNTER, "datagrams",                      \
	  "datagrams to sockets of applications")                                                  \
	X(udp_dropped_full, "payload_udp_dropped_full", COUNTER, "datagrams",                      \
	  "datagrams from applications: channel or ring had no room")                              \
	X(udp_dropped_error, "payload_udp_dropped_error", COUNTER, "datagrams",                    \
	  "datagrams to applications: the socket refused them")                                    \
	X(udp_dropped_doubted, "payload_udp_dropped_doubted", COUNTER, "datagrams",                \
	  "answers to sources that may be made up: their share is full")                           \
	X(udp_dropped_size, "payload_udp_dropped_size", COUNTER, "datagrams",                      \
	  "datagrams from applications: too long for a message")                                   \
	X(udp_dropped_buffer, "payload_udp_dropped_buffer", COUNTER, "datagrams",                  \
	  "datagrams from applications: no buffers for all of it")                                 \
	X(udp_lost_by_receiver, "payload_udp_lost_by_receiver", COUNTER, "datagrams",              \
	  "datagrams to applications on this host: their sockets had no room")                     \
	X(udp_icmp_errors, "payload_udp_icmp_errors", COUNTER, "errors",                           \
	  "the network's word that a destination is not there")                                    \
	X(udp_sources_full, "payload_udp_sources_full", COUNTER, "datagrams",                      \
	  "datagrams of sources for which there is no place")                                      \
	X(tcp_turned_away, "payload_tcp_turned_away", COUNTER, "connections",                      \
	  "out of descriptors: let in to be reset")                                                \
	X(accept_put_off, "payload_accept_put_off", COUNTER, "tries",                              \
	  "not even that, or out of memory: it waits in the kernel")                               \
	X(sockets, "payload_sockets", GAUGE, "sockets", "sockets of connections and UDP flows")    \
	X(udp_sockets, "payload_udp_sockets", GAUGE, "sockets", "sockets of UDP flows")            \
	X(sockets_full, "payload_sockets_full", COUNTER, "connections",                            \
	  "connections and flows refused at the limit of sockets")                                 \
	X(dials_gave_way, "payload_dials_gave_way", COUNTER, "connections",                        \
	  "connects given up for others: too many at once")                                        \
	X(no_buffer, "payload_no_buffer", COUNTER, "reads", "reads put off for want of buffers")   \
	X(ring_full, "payload_ring_full", COUNTER, "messages",                                     \
	  "messages put off for want of ring space")                                               \
	X(custom_denied, "payload_custom_denied", COUNTER, "connections",                          \
	  "what a client named is not allowed")                                                    \
	X(names_asked, "payload_names_asked", COUNTER, "names", "host names of clients asked for") \
	X(names_failed, "payload_names_failed", COUNTER, "names",                                  \
	  "host names of clients of which there was no address")                                   \
	X(lent, "payload_lent", COUNTER, "times",                                                  \
	  "times the thread, quiet, let a worker do its work")

/* One writer: who has the payload. Read by telemetry. */
struct kg_payload_stats {
	KG_PAYLOAD_METRICS(KG_METRIC_FIELD)
};
extern const struct kg_metric_table kg_payload_metrics;

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
/* Any thread: adds up the threads of a box. */
void kg_payload_add_stats(struct kg_payload_stats *sum, const struct kg_payload *p);

/*
 * A thread that is quiet lends all it has to the worker that wants it, which serves it in turns of
 * its own: nothing is handed over between threads then. Messages take their rings as ever. It goes
 * home when it is not quiet any more, when something is put off, and for the stop.
 */

/* The only worker there is, on its own thread, before its first turn: it sleeps at times, and until
 * the payload thread has ended looks after each sleep whether it is lent. */
void kg_payload_want(struct kg_payload *p);
bool kg_payload_is_lent(const struct kg_payload *p);

/* While it is lent, the worker: */

/* A turn. `look`: sockets are asked for what is new, too. True: the worker is told something that
 * cannot wait. */
bool kg_payload_serve(struct kg_payload *p, bool look);
/* It is more than a worker can do beside its own work, or only the thread can do it. */
bool kg_payload_wants_home(const struct kg_payload *p);
void kg_payload_give_back(struct kg_payload *p);
/* A sleep, as the payload thread's own: prepare; no sleep unless it rests; wait for the descriptor
 * to be readable, no longer than until_due; cancel. */
void kg_payload_prepare(struct kg_payload *p);
bool kg_payload_rests(const struct kg_payload *p);
void kg_payload_cancel(struct kg_payload *p);
int kg_payload_fd(const struct kg_payload *p);
/* KG_NEVER_US: nothing is due. */
uint64_t kg_payload_until_due_us(const struct kg_payload *p);
