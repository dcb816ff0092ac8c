/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * STUN (RFC 8489), as much of it as asks a server from where our datagrams come: Binding requests
 * without attributes, and their answers.
 */
#pragma once

#include "net/addr.h"

#define KG_STUN_PORT          3478
#define KG_STUN_REQUEST_BYTES 20
#define KG_STUN_ID_BYTES      12

/* Of a transaction; nobody who has not seen the request can guess it. */
struct kg_stun_id {
	uint8_t bytes[KG_STUN_ID_BYTES];
};

void kg_stun_request(uint8_t request[KG_STUN_REQUEST_BYTES], const struct kg_stun_id *id);

/* Does it begin as a message of STUN does, and is as long as it says? */
bool kg_stun_is_message(const uint8_t *message, size_t len);
/* The first 8 bytes of a message's id. */
uint64_t kg_stun_tag(const uint8_t *message);
/*
 * True for the good answer to the request with this id, which says where the request came from.
 * Attributes that we do not know are passed over, whatever their range: servers of RFC 3489 send
 * some that RFC 8489 has no name for.
 */
bool kg_stun_answer(const uint8_t *message, size_t len, const struct kg_stun_id *id,
		    struct kg_endpoint *mapped);
