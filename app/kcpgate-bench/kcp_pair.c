/* SPDX-License-Identifier: BSD-3-Clause */
#include "kcp_pair.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "kcp/kcp.h"

#define CONV     0x11223344u
#define BURST    32u
#define BURST_US 1 /* virtual time of a burst */
#define RNG_SEED 1

/* Buffers of one size on a stack, as a mempool's cache hands them out. */
struct stack_pool {
	struct kg_buf_pool pool;
	struct kg_buf **free;
	uint32_t count;
	uint8_t *memory;
};

/* ACK datagrams on their way, oldest first. */
struct ack_line {
	struct ack_datagram {
		uint16_t len;
		uint8_t data[KG_KCP_MTU_MAX];
	} * slots;
	uint32_t size, head, count;
};

struct bench {
	const struct kcp_pair_params *params;
	struct kg_mem mem;
	struct stack_pool pool;
	struct kg_kcp *sender, *receiver;
	struct ack_line acks;
	struct kg_rng rng;
	uint32_t loss_below; /* of 2^20 */
	uint64_t now_us;
	uint64_t delivered;
	uint64_t in_flight_sum, turns;
	uint8_t payload[KG_KCP_MTU_MAX];
};

static struct kg_buf *stack_alloc(struct kg_buf_pool *base, uint16_t room)
{
	struct stack_pool *pool = KG_CONTAINER_OF(base, struct stack_pool, pool);
	struct kg_buf *buf;

	if (pool->count == 0)
		return NULL;
	buf = pool->free[--pool->count];
	buf->next = NULL;
	buf->data = (uint8_t *)(buf + 1) + KG_BUF_HEADROOM;
	buf->len = 0;
	return buf;
}

static void stack_free(struct kg_buf *buf)
{
	struct stack_pool *pool = KG_CONTAINER_OF(buf->pool, struct stack_pool, pool);

	pool->free[pool->count++] = buf;
}

static bool stack_pool_init(struct stack_pool *pool, uint32_t buffers, uint16_t room)
{
	size_t bytes = (sizeof(struct kg_buf) + KG_BUF_HEADROOM + room + 63u) & ~(size_t)63;

	*pool = (struct stack_pool){
		.pool = { .alloc = stack_alloc, .free = stack_free, .fair_share = UINT32_MAX },
		.free = malloc(buffers * sizeof(struct kg_buf *)),
		.memory = aligned_alloc(64, buffers * bytes),
	};
	if (pool->free == NULL || pool->memory == NULL)
		return false;
	memset(pool->memory, 0, buffers * bytes);
	for (uint32_t i = 0; i < buffers; i++) {
		struct kg_buf *buf = (struct kg_buf *)(pool->memory + i * bytes);

		*buf = (struct kg_buf){ .pool = &pool->pool, .room = room };
		stack_free(buf);
	}
	return true;
}

static bool bench_init(struct bench *b, const struct kcp_pair_params *params)
{
	/* Twice the window, so that holes do not keep it from being full. */
	uint16_t window = (uint16_t)KG_MIN(2 * params->window, (uint32_t)KG_KCP_WINDOW_MAX);
	const struct kg_kcp_params kcp = {
		.conv = CONV,
		.mtu = (uint16_t)(KG_KCP_HEADER_BYTES + KG_MAX(params->size, 1376)),
		.snd_wnd = window,
		.rcv_wnd = window,
		.nodelay = 1,
		.interval_ms = 1,
		.resend = 2,
		.nc = true,
		.blast = true,
	};

	*b = (struct bench){
		.params = params,
		.now_us = KG_US_PER_S,
		.acks.size = 4 * KG_KCP_WINDOW_MAX / BURST,
		.loss_below = (uint32_t)(params->loss_percent / 100 * (1 << 20)),
	};
	kg_rng_init(&b->rng, RNG_SEED);
	kg_mem_malloc_init(&b->mem);
	b->acks.slots = malloc(b->acks.size * sizeof(*b->acks.slots));
	if (b->acks.slots == NULL ||
	    !stack_pool_init(&b->pool, 2u * window + 4 * BURST, params->size))
		return false;
	b->sender = kg_kcp_create(&kcp, &b->mem, &b->pool.pool, b->now_us);
	b->receiver = kg_kcp_create(&kcp, &b->mem, &b->pool.pool, b->now_us);
	return b->sender != NULL && b->receiver != NULL;
}

static void bench_fini(struct bench *b)
{
	kg_kcp_destroy(b->sender);
	kg_kcp_destroy(b->receiver);
	free(b->acks.slots);
	free(b->pool.free);
	free(b->pool.memory);
}

