/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a frame between a port and Linux is about, as far as it decides who gives way to whom, and
 * what strangers need not be told. Total over (bytes, length), like net/frame.h.
 */
#pragma once

#include "base/base.h"
#include "net/addr.h"

/* The more urgent ones come last. */
enum kg_errand {
	KG_ERRAND_REDIRECT,  /* ICMP: a stranger's wish about the way of our packets */
	KG_ERRAND_UNASKED,   /* as far as we know: UDP, fragments, all that is not below */
	KG_ERRAND_CALL,      /* TCP and ICMP: the box's own services, and talks of its own */
	KG_ERRAND_NEIGHBOUR, /* ARP and neighbour discovery: nothing works without them */
};

/* Of a received frame that kg_frame_parse leaves to Linux; its IP header begins at l2_bytes. */
enum kg_errand kg_errand_of(const uint8_t *bytes, size_t len, uint16_t l2_bytes);

/*
 * True when a received frame, whose IP header begins at l2_bytes, is a router's word that a UDP
 * datagram of ours is too long (RFC 1191, RFC 8201): `ends` are the datagram's, and `mtu` would
 * pass, which is less than the datagram has.
 */
bool kg_errand_too_big(const uint8_t *bytes, size_t len, uint16_t l2_bytes, struct kg_tuple *ends,
		       uint16_t *mtu);

/*
 * True when an untagged frame of Linux's is an ICMP error about a UDP datagram, or the first
 * fragment of one; `about` is where it was sent to.
 */
bool kg_errand_complains(const uint8_t *bytes, size_t len, struct kg_endpoint *about);
