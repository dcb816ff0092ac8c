/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts a port with a queue for each worker, and stops it. */
#include "nic/mtu.h"
#include "nic/nic.h"
#include "nic/rx_interrupt.h"
#include "nic/trains.h"

#include <errno.h>
#include <rte_errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RX_CHECKSUM (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define TX_CHECKSUM (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)

static bool find_port(const char *device, uint16_t *port_id)
{
	char name[RTE_ETH_NAME_MAX_LEN];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
	return rte_eth_dev_get_port_by_name(name, port_id) == 0;
}

bool kg_nic_exists(const char *device)
{
	uint16_t port_id;

	return find_port(device, &port_id);
}

static struct rte_eth_conf port_conf(const struct rte_eth_dev_info *info, uint16_t queues,
				     bool interrupts)
{
	struct rte_eth_conf conf = {
		.intr_conf.rxq = interrupts,
		.rxmode.offloads = info->rx_offload_capa & RX_CHECKSUM,
		.txmode.offloads = info->tx_offload_capa & TX_CHECKSUM,
	};

	kg_rss_configure(info, queues, &conf);
	return conf;
}

static int setup_rx(struct kg_nic *nic, uint16_t queue, uint16_t descriptors, int socket,
		    struct rte_mempool *mempool)
{
	struct kg_sockets before;
	int rc;

	kg_sockets_list(&before, AF_XDP);
	rc = rte_eth_rx_queue_setup(nic->port_id, queue, descriptors, socket, NULL, mempool);
	if (rc == 0)
		kg_rx_wake_find_xdp(&nic->rx_wakes[queue], &before);
	return rc;
}

static int setup_queues(struct kg_nic *nic, const struct kg_nic_params *params)
{
	int socket = rte_eth_dev_socket_id(nic->port_id);
	uint16_t rx = params->rx_descriptors, tx = KG_NIC_DESCRIPTORS;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(nic->port_id, &rx, &tx);

	for (uint16_t q = 0; rc == 0 && q < params->queues; q++) {
		rc = setup_rx(nic, q, rx, socket, params->mempool);
		if (rc == 0)
			rc = rte_eth_tx_queue_setup(nic->port_id, q, tx, socket, NULL);
	}
	return rc;
}

static int configure(struct kg_nic *nic, const struct kg_nic_params *params,
		     const struct rte_eth_dev_info *info, bool interrupts)
{
	struct rte_eth_conf conf = port_conf(info, params->queues, interrupts);
	uint16_t mtu = params->mtu + (params->vlan != 0 ? RTE_VLAN_HLEN : 0);
	int rc = rte_eth_dev_configure(nic->port_id, params->queues, params->queues, &conf);

	nic->tx_checksum = (conf.txmode.offloads & TX_CHECKSUM) == TX_CHECKSUM;
	if (rc != 0)
		return rc;
	rc = kg_nic_set_mtu(nic->port_id, info, mtu);
	if (rc != 0)
		return rc;
	return setup_queues(nic, params);
}

static int start(struct kg_nic *nic, uint16_t queues)
{
	struct rte_ether_addr mac;
	int rc = rte_eth_dev_start(nic->port_id);

	if (rc != 0)
		return rc;
	/* Neighbour discovery is multicast; a port that cannot choose hears everything anyway. */
	rte_eth_allmulticast_enable(nic->port_id);
	kg_rss_learn(&nic->rss, nic->port_id, queues);
	rc = rte_eth_macaddr_get(nic->port_id, &mac);
	memcpy(nic->mac.bytes, mac.addr_bytes, sizeof(nic->mac.bytes));
	return rc;
}

static void close_trains(struct kg_nic *nic)
{
	while (nic->train_count > 0)
		close(nic->train_fds[--nic->train_count]);
}

/* All queues have them, or none. */
static void open_trains(struct kg_nic *nic, uint16_t queues, unsigned int ifindex)
{
	for (uint16_t q = 0; q < queues; q++) {
		const struct kg_rx_wake *wake = &nic->rx_wakes[q];
		int fd = wake->by == KG_RX_WAKE_BY_XDP_SOCKET ? kg_trains_open(ifindex, wake->fd)
							      : KG_TRAIN_NONE;

		if (fd == KG_TRAIN_NONE) {
			close_trains(nic);
			return;
		}
		nic->train_fds[nic->train_count++] = fd;
	}
	nic->tx_checksum = true;
}

/* By the best that there is. */
static int set_up(struct kg_nic *nic, const struct kg_nic_params *params,
		  const struct rte_eth_dev_info *info, bool interrupts)
{
	int rc = configure(nic, params, info, interrupts);

	if (rc == 0 && nic->rx_wakes[0].by == KG_RX_WAKE_BY_NOTHING)
		kg_rx_wake_find_packet(nic->rx_wakes, params->queues, info->if_index);
	if (rc == 0)
		rc = start(nic, params->queues);
	if (rc == 0 && interrupts && nic->rx_wakes[0].by == KG_RX_WAKE_BY_NOTHING)
		kg_rx_interrupts_find(nic->rx_wakes, params->queues, nic->port_id);
	if (rc == 0)
		open_trains(nic, params->queues, info->if_index);
	return rc;
}

/* Some NICs do not start with interrupts where their bus has too few of these. */
static int set_up_somehow(struct kg_nic *nic, const struct kg_nic_params *params,
			  const struct rte_eth_dev_info *info)
{
	int rc = set_up(nic, params, info, params->sleeps);

	return rc != 0 && params->sleeps && info->if_index == 0 ? set_up(nic, params, info, false)
								: rc;
}

bool kg_nic_start(struct kg_nic *nic, const struct kg_nic_params *params, char *error,
		  size_t error_bytes)
{
	struct rte_eth_dev_info info;
	int rc;

	*nic = (struct kg_nic){ .port_id = RTE_MAX_ETHPORTS };
	if (!find_port(params->device, &nic->port_id)) {
		snprintf(error, error_bytes, "%s: DPDK found no such device", params->device);
		return false;
	}
	rc = rte_eth_dev_info_get(nic->port_id, &info);
	if (rc == 0 && RTE_MIN(info.max_rx_queues, info.max_tx_queues) < params->queues) {
		snprintf(error, error_bytes, "%s: has %u queue pairs, %u workers need as many",
			 params->device, RTE_MIN(info.max_rx_queues, info.max_tx_queues),
			 params->queues);
		return false;
	}
	if (rc == 0 && params->mtu > info.max_mtu) {
		snprintf(error, error_bytes, "%s: takes an MTU of %u at most, not %u",
			 params->device, info.max_mtu, params->mtu);
		return false;
	}
	if (rc == 0)
		rc = set_up_somehow(nic, params, &info);
	if (rc != 0)
		snprintf(error, error_bytes, "%s: cannot be started: %s", params->device,
			 strerror(-rc));
	return rc == 0;
}

void kg_nic_stop(struct kg_nic *nic)
{
	if (nic->port_id == RTE_MAX_ETHPORTS)
		return;
	kg_rx_interrupts_forget(nic->rx_wakes, KG_NIC_QUEUES_MAX);
	close_trains(nic);
	rte_eth_dev_stop(nic->port_id);
	rte_eth_dev_close(nic->port_id);
	nic->port_id = RTE_MAX_ETHPORTS;
}

bool kg_nic_is_gone(const struct kg_nic *nic)
{
	return rte_eth_dev_is_removed(nic->port_id) != 0;
}

bool kg_nic_has_link(const struct kg_nic *nic)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(nic->port_id, &link) != 0 ||
	       link.link_status == RTE_ETH_LINK_UP;
}
