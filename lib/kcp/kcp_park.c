/* SPDX-License-Identifier: BSD-3-Clause */
#include "kcp/kcp_park.h"

#include "base/cold.h"

#define TOGETHER 8u /* page walks that go on side by side */

static void prefetch_spares(const struct kg_kcp_park *park, uint16_t len)
{
	if (park->count % TOGETHER != 0)
		return;
	for (uint32_t i = 1; i <= TOGETHER; i++) {
		const uint8_t *spare = (const uint8_t *)park->spares[park->count - i];

		__builtin_prefetch(spare, 1);
		__builtin_prefetch(spare + sizeof(struct kg_buf) + KG_BUF_HEADROOM + len, 1);
	}
}

static struct kg_buf *take(struct kg_kcp_park *park, struct kg_buf_pool *pool, uint16_t len)
{
	struct kg_buf *buf;

	if (park->count == 0)
		return kg_buf_alloc(pool, len);
	prefetch_spares(park, len);
	buf = park->spares[park->count - 1];
	if (buf->room < len)
		return kg_buf_alloc(pool, len);
	park->count--;
	return buf;
}

struct kg_buf *kg_kcp_park_move(struct kg_kcp_park **park, struct kg_mem *mem,
				struct kg_buf_pool *pool, struct kg_buf *buf)
{
	struct kg_buf *parked;

	if (*park == NULL)
		*park = kg_mem_alloc(mem, sizeof(**park));
	if (*park == NULL)
		return NULL;
	parked = take(*park, pool, buf->len);
	if (parked == NULL)
		return NULL;
	kg_cold_copy(parked->data, buf->data, buf->len);
	parked->len = buf->len;
	kg_buf_free(buf);
	return parked;
}

void kg_kcp_park_release(struct kg_kcp_park *park, struct kg_buf *buf, uint32_t in_flight)
{
	if (park->count < KG_KCP_PARK_SPARES && park->count < in_flight / 4) {
		park->spares[park->count++] = buf;
		return;
	}
	kg_cold_fence();
	kg_buf_free(buf);
}

void kg_kcp_park_fini(struct kg_kcp_park **park, struct kg_mem *mem)
{
	if (*park == NULL)
		return;
	kg_cold_fence();
	for (uint32_t i = 0; i < (*park)->count; i++)
		kg_buf_free((*park)->spares[i]);
	kg_mem_free(mem, *park, sizeof(**park));
	*park = NULL;
}
