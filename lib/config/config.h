/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The settings of a box (docs/configuration.md) as structs. Loading never stops at the first
 * error: all are collected, each with file and line or the path of its key.
 */
#pragma once

#include "base/base.h"
#include "base/siphash.h"
#include "config/app_end.h"
#include "config/mode.h"
#include "config/wire_end.h"
#include "net/addr.h"
#include "net/port_range.h"
#include "wire/target.h"

#include <stdio.h>

#define KG_CONFIG_WORKERS_MAX         64
#define KG_CONFIG_PORTS_MAX           16
#define KG_CONFIG_PAYLOAD_THREADS_MAX 16
#define KG_CONFIG_ADDRESSES_MAX       16
#define KG_CONFIG_TUNNELS_MAX         256
#define KG_CONFIG_EAL_MAX             64
#define KG_CONFIG_LOCAL_PORTS_MAX     16384
#define KG_CONFIG_LOCAL_PORTS_MIN     64
#define KG_CONFIG_MAPPINGS_MAX        1024 /* of a tunnel */

enum kg_poll {
	KG_POLL_ADAPTIVE,
	KG_POLL_BUSY,
};

/* What makes the interface that mirrors a port. */
enum kg_exception_way {
	KG_EXCEPTION_TAP,
	KG_EXCEPTION_VHOST, /* or the TAP, where that cannot be had */
};

struct kg_port_config {
	char *name;
	char *device; /* PCI address, or virtual device with arguments */
	char *tap;    /* kernel interface that mirrors the port, IFNAMSIZ-1 at most */
	enum kg_exception_way exception;
	uint16_t mtu;          /* bytes of an IP packet */
	uint16_t vlan;         /* 0: untagged */
	bool flow_rules;       /* ask the NIC for rules that bring workers what is theirs */
	bool take_over;        /* Linux's addresses and routes on the interface go to the TAP */
	bool icmp_unreachable; /* Linux's errors about tunnels' ports leave */
	struct kg_prefix addresses[KG_CONFIG_ADDRESSES_MAX];
	unsigned int address_count;
	struct kg_ip gateways[2]; /* at most one per IP version */
	unsigned int gateway_count;
};

/* Is the address one of the port's own? */
static inline bool kg_port_has_address(const struct kg_port_config *port, const struct kg_ip *ip)
{
	for (unsigned int i = 0; i < port->address_count; i++) {
		if (kg_ip_equal(&port->addresses[i].ip, ip))
			return true;
	}
	return false;
}

enum kg_mapped {
	KG_MAPPED_TCP = 1 << 0,
	KG_MAPPED_UDP = 1 << 1,
	KG_MAPPED_BOTH = KG_MAPPED_TCP | KG_MAPPED_UDP,
};

struct kg_server_config {
	struct kg_host host;
	uint16_t port;
};

/* Client: what comes in at `local` shall be connected to `remote` by the server. */
struct kg_mapping_config {
	enum kg_mapped protocol;
	struct kg_endpoint local; /* version 0: any address */
	struct kg_target remote;  /* the text is the mapping's own */
};

/*
 * What its ends are follows from the settings, of which listen_* and destination_* mean the one or
 * the other by the mode (derive.c). Who uses a tunnel asks the end that he means.
 */
struct kg_tunnel_config {
	char *name;
	enum kg_mode mode;
	char *relay; /* a leg: the name of the whole; its own is made of it. NULL: no leg */
	const struct kg_tunnel_config *other_leg;
	uint64_t digest; /* by kg_config_digest */
	struct kg_wire_end wire;
	struct kg_app_end app;

