/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A conversation under a hostile peer. First byte: parameters. Then operations:
 *
 *   0  len:2 bytes…                             a datagram as it stands; conv is put right
 *   1  n:1 { cmd:1 frg:1 wnd:2 ts:2 sn:2 una:2 len:1 }…   segments; ts, sn and una relative to
 *      what the engine is waiting for, so that mutations get past the checks
 *   2  t:2       time passes, in quarter milliseconds
 *   3  len:2     the application sends
 *   4            it reads all
 *   5            what is due goes out
 *   6  snd:2 rcv:2   windows
 *   7  share:1   memory pressure
 */
#include <string.h>

#include "fuzz.h"
#include "kcp/internal.h"
#include "kcp/kcp_segment.h"

#define CONV            0x11223344u
#define BUFFERS_MAX     20000
#define STATE_BYTES_MAX (4u << 20)

struct run {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_kcp *kcp;
	uint64_t now_us;
	struct fuzz_input in;
};

/* But for the gap between 32 and 64 bits. */
static bool same_stats(const struct kg_kcp_stats *a, const struct kg_kcp_stats *b)
{
	size_t gap = offsetof(struct kg_kcp_stats, readable) + sizeof(a->readable);
	size_t rest = offsetof(struct kg_kcp_stats, sent);

	return memcmp(a, b, gap) == 0 &&
	       memcmp((const char *)a + rest, (const char *)b + rest, sizeof(*a) - rest) == 0;
}

/* Nothing is held that nobody asked for, and a refused datagram leaves no trace. */
static void input(struct run *run, const uint8_t *data, size_t len)
{
	struct kg_kcp_stats before, after;
	size_t buffers = run->pool.in_use;
	unsigned int events = ~0u;
	enum kg_drop drop;

	kg_kcp_get_stats(run->kcp, &before);
	drop = kg_kcp_input(run->kcp, data, len, run->now_us, &events);
	kg_kcp_get_stats(run->kcp, &after);
	if (drop != KG_DROP_NONE) {
		FUZZ_CHECK(drop == KG_DROP_KCP_MALFORMED && events == 0);
		FUZZ_CHECK(same_stats(&before, &after));
		FUZZ_CHECK(buffers == run->pool.in_use);
	}
	FUZZ_CHECK(after.held + after.readable + after.in_flight + after.queued ==
		   run->pool.in_use);
	FUZZ_CHECK(((events & KG_KCP_ACKED) != 0) == (kg_kcp_take_acked(run->kcp) > 0));
	FUZZ_CHECK(((events & KG_KCP_READABLE) != 0) ==
		   (drop == KG_DROP_NONE && run->kcp->recv.messages > 0));
	FUZZ_CHECK(run->mem.in_use_bytes < STATE_BYTES_MAX);
	FUZZ_CHECK(after.srtt_us <= KG_KCP_RTO_MAX_US && after.rto_us <= KG_KCP_RTO_MAX_US);
}

static void raw_datagram(struct run *run)
{
	uint8_t bytes[KG_KCP_MTU_MAX];
	size_t len = fuzz_take(&run->in, 2) % sizeof(bytes);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)fuzz_take(&run->in, 1);
	if (len >= sizeof(uint32_t))
		kg_store_le32(bytes, CONV);
	input(run, bytes, len);
}

static void near_segments(struct run *run)
{
	static const uint8_t payload[UINT8_MAX];
	uint8_t bytes[16 * (KG_KCP_HEADER_BYTES + UINT8_MAX)];
	uint32_t n = fuzz_take(&run->in, 1) % 16;
	size_t len = 0;

	while (n-- > 0) {
		struct kg_kcp_segment seg = { .conv = CONV,
					      .cmd = (uint8_t)fuzz_take(&run->in, 1) };
		bool ack = seg.cmd == KG_KCP_ACK;

		seg.frg = (uint8_t)fuzz_take(&run->in, 1);
		seg.wnd = (uint16_t)fuzz_take(&run->in, 2);
		seg.ts = kg_kcp_ts(run->kcp, run->now_us) - fuzz_take(&run->in, 2);
		seg.sn = (ack ? run->kcp->flight.una : run->kcp->recv.nxt) +
			 (int16_t)fuzz_take(&run->in, 2);
		seg.una = run->kcp->flight.una + (int16_t)fuzz_take(&run->in, 2);
		seg.len = fuzz_take(&run->in, 1);
		kg_kcp_segment_encode(bytes + len, &seg);
		memcpy(bytes + len + KG_KCP_HEADER_BYTES, payload, seg.len);
		len += KG_KCP_HEADER_BYTES + seg.len;
	}
	input(run, bytes, len);
}

