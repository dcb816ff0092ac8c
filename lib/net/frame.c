/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames in: Ethernet II, one 802.1Q tag, IPv4 (RFC 791), IPv6 (RFC 8200), UDP (RFC 768). Each
 * layer first proves that its header lies within the frame, then that its length field does.
 */
#include "net/frame.h"
#include "base/bytes.h"
#include "net/checksum.h"
#include "net/proto.h"

static void reject(struct kg_frame *frame, enum kg_drop reason)
{
	frame->kind = KG_FRAME_BAD;
	frame->drop = reason;
}

/*
 * An endpoint is written by two stores, as large as those by which it is copied a moment later: a
 * CPU waits for a word that has just been stored in parts.
 */
typedef uint64_t front __attribute__((vector_size(16)));
typedef uint16_t back __attribute__((vector_size(4)));

_Static_assert(sizeof(struct kg_endpoint) == sizeof(front) + sizeof(back) &&
		       offsetof(struct kg_endpoint, port) == sizeof(front) + sizeof(uint16_t),
	       "front and back are all of it, and the port is the second half of the latter");

static void endpoint_read(struct kg_endpoint *ep, uint8_t version, const uint8_t *address,
			  const uint8_t *port)
{
	front first;
	back rest = { 0, kg_load_be16(port) };

	if (version == 4) {
		first = (front){ htole64(4 | (uint64_t)kg_load_le32(address) << 8), 0 };
	} else {
		uint64_t before = kg_load_le64(address - 1); /* a header's, and seven bytes */

		first = (front){ htole64((before & ~(uint64_t)UINT8_MAX) | 6), 0 };
		memcpy((uint8_t *)&first + sizeof(before), address + 7, sizeof(before));
		rest[0] = htole16(address[15]);
	}
	memcpy(ep, &first, sizeof(first));
	memcpy((uint8_t *)ep + sizeof(first), &rest, sizeof(rest));
}

/* `pseudo` is the sum of the pseudo-header but for the UDP length. */
static bool udp_checksum_good(const uint8_t *udp, uint16_t udp_bytes, uint8_t version,
			      uint64_t pseudo)
{
	uint16_t field;

	memcpy(&field, udp + KG_UDP_CSUM_AT, sizeof(field));
	if (field == 0)
		return version == 4; /* RFC 768: sender computed none; RFC 8200 §8.1: not allowed */
	return kg_checksum_is_good(udp, udp_bytes, KG_UDP_CSUM_AT, pseudo);
}

/* `len` bytes of IP payload start with a UDP header; `addresses` are those of the IP header. */
static void parse_udp(struct kg_frame *frame, const uint8_t *udp, size_t len, uint8_t version,
		      const uint8_t *addresses, unsigned int trust)
{
	size_t address_bytes = version == 4 ? 4 : 16;
	uint16_t udp_bytes;

	if (len < KG_UDP_BYTES)
		return reject(frame, KG_DROP_FRAME_TRUNCATED);
	udp_bytes = kg_load_be16(udp + KG_UDP_LENGTH_AT);
	if (udp_bytes < KG_UDP_BYTES || udp_bytes > len)
		return reject(frame, KG_DROP_FRAME_TRUNCATED);
	if (!(trust & KG_FRAME_UDP_CSUM_GOOD) &&
	    !udp_checksum_good(
		    udp, udp_bytes, version,
		    kg_checksum_pseudo(addresses, 2 * address_bytes, KG_PROTO_UDP, udp_bytes)))
		return reject(frame, KG_DROP_UDP_CHECKSUM);

	frame->kind = KG_FRAME_UDP;
	frame->payload_offset = frame->l2_bytes + frame->l3_bytes + KG_UDP_BYTES;
	frame->payload_bytes = udp_bytes - KG_UDP_BYTES;
	endpoint_read(&frame->source, version, addresses, udp);
	endpoint_read(&frame->destination, version, addresses + address_bytes, udp + 2);
}

/* `len` bytes of IP payload are a piece of a datagram; its first one shows both ports. */
static void parse_fragment(struct kg_frame *frame, const uint8_t *piece, size_t len,
			   uint8_t version, const uint8_t *addresses, bool first)
{
	static const uint8_t unknown[4];
	size_t address_bytes = version == 4 ? 4 : 16;
	const uint8_t *ports = first ? piece : unknown;

	if (first && len < KG_UDP_BYTES)
		return; /* for Linux */
	frame->kind = KG_FRAME_FRAGMENT;
	frame->first = first;
	endpoint_read(&frame->source, version, addresses, ports);
	endpoint_read(&frame->destination, version, addresses + address_bytes, ports + 2);
}

