/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads and writes the messages by which neighbours find each other, ARP and ND. */
#include "neighbour.h"

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/proto.h"

#include <string.h>

/* ARP for Ethernet and IPv4, RFC 826 */
#define ETHERTYPE_ARP 0x0806
#define ARP_BYTES     28
#define ARP_FIXED     "\0\1\10\0\6\4" /* hardware, protocol, lengths */
#define ARP_FIXED_LEN 6
#define ARP_OP_AT     6
#define ARP_SENDER_AT 8 /* MAC, IP */
#define ARP_TARGET_AT 18
#define ARP_REQUEST   1
#define ARP_REPLY     2

/* Neighbour discovery, RFC 4861 §4.3, §4.4, §4.6.1 */
#define PROTO_ICMPV6     58
#define ND_HOP_LIMIT     255
#define ND_SOLICITATION  135
#define ND_ADVERTISEMENT 136
#define ND_BYTES         24 /* type, code, checksum, flags, target */
#define ND_CSUM_AT       2
#define ND_FLAGS_AT      4
#define ND_TARGET_AT     8
#define ND_SOLICITED     0x60 /* solicited, override */
#define ND_OPTION_BYTES  8    /* type, length in units of 8, MAC */
#define ND_OPTION_SOURCE 1
#define ND_OPTION_TARGET 2

static const struct kg_mac broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

static struct kg_mac load_mac(const uint8_t *from)
{
	struct kg_mac mac;

	memcpy(mac.bytes, from, sizeof(mac.bytes));
	return mac;
}

static struct kg_ip load_ip(uint8_t version, const uint8_t *from)
{
	struct kg_ip ip = { .version = version };

	memcpy(ip.bytes, from, version == 4 ? 4 : 16);
	return ip;
}

/* ---- what comes in ---- */

static void parse_arp(struct bench_neighbour *message, const uint8_t *arp, size_t len)
{
	struct kg_ip sender, target;
	struct kg_mac mac;

	if (len < ARP_BYTES || memcmp(arp, ARP_FIXED, ARP_FIXED_LEN) != 0)
		return;
	mac = load_mac(arp + ARP_SENDER_AT);
	sender = load_ip(4, arp + ARP_SENDER_AT + 6);
	target = load_ip(4, arp + ARP_TARGET_AT + 6);
	switch (kg_load_be16(arp + ARP_OP_AT)) {
	case ARP_REQUEST:
		*message = (struct bench_neighbour){ .kind = BENCH_NEIGHBOUR_QUESTION,
						     .ip = target,
						     .asker = sender,
						     .return_mac = mac };
		break;
	case ARP_REPLY:
		*message = (struct bench_neighbour){ .kind = BENCH_NEIGHBOUR_ANSWER,
						     .ip = sender,
						     .mac = mac };
		break;
	}
}

static bool has_address(const struct kg_ip *ip)
{
	static const struct kg_ip unspecified = { .version = 6 };

	return !kg_ip_equal(ip, &unspecified);
}

/* The link-layer address option, if it is there; a broken list of options is no message. */
static bool parse_options(struct kg_mac *mac, uint8_t type, const uint8_t *option, size_t len)
{
	while (len >= ND_OPTION_BYTES) {
		size_t bytes = option[1] * 8u;

		if (bytes == 0 || bytes > len)
			return false;
		if (option[0] == type && bytes == ND_OPTION_BYTES)
			*mac = load_mac(option + 2);
		option += bytes;
		len -= bytes;
	}
	return len == 0;
}

/* RFC 4861 §7.1; without its option a message speaks for the frame's source. */
static void parse_nd(struct bench_neighbour *message, const uint8_t *ether, const uint8_t *ip,
		     const uint8_t *nd, size_t len)
{
	struct kg_ip source = load_ip(6, ip + KG_IPV6_ADDRESSES_AT);
	struct kg_mac mac = load_mac(ether + sizeof(mac.bytes));
	bool question = nd[0] == ND_SOLICITATION;

	if ((!question && nd[0] != ND_ADVERTISEMENT) || nd[1] != 0 ||
	    !parse_options(&mac, question ? ND_OPTION_SOURCE : ND_OPTION_TARGET, nd + ND_BYTES,
			   len - ND_BYTES))
		return;
	message->ip = load_ip(6, nd + ND_TARGET_AT);
	if (!question) {
		message->kind = BENCH_NEIGHBOUR_ANSWER;
		message->mac = mac;
	} else if (has_address(&source)) {
		message->kind = BENCH_NEIGHBOUR_QUESTION;
		message->asker = source;
		message->return_mac = mac;
	}
}

static void parse_ipv6(struct bench_neighbour *message, const uint8_t *ether, size_t len)
{
	const uint8_t *ip = ether + KG_ETHER_BYTES, *nd = ip + KG_IPV6_BYTES;
	size_t upper_bytes;
	uint64_t pseudo;

	if (len < KG_ETHER_BYTES + KG_IPV6_BYTES + ND_BYTES)
		return;
	upper_bytes = kg_load_be16(ip + KG_IPV6_LENGTH_AT);
	if (ip[0] >> 4 != 6 || ip[KG_IPV6_NEXT_HEADER_AT] != PROTO_ICMPV6 ||
	    ip[KG_IPV6_HOP_LIMIT_AT] != ND_HOP_LIMIT || upper_bytes < ND_BYTES ||
	    upper_bytes > len - KG_ETHER_BYTES - KG_IPV6_BYTES)
		return;
	pseudo = kg_checksum_pseudo(ip + KG_IPV6_ADDRESSES_AT, 32, PROTO_ICMPV6,
				    (uint32_t)upper_bytes);
	if (kg_checksum_fold(kg_checksum_add(pseudo, nd, upper_bytes)) == UINT16_MAX)
		parse_nd(message, ether, ip, nd, upper_bytes);
}

