/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stages in which a box is built. Each leaves a text in `error` when it fails; each fini takes
 * a stage that was never begun.
 */
#pragma once

#include "box.h"

#include <stdio.h>

#define KG_HANDOFF_RING_SIZE 4096

#define FAIL(...)                                          \
	do {                                               \
		snprintf(error, error_bytes, __VA_ARGS__); \
		return false;                              \
	} while (0)

/* Before the first stage. */
void kg_box_begin(struct kg_box *box, const struct kg_config *config);
bool kg_box_init_memory(struct kg_box *box, char *error, size_t error_bytes);
bool kg_box_init_rings(struct kg_box *box, char *error, size_t error_bytes);
bool kg_box_init_ports(struct kg_box *box, char *error, size_t error_bytes);
bool kg_box_init_taps(struct kg_box *box, char *error, size_t error_bytes);
void kg_box_announce_tunnel(const struct kg_box *box, const struct kg_box_tunnel *tunnel);
bool kg_box_init_tunnels(struct kg_box *box, char *error, size_t error_bytes);
/* Stamps are whole seconds, so what is sealed in the second of the start may be of before it and is
 * refused: a box that serves begins when that second is over, and refuses nobody who is honest. */
void kg_box_await_stamps(const struct kg_box *box);
/* The workers' ciphers have made what they need of them. */
void kg_box_forget_keys(struct kg_box *box);
/* Linux must not give a socket of its own a port that a tunnel uses. */
bool kg_box_reserve_ports(struct kg_box *box, char *error, size_t error_bytes);
bool kg_box_init_rules(struct kg_box *box, char *error, size_t error_bytes);
bool kg_box_init_workers(struct kg_box *box, char *error, size_t error_bytes);
bool kg_box_init_payload(struct kg_box *box, char *error, size_t error_bytes);
bool kg_box_init_pump(struct kg_box *box, char *error, size_t error_bytes);

/* 0, or -errno; stop takes those that were started. */
int kg_box_start_payloads(struct kg_box *box);
void kg_box_stop_payloads(struct kg_box *box);
int kg_box_start_pump(struct kg_box *box);
void kg_box_stop_pump(struct kg_box *box);

void kg_box_fini_payload(struct kg_box *box);
void kg_box_fini_pump(struct kg_box *box);
void kg_box_fini_rings(struct kg_box *box);
void kg_box_fini_workers(struct kg_box *box);
void kg_box_fini_tunnels(struct kg_box *box);
void kg_box_fini_ports(struct kg_box *box);
void kg_box_fini_memory(struct kg_box *box);
