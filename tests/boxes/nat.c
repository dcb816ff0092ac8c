/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A NAT in front of the client that forgets now and then: from one moment on the client's ports
 * look different, and what goes to those of before is dropped. It says nothing.
 */
#include "boxes/boxes.h"
#include "boxes/packet.h"

#include <string.h>

#include "base/bytes.h"
#include "net/proto.h"

#define PORT_FIRST 1024u
#define PORTS      (65536u - PORT_FIRST)
#define STEP       4099u /* to the ports after the next time */

static uint32_t shift(const struct boxes *boxes)
{
	uint32_t steps = 0;

	for (size_t i = 0; i < KG_ARRAY_SIZE(boxes->scenario.nat_forgets_us); i++)
		steps += boxes->scenario.nat_forgets_us[i] <= boxes->now_us;
	return steps * STEP;
}

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

static void translate(uint8_t *frame, uint16_t len, size_t at, uint32_t by)
{
	uint8_t *udp = packet_udp(frame, len);

	if (udp == NULL || kg_load_be16(udp + at) < PORT_FIRST)
		return;
	replace_port(udp, at,
		     (uint16_t)(PORT_FIRST + (kg_load_be16(udp + at) - PORT_FIRST + by) % PORTS));
}

static bool is_there(const struct boxes *boxes)
{
	return boxes->scenario.nat_forgets_us[0] != KG_NEVER_US;
}

/* 0: not UDP. */
static uint16_t port_at(uint8_t *frame, uint16_t len, size_t at)
{
	const uint8_t *udp = packet_udp(frame, len);

	return udp != NULL ? kg_load_be16(udp + at) : 0;
}

void nat_out(struct boxes *boxes, uint8_t *frame, uint16_t len)
{
	uint16_t port = port_at(frame, len, 0);

	if (boxes->nat_shift != shift(boxes))
		memset(boxes->nat_open, 0, sizeof(boxes->nat_open));
	boxes->nat_shift = shift(boxes);
	boxes->nat_open[port / 8] |= (uint8_t)(1u << port % 8);
	translate(frame, len, 0, boxes->nat_shift);
}

bool nat_in(const struct boxes *boxes, uint8_t *frame, uint16_t len)
{
	uint16_t port;

	translate(frame, len, 2, PORTS - shift(boxes) % PORTS);
	port = port_at(frame, len, 2);
	return !is_there(boxes) || port == 0 ||
	       (boxes->nat_shift == shift(boxes) &&
		(boxes->nat_open[port / 8] & 1u << port % 8) != 0);
}