void bench_neighbour_parse(struct bench_neighbour *message, const uint8_t *bytes, size_t len)
{
	*message = (struct bench_neighbour){ .kind = BENCH_NEIGHBOUR_NONE };
	if (len < KG_ETHER_BYTES)
		return;
	switch (kg_load_be16(bytes + KG_ETHERTYPE_AT)) {
	case ETHERTYPE_ARP:
		return parse_arp(message, bytes + KG_ETHER_BYTES, len - KG_ETHER_BYTES);
	case KG_ETHERTYPE_IPV6:
		return parse_ipv6(message, bytes, len);
	}
}

/* ---- what goes out ---- */

static uint8_t *put_ether(uint8_t *out, const struct kg_mac *source, const struct kg_mac *to,
			  uint16_t ethertype)
{
	struct kg_l2 l2;

	kg_l2_init(&l2, source, to, KG_VLAN_NONE);
	memcpy(out, l2.bytes, KG_ETHER_BYTES);
	kg_store_be16(out + KG_ETHERTYPE_AT, ethertype);
	return out + KG_ETHER_BYTES;
}

static uint16_t put_arp(uint8_t *out, uint16_t op, const struct bench_neighbour_self *self,
			const struct kg_mac *to, const struct kg_mac *target_mac,
			const struct kg_ip *target)
{
	uint8_t *arp = put_ether(out, &self->mac, to, ETHERTYPE_ARP);

	memcpy(arp, ARP_FIXED, ARP_FIXED_LEN);
	kg_store_be16(arp + ARP_OP_AT, op);
	memcpy(arp + ARP_SENDER_AT, self->mac.bytes, 6);
	memcpy(arp + ARP_SENDER_AT + 6, self->ip.bytes, 4);
	memcpy(arp + ARP_TARGET_AT, target_mac->bytes, 6);
	memcpy(arp + ARP_TARGET_AT + 6, target->bytes, 4);
	return KG_ETHER_BYTES + ARP_BYTES;
}

static uint16_t put_nd(uint8_t *out, uint8_t type, const struct bench_neighbour_self *self,
		       const struct kg_mac *to_mac, const struct kg_ip *to,
		       const struct kg_ip *target)
{
	uint8_t *ip = put_ether(out, &self->mac, to_mac, KG_ETHERTYPE_IPV6);
	uint8_t *nd = ip + KG_IPV6_BYTES, *option = nd + ND_BYTES;
	const uint16_t bytes = ND_BYTES + ND_OPTION_BYTES;
	uint16_t sum;

	memset(ip, 0, KG_IPV6_BYTES + bytes);
	ip[0] = 6 << 4;
	kg_store_be16(ip + KG_IPV6_LENGTH_AT, bytes);
	ip[KG_IPV6_NEXT_HEADER_AT] = PROTO_ICMPV6;
	ip[KG_IPV6_HOP_LIMIT_AT] = ND_HOP_LIMIT;
	memcpy(ip + KG_IPV6_ADDRESSES_AT, self->ip.bytes, 16);
	memcpy(ip + KG_IPV6_ADDRESSES_AT + 16, to->bytes, 16);
	nd[0] = type;
	nd[ND_FLAGS_AT] = type == ND_ADVERTISEMENT ? ND_SOLICITED : 0;
	memcpy(nd + ND_TARGET_AT, target->bytes, 16);
	option[0] = type == ND_ADVERTISEMENT ? ND_OPTION_TARGET : ND_OPTION_SOURCE;
	option[1] = 1;
	memcpy(option + 2, self->mac.bytes, 6);
	sum = (uint16_t)~kg_checksum_fold(kg_checksum_add(
		kg_checksum_pseudo(ip + KG_IPV6_ADDRESSES_AT, 32, PROTO_ICMPV6, bytes), nd, bytes));
	memcpy(nd + ND_CSUM_AT, &sum, sizeof(sum));
	return KG_ETHER_BYTES + KG_IPV6_BYTES + bytes;
}

/* ff02::1:ffXX:XXXX (RFC 4291 §2.7.1) and its MAC (RFC 2464 §7). */
static void solicited_node(const struct kg_ip *ip, struct kg_ip *group, struct kg_mac *mac)
{
	*group = (struct kg_ip){ .version = 6, .bytes = { 0xff, 2, [11] = 1, [12] = 0xff } };
	memcpy(group->bytes + 13, ip->bytes + 13, 3);
	mac->bytes[0] = mac->bytes[1] = 0x33;
	memcpy(mac->bytes + 2, group->bytes + 12, 4);
}

uint16_t bench_neighbour_ask(uint8_t *out, const struct bench_neighbour_self *self,
			     const struct kg_ip *ip)
{
	static const struct kg_mac nobody;
	struct kg_ip group;
	struct kg_mac mac;

	if (ip->version == 4)
		return put_arp(out, ARP_REQUEST, self, &broadcast, &nobody, ip);
	solicited_node(ip, &group, &mac);
	return put_nd(out, ND_SOLICITATION, self, &mac, &group, ip);
}

uint16_t bench_neighbour_answer(uint8_t *out, const struct bench_neighbour_self *self,
				const struct bench_neighbour *question)
{
	const struct kg_mac *to = &question->return_mac;

	if (self->ip.version == 4)
		return put_arp(out, ARP_REPLY, self, to, to, &question->asker);
	return put_nd(out, ND_ADVERTISEMENT, self, to, &question->asker, &self->ip);
}
