/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes all that is between threads: rings of messages, mail, reports, handed-off datagrams. */
#include "box/internal.h"

#include <errno.h>
#include <string.h>

#define LINK_RINGS_SIZE   16384 /* messages between a worker and all payload threads */
#define LINK_RING_MIN     1024  /* and one of them at least */
#define REPORT_RING_SIZE  1024
#define CONTROL_RING_SIZE 256

static struct rte_ring *make_ring(const struct kg_box *box, const char *what, unsigned int to,
				  unsigned int from, unsigned int element_bytes, unsigned int size)
{
	char name[KG_BOX_NAME_BYTES], part[32];

	snprintf(part, sizeof(part), "%s%u_%u", what, to, from);
	kg_box_name(box, name, part);
	return rte_ring_create_elem(name, element_bytes, size, SOCKET_ID_ANY,
				    RING_F_SP_ENQ | RING_F_SC_DEQ);
}

/* A worker's rings take the same memory whatever the number of payload threads. */
static bool init_links_of(struct kg_box *box, unsigned int w)
{
	unsigned int share = rte_align32prevpow2(LINK_RINGS_SIZE / box->payload_count);

	for (unsigned int t = 0; t < box->payload_count; t++) {
		struct kg_box_payload *payload = &box->payloads[t];
		char name[KG_BOX_NAME_BYTES], part[32];

		snprintf(part, sizeof(part), "w%u_%u", w, t);
		kg_box_name(box, name, part);
		payload->links[w].payload_waker = &payload->waker;
		if (kg_payload_link_init(&payload->links[w], name,
					 KG_MAX(share, (unsigned int)LINK_RING_MIN)) != 0)
			return false;
	}
	return true;
}

static bool init_enquiries_of(struct kg_box *box, unsigned int t)
{
	struct kg_box_payload *payload = &box->payloads[t];
	char name[KG_BOX_NAME_BYTES], part[32];

	snprintf(part, sizeof(part), "names%u", t);
	kg_box_name(box, name, part);
	payload->enquiries.keeper_waker = &box->control_waker;
	payload->enquiries.asker_waker = &payload->waker;
	return kg_enquiries_init(&payload->enquiries, name) == 0;
}

/* Everything but tunnels' UDP arrives at the first worker, which exchanges it with Linux. */
static bool init_pump_link_of(struct kg_box *box, unsigned int w)
{
	char name[KG_BOX_NAME_BYTES], part[32];

	snprintf(part, sizeof(part), "pump%u", w);
	kg_box_name(box, name, part);
	box->pump.links[w].pump_waker = &box->pump.waker;
	return kg_pump_link_init(&box->pump.links[w], name, box->config->port_count, w == 0) == 0;
}

/* Both ways, of datagrams. */
static bool init_control_of(struct kg_box *box, unsigned int w)
{
	box->to_control[w] = make_ring(box, "toctl", w, 0, sizeof(void *), CONTROL_RING_SIZE);
	if (w == 0)
		box->from_control = make_ring(box, "ctl", w, 0, sizeof(void *), CONTROL_RING_SIZE);
	return box->to_control[w] != NULL && box->from_control != NULL;
}

static void free_datagrams(struct rte_ring *ring)
{
	void *m;

	while (ring != NULL && rte_ring_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(ring);
}

static bool init_rings_of(struct kg_box *box, unsigned int w)
{
	if (!init_links_of(box, w) || !init_pump_link_of(box, w) || !init_control_of(box, w))
		return false;
	box->mail[w] = make_ring(box, "mail", w, 0, sizeof(struct kg_mail), KG_MAIL_RING_SIZE);
	box->reports[w] = make_ring(box, "rep", w, 0, sizeof(struct kg_report), REPORT_RING_SIZE);
	for (unsigned int from = 0; from < box->config->worker_count; from++) {
		if (from == w)
			continue;
		box->handoff[w][from] =
			make_ring(box, "hand", w, from, sizeof(void *), KG_HANDOFF_RING_SIZE);
		if (box->handoff[w][from] == NULL)
			return false;
	}
	return box->mail[w] != NULL && box->reports[w] != NULL;
}

bool kg_box_init_rings(struct kg_box *box, char *error, size_t error_bytes)
{
	pthread_mutex_init(&box->mail_lock, NULL);
	if (kg_waker_init(&box->control_waker) != 0 || kg_waker_init(&box->pump.waker) != 0)
		FAIL("no event descriptors: %s", strerror(errno));
	for (unsigned int t = 0; t < box->payload_count; t++) {
		if (kg_waker_init(&box->payloads[t].waker) != 0)
			FAIL("no event descriptors: %s", strerror(errno));
		if (!init_enquiries_of(box, t))
			FAIL("out of memory for the rings of payload thread %u", t);
	}
	for (unsigned int w = 0; w < box->config->worker_count; w++) {
		if (!init_rings_of(box, w))
			FAIL("out of memory for the rings of worker %u", w);
	}
	return true;
}

void kg_box_fini_rings(struct kg_box *box)
{
	for (unsigned int w = 0; w < box->config->worker_count; w++) {
		for (unsigned int t = 0; t < box->payload_count; t++)
			kg_payload_link_fini(&box->payloads[t].links[w]);
		kg_pump_link_fini(&box->pump.links[w]);
		rte_ring_free(box->mail[w]);
		rte_ring_free(box->reports[w]);
		for (unsigned int from = 0; from < box->config->worker_count; from++)
			free_datagrams(box->handoff[w][from]);
		free_datagrams(box->to_control[w]);
	}
	free_datagrams(box->from_control);
	kg_waker_fini(&box->control_waker);
	kg_waker_fini(&box->pump.waker);
	for (unsigned int t = 0; t < box->payload_count; t++) {
		kg_enquiries_fini(&box->payloads[t].enquiries);
		kg_waker_fini(&box->payloads[t].waker);
	}
}
