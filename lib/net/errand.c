/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells of ARP (RFC 826), ICMP (RFC 792), ICMPv6 (RFC 4443) and neighbour discovery (RFC 4861) what
 * kind of message it is, and of an error whose datagram it quotes; nothing else.
 */
#include "net/errand.h"

#include "base/bytes.h"
#include "net/frame.h"
#include "net/proto.h"

/* A part of a frame: what is left of it from where we have come to. */
struct rest {
	const uint8_t *bytes;
	size_t len;
};

static bool skip(struct rest *rest, size_t bytes)
{
	if (rest->len < bytes)
		return false;
	rest->bytes += bytes;
	rest->len -= bytes;
	return true;
}

/* Behind an IPv4 header; the protocol, or KG_PROTO_NONE: no header, or not its datagram's begin. */
static uint8_t enter4(struct rest *rest, const uint8_t **addresses)
{
	const uint8_t *ip = rest->bytes;

	if (rest->len < KG_IPV4_BYTES || ip[0] >> 4 != 4 || (ip[0] & 0xfu) * 4 < KG_IPV4_BYTES ||
	    (kg_load_be16(ip + KG_IPV4_FRAGMENT_AT) & KG_IPV4_OFFSET_MASK) != 0 ||
	    !skip(rest, (ip[0] & 0xfu) * 4))
		return KG_PROTO_NONE;
	*addresses = ip + KG_IPV4_ADDRESSES_AT;
	return ip[KG_IPV4_PROTOCOL_AT];
}

/* The same of IPv6, where the fragment header is the only extension that is walked over. */
static uint8_t enter6(struct rest *rest, const uint8_t **addresses)
{
	const uint8_t *ip = rest->bytes, *fragment;

	if (rest->len < KG_IPV6_BYTES || ip[0] >> 4 != 6)
		return KG_PROTO_NONE;
	*addresses = ip + KG_IPV6_ADDRESSES_AT;
	skip(rest, KG_IPV6_BYTES);
	if (ip[KG_IPV6_NEXT_HEADER_AT] != KG_PROTO_FRAGMENT)
		return ip[KG_IPV6_NEXT_HEADER_AT];
	fragment = rest->bytes;
	if (!skip(rest, KG_FRAGMENT_BYTES) ||
	    (kg_load_be16(fragment + KG_FRAGMENT_OFFSET_AT) & KG_FRAGMENT_OFFSET_MASK) != 0)
		return KG_PROTO_NONE;
	return fragment[0];
}

static enum kg_errand errand4(struct rest rest)
{
	bool whole = rest.len >= KG_IPV4_BYTES &&
		     (kg_load_be16(rest.bytes + KG_IPV4_FRAGMENT_AT) & KG_IPV4_FRAGMENT_MASK) == 0;
	const uint8_t *addresses;

	switch (whole ? enter4(&rest, &addresses) : KG_PROTO_NONE) {
	case KG_PROTO_TCP:
		return KG_ERRAND_CALL;
	case KG_PROTO_ICMP:
		return rest.len > 0 && rest.bytes[0] == KG_ICMP_REDIRECT ? KG_ERRAND_REDIRECT
									 : KG_ERRAND_CALL;
	default:
		return KG_ERRAND_UNASKED;
	}
}

static enum kg_errand errand6(struct rest rest)
{
	uint8_t next =
		rest.len < KG_IPV6_BYTES ? KG_PROTO_NONE : rest.bytes[KG_IPV6_NEXT_HEADER_AT];

	if (next == KG_PROTO_TCP)
		return KG_ERRAND_CALL;
	if (next != KG_PROTO_ICMPV6 || rest.len == KG_IPV6_BYTES)
		return KG_ERRAND_UNASKED;
	switch (rest.bytes[KG_IPV6_BYTES]) {
	case KG_ICMPV6_REDIRECT:
		return KG_ERRAND_REDIRECT;
	case KG_ICMPV6_NEIGHBOUR_SOLICITATION:
	case KG_ICMPV6_NEIGHBOUR_ADVERTISEMENT:
		return KG_ERRAND_NEIGHBOUR;
	default:
		return KG_ERRAND_CALL;
	}
}

enum kg_errand kg_errand_of(const uint8_t *bytes, size_t len, uint16_t l2_bytes)
{
	struct rest rest = { bytes, len };

	if (l2_bytes < KG_ETHER_BYTES || !skip(&rest, l2_bytes))
		return KG_ERRAND_UNASKED;
	switch (kg_load_be16(rest.bytes - sizeof(uint16_t))) {
	case KG_ETHERTYPE_ARP:
		return KG_ERRAND_NEIGHBOUR;
	case KG_ETHERTYPE_IPV4:
		return errand4(rest);
	case KG_ETHERTYPE_IPV6:
		return errand6(rest);
	default:
		return KG_ERRAND_UNASKED;
	}
}

