/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routers on a path that is narrower than the ports, from the beginning or from some time on. What
 * does not pass they cut into fragments, or drop it where it says "do not", with a word about it or
 * without; and some paths lose fragments.
 */
#include "boxes/boxes.h"

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/frame.h"
#include "net/proto.h"

#define IP_LENGTH_AT   2
#define IP_FLAGS_AT    6
#define IP_PROTOCOL_AT 9
#define IP_SUM_AT      10
#define IP_SOURCE_AT   12
#define FLAG_DF        0x4000u
#define FLAG_MF        0x2000u
#define OFFSET_MASK    0x1fffu
#define ICMP_BYTES     8u
#define QUOTED_BYTES   (KG_IPV4_BYTES + KG_UDP_BYTES)

static const uint8_t router_ip[] = { 198, 18, 0, 254 };

static uint16_t width(const struct boxes *boxes)
{
	const struct path *path = &boxes->scenario.path;

	return boxes->now_us < path->since_us ? UINT16_MAX : path->width;
}

static void put_on(struct boxes *boxes, int side, const uint8_t *bytes, uint16_t len)
{
	static const struct kg_endpoint nobody; /* a frame has its own addresses */

	kg_sim_link_send(&boxes->links[side], boxes->now_us, &nobody, &nobody, bytes, len);
}

static void sum_header(uint8_t *ip)
{
	uint16_t sum;

	memset(ip + IP_SUM_AT, 0, sizeof(sum));
	sum = (uint16_t)~kg_checksum_fold(kg_checksum_add(0, ip, KG_IPV4_BYTES));
	memcpy(ip + IP_SUM_AT, &sum, sizeof(sum));
}

/* A router's word to the sender, which comes from the other side. */
static void say_too_big(struct boxes *boxes, int side, const uint8_t *frame, uint16_t mtu)
{
	uint8_t bytes[KG_ETHER_BYTES + KG_IPV4_BYTES + ICMP_BYTES + QUOTED_BYTES];
	uint8_t *ip = bytes + KG_ETHER_BYTES, *icmp = ip + KG_IPV4_BYTES;
	uint16_t sum;

	memcpy(bytes, frame, KG_ETHER_BYTES + KG_IPV4_BYTES);
	memcpy(ip + IP_SOURCE_AT + 4, ip + IP_SOURCE_AT, 4);
	memcpy(ip + IP_SOURCE_AT, router_ip, 4);
	kg_store_be16(ip + IP_LENGTH_AT, sizeof(bytes) - KG_ETHER_BYTES);
	kg_store_be16(ip + IP_FLAGS_AT, 0);
	ip[IP_PROTOCOL_AT] = KG_PROTO_ICMP;
	sum_header(ip);
	memset(icmp, 0, ICMP_BYTES);
	icmp[0] = 3;
	icmp[1] = 4;
	kg_store_be16(icmp + 6, mtu);
	memcpy(icmp + ICMP_BYTES, frame + KG_ETHER_BYTES, QUOTED_BYTES);
	sum = (uint16_t)~kg_checksum_fold(kg_checksum_add(0, icmp, ICMP_BYTES + QUOTED_BYTES));
	memcpy(icmp + 2, &sum, sizeof(sum));
	put_on(boxes, !side, bytes, sizeof(bytes));
}

/* Of a packet, or of what is a piece already. */
static void cut(struct boxes *boxes, int side, const uint8_t *frame, uint16_t mtu)
{
	const uint8_t *payload = frame + KG_ETHER_BYTES + KG_IPV4_BYTES;
	uint16_t flags = kg_load_be16(frame + KG_ETHER_BYTES + IP_FLAGS_AT);
	uint16_t left = kg_load_be16(frame + KG_ETHER_BYTES + IP_LENGTH_AT) - KG_IPV4_BYTES;
	uint16_t most = (uint16_t)((mtu - KG_IPV4_BYTES) & ~7);

	while (left > 0) {
		uint16_t len = KG_MIN(left, most);
		uint8_t bytes[2048];
		uint8_t *ip = bytes + KG_ETHER_BYTES;

		left -= len;
		memcpy(bytes, frame, KG_ETHER_BYTES + KG_IPV4_BYTES);
		memcpy(ip + KG_IPV4_BYTES, payload, len);
		kg_store_be16(ip + IP_LENGTH_AT, KG_IPV4_BYTES + len);
		kg_store_be16(ip + IP_FLAGS_AT, left > 0 ? flags | FLAG_MF : flags);
		sum_header(ip);
		put_on(boxes, side, bytes, KG_ETHER_BYTES + KG_IPV4_BYTES + len);
		payload += len;
		flags += len / 8;
	}
}

void path_pass(struct boxes *boxes, int side, const uint8_t *frame, uint16_t len)
{
	const struct path *path = &boxes->scenario.path;
	const uint8_t *ip = frame + KG_ETHER_BYTES;
	uint16_t flags = kg_load_be16(ip + IP_FLAGS_AT), mtu = width(boxes);
	bool fits = kg_load_be16(ip + IP_LENGTH_AT) <= mtu;

	if (fits && (path->fragments || !path_is_fragment(frame)))
		put_on(boxes, side, frame, len);
	else if (!fits && (flags & FLAG_DF) != 0 && path->honest)
		say_too_big(boxes, side, frame, mtu);
	else if (!fits && (flags & FLAG_DF) == 0 && path->fragments)
		cut(boxes, side, frame, mtu);
}

bool path_is_fragment(const uint8_t *frame)
{
	uint16_t flags = kg_load_be16(frame + KG_ETHER_BYTES + IP_FLAGS_AT);

	return (flags & (FLAG_MF | OFFSET_MASK)) != 0;
}
