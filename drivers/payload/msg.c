/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the rings and wakers between workers and payload threads, and throws messages away. */
#include "payload/msg.h"

#include <rte_errno.h>
#include <rte_ring_elem.h>
#include <stdio.h>
#include <string.h>

#define MSG_BYTES sizeof(struct kg_msg)

static struct rte_ring *ring_create(const char *name, const char *direction, unsigned int size)
{
	char full[RTE_RING_NAMESIZE];

	if (snprintf(full, sizeof(full), "%s_%s", name, direction) >= (int)sizeof(full)) {
		rte_errno = ENAMETOOLONG;
		return NULL;
	}
	return rte_ring_create_elem(full, MSG_BYTES, size, SOCKET_ID_ANY,
				    RING_F_SP_ENQ | RING_F_SC_DEQ);
}

/* What a message owns goes back where it came from. */
static void ring_destroy(struct rte_ring *ring)
{
	struct kg_msg msg;

	if (ring == NULL)
		return;
	while (rte_ring_sc_dequeue_elem(ring, &msg, MSG_BYTES) == 0)
		kg_msg_discard(&msg);
	rte_ring_free(ring);
}

void kg_msg_discard(const struct kg_msg *msg)
{
	if (msg->type == KG_MSG_DATA)
		kg_buf_free_chain(msg->buf);
}

const char *kg_refusal_text(uint32_t count)
{
	const char *text;

	switch (count) {
	case KG_REFUSAL_NOT_ALLOWED:
		return "not allowed by the server";
	case KG_REFUSAL_NO_NAME:
		return "no such host name";
	case KG_REFUSAL_NO_ADDRESS:
		return "no usable address";
	case KG_REFUSAL_NO_ANSWER:
		return "no answer to the host name";
	default:
		text = strerrordesc_np((int)count);
		return text != NULL ? text : "refused";
	}
}

int kg_payload_link_init(struct kg_payload_link *link, const char *name, unsigned int size)
{
	link->to_worker = ring_create(name, "w", size);
	link->to_payload = ring_create(name, "p", size);
	if (link->to_worker == NULL || link->to_payload == NULL) {
		int error = rte_errno;

		kg_payload_link_fini(link);
		return -error;
	}
	return 0;
}

void kg_payload_link_fini(struct kg_payload_link *link)
{
	ring_destroy(link->to_worker);
	ring_destroy(link->to_payload);
	link->to_worker = NULL;
	link->to_payload = NULL;
}