static void parse_ipv4(struct kg_frame *frame, const uint8_t *ip, size_t len, unsigned int trust)
{
	size_t header_bytes, total_bytes;
	uint16_t piece;

	if (len < KG_IPV4_BYTES)
		return reject(frame, KG_DROP_FRAME_TRUNCATED);
	header_bytes = (ip[0] & 0xfu) * 4;
	total_bytes = kg_load_be16(ip + KG_IPV4_LENGTH_AT);
	if (ip[0] >> 4 != 4 || header_bytes < KG_IPV4_BYTES || total_bytes < header_bytes ||
	    total_bytes > len)
		return reject(frame, KG_DROP_FRAME_TRUNCATED);
	if (header_bytes > KG_IPV4_BYTES || ip[KG_IPV4_PROTOCOL_AT] != KG_PROTO_UDP)
		return; /* for Linux */
	if (!(trust & KG_FRAME_IP_CSUM_GOOD) &&
	    kg_checksum_fold(kg_checksum_add_words(0, ip, KG_IPV4_BYTES)) != UINT16_MAX)
		return reject(frame, KG_DROP_IP_CHECKSUM);
	frame->l3_bytes = KG_IPV4_BYTES;
	piece = kg_load_be16(ip + KG_IPV4_FRAGMENT_AT) & KG_IPV4_FRAGMENT_MASK;
	if (piece != 0) {
		frame->datagram_id = kg_load_be16(ip + KG_IPV4_ID_AT);
		return parse_fragment(frame, ip + KG_IPV4_BYTES, total_bytes - KG_IPV4_BYTES, 4,
				      ip + KG_IPV4_ADDRESSES_AT,
				      (piece & KG_IPV4_OFFSET_MASK) == 0);
	}
	parse_udp(frame, ip + KG_IPV4_BYTES, total_bytes - KG_IPV4_BYTES, 4,
		  ip + KG_IPV4_ADDRESSES_AT, trust);
}

/* An atomic fragment (RFC 6946), which is the whole datagram, is Linux's. */
static void parse_fragment6(struct kg_frame *frame, const uint8_t *ip, size_t upper_bytes)
{
	const uint8_t *header = ip + KG_IPV6_BYTES;
	uint16_t piece;

	if (upper_bytes < KG_FRAGMENT_BYTES || header[KG_FRAGMENT_NEXT_AT] != KG_PROTO_UDP)
		return;
	piece = kg_load_be16(header + KG_FRAGMENT_OFFSET_AT) &
		(KG_FRAGMENT_OFFSET_MASK | KG_FRAGMENT_MORE);
	if (piece == 0)
		return;
	frame->l3_bytes = KG_IPV6_BYTES + KG_FRAGMENT_BYTES;
	frame->datagram_id = kg_load_be32(header + KG_FRAGMENT_ID_AT);
	parse_fragment(frame, header + KG_FRAGMENT_BYTES, upper_bytes - KG_FRAGMENT_BYTES, 6,
		       ip + KG_IPV6_ADDRESSES_AT, (piece & KG_FRAGMENT_OFFSET_MASK) == 0);
}

static void parse_ipv6(struct kg_frame *frame, const uint8_t *ip, size_t len, unsigned int trust)
{
	size_t upper_bytes;

	if (len < KG_IPV6_BYTES)
		return reject(frame, KG_DROP_FRAME_TRUNCATED);
	upper_bytes = kg_load_be16(ip + KG_IPV6_LENGTH_AT);
	if (ip[0] >> 4 != 6 || upper_bytes > len - KG_IPV6_BYTES)
		return reject(frame, KG_DROP_FRAME_TRUNCATED);
	if (ip[KG_IPV6_NEXT_HEADER_AT] == KG_PROTO_FRAGMENT)
		return parse_fragment6(frame, ip, upper_bytes);
	if (ip[KG_IPV6_NEXT_HEADER_AT] != KG_PROTO_UDP)
		return; /* for Linux; other extension headers are not walked */
	frame->l3_bytes = KG_IPV6_BYTES;
	parse_udp(frame, ip + KG_IPV6_BYTES, upper_bytes, 6, ip + KG_IPV6_ADDRESSES_AT, trust);
}

static bool is_tag(uint16_t ethertype)
{
	return ethertype == KG_ETHERTYPE_VLAN || ethertype == KG_ETHERTYPE_QINQ ||
	       ethertype == KG_ETHERTYPE_QINQ_OLD;
}

static uint16_t reject_l2(struct kg_frame *frame, enum kg_drop reason)
{
	reject(frame, reason);
	return 0;
}

