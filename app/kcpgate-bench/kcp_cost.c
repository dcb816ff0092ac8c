/* SPDX-License-Identifier: BSD-3-Clause */
/* Lets two engines talk in virtual time, and takes the cycles of each segment. */
#include "kcp_cost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "base/cold.h"
#include "base/rng.h"
#include "kcp/kcp.h"
#include "memory/arena.h"
#include "memory/buf_mempool.h"

#define CONV            0x11223344u
#define BURST           32u
#define BURST_US        1 /* virtual time of a burst */
#define RNG_SEED        1
#define PIECE_WINDOWS   16u
#define WARM_UP_WINDOWS 4u
#define MEMPOOL_CACHE   256u /* as in a box */

/* A ring of the widest window, 2 MB, is no more than one may have of what is left (base/mem.h). */
#define ARENA_BYTES (64u << 20)
/* A buffer of each class. */
#define PAIR_BYTES (KG_BUF_SMALL_ROOM + KG_BUF_LARGE_ROOM + 6 * 64)
/* So many that none is needed of what a pool keeps, an eighth (memory/buf_mempool.h). */
#define POOL_BUFS(used) ((size_t)(used)*8 / 7 + 1)
/* Whole lines, and as many as a window of single ACKs fills, each of them told twice. */
#define ACK_ROOM          (KG_KCP_MTU_MAX + KG_BUF_LINE - KG_KCP_MTU_MAX % KG_BUF_LINE)
#define ACKS_HELD(window) (64 + (window)*2 * KG_KCP_HEADER_BYTES / KG_KCP_MTU_MAX * 2)

/* An engine with memory of its own, as a box has. */
struct end {
	struct kg_arena *arena;
	struct kg_buf_mempool *bufs;
	struct kg_kcp *kcp;
};

/*
 * ACK datagrams on their way, oldest first. A window of them exceeds the caches, but that is the
 * wire's and not the engine's cost: they are put there past the caches, and fetched ahead, as the
 * AEAD has read a datagram before the engine does.
 */
struct ack_line {
	uint8_t *bytes; /* ACK_ROOM for each */
	uint16_t *lens;
	uint32_t max, first, count; /* datagrams */
};

struct bench {
	const struct kcp_cost_params *params;
	struct end sender, receiver;
	struct ack_line acks;
	struct kg_rng rng;
	uint32_t loss_below; /* of 2^20 */
	uint64_t now_us;
	uint64_t delivered;
	struct kg_kcp_stats warm; /* the sender's when the measurement began */
	uint8_t payload[KG_KCP_MTU_MAX];
};

/* `segments`: what it may have to hold. */
static bool end_init(struct end *end, const char *name, const struct kg_kcp_params *params,
		     uint32_t segments, uint64_t now_us)
{
	size_t bytes = POOL_BUFS(segments + 2 * MEMPOOL_CACHE) * PAIR_BYTES;
	struct kg_buf_pool *pool;

	end->arena = kg_arena_create(ARENA_BYTES);
	end->bufs = kg_buf_mempool_create(name, bytes, MEMPOOL_CACHE);
	if (end->arena == NULL || end->bufs == NULL)
		return false;
	pool = kg_buf_mempool_pool(end->bufs);
	pool->fair_share = UINT32_MAX; /* nobody else wants any */
	end->kcp = kg_kcp_create(params, kg_arena_mem(end->arena), pool, now_us);
	return end->kcp != NULL;
}

static void end_fini(struct end *end)
{
	kg_kcp_destroy(end->kcp);
	kg_buf_mempool_destroy(end->bufs);
	kg_arena_destroy(end->arena);
}

