/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An end of a tunnel without KCP, and a peer that keeps to nothing: bodies of any bytes from three
 * places, real ones of ours cut, bent and said again, while an application talks, time passes and
 * memory fails. The first byte says which end it is, and whether it has FEC.
 *
 *   0 from len bytes   a body          3 ms         time passes, up to 65 s
 *   1 from back at by  one of ours     4 answer     the next dialling is refused, or waits
 *   2 len              the application 5 keep       of memory so much less
 */
#include "fec/rs_isal.h"
#include "fuzz.h"
#include "session/session.h"
#include "test_host.h"
#include "wire/profile.h"
#include "wire/udphop.h"

#define CHANNELS_MAX 8
#define KEPT         8 /* bodies of ours */
#define OPERATIONS   400
#define DATA         3
#define PARITY       2
#define SEAL         6 /* the least that there is */

struct kept {
	uint8_t bytes[KG_DATAGRAM_MAX_BYTES];
	uint16_t len;
	struct kg_tuple ends;
};

struct run {
	struct test_host host;
	struct kg_session *session;
	struct kg_session_config config;
	struct kg_channel *channels[CHANNELS_MAX + 1];
	unsigned int channel_count;
	struct kept kept[KEPT];
	unsigned int sent;
	uint8_t answer;
	uint64_t now_us;
};

static const struct kg_ip addresses[] = {
	{ 4, { 198, 18, 0, 1 } },
	{ 4, { 198, 18, 0, 2 } },
	{ 4, { 198, 19, 6, 6 } },
};
static const struct kg_port_range ports = { 3000, 3010 };

/* ---- the host ---- */

static void on_connect(void *of, struct kg_channel *ch, const struct kg_target *target)
{
	struct run *run = of;

	FUZZ_CHECK(run->channel_count < CHANNELS_MAX);
	run->channels[run->channel_count++] = ch;
	if (run->answer == 1)
		kg_channel_refused(ch, "no", run->now_us);
	else if (run->answer == 0)
		kg_channel_connected(ch, run->now_us);
}

static void on_readable(void *of, struct kg_channel *ch)
{
	struct run *run = of;
	struct kg_buf *chain;

	while ((chain = kg_channel_recv(ch, run->now_us)) != NULL) {
		FUZZ_CHECK(kg_buf_chain_len(chain) <= KG_BODY_MAX_BYTES);
		kg_buf_free_chain(chain);
	}
}

static void on_closed(void *of, struct kg_channel *ch, enum kg_close why, const char *text)
{
	struct run *run = of;
	unsigned int i = 0;

	while (i < run->channel_count && run->channels[i] != ch)
		i++;
	FUZZ_CHECK(i < run->channel_count);
	run->channels[i] = run->channels[--run->channel_count];
	kg_channel_free(ch);
}

static const struct kg_session_ops ops = {
	.connect = on_connect,
	.readable = on_readable,
	.closed = on_closed,
};

/* ---- the wire ---- */

static void output(struct run *run)
{
	for (unsigned int i = 0; i < 1000; i++) {
		struct kept *kept = &run->kept[run->sent % KEPT];
		struct kg_datagram out = { .data = kept->bytes };

		if (!kg_session_output(run->session, &out, run->now_us))
			return;
		FUZZ_CHECK(out.len >= KG_UDPHOP_HEADER_BYTES && out.len <= KG_BODY_MAX_BYTES);
		FUZZ_CHECK(out.remote.port != 0);
		kept->len = out.len;
		kept->ends = (struct kg_tuple){ out.remote, out.local };
		run->sent++;
	}
	FUZZ_CHECK(false); /* it talks without end */
}

static void input(struct run *run, unsigned int from, uint16_t local_port, uint8_t *bytes,
		  uint16_t len)
{
	struct kg_datagram in = {
		.local = { addresses[run->config.role == KG_ROLE_SERVER], local_port },
		.remote = { addresses[from % KG_ARRAY_SIZE(addresses)], (uint16_t)(3000 + from) },
		.data = bytes,
		.len = len,
		.age_s = (int16_t)(from / 16) - 4,
	};

	FUZZ_CHECK(kg_session_owner(true, run->config.fec, &in, 3) < 3);
	kg_session_input(run->session, &in, run->now_us);
}