/* Sets l2_bytes and vlan and returns the ethertype of what follows, or 0: kind is settled. */
static uint16_t parse_l2(struct kg_frame *frame, const uint8_t *bytes, size_t len,
			 uint16_t port_vlan)
{
	uint16_t outer, inner;

	if (len < KG_ETHER_BYTES)
		return reject_l2(frame, KG_DROP_FRAME_TRUNCATED);
	frame->l2_bytes = KG_ETHER_BYTES;
	outer = kg_load_be16(bytes + KG_ETHERTYPE_AT);
	if (!is_tag(outer) && port_vlan == KG_VLAN_NONE)
		return outer;
	if (outer != KG_ETHERTYPE_VLAN)
		return reject_l2(frame, KG_DROP_VLAN_FOREIGN);
	if (len < KG_ETHER_BYTES + KG_VLAN_BYTES)
		return reject_l2(frame, KG_DROP_FRAME_TRUNCATED);
	frame->l2_bytes = KG_ETHER_BYTES + KG_VLAN_BYTES;
	frame->vlan = kg_load_be16(bytes + KG_ETHER_BYTES) & KG_VLAN_ID_MASK;
	inner = kg_load_be16(bytes + KG_ETHERTYPE_AT + KG_VLAN_BYTES);
	if (frame->vlan != port_vlan || is_tag(inner))
		return reject_l2(frame, KG_DROP_VLAN_FOREIGN);
	return frame->vlan == 0 ? 0 : inner; /* a priority tag only: for Linux */
}

void kg_frame_parse(struct kg_frame *frame, const uint8_t *bytes, size_t len, uint16_t port_vlan,
		    unsigned int trust)
{
	*frame = (struct kg_frame){ .kind = KG_FRAME_OTHER };
	switch (parse_l2(frame, bytes, len, port_vlan)) {
	case KG_ETHERTYPE_IPV4:
		return parse_ipv4(frame, bytes + frame->l2_bytes, len - frame->l2_bytes, trust);
	case KG_ETHERTYPE_IPV6:
		return parse_ipv6(frame, bytes + frame->l2_bytes, len - frame->l2_bytes, trust);
	}
}

/* ---- whatever else is wrong ---- */

/* `upper`: what is behind the IP header, `upper_bytes` of it. */
static void read_ends(struct kg_tuple *ends, uint8_t version, const uint8_t *addresses,
		      uint8_t protocol, const uint8_t *upper, size_t upper_bytes)
{
	static const uint8_t unknown[4];
	bool has_ports = (protocol == KG_PROTO_UDP || protocol == KG_PROTO_TCP) &&
			 upper_bytes >= sizeof(unknown);
	const uint8_t *ports = has_ports ? upper : unknown;

	endpoint_read(&ends->remote, version, addresses, ports);
	endpoint_read(&ends->local, version, addresses + (version == 4 ? 4 : 16), ports + 2);
}

static void read_ends4(struct kg_tuple *ends, const uint8_t *ip, size_t len)
{
	size_t header_bytes = (ip[0] & 0xfu) * 4u;
	bool begins = header_bytes >= KG_IPV4_BYTES && header_bytes <= len &&
		      (kg_load_be16(ip + KG_IPV4_FRAGMENT_AT) & KG_IPV4_OFFSET_MASK) == 0;

	read_ends(ends, 4, ip + KG_IPV4_ADDRESSES_AT, ip[KG_IPV4_PROTOCOL_AT],
		  begins ? ip + header_bytes : ip, begins ? len - header_bytes : 0);
}

void kg_frame_ends(const uint8_t *bytes, size_t len, struct kg_tuple *ends)
{
	size_t at = KG_ETHERTYPE_AT;
	const uint8_t *ip;

	*ends = (struct kg_tuple){ 0 };
	while (len >= at + 2 && is_tag(kg_load_be16(bytes + at)))
		at += KG_VLAN_BYTES;
	if (len < at + 2)
		return;
	ip = bytes + at + 2;
	len -= at + 2;
	if (kg_load_be16(bytes + at) == KG_ETHERTYPE_IPV4 && len >= KG_IPV4_BYTES)
		read_ends4(ends, ip, len);
	else if (kg_load_be16(bytes + at) == KG_ETHERTYPE_IPV6 && len >= KG_IPV6_BYTES)
		read_ends(ends, 6, ip + KG_IPV6_ADDRESSES_AT, ip[KG_IPV6_NEXT_HEADER_AT],
			  ip + KG_IPV6_BYTES, len - KG_IPV6_BYTES);
}
