/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A NAT in front of the client that forgets now and then: from one moment on the client's ports
 * look different. What goes to a port of before is dropped without a word, or, where that port was
 * idle, comes to who has got it meanwhile: the client's neighbour, or another port of its own.
 */
#include "boxes/boxes.h"
#include "boxes/packet.h"

#include <string.h>

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/proto.h"

#define SOURCE_AT      0
#define DESTINATION_AT 2
#define OUTSIDE_FIRST  1024u
#define IDLE_US        KG_US_PER_S

/* RFC 1624: what is covered changes by so much. */
static void replace_port(uint8_t *udp, size_t at, uint16_t port)
{
	uint32_t sum = (uint16_t)~kg_load_be16(udp + KG_UDP_CSUM_AT);

	sum += (uint16_t)~kg_load_be16(udp + at) + (uint32_t)port;
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	if (kg_load_be16(udp + KG_UDP_CSUM_AT) != 0)
		kg_store_be16(udp + KG_UDP_CSUM_AT, (uint16_t)~sum);
	kg_store_be16(udp + at, port);
}

static unsigned int times(const struct boxes *boxes)
{
	unsigned int n = 0;

	for (size_t i = 0; i < KG_ARRAY_SIZE(boxes->scenario.nat_forgets_us); i++)
		n += boxes->scenario.nat_forgets_us[i] <= boxes->now_us;
	return n;
}

static void forget(struct nat *nat)
{
	nat->free_count = 0;
	for (uint32_t outside = OUTSIDE_FIRST; outside < KG_ARRAY_SIZE(nat->inside_of); outside++) {
		if (nat->inside_of[outside] != 0)
			nat->free[nat->free_count++] = (uint16_t)outside;
	}
	memcpy(nat->before, nat->outside_of, sizeof(nat->before));
	memset(nat->outside_of, 0, sizeof(nat->outside_of));
	memset(nat->inside_of, 0, sizeof(nat->inside_of));
}

static void keep_up(struct boxes *boxes)
{
	if (boxes->nat.times == times(boxes))
		return;
	boxes->nat.times = times(boxes);
	forget(&boxes->nat);
}

/* That another one had, and has not used for a while. */
static bool is_for(const struct boxes *boxes, uint16_t outside, uint16_t inside)
{
	return outside != boxes->nat.before[inside] &&
	       boxes->now_us - boxes->nat.used_us[outside] > IDLE_US;
}

static uint16_t draw_outside(struct boxes *boxes, uint16_t inside)
{
	struct nat *nat = &boxes->nat;

	for (uint32_t i = 0; i < nat->free_count; i++) {
		uint16_t outside = nat->free[i];

		if (!is_for(boxes, outside, inside))
			continue;
		nat->free[i] = nat->free[--nat->free_count];
		return outside;
	}
	return (uint16_t)(OUTSIDE_FIRST + nat->next++);
}

static void map(struct boxes *boxes, uint16_t inside)
{
	struct nat *nat = &boxes->nat;

	if (nat->outside_of[inside] != 0)
		return;
	nat->outside_of[inside] = draw_outside(boxes, inside);
	nat->inside_of[nat->outside_of[inside]] = inside;
}

void nat_out(struct boxes *boxes, uint8_t *frame, uint16_t len)
{
	uint8_t *udp = packet_udp(frame, len);
	uint16_t port;

	if (!nat_is_there(boxes) || udp == NULL)
		return;
	keep_up(boxes);
	port = kg_load_be16(udp + SOURCE_AT);
	map(boxes, port);
	boxes->nat.used_us[boxes->nat.outside_of[port]] = boxes->now_us;
	replace_port(udp, SOURCE_AT, boxes->nat.outside_of[port]);
}

/* A router's word is about a packet that left as it looks outside. */
static void translate_quoted(const struct nat *nat, uint8_t *frame, uint16_t len)
{
	uint8_t *quoted = packet_quoted(frame, len);
	uint8_t *udp = quoted != NULL ? packet_udp(quoted, (size_t)(frame + len - quoted)) : NULL;

	if (udp != NULL)
		kg_store_be16(udp + SOURCE_AT, nat->inside_of[kg_load_be16(udp + SOURCE_AT)]);
}

bool nat_in(struct boxes *boxes, uint8_t *frame, uint16_t len)
{
	uint8_t *udp = packet_udp(frame, len);
	uint16_t inside;

	if (!nat_is_there(boxes))
		return true;
	keep_up(boxes);
	if (udp == NULL) {
		translate_quoted(&boxes->nat, frame, len);
		return true;
	}
	inside = boxes->nat.inside_of[kg_load_be16(udp + DESTINATION_AT)];
	if (inside != 0)
		replace_port(udp, DESTINATION_AT, inside);
	return inside != 0;
}
