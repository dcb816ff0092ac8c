/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each piece has the super-frame's headers, but for lengths, IPv4's id and checksum, TCP's sequence
 * number and flags. The pseudo-header's sum comes from the super-frame: only the length in it
 * differs, and so extension headers, which may hold another destination than the first header, are
 * not read.
 */
#include "net/split.h"

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/frame.h"
#include "net/proto.h"

static bool is_tag(uint16_t type)
{
	return type == KG_ETHERTYPE_VLAN || type == KG_ETHERTYPE_QINQ;
}

/* Where the IP header begins; 0 when there is none of its length. */
static uint16_t find_ip(const uint8_t *bytes, size_t len, size_t headers_end)
{
	size_t type_at = KG_ETHERTYPE_AT, ip_at;

	while (type_at + 2 <= len && is_tag(kg_load_be16(bytes + type_at)))
		type_at += KG_VLAN_BYTES;
	ip_at = type_at + 2;
	if (ip_at >= headers_end || headers_end > len)
		return 0;
	switch (kg_load_be16(bytes + type_at)) {
	case KG_ETHERTYPE_IPV4:
		return headers_end - ip_at >= KG_IPV4_BYTES &&
				       (bytes[ip_at] & 0xfu) * 4 == headers_end - ip_at
			       ? (uint16_t)ip_at
			       : 0;
	case KG_ETHERTYPE_IPV6:
		return headers_end - ip_at >= KG_IPV6_BYTES ? (uint16_t)ip_at : 0;
	}
	return 0;
}

/* Bytes of all headers, when TCP's or UDP's begins at sum_from, else 0. */
static size_t find_payload(const uint8_t *bytes, size_t len, const struct kg_offload *offload)
{
	const uint8_t *upper = bytes + offload->sum_from;
	bool tcp = offload->cut == KG_CUT_TCP;
	size_t least = offload->sum_from + (tcp ? KG_TCP_BYTES : KG_UDP_BYTES);
	size_t header_bytes;

	if (!offload->sum_left || least > len ||
	    offload->sum_at != (tcp ? KG_TCP_CSUM_AT : KG_UDP_CSUM_AT))
		return 0;
	header_bytes = tcp ? (upper[KG_TCP_OFFSET_AT] >> 4) * 4u : KG_UDP_BYTES;
	if (header_bytes < (tcp ? KG_TCP_BYTES : KG_UDP_BYTES))
		return 0;
	return offload->sum_from + header_bytes < len ? offload->sum_from + header_bytes : 0;
}

bool kg_split_begin(struct kg_split *split, const uint8_t *bytes, size_t len,
		    const struct kg_offload *offload)
{
	size_t headers_bytes;

	*split = (struct kg_split){ .bytes = bytes, .len = len, .offload = *offload };
	if (offload->cut == KG_CUT_NOTHING)
		return !offload->sum_left ||
		       (size_t)offload->sum_from + offload->sum_at + sizeof(uint16_t) <= len;
	headers_bytes = find_payload(bytes, len, offload);
	if (headers_bytes == 0 || offload->piece_bytes == 0)
		return false;
	split->ip_at = find_ip(bytes, len, offload->sum_from);
	split->headers_bytes = (uint16_t)headers_bytes;
	split->next = headers_bytes;
	return split->ip_at != 0;
}

static size_t payload_bytes(const struct kg_split *split)
{
	return KG_MIN(split->len - split->next, (size_t)split->offload.piece_bytes);
}

size_t kg_split_next_bytes(const struct kg_split *split)
{
	if (split->done)
		return 0;
	if (split->offload.cut == KG_CUT_NOTHING)
		return split->len;
	return split->headers_bytes + payload_bytes(split);
}

static void write_ip(const struct kg_split *split, uint8_t *ip, size_t packet_bytes)
{
	uint16_t id;

	if (ip[0] >> 4 == 6) {
		kg_store_be16(ip + KG_IPV6_LENGTH_AT, (uint16_t)(packet_bytes - KG_IPV6_BYTES));
		return;
	}
	id = (uint16_t)(kg_load_be16(ip + KG_IPV4_ID_AT) + split->pieces);
	kg_store_be16(ip + KG_IPV4_LENGTH_AT, (uint16_t)packet_bytes);
	kg_store_be16(ip + KG_IPV4_ID_AT, id);
	kg_checksum_fill_ipv4(ip, (ip[0] & 0xfu) * 4);
}

/* What ends a stream's part is said in its last piece, that the window was reduced in its first. */
static void write_tcp(const struct kg_split *split, uint8_t *tcp, bool last)
{
	size_t before = split->next - split->headers_bytes;

	kg_store_be32(tcp + KG_TCP_SEQ_AT, kg_load_be32(tcp + KG_TCP_SEQ_AT) + (uint32_t)before);
	if (!last)
		tcp[KG_TCP_FLAGS_AT] &= (uint8_t) ~(KG_TCP_FIN | KG_TCP_PSH);
	if (split->pieces > 0)
		tcp[KG_TCP_FLAGS_AT] &= (uint8_t)~KG_TCP_CWR;
}

/* In the pseudo-header's sum the piece's length takes the place of all pieces'. */
static void correct_pseudo(uint8_t *field, size_t all_bytes, size_t piece_bytes)
{
	uint16_t sum;

	memcpy(&sum, field, sizeof(sum));
	sum = kg_checksum_fold((uint64_t)sum + (uint16_t)~htobe16((uint16_t)all_bytes) +
			       htobe16((uint16_t)piece_bytes));
	kg_checksum_store(field, sum);
}

/* The payload's part of the sum is taken where it comes from, which is in the caches; the buffer
 * that it goes to may not be, and would be waited for. Headers have an even length. */
static void write_piece(const struct kg_split *split, uint8_t *out, size_t payload)
{
	const struct kg_offload *offload = &split->offload;
	uint8_t *upper = out + offload->sum_from;
	size_t header_bytes = split->headers_bytes - offload->sum_from;
	size_t upper_bytes = header_bytes + payload;
	uint64_t sum = kg_checksum_add(0, split->bytes + split->next, payload);

	memcpy(out, split->bytes, split->headers_bytes);
	memcpy(out + split->headers_bytes, split->bytes + split->next, payload);
	write_ip(split, out + split->ip_at, offload->sum_from - split->ip_at + upper_bytes);
	if (offload->cut == KG_CUT_TCP)
		write_tcp(split, upper, split->next + payload == split->len);
	else
		kg_store_be16(upper + KG_UDP_LENGTH_AT, (uint16_t)upper_bytes);
	correct_pseudo(upper + offload->sum_at, split->len - offload->sum_from, upper_bytes);
	kg_checksum_fill(upper, header_bytes, offload->sum_at, sum);
}

static void write_whole(const struct kg_split *split, uint8_t *out)
{
	const struct kg_offload *offload = &split->offload;

	memcpy(out, split->bytes, split->len);
	if (offload->sum_left)
		kg_checksum_fill(out + offload->sum_from, split->len - offload->sum_from,
				 offload->sum_at, 0);
}

void kg_split_next(struct kg_split *split, uint8_t *out)
{
	size_t payload;

	if (split->offload.cut == KG_CUT_NOTHING) {
		if (out != NULL)
			write_whole(split, out);
		split->done = true;
		return;
	}
	payload = payload_bytes(split);
	if (out != NULL)
		write_piece(split, out, payload);
	split->next += payload;
	split->pieces++;
	split->done = split->next == split->len;
}
