/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where AF_XDP copies, Linux makes a buffer of its own for each frame that is sent, and walks it
 * alone through the device's transmit path. There what leaves together leaves as one frame by a
 * packet socket on the same interface, and Linux or the NIC cuts it (UDP segmentation). Frames that
 * leave alone go to the queue (docs/decisions/0114-trains-on-the-wire.md).
 */
#pragma once

#include "net/train.h"

#include <rte_mbuf.h>

#define KG_TRAIN_NONE (-1) /* in place of a descriptor */
#define KG_TRAIN_MIN  3    /* frames */

/* A socket that sends trains on the interface, with no queue of its own, for one thread.
 * KG_TRAIN_NONE: the AF_XDP socket does not copy, or there can be none. Needs CAP_NET_RAW; close
 * it. */
int kg_trains_open(unsigned int ifindex, int xdp_fd);

/* How many of the frames, from the first on, form a train; 1: it leaves alone. Only those are in a
 * train whose UDP checksum was left to be filled in (RTE_MBUF_F_TX_UDP_CKSUM). */
uint16_t kg_trains_find(struct kg_train *train, struct rte_mbuf *const *frames, uint16_t count);
/* 0; -EAGAIN: the interface's queue is full now; -EINVAL: Linux cuts no UDP of a packet socket, as
 * before 6.2; another -errno: they are lost, or some of them. The frames stay the caller's. */
int kg_trains_send(int fd, const struct kg_train *train, struct rte_mbuf *const *frames,
		   uint16_t count);

/* What leaves alone has its checksums filled in: a queue of AF_XDP does not. */
void kg_trains_fill_checksums(struct rte_mbuf *const *frames, uint16_t count);
