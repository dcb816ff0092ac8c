/* SPDX-License-Identifier: BSD-3-Clause */
/* Holds a recorded conversation again, with our engine at either end. */
#include "replay/conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kcp/kcp_segment.h"

#define SEGMENTS_MAX 256
#define BUFFERS      1024

struct end {
	struct kg_kcp *kcp;
	struct kg_kcp_segment said[SEGMENTS_MAX]; /* by sn, into the recording */
	uint32_t said_count;
	uint32_t next_sn; /* not yet sent again */
	struct heard *heard;
	size_t *heard_count;
};

struct replay {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct end client, server;
	uint64_t now_us;
};

static bool belongs(const struct datagram *d, uint32_t conv, uint16_t client_port)
{
	return d->conv == conv && (conv != 0 || d->client_port == client_port);
}

/* Notes what a datagram says for the first time. */
static void note_segments(struct end *end, const struct datagram *d)
{
	struct kg_kcp_segment segment;
	size_t at = 0, bytes;

	while ((bytes = kg_kcp_segment_decode(d->body + at, d->body_len - at, &segment))) {
		at += bytes;
		if (segment.cmd != KG_KCP_PUSH || segment.sn < end->said_count)
			continue;
		/* a first copy that is missing, or in disorder, is not in these recordings */
		assert_int_equal(segment.sn, end->said_count);
		assert_true(segment.sn < SEGMENTS_MAX);
		end->said[end->said_count++] = segment;
	}
}

static void drain(struct end *end, uint64_t now_us)
{
	uint8_t out[KG_KCP_MTU_MAX];

	while (kg_kcp_output(end->kcp, now_us, out))
		;
}

/* Sends the next recorded message, with the segments it had. */
static void say_next(struct replay *r, struct end *end)
{
	struct kg_buf *head = NULL, **tail = &head;
	const struct kg_kcp_segment *segment;

	do {
		assert_true(end->next_sn < end->said_count);
		segment = &end->said[end->next_sn++];
		*tail = kg_buf_alloc(&r->pool.pool, (uint16_t)segment->len);
		assert_non_null(*tail);
		memcpy((*tail)->data, segment->payload, segment->len);
		(*tail)->len = (uint16_t)segment->len;
		tail = &(*tail)->next;
	} while (segment->frg);
	assert_true(kg_kcp_send(end->kcp, head, r->now_us));
}

static void hear(struct replay *r, struct end *end, const struct datagram *d)
{
	unsigned int events;
	struct kg_buf *chain;

	assert_int_equal(kg_kcp_input(end->kcp, d->body, d->body_len, r->now_us, &events),
			 KG_DROP_NONE);
	while ((chain = kg_kcp_recv(end->kcp))) {
		struct heard *heard = &end->heard[*end->heard_count];

		assert_true((*end->heard_count)++ < MESSAGES_MAX);
		heard->bytes = malloc(kg_buf_chain_len(chain) + 1);
		heard->len = kg_buf_chain_gather(chain, heard->bytes);
		kg_buf_free_chain(chain);
		assert_int_equal(kg_message_decode(&heard->msg, heard->bytes, heard->len),
				 KG_DROP_NONE);
	}
}

/* The speaker's engine catches up with what the datagram says, then the listener's hears it. */
static void replay_datagram(struct replay *r, const struct datagram *d)
{
	struct end *speaker = d->from_client ? &r->client : &r->server;
	struct end *listener = d->from_client ? &r->server : &r->client;
	struct kg_kcp_segment segment;
	size_t at = 0, bytes;

	r->now_us = d->time_us;
	while ((bytes = kg_kcp_segment_decode(d->body + at, d->body_len - at, &segment))) {
		at += bytes;
		if (segment.cmd == KG_KCP_PUSH && segment.sn >= speaker->next_sn)
			say_next(r, speaker);
	}
	drain(speaker, r->now_us);
	hear(r, listener, d);
	drain(listener, r->now_us);
}

static void end_init(struct replay *r, struct end *end, uint32_t conv, struct heard *heard,
		     size_t *heard_count)
{
	struct kg_kcp_params params = conv ? capture_kcp : kg_kcp_handshake_params;

	params.conv = conv;
	end->kcp = kg_kcp_create(&params, &r->mem, &r->pool.pool, r->now_us);
	assert_non_null(end->kcp);
	end->heard = heard;
	end->heard_count = heard_count;
}

static void end_fini(struct end *end, uint32_t unacked)
{
	assert_int_equal(end->next_sn, end->said_count);
	assert_int_equal(kg_kcp_unacked(end->kcp), unacked);
	kg_kcp_destroy(end->kcp);
}

/* An original hears the answer to its test of a port and falls silent. */
static bool is_test(const struct conversation *conversation, uint32_t conv)
{
	return conv == 0 && conversation->from_client[0].msg.feature == KG_FEATURE_KEEP_ALIVE;
}

void conversation_replay(struct conversation *conversation, const struct capture *capture,
			 uint32_t conv, uint16_t client_port)
{
	struct replay *r = calloc(1, sizeof(*r));

	memset(conversation, 0, sizeof(*conversation));
	kg_mem_malloc_init(&r->mem);
	kg_buf_malloc_pool_init(&r->pool, BUFFERS);
	r->now_us = capture->datagrams[0].time_us;
	end_init(r, &r->client, conv, conversation->from_server, &conversation->server_messages);
	end_init(r, &r->server, conv, conversation->from_client, &conversation->client_messages);
	for (size_t i = 0; i < capture->count; i++) {
		const struct datagram *d = &capture->datagrams[i];

		if (belongs(d, conv, client_port))
			note_segments(d->from_client ? &r->client : &r->server, d);
	}
	for (size_t i = 0; i < capture->count; i++) {
		if (belongs(&capture->datagrams[i], conv, client_port))
			replay_datagram(r, &capture->datagrams[i]);
	}
	end_fini(&r->client, 0);
	end_fini(&r->server, is_test(conversation, conv) ? 1 : 0);
	assert_int_equal(r->pool.in_use, 0);
	assert_int_equal(r->mem.in_use_bytes, 0);
	free(r);
}

void conversation_free(struct conversation *conversation)
{
	for (size_t i = 0; i < conversation->client_messages; i++)
		free(conversation->from_client[i].bytes);
	for (size_t i = 0; i < conversation->server_messages; i++)
		free(conversation->from_server[i].bytes);
}
