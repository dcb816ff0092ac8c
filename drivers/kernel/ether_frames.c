/* SPDX-License-Identifier: BSD-3-Clause */
/* Plugs a DPDK device in that is an interface of Linux, and moves bursts of frames through it. */
#include "kernel/ether_frames.h"
#include "nic/mtu.h"
#include "nic/rx_interrupt.h"

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>

#define BUS "vdev"

static bool plug_in(struct kg_ether_frames *frames, const struct kg_exception_params *params)
{
	const uint8_t *mac = params->mac.bytes;
	char arguments[256];

	snprintf(frames->device, sizeof(frames->device), "%s_%s", params->ethdev, params->name);
	snprintf(arguments, sizeof(arguments), "iface=%s,mac=%02x:%02x:%02x:%02x:%02x:%02x%s",
		 params->name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
		 params->ethdev_arguments);
	frames->probed = rte_eal_hotplug_add(BUS, frames->device, arguments) == 0;
	return frames->probed &&
	       rte_eth_dev_get_port_by_name(frames->device, &frames->port_id) == 0;
}

static int start(struct kg_ether_frames *frames, const struct kg_exception_params *params)
{
	struct rte_eth_conf conf = { .intr_conf.rxq = 1 };
	uint16_t rx = KG_ETHER_FRAMES_DESCRIPTORS, tx = KG_ETHER_FRAMES_DESCRIPTORS;
	uint16_t port = frames->port_id;
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(port, &info);

	if (rc == 0)
		rc = rte_eth_dev_configure(port, 1, 1, &conf);
	if (rc == 0)
		rc = kg_nic_set_mtu(port, &info, params->mtu);
	if (rc == 0)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx, &tx);
	if (rc == 0)
		rc = rte_eth_rx_queue_setup(port, 0, rx, SOCKET_ID_ANY, NULL, params->mempool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(port, 0, tx, SOCKET_ID_ANY, NULL);
	if (rc == 0)
		rc = rte_eth_dev_start(port);
	frames->started = rc == 0;
	return rc;
}

bool kg_ether_frames_open(struct kg_ether_frames *frames, const struct kg_exception_params *params,
			  char *error, size_t error_bytes)
{
	int rc;

	if (!plug_in(frames, params)) {
		snprintf(error, error_bytes, "%s cannot be had", frames->device);
		return false;
	}
	rc = start(frames, params);
	if (rc != 0) {
		snprintf(error, error_bytes, "%s cannot be started: %s", frames->device,
			 strerror(-rc));
		return false;
	}
	/* Neighbours' questions are broadcast or multicast, and some addresses are Linux's own. */
	rte_eth_promiscuous_enable(frames->port_id);
	kg_rx_interrupts_find(&frames->wake, 1, frames->port_id);
	if (frames->wake.by == KG_RX_WAKE_BY_INTERRUPT)
		return true;
	snprintf(error, error_bytes, "%s has no interrupts", frames->device);
	return false;
}

void kg_ether_frames_close(struct kg_ether_frames *frames)
{
	rte_pktmbuf_free_bulk(frames->read + frames->next, frames->count - frames->next);
	kg_rx_interrupts_forget(&frames->wake, 1);
	if (frames->started)
		rte_eth_dev_stop(frames->port_id);
	if (frames->probed)
		rte_eal_hotplug_remove(BUS, frames->device);
}

/* ---- to Linux ---- */

/* Keeps those that are one piece of memory, with their checksums filled in. */
static uint16_t finish(struct kg_ether_frames *frames, struct rte_mbuf **mbufs, unsigned int count)
{
	uint16_t kept = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct rte_mbuf *m = mbufs[i];

		if (rte_pktmbuf_pkt_len(m) == 0 || rte_pktmbuf_linearize(m) != 0) {
			kg_count(&frames->stats->errors, 1);
			rte_pktmbuf_free(m);
			continue;
		}
		kg_frame_complete_checksum(rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_data_len(m));
		m->ol_flags = 0;
		mbufs[kept++] = m;
	}
	return kept;
}

void kg_ether_frames_write(struct kg_ether_frames *frames, struct rte_mbuf **mbufs,
			   unsigned int count)
{
	uint16_t ready = finish(frames, mbufs, count);
	uint16_t sent = rte_eth_tx_burst(frames->port_id, 0, mbufs, ready);

	kg_count(&frames->stats->to_kernel, sent);
	kg_count(&frames->stats->errors, ready - sent);
	rte_pktmbuf_free_bulk(mbufs + sent, ready - sent);
}

/* ---- from Linux ---- */

static bool refill(struct kg_ether_frames *frames)
{
	frames->next = 0;
	frames->count = rte_eth_rx_burst(frames->port_id, 0, frames->read, KG_ETHER_FRAMES_BURST);
	kg_count(&frames->stats->from_kernel, frames->count);
	return frames->count > 0;
}

/* An interrupt tells of what comes after it was armed, so the queue is looked at once more. */
static bool refill_or_arm(struct kg_ether_frames *frames)
{
	if (refill(frames))
		return true;
	kg_rx_interrupt_arm(&frames->wake);
	return refill(frames);
}

struct rte_mbuf *kg_ether_frames_read(struct kg_ether_frames *frames)
{
	frames->drained = frames->next == frames->count && !refill_or_arm(frames);
	return frames->drained ? NULL : frames->read[frames->next++];
}
