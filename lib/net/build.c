/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames out: headers in front of a UDP payload, and checksums. */
#include "base/bytes.h"
#include "net/checksum.h"
#include "net/frame.h"
#include "net/proto.h"

#define TTL 64 /* IANA's default for IPv4, and Linux's for both */

void kg_l2_init(struct kg_l2 *l2, const struct kg_mac *source, const struct kg_mac *next_hop,
		uint16_t vlan)
{
	*l2 = (struct kg_l2){ .len = KG_ETHER_BYTES };
	memcpy(l2->bytes, next_hop->bytes, sizeof(next_hop->bytes));
	memcpy(l2->bytes + sizeof(next_hop->bytes), source->bytes, sizeof(source->bytes));
	if (vlan == KG_VLAN_NONE)
		return;
	l2->len += KG_VLAN_BYTES;
	kg_store_be16(l2->bytes + KG_ETHERTYPE_AT, KG_ETHERTYPE_VLAN);
	kg_store_be16(l2->bytes + KG_ETHER_BYTES, vlan);
}

static void put_ethertype(uint8_t *ip, const struct kg_l2 *l2, uint8_t ip_version)
{
	if (l2->len > 0)
		kg_store_be16(ip - 2, ip_version == 4 ? KG_ETHERTYPE_IPV4 : KG_ETHERTYPE_IPV6);
}

void kg_l2_write(uint8_t *out, const struct kg_l2 *l2, uint8_t ip_version)
{
	memcpy(out, l2->bytes, l2->len);
	put_ethertype(out + l2->len, l2, ip_version);
}

uint16_t kg_frame_header_bytes(const struct kg_l2 *l2, uint8_t ip_version)
{
	return l2->len + kg_ip_header_bytes(ip_version) + KG_UDP_BYTES;
}

/*
 * Sums are taken of what headers are written from: a CPU waits for a word that has just been stored
 * in parts. `addresses` is the sum of both.
 */
static void build_ipv4(uint8_t *ip, const struct kg_ip *source, const struct kg_ip *destination,
		       uint64_t addresses, uint16_t total_bytes, uint16_t id,
		       enum kg_frame_csum csum)
{
	static const uint8_t fixed[KG_IPV4_BYTES] = {
		[0] = 4 << 4 | KG_IPV4_BYTES / 4,
		[KG_IPV4_TTL_AT] = TTL,
		[KG_IPV4_PROTOCOL_AT] = KG_PROTO_UDP,
	};

	uint16_t fragment = id == 0 ? KG_IPV4_DONT_FRAGMENT : 0;
	uint64_t sum = kg_checksum_add_words(addresses, fixed, sizeof(fixed)) +
		       htobe16(total_bytes) + htobe16(id) + htobe16(fragment);

	memcpy(ip, fixed, sizeof(fixed));
	kg_store_be16(ip + KG_IPV4_LENGTH_AT, total_bytes);
	kg_store_be16(ip + KG_IPV4_ID_AT, id);
	kg_store_be16(ip + KG_IPV4_FRAGMENT_AT, fragment);
	memcpy(ip + KG_IPV4_ADDRESSES_AT, source->bytes, 4);
	memcpy(ip + KG_IPV4_ADDRESSES_AT + 4, destination->bytes, 4);
	if (csum == KG_FRAME_CSUM_SOFTWARE)
		kg_checksum_store(ip + KG_IPV4_CSUM_AT, (uint16_t)~kg_checksum_fold(sum));
}

static void build_ipv6(uint8_t *ip, const struct kg_ip *source, const struct kg_ip *destination,
		       uint16_t upper_bytes)
{
	static const uint8_t fixed[KG_IPV6_ADDRESSES_AT] = {
		[0] = 6 << 4,
		[KG_IPV6_NEXT_HEADER_AT] = KG_PROTO_UDP,
		[KG_IPV6_HOP_LIMIT_AT] = TTL,
	};

	memcpy(ip, fixed, sizeof(fixed));
	kg_store_be16(ip + KG_IPV6_LENGTH_AT, upper_bytes);
	memcpy(ip + KG_IPV6_ADDRESSES_AT, source->bytes, 16);
	memcpy(ip + KG_IPV6_ADDRESSES_AT + 16, destination->bytes, 16);
}

static void build_udp(uint8_t *udp, uint16_t source, uint16_t destination, uint16_t udp_bytes,
		      uint64_t pseudo, enum kg_frame_csum csum)
{
	uint64_t sum = pseudo + htobe16(source) + htobe16(destination) + htobe16(udp_bytes);

	kg_store_be16(udp, source);
	kg_store_be16(udp + 2, destination);
	kg_store_be16(udp + KG_UDP_LENGTH_AT, udp_bytes);
	if (csum == KG_FRAME_CSUM_SOFTWARE)
		kg_checksum_put(udp + KG_UDP_CSUM_AT,
				kg_checksum_add(sum, udp + KG_UDP_BYTES, udp_bytes - KG_UDP_BYTES));
	else
		kg_checksum_store(udp + KG_UDP_CSUM_AT, kg_checksum_fold(pseudo));
}

