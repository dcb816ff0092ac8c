/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a tunnel towards its peer: where datagrams come from and go to, what they look like,
 * and how the session speaks. One end asks for channels, the other answers.
 */
#pragma once

#include "base/base.h"
#include "kcp/kcp.h"
#include "net/addr.h"
#include "net/port_range.h"
#include "net/role.h"

struct kg_profile;

#define KG_HOST_NAME_BYTES 254 /* RFC 1035 §2.3.4, as text */

/* Where somebody is: an address, or a name that stands for some. */
struct kg_host {
	struct kg_ip ip; /* version 0: the name says it */
	char name[KG_HOST_NAME_BYTES];
};

/* Parity shards for each so many data shards; both 0: off. */
struct kg_fec_config {
	uint8_t data, parity;
};

/* Seconds between two things: one of these by chance, or when both are the same, about so many. */
struct kg_interval {
	uint16_t first_s, last_s; /* 0, 0: never */
};

/* Instead of bytes: what passes to each peer is found out, or not asked. */
#define KG_PATH_MTU_AUTO 0
#define KG_PATH_MTU_OFF  1

/* Instead of bytes per second that are to arrive, which are more: who says how fast data leaves. */
enum kg_rate_word {
	KG_RATE_WORD_AUTO,      /* what the path is found to have: rate/rate.h */
	KG_RATE_WORD_WINDOW,    /* the window, in each round trip */
	KG_RATE_WORD_FAIR,      /* as much as TCP beside it */
	KG_RATE_WORD_SCAVENGER, /* what others leave */
	KG_RATE_WORDS,
};

/* 5-tuples to an address of the peer at once. */
#define KG_SPREAD_MAX 8

/* What a wire is: names of profiles. */
enum kg_wire_protocol {
	KG_WIRE_KCPTUBE,
	KG_WIRE_UDPHOP,
};

struct kg_wire_end {
	enum kg_role role; /* client: asks; server: answers */
	/* Derived from the tunnel's lists, which own them. Its own addresses, as listen_on; none:
	 * any of the ports'. Its own ports: one that asks takes some, one that answers has all. */
	const struct kg_ip *addresses;
	unsigned int address_count;
	const struct kg_port_range *ports; /* sorted, disjoint, merged */
	unsigned int port_count;
	/* asks: who answers, and on which ports; or the name of a TXT record that says both */
	const struct kg_host *peers;
	unsigned int peer_count;
	const struct kg_port_range *peer_ports;
	unsigned int peer_port_count;
	const char *peer_record;

	/* Settings, and what follows from them. */
	enum kg_wire_protocol protocol;
	const struct kg_profile *profile; /* what the wire looks like */
	char *encryption_algorithm;       /* canonical name: "AES-GCM", "none" */
	char *encryption_password;        /* NULL: none */
	char *kcp_preset;                 /* "fast1" … "regular5", "manual" */
	/* mtu filled in from mtu/kcp_mtu, windows, nodelay …, blast; conv etc. 0 */
	struct kg_kcp_params kcp;
	uint64_t rate; /* enum kg_rate_word, or bytes per second */
	struct kg_fec_config fec;
	uint64_t outbound_Bps, inbound_Bps; /* bytes per second; 0: not set */
	uint32_t udp_timeout_s;
	uint32_t udp_deadline_ms; /* 0: datagrams are sent whatever their age */
	uint32_t keep_alive_s;
	uint16_t mux_tunnels; /* asks: channels that connections share; 0: each its own */
	uint16_t mtu;         /* IP packet on the tunnel's path */
	uint16_t path_mtu;    /* what passes: KG_PATH_MTU_AUTO, KG_PATH_MTU_OFF, or so many bytes */
	struct kg_interval dport_refresh; /* asks: between hops */
	uint8_t spread;                   /* asks: 5-tuples at once; 0: no ledger */
};

/* Can each of several workers have a share of the ports that it answers on? */
bool kg_wire_has_port_shares(const struct kg_wire_end *wire, unsigned int workers);
