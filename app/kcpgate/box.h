/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The box: everything that one process holds, built in stages from the configuration and taken down
 * in reverse order. What workers read of it does not change while they run.
 */
#pragma once

#include "aead/aead.h"
#include "base/seen.h"
#include "base/slots.h"
#include "config/config.h"
#include "kernel/exception.h"
#include "kernel/pump.h"
#include "kernel/reserved_ports.h"
#include "mail.h"
#include "memory/buf_mempool.h"
#include "nic/nic.h"
#include "payload/payload.h"
#include "recent.h"
#include "udp_ports/port_set.h"
#include "udp_ports/port_table.h"

#include <pthread.h>

struct kg_side;
struct kg_worker;

struct kg_takeover;

struct kg_box_port {
	const struct kg_port_config *config;
	struct kg_nic nic;
	struct kg_exception *tap;
	struct kg_takeover *takeover; /* NULL: Linux had nothing there */
};

/* While workers have a side of it, nothing changes but what is said to. */
struct kg_box_tunnel {
	const struct kg_tunnel_config *config;
	uint16_t id; /* in each thread's slots, and in all that threads tell each other */
	struct kg_side
		*sides[KG_CONFIG_WORKERS_MAX]; /* by worker; what is in them is the worker's */
	const struct kg_aead_alg *aead;
	uint8_t key[KG_AEAD_KEY_BYTES]; /* until the workers have been made */
	struct kg_seen *seen;           /* server: handshakes served; shared by the workers */
	uint64_t stun_tag; /* first bytes of what the control thread asks STUN servers; 0: it does
			      not */
	struct kg_ip *addresses; /* client: its destinations, as far as they are no names */
	uint16_t address_count;
	bool resting;           /* resting.h; the control thread's */
	uint64_t rest_until_us; /* at most; the control thread's */
	atomic_bool rest_over;  /* nothing of it goes on any longer; control: wo */
	bool has_rules;         /* server: NICs bring each worker its share of the listen ports */
};

/* A payload thread and what it shares with the workers. */
struct kg_box_payload {
	struct kg_payload *payload;
	struct kg_payload_link links[KG_CONFIG_WORKERS_MAX];
	struct kg_enquiries enquiries; /* to the control thread, for host names */
	struct kg_waker waker;
	pthread_t thread;
	bool started;
};

/* The thread between workers and TAPs, and what it shares with them. */
struct kg_box_pump {
	struct kg_pump *pump;
	struct kg_pump_link links[KG_CONFIG_WORKERS_MAX];
	struct kg_waker waker;
	pthread_t thread;
	bool started;
};

struct kg_box {
	const struct kg_config *config;
	TAILQ_HEAD(, kg_box_settings) settings; /* read since; the control thread's */
	struct rte_mempool *mbufs;
	uint16_t rx_descriptors; /* of each receive queue */
	struct kg_buf_mempool *bufs;
	size_t arena_bytes; /* of each worker */
	uint64_t second_us; /* when the second began that handshakes must be stamped after */
	struct kg_mem mem;  /* of the control thread */

	struct kg_box_port ports[KG_CONFIG_PORTS_MAX];
	unsigned int port_count;
	/* struct kg_box_tunnel; the control thread's, which holds the lock while it changes them,
	 * as others do while they read */
	struct kg_slots tunnels;
	pthread_mutex_t tunnels_lock;
	struct kg_slot_ids tunnel_ids;
	struct kg_port_table udp_ports;
	struct kg_port_set linux_ports; /* Linux has a socket there; control: wo */
	struct kg_reserved_ports *reserved_ports;
	/* Ports that tunnels have and Linux gives to sockets of its own, too; last 0: none. Whose a
	 * datagram is shows in who of the two has spoken with the other end. */
	_Atomic(struct kg_port_range) shared_ports; /* control: wo */
	struct kg_recent linux_flows;               /* noted by the first worker */
	struct kg_recent tunnel_flows;              /* sent by way of Linux; noted by any worker */

	struct kg_worker *workers[KG_CONFIG_WORKERS_MAX];
	unsigned int worker_count;
	/* handoff[to][from]: opened datagrams (struct rte_mbuf *) on the way to their owner */
	struct rte_ring *handoff[KG_CONFIG_WORKERS_MAX][KG_CONFIG_WORKERS_MAX];

	struct kg_box_payload payloads[KG_CONFIG_PAYLOAD_THREADS_MAX];
	unsigned int payload_count;
	struct kg_exception *taps[KG_CONFIG_PORTS_MAX]; /* the ports', in a row for the pump */
	struct kg_box_pump pump;