static void input_any(struct run *run, struct fuzz_input *data)
{
	uint8_t bytes[KG_BODY_MAX_BYTES];
	unsigned int from = fuzz_take(data, 1);
	size_t len = fuzz_take_bytes(data, bytes, fuzz_take(data, 2) % sizeof(bytes));

	input(run, from, (uint16_t)(TEST_HOST_PORT + from % 4), bytes, (uint16_t)len);
}

/* At the port that it left from, as an answer; or said to us as we said it. */
static void input_ours(struct run *run, struct fuzz_input *data)
{
	unsigned int from = fuzz_take(data, 1);
	struct kept kept = run->kept[fuzz_take(data, 1) % KEPT];
	size_t at = fuzz_take(data, 2);
	uint8_t by = (uint8_t)fuzz_take(data, 1);

	if (kept.len == 0)
		return;
	if (at >= 32768)
		kept.len = (uint16_t)(at % kept.len);
	else
		kept.bytes[at % kept.len] ^= by;
	input(run, from, kept.ends.remote.port, kept.bytes, kept.len);
}

/* ---- the application ---- */

static void talk(struct run *run, struct fuzz_input *data)
{
	static const uint8_t bytes[KG_DATAGRAM_MAX_BYTES];
	size_t len = fuzz_take(data, 2) % sizeof(bytes);
	uint16_t part = kg_session_rest_bytes(run->session);
	struct kg_channel *ch = NULL;
	struct kg_buf *chain;

	if (run->config.role == KG_ROLE_CLIENT && run->channel_count < CHANNELS_MAX && len % 5 == 0)
		ch = kg_session_open(run->session, KG_PROTOCOL_UDP, NULL, NULL, run->now_us);
	if (ch != NULL)
		run->channels[run->channel_count++] = ch;
	if (run->channel_count == 0)
		return;
	chain = kg_buf_chain_copy(&run->host.pool.pool, bytes, len, part, part);
	if (chain != NULL &&
	    !kg_channel_send(run->channels[len % run->channel_count], chain, run->now_us))
		kg_buf_free_chain(chain);
}

static void pass_time(struct run *run, uint32_t ms)
{
	run->now_us += ms * KG_US_PER_MS;
	kg_twheel_advance(run->host.wheel, run->now_us);
	if (run->config.fec != NULL && ms > 30000)
		kg_fec_age(run->config.fec);
}

static void operate(struct run *run, struct fuzz_input *data)
{
	switch (fuzz_take(data, 1) % 6) {
	case 0:
		input_any(run, data);
		break;
	case 1:
		input_ours(run, data);
		break;
	case 2:
		talk(run, data);
		break;
	case 3:
		pass_time(run, fuzz_take(data, 2));
		break;
	case 4:
		run->answer = (uint8_t)(fuzz_take(data, 1) % 3);
		break;
	case 5:
		run->host.pool.limit = fuzz_take(data, 1);
		break;
	}
	output(run);
}

static void start(struct run *run, uint8_t kind)
{
	*run = (struct run){ .now_us = 1000 * KG_US_PER_S };
	test_host_init(&run->host, 7, 1000, run->now_us);
	run->config = (struct kg_session_config){
		.role = kind & 1 ? KG_ROLE_SERVER : KG_ROLE_CLIENT,
		.bare = true,
		.kcp.mtu = 600,
		.seal_bytes = SEAL,
		.udp_timeout_s = 100,
		.keep_alive_s = kind & 4 ? 10 : 0,
		.workers = 1,
		.channels_max = CHANNELS_MAX,
		.doubted_max = 4,
		.destinations = &addresses[1],
		.destination_count = 1,
		.destination_ports = &ports,
		.destination_port_count = 1,
		.hop_min_s = 20,
		.hop_max_s = 30,
	};
	if (kind & 2)
		run->config.fec = kg_fec_create(DATA, PARITY, &kg_rs_isal,
						&kg_session_bare_fec_content, &run->host.mem);
	run->session = test_host_session(&run->host, &run->config, ops, run->now_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct run run;
	struct fuzz_input data = { bytes, len };

	start(&run, (uint8_t)fuzz_take(&data, 1));
	for (unsigned int i = 0; i < OPERATIONS && data.len > 0; i++)
		operate(&run, &data);
	kg_session_destroy(run.session);
	kg_fec_destroy(run.config.fec);
	FUZZ_CHECK(test_host_fini(&run.host));
	return 0;
}
