/* SPDX-License-Identifier: BSD-3-Clause */
/* What routers and NATs read in a box's frames, untagged and of either IP version. */
#pragma once

#include "net/frame.h"

/* A router's word about a packet: of IP and UDP it quotes the headers. */
#define PACKET_WORD4_BYTES (KG_ETHER_BYTES + 2 * KG_IPV4_BYTES + 8 + KG_UDP_BYTES)
#define PACKET_WORD6_BYTES (KG_ETHER_BYTES + 2 * KG_IPV6_BYTES + 8 + KG_UDP_BYTES)

uint8_t packet_version(const uint8_t *frame);
/* Of the IP packet. */
uint16_t packet_bytes(const uint8_t *frame);
bool packet_is_fragment(const uint8_t *frame);
/* By a router. */
bool packet_may_be_cut(const uint8_t *frame);
/* The UDP header of a whole datagram; NULL. */
uint8_t *packet_udp(uint8_t *frame, size_t len);
/* Sets the checksum of an IPv4 header. */
void packet_sum_ipv4(uint8_t *frame);

/* Writes to its sender that a packet is too long; how many bytes that is. */
uint16_t packet_too_big(uint8_t *word, const uint8_t *frame, uint16_t mtu);
/* The packet that such a word quotes, as if an Ethernet header were before it; NULL. */
uint8_t *packet_quoted(uint8_t *frame, size_t len);
