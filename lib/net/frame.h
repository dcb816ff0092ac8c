/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ethernet, VLAN, IPv4/IPv6 and UDP headers: total parsers over (bytes, length) and builders.
 * No mbuf here; offsets only.
 */
#pragma once

#include "base/base.h"
#include "base/drop.h"
#include "net/addr.h"

#define KG_ETHER_BYTES   14
#define KG_VLAN_BYTES    4
#define KG_IPV4_BYTES    20
#define KG_IPV6_BYTES    40
#define KG_UDP_BYTES     8
#define KG_PATH_MTU_MIN4 576  /* no path is believed to be narrower: RFC 791 §3.1 … */
#define KG_PATH_MTU_MIN6 1280 /* … and RFC 8200 §5 */
#define KG_VLAN_NONE     0    /* VLAN ids on a wire are 1 … 4094 */

/* Of the version's header, without options and extensions. */
static inline uint16_t kg_ip_header_bytes(uint8_t version)
{
	return version == 4 ? KG_IPV4_BYTES : KG_IPV6_BYTES;
}

static inline uint16_t kg_path_mtu_min(uint8_t version)
{
	return version == 4 ? KG_PATH_MTU_MIN4 : KG_PATH_MTU_MIN6;
}

enum kg_frame_kind {
	KG_FRAME_UDP, /* whole UDP datagram; all fields are set */
	/* a piece of one that IP has cut; the payload's fields are not set, ports only when it is
	 * the first */
	KG_FRAME_FRAGMENT,
	/* for Linux: not IP, not UDP, options or extension headers, a tag with id 0 on an untagged
	 * port; vlan and l2_bytes are set */
	KG_FRAME_OTHER,
	KG_FRAME_BAD, /* `drop` says why */
};

/* What the NIC has checked already. */
enum kg_frame_trust {
	KG_FRAME_IP_CSUM_GOOD = 1 << 0,
	KG_FRAME_UDP_CSUM_GOOD = 1 << 1,
};

struct kg_frame {
	enum kg_frame_kind kind;
	enum kg_drop drop;
	uint16_t vlan;                          /* id, KG_VLAN_NONE untagged */
	uint16_t l2_bytes, l3_bytes;            /* the latter with IPv6's fragment header */
	uint16_t payload_offset, payload_bytes; /* of the UDP payload within the frame */
	bool first;                             /* fragment: the datagram begins with it */
	uint32_t datagram_id;                   /* fragment: the same for all of a datagram */
	struct kg_endpoint source, destination;
};

/*
 * Reads a frame of `len` contiguous bytes. Lengths are checked against each other and the frame:
 * trailing padding is allowed, truncation is KG_DROP_FRAME_TRUNCATED. Checksums are verified unless
 * `trust` covers them; a UDP checksum that equals the pseudo-header sum (left unfilled by a virtual
 * NIC's sender) and, over IPv4, 0 count as good. `port_vlan` is the port's VLAN id or KG_VLAN_NONE:
 * other tags, or a tag missing, are KG_DROP_VLAN_FOREIGN. Checksums of other than UDP are not
 * looked at.
 */
void kg_frame_parse(struct kg_frame *frame, const uint8_t *bytes, size_t len, uint16_t port_vlan,
		    unsigned int trust);

/* The ends of a received frame, as far as they show whatever else is wrong with it: ports are 0 but
 * for UDP and TCP, and version 0 says that it is no IP. */
void kg_frame_ends(const uint8_t *bytes, size_t len, struct kg_tuple *ends);

/* The L2 header of a next hop, ready to be copied. */
struct kg_l2 {
	uint8_t bytes[KG_ETHER_BYTES + KG_VLAN_BYTES]; /* ethertype is left for the builder */
	uint8_t len; /* 14 or 18; 0: none, for an IP packet alone */
};
void kg_l2_init(struct kg_l2 *l2, const struct kg_mac *source, const struct kg_mac *next_hop,
		uint16_t vlan);

/* Writes it, complete, in front of an IP packet. */
void kg_l2_write(uint8_t *out, const struct kg_l2 *l2, uint8_t ip_version);

/* Bytes of headers before the payload for an address family and L2 length. */
uint16_t kg_frame_header_bytes(const struct kg_l2 *l2, uint8_t ip_version);

enum kg_frame_csum {
	KG_FRAME_CSUM_SOFTWARE, /* fill all checksums in */
	KG_FRAME_CSUM_OFFLOAD,  /* IPv4 header 0, UDP holds the pseudo-header sum: the NIC finishes
				 */
};

/*
 * Writes L2, IP and UDP headers to `out`, which is followed by `payload_bytes` of payload already
 * in place. Both endpoints have the same IP version. TTL is 64. `ip_id` names the datagram's pieces
 * over IPv4; 0 forbids the network to make any. Returns the header length.
 */
uint16_t kg_frame_build(uint8_t *out, const struct kg_l2 *l2, const struct kg_endpoint *source,
			const struct kg_endpoint *destination, uint16_t payload_bytes,
			uint16_t ip_id, enum kg_frame_csum csum);

/*
 * Completes the TCP or UDP checksum of an untagged frame that a virtual NIC's sender left unfilled
 * (it equals the pseudo-header sum), so that a kernel accepts the frame. Anything else is left
 * alone.
 */
void kg_frame_complete_checksum(uint8_t *bytes, size_t len);
/* The same for an IP packet without Ethernet header. */
void kg_packet_complete_checksum(uint8_t *bytes, size_t len);
