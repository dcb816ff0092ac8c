/* SPDX-License-Identifier: BSD-3-Clause */
/* Lets two of this tree's KCP engines race. */
#include "rival/racer.h"

#include "base/twheel.h"
#include "rate/rate.h"
#include "rate/told.h"

#include <stdlib.h>
#include <string.h>

struct engines {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_kcp *kcp[KG_RACER_ENDS];
	uint64_t delivered;
};

static void destroy(void *racer)
{
	struct engines *e = racer;

	for (int end = 0; end < KG_RACER_ENDS; end++)
		kg_kcp_destroy(e->kcp[end]);
	free(e);
}

static void *create_with(const struct kg_kcp_params *kcp, uint64_t now_us)
{
	struct engines *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	kg_mem_malloc_init(&e->mem);
	kg_buf_malloc_pool_init(&e->pool, SIZE_MAX);
	for (int end = 0; end < KG_RACER_ENDS; end++)
		e->kcp[end] = kg_kcp_create(kcp, &e->mem, &e->pool.pool, now_us);
	if (e->kcp[KG_RACER_SENDER] != NULL && e->kcp[KG_RACER_RECEIVER] != NULL)
		return e;
	destroy(e);
	return NULL;
}

static void *create(const struct kg_racer_params *params, uint64_t now_us)
{
	return create_with(&params->kcp, now_us);
}

static void *create_rated(const struct kg_racer_params *params, enum kg_rate_kind kind,
			  uint64_t now_us)
{
	struct kg_kcp_params kcp = params->kcp;

	kcp.rate_auto = true;
	kcp.rate_kind = kind & 3;
	kcp.rate_told = kg_rate_tell((uint64_t)params->rival.line_pps);
	return create_with(&kcp, now_us);
}

static void *create_auto(const struct kg_racer_params *params, uint64_t now_us)
{
	return create_rated(params, KG_RATE_FOUND_OUT, now_us);
}

static void *create_told(const struct kg_racer_params *params, uint64_t now_us)
{
	return create_rated(params, KG_RATE_TOLD, now_us);
}

static void *create_fair(const struct kg_racer_params *params, uint64_t now_us)
{
	return create_rated(params, KG_RATE_FAIR, now_us);
}

static void *create_scavenger(const struct kg_racer_params *params, uint64_t now_us)
{
	return create_rated(params, KG_RATE_SCAVENGER, now_us);
}

static void input(void *racer, enum kg_racer_end end, const uint8_t *data, uint16_t len,
		  uint64_t now_us)
{
	struct engines *e = racer;
	struct kg_buf *message;
	unsigned int events;

	kg_kcp_input(e->kcp[end], data, len, now_us, &events);
	for (; (message = kg_kcp_recv(e->kcp[end])) != NULL; e->delivered++)
		kg_buf_free_chain(message);
}

/* A window more than is in flight waits. */
static void fill(struct engines *e, uint64_t now_us)
{
	struct kg_kcp *kcp = e->kcp[KG_RACER_SENDER];
	struct kg_buf *buf;

	while (kg_kcp_unacked(kcp) < 2 * kg_kcp_own_window(kcp) &&
	       (buf = kg_buf_alloc(&e->pool.pool, kg_kcp_mss(kcp))) != NULL) {
		buf->len = kg_kcp_mss(kcp);
		memset(buf->data, 0, buf->len);
		if (kg_kcp_send(kcp, buf, now_us))
			continue;
		kg_buf_free(buf);
		return;
	}
}

static uint16_t output(void *racer, enum kg_racer_end end, uint64_t now_us, uint8_t *out)
{
	struct engines *e = racer;

	if (end == KG_RACER_SENDER)
		fill(e, now_us);
	return kg_kcp_output(e->kcp[end], now_us, out);
}

/* As late as a worker's wheel is. */
static uint64_t deadline_us(const void *racer, enum kg_racer_end end)
{
	uint64_t due_us = kg_kcp_deadline_us(((const struct engines *)racer)->kcp[end]);

	return due_us == KG_NEVER_US
		       ? KG_NEVER_US
		       : (due_us + KG_TWHEEL_TICK_US - 1) / KG_TWHEEL_TICK_US * KG_TWHEEL_TICK_US;
}

static uint64_t delivered(const void *racer)
{
	return ((const struct engines *)racer)->delivered;
}

#define OPS(create_as)                                                                     \
	{                                                                                  \
		.create = create_as, .destroy = destroy, .input = input, .output = output, \
		.deadline_us = deadline_us, .delivered = delivered                         \
	}

const struct kg_racer_ops kg_racer_kcp = OPS(create);
const struct kg_racer_ops kg_racer_kcp_auto = OPS(create_auto);
const struct kg_racer_ops kg_racer_kcp_told = OPS(create_told);
const struct kg_racer_ops kg_racer_kcp_fair = OPS(create_fair);
const struct kg_racer_ops kg_racer_kcp_scavenger = OPS(create_scavenger);
