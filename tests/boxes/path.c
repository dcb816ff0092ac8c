/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routers on a path, which is narrower than the ports from time to time, and in one direction only
 * or in both alike. What does not pass they cut into fragments, or drop it where it says "do not",
 * with a word about it or without; and some paths lose fragments.
 */
#include "boxes/boxes.h"
#include "boxes/packet.h"

#include "base/bytes.h"
#include "net/frame.h"
#include "net/proto.h"

#define MORE_FRAGMENTS 0x2000u

static uint16_t width(const struct boxes *boxes, const struct path *path)
{
	uint16_t bytes = UINT16_MAX;

	for (unsigned int i = 0; i < path->width_count; i++) {
		if (path->widths[i].since_us <= boxes->now_us)
			bytes = path->widths[i].bytes;
	}
	return bytes;
}

static void put_on(struct boxes *boxes, int side, const uint8_t *bytes, uint16_t len)
{
	struct kg_tuple ends; /* as its receiver sees them */

	kg_frame_ends(bytes, len, &ends);
	kg_sim_link_send(&boxes->links[side], boxes->now_us, &ends.remote, &ends.local, bytes, len);
}

/* A router's word to the sender comes from the other side. */
static void say_too_big(struct boxes *boxes, int side, const uint8_t *frame, uint16_t mtu)
{
	uint8_t word[PACKET_WORD6_BYTES];

	put_on(boxes, !side, word, packet_too_big(word, frame, mtu));
}

/* Of a packet, or of what is a piece already. */
static void cut(struct boxes *boxes, int side, const uint8_t *frame, uint16_t mtu)
{
	const uint8_t *payload = frame + KG_ETHER_BYTES + KG_IPV4_BYTES;
	uint16_t flags = kg_load_be16(frame + KG_ETHER_BYTES + KG_IPV4_FRAGMENT_AT);
	uint16_t left = packet_bytes(frame) - KG_IPV4_BYTES;
	uint16_t most = (uint16_t)((mtu - KG_IPV4_BYTES) & ~7);

	while (left > 0) {
		uint16_t len = KG_MIN(left, most);
		uint8_t bytes[2048];
		uint8_t *ip = bytes + KG_ETHER_BYTES;

		left -= len;
		memcpy(bytes, frame, KG_ETHER_BYTES + KG_IPV4_BYTES);
		memcpy(ip + KG_IPV4_BYTES, payload, len);
		kg_store_be16(ip + KG_IPV4_LENGTH_AT, KG_IPV4_BYTES + len);
		kg_store_be16(ip + KG_IPV4_FRAGMENT_AT, left > 0 ? flags | MORE_FRAGMENTS : flags);
		packet_sum_ipv4(bytes);
		put_on(boxes, side, bytes, KG_ETHER_BYTES + KG_IPV4_BYTES + len);
		payload += len;
		flags += len / 8;
	}
}

void path_pass(struct boxes *boxes, int side, const uint8_t *frame, uint16_t len)
{
	const struct path *path = &boxes->scenario.paths[side];
	uint16_t mtu = width(boxes, path);
	bool fits = packet_bytes(frame) <= mtu;

	if (fits && (path->fragments || !packet_is_fragment(frame)))
		put_on(boxes, side, frame, len);
	else if (!fits && !packet_may_be_cut(frame) && path->honest)
		say_too_big(boxes, side, frame, mtu);
	else if (!fits && packet_may_be_cut(frame) && path->fragments)
		cut(boxes, side, frame, mtu);
}
