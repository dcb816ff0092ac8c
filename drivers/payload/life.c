/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes what a payload thread has before it runs, and takes it down. */
#include "payload/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_US (20 * KG_US_PER_S) /* the client's handshake gives up after 30 s */
#define TRY_TIMEOUT_US     (CONNECT_TIMEOUT_US / KG_DIAL_TRIES)
#define DRAIN_TIMEOUT_US   (35 * KG_US_PER_S) /* like the linger time of a channel */

void kg_payload_close_all(struct kg_payload *p)
{
	while (!TAILQ_EMPTY(&p->flows))
		kg_flow_destroy(p, TAILQ_FIRST(&p->flows));
	for (unsigned int i = 0; i < p->gates.count; i++)
		kg_listeners_unwatch(p, p->gates.all[i]);
	for (unsigned int i = 0; i < p->config.link_count; i++) {
		struct kg_link *link = &p->links[i];

		while (link->input_next < link->input_count)
			kg_msg_discard(&link->input[link->input_next++]);
	}
	kg_spare_drop(p);
}

/* The waker only has to end the sleep. Its token may stay: epoll tells of each new one once. */
static enum kg_served serve_waker(struct kg_payload *p, struct kg_source *source)
{
	(void)p;
	(void)source;
	return KG_SERVED_IDLE;
}

static bool allocate(struct kg_payload *p)
{
	bool has_loan = kg_loan_init(&p->loan) == 0;

	p->links = calloc(p->config.link_count, sizeof(*p->links));
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	p->spare_fd = kg_source_spare_fd(p);
	return has_loan && p->links != NULL && p->epoll_fd >= 0 && kg_udp_create(p) &&
	       kg_gates_create(p);
}

static void init(struct kg_payload *p)
{
	TAILQ_INIT(&p->ready);
	TAILQ_INIT(&p->flows);
	TAILQ_INIT(&p->connecting.flows);
	TAILQ_INIT(&p->draining.flows);
	TAILQ_INIT(&p->trying.flows);
	p->connecting.span_us = CONNECT_TIMEOUT_US;
	p->draining.span_us = DRAIN_TIMEOUT_US;
	p->trying.span_us = TRY_TIMEOUT_US;
	p->waker.serve = serve_waker;
	for (unsigned int i = 0; i < p->config.link_count; i++) {
		p->links[i].rings = &p->config.links[i];
		TAILQ_INIT(&p->links[i].pending);
	}
}

static void release(struct kg_payload *p)
{
	kg_gates_destroy(p);
	kg_udp_destroy(p);
	if (p->spare_fd >= 0)
		close(p->spare_fd);
	if (p->epoll_fd >= 0)
		close(p->epoll_fd);
	kg_loan_fini(&p->loan);
	free(p->links);
	free(p);
}

static bool open_gates(struct kg_payload *p, char *error, size_t error_bytes)
{
	for (unsigned int t = 0; t < p->config.tunnel_count; t++) {
		const struct kg_payload_tunnel *tunnel = &p->config.tunnels[t];
		struct kg_gate *gate = kg_gate_create(p, tunnel, NULL, error, error_bytes);

		if (gate == NULL)
			return false;
		if (!kg_gate_open(p, gate)) {
			snprintf(error, error_bytes, "tunnel %s: cannot watch its sockets",
				 tunnel->name);
			return false;
		}
	}
	p->config.tunnels = NULL;
	return true;
}

struct kg_payload *kg_payload_create(const struct kg_payload_config *config, char *error,
				     size_t error_bytes)
{
	struct kg_payload *p = calloc(1, sizeof(*p));

	snprintf(error, error_bytes, "payload thread: out of memory or descriptors");
	if (p == NULL)
		return NULL;
	p->config = *config;
	if (!allocate(p)) {
		release(p);
		return NULL;
	}
	init(p);
	if (kg_source_open(p, &p->waker, config->waker->fd, EPOLLIN) < 0 ||
	    !open_gates(p, error, error_bytes)) {
		kg_payload_destroy(p);
		return NULL;
	}
	return p;
}

void kg_payload_destroy(struct kg_payload *p)
{
	if (p == NULL)
		return;
	kg_payload_close_all(p);
	release(p);
}

KG_METRIC_TABLE(kg_payload_metrics, kg_payload_stats, KG_PAYLOAD_METRICS(KG_METRIC_ROW));

void kg_payload_add_stats(struct kg_payload_stats *sum, const struct kg_payload *p)
{
	kg_metrics_add((uint64_t *)sum, (const uint64_t *)&p->stats, kg_payload_metrics.count);
}