static bool bench_init(struct bench *b, const struct kcp_cost_params *params, size_t index)
{
	char sender[32], receiver[32];

	/* Twice the window, so that holes do not keep it from being full. */
	uint32_t wide = KG_MIN(2 * params->window, (uint32_t)KG_KCP_WINDOW_MAX);
	const struct kg_kcp_params kcp = {
		.conv = CONV,
		.mtu = (uint16_t)(KG_KCP_HEADER_BYTES + KG_MAX(params->size, 1376)),
		.snd_wnd = (uint16_t)wide,
		.rcv_wnd = (uint16_t)wide,
		.nodelay = 1,
		.interval_ms = 1,
		.resend = 2,
		.nc = true,
		.blast = true,
	};

	*b = (struct bench){
		.params = params,
		.now_us = KG_US_PER_S,
		.acks.max = ACKS_HELD(wide),
		.loss_below = (uint32_t)(params->loss_percent / 100 * (1 << 20)),
	};
	kg_rng_init(&b->rng, RNG_SEED);
	for (size_t i = 0; i < sizeof(b->payload); i++)
		b->payload[i] = (uint8_t)kg_rng_next(&b->rng);
	b->acks.bytes = rte_malloc("bench_acks", (size_t)b->acks.max * ACK_ROOM, KG_BUF_LINE);
	b->acks.lens = calloc(b->acks.max, sizeof(b->acks.lens[0]));
	snprintf(sender, sizeof(sender), "sender%zu", index);
	snprintf(receiver, sizeof(receiver), "receiver%zu", index);
	return b->acks.bytes != NULL && b->acks.lens != NULL &&
	       end_init(&b->sender, sender, &kcp, params->window + BURST, b->now_us) &&
	       end_init(&b->receiver, receiver, &kcp, wide + BURST, b->now_us);
}

static void bench_fini(struct bench *b)
{
	end_fini(&b->sender);
	end_fini(&b->receiver);
	free(b->acks.lens);
	rte_free(b->acks.bytes);
}

static struct kg_kcp_stats sender_stats(const struct bench *b)
{
	struct kg_kcp_stats stats;

	kg_kcp_get_stats(b->sender.kcp, &stats);
	return stats;
}

/* Sends what the window has room for, a burst at most; none while earlier ones still wait for it.
 */
static void send_burst(struct bench *b)
{
	struct kg_buf_pool *pool = kg_buf_mempool_pool(b->sender.bufs);
	uint32_t unacked = kg_kcp_unacked(b->sender.kcp);
	uint16_t size = b->params->size;

	for (uint32_t i = sender_stats(b).queued; i < BURST && unacked < b->params->window;
	     i++, unacked++) {
		struct kg_buf *buf = kg_buf_alloc(pool, size);

		if (buf == NULL)
			return;
		memcpy(buf->data, b->payload, size);
		buf->len = size;
		if (!kg_kcp_send(b->sender.kcp, buf, b->now_us))
			kg_buf_free(buf);
	}
}

/* A burst goes straight from one engine to the other, or is lost. Returns the datagrams. */
static uint32_t carry_burst(struct bench *b)
{
	uint8_t out[KG_KCP_MTU_MAX];
	unsigned int events;

	for (uint32_t i = 0; i < BURST; i++) {
		uint16_t len = kg_kcp_output(b->sender.kcp, b->now_us, out);

		if (len == 0)
			return i;
		if (b->loss_below == 0 || kg_rng_below(&b->rng, 1 << 20) >= b->loss_below)
			kg_kcp_input(b->receiver.kcp, out, len, b->now_us, &events);
	}
	return BURST;
}

static void read_all(struct bench *b)
{
	struct kg_buf *message;

	while ((message = kg_kcp_recv(b->receiver.kcp)) != NULL) {
		kg_buf_free(message);
		b->delivered++;
	}
}

static bool hold_ack(struct bench *b)
{
	struct ack_line *acks = &b->acks;
	uint32_t i = (acks->first + acks->count) % acks->max;
	uint8_t out[ACK_ROOM];

	if (acks->count == acks->max)
		return false;
	acks->lens[i] = kg_kcp_output(b->receiver.kcp, b->now_us, out);
	if (acks->lens[i] == 0)
		return false;
	kg_cold_copy(acks->bytes + (size_t)i * ACK_ROOM, out, acks->lens[i]);
	acks->count++;
	return true;
}

static void fetch_ack(const struct ack_line *acks)
{
	for (uint32_t at = 0; at < acks->lens[acks->first]; at += KG_BUF_LINE)
		rte_prefetch0(acks->bytes + (size_t)acks->first * ACK_ROOM + at);
}