static void send_burst(struct bench *b)
{
	uint32_t unacked = kg_kcp_unacked(b->sender);
	uint16_t size = b->params->size;

	for (uint32_t i = 0; i < BURST && unacked + i < b->params->window; i++) {
		struct kg_buf *buf = kg_buf_alloc(&b->pool.pool, size);

		if (buf == NULL)
			return;
		memcpy(buf->data, b->payload, size);
		buf->len = size;
		if (!kg_kcp_send(b->sender, buf, b->now_us))
			kg_buf_free(buf);
	}
}

/* A burst goes straight from one engine to the other, or is lost. */
static void carry_burst(struct bench *b)
{
	uint8_t out[KG_KCP_MTU_MAX];
	unsigned int events;

	for (uint32_t i = 0; i < BURST; i++) {
		uint16_t len = kg_kcp_output(b->sender, b->now_us, out);

		if (len == 0)
			return;
		if (b->loss_below == 0 || kg_rng_below(&b->rng, 1 << 20) >= b->loss_below)
			kg_kcp_input(b->receiver, out, len, b->now_us, &events);
	}
}

static void read_all(struct bench *b)
{
	struct kg_buf *message;

	while ((message = kg_kcp_recv(b->receiver)) != NULL) {
		kg_buf_free(message);
		b->delivered++;
	}
}

static void hold_acks(struct bench *b)
{
	struct ack_line *acks = &b->acks;

	while (acks->count < acks->size) {
		struct ack_datagram *slot = &acks->slots[(acks->head + acks->count) % acks->size];

		slot->len = kg_kcp_output(b->receiver, b->now_us, slot->data);
		if (slot->len == 0)
			return;
		acks->count++;
	}
}

/* ACKs come back when the window is full, enough of them for another burst. */
static void release_acks(struct bench *b)
{
	struct ack_line *acks = &b->acks;
	uint32_t window = b->params->window, enough = window - KG_MIN(window, BURST);
	unsigned int events;

	while (acks->count > 0 && kg_kcp_unacked(b->sender) > enough) {
		struct ack_datagram *slot = &acks->slots[acks->head];

		kg_kcp_input(b->sender, slot->data, slot->len, b->now_us, &events);
		acks->head = (acks->head + 1) % acks->size;
		acks->count--;
	}
}

static void turn(struct bench *b)
{
	uint64_t delivered = b->delivered, due_us;
	uint32_t unacked;

	send_burst(b);
	carry_burst(b);
	read_all(b);
	hold_acks(b);
	unacked = kg_kcp_unacked(b->sender);
	b->in_flight_sum += unacked;
	b->turns++;
	b->now_us += BURST_US;
	if (unacked < b->params->window)
		return;
	due_us = kg_kcp_deadline_us(b->sender);
	if (b->acks.count > 0)
		release_acks(b);
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

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure_costs(struct bench *b, struct kcp_pair_result *result)
{
	uint64_t piece = KG_MAX(b->params->segments / KCP_PAIR_PIECES, 1u);
	double ns[KCP_PAIR_PIECES], cycles_per_ns = (double)rte_get_tsc_hz() / 1e9;

	for (int i = 0; i < KCP_PAIR_PIECES; i++) {
		uint64_t before = b->delivered, start_ns = clock_ns();

		run_until(b, before + piece);
		ns[i] = (double)(clock_ns() - start_ns) / (double)(b->delivered - before);
	}
	qsort(ns, KCP_PAIR_PIECES, sizeof(ns[0]), compare);
	result->ns = ns[KCP_PAIR_PIECES / 2];
	result->ns_best = ns[0];
	result->cycles = result->ns * cycles_per_ns;
	result->cycles_best = result->ns_best * cycles_per_ns;
}

static void measure(struct bench *b, struct kcp_pair_result *result)
{
	struct kg_kcp_stats before, after;

	run_until(b, 4u * b->params->window);
	b->in_flight_sum = b->turns = 0;
	kg_kcp_get_stats(b->sender, &before);
	measure_costs(b, result);
	kg_kcp_get_stats(b->sender, &after);
	result->in_flight = (double)b->in_flight_sum / (double)b->turns;
	result->resent_percent = 100.0 / (double)(after.sent - before.sent) *
				 (double)(after.resent_fast + after.resent_timeout -
					  before.resent_fast - before.resent_timeout);
}

bool kcp_pair_run(const struct kcp_pair_params *params, struct kcp_pair_result *result)
{
	struct bench *b = calloc(1, sizeof(*b));
	bool ready = b != NULL && bench_init(b, params);

	if (ready)
		measure(b, result);
	if (b != NULL)
		bench_fini(b);
	free(b);
	return ready;
}
