/* SPDX-License-Identifier: BSD-3-Clause */
/* Which TCP frames continue each other, and the headers that stand for all of them. */
#include "net/merge.h"

#include "net/super.h"

/* RFC 7323 appendix A: a timestamp alone, behind two NOPs. */
#define TIMESTAMP       0x0101080au
#define TIMESTAMP_BYTES 12

static bool is_ipv4(const struct kg_merge_frame *frame)
{
	return frame->tcp_at == KG_ETHER_BYTES + KG_IPV4_BYTES;
}

static const uint8_t *addresses(const struct kg_merge_frame *frame)
{
	return frame->bytes + KG_ETHER_BYTES +
	       (is_ipv4(frame) ? KG_IPV4_ADDRESSES_AT : KG_IPV6_ADDRESSES_AT);
}

static size_t addresses_bytes(const struct kg_merge_frame *frame)
{
	return is_ipv4(frame) ? 8 : 32;
}

/* ---- a frame alone ---- */

/* The IP packet's length when TCP begins right behind a sound header, else 0. */
static size_t look4(const uint8_t *ip, size_t len)
{
	size_t total_bytes;

	if (len < KG_IPV4_BYTES || ip[0] != 0x45 || ip[KG_IPV4_PROTOCOL_AT] != KG_PROTO_TCP)
		return 0;
	total_bytes = kg_load_be16(ip + KG_IPV4_LENGTH_AT);
	if (total_bytes > len || total_bytes < KG_IPV4_BYTES + KG_TCP_BYTES ||
	    (kg_load_be16(ip + KG_IPV4_FRAGMENT_AT) & ~KG_IPV4_DONT_FRAGMENT) != 0 ||
	    kg_checksum_fold(kg_checksum_add_words(0, ip, KG_IPV4_BYTES)) != UINT16_MAX)
		return 0;
	return total_bytes;
}

static size_t look6(const uint8_t *ip, size_t len)
{
	size_t upper_bytes;

	if (len < KG_IPV6_BYTES || ip[0] >> 4 != 6 || ip[KG_IPV6_NEXT_HEADER_AT] != KG_PROTO_TCP)
		return 0;
	upper_bytes = kg_load_be16(ip + KG_IPV6_LENGTH_AT);
	if (upper_bytes > len - KG_IPV6_BYTES || upper_bytes < KG_TCP_BYTES ||
	    upper_bytes > KG_IP_PACKET_MAX - KG_IPV6_BYTES)
		return 0;
	return KG_IPV6_BYTES + upper_bytes;
}

static bool sum_is_good(const struct kg_merge_frame *frame, size_t tcp_bytes)
{
	const uint8_t *tcp = frame->bytes + frame->tcp_at;
	uint64_t pseudo = kg_checksum_pseudo(addresses(frame), addresses_bytes(frame), KG_PROTO_TCP,
					     (uint32_t)tcp_bytes);

	return kg_checksum_is_good(tcp, tcp_bytes, KG_TCP_CSUM_AT, pseudo);
}

/* A flag beside ACK and PSH, a reserved bit that is set, a pointer to urgent data: each is for
 * Linux. */
static bool is_plain(const uint8_t *tcp)
{
	return (tcp[KG_TCP_OFFSET_AT] & 0x0f) == 0 &&
	       (tcp[KG_TCP_FLAGS_AT] & ~KG_TCP_PSH) == KG_TCP_ACK &&
	       kg_load_be16(tcp + KG_TCP_URGENT_AT) == 0;
}

/* It has no other option than a timestamp, and does not push. */
static bool is_ack_alone(const uint8_t *tcp, size_t header_bytes)
{
	return tcp[KG_TCP_FLAGS_AT] == KG_TCP_ACK &&
	       (header_bytes == KG_TCP_BYTES || (header_bytes == KG_TCP_BYTES + TIMESTAMP_BYTES &&
						 kg_load_be32(tcp + KG_TCP_BYTES) == TIMESTAMP));
}

