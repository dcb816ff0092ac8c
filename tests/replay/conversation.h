/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One conversation of a recording, held again with our engine at either end: each engine sends what
 * its end sent and hears the other end's recorded datagrams, at the recorded times. What an engine
 * delivers, and that nothing it sent stays without acknowledgement, shows that the originals are
 * understood.
 */
#pragma once

#include "base/buf.h"
#include "replay/capture.h"
#include "wire/message.h"

#define MESSAGES_MAX 128

struct heard {
	uint8_t *bytes;
	size_t len;
	struct kg_message msg;
};

struct conversation {
	struct heard from_client[MESSAGES_MAX], from_server[MESSAGES_MAX];
	size_t client_messages, server_messages;
};

/* Handshakes share conv 0: `client_port` tells them apart. Fails the running test when a datagram
 * is refused, a message does not decode, or something is lost. */
void conversation_replay(struct conversation *conversation, const struct capture *capture,
			 uint32_t conv, uint16_t client_port);
void conversation_free(struct conversation *conversation);