/* The quoted datagram's protocol, behind the headers of the error and of what it quotes. */
static uint8_t enter_quoted4(struct rest *rest, const uint8_t **addresses)
{
	if (enter4(rest, addresses) != KG_PROTO_ICMP || rest->len == 0 ||
	    (rest->bytes[0] != KG_ICMP_UNREACHABLE && rest->bytes[0] != KG_ICMP_TIME_EXCEEDED &&
	     rest->bytes[0] != KG_ICMP_PARAMETER) ||
	    !skip(rest, KG_ICMP_BYTES))
		return KG_PROTO_NONE;
	return enter4(rest, addresses);
}

static uint8_t enter_quoted6(struct rest *rest, const uint8_t **addresses)
{
	if (enter6(rest, addresses) != KG_PROTO_ICMPV6 || rest->len == 0 ||
	    (rest->bytes[0] & KG_ICMPV6_INFORMATION) != 0 || !skip(rest, KG_ICMP_BYTES))
		return KG_PROTO_NONE;
	return enter6(rest, addresses);
}

bool kg_errand_complains(const uint8_t *bytes, size_t len, struct kg_endpoint *about)
{
	struct rest rest = { bytes, len };
	const uint8_t *addresses;
	uint16_t type;
	uint8_t protocol;

	if (!skip(&rest, KG_ETHER_BYTES))
		return false;
	type = kg_load_be16(bytes + KG_ETHERTYPE_AT);
	if (type != KG_ETHERTYPE_IPV4 && type != KG_ETHERTYPE_IPV6)
		return false;
	*about = (struct kg_endpoint){ .ip.version = type == KG_ETHERTYPE_IPV4 ? 4 : 6 };
	protocol = about->ip.version == 4 ? enter_quoted4(&rest, &addresses)
					  : enter_quoted6(&rest, &addresses);
	if (protocol != KG_PROTO_UDP || rest.len < KG_UDP_LENGTH_AT)
		return false;
	/* Source and destination; the ports likewise. */
	if (about->ip.version == 4)
		memcpy(about->ip.bytes, addresses + 4, 4);
	else
		memcpy(about->ip.bytes, addresses + 16, 16);
	about->port = kg_load_be16(rest.bytes + 2);
	return true;
}

/* Behind the headers of the error; the limit it names, 0: it is none of this kind. */
static uint32_t enter_too_big(struct rest *rest, uint16_t type)
{
	const uint8_t *addresses, *icmp;

	if (type == KG_ETHERTYPE_IPV4 && enter4(rest, &addresses) == KG_PROTO_ICMP) {
		icmp = rest->bytes;
		return skip(rest, KG_ICMP_BYTES) && icmp[0] == KG_ICMP_UNREACHABLE &&
				       icmp[1] == KG_ICMP_FRAGMENTATION_NEEDED
			       ? kg_load_be16(icmp + KG_ICMP_MTU_AT)
			       : 0;
	}
	if (type == KG_ETHERTYPE_IPV6 && enter6(rest, &addresses) == KG_PROTO_ICMPV6) {
		icmp = rest->bytes;
		return skip(rest, KG_ICMP_BYTES) && icmp[0] == KG_ICMPV6_TOO_BIG
			       ? kg_load_be32(icmp + KG_ICMPV6_MTU_AT)
			       : 0;
	}
	return 0;
}

static void endpoint_of(struct kg_endpoint *ep, uint8_t version, const uint8_t *address,
			const uint8_t *port)
{
	*ep = (struct kg_endpoint){ .ip.version = version, .port = kg_load_be16(port) };
	memcpy(ep->ip.bytes, address, version == 4 ? 4 : 16);
}

bool kg_errand_too_big(const uint8_t *bytes, size_t len, uint16_t l2_bytes, struct kg_tuple *ends,
		       uint16_t *mtu)
{
	struct rest rest = { bytes, len };
	const uint8_t *addresses, *quoted;
	uint32_t limit, length;
	uint16_t type;
	uint8_t protocol;
	bool v4;

	if (l2_bytes < KG_ETHER_BYTES || !skip(&rest, l2_bytes))
		return false;
	type = kg_load_be16(rest.bytes - sizeof(uint16_t));
	v4 = type == KG_ETHERTYPE_IPV4;
	limit = enter_too_big(&rest, type);
	quoted = rest.bytes;
	protocol = v4 ? enter4(&rest, &addresses) : enter6(&rest, &addresses);
	if (limit == 0 || protocol != KG_PROTO_UDP || rest.len < KG_UDP_LENGTH_AT)
		return false;
	length = v4 ? kg_load_be16(quoted + KG_IPV4_LENGTH_AT)
		    : KG_IPV6_BYTES + kg_load_be16(quoted + KG_IPV6_LENGTH_AT);
	if (limit >= length)
		return false;
	endpoint_of(&ends->local, v4 ? 4 : 6, addresses, rest.bytes);
	endpoint_of(&ends->remote, v4 ? 4 : 6, addresses + (v4 ? 4 : 16), rest.bytes + 2);
	*mtu = (uint16_t)limit;
	return true;
}
