/* SPDX-License-Identifier: BSD-3-Clause */
/* Translates between virtio's header of a frame and ours, and moves frames between mbufs and the
 * TAP. */
#include "kernel/tap_frames.h"

#include "kernel/tcp_out.h"
#include "net/merge.h"
#include "nic/virtio_out.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#ifndef TUN_F_USO4 /* Linux 6.2 */
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define OUT_AT_ONCE 4 /* super-frames by the port's own interface, before others' turn */

#define RUNS   8   /* flows of a burst whose frames are gathered at once */
#define PIECES 128 /* mbufs of a super-frame; more would have less than 512 bytes each */

void kg_tap_frames_offer(int fd)
{
	static const unsigned int offers[] = {
		TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6,
		TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN,
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(offers); i++) {
		if (ioctl(fd, TUNSETOFFLOAD, offers[i]) == 0)
			return;
	}
}

void kg_tap_frames_rest(struct kg_tap_frames *frames)
{
	rte_pktmbuf_free_bulk(frames->spares, frames->spare_count);
	frames->spare_count = 0;
}

/* ---- to Linux ---- */

/* A run of frames of one flow, chained to the first. */
struct run {
	struct rte_mbuf *head; /* NULL: the place is free */
	struct kg_merge merge;
};

static struct virtio_net_hdr header_of(const struct kg_offload *offload, bool ipv4)
{
	if (offload->cut == KG_CUT_NOTHING)
		return (struct virtio_net_hdr){ .gso_type = VIRTIO_NET_HDR_GSO_NONE };
	return kg_virtio_header(offload,
				ipv4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6);
}

/* False: Linux has refused it. */
static bool give(const struct kg_tap_frames *frames, struct virtio_net_hdr *header,
		 const struct rte_mbuf *head)
{
	struct iovec parts[1 + PIECES];
	int count = 1;

	parts[0] = (struct iovec){ header, sizeof(*header) };
	for (const struct rte_mbuf *m = head; m != NULL; m = m->next)
		parts[count++] =
			(struct iovec){ rte_pktmbuf_mtod(m, void *), rte_pktmbuf_data_len(m) };
	return writev(frames->fd, parts, count) ==
	       (ssize_t)(sizeof(*header) + rte_pktmbuf_pkt_len(head));
}

static void count_given(struct kg_tap_frames *frames, bool good, uint32_t count)
{
	if (!good)
		kg_count(&frames->stats->errors, count);
	else
		kg_count(&frames->stats->to_kernel, count);
	if (good && count > 1)
		kg_count(&frames->stats->merged, count);
}

static void give_alone(struct kg_tap_frames *frames, struct rte_mbuf *frame)
{
	struct virtio_net_hdr header = { .gso_type = VIRTIO_NET_HDR_GSO_NONE };

	kg_frame_complete_checksum(rte_pktmbuf_mtod(frame, uint8_t *), rte_pktmbuf_data_len(frame));
	count_given(frames, give(frames, &header, frame), 1);
	rte_pktmbuf_free(frame);
}

static void end_run(struct kg_tap_frames *frames, struct run *run)
{
	struct virtio_net_hdr header;
	struct kg_offload offload;
	struct rte_mbuf *head = run->head;

	if (head == NULL)
		return;
	run->head = NULL;
	if (run->merge.frames == 1)
		return give_alone(frames, head);
	kg_merge_end(&run->merge, rte_pktmbuf_mtod(head, uint8_t *), &offload);
	header = header_of(&offload, run->merge.first.tcp_at == KG_ETHER_BYTES + KG_IPV4_BYTES);
	count_given(frames, give(frames, &header, head), run->merge.frames);
	rte_pktmbuf_free(head);
}

static void end_runs(struct kg_tap_frames *frames, struct run *runs)
{
	for (unsigned int i = 0; i < RUNS; i++)
		end_run(frames, &runs[i]);
}

/* Its flow's run, else a free place, else the place of one that has ended now. */
static struct run *place_of(struct kg_tap_frames *frames, struct run *runs,
			    const struct kg_merge_frame *part)
{
	struct run *place = NULL;

	for (unsigned int i = 0; i < RUNS; i++) {
		if (runs[i].head == NULL)
			place = &runs[i];
		else if (kg_merge_same_flow(&runs[i].merge.first, part))
			return &runs[i];
	}
	if (place == NULL) {
		place = &runs[part->bytes[part->tcp_at + 1] % RUNS];
		end_run(frames, place);
	}
	return place;
}

