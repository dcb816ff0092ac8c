/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands in front of DPDK's telemetry socket, at its path and with its protocol. DPDK gives each
 * client a thread that waits for it, takes ten at most, and stops listening for good when
 * descriptors run out. Here one thread serves all clients in turn over one connection to DPDK: one
 * that does not read is closed after a while, the one idle longest gives way when there are too
 * many, and some descriptors are kept for the case that all others are used up.
 */
#pragma once

#include <stdbool.h>

struct kg_telemetry_front;

/* In EAL's runtime directory, after EAL's start. NULL with errno set; then DPDK's socket is as it
 * was. */
struct kg_telemetry_front *kg_telemetry_front_create(const char *directory);
void kg_telemetry_front_destroy(struct kg_telemetry_front *front);