static void release_ack(struct bench *b)
{
	struct ack_line *acks = &b->acks;
	const uint8_t *datagram = acks->bytes + (size_t)acks->first * ACK_ROOM;
	uint16_t len = acks->lens[acks->first];
	unsigned int events;

	acks->first = (acks->first + 1) % acks->max;
	acks->count--;
	fetch_ack(acks);
	kg_kcp_input(b->sender.kcp, datagram, len, b->now_us, &events);
}

/* ACKs come back until no more than `enough` segments are without one. */
static void release_acks(struct bench *b, uint32_t enough)
{
	while (b->acks.count > 0 && kg_kcp_unacked(b->sender.kcp) > enough)
		release_ack(b);
}

static void exchange(struct bench *b)
{
	uint32_t datagrams;

	send_burst(b);
	do {
		datagrams = carry_burst(b);
		read_all(b);
		while (hold_ack(b))
			;
		b->now_us += BURST_US;
	} while (datagrams == BURST);
}

/* When no more may be in flight, room is made for another burst. */
static void turn(struct bench *b)
{
	uint64_t delivered = b->delivered, due_us;
	struct kg_kcp_stats stats;

	exchange(b);
	stats = sender_stats(b);
	if (stats.in_flight < b->params->window && stats.queued == 0)
		return;
	due_us = kg_kcp_deadline_us(b->sender.kcp);
	if (b->acks.count > 0)
		release_acks(b, stats.in_flight - KG_MIN(stats.in_flight, BURST));
	else if (due_us != KG_NEVER_US && b->delivered == delivered)
		b->now_us = KG_MAX(b->now_us, due_us);
}

/* Of this thread alone: while another program has the core it stands still. */
static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void run_until(struct bench *b, uint64_t delivered)
{
	while (b->delivered < delivered)
		turn(b);
}

/* Nanoseconds of a segment, over enough of them: behind a hole a whole window waits and is
 * delivered at once, and the other pairs have had the caches meanwhile. */
static double measure_piece(struct bench *b)
{
	uint64_t piece =
		KG_MAX(b->params->segments / KCP_COST_PIECES, PIECE_WINDOWS * b->params->window);
	uint64_t before = b->delivered, start_ns = clock_ns();

	run_until(b, before + piece);
	return (double)(clock_ns() - start_ns) / (double)(b->delivered - before);
}

static void warm_up(struct bench *b)
{
	/* With the first ACK the sender learns how much it may have in flight. */
	exchange(b);
	release_acks(b, 0);
	run_until(b, WARM_UP_WINDOWS * b->params->window);
	b->warm = sender_stats(b);
}

static void conclude(const struct bench *b, struct kcp_cost_result *result)
{
	struct kg_kcp_stats after = sender_stats(b);

	result->resent_percent = 100.0 / (double)(after.sent - b->warm.sent) *
				 (double)(after.resent_fast + after.resent_timeout -
					  b->warm.resent_fast - b->warm.resent_timeout);
}

static void measure(struct bench *pairs, size_t count, struct kcp_cost_result *results)
{
	for (size_t k = 0; k < count; k++) {
		warm_up(&pairs[k]);
		results[k] = (struct kcp_cost_result){ 0 };
	}
	for (size_t i = 0; i < KCP_COST_PIECES; i++) {
		for (size_t k = 0; k < count; k++) {
			results[k].ns[i] = measure_piece(&pairs[k]);
			results[k].in_flight +=
				(double)sender_stats(&pairs[k]).in_flight / KCP_COST_PIECES;
		}
	}
	for (size_t k = 0; k < count; k++)
		conclude(&pairs[k], &results[k]);
}

bool kcp_cost_run(const struct kcp_cost_params *params, size_t count,
		  struct kcp_cost_result *results)
{
	struct bench *pairs = calloc(count, sizeof(*pairs));
	bool ready = pairs != NULL;

	for (size_t k = 0; k < count && ready; k++)
		ready = bench_init(&pairs[k], &params[k], k);
	if (ready)
		measure(pairs, count, results);
	for (size_t k = 0; k < count && pairs != NULL; k++)
		bench_fini(&pairs[k]);
	free(pairs);
	return ready;
}