	struct kg_ip *listen_on; /* all zeros: any of that version; none: any address */
	unsigned int listen_on_count;
	struct kg_port_range *listen_ports; /* sorted, disjoint, merged */
	unsigned int listen_port_count;     /* ranges; a client has one port */
	struct kg_host *destinations;
	unsigned int destination_count;
	struct kg_port_range *destination_ports;
	unsigned int destination_port_count;
	char *destination_dnstxt; /* client: a TXT record instead of the two above; NULL: none */
	/* client: the mappings say where it listens, there are no listen_on and listen_ports */
	bool custom_listen;
	struct kg_mapping_config *mappings;
	unsigned int mapping_count;
	/* server: clients say where to, there are no destinations and destination_ports */
	bool custom_destination;
	bool ipv4_only, ipv6_only;

	/* server: who is asked how its port looks from outside; and who is told, NULL: nobody */
	struct kg_server_config *stun_servers;
	unsigned int stun_server_count;
	char *update_ipv4, *update_ipv6; /* programs */
	char *log_path;                  /* a directory */
};

struct kg_config {
	char *name;
	unsigned int workers[KG_CONFIG_WORKERS_MAX]; /* CPU of each worker */
	unsigned int worker_count;
	unsigned int payload_threads;
	enum kg_poll poll;
	bool hugepages, shared_memory;
	unsigned int memory_mb;
	char *metrics; /* where Prometheus finds them: metrics.h; NULL: nowhere */
	char *eal[KG_CONFIG_EAL_MAX];
	unsigned int eal_count;
	struct kg_port_config ports[KG_CONFIG_PORTS_MAX];
	unsigned int port_count;
	struct kg_port_range
		*local_ports; /* UDP ports that clients' channels leave from; one range */
	unsigned int local_port_count;
	struct kg_tunnel_config *tunnels;
	unsigned int tunnel_count;
};

/* In the order found. `where` is "file:line:column", "file:line: key" or
 * "file: key.path". */
struct kg_mistake {
	struct kg_mistake *next;
	char *where;
	char *text;
};

struct kg_mistakes {
	struct kg_mistake *errors;   /* NULL: the configuration is good */
	struct kg_mistake *warnings; /* settings that take effect otherwise than written */
	struct kg_mistake **errors_end, **warnings_end; /* private: where the next one goes */
};

/*
 * Reads and checks one or several JSON files that add up (tunnels and ports are joined; a scalar
 * set twice to different values is an error). Always fills `config`, whose parts are valid only
 * when no errors are among the mistakes; free both in any case. For start-up: ends the process when
 * there is no memory.
 */
void kg_config_load(struct kg_config *config, struct kg_mistakes *mistakes,
		    const char *const *paths, size_t path_count);
/* The same with one document from memory; `name` stands for the file in messages. */
void kg_config_load_text(struct kg_config *config, struct kg_mistakes *mistakes, const char *name,
			 const char *text, size_t len);
void kg_config_free(struct kg_config *config);
void kg_mistakes_free(struct kg_mistakes *mistakes);
void kg_mistakes_print(const struct kg_mistakes *mistakes, FILE *to);

/* Writes the effective configuration, defaults filled in, as JSON. With its secrets it loads again;
 * without them each is null, which is refused. */
void kg_config_print(const struct kg_config *config, FILE *to, bool secrets);
/*
 * Fills in the digests of tunnels: equal ones have the same settings, passwords included. Legs have
 * that of their relay. To be called before passwords are wiped; one key for all that is compared.
 */
void kg_config_digest(struct kg_config *config, const struct kg_siphash_key *key);
/* The first setting of the boxes themselves, not of tunnels, that differs; NULL: none does. */
const char *kg_config_difference(const struct kg_config *a, const struct kg_config *b);
/*
 * Two servers' tunnels of one box, one of which rests: does a datagram not tell whose it is? They
 * answer on a port in common, and of one the bodies would be read as the other's: they are of two
 * wires, or one has parity and the other has not, or otherwise.
 */
bool kg_tunnels_mingle(const struct kg_tunnel_config *a, const struct kg_tunnel_config *b);
/* Wipes the passwords, which nobody needs once keys have been made of them. */
void kg_config_forget_secrets(struct kg_config *config);
