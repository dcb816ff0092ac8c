/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vectors/kcp.json: scripts that the original KCP and KCPTube's played, with every datagram of
 * both sides. Sides are 0 (A) and 1 (B).
 */
#pragma once

#include <jansson.h>

#include "kcp/kcp.h"
#include "kcp/kcp_segment.h"

#define KCP_VECTORS_CONV 0x11223344u

/* Group set-up and tear-down: reads the whole file, and fails when it cannot be read. */
int kcp_vectors_load(void **state);
int kcp_vectors_free(void **state);
/* One of its tables, which has rows. */
const json_t *kcp_vectors_table(const char *name);

int64_t kcp_number(const json_t *object, const char *key);
const char *kcp_text(const json_t *object, const char *key);
/* Hex digits to bytes; returns their number. */
size_t kcp_from_hex(const char *hex, uint8_t *to, size_t room);

struct kcp_send {
	uint32_t t, size;
	int from;
	uint32_t first_sn, message; /* per sender, from 0 */
};

/* One scenario: numbers and what the applications send. */
struct kcp_script {
	const json_t *json;
	struct kg_kcp_params params;
	uint32_t delay_ms, reads_from[2];
	struct kcp_send *sends;
	size_t send_count;
};

void kcp_script_init(struct kcp_script *script, const json_t *scenario);
void kcp_script_fini(struct kcp_script *script);

/* Byte k of message m (payload_rule). */
uint8_t kcp_script_byte(uint32_t message, size_t k);
/* The payload of a sender's segment; fails the test when sn, frg or len is not what the script
 * makes of it. Returns the number of bytes. */
uint32_t kcp_script_payload(const struct kcp_script *script, int from, uint32_t sn, uint8_t frg,
			    uint8_t *to);

/* A recorded datagram, put together again. */
struct kcp_recorded {
	uint32_t t, due; /* ms; due UINT32_MAX: lost */
	int from;
	size_t len;
	uint8_t bytes[KG_KCP_MTU_MAX];
};
void kcp_script_datagram(const struct kcp_script *script, const json_t *row,
			 struct kcp_recorded *to);

/* Whether the script loses, or delays by *extra_ms, the nth copy of a segment. */
bool kcp_script_loses(const struct kcp_script *script, int from, uint32_t t, uint32_t sn,
		      uint32_t nth, uint32_t *extra_ms);
