/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds trains in a burst, and sends them by a packet socket, with virtio's header in front. */
#include "nic/trains.h"

#include "net/checksum.h"
#include "nic/nic.h"
#include "nic/virtio_out.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define QUEUE_BYTES (4 << 20) /* under way in the interface, as Linux counts buffers */

static bool copies(int xdp_fd)
{
	struct xdp_options options = { 0 };
	socklen_t bytes = sizeof(options);

	return getsockopt(xdp_fd, SOL_XDP, XDP_OPTIONS, &options, &bytes) == 0 &&
	       (options.flags & XDP_OPTIONS_ZEROCOPY) == 0;
}

int kg_trains_open(unsigned int ifindex, int xdp_fd)
{
	int fd = copies(xdp_fd) ? kg_virtio_out_open(ifindex, QUEUE_BYTES) : KG_TRAIN_NONE;

	return fd < 0 ? KG_TRAIN_NONE : fd;
}

static bool is_to_be_summed(const struct rte_mbuf *m)
{
	return (m->ol_flags & RTE_MBUF_F_TX_UDP_CKSUM) != 0;
}

/* Of untagged frames. */
static bool may_ride(const struct rte_mbuf *m)
{
	return is_to_be_summed(m) && m->l2_len == KG_ETHER_BYTES && m->nb_segs == 1;
}

uint16_t kg_trains_find(struct kg_train *train, struct rte_mbuf *const *frames, uint16_t count)
{
	uint16_t n = 1;

	if (!may_ride(frames[0]))
		return 1;
	kg_train_begin(train, rte_pktmbuf_mtod(frames[0], uint8_t *),
		       rte_pktmbuf_data_len(frames[0]));
	while (n < count && may_ride(frames[n]) &&
	       kg_train_add(train, rte_pktmbuf_mtod(frames[n], uint8_t *),
			    rte_pktmbuf_data_len(frames[n])))
		n++;
	return n;
}

int kg_trains_send(int fd, const struct kg_train *train, struct rte_mbuf *const *frames,
		   uint16_t count)
{
	struct iovec parts[2 + KG_NIC_BURST];
	uint8_t headers[KG_TRAIN_HEADERS_MAX];
	struct kg_offload offload;
	struct virtio_net_hdr header;

	kg_train_end(train, headers, &offload);
	header = kg_virtio_header(&offload, VIRTIO_NET_HDR_GSO_UDP_L4);
	parts[0] = (struct iovec){ &header, sizeof(header) };
	parts[1] = (struct iovec){ headers, train->headers_bytes };
	for (uint16_t i = 0; i < count; i++)
		parts[2 + i] = (struct iovec){
			rte_pktmbuf_mtod_offset(frames[i], uint8_t *, train->headers_bytes),
			(size_t)rte_pktmbuf_data_len(frames[i]) - train->headers_bytes,
		};
	return writev(fd, parts, 2 + count) < 0 ? -errno : 0;
}

static void fill_checksums(struct rte_mbuf *m)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, m->l2_len);
	uint8_t *udp = ip + m->l3_len;

	if (ip[0] >> 4 == 4)
		kg_checksum_fill_ipv4(ip, KG_IPV4_BYTES);
	/* It holds the pseudo-header's sum. */
	kg_checksum_fill(udp, (size_t)rte_pktmbuf_data_len(m) - m->l2_len - m->l3_len,
			 KG_UDP_CSUM_AT, 0);
	m->ol_flags &= ~(RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IP_CKSUM);
}

void kg_trains_fill_checksums(struct rte_mbuf *const *frames, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		if (is_to_be_summed(frames[i]))
			fill_checksums(frames[i]);
	}
}
