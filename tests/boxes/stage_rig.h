/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stage alone: two boxes of two workers stand in one process, nothing turns, and a test calls one
 * stage of one worker with mbufs that it has made.
 */
#pragma once

#include "boxes/two_boxes.h"
#include "boxes/virtual_clock.h"
#include "kcp/kcp.h"
#include "net/frame.h"
#include "stage/stage.h"

#include <rte_eal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define RIG_WORKERS     2
#define RIG_LISTEN_PORT 3000 /* the server's, for the wire */
#define RIG_START_US    (1000 * KG_US_PER_S)

static struct two_boxes rig;

static const struct kg_ip rig_client_ip = { 4, { 198, 18, 0, 1 } };
static const struct kg_ip rig_server_ip = { 4, { 198, 18, 0, 2 } };

static inline int rig_init(void **state)
{
	static char *args[] = {
		"stage", "--no-huge",      "--no-shconf",      "--no-pci",
		"-m512", "--no-telemetry", "--lcores=0@0,1@0", "--log-level=error"
	};
	const struct two_boxes_params params = {
		.algorithm = "AES-GCM",
		.preset = "fast3",
		.workers = RIG_WORKERS,
		.memory_mb = 200,
		.apart = true,
		.neighbour = true,
	};
	char error[512];

	if (rte_eal_init(KG_ARRAY_SIZE(args), args) < 0)
		return -1;
	virtual_clock_start(RIG_START_US, 1);
	if (!two_boxes_init(&rig, &params, error, sizeof(error))) {
		print_error("%s\n", error);
		return -1;
	}
	return 0;
}

static inline int rig_fini(void **state)
{
	two_boxes_fini(&rig);
	return rte_eal_cleanup();
}

static inline struct kg_worker *rig_worker(int side, unsigned int index)
{
	return rig.boxes[side].workers[index];
}

/* An mbuf of a box with these bytes, as if its port had received them. */
static inline struct rte_mbuf *rig_received(int side, const void *bytes, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig.boxes[side].mbufs);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, len), bytes, len);
	*kg_pkt(m) = (struct kg_pkt){ 0 };
	return m;
}

/* A UDP frame with `len` bytes of payload that count up. */
static inline struct rte_mbuf *rig_frame(int side, const struct kg_endpoint *from,
					 const struct kg_endpoint *to, uint16_t len)
{
	const struct kg_mac source = { { 2, 0, 0, 0, 0, 8 } },
			    destination = { { 2, 0, 0, 0, 0, 9 } };
	uint8_t bytes[2048];
	struct kg_l2 l2;
	uint16_t head;

	kg_l2_init(&l2, &source, &destination, 0);
	head = kg_frame_header_bytes(&l2, from->ip.version);
	for (uint16_t i = 0; i < len; i++)
		bytes[head + i] = (uint8_t)i;
	kg_frame_build(bytes, &l2, from, to, len, 0, KG_FRAME_CSUM_SOFTWARE);
	return rig_received(side, bytes, (uint16_t)(head + len));
}

/* A KCP segment without payload, where session_output would leave it. */
static inline struct rte_mbuf *rig_segment(int side, uint32_t conv, const struct kg_endpoint *local,
					   const struct kg_endpoint *remote)
{
	const struct kg_profile *profile = two_boxes_side(rig_worker(side, 0))->profile;
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig.boxes[side].mbufs);
	struct kg_pkt *pkt = kg_pkt(m);

	assert_non_null(m);
	*pkt = (struct kg_pkt){
		.local = *local,
		.remote = *remote,
		.body = rte_pktmbuf_mtod_offset(m, uint8_t *, profile->head_bytes),
		.body_len = KG_KCP_HEADER_BYTES,
	};
	memset(pkt->body, 0, pkt->body_len);
	memcpy(pkt->body, &conv, sizeof(conv));
	pkt->body[4] = KG_KCP_WASK;
	return m;
}

static inline uint64_t rig_drops(const struct kg_worker *w, enum kg_drop drop)
{
	return w->stats.drops[drop];
}

/* The last that was noted of an address and reason; NULL. */
static inline const struct kg_dropped *rig_dropped(const struct kg_worker *w,
						   const struct kg_ip *from, enum kg_drop drop)
{
	for (unsigned int i = 0; i < KG_DROPPED_PLACES; i++) {
		const struct kg_dropped *place = &w->dropped.places[i];

		if (place->count > 0 && place->reason == drop &&
		    kg_ip_equal(&place->ends.remote.ip, from))
			return place;
	}
	return NULL;
}

static inline uint64_t rig_count(const struct kg_worker *w, enum kg_counter counter)
{
	return w->stats.counters[counter];
}

/* What lies in a ring, to be freed by the caller; NULL. */
static inline struct rte_mbuf *rig_take(struct rte_ring *ring)
{
	void *m = NULL;

	return rte_ring_dequeue(ring, &m) == 0 ? m : NULL;
}