static void look_at_tcp(struct kg_merge_frame *frame, size_t tcp_bytes, bool sum_good)
{
	const uint8_t *tcp = frame->bytes + frame->tcp_at;
	size_t header_bytes = (tcp[KG_TCP_OFFSET_AT] >> 4) * 4u;

	frame->kind = KG_MERGE_ALONE;
	if (header_bytes < KG_TCP_BYTES || header_bytes > tcp_bytes || !is_plain(tcp) ||
	    (header_bytes == tcp_bytes && !is_ack_alone(tcp, header_bytes)) ||
	    !(sum_good || sum_is_good(frame, tcp_bytes)))
		return;
	frame->kind = header_bytes < tcp_bytes ? KG_MERGE_PART : KG_MERGE_ACK;
	frame->payload_at = (uint16_t)(frame->tcp_at + header_bytes);
	frame->payload_bytes = (uint16_t)(tcp_bytes - header_bytes);
	frame->last = (tcp[KG_TCP_FLAGS_AT] & KG_TCP_PSH) != 0;
}

void kg_merge_look(struct kg_merge_frame *frame, const uint8_t *bytes, size_t len, bool sum_good)
{
	uint16_t type = len < KG_ETHER_BYTES ? 0 : kg_load_be16(bytes + KG_ETHERTYPE_AT);
	uint16_t ip_header = type == KG_ETHERTYPE_IPV4 ? KG_IPV4_BYTES : KG_IPV6_BYTES;
	const uint8_t *ip = bytes + KG_ETHER_BYTES;
	size_t packet_bytes = 0;

	*frame = (struct kg_merge_frame){ .bytes = bytes, .kind = KG_MERGE_FOREIGN };
	if (type == KG_ETHERTYPE_IPV4)
		packet_bytes = look4(ip, len - KG_ETHER_BYTES);
	else if (type == KG_ETHERTYPE_IPV6)
		packet_bytes = look6(ip, len - KG_ETHER_BYTES);
	if (packet_bytes == 0)
		return;
	if (type == KG_ETHERTYPE_IPV4)
		frame->ip_id = kg_load_be16(ip + KG_IPV4_ID_AT);
	frame->tcp_at = KG_ETHER_BYTES + ip_header;
	look_at_tcp(frame, packet_bytes - ip_header, sum_good);
}

/* Both versions have the ports right behind the addresses. */
bool kg_merge_same_flow(const struct kg_merge_frame *a, const struct kg_merge_frame *b)
{
	return a->tcp_at == b->tcp_at &&
	       memcmp(addresses(a), addresses(b), addresses_bytes(a) + KG_TCP_PORTS_BYTES) == 0;
}

/* ---- several ---- */

static bool equal(const struct kg_merge_frame *a, const struct kg_merge_frame *b, size_t from,
		  size_t to)
{
	return kg_super_equal(a->bytes, b->bytes, from, to);
}

/* A datagram that may not be cut needs no id (RFC 6864 §4.1); else ids count, as they will again.
 */
static bool ids_fit(const struct kg_merge *merge, const struct kg_merge_frame *part)
{
	uint16_t piece = kg_load_be16(part->bytes + KG_ETHER_BYTES + KG_IPV4_FRAGMENT_AT);

	return (piece & KG_IPV4_DONT_FRAGMENT) != 0 || part->ip_id == (uint16_t)(merge->ip_id + 1);
}

static bool ip_headers_fit(const struct kg_merge *merge, const struct kg_merge_frame *part)
{
	return kg_super_alike(merge->first.bytes, part->bytes) &&
	       (!is_ipv4(part) || ids_fit(merge, part));
}

/* Ports, acknowledgement, window, options. */
static bool tcp_headers_fit(const struct kg_merge *merge, const struct kg_merge_frame *part)
{
	const struct kg_merge_frame *first = &merge->first;
	const size_t tcp = first->tcp_at;

	return first->payload_at == part->payload_at &&
	       equal(first, part, tcp, tcp + KG_TCP_SEQ_AT) &&
	       equal(first, part, tcp + KG_TCP_ACK_AT, tcp + KG_TCP_FLAGS_AT) &&
	       equal(first, part, tcp + KG_TCP_WINDOW_AT, tcp + KG_TCP_CSUM_AT) &&
	       equal(first, part, tcp + KG_TCP_BYTES, first->payload_at);
}

