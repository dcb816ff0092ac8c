/* SPDX-License-Identifier: BSD-3-Clause */
/* Divides a box's memory: mbufs by what queues and rings may hold, a quarter of the rest for
 * the workers' state, an eighth of all for EAL and tables, what is left for payload. */
#include "box/internal.h"

#include "carried.h"
#include "kernel/ether_frames.h"
#include "nic/mbufs.h"
#include "nic/reassembly.h"
#include "pkt.h"

#include <rte_mempool.h>

#define MEMPOOL_CACHE 256

/* EAL, rings, tables of flows and next hops: what grows with the memory, at least what does not. */
static size_t tables_bytes(const struct kg_config *config)
{
	size_t least_mb = 12 + config->worker_count * (5 + config->payload_threads);

	return KG_MAX((size_t)config->memory_mb << 20 >> 3, least_mb << 20);
}

/* What the queues to vhost-net may hold. */
static unsigned int vhost_mbufs(const struct kg_config *config)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < config->port_count; i++) {
		if (config->ports[i].exception == KG_EXCEPTION_VHOST)
			count += KG_ETHER_FRAMES_MBUFS;
	}
	return count;
}

/* One pool serves all ports, so that a frame may leave by another one than it came by. */
static uint16_t largest_mtu(const struct kg_config *config)
{
	unsigned int largest = 0;

	for (unsigned int i = 0; i < config->port_count; i++)
		largest = KG_MAX(largest, (unsigned int)config->ports[i].mtu);
	return (uint16_t)largest;
}

static unsigned int count_mbufs(const struct kg_config *config, uint16_t rx_descriptors)
{
	return config->port_count * KG_NIC_MBUFS(config->worker_count, rx_descriptors) +
	       KG_PUMP_MBUFS(config->worker_count, config->port_count) +
	       config->port_count * KG_EXCEPTION_SPARES + vhost_mbufs(config) +
	       (config->worker_count + 1) * (MEMPOOL_CACHE * 2 + KG_HANDOFF_RING_SIZE) +
	       config->worker_count * (KG_REASSEMBLY_FRAGMENTS + KG_CARRIED_MAX);
}

/* Long rings are for workers that sleep, and where mbufs are no more than a third of the memory. */
static uint16_t choose_rx_descriptors(const struct kg_config *config)
{
	size_t bytes = count_mbufs(config, KG_NIC_DESCRIPTORS_LONG) *
		       kg_nic_mbuf_bytes(KG_PKT_PRIV_BYTES, largest_mtu(config));

	return config->poll == KG_POLL_ADAPTIVE && bytes <= ((size_t)config->memory_mb << 20) / 3
		       ? KG_NIC_DESCRIPTORS_LONG
		       : KG_NIC_DESCRIPTORS;
}

bool kg_box_init_memory(struct kg_box *box, char *error, size_t error_bytes)
{
	const struct kg_config *config = box->config;
	size_t total = (size_t)config->memory_mb << 20;
	uint16_t mtu = largest_mtu(config), rx_descriptors = choose_rx_descriptors(config);
	unsigned int mbufs = count_mbufs(config, rx_descriptors);
	size_t mbuf_bytes = mbufs * kg_nic_mbuf_bytes(KG_PKT_PRIV_BYTES, mtu);
	char name[KG_BOX_NAME_BYTES];
	size_t state_bytes = total > mbuf_bytes ? (total - mbuf_bytes) / 4 : 0;
	size_t taken = mbuf_bytes + state_bytes + tables_bytes(config);

	if (taken + total / 8 > total)
		FAIL("memory.mb: %u is too little for %u ports and %u workers; %zu would do",
		     config->memory_mb, config->port_count, config->worker_count,
		     (mbuf_bytes >> 20) * 2 + 16);
	box->rx_descriptors = rx_descriptors;
	box->arena_bytes = state_bytes / config->worker_count;
	kg_box_name(box, name, "mbufs");
	box->mbufs = kg_nic_mbufs_create(name, mbufs, MEMPOOL_CACHE, KG_PKT_PRIV_BYTES, mtu);
	kg_box_name(box, name, "bufs");
	box->bufs = kg_buf_mempool_create(name, total - taken, MEMPOOL_CACHE);
	if (box->mbufs == NULL || box->bufs == NULL)
		FAIL("out of memory: %u MB of %s wanted", config->memory_mb,
		     config->hugepages ? "hugepages" : "memory");
	return true;
}

void kg_box_fini_memory(struct kg_box *box)
{
	kg_buf_mempool_destroy(box->bufs);
	rte_mempool_free(box->mbufs);
}
