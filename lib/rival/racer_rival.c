/* SPDX-License-Identifier: BSD-3-Clause */
/* Lets a congestion control race: a sender and a receiver of the rivals' transport. */
#include "rival/racer.h"
#include "rival/receiver.h"
#include "rival/sender.h"

#include <stdlib.h>
#include <string.h>

struct pair {
	struct kg_rival_sender *sender;
	struct kg_rival_receiver receiver;
	uint16_t datagram_bytes;
};

static void *create(const struct kg_racer_params *params, uint64_t now_us)
{
	struct pair *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->datagram_bytes = params->kcp.mtu;
	kg_rival_receiver_init(&p->receiver, params->rival.ack_wait_us);
	p->sender = kg_rival_sender_create(params->rival_ops, &params->rival);
	if (p->sender != NULL)
		return p;
	free(p);
	return NULL;
}

static void destroy(void *racer)
{
	struct pair *p = racer;

	kg_rival_sender_destroy(p->sender);
	free(p);
}

static void input(void *racer, enum kg_racer_end end, const uint8_t *data, uint16_t len,
		  uint64_t now_us)
{
	struct pair *p = racer;
	struct kg_rival_data sent;
	struct kg_rival_acks acks;

	if (end == KG_RACER_RECEIVER) {
		memcpy(&sent, data, sizeof(sent));
		kg_rival_receiver_take(&p->receiver, &sent, now_us);
	} else {
		memcpy(&acks, data, sizeof(acks));
		kg_rival_sender_hear(p->sender, &acks, now_us);
	}
}

static uint16_t output(void *racer, enum kg_racer_end end, uint64_t now_us, uint8_t *out)
{
	struct pair *p = racer;
	struct kg_rival_data data;
	struct kg_rival_acks acks;

	if (end == KG_RACER_SENDER) {
		if (!kg_rival_sender_next(p->sender, now_us, &data))
			return 0;
		memcpy(out, &data, sizeof(data));
		return p->datagram_bytes;
	}
	if (!kg_rival_receiver_say(&p->receiver, now_us, &acks))
		return 0;
	memcpy(out, &acks, sizeof(acks));
	return sizeof(acks);
}

static uint64_t deadline_us(const void *racer, enum kg_racer_end end)
{
	const struct pair *p = racer;

	return end == KG_RACER_SENDER ? kg_rival_sender_deadline_us(p->sender) : p->receiver.say_us;
}

static uint64_t delivered(const void *racer)
{
	return ((const struct pair *)racer)->receiver.acks.una;
}

const struct kg_racer_ops kg_racer_rival = {
	.create = create,
	.destroy = destroy,
	.input = input,
	.output = output,
	.deadline_us = deadline_us,
	.delivered = delivered,
};