	struct kg_waker control_waker;
	/* struct rte_mbuf *: what the control thread sends by the first worker, UDP payload with
	 * local, remote and tunnel; what came for it */
	struct rte_ring *from_control, *to_control[KG_CONFIG_WORKERS_MAX];
	struct rte_ring *mail[KG_CONFIG_WORKERS_MAX];    /* struct kg_mail, to workers */
	struct rte_ring *reports[KG_CONFIG_WORKERS_MAX]; /* struct kg_report, from workers */
	pthread_mutex_t mail_lock; /* posters: the control thread and telemetry's threads */
};

_Static_assert(KG_CONFIG_WORKERS_MAX == KG_NIC_QUEUES_MAX, "a queue for each worker");
_Static_assert(KG_CONFIG_TUNNELS_MAX == KG_SLOTS, "a slot for each tunnel");
_Static_assert(KG_SLOT_IDS <= KG_PORT_TABLE_APP, "an id is none of the table's other values");

/* Control thread: the tunnel of that id; NULL: it has gone. */
static inline struct kg_box_tunnel *kg_box_tunnel(const struct kg_box *box, uint16_t id)
{
	return kg_slots_get(&box->tunnels, id);
}

/* One of its ports has it. */
static inline bool kg_box_has_address(const struct kg_box *box, const struct kg_ip *ip)
{
	for (unsigned int port = 0; port < box->port_count; port++) {
		if (kg_port_has_address(box->ports[port].config, ip))
			return true;
	}
	return false;
}

static inline struct kg_port_range kg_box_shared_ports(const struct kg_box *box)
{
	return atomic_load_explicit(&box->shared_ports, memory_order_relaxed);
}

/* A name for a DPDK object of this box; fits what DPDK allows for rings, mempools and hashes. */
#define KG_BOX_NAME_BYTES 26
void kg_box_name(const struct kg_box *box, char name[KG_BOX_NAME_BYTES], const char *part);

/* Control thread: a tunnel of the box, with a side for each worker, which has not begun; `config`
 * stays as long. NULL with a text in `error`. */
struct kg_box_tunnel *kg_box_create_tunnel(struct kg_box *box,
					   const struct kg_tunnel_config *config, char *error,
					   size_t error_bytes);
/* Control thread: of those that do not rest; NULL when there is none. */
struct kg_box_tunnel *kg_box_find_tunnel(const struct kg_box *box, const char *name);
/* The n-th of those that do not rest, and how many these are. Under the lock, or control thread. */
const struct kg_box_tunnel *kg_box_tunnel_at(const struct kg_box *box, unsigned int n);
unsigned int kg_box_tunnel_count(const struct kg_box *box);
/* Control thread: settings to be loaded, of which tunnels may be made; the box's own. NULL without
 * memory. */
struct kg_config *kg_box_new_settings(struct kg_box *box);
/* Frees those that no tunnel is made of. */
void kg_box_drop_settings(struct kg_box *box);
/* After the tunnels have changed: the ports that Linux must not give to sockets of its own; and
 * what NICs are to bring to which worker, false without memory. */
void kg_box_renew_reserved(struct kg_box *box);
bool kg_box_renew_rules(struct kg_box *box);
/* What payload threads need of a tunnel whose sides have begun. */
struct kg_payload_tunnel kg_box_payload_tunnel(const struct kg_box_tunnel *tunnel);
/* Another one may have its name from now on. */
void kg_box_rest_tunnel(struct kg_box *box, struct kg_box_tunnel *tunnel);
/* Whose sides have ended, and which no thread knows any more. */
void kg_box_destroy_tunnel(struct kg_box *box, struct kg_box_tunnel *tunnel);

/* The listen ports that a server's worker names to its clients; 0, 0 where none can be named. */
struct kg_port_range kg_box_announced_ports(const struct kg_box *box,
					    const struct kg_box_tunnel *tunnel,
					    unsigned int worker);

/* Builds everything up to the point where workers may start. False with a text in `error`; call
 * kg_box_fini in any case. EAL is initialised. */
bool kg_box_init(struct kg_box *box, const struct kg_config *config, char *error,
		 size_t error_bytes);
void kg_box_fini(struct kg_box *box);

/* As kg_exception_restore. */
bool kg_box_restore_tap(const struct kg_box *box, const struct kg_box_port *port, char *error,
			size_t error_bytes);

/* Launches payload threads, pump and workers; 0 or -errno. */
int kg_box_start(struct kg_box *box);
/* Lets the workers tell their peers, then joins all threads. */
void kg_box_stop(struct kg_box *box);
/* Any thread: the payload threads' counters added up. */
struct kg_payload_stats kg_box_payload_stats(const struct kg_box *box);

/* Posts mail to one worker; false when its ring is full. Any thread but a worker. */
bool kg_box_post(struct kg_box *box, unsigned int worker, struct kg_mail *mail);
