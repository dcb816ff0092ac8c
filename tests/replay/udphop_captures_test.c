/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recordings between two originals of UDP Hop: an application said forty datagrams, which were
 * echoed. Every datagram opens and is sealed to the same bytes again; a session of ours, in the
 * server's place, hears what the application said and answers tests in the same words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "fec/rs_isal.h"
#include "replay/capture.h"
#include "test_host.h"
#include "wire/profile.h"
#include "wire/udphop.h"

#define DATAGRAMS    40
#define NUMBER_CHARS 7 /* "%06d " in front */
#define DATA         3 /* of FEC, where it is on */
#define PARITY       2

/* What the n-th says: its number, and bytes that follow from it. Returns n. */
static unsigned int check_said(const uint8_t *bytes, size_t len)
{
	char number[NUMBER_CHARS + 1] = { 0 };
	unsigned int n;

	assert_true(len >= NUMBER_CHARS);
	memcpy(number, bytes, NUMBER_CHARS);
	n = (unsigned int)strtoul(number, NULL, 10);
	assert_in_range(n, 0, DATAGRAMS - 1);
	for (size_t i = NUMBER_CHARS; i < len; i++)
		assert_int_equal(bytes[i], (uint8_t)(n * 7 + i - NUMBER_CHARS));
	return n;
}

/* ---- a session of ours, in the server's place ---- */

struct server {
	struct test_host host;
	struct kg_session *session;
	struct kg_fec *fec; /* NULL: off */
	unsigned int channels;
	unsigned int heard[DATAGRAMS];
	uint64_t now_us;
};

static void on_connect(void *of, struct kg_channel *ch, const struct kg_target *target)
{
	struct server *server = of;

	server->channels++;
	kg_channel_connected(ch, server->now_us);
}

static void on_readable(void *of, struct kg_channel *ch)
{
	struct server *server = of;
	uint8_t bytes[KG_DATAGRAM_MAX_BYTES];
	struct kg_buf *chain;

	while ((chain = kg_channel_recv(ch, server->now_us)) != NULL) {
		size_t len = kg_buf_chain_gather(chain, bytes);

		server->heard[check_said(bytes, len)]++;
		kg_buf_free_chain(chain);
	}
}

static void start(struct server *server, bool fec)
{
	struct kg_session_config config = {
		.role = KG_ROLE_SERVER,
		.bare = true,
		.kcp.mtu = 1400,
		.udp_timeout_s = 1800,
		.workers = 1,
		.channels_max = 8,
	};
	const struct kg_session_ops ops = { .connect = on_connect, .readable = on_readable };

	*server = (struct server){ .now_us = 1000 * KG_US_PER_S };
	test_host_init(&server->host, 1, 10000, server->now_us);
	if (fec) {
		server->fec = kg_fec_create(DATA, PARITY, &kg_rs_isal, &kg_session_bare_fec_content,
					    &server->host.mem);
		config.fec = server->fec;
	}
	server->session = test_host_session(&server->host, &config, ops, server->now_us);
	assert_non_null(server->session);
}

static void stop(struct server *server)
{
	kg_session_destroy(server->session);
	kg_fec_destroy(server->fec);
	assert_true(test_host_fini(&server->host));
}

static void hear(struct server *server, const struct datagram *d)
{
	const struct kg_datagram in = {
		.local = d->destination,
		.remote = d->source,
		.data = d->body,
		.len = (uint16_t)d->body_len,
		.age_s = (int16_t)-d->skew_s,
	};

	assert_int_equal(kg_session_input(server->session, &in, server->now_us), KG_DROP_NONE);
}

/* Its answer is the one that the original server gave. */
static void expect_answer(struct server *server, const struct datagram *theirs)
{
	uint8_t bytes[KG_DATAGRAM_MAX_BYTES];
	struct kg_datagram out = { .data = bytes };

	assert_true(kg_session_output(server->session, &out, server->now_us));
	assert_true(kg_endpoint_equal(&out.local, &theirs->source));
	assert_true(kg_endpoint_equal(&out.remote, &theirs->destination));
	assert_int_equal(out.len, theirs->body_len);
	assert_memory_equal(out.data, theirs->body, out.len);
}

/* Of the original server's; with FEC behind a shard's header, and parity says nothing by itself. */
static void check_answer(const struct datagram *d, bool fec)
{
	const uint8_t *rest = d->body + KG_UDPHOP_HEADER_BYTES;
	size_t header = fec ? KG_FEC_HEADER_BYTES : 0;

	if (!fec || rest[KG_FEC_HEADER_BYTES - 1] < DATA)
		check_said(rest + header, d->body_len - KG_UDPHOP_HEADER_BYTES - header);
}

/* ---- recordings ---- */

struct recording {
	const char *name;
	unsigned int tests, channels, said;
	bool fec;
};

/* Of each group of the client's, with `loss`. */
static bool is_lost(const struct recording *of, const struct datagram *d, bool loss)
{
	return loss && of->fec && d->from_client && d->body[KG_UDPHOP_HEADER_BYTES + 4] == 1;
}

static void hear_or_answer(struct server *server, const struct recording *of,
			   const struct datagram *d, bool loss)
{
	if (is_lost(of, d, loss))
		return;
	if (d->from_client)
		hear(server, d);
	else if (d->body[4] == KG_UDPHOP_TEST)
		expect_answer(server, d);
	else
		check_answer(d, of->fec);
}

static void play(const struct recording *of, bool loss)
{
	struct capture capture;
	struct server server;
	unsigned int tests = 0;

	capture_load(&capture, of->name);
	start(&server, of->fec);
	for (size_t i = 0; i < capture.count; i++) {
		const struct datagram *d = &capture.datagrams[i];

		server.now_us += d->time_us - capture.datagrams[i > 0 ? i - 1 : 0].time_us;
		kg_twheel_advance(server.host.wheel, server.now_us);
		tests += d->body[4] == KG_UDPHOP_TEST;
		hear_or_answer(&server, of, d, loss);
	}
	for (size_t i = 0; i < DATAGRAMS; i++)
		assert_in_range(server.heard[i], i < of->said && !loss, i < of->said);
	assert_int_equal(tests, of->tests);
	assert_int_equal(server.channels, of->channels);
	stop(&server);
	capture_free(&capture);
}

static const struct recording all[] = {
	{ "udphop/aes-1.1.4", 0, 1, 35, false },
	{ "udphop/none-1.1.4", 0, 1, 33, false },
	{ "udphop/hop-1.1.4", 4, 1, 40, false },
	{ "udphop/hop-1.1.7", 4, 3, 40, false }, /* every hop is another channel */
	{ "udphop/fec-1.1.4", 0, 1, 33, true },
	{ "udphop/fec-1.1.7", 0, 1, 34, true },
};

static void recordings_are_heard(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(all); i++)
		play(&all[i], false);
}

/* Originals pad shards with what is in their memory: of datagrams of different lengths parity
 * brings nothing back that could be believed. */
static void nothing_wrong_is_heard_when_some_are_lost(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(all); i++)
		play(&all[i], true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recordings_are_heard),
		cmocka_unit_test(nothing_wrong_is_heard_when_some_are_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
