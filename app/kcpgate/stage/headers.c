/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes a frame or a packet of a datagram: its headers go in front of the payload. */
#include "net/frame.h"
#include "stage/stage.h"

void kg_stage_put_headers(struct rte_mbuf *m, const struct kg_l2 *l2, uint16_t ip_id,
			  enum kg_frame_csum csum)
{
	struct kg_pkt *pkt = kg_pkt(m);
	uint16_t payload_bytes = rte_pktmbuf_data_len(m);
	uint16_t header_bytes = kg_frame_header_bytes(l2, pkt->remote.ip.version);
	uint8_t *out = (uint8_t *)rte_pktmbuf_prepend(m, header_bytes);

	kg_frame_build(out, l2, &pkt->local, &pkt->remote, payload_bytes, ip_id, csum);
}
