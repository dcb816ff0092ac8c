/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads and writes frames' IP headers of either version, as a router or a NAT does. */
#include "boxes/packet.h"

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/frame.h"
#include "net/proto.h"

/* ---- reading ---- */

static uint8_t *ip_of(uint8_t *frame)
{
	return frame + KG_ETHER_BYTES;
}

static uint16_t in_ip(const uint8_t *frame, size_t at)
{
	return kg_load_be16(frame + KG_ETHER_BYTES + at);
}

uint8_t packet_version(const uint8_t *frame)
{
	return frame[KG_ETHER_BYTES] >> 4;
}

uint16_t packet_bytes(const uint8_t *frame)
{
	return packet_version(frame) == 4 ? in_ip(frame, KG_IPV4_LENGTH_AT)
					  : in_ip(frame, KG_IPV6_LENGTH_AT) + KG_IPV6_BYTES;
}

/* What follows the IP header. */
static uint8_t protocol_of(const uint8_t *frame)
{
	return frame[KG_ETHER_BYTES +
		     (packet_version(frame) == 4 ? KG_IPV4_PROTOCOL_AT : KG_IPV6_NEXT_HEADER_AT)];
}

bool packet_is_fragment(const uint8_t *frame)
{
	return packet_version(frame) == 4
		       ? (in_ip(frame, KG_IPV4_FRAGMENT_AT) & KG_IPV4_FRAGMENT_MASK) != 0
		       : protocol_of(frame) == KG_PROTO_FRAGMENT;
}

bool packet_may_be_cut(const uint8_t *frame)
{
	return packet_version(frame) == 4 &&
	       (in_ip(frame, KG_IPV4_FRAGMENT_AT) & KG_IPV4_DONT_FRAGMENT) == 0;
}

static uint8_t *after_ip(uint8_t *frame)
{
	return ip_of(frame) + kg_ip_header_bytes(packet_version(frame));
}

static bool has(const uint8_t *frame, size_t len, size_t bytes)
{
	return len >= KG_ETHER_BYTES + kg_ip_header_bytes(packet_version(frame)) + bytes;
}

uint8_t *packet_udp(uint8_t *frame, size_t len)
{
	bool is_udp = has(frame, len, KG_UDP_BYTES) && protocol_of(frame) == KG_PROTO_UDP;

	return is_udp && !packet_is_fragment(frame) ? after_ip(frame) : NULL;
}

uint8_t *packet_quoted(uint8_t *frame, size_t len)
{
	uint8_t protocol = protocol_of(frame);
	bool is_icmp = protocol == KG_PROTO_ICMP || protocol == KG_PROTO_ICMPV6;

	return is_icmp && has(frame, len, KG_ICMP_BYTES + KG_IPV4_BYTES)
		       ? after_ip(frame) + KG_ICMP_BYTES - KG_ETHER_BYTES
		       : NULL;
}

/* ---- writing ---- */

static void sum_up(uint8_t *at, uint64_t sum, const uint8_t *bytes, size_t len)
{
	uint16_t folded;

	memset(at, 0, sizeof(folded));
	folded = (uint16_t)~kg_checksum_fold(kg_checksum_add(sum, bytes, len));
	memcpy(at, &folded, sizeof(folded));
}

void packet_sum_ipv4(uint8_t *frame)
{
	sum_up(ip_of(frame) + KG_IPV4_CSUM_AT, 0, ip_of(frame), KG_IPV4_BYTES);
}

/* From the destination to the source of what it is about. */
static void write_icmp4(uint8_t *frame, uint16_t mtu)
{
	uint8_t *ip = ip_of(frame), *icmp = after_ip(frame);

	kg_store_be16(ip + KG_IPV4_LENGTH_AT, PACKET_WORD4_BYTES - KG_ETHER_BYTES);
	kg_store_be16(ip + KG_IPV4_FRAGMENT_AT, 0);
	ip[KG_IPV4_PROTOCOL_AT] = KG_PROTO_ICMP;
	packet_sum_ipv4(frame);
	icmp[0] = KG_ICMP_UNREACHABLE;
	icmp[1] = KG_ICMP_FRAGMENTATION_NEEDED;
	kg_store_be16(icmp + KG_ICMP_MTU_AT, mtu);
	sum_up(icmp + 2, 0, icmp, KG_ICMP_BYTES + KG_IPV4_BYTES + KG_UDP_BYTES);
}

static void write_icmp6(uint8_t *frame, uint16_t mtu)
{
	uint16_t bytes = PACKET_WORD6_BYTES - KG_ETHER_BYTES - KG_IPV6_BYTES;
	uint8_t *ip = ip_of(frame), *icmp = after_ip(frame);
	uint64_t sum;

	kg_store_be16(ip + KG_IPV6_LENGTH_AT, bytes);
	ip[KG_IPV6_NEXT_HEADER_AT] = KG_PROTO_ICMPV6;
	icmp[0] = KG_ICMPV6_TOO_BIG;
	kg_store_be16(icmp + KG_ICMPV6_MTU_AT + 2, mtu);
	sum = kg_checksum_pseudo(ip + KG_IPV6_ADDRESSES_AT, 2 * 16, KG_PROTO_ICMPV6, bytes);
	sum_up(icmp + 2, sum, icmp, bytes);
}

uint16_t packet_too_big(uint8_t *word, const uint8_t *frame, uint16_t mtu)
{
	bool is4 = packet_version(frame) == 4;
	size_t header = kg_ip_header_bytes(packet_version(frame)), address = is4 ? 4 : 16;
	size_t at = KG_ETHER_BYTES + (is4 ? KG_IPV4_ADDRESSES_AT : KG_IPV6_ADDRESSES_AT);

	memcpy(word, frame, KG_ETHER_BYTES + header);
	memcpy(word + at, frame + at + address, address);
	memcpy(word + at + address, frame + at, address);
	memset(after_ip(word), 0, KG_ICMP_BYTES);
	memcpy(after_ip(word) + KG_ICMP_BYTES, frame + KG_ETHER_BYTES, header + KG_UDP_BYTES);
	if (is4)
		write_icmp4(word, mtu);
	else
		write_icmp6(word, mtu);
	return is4 ? PACKET_WORD4_BYTES : PACKET_WORD6_BYTES;
}
