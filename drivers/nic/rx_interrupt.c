/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks a driver for the interrupts of its receive queues, and switches them on before a sleep. */
#include "nic/rx_interrupt.h"

#include "base/base.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_log.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 4 /* at once; a queue has one */

/* DPDK calls it an error that a driver has none; here it is a question. */
static int ask(uint16_t port_id, uint16_t queue, int epoll_fd)
{
	int type = rte_log_register("lib.ethdev"), level = rte_log_get_level((uint32_t)type), rc;

	rte_log_set_level((uint32_t)type, RTE_LOG_CRIT);
	rc = rte_eth_dev_rx_intr_ctl_q(port_id, queue, epoll_fd, RTE_INTR_EVENT_ADD, NULL);
	rte_log_set_level((uint32_t)type, (uint32_t)level);
	return rc;
}

static bool find(struct kg_rx_wake *wake, uint16_t port_id, uint16_t queue)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return false;
	if (ask(port_id, queue, fd) != 0) {
		close(fd);
		return false;
	}
	*wake = (struct kg_rx_wake){ KG_RX_WAKE_BY_INTERRUPT, fd, port_id, queue };
	return true;
}

void kg_rx_interrupts_find(struct kg_rx_wake *wakes, uint16_t queues, uint16_t port_id)
{
	for (uint16_t q = 0; q < queues; q++) {
		if (find(&wakes[q], port_id, q))
			continue;
		kg_rx_interrupts_forget(wakes, q);
		return;
	}
}

void kg_rx_interrupts_forget(struct kg_rx_wake *wakes, uint16_t queues)
{
	for (uint16_t q = 0; q < queues; q++) {
		struct kg_rx_wake *wake = &wakes[q];

		if (wake->by != KG_RX_WAKE_BY_INTERRUPT)
			continue;
		rte_eth_dev_rx_intr_ctl_q(wake->port_id, q, wake->fd, RTE_INTR_EVENT_DEL, NULL);
		close(wake->fd);
		*wake = (struct kg_rx_wake){ KG_RX_WAKE_BY_NOTHING };
	}
}

/* Some drivers have nothing to switch: their descriptor is always awake. */
void kg_rx_interrupt_arm(const struct kg_rx_wake *wake)
{
	struct rte_epoll_event events[EVENTS];

	rte_epoll_wait(wake->fd, events, EVENTS, 0);
	rte_eth_dev_rx_intr_enable(wake->port_id, wake->queue);
}

void kg_rx_interrupt_disarm(const struct kg_rx_wake *wake)
{
	rte_eth_dev_rx_intr_disable(wake->port_id, wake->queue);
}
