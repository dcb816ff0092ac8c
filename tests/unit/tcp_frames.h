/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP frames made by hand, whole with checksums, for tests that merge and cut them. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/frame.h"

#define TCP_FRAME_ROOM 9100
#define TCP_PSH        0x08
#define TCP_ACK        0x10

struct tcp_frame {
	size_t len, ip_bytes, options_bytes, payload_bytes;
	uint8_t bytes[TCP_FRAME_ROOM];
};

static inline uint8_t *tcp_of(struct tcp_frame *f)
{
	return f->bytes + KG_ETHER_BYTES + f->ip_bytes;
}

static inline uint8_t *tcp_payload(struct tcp_frame *f)
{
	return tcp_of(f) + 20 + f->options_bytes;
}

static inline size_t tcp_addresses(const struct tcp_frame *f)
{
	return KG_ETHER_BYTES + (f->ip_bytes == KG_IPV4_BYTES ? 12u : 8u);
}

static inline uint64_t tcp_pseudo(const struct tcp_frame *f)
{
	return kg_checksum_pseudo(f->bytes + tcp_addresses(f),
				  f->ip_bytes == KG_IPV4_BYTES ? 8 : 32, 6,
				  (uint32_t)(20 + f->options_bytes + f->payload_bytes));
}

/* After a header was changed on purpose. */
static inline void tcp_frame_sum(struct tcp_frame *f)
{
	uint8_t *ip = f->bytes + KG_ETHER_BYTES, *tcp = tcp_of(f);
	uint16_t sum;

	if (f->ip_bytes == KG_IPV4_BYTES) {
		memset(ip + 10, 0, 2);
		sum = (uint16_t)~kg_checksum_fold(kg_checksum_add(0, ip, KG_IPV4_BYTES));
		memcpy(ip + 10, &sum, 2);
	}
	memset(tcp + 16, 0, 2);
	sum = (uint16_t)~kg_checksum_fold(
		kg_checksum_add(tcp_pseudo(f), tcp, 20 + f->options_bytes + f->payload_bytes));
	memcpy(tcp + 16, &sum, 2);
}

static inline void tcp_frame_ip(struct tcp_frame *f, uint16_t id)
{
	uint8_t *ip = f->bytes + KG_ETHER_BYTES;
	size_t upper_bytes = 20 + f->options_bytes + f->payload_bytes;

	kg_store_be16(f->bytes + 12, f->ip_bytes == KG_IPV4_BYTES ? 0x0800 : 0x86dd);
	if (f->ip_bytes == KG_IPV4_BYTES) {
		ip[0] = 0x45;
		kg_store_be16(ip + 2, (uint16_t)(20 + upper_bytes));
		kg_store_be16(ip + 4, id);
		ip[6] = 0x40;
		ip[8] = 64;
		ip[9] = 6;
		memcpy(ip + 12, (uint8_t[]){ 198, 18, 0, 1, 198, 18, 0, 2 }, 8);
		return;
	}
	ip[0] = 0x60;
	kg_store_be16(ip + 4, (uint16_t)upper_bytes);
	ip[6] = 6;
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	ip[23] = 1;
	ip[39] = 2;
}

/* Of 3000 → 4000, with a timestamp option; the payload tells where in the stream it belongs. */
static inline void tcp_frame_make(struct tcp_frame *f, uint8_t version, uint16_t id, uint32_t seq,
				  size_t payload_bytes, uint8_t flags)
{
	static const uint8_t options[12] = { 1, 1, 8, 10, 0, 0, 1, 2, 0, 0, 3, 4 };
	uint8_t *tcp;

	memset(f, 0, sizeof(*f));
	f->ip_bytes = kg_ip_header_bytes(version);
	f->options_bytes = sizeof(options);
	f->payload_bytes = payload_bytes;
	f->len = KG_ETHER_BYTES + f->ip_bytes + 20 + sizeof(options) + payload_bytes;
	tcp_frame_ip(f, id);
	tcp = tcp_of(f);
	kg_store_be16(tcp, 3000);
	kg_store_be16(tcp + 2, 4000);
	kg_store_be32(tcp + 4, seq);
	kg_store_be32(tcp + 8, 77);
	tcp[12] = (20 + sizeof(options)) / 4 << 4;
	tcp[13] = flags;
	kg_store_be16(tcp + 14, 500);
	memcpy(tcp + 20, options, sizeof(options));
	for (size_t i = 0; i < payload_bytes; i++)
		tcp_payload(f)[i] = (uint8_t)((seq + i) * 2654435761u >> 24);
	tcp_frame_sum(f);
}