static void send_message(struct run *run)
{
	static const uint8_t bytes[UINT16_MAX];
	uint16_t mss = kg_kcp_mss(run->kcp);
	struct kg_buf *chain =
		kg_buf_chain_copy(&run->pool.pool, bytes, fuzz_take(&run->in, 2) % 4000, mss, mss);

	if (chain != NULL && !kg_kcp_send(run->kcp, chain, run->now_us))
		kg_buf_free_chain(chain);
}

static void read_all(struct run *run)
{
	struct kg_buf *chain;

	while ((chain = kg_kcp_recv(run->kcp)) != NULL)
		kg_buf_free_chain(chain);
	FUZZ_CHECK(run->kcp->recv.messages == 0);
}

/* Whatever goes out is a valid chain of segments; when nothing more does, nothing more is due. */
static void output_all(struct run *run)
{
	uint8_t out[KG_KCP_MTU_MAX];
	struct kg_kcp_segment seg;
	uint16_t len;

	while ((len = kg_kcp_output(run->kcp, run->now_us, out)) > 0) {
		FUZZ_CHECK(len <= run->kcp->params.mtu);
		for (size_t at = 0; at < len; at += KG_KCP_HEADER_BYTES + seg.len) {
			FUZZ_CHECK(kg_kcp_segment_decode(out + at, len - at, &seg) > 0);
			FUZZ_CHECK(seg.conv == CONV && seg.una == run->kcp->recv.nxt);
		}
	}
	FUZZ_CHECK(kg_kcp_deadline_us(run->kcp) > run->now_us);
}

static void step(struct run *run)
{
	uint32_t op = fuzz_take(&run->in, 1) % 8, snd_wnd;

	if (op == 0)
		raw_datagram(run);
	else if (op == 1)
		near_segments(run);
	else if (op == 2)
		run->now_us += fuzz_take(&run->in, 2) * UINT64_C(250);
	else if (op == 3)
		send_message(run);
	else if (op == 4)
		read_all(run);
	else if (op == 5)
		output_all(run);
	else if (op == 7)
		run->pool.pool.fair_share = fuzz_take(&run->in, 1) - 1;
	if (op != 6)
		return;
	snd_wnd = fuzz_take(&run->in, 2);
	kg_kcp_set_windows(run->kcp, (uint16_t)snd_wnd, (uint16_t)fuzz_take(&run->in, 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct run run = { .now_us = 1000000, .in = { data, len } };
	uint32_t flags = fuzz_take(&run.in, 1);
	const struct kg_kcp_params params = {
		.conv = CONV,
		.mtu = flags & 1 ? 1400 : 200,
		.snd_wnd = 256,
		.rcv_wnd = 256,
		.nodelay = (uint8_t)(flags >> 1 & 3) % 3,
		.interval_ms = 10,
		.resend = (uint8_t)(flags >> 3 & 3),
		.nc = (flags & 32) != 0,
		.blast = (flags & 64) != 0,
		.first_sn = flags & 128 ? UINT32_MAX - 50 : 0,
		.snd_spread = (flags & 6) == 6,
		.rcv_grows = (flags & 6) == 6,
		.rate_auto = (flags & 24) == 24,
		.ts_offset_ms = flags & 128 ? UINT32_MAX - 2000 : 0,
	};

	kg_mem_malloc_init(&run.mem);
	kg_buf_malloc_pool_init(&run.pool, BUFFERS_MAX);
	run.kcp = kg_kcp_create(&params, &run.mem, &run.pool.pool, run.now_us);
	if (run.kcp == NULL)
		return 0;
	if ((flags & 96) == 96)
		kg_kcp_use_tails(run.kcp);
	while (run.in.len > 0)
		step(&run);
	kg_kcp_destroy(run.kcp);
	FUZZ_CHECK(run.mem.in_use_bytes == 0 && run.pool.in_use == 0);
	return 0;
}
