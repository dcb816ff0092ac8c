/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker counts. One list makes the enum, the counter's name and its help text. Each worker
 * writes its own block; readers merge.
 */
#pragma once

#include "base/base.h"
#include "base/drop.h"

#define KG_COUNTER_LIST(X)                                                                      \
	X(RX_FRAMES, "rx_frames", "frames from NIC queues")                                     \
	X(RX_BYTES, "rx_bytes", "bytes of these frames")                                        \
	X(TX_FRAMES, "tx_frames", "frames given to NIC queues")                                 \
	X(TX_BYTES, "tx_bytes", "bytes of these frames")                                        \
	X(DELIVERED, "delivered", "datagrams accepted by a channel, a handshake or as STUN")    \
	X(APP_RX, "app_rx", "applications' datagrams taken from the wire into channels")        \
	X(APP_RX_BYTES, "app_rx_bytes", "bytes of these")                                       \
	X(APP_TX, "app_tx", "applications' datagrams put on the wire")                          \
	X(APP_TX_BYTES, "app_tx_bytes", "bytes of these")                                       \
	X(FRAGMENTS_JOINED, "fragments_joined", "fragments added to the first of a datagram")   \
	X(FRAGMENTS_COPIED, "fragments_copied", "fragments that Linux was given as well")       \
	X(PUNTED, "punted", "frames given to Linux through a TAP")                              \
	X(HANDED_OFF, "handed_off", "datagrams given to the worker that owns their channel")    \
	X(HANDED_IN, "handed_in", "datagrams received from other workers")                      \
	X(FROM_KERNEL, "from_kernel", "frames from Linux sent out of a port")                   \
	X(SENT, "sent", "datagrams of tunnels sent")                                            \
	X(SENT_IN_PIECES, "sent_in_pieces", "of these, as IP fragments: the path is narrower")  \
	X(SENT_BY_KERNEL, "sent_by_kernel", "of these, by Linux while the next hop is unknown") \
	X(NEXTHOPS_GAVE_WAY, "nexthops_gave_way",                                               \
	  "next hops forgotten for others: the table is full")                                  \
	X(PAYLOAD_RX_BYTES, "payload_rx_bytes", "bytes of applications taken into channels")    \
	X(PAYLOAD_TX_BYTES, "payload_tx_bytes", "bytes of channels given to applications")      \
	X(PAYLOAD_UDP_DROPPED_CHANNEL, "payload_udp_dropped_channel",                           \
	  "datagrams of applications that their channel, which ends, did not take")             \
	X(TURNS, "turns", "turns of the worker's loop")                                         \
	X(IDLE_TURNS, "idle_turns", "of these, turns that found nothing to do")                 \
	X(SLEEPS, "sleeps", "times the worker slept (adaptive polling)")

enum kg_counter {
#define KG_COUNTER_ENUM(id, name, help) KG_COUNTER_##id,
	KG_COUNTER_LIST(KG_COUNTER_ENUM)
#undef KG_COUNTER_ENUM
	KG_COUNTER_COUNT
};

/* One writer: the worker. Everything received is accounted for:
 *   rx_frames + handed_in + fragments_copied =
 *       delivered + app_rx + punted + handed_off + fragments_joined + receive-side drops
 * A fragment that waits for others is counted when they have come, or it is given up. */
struct kg_counters {
	uint64_t counters[KG_COUNTER_COUNT];
	uint64_t drops[KG_DROP_COUNT];
};

const char *kg_counter_name(enum kg_counter counter);
const char *kg_counter_help(enum kg_counter counter);

/* Adds `from` to `sum`. */
void kg_counters_merge(struct kg_counters *sum, const struct kg_counters *from);
