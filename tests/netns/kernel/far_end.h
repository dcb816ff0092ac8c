/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other side of a TAP: a network namespace of our own, and hosts on the link that answer ARP
 * and neighbour solicitations as they are told.
 *
 *     kernel ── TAP ── kg_exception ── far end: hosts
 */
#pragma once

#include "kernel/exception.h"

#define FAR_HOSTS 8

struct far_host {
	struct kg_ip ip;
	struct kg_mac mac;
	bool answers;
	unsigned int asked; /* solicitations seen, answered or not */
	bool asked_unicast; /* the last of them was sent to `mac` */
};

struct far_end {
	struct kg_exception *tap;
	struct rte_mempool *mempool;
	struct far_host hosts[FAR_HOSTS];
	unsigned int host_count;
	unsigned int arp_replies; /* seen from the kernel */
	/* the last frame that was neither ARP nor ICMPv6 */
	uint8_t frame[2048];
	size_t frame_bytes; /* 0: none yet */
};

/*
 * Enters a network namespace with lo up and starts EAL without hugepages. Ends the program with
 * status 77 and a reason where that cannot be had.
 */
void far_end_start(void);
struct rte_mempool *far_end_mempool(const char *name, unsigned int mbufs, uint16_t data_bytes);

/* printf, then the shell; fails the test unless it exits with 0. */
__attribute__((format(printf, 1, 2))) void shell(const char *format, ...);
/* Its output, up to 64 KiB, in a buffer that the next call overwrites. */
__attribute__((format(printf, 1, 2))) const char *shell_output(const char *format, ...);

struct far_host *far_host_add(struct far_end *far, const char *ip, uint8_t mac);
/* Announces the host's MAC unasked (gratuitous ARP); IPv4. */
void far_host_announce(struct far_end *far, const struct far_host *host);

void far_end_write(struct far_end *far, const void *frame, size_t len);
/* Takes what comes out of the TAP within the time; true when there was something. */
bool far_end_turn(struct far_end *far, int timeout_ms);
/* Until `far->frame` holds a frame; fails the test after two seconds. */
void far_end_wait_frame(struct far_end *far);
