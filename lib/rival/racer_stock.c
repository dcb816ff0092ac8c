/* SPDX-License-Identifier: BSD-3-Clause */
/* Lets two stock KCP engines race, which look at their clocks once a millisecond. */
#include "rival/racer.h"
#include "rival/stock.h"

#include <stdlib.h>
#include <string.h>

/* Datagrams that a flush has made, until they are asked for. */
struct outbox {
	uint8_t *bytes; /* each behind its length */
	size_t begin, end, room;
};

struct stocks {
	struct kg_stock stock[KG_RACER_ENDS];
	struct outbox outbox[KG_RACER_ENDS];
	uint64_t updated_ms[KG_RACER_ENDS];
	uint16_t segment_bytes;
	uint64_t delivered;
};

static void post(void *host, const uint8_t *data, uint16_t len)
{
	struct outbox *box = host;

	if (box->end + sizeof(len) + len > box->room) {
		box->room = 2 * box->room + sizeof(len) + len;
		box->bytes = realloc(box->bytes, box->room);
		if (box->bytes == NULL)
			abort();
	}
	memcpy(box->bytes + box->end, &len, sizeof(len));
	memcpy(box->bytes + box->end + sizeof(len), data, len);
	box->end += sizeof(len) + len;
}

static uint16_t fetch(struct outbox *box, uint8_t *out)
{
	uint16_t len;

	if (box->begin == box->end) {
		box->begin = box->end = 0;
		return 0;
	}
	memcpy(&len, box->bytes + box->begin, sizeof(len));
	memcpy(out, box->bytes + box->begin + sizeof(len), len);
	box->begin += sizeof(len) + len;
	return len;
}

static void fill(uint32_t sn, uint8_t *to, uint16_t len)
{
	memset(to, 0, len);
}

static void *create(const struct kg_racer_params *params, uint64_t now_us)
{
	struct stocks *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->segment_bytes = params->kcp.mtu - KG_KCP_HEADER_BYTES;
	for (int end = 0; end < KG_RACER_ENDS; end++) {
		kg_stock_init(&s->stock[end], &params->kcp, (uint32_t)(now_us / KG_US_PER_MS));
		s->stock[end].emit = post;
		s->stock[end].fill = fill;
		s->stock[end].host = &s->outbox[end];
	}
	return s;
}

static void destroy(void *racer)
{
	struct stocks *s = racer;

	for (int end = 0; end < KG_RACER_ENDS; end++) {
		kg_stock_fini(&s->stock[end]);
		free(s->outbox[end].bytes);
	}
	free(s);
}

static void input(void *racer, enum kg_racer_end end, const uint8_t *data, uint16_t len,
		  uint64_t now_us)
{
	struct stocks *s = racer;
	uint16_t message_bytes;

	s->stock[end].now = (uint32_t)(now_us / KG_US_PER_MS);
	kg_stock_input(&s->stock[end], data, len);
	while (kg_stock_read(&s->stock[end], &message_bytes) != NULL)
		s->delivered++;
}

static uint16_t output(void *racer, enum kg_racer_end end, uint64_t now_us, uint8_t *out)
{
	struct stocks *s = racer;
	struct kg_stock *stock = &s->stock[end];

	while (end == KG_RACER_SENDER && stock->queued < stock->params.snd_wnd)
		kg_stock_send(stock, s->segment_bytes);
	if (now_us / KG_US_PER_MS > s->updated_ms[end]) {
		s->updated_ms[end] = now_us / KG_US_PER_MS;
		kg_stock_update(stock, (uint32_t)s->updated_ms[end]);
	}
	return fetch(&s->outbox[end], out);
}

static uint64_t deadline_us(const void *racer, enum kg_racer_end end)
{
	return (((const struct stocks *)racer)->updated_ms[end] + 1) * KG_US_PER_MS;
}

static uint64_t delivered(const void *racer)
{
	return ((const struct stocks *)racer)->delivered;
}

const struct kg_racer_ops kg_racer_stock = {
	.create = create,
	.destroy = destroy,
	.input = input,
	.output = output,
	.deadline_us = deadline_us,
	.delivered = delivered,
};
