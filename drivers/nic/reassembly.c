/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps count of what DPDK's table of fragments holds, and empties it in time. Overlaps, and
 * datagrams of too many pieces, are the table's to refuse.
 */
#define ALLOW_EXPERIMENTAL_API /* to empty the table by time */

#include "nic/reassembly.h"

#include <rte_ip_frag.h>
#include <rte_malloc.h>

#define BUCKETS        64
#define BUCKET_ENTRIES 4
#define NOTES          256
#define SEED           UINT64_C(0x9e3779b9) /* a wrong guess costs a datagram */

struct kg_reassembly {
	struct rte_ip_frag_tbl *table;
	struct rte_ip_frag_death_row dead;
	uint32_t held, lost;
	uint32_t notes[NOTES]; /* digests of datagrams that are put together here; 0: none */
};

struct kg_reassembly *kg_reassembly_create(void)
{
	struct kg_reassembly *r = rte_zmalloc("kg_reassembly", sizeof(*r), 0);

	if (r == NULL)
		return NULL;
	/* The table counts in whatever it is told: microseconds. */
	r->table = rte_ip_frag_table_create(BUCKETS, BUCKET_ENTRIES, BUCKETS * BUCKET_ENTRIES,
					    KG_REASSEMBLY_WAIT_US, SOCKET_ID_ANY);
	if (r->table != NULL)
		return r;
	rte_free(r);
	return NULL;
}

void kg_reassembly_destroy(struct kg_reassembly *r)
{
	if (r == NULL)
		return;
	rte_ip_frag_table_destroy(r->table);
	rte_free(r);
}

/* ---- whose a datagram is ---- */

static uint64_t digest(const struct kg_frame *frame)
{
	struct kg_tuple ends = { { frame->destination.ip, 0 }, { frame->source.ip, 0 } };

	return kg_tuple_hash(&ends, SEED ^ (uint64_t)frame->datagram_id << 32);
}

void kg_reassembly_note(struct kg_reassembly *r, const struct kg_frame *first, bool here)
{
	uint64_t hash = digest(first);
	uint32_t *note = &r->notes[hash % NOTES], mark = (uint32_t)(hash >> 32) | 1;

	if (here)
		*note = mark;
	else if (*note == mark)
		*note = 0;
}

bool kg_reassembly_expects(const struct kg_reassembly *r, const struct kg_frame *later)
{
	uint64_t hash = digest(later);

	return r->notes[hash % NOTES] == ((uint32_t)(hash >> 32) | 1);
}

/* ---- the table ---- */

static void bury(struct kg_reassembly *r)
{
	r->held -= r->dead.cnt;
	r->lost += r->dead.cnt;
	rte_ip_frag_free_death_row(&r->dead, 0);
}

/* As things will stand at a time. The row has no room for all at once. */
static void expire_until(struct kg_reassembly *r, uint64_t time_us)
{
	do {
		bury(r);
		rte_ip_frag_table_del_expired_entries(r->table, &r->dead, time_us);
	} while (r->dead.cnt > 0);
}

void kg_reassembly_expire(struct kg_reassembly *r, uint64_t now_us)
{
	if (r->held > 0)
		expire_until(r, now_us);
}

static bool make_room(struct kg_reassembly *r, uint64_t now_us)
{
	if (r->held == KG_REASSEMBLY_FRAGMENTS)
		expire_until(r, now_us + KG_REASSEMBLY_WAIT_US - KG_REASSEMBLY_LONG_US);
	return r->held < KG_REASSEMBLY_FRAGMENTS;
}

static struct rte_mbuf *add(struct kg_reassembly *r, struct rte_mbuf *m,
			    const struct kg_frame *frame, uint64_t now_us)
{
	void *ip = rte_pktmbuf_mtod_offset(m, void *, frame->l2_bytes);

	m->l2_len = frame->l2_bytes;
	m->l3_len = frame->l3_bytes;
	if (frame->source.ip.version == 4)
		return rte_ipv4_frag_reassemble_packet(r->table, &r->dead, m, now_us, ip);
	return rte_ipv6_frag_reassemble_packet(r->table, &r->dead, m, now_us, ip,
					       rte_ipv6_frag_get_ipv6_fragment_header(ip));
}

struct rte_mbuf *kg_reassembly_take(struct kg_reassembly *r, struct rte_mbuf *m,
				    const struct kg_frame *frame, uint64_t now_us)
{
	struct rte_mbuf *whole;

	if (!make_room(r, now_us)) {
		r->lost++;
		rte_pktmbuf_free(m);
		return NULL;
	}
	r->held++;
	whole = add(r, m, frame, now_us);
	bury(r);
	if (whole != NULL)
		r->held -= whole->nb_segs;
	return whole;
}

uint32_t kg_reassembly_take_lost(struct kg_reassembly *r)
{
	uint32_t lost = r->lost;

	r->lost = 0;
	return lost;
}
