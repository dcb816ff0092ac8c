/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker counts. One list makes the enum and the counters' rows in the table of metrics.
 * Each worker writes its own block.
 */
#pragma once

#include "base/drop.h"
#include "base/metric.h"

#define KG_COUNTER_LIST(X)                                                              \
	X(RX_FRAMES, "rx_frames", "frames", "frames from NIC queues")                   \
	X(RX_BYTES, "rx_bytes", "bytes", "bytes of frames from NIC queues")             \
	X(TX_FRAMES, "tx_frames", "frames", "frames given to NIC queues")               \
	X(TX_IN_TRAINS, "tx_in_trains", "frames",                                       \
	  "of these, those that left together as one, which Linux cuts")                \
	X(TX_BYTES, "tx_bytes", "bytes", "bytes of frames given to NIC queues")         \
	X(DELIVERED, "delivered", "datagrams",                                          \
	  "datagrams accepted by a channel, a handshake or as STUN")                    \
	X(APP_RX, "app_rx", "datagrams",                                                \
	  "applications' datagrams taken from the wire into channels")                  \
	X(APP_RX_BYTES, "app_rx_bytes", "bytes",                                        \
	  "bytes of applications' datagrams taken from the wire")                       \
	X(APP_TX, "app_tx", "datagrams", "applications' datagrams put on the wire")     \
	X(APP_TX_BYTES, "app_tx_bytes", "bytes",                                        \
	  "bytes of applications' datagrams put on the wire")                           \
	X(FRAGMENTS_JOINED, "fragments_joined", "fragments",                            \
	  "fragments added to the first of a datagram")                                 \
	X(FRAGMENTS_COPIED, "fragments_copied", "fragments",                            \
	  "fragments that Linux was given as well")                                     \
	X(PUNTED, "punted", "frames", "frames given to Linux through a TAP")            \
	X(HANDED_OFF, "handed_off", "datagrams",                                        \
	  "datagrams given to the worker that owns their channel")                      \
	X(HANDED_IN, "handed_in", "datagrams", "datagrams received from other workers") \
	X(FROM_KERNEL, "from_kernel", "frames", "frames from Linux sent out of a port") \
	X(SENT, "sent", "datagrams", "datagrams of tunnels sent")                       \
	X(SENT_IN_PIECES, "sent_in_pieces", "datagrams",                                \
	  "datagrams sent as IP fragments: the path is narrower")                       \
	X(SENT_BY_KERNEL, "sent_by_kernel", "datagrams",                                \
	  "datagrams sent by Linux while the next hop is unknown")                      \
	X(NEXTHOPS_GAVE_WAY, "nexthops_gave_way", "next hops",                          \
	  "next hops forgotten for others: the table is full")                          \
	X(PAYLOAD_RX_BYTES, "payload_rx_bytes", "bytes",                                \
	  "bytes of applications taken into channels")                                  \
	X(PAYLOAD_TX_BYTES, "payload_tx_bytes", "bytes",                                \
	  "bytes of channels given to applications")                                    \
	X(PAYLOAD_UDP_DROPPED_CHANNEL, "payload_udp_dropped_channel", "datagrams",      \
	  "datagrams of applications that their channel, which ends, did not take")     \
	X(TURNS, "turns", "turns", "turns of the worker's loop")                        \
	X(IDLE_TURNS, "idle_turns", "turns", "turns that found nothing to do")          \
	X(SLEEPS, "sleeps", "sleeps", "times the worker slept (adaptive polling)")      \
	X(WOKEN_BY_FRAMES, "woken_by_frames", "sleeps",                                 \
	  "sleeps that a frame at a port ended, or did not let begin")

enum kg_counter {
#define KG_COUNTER_ENUM(id, name, unit, help) KG_COUNTER_##id,
	KG_COUNTER_LIST(KG_COUNTER_ENUM)
#undef KG_COUNTER_ENUM
	KG_COUNTER_COUNT
};

/* One writer: the worker. Everything received is accounted for:
 *   rx_frames + handed_in + fragments_copied =
 *       delivered + app_rx + punted + handed_off + fragments_joined + receive-side drops
 *
 * A fragment that waits for others is counted when they have come, or it is given up. */
struct kg_counters {
	uint64_t counters[KG_COUNTER_COUNT];
	uint64_t drops[KG_DROP_COUNT];
};

extern const struct kg_metric_table kg_counter_metrics;
