/* SPDX-License-Identifier: BSD-3-Clause */
/* Empties a queue of frames into the NIC, and frees what it does not take. */
#include "nic/nic.h"
#include "nic/trains.h"

#include <errno.h>

/* A ring that is full for longer than this many tries is congested: then we drop, not wait. */
#define TX_TRIES 8

static uint16_t give(const struct kg_nic *nic, uint16_t queue, struct rte_mbuf **frames,
		     uint16_t count)
{
	uint16_t sent = 0, lost;

	for (int try = 0; try < TX_TRIES && sent < count; try++)
		sent += rte_eth_tx_burst(nic->port_id, queue, frames + sent, count - sent);
	lost = count - sent;
	if (lost > 0)
		rte_pktmbuf_free_bulk(frames + sent, lost);
	return lost;
}

static uint16_t give_alone(const struct kg_nic *nic, uint16_t queue, struct rte_mbuf **frames,
			   uint16_t count)
{
	kg_trains_fill_checksums(frames, count);
	return give(nic, queue, frames, count);
}

/* Somebody captures at the port, and is to see all that leaves. */
static bool is_captured(const struct kg_nic *nic, uint16_t queue)
{
	return rte_eth_fp_ops[nic->port_id].txq.clbk[queue] != NULL;
}

/* False: they are to leave alone. */
static bool ride(int fd, struct kg_nic_txq *txq, const struct kg_train *train,
		 struct rte_mbuf **frames, uint16_t count, uint16_t *lost)
{
	int rc = kg_trains_send(fd, train, frames, count);

	if (rc == -EAGAIN || rc == -EINVAL) {
		txq->no_trains = rc == -EINVAL;
		return false;
	}
	if (rc == 0)
		txq->in_trains += count;
	else
		*lost += count;
	rte_pktmbuf_free_bulk(frames, count);
	return true;
}

/* In the frames' order. */
static uint16_t flush_trains(const struct kg_nic *nic, uint16_t queue, struct kg_nic_txq *txq)
{
	uint16_t alone = 0, next = 0, lost = 0;
	struct kg_train train;

	while (next < txq->count && !txq->no_trains) {
		uint16_t first = next;
		uint16_t n = kg_trains_find(&train, txq->frames + first, txq->count - first);

		next += n;
		if (n < KG_TRAIN_MIN)
			continue;
		lost += give_alone(nic, queue, txq->frames + alone, first - alone);
		if (ride(nic->train_fds[queue], txq, &train, txq->frames + first, n, &lost))
			alone = next;
		else
			alone = first;
	}
	return lost + give_alone(nic, queue, txq->frames + alone, txq->count - alone);
}

uint16_t kg_nic_tx_flush(const struct kg_nic *nic, uint16_t queue, struct kg_nic_txq *txq)
{
	uint16_t lost;

	if (nic->train_count == 0)
		lost = give(nic, queue, txq->frames, txq->count);
	else if (is_captured(nic, queue))
		lost = give_alone(nic, queue, txq->frames, txq->count);
	else
		lost = flush_trains(nic, queue, txq);
	txq->count = 0;
	return lost;
}
