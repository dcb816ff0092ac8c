/* SPDX-License-Identifier: BSD-3-Clause */
/* A UDP flow that a worker has had dialled, and the application that it leads to. */
#pragma once

#include "payload_rig.h"

#include "payload/internal.h"

#define UDP   KG_PROTOCOL_UDP
#define BURST 64 /* the payload thread takes so many messages at once */

/* A flow that has been dialled; `fd` is the application's socket. */
struct dialled {
	struct rig *rig;
	struct rig_channel ch;
	int fd;
};

/* port 0: any. */
static inline void open_application(struct dialled *d, int version, uint16_t *port)
{
	const struct timeval patience = { .tv_sec = WAIT_MS / 1000 };

	d->fd = rig_bind(version, SOCK_DGRAM, port);
	setsockopt(d->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static inline void prepare(struct dialled *d, int version)
{
	uint16_t port = 0;

	d->rig = rig_create(1024);
	open_application(d, version, &port);
	rig_set_destination(d->rig, rig_loopback(version, port));
}

static inline void begin(struct dialled *d, bool refuse_trains)
{
	const int on = 1;

	rig_start(d->rig);
	rig_dial(d->rig, &d->ch, UDP);
	d->ch.flow = rig_expect(d->rig, KG_MSG_CONNECTED).flow;
	/* The kernel cuts no datagrams that it makes no checksum for. */
	if (refuse_trains)
		assert_int_equal(setsockopt(((struct kg_flow *)d->ch.flow)->source.fd, SOL_SOCKET,
					    SO_NO_CHECK, &on, sizeof(on)),
				 0);
}

static inline void dial(struct dialled *d, int version, bool refuse_trains)
{
	prepare(d, version);
	begin(d, refuse_trains);
}

/* What has been lost meanwhile is told before. */
static inline void close_flow(struct dialled *d)
{
	uint8_t type;

	rig_say(&d->ch, KG_MSG_CLOSE, 0, NULL);
	do
		type = rig_next(d->rig).type;
	while (type == KG_MSG_LOST);
	assert_int_equal(type, KG_MSG_RELEASED);
}

static inline void hang_up(struct dialled *d)
{
	close_flow(d);
	close(d->fd);
	rig_destroy(d->rig);
}

/* All at once, so that the payload thread meets them together. */
static inline void say_all(struct rig_channel *ch, const uint8_t *bytes, const size_t *sizes,
			   unsigned int count)
{
	struct kg_msg msgs[BURST];

	assert_in_range(count, 1, BURST);
	for (unsigned int i = 0; i < count; i++) {
		msgs[i] = (struct kg_msg){ .type = KG_MSG_DATA, .protocol = UDP };
		msgs[i].flow = ch->flow;
		msgs[i].conn = ch;
		msgs[i].buf = kg_buf_chain_copy(&ch->rig->pool.pool, bytes + i, sizes[i],
						FIRST_BYTES, REST_BYTES);
		for (struct kg_buf *buf = msgs[i].buf; buf != NULL; buf = buf->next)
			msgs[i].count++;
	}
	assert_int_equal(rte_ring_sp_enqueue_bulk_elem(ch->rig->links[ch->link].to_payload, msgs,
						       sizeof(msgs[0]), count, NULL),
			 count);
	kg_waker_wake(&ch->rig->payload_waker);
}

static inline void expect_all(int fd, const uint8_t *bytes, const size_t *sizes, unsigned int count)
{
	static uint8_t got[65536];

	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(recv(fd, got, sizeof(got), 0), sizes[i]);
		assert_memory_equal(got, bytes + i, sizes[i]);
	}
}

static inline void expect_each(int fd, unsigned int count)
{
	static uint8_t got[65536];

	while (count-- > 0)
		assert_true(recv(fd, got, sizeof(got), 0) > 0);
}
