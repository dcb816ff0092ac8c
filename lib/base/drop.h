/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every reason for which a frame, datagram or message is thrown away. One list makes the enum,
 * the counter's name in telemetry and its help text. Counters add up as telemetry/counters.h says;
 * the receive side is everything before KG_DROP_FIRST_SENT.
 */
#pragma once

#include "base/metric.h"

#define KG_DROP_LIST(X)                                                                          \
	/* classify */                                                                           \
	X(FRAME_TRUNCATED, "frame_truncated", "frames",                                          \
	  "a header or length field contradicts the frame")                                      \
	X(VLAN_FOREIGN, "vlan_foreign", "frames", "VLAN tag is not the port's")                  \
	X(IP_CHECKSUM, "ip_checksum", "frames", "IPv4 header checksum is wrong")                 \
	X(UDP_CHECKSUM, "udp_checksum", "frames", "UDP checksum is wrong")                       \
	X(DATAGRAM_SIZE, "datagram_size", "datagrams",                                           \
	  "UDP payload too short or too long for the tunnel")                                    \
	X(FRAGMENT_LOST, "fragment_lost", "fragments",                                           \
	  "fragments of a tunnel's datagram that did not come together, or too many")            \
	/* open */                                                                               \
	X(AUTH_FAILED, "auth_failed", "datagrams",                                               \
	  "decryption or check value failed: wrong password or noise")                           \
	X(CLOCK_SKEW, "clock_skew", "datagrams",                                                 \
	  "timestamp differs from our clock by more than 255 s")                                 \
	/* session */                                                                            \
	X(HANDSHAKE_MALFORMED, "handshake_malformed", "datagrams",                               \
	  "conv 0 datagram is no valid handshake")                                               \
	X(HANDSHAKE_REPLAYED, "handshake_replayed", "datagrams",                                 \
	  "exact copy of a handshake already served")                                            \
	X(HANDSHAKE_STALE, "handshake_stale", "datagrams",                                       \
	  "handshake stamped before the start, or before what is known of served ones")          \
	X(HANDSHAKE_UNKNOWN, "handshake_unknown", "datagrams",                                   \
	  "conv 0 datagram belongs to no open handshake")                                        \
	X(CONV_UNKNOWN, "conv_unknown", "datagrams", "conv belongs to no channel")               \
	X(SOURCE_UNKNOWN, "source_unknown", "datagrams",                                         \
	  "no server of this client's tunnel sends from there")                                  \
	X(CHANNEL_LIMIT, "channel_limit", "datagrams",                                           \
	  "no more channels or local ports: handshake refused")                                  \
	/* fec */                                                                                \
	X(FEC_MALFORMED, "fec_malformed", "datagrams",                                           \
	  "no shard of its channel, or one that contradicts its group")                          \
	/* kcp */                                                                                \
	X(KCP_MALFORMED, "kcp_malformed", "datagrams", "segment chain is not valid KCP")         \
	X(BARE_MALFORMED, "bare_malformed", "datagrams", "datagram is none of UDP Hop's")        \
	X(BARE_FULL, "bare_full", "datagrams",                                                   \
	  "UDP Hop: the application does not take what its channel has already")                 \
	X(MESSAGE_MALFORMED, "message_malformed", "messages",                                    \
	  "message too short or of unknown kind")                                                \
	/* app_input */                                                                          \
	X(APP_FULL, "app_full", "datagrams", "application's datagram finds its channel full")    \
	X(APP_SIZE, "app_size", "datagrams", "application's datagram is too long for a message") \
	X(APP_CLOSING, "app_closing", "datagrams",                                               \
	  "application's datagram for a channel that closes")                                    \
	/* queues and memory, received */                                                        \
	X(NO_BUFFER, "no_buffer", "datagrams", "no buffer left")                                 \
	X(HANDOFF_FULL, "handoff_full", "datagrams", "ring to the owning worker full")           \
	X(TUNNEL_GONE, "tunnel_gone", "datagrams",                                               \
	  "its tunnel was removed on the way to the owning worker")                              \
	X(CONTROL_FULL, "control_full", "datagrams", "ring to the control thread full")          \
	X(EXCEPTION_FULL, "exception_full", "frames", "ring to the kernel full")                 \
	X(EXCEPTION_UNASKED, "exception_unasked", "frames",                                      \
	  "frames for Linux that are neither ARP, ND, ICMP, TCP nor of applications: too many")  \
	X(ICMP_REDIRECT, "icmp_redirect", "frames",                                              \
	  "ICMP redirect: strangers do not choose our ways")                                     \
	/* sent: not part of that sum */                                                         \
	X(TX_NO_BUFFER, "tx_no_buffer", "datagrams", "no mbuf for a datagram to send")           \
	X(TX_FULL, "tx_full", "frames", "NIC did not take the frame")                            \
	X(TX_NO_ROUTE, "tx_no_route", "datagrams", "kernel has no route to the peer")            \
	X(TX_EXCEPTION_FULL, "tx_exception_full", "datagrams",                                   \
	  "ring to the kernel full while it routes")                                             \
	X(TX_ICMP_TUNNEL, "tx_icmp_tunnel", "frames",                                            \
	  "ICMP error of Linux about a tunnel's port: kept back")

enum kg_drop {
	KG_DROP_NONE,
#define KG_DROP_ENUM(id, name, unit, help) KG_DROP_##id,
	KG_DROP_LIST(KG_DROP_ENUM)
#undef KG_DROP_ENUM
	KG_DROP_COUNT,
	KG_DROP_FIRST_SENT = KG_DROP_TX_NO_BUFFER,
};

/* Of each reason but KG_DROP_NONE, which is no drop: row 0 is that of reason 1. */
extern const struct kg_metric_table kg_drop_metrics;
