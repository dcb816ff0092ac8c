/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every reason for which a frame, datagram or message is thrown away. One list makes the enum,
 * the counter's name in telemetry and its help text. Counters satisfy
 *     received = delivered + from applications + punted + handed off + joined + receive-side drops
 * where the receive side is everything before KG_DROP_FIRST_SENT.
 */
#pragma once

#include "base/base.h"

#define KG_DROP_LIST(X)                                                                            \
	/* classify */                                                                             \
	X(FRAME_TRUNCATED, "frame_truncated", "a header or length field contradicts the frame")    \
	X(VLAN_FOREIGN, "vlan_foreign", "VLAN tag is not the port's")                              \
	X(IP_CHECKSUM, "ip_checksum", "IPv4 header checksum is wrong")                             \
	X(UDP_CHECKSUM, "udp_checksum", "UDP checksum is wrong")                                   \
	X(DATAGRAM_SIZE, "datagram_size", "UDP payload too short or too long for the tunnel")      \
	X(FRAGMENT_LOST, "fragment_lost",                                                          \
	  "fragments of a tunnel's datagram that did not come together, or too many")              \
	/* open */                                                                                 \
	X(AUTH_FAILED, "auth_failed", "decryption or check value failed: wrong password or noise") \
	X(CLOCK_SKEW, "clock_skew", "timestamp differs from our clock by more than 255 s")         \
	/* session */                                                                              \
	X(HANDSHAKE_MALFORMED, "handshake_malformed", "conv 0 datagram is no valid handshake")     \
	X(HANDSHAKE_REPLAYED, "handshake_replayed", "exact copy of a handshake already served")    \
	X(HANDSHAKE_STALE, "handshake_stale",                                                      \
	  "handshake stamped before the start, or before what is known of served ones")            \
	X(HANDSHAKE_UNKNOWN, "handshake_unknown", "conv 0 datagram belongs to no open handshake")  \
	X(CONV_UNKNOWN, "conv_unknown", "conv belongs to no channel")                              \
	X(SOURCE_UNKNOWN, "source_unknown", "no server of this client's tunnel sends from there")  \
	X(CHANNEL_LIMIT, "channel_limit", "no more channels or local ports: handshake refused")    \
	/* fec */                                                                                  \
	X(FEC_MALFORMED, "fec_malformed",                                                          \
	  "no shard of its channel, or one that contradicts its group")                            \
	/* kcp */                                                                                  \
	X(KCP_MALFORMED, "kcp_malformed", "segment chain is not valid KCP")                        \
	X(MESSAGE_MALFORMED, "message_malformed", "message too short or of unknown kind")          \
	/* app_input */                                                                            \
	X(APP_FULL, "app_full", "application's datagram finds its channel full")                   \
	X(APP_SIZE, "app_size", "application's datagram is too long for a message")                \
	X(APP_CLOSING, "app_closing", "application's datagram for a channel that closes")          \
	/* queues and memory, received */                                                          \
	X(NO_BUFFER, "no_buffer", "no buffer left")                                                \
	X(HANDOFF_FULL, "handoff_full", "ring to the owning worker full")                          \
	X(CONTROL_FULL, "control_full", "ring to the control thread full")                         \
	X(EXCEPTION_FULL, "exception_full", "ring to the kernel full")                             \
	X(EXCEPTION_UNASKED, "exception_unasked",                                                  \
	  "frames for Linux that are neither ARP, ND, ICMP, TCP nor of applications: too many")    \
	X(ICMP_REDIRECT, "icmp_redirect", "ICMP redirect: strangers do not choose our ways")       \
	/* sent: not part of the sum below */                                                      \
	X(TX_NO_BUFFER, "tx_no_buffer", "no mbuf for a datagram to send")                          \
	X(TX_FULL, "tx_full", "NIC did not take the frame")                                        \
	X(TX_NO_ROUTE, "tx_no_route", "kernel has no route to the peer")                           \
	X(TX_EXCEPTION_FULL, "tx_exception_full", "ring to the kernel full while it routes")       \
	X(TX_ICMP_TUNNEL, "tx_icmp_tunnel", "ICMP error of Linux about a tunnel's port: kept back")

enum kg_drop {
	KG_DROP_NONE,
#define KG_DROP_ENUM(id, name, help) KG_DROP_##id,
	KG_DROP_LIST(KG_DROP_ENUM)
#undef KG_DROP_ENUM
	KG_DROP_COUNT,
	KG_DROP_FIRST_SENT = KG_DROP_TX_NO_BUFFER,
};

/* Counter name and help of a reason; "none" for KG_DROP_NONE. */
const char *kg_drop_name(enum kg_drop reason);
const char *kg_drop_help(enum kg_drop reason);
