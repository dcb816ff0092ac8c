/* SPDX-License-Identifier: BSD-3-Clause */
#include "payload/msg.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_ring_elem.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

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
	switch (msg->type) {
	case KG_MSG_DATA:
		kg_buf_free_chain(msg->buf);
		break;
	case KG_MSG_FRAME:
	case KG_MSG_PACKET:
		rte_pktmbuf_free(msg->mbuf);
		break;
	default:
		break;
	}
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

int kg_waker_init(struct kg_waker *waker)
{
	atomic_init(&waker->sleeping, false);
	waker->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return waker->fd < 0 ? -errno : 0;
}

void kg_waker_fini(struct kg_waker *waker)
{
	if (waker->fd >= 0)
		close(waker->fd);
	waker->fd = -1;
}

/*
 * The fences of wake and prepare pair up: either the sleeper's second look at the ring sees the
 * message, or the waker sees that it sleeps.
 */
void kg_waker_wake(struct kg_waker *waker)
{
	const uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&waker->sleeping, memory_order_relaxed) ||
	    !atomic_exchange(&waker->sleeping, false))
		return;
	/* Can only fail when the counter is full, and then the sleeper is awake. */
	if (write(waker->fd, &one, sizeof(one)) < 0)
		return;
}

void kg_waker_prepare(struct kg_waker *waker)
{
	atomic_store_explicit(&waker->sleeping, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

void kg_waker_cancel(struct kg_waker *waker)
{
	uint64_t count;

	/* Still announced: nobody has written, so there is nothing to read. */
	if (atomic_exchange(&waker->sleeping, false))
		return;
	/* A write that comes later than this ends one more sleep early, no harm done. */
	if (read(waker->fd, &count, sizeof(count)) < 0)
		return;
}