uint16_t kg_frame_build(uint8_t *out, const struct kg_l2 *l2, const struct kg_endpoint *source,
			const struct kg_endpoint *destination, uint16_t payload_bytes,
			uint16_t ip_id, enum kg_frame_csum csum)
{
	bool v4 = source->ip.version == 4;
	uint16_t udp_bytes = KG_UDP_BYTES + payload_bytes;
	uint8_t *ip = out + l2->len;
	uint8_t *udp = ip + (v4 ? KG_IPV4_BYTES : KG_IPV6_BYTES);
	uint64_t addresses;

	/* A copy of known size: what is beyond l2->len is overwritten by the IP header. */
	memcpy(out, l2->bytes, sizeof(l2->bytes));
	put_ethertype(ip, l2, source->ip.version);
	if (v4) {
		addresses = kg_checksum_add_words(0, source->ip.bytes, 4) +
			    kg_checksum_add_words(0, destination->ip.bytes, 4);
		build_ipv4(ip, &source->ip, &destination->ip, addresses, KG_IPV4_BYTES + udp_bytes,
			   ip_id, csum);
	} else {
		addresses = kg_checksum_add_words(0, source->ip.bytes, 16) +
			    kg_checksum_add_words(0, destination->ip.bytes, 16);
		build_ipv6(ip, &source->ip, &destination->ip, udp_bytes);
	}
	build_udp(udp, source->port, destination->port, udp_bytes,
		  kg_checksum_upper(addresses, KG_PROTO_UDP, udp_bytes), csum);
	return (uint16_t)(udp + KG_UDP_BYTES - out);
}

/* Where the checksum of a TCP or UDP header stands; 0 for what we leave alone. */
static size_t checksum_offset(uint8_t protocol, const uint8_t *upper, size_t upper_bytes)
{
	if (protocol == KG_PROTO_TCP && upper_bytes >= KG_TCP_BYTES)
		return KG_TCP_CSUM_AT;
	if (protocol == KG_PROTO_UDP && upper_bytes >= KG_UDP_BYTES &&
	    kg_load_be16(upper + KG_UDP_LENGTH_AT) == upper_bytes)
		return KG_UDP_CSUM_AT;
	return 0;
}

static void complete_upper(uint8_t *upper, size_t upper_bytes, uint8_t protocol,
			   const uint8_t *addresses, size_t addresses_bytes)
{
	size_t at = checksum_offset(protocol, upper, upper_bytes);
	uint64_t pseudo;

	if (at == 0)
		return;
	pseudo = kg_checksum_pseudo(addresses, addresses_bytes, protocol, (uint32_t)upper_bytes);
	if (kg_checksum_is_unfilled(upper, at, pseudo))
		kg_checksum_fill(upper, upper_bytes, at, 0);
}

static void complete_ipv4(uint8_t *ip, size_t len)
{
	size_t header_bytes, total_bytes;

	if (len < KG_IPV4_BYTES)
		return;
	header_bytes = (ip[0] & 0xfu) * 4;
	total_bytes = kg_load_be16(ip + KG_IPV4_LENGTH_AT);
	if (header_bytes < KG_IPV4_BYTES || total_bytes < header_bytes || total_bytes > len ||
	    (kg_load_be16(ip + KG_IPV4_FRAGMENT_AT) & KG_IPV4_FRAGMENT_MASK) != 0)
		return;
	complete_upper(ip + header_bytes, total_bytes - header_bytes, ip[KG_IPV4_PROTOCOL_AT],
		       ip + KG_IPV4_ADDRESSES_AT, 8);
}

static void complete_ipv6(uint8_t *ip, size_t len)
{
	size_t upper_bytes;

	if (len < KG_IPV6_BYTES)
		return;
	upper_bytes = kg_load_be16(ip + KG_IPV6_LENGTH_AT);
	if (upper_bytes <= len - KG_IPV6_BYTES)
		complete_upper(ip + KG_IPV6_BYTES, upper_bytes, ip[KG_IPV6_NEXT_HEADER_AT],
			       ip + KG_IPV6_ADDRESSES_AT, 32);
}

void kg_packet_complete_checksum(uint8_t *bytes, size_t len)
{
	if (len > 0 && bytes[0] >> 4 == 4)
		complete_ipv4(bytes, len);
	else if (len > 0 && bytes[0] >> 4 == 6)
		complete_ipv6(bytes, len);
}

void kg_frame_complete_checksum(uint8_t *bytes, size_t len)
{
	uint16_t type = len < KG_ETHER_BYTES ? 0 : kg_load_be16(bytes + KG_ETHERTYPE_AT);

	if (type == KG_ETHERTYPE_IPV4 || type == KG_ETHERTYPE_IPV6)
		kg_packet_complete_checksum(bytes + KG_ETHER_BYTES, len - KG_ETHER_BYTES);
}
