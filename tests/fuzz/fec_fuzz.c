/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A decoder under a hostile peer, and an encoder beside it. First bytes: data - 1, parity - 1
 * (three bits each), whether the peer is trusted. Then operations:
 *
 *   0  len:2 bytes…                   a body as it stands
 *   1  sn:1 sub:1 len:2 bytes…        a shard of our conv, its group near the latest
 *   2  len:2 bytes… lost:1            our encoder sends a datagram; it and what it brings about
 *                                     arrive, but for the bits of `lost`
 *   3  t:2                            time passes, in quarter milliseconds
 */
#include <string.h>

#include "base/bytes.h"
#include "fec/fec.h"
#include "fec/rs_isal.h"
#include "fuzz.h"
#include "kcp/kcp_segment.h"
#include "session/session.h"

#define CONV            0x11223344u
#define BODY_MAX        2048
#define DATAGRAM_MAX    2000
#define STATE_BYTES_MAX (2u << 20) /* ring and code of the largest numbers here */

struct run {
	struct kg_mem mem;
	struct kg_fec *fec;
	struct kg_fec_encoder *encoder;
	struct kg_fec_decoder *decoder;
	uint32_t sn;
	uint64_t now_us;
	struct fuzz_input in;
};

static size_t take_bytes(struct run *run, uint8_t *to, size_t max)
{
	size_t len = fuzz_take(&run->in, 2);

	return fuzz_take_bytes(&run->in, to, KG_MIN(len, max));
}

/* All that comes out is whole segments of our conv; what was not recovered may go on with something
 * shorter. */
static void check_segments(const uint8_t *datagram, size_t len, bool recovered)
{
	while (recovered ? len > 0 : len >= KG_KCP_HEADER_BYTES) {
		struct kg_kcp_segment seg;
		size_t bytes = kg_kcp_segment_decode(datagram, len, &seg);

		FUZZ_CHECK(bytes > 0 && seg.conv == CONV);
		datagram += bytes;
		len -= bytes;
	}
}

static void input(struct run *run, const uint8_t *body, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	const uint8_t *datagram;
	uint16_t datagram_len;
	enum kg_drop drop;

	memcpy(copy, body, len);
	drop = kg_fec_decoder_input(run->decoder, copy, len);
	FUZZ_CHECK(drop == KG_DROP_NONE || drop == KG_DROP_FEC_MALFORMED ||
		   drop == KG_DROP_KCP_MALFORMED);
	while (kg_fec_decoder_output(run->decoder, &datagram, &datagram_len)) {
		FUZZ_CHECK(drop == KG_DROP_NONE && datagram_len >= KG_KCP_HEADER_BYTES);
		check_segments(datagram, datagram_len, datagram != copy + KG_FEC_HEADER_BYTES);
	}
	free(copy);
	FUZZ_CHECK(run->mem.in_use_bytes < STATE_BYTES_MAX);
}

static void input_shard(struct run *run)
{
	uint8_t body[BODY_MAX] = { 0 };

	run->sn += (uint32_t)(int8_t)fuzz_take(&run->in, 1);
	kg_fec_header_encode(body, run->sn, (uint8_t)fuzz_take(&run->in, 1));
	size_t len = take_bytes(run, body + KG_FEC_HEADER_BYTES, BODY_MAX - KG_FEC_HEADER_BYTES);

	/* the same from either end */
	if (len >= sizeof(uint32_t))
		kg_store_le32(body + KG_FEC_HEADER_BYTES, CONV);
	input(run, body, KG_FEC_HEADER_BYTES + len);
	if (len >= sizeof(uint32_t))
		kg_store_be32(body + KG_FEC_HEADER_BYTES, CONV);
	input(run, body, KG_FEC_HEADER_BYTES + len);
}

static void send_datagram(struct run *run)
{
	uint8_t body[BODY_MAX] = { 0 };
	size_t len = take_bytes(run, body + KG_FEC_HEADER_BYTES, DATAGRAM_MAX);
	uint32_t lost = fuzz_take(&run->in, 1);

	len = KG_MAX(len, (size_t)KG_KCP_HEADER_BYTES);
	kg_store_le32(body + KG_FEC_HEADER_BYTES, CONV);
	len = kg_fec_encode(run->encoder, body, (uint16_t)len, run->now_us);
	do {
		FUZZ_CHECK(len <= DATAGRAM_MAX + KG_FEC_OVERHEAD_BYTES);
		if (!(lost & 1))
			input(run, body, len);
		lost >>= 1;
		len = kg_fec_encoder_output(run->encoder, body, run->now_us);
	} while (len > 0);
	FUZZ_CHECK(kg_fec_encoder_deadline_us(run->encoder) > run->now_us);
}

static void step(struct run *run)
{
	uint8_t body[BODY_MAX];

	switch (fuzz_take(&run->in, 1) % 4) {
	case 0:
		input(run, body, take_bytes(run, body, sizeof(body)));
		break;
	case 1:
		input_shard(run);
		break;
	case 2:
		send_datagram(run);
		break;
	default:
		run->now_us += fuzz_take(&run->in, 2) * (KG_US_PER_MS / 4);
		while (kg_fec_encoder_output(run->encoder, body, run->now_us) > 0)
			;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct run run = { .in = { data, len } };
	uint32_t numbers = fuzz_take(&run.in, 1);

	kg_mem_malloc_init(&run.mem);
	run.fec = kg_fec_create((numbers & 7) + 1, (numbers >> 3 & 7) + 1, &kg_rs_isal,
				&kg_session_fec_content, &run.mem);
	run.encoder = kg_fec_encoder_create(run.fec, CONV, 0);
	run.decoder = kg_fec_decoder_create(run.fec, CONV);
	if (numbers & 0x40)
		kg_fec_decoder_trust(run.decoder);
	while (run.in.len > 0)
		step(&run);
	kg_fec_encoder_destroy(run.encoder);
	kg_fec_decoder_destroy(run.decoder);
	kg_fec_destroy(run.fec);
	FUZZ_CHECK(run.mem.in_use_bytes == 0);
	return 0;
}
