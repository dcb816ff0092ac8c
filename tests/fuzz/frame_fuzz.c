/* SPDX-License-Identifier: BSD-3-Clause */
/* First byte: what the NIC has checked, and the port's VLAN id in the upper bits. Then a frame. */
#include <string.h>

#include "fuzz.h"
#include "net/errand.h"
#include "net/frame.h"

/* A datagram that was understood is understood the same when it is built anew. */
static void fuzz_rebuild(const struct kg_frame *frame, const uint8_t *data)
{
	static const struct kg_mac source = { { 2, 0, 0, 0, 0, 1 } };
	static const struct kg_mac next_hop = { { 2, 0, 0, 0, 0, 2 } };
	struct kg_frame again;
	struct kg_l2 l2;
	size_t header_bytes;
	uint8_t *out;

	kg_l2_init(&l2, &source, &next_hop, frame->vlan);
	header_bytes = kg_frame_header_bytes(&l2, frame->source.ip.version);
	out = malloc(header_bytes + frame->payload_bytes);
	if (!out)
		return;
	memcpy(out + header_bytes, data + frame->payload_offset, frame->payload_bytes);
	FUZZ_CHECK(kg_frame_build(out, &l2, &frame->source, &frame->destination,
				  frame->payload_bytes, 0, KG_FRAME_CSUM_SOFTWARE) == header_bytes);
	kg_frame_parse(&again, out, header_bytes + frame->payload_bytes, frame->vlan, 0);
	FUZZ_CHECK(again.kind == KG_FRAME_UDP && again.payload_bytes == frame->payload_bytes);
	FUZZ_CHECK(again.vlan == frame->vlan && again.payload_offset == header_bytes);
	FUZZ_CHECK(kg_endpoint_equal(&again.source, &frame->source));
	FUZZ_CHECK(kg_endpoint_equal(&again.destination, &frame->destination));
	free(out);
}

static void fuzz_parse(const uint8_t *data, size_t len, uint16_t vlan, unsigned int trust)
{
	struct kg_frame frame;
	struct kg_tuple ends;

	kg_frame_parse(&frame, data, len, vlan, trust);
	kg_frame_ends(data, len, &ends);
	FUZZ_CHECK(frame.kind != KG_FRAME_UDP ||
		   (kg_endpoint_equal(&ends.remote, &frame.source) &&
		    kg_endpoint_equal(&ends.local, &frame.destination)));
	FUZZ_CHECK((frame.kind == KG_FRAME_BAD) == (frame.drop != KG_DROP_NONE));
	FUZZ_CHECK(frame.kind == KG_FRAME_BAD || frame.vlan == vlan);
	FUZZ_CHECK(frame.kind == KG_FRAME_BAD || frame.l2_bytes <= len);
	if (frame.kind != KG_FRAME_UDP)
		return;
	FUZZ_CHECK(frame.payload_offset == frame.l2_bytes + frame.l3_bytes + KG_UDP_BYTES);
	FUZZ_CHECK(frame.payload_offset + (size_t)frame.payload_bytes <= len);
	if (frame.payload_bytes <= UINT16_MAX - KG_IPV4_BYTES - KG_UDP_BYTES)
		fuzz_rebuild(&frame, data);
}

/* Completing checksums changes no more than one field, and nothing the second time. */
static void fuzz_complete(const uint8_t *data, size_t len)
{
	uint8_t *once = malloc(len), *twice = malloc(len);
	size_t first = 0, last = len;

	if (once && twice) {
		memcpy(once, data, len);
		kg_frame_complete_checksum(once, len);
		while (first < len && once[first] == data[first])
			first++;
		while (last > first && once[last - 1] == data[last - 1])
			last--;
		FUZZ_CHECK(last - first <= 2);
		memcpy(twice, once, len);
		kg_frame_complete_checksum(twice, len);
		FUZZ_CHECK(memcmp(once, twice, len) == 0);
	}
	free(once);
	free(twice);
}

/* What an error quotes lies behind two IP headers. */
static void fuzz_errand(const uint8_t *data, size_t len)
{
	struct kg_endpoint about;

	FUZZ_CHECK(kg_errand_of(data, len, KG_ETHER_BYTES) <= KG_ERRAND_NEIGHBOUR);
	if (kg_errand_complains(data, len, &about))
		FUZZ_CHECK(len >= KG_ETHER_BYTES + 2 * KG_IPV4_BYTES &&
			   (about.ip.version == 4 || about.ip.version == 6));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 2)
		return 0;
	fuzz_parse(data + 1, len - 1, data[0] >> 2, data[0] & 3);
	fuzz_complete(data + 1, len - 1);
	fuzz_errand(data + 1, len - 1);
	return 0;
}
