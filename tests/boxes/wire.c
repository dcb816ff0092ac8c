/* SPDX-License-Identifier: BSD-3-Clause */
/* Carries frames between two boxes over a bad link, and takes what is for Linux. */
#include "boxes/boxes.h"
#include "boxes/packet.h"

#include <stdlib.h>

void wire_start(struct boxes *boxes)
{
	for (int side = CLIENT; side < SIDES; side++)
		kg_sim_link_init(&boxes->links[side], &boxes->scenario.wire[side], &boxes->rng);
}

void wire_stop(struct boxes *boxes)
{
	for (int side = CLIENT; side < SIDES; side++)
		kg_sim_link_fini(&boxes->links[side]);
}

static bool take_sent(struct boxes *boxes, int side)
{
	bool any = false;
	void *frame;

	for (unsigned int q = 0; q < boxes->two.queues; q++) {
		while (rte_ring_dequeue(boxes->two.sent[side][q], &frame) == 0) {
			struct rte_mbuf *m = frame;

			uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

			if (side == CLIENT)
				nat_out(boxes, data, rte_pktmbuf_data_len(m));
			path_pass(boxes, side, data, rte_pktmbuf_data_len(m));
			rte_pktmbuf_free(m);
			any = true;
		}
	}
	return any;
}

/* A NIC spreads as it likes, but for fragments, which have no ports to spread them by. */
static struct rte_ring *some_queue(struct boxes *boxes, int side, const uint8_t *frame)
{
	if (packet_is_fragment(frame))
		return boxes->two.arriving[side][0];
	return boxes->two.arriving[side][kg_rng_below(&boxes->rng, boxes->two.queues)];
}

static bool bring(struct boxes *boxes, int to)
{
	struct kg_sim_link_packet *packet;
	bool any = false;

	while ((packet = kg_sim_link_receive(&boxes->links[!to], boxes->now_us)) != NULL) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(boxes->two.boxes[to].mbufs);
		char *data = m != NULL ? rte_pktmbuf_append(m, packet->len) : NULL;

		boxes_check(boxes, data != NULL);
		memcpy(data, packet->bytes, packet->len);
		if ((to == CLIENT && !nat_in(boxes, (uint8_t *)data, packet->len)) ||
		    rte_ring_enqueue(some_queue(boxes, to, (uint8_t *)data), m) != 0)
			rte_pktmbuf_free(m); /* by the NAT, or as a NIC whose queue is full */
		free(packet);
		any = true;
	}
	return any;
}

static void empty(struct rte_ring *ring)
{
	void *m;

	while (rte_ring_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
}

/* Linux is nobody here: it takes what it is given and says nothing. */
static void be_linux(struct kg_box *box)
{
	for (unsigned int w = 0; w < box->worker_count; w++) {
		empty(box->pump.links[w].frames[0]);
		empty(box->pump.links[w].packets);
	}
}

bool wire_turn(struct boxes *boxes)
{
	bool any = false;

	for (int side = CLIENT; side < SIDES; side++) {
		any |= take_sent(boxes, side);
		any |= bring(boxes, side);
		be_linux(&boxes->two.boxes[side]);
	}
	return any;
}

uint64_t wire_next_us(const struct boxes *boxes)
{
	return KG_MIN(kg_sim_link_next_us(&boxes->links[CLIENT]),
		      kg_sim_link_next_us(&boxes->links[SERVER]));
}