/* Without padding behind it, so that another's payload can follow. */
static void trim(struct rte_mbuf *frame, const struct kg_merge_frame *part)
{
	rte_pktmbuf_trim(frame, (uint16_t)(rte_pktmbuf_data_len(frame) - part->payload_at -
					   part->payload_bytes));
}

static void gather(struct kg_tap_frames *frames, struct run *run, struct rte_mbuf *frame,
		   const struct kg_merge_frame *part)
{
	if (run->head != NULL && run->head->nb_segs < PIECES && kg_merge_add(&run->merge, part)) {
		trim(frame, part);
		rte_pktmbuf_adj(frame, part->payload_at);
		rte_pktmbuf_chain(run->head, frame);
		return;
	}
	end_run(frames, run);
	trim(frame, part);
	run->head = frame;
	kg_merge_begin(&run->merge, part);
}

/* Until a later one of its flow does for it, or the burst ends. */
static void hold_back(struct kg_tap_frames *frames, struct run *run, struct rte_mbuf *frame,
		      const struct kg_merge_frame *ack)
{
	if (run->head != NULL && kg_merge_outdates(ack, &run->merge.first)) {
		kg_count(&frames->stats->acks_spared, 1);
		rte_pktmbuf_free(run->head);
	} else {
		end_run(frames, run);
	}
	run->head = frame;
	kg_merge_begin(&run->merge, ack);
}

