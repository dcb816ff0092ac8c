/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes payload buffers of received mbufs, and mbufs of these again. */
#include "carried.h"

#include "pkt.h"

_Static_assert(sizeof(struct kg_buf) <= KG_PKT_PRIV_BYTES,
	       "it takes the place of what stages know");

static struct rte_mbuf *mbuf_of(struct kg_buf *buf)
{
	return (struct rte_mbuf *)(void *)buf - 1;
}

static void count_back(struct kg_buf *buf)
{
	struct kg_carried *carried = KG_CONTAINER_OF(buf->pool, struct kg_carried, pool);

	atomic_fetch_add_explicit(&carried->back, 1, memory_order_relaxed);
}

static void give_back(struct kg_buf *buf)
{
	count_back(buf);
	rte_pktmbuf_free(mbuf_of(buf));
}

void kg_carried_init(struct kg_carried *carried)
{
	*carried = (struct kg_carried){ .pool = { .free = give_back, .fair_share = UINT32_MAX } };
}

static bool may_carry(struct kg_carried *carried)
{
	if (carried->out - carried->seen_back < KG_CARRIED_MAX)
		return true;
	carried->seen_back = atomic_load_explicit(&carried->back, memory_order_relaxed);
	return carried->out - carried->seen_back < KG_CARRIED_MAX;
}

struct kg_buf *kg_carry(struct kg_carried *carried, struct rte_mbuf *m, uint8_t *bytes,
			uint16_t len)
{
	struct kg_buf *buf = rte_mbuf_to_priv(m);

	if (m->nb_segs != 1 || !may_carry(carried))
		return NULL;
	carried->out++;
	buf->next = NULL;
	buf->pool = &carried->pool;
	buf->data = bytes;
	buf->len = buf->room = len;
	return buf;
}

struct rte_mbuf *kg_carried_take(struct kg_buf *chain)
{
	struct rte_mbuf *m = mbuf_of(chain);
	uint8_t *bytes = chain->data;
	uint16_t len = chain->len;

	if (chain->pool->free != give_back || chain->next != NULL)
		return NULL;
	count_back(chain);
	rte_pktmbuf_reset(m);
	m->data_off = (uint16_t)(bytes - (uint8_t *)m->buf_addr);
	m->data_len = len;
	m->pkt_len = len;
	return m;
}
