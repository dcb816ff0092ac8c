/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host of a session, or of streams, wherever a test makes one: what they live on, local ports,
 * and ops that do nothing. A test has it as the first member of what it gives as host, puts its own
 * ops in the place of those that it looks at, and asks in the end whether all was given back.
 */
#pragma once

#include "mux/stream.h"

struct test_host {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_twheel *wheel;
	struct kg_rng rng;
	struct kg_seen *seen; /* NULL: a client's */
	/* Local ports: one after the other from port_next, as long as fewer than ports_max are out.
	 * Who may share has, if there are any, shared_ports in turn. */
	unsigned int ports_out, ports_max;
	uint16_t port_next;
	unsigned int shared_ports, shared_next;
};

#define TEST_HOST_PORT        40000
#define TEST_HOST_SHARED_PORT 1000

/* ---- life ---- */

static inline void test_host_init(struct test_host *host, uint64_t seed, size_t buffers,
				  uint64_t now_us)
{
	*host = (struct test_host){ .ports_max = 1000, .port_next = TEST_HOST_PORT };
	kg_mem_malloc_init(&host->mem);
	kg_buf_malloc_pool_init(&host->pool, buffers);
	kg_rng_init(&host->rng, seed);
	host->wheel = kg_twheel_create(&host->mem, now_us);
}

/* All that was taken was given back. */
static inline bool test_host_fini(struct test_host *host)
{
	kg_twheel_destroy(host->wheel);
	kg_seen_destroy(host->seen);
	return host->ports_out == 0 && host->pool.in_use == 0 && host->mem.in_use_bytes == 0;
}

/* ---- ops ---- */

static inline uint16_t test_host_port_acquire(void *of, const struct kg_endpoint *remote,
					      bool alone)
{
	struct test_host *host = of;

	if (host->ports_out >= host->ports_max)
		return 0;
	host->ports_out++;
	if (!alone && host->shared_ports > 0)
		return (uint16_t)(TEST_HOST_SHARED_PORT + host->shared_next++ % host->shared_ports);
	return host->port_next++;
}

/* More than were taken: they will not be as many in the end. */
static inline void test_host_port_release(void *of, uint16_t port)
{
	((struct test_host *)of)->ports_out--;
}

static inline void test_host_port_share(void *of, uint16_t port)
{
}

static inline void test_host_connect(void *of, struct kg_channel *ch,
				     const struct kg_target *target)
{
}

static inline void test_host_on_channel(void *of, struct kg_channel *ch)
{
}

static inline void test_host_on_channel_acked(void *of, struct kg_channel *ch, uint32_t segments)
{
}

static inline void test_host_on_channel_closed(void *of, struct kg_channel *ch, enum kg_close why,
					       const char *text)
{
}

/* Nobody is taken in. */
static inline struct kg_stream *test_host_accept(void *of, enum kg_protocol protocol,
						 const struct kg_target *target)
{
	return NULL;
}

static inline void test_host_on_stream(void *of, struct kg_stream *stream)
{
}

static inline void test_host_on_stream_acked(void *of, struct kg_stream *stream, uint32_t segments)
{
}

static inline void test_host_on_stream_closed(void *of, struct kg_stream *stream, enum kg_close why,
					      const char *text)
{
}

static inline void test_host_on_mux_closed(void *of, const struct kg_channel_info *info,
					   enum kg_close why, const char *text, uint32_t count)
{
}

#define TEST_HOST_FILL(own, op, function) ((own)->op = (own)->op != NULL ? (own)->op : (function))

/* ---- what it is host of ---- */

static inline struct kg_supplies test_host_supplies(struct test_host *host)
{
	return (struct kg_supplies){ &host->mem, &host->pool.pool, host->wheel, &host->rng,
				     host->seen };
}

static inline struct kg_session *test_host_session(struct test_host *host,
						   const struct kg_session_config *config,
						   struct kg_session_ops own, uint64_t now_us)
{
	const struct kg_supplies supplies = test_host_supplies(host);

	TEST_HOST_FILL(&own, port_acquire, test_host_port_acquire);
	TEST_HOST_FILL(&own, port_release, test_host_port_release);
	TEST_HOST_FILL(&own, port_share, test_host_port_share);
	TEST_HOST_FILL(&own, connect, test_host_connect);
	TEST_HOST_FILL(&own, opened, test_host_on_channel);
	TEST_HOST_FILL(&own, readable, test_host_on_channel);
	TEST_HOST_FILL(&own, acked, test_host_on_channel_acked);
	TEST_HOST_FILL(&own, finished, test_host_on_channel);
	TEST_HOST_FILL(&own, closed, test_host_on_channel_closed);
	return kg_session_create(config, &own, host, &supplies, now_us);
}

static inline struct kg_streams *test_host_streams(struct test_host *host,
						   const struct kg_streams_config *config,
						   struct kg_stream_ops own, uint64_t now_us)
{
	const struct kg_supplies supplies = test_host_supplies(host);

	TEST_HOST_FILL(&own, port_acquire, test_host_port_acquire);
	TEST_HOST_FILL(&own, port_release, test_host_port_release);
	TEST_HOST_FILL(&own, port_share, test_host_port_share);
	TEST_HOST_FILL(&own, accept, test_host_accept);
	TEST_HOST_FILL(&own, opened, test_host_on_stream);
	TEST_HOST_FILL(&own, readable, test_host_on_stream);
	TEST_HOST_FILL(&own, acked, test_host_on_stream_acked);
	TEST_HOST_FILL(&own, finished, test_host_on_stream);
	TEST_HOST_FILL(&own, closed, test_host_on_stream_closed);
	TEST_HOST_FILL(&own, mux_closed, test_host_on_mux_closed);
	return kg_streams_create(config, &own, host, &supplies, now_us);
}
