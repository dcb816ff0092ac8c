/* SPDX-License-Identifier: BSD-3-Clause */
/* Lets a host live on a DPDK port: neighbours are answered, datagrams taken and sent. */
#include "port.h"

#include <stdio.h>

#define MTU 1500

bool bench_port_start(struct bench_port *port, uint16_t port_id, struct rte_mempool *mempool,
		      char *error, size_t error_bytes)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	struct kg_nic_params params = {
		.device = name,
		.queues = 1,
		.mtu = MTU,
		.rx_descriptors = KG_NIC_DESCRIPTORS,
		.mempool = mempool,
	};

	*port = (struct bench_port){ .mempool = mempool, .nic.port_id = RTE_MAX_ETHPORTS };
	if (rte_eth_dev_get_name_by_port(port_id, name) != 0) {
		snprintf(error, error_bytes, "port %u has gone", port_id);
		return false;
	}
	return kg_nic_start(&port->nic, &params, error, error_bytes);
}

void bench_port_stop(struct bench_port *port)
{
	kg_nic_stop(&port->nic);
}

void bench_port_add_address(struct bench_port *port, const struct kg_ip *ip)
{
	port->addresses[port->address_count++] = *ip;
}

static bool has_address(const struct bench_port *port, const struct kg_ip *ip)
{
	for (unsigned int i = 0; i < port->address_count; i++) {
		if (kg_ip_equal(&port->addresses[i], ip))
			return true;
	}
	return false;
}

/* ---- neighbours ---- */

/* An mbuf with room for a neighbour's message; NULL is as good as a lost frame. */
static struct rte_mbuf *message_alloc(struct bench_port *port)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(port->mempool);

	if (m == NULL)
		port->stats.tx_full++;
	return m;
}

static void message_send(struct bench_port *port, struct rte_mbuf *m, uint16_t len)
{
	rte_pktmbuf_append(m, len);
	bench_port_tx(port, m);
	bench_port_flush(port);
}

void bench_port_ask(struct bench_port *port)
{
	struct bench_neighbour_self self = { .ip = port->addresses[0], .mac = port->nic.mac };
	struct rte_mbuf *m = message_alloc(port);

	if (m != NULL)
		message_send(port, m,
			     bench_neighbour_ask(rte_pktmbuf_mtod(m, uint8_t *), &self,
						 &port->next_hop));
}

static void answer(struct bench_port *port, const struct bench_neighbour *question)
{
	struct bench_neighbour_self self = { .ip = question->ip, .mac = port->nic.mac };
	struct rte_mbuf *m = message_alloc(port);

	if (m != NULL)
		message_send(
			port, m,
			bench_neighbour_answer(rte_pktmbuf_mtod(m, uint8_t *), &self, question));
}

/* True when the frame was a message of a neighbour that concerns us. */
static bool take_message(struct bench_port *port, const struct rte_mbuf *m)
{
	struct bench_neighbour message;

	bench_neighbour_parse(&message, rte_pktmbuf_mtod(m, const uint8_t *),
			      rte_pktmbuf_data_len(m));
	if (message.kind == BENCH_NEIGHBOUR_QUESTION && has_address(port, &message.ip)) {
		answer(port, &message);
		return true;
	}
	if (message.kind == BENCH_NEIGHBOUR_ANSWER && kg_ip_equal(&message.ip, &port->next_hop)) {
		port->next_hop_mac = message.mac;
		port->next_hop_known = true;
		return true;
	}
	return false;
}

/* ---- bursts ---- */

/* All checksums are verified here, whatever the NIC has: the tester trusts nobody. */
static bool take_datagram(struct bench_port *port, const struct rte_mbuf *m, struct kg_frame *frame)
{
	kg_frame_parse(frame, rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m),
		       KG_VLAN_NONE, 0);
	if (frame->kind == KG_FRAME_UDP && has_address(port, &frame->destination.ip))
		return true;
	if (frame->kind == KG_FRAME_BAD)
		port->stats.rx_bad++;
	else if (frame->kind == KG_FRAME_UDP || !take_message(port, m))
		port->stats.rx_other++;
	return false;
}

uint16_t bench_port_rx(struct bench_port *port, struct rte_mbuf **v, struct kg_frame *frames)
{
	uint16_t n = kg_nic_rx(&port->nic, 0, v), kept = 0;

	port->stats.rx_frames += n;
	for (uint16_t i = 0; i < n; i++) {
		port->stats.rx_bytes += rte_pktmbuf_pkt_len(v[i]);
		if (take_datagram(port, v[i], &frames[kept]))
			v[kept++] = v[i];
		else
			rte_pktmbuf_free(v[i]);
	}
	return kept;
}

void bench_port_tx(struct bench_port *port, struct rte_mbuf *m)
{
	port->stats.tx_frames++;
	port->stats.tx_bytes += rte_pktmbuf_pkt_len(m);
	port->stats.tx_full += kg_nic_tx(&port->nic, 0, &port->txq, m);
}

void bench_port_flush(struct bench_port *port)
{
	port->stats.tx_full += kg_nic_tx_flush(&port->nic, 0, &port->txq);
}

uint64_t bench_port_missed(const struct bench_port *port)
{
	struct rte_eth_stats stats;

	return rte_eth_stats_get(port->nic.port_id, &stats) == 0 ? stats.imissed : 0;
}