static uint32_t seq_of(const struct kg_merge_frame *part)
{
	return kg_load_be32(part->bytes + part->tcp_at + KG_TCP_SEQ_AT);
}

/* How far b is ahead of a, of numbers that go through zero. */
static int32_t ahead(const struct kg_merge_frame *b, const struct kg_merge_frame *a, size_t at)
{
	return (int32_t)(kg_load_be32(b->bytes + at) - kg_load_be32(a->bytes + at));
}

bool kg_merge_outdates(const struct kg_merge_frame *later, const struct kg_merge_frame *earlier)
{
	const size_t tcp = earlier->tcp_at, stamp = tcp + KG_TCP_BYTES + sizeof(uint32_t);

	return later->kind == KG_MERGE_ACK && earlier->kind == KG_MERGE_ACK &&
	       later->payload_at == earlier->payload_at &&
	       kg_super_alike(later->bytes, earlier->bytes) &&
	       equal(later, earlier, tcp, tcp + KG_TCP_ACK_AT) &&
	       ahead(later, earlier, tcp + KG_TCP_ACK_AT) > 0 &&
	       (stamp > earlier->payload_at || ahead(later, earlier, stamp) >= 0);
}

static void take_part(struct kg_merge *merge, const struct kg_merge_frame *part)
{
	merge->frames++;
	merge->payload_bytes += part->payload_bytes;
	merge->next_seq = seq_of(part) + part->payload_bytes;
	merge->ip_id = part->ip_id;
	merge->push = part->last;
	merge->complete = part->last || part->payload_bytes < merge->first.payload_bytes;
}

void kg_merge_begin(struct kg_merge *merge, const struct kg_merge_frame *part)
{
	*merge = (struct kg_merge){ .first = *part };
	take_part(merge, part);
}

bool kg_merge_add(struct kg_merge *merge, const struct kg_merge_frame *part)
{
	const struct kg_merge_frame *first = &merge->first;
	size_t packet_bytes = (size_t)first->payload_at - KG_ETHER_BYTES + merge->payload_bytes;

	if (merge->complete || part->payload_bytes > first->payload_bytes ||
	    packet_bytes + part->payload_bytes > KG_IP_PACKET_MAX ||
	    seq_of(part) != merge->next_seq || first->tcp_at != part->tcp_at ||
	    !ip_headers_fit(merge, part) || !tcp_headers_fit(merge, part))
		return false;
	take_part(merge, part);
	return true;
}

void kg_merge_end(const struct kg_merge *merge, uint8_t *bytes, struct kg_offload *offload)
{
	const struct kg_merge_frame *first = &merge->first;
	size_t tcp_bytes = (size_t)first->payload_at - first->tcp_at + merge->payload_bytes;
	uint8_t *tcp = bytes + first->tcp_at;
	uint64_t pseudo;

	*offload = (struct kg_offload){ .cut = KG_CUT_NOTHING };
	if (merge->frames < 2)
		return;
	if (merge->push)
		tcp[KG_TCP_FLAGS_AT] |= KG_TCP_PSH;
	pseudo = kg_super_write_ip(bytes + KG_ETHER_BYTES, KG_PROTO_TCP, (uint32_t)tcp_bytes);
	kg_checksum_store(tcp + KG_TCP_CSUM_AT, kg_checksum_fold(pseudo));
	*offload = (struct kg_offload){ .cut = KG_CUT_TCP,
					.piece_bytes = first->payload_bytes,
					.headers_bytes = first->payload_at,
					.sum_left = true,
					.sum_from = first->tcp_at,
					.sum_at = KG_TCP_CSUM_AT };
}