static void take_one(struct kg_tap_frames *frames, struct run *runs, struct rte_mbuf *frame)
{
	bool sum_good =
		(frame->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	struct kg_merge_frame part;
	struct run *run;

	kg_merge_look(&part, rte_pktmbuf_mtod(frame, const uint8_t *), rte_pktmbuf_data_len(frame),
		      sum_good);
	if (part.kind == KG_MERGE_FOREIGN) {
		end_runs(frames, runs);
		return give_alone(frames, frame);
	}
	run = place_of(frames, runs, &part);
	if (part.kind == KG_MERGE_PART)
		return gather(frames, run, frame, &part);
	if (part.kind == KG_MERGE_ACK)
		return hold_back(frames, run, frame, &part);
	end_run(frames, run);
	give_alone(frames, frame);
}

void kg_tap_frames_write(struct kg_tap_frames *frames, struct rte_mbuf **mbufs, unsigned int count)
{
	struct run runs[RUNS] = { 0 };

	for (unsigned int i = 0; i < count; i++) {
		if (rte_pktmbuf_linearize(mbufs[i]) == 0) {
			take_one(frames, runs, mbufs[i]);
			continue;
		}
		count_given(frames, false, 1);
		rte_pktmbuf_free(mbufs[i]);
	}
	end_runs(frames, runs);
}

/* ---- from Linux ---- */

/* False: Linux says what we have not offered. */
static bool read_header(const struct virtio_net_hdr *header, struct kg_offload *offload)
{
	*offload = (struct kg_offload){
		.piece_bytes = header->gso_size,
		.headers_bytes = header->hdr_len,
		.sum_left = (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0,
		.sum_from = header->csum_start,
		.sum_at = header->csum_offset,
	};
	switch (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		offload->cut = KG_CUT_NOTHING;
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		offload->cut = KG_CUT_TCP;
		return true;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		offload->cut = KG_CUT_UDP;
		return true;
	}
	return false;
}

/* What becomes of a frame of the kernel's that was read. */
enum fate {
	SPLIT, /* it is to be cut */
	OUT,   /* it has left, or is counted as lost */
	NONE,  /* there was none, or it waits */
};

/* Into how many others will cut it. */
static uint32_t pieces_of(const struct kg_split *split)
{
	uint32_t payload = (uint32_t)(split->len - split->headers_bytes);
	uint16_t piece = split->offload.piece_bytes;

	return split->offload.cut == KG_CUT_NOTHING ? 1 : (payload + piece - 1) / piece;
}

/* By the port's own interface. */
static enum fate send_whole(struct kg_tap_frames *frames)
{
	const struct kg_split *split = &frames->split;
	int rc = kg_tcp_out_send(frames->tcp_out_fd, &frames->header, split->bytes, split->len);

	frames->waits = rc == -EAGAIN;
	if (frames->waits)
		return NONE;
	if (rc == 0) {
		kg_count(&frames->stats->from_kernel, pieces_of(split));
		kg_count(&frames->stats->whole, pieces_of(split));
	} else {
		kg_count(&frames->stats->errors, pieces_of(split));
	}
	return OUT;
}

/* The next frame of the kernel's into `super`. */
static enum fate read_super(struct kg_tap_frames *frames)
{
	struct virtio_net_hdr *header = &frames->header;
	struct iovec parts[] = { { header, sizeof(*header) },
				 { frames->super, sizeof(frames->super) } };
	ssize_t len = readv(frames->fd, parts, KG_ARRAY_SIZE(parts));
	struct kg_offload offload;

	if (len < 0 && errno == EAGAIN)
		return NONE;
	len -= (ssize_t)sizeof(*header);
	if (len <= 0 || len >= (ssize_t)sizeof(frames->super) || !read_header(header, &offload) ||
	    !kg_split_begin(&frames->split, frames->super, (size_t)len, &offload)) {
		kg_count(&frames->stats->errors, 1);
		return OUT;
	}
	if (frames->tcp_out_fd < 0 || !kg_tcp_out_wants(frames->super, (size_t)len))
		return SPLIT;
	return send_whole(frames);
}

/* An mbuf comes back by way of the whole pool, and its memory is out of the caches by then: what
 * the next piece is written to is fetched while this one is. */
static void fetch_ahead(const struct rte_mbuf *frame, size_t bytes)
{
	const uint8_t *data = rte_pktmbuf_mtod(frame, const uint8_t *);

	for (size_t at = 0; at < bytes; at += RTE_CACHE_LINE_SIZE)
		rte_prefetch0(data + at);
}

static struct rte_mbuf *take_spare(struct kg_tap_frames *frames, size_t bytes)
{
	struct rte_mbuf *frame;

	if (frames->spare_count == 0) {
		if (rte_pktmbuf_alloc_bulk(frames->mempool, frames->spares, KG_EXCEPTION_SPARES) !=
		    0)
			return rte_pktmbuf_alloc(frames->mempool);
		frames->spare_count = KG_EXCEPTION_SPARES;
	}
	frame = frames->spares[--frames->spare_count];
	if (frames->spare_count > 0)
		fetch_ahead(frames->spares[frames->spare_count - 1], bytes);
	return frame;
}

/* Room for the next piece, or NULL: no mbuf is left, or it holds less. */
static struct rte_mbuf *room_for(struct kg_tap_frames *frames, size_t bytes)
{
	struct rte_mbuf *frame = take_spare(frames, bytes);

	if (frame == NULL || rte_pktmbuf_append(frame, (uint16_t)bytes) != NULL)
		return frame;
	rte_pktmbuf_free(frame);
	return NULL;
}

struct rte_mbuf *kg_tap_frames_read(struct kg_tap_frames *frames)
{
	enum fate fate = frames->splitting ? SPLIT : OUT;
	struct rte_mbuf *frame;
	size_t bytes;

	for (unsigned int i = 0; fate == OUT && i < OUT_AT_ONCE; i++)
		fate = frames->waits ? send_whole(frames) : read_super(frames);
	if (fate == NONE)
		kg_tap_frames_rest(frames);
	if (fate != SPLIT)
		return NULL;
	bytes = kg_split_next_bytes(&frames->split);
	frame = bytes > UINT16_MAX ? NULL : room_for(frames, bytes);
	kg_split_next(&frames->split, frame == NULL ? NULL : rte_pktmbuf_mtod(frame, uint8_t *));
	frames->splitting = kg_split_next_bytes(&frames->split) > 0;
	if (frame == NULL) {
		kg_count(&frames->stats->errors, 1);
		return NULL;
	}
	kg_count(&frames->stats->from_kernel, 1);
	if (frames->split.offload.cut != KG_CUT_NOTHING)
		kg_count(&frames->stats->cut, 1);
	return frame;
}
