/* SPDX-License-Identifier: BSD-3-Clause */
/* Fills in what DPDK's library leaves out: IPv4's checksums, IPv6's id; and makes one mbuf of each
 * piece, for drivers that take no others. */
#include "nic/fragment.h"

#include <rte_ip_frag.h>

static void finish4(struct rte_mbuf *piece)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(piece, struct rte_ipv4_hdr *);

	ip->hdr_checksum = rte_ipv4_cksum(ip);
	piece->ol_flags = 0; /* the library asks the NIC for the checksum */
}

static void finish6(struct rte_mbuf *piece, uint32_t id)
{
	struct rte_ipv6_fragment_ext *header = rte_ipv6_frag_get_ipv6_fragment_header(
		rte_pktmbuf_mtod(piece, struct rte_ipv6_hdr *));

	header->id = rte_cpu_to_be_32(id);
}

unsigned int kg_fragment_cut(struct rte_mbuf *packet, uint16_t mtu, uint32_t id,
			     struct rte_mempool *pool, struct rte_mbuf *pieces[KG_FRAGMENTS_MAX])
{
	bool v4 = *rte_pktmbuf_mtod(packet, uint8_t *) >> 4 == 4;
	int count =
		v4 ? rte_ipv4_fragment_packet(packet, pieces, KG_FRAGMENTS_MAX, mtu, pool, pool)
		   : rte_ipv6_fragment_packet(packet, pieces, KG_FRAGMENTS_MAX, mtu, pool, pool);
	bool good = true;

	for (int i = 0; i < count; i++) {
		good = good && rte_pktmbuf_linearize(pieces[i]) == 0;
		if (v4)
			finish4(pieces[i]);
		else
			finish6(pieces[i], id);
	}
	if (good)
		return count > 0 ? (unsigned int)count : 0;
	rte_pktmbuf_free_bulk(pieces, (unsigned int)count);
	return 0;
}
