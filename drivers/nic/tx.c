/* SPDX-License-Identifier: BSD-3-Clause */
/* Empties a queue of frames into the NIC, and frees what it does not take. */
#include "nic/nic.h"

/* A ring that is full for longer than this many tries is congested: then we drop, not wait. */
#define TX_TRIES 8

uint16_t kg_nic_tx_flush(const struct kg_nic *nic, uint16_t queue, struct kg_nic_txq *txq)
{
	uint16_t sent = 0, lost;

	for (int try = 0; try < TX_TRIES && sent < txq->count; try++)
		sent += rte_eth_tx_burst(nic->port_id, queue, txq->frames + sent,
					 txq->count - sent);
	lost = txq->count - sent;
	if (lost > 0)
		rte_pktmbuf_free_bulk(txq->frames + sent, lost);
	txq->count = 0;
	return lost;
}
