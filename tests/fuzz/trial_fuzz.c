/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A trial of a server's place, and what may come back: a server's answers, whole or bent, bodies of
 * any bytes, well sealed or not, from any clock; words of routers, or nothing. Whatever it is, a
 * trial ends in time and can say what it knows. The first byte:
 *
 *   bit 0  UDP Hop's wire    bit 1  FEC    bit 2  another trial has asked for the clock
 *
 * and then each step a byte, modulo 6, and its arguments: see step().
 */
#include "crypto/aead_table.h"
#include "fec/rs_isal.h"
#include "fuzz.h"
#include "session/session.h"
#include "test_host.h"
#include "trial/trial.h"

#define ROOM    KG_DATAGRAM_MAX_BYTES
#define UNIX_S  1700000000u
#define BEGIN   (1000ull * KG_US_PER_S)
#define LATE_US (40ull * KG_US_PER_S)
#define MTU     1200

struct run {
	struct fuzz_input in;
	struct test_host host; /* of the trial, and of a server */
	struct kg_session *session;
	struct kg_fec *fec, *servers_fec;
	struct kg_trial_tunnel tunnel;
	struct kg_trial_clock clock;
	struct kg_trial trial;
	int32_t skew_s; /* of whoever answers */
	uint64_t now_us;
};

static uint32_t take(struct run *run, size_t bytes)
{
	return fuzz_take(&run->in, bytes);
}

static uint32_t unix_s(const struct run *run)
{
	return UNIX_S + (uint32_t)(run->now_us / KG_US_PER_S);
}

/* ---- who answers ---- */

/* Sealed by the other's clock; `bend`: a byte of it changes on the way. */
static void answer(struct run *run, const uint8_t *body, size_t len, uint32_t bend)
{
	uint8_t datagram[ROOM + KG_PROFILE_HEAD_MAX + KG_AEAD_OVERHEAD_MAX];
	struct kg_profile_job job = { .data = datagram + KG_PROFILE_HEAD_MAX,
				      .len = (uint16_t)len };

	memcpy(job.data, body, len);
	run->tunnel.profile->seal(&run->tunnel.key, &job, 1, unix_s(run) + (uint32_t)run->skew_s);
	if (bend != 0)
		job.data[bend % job.len] ^= (uint8_t)(1 + bend % 255);
	kg_trial_input(&run->trial, job.data, job.len, run->now_us, unix_s(run));
}

static void hear_server(struct run *run, uint32_t bend)
{
	uint8_t body[ROOM];
	struct kg_datagram out = { .data = body };

	kg_twheel_advance(run->host.wheel, run->now_us);
	while (kg_session_output(run->session, &out, run->now_us)) {
		if (bend & 1 && out.len > bend % ROOM)
			body[bend % ROOM] ^= (uint8_t)(bend >> 8 | 1);
		answer(run, body, out.len, 0);
	}
}

static void ask_server(struct run *run, uint8_t *datagram, uint16_t len)
{
	static const struct kg_endpoint ends[] = { { { 4, { 198, 18, 0, 2 } }, 3000 },
						   { { 4, { 198, 18, 0, 1 } }, 40000 } };
	struct kg_profile_job job = { .data = datagram, .len = len };
	struct kg_datagram in = { .local = ends[0], .remote = ends[1] };

	in.digest = kg_rng_next(&run->host.rng);
	run->tunnel.profile->open(&run->tunnel.key, &job, 1, unix_s(run) + (uint32_t)run->skew_s);
	if (job.drop != KG_DROP_NONE)
		return;
	in.data = job.data;
	in.len = job.len;
	kg_session_input(run->session, &in, run->now_us);
}

/* What the trial says goes to the server, is heard again as it was, or is lost. */
static void output(struct run *run, uint32_t what)
{
	uint8_t datagram[ROOM];
	uint16_t len;

	for (int count = 0;
	     (len = kg_trial_output(&run->trial, datagram, run->now_us, unix_s(run))) > 0;
	     count++) {
		FUZZ_CHECK(count < 100 && len <= ROOM);
		if (what % 4 == 1)
			kg_trial_input(&run->trial, datagram, len, run->now_us, unix_s(run));
		else if (what % 4 >= 2)
			ask_server(run, datagram, len);
	}
}

/* ---- steps ---- */

static void any_body(struct run *run)
{
	uint8_t body[ROOM / 2];
	size_t len = fuzz_take_bytes(&run->in, body, take(run, 1));

	answer(run, body, len, take(run, 1));
}

/* The question itself, with some other bytes. */
static void like_the_question(struct run *run)
{
	uint8_t body[KG_TRIAL_QUESTION_BYTES];
	uint16_t len = run->trial.question_bytes;

	memcpy(body, run->trial.question, len);
	for (uint32_t n = take(run, 1) % 8; n > 0 && len > 0; n--) {
		uint32_t at = take(run, 1);

		body[at % len] = (uint8_t)take(run, 1);
	}
	answer(run, body, len, 0);
}

static void step(struct run *run)
{
	static const struct kg_ip router = { 4, { 198, 18, 0, 9 } }, here = { 0 };
	uint8_t datagram[ROOM];

	switch (take(run, 1) % 6) {
	case 0:
		run->now_us += take(run, 2) * KG_US_PER_MS / 8;
		break;
	case 1:
		any_body(run);
		break;
	case 2:
		like_the_question(run);
		break;
	case 3:
		hear_server(run, take(run, 2));
		break;
	case 4:
		kg_trial_unreachable(&run->trial, "nobody there",
				     take(run, 1) & 1 ? &router : &here, run->now_us);
		break;
	default:
		run->skew_s = (int32_t)take(run, 3) - (1 << 23);
		kg_trial_input(&run->trial, datagram,
			       (uint16_t)fuzz_take_bytes(&run->in, datagram, take(run, 1)),
			       run->now_us, unix_s(run));
	}
	output(run, take(run, 1));
}

/* ---- life ---- */

static void start_server(struct run *run)
{
	struct kg_session_config config = {
		.role = KG_ROLE_SERVER,
		.bare = run->tunnel.profile->bare,
		.kcp = { .mtu = MTU, .snd_wnd = 32, .rcv_wnd = 128, .nodelay = 1, .nc = true },
		.fec = run->servers_fec,
		.udp_timeout_s = 60,
		.workers = 1,
		.channels_max = 4,
	};

	run->host.seen = kg_seen_create(&run->host.mem, 64, 510, 0);
	run->session =
		test_host_session(&run->host, &config, (struct kg_session_ops){ 0 }, run->now_us);
	FUZZ_CHECK(run->session != NULL);
}

static void start(struct run *run, uint32_t settings)
{
	static const uint8_t secret[KG_AEAD_KEY_BYTES];
	const struct kg_profile *profile = settings & 1 ? &kg_profile_udphop : &kg_profile_kcptube;
	const struct kg_fec_content *content =
		settings & 1 ? &kg_session_bare_fec_content : &kg_session_fec_content;

	test_host_init(&run->host, settings, SIZE_MAX, run->now_us);
	if (settings & 2) {
		run->fec = kg_fec_create(3, 2, &kg_rs_isal, content, &run->host.mem);
		run->servers_fec = kg_fec_create(3, 2, &kg_rs_isal, content, &run->host.mem);
	}
	run->tunnel = (struct kg_trial_tunnel){ .profile = profile,
						.fec = run->fec,
						.kcp_mtu = MTU,
						.mem = &run->host.mem,
						.pool = &run->host.pool.pool,
						.rng = &run->host.rng };
	run->clock.askers = settings >> 2 & 1;
	FUZZ_CHECK(kg_profile_key_init(&run->tunnel.key, profile, kg_aead_lookup("none"), secret));
	start_server(run);
	run->now_us += 2 * KG_US_PER_S;
	FUZZ_CHECK(kg_trial_init(&run->trial, &run->tunnel, &run->clock, run->now_us));
	output(run, settings >> 3);
}

/* It ends in time, and says what it knows in words fit for a terminal; two alike are one. */
static void stop(struct run *run)
{
	uint64_t begun_us = run->now_us;
	char text[KG_VERDICT_TEXT_BYTES];
	struct kg_verdict sum;

	while (!kg_trial_is_over(&run->trial, run->now_us)) {
		FUZZ_CHECK(run->now_us < begun_us + LATE_US);
		run->now_us = KG_MAX(run->now_us + KG_US_PER_MS, kg_trial_deadline_us(&run->trial));
		output(run, 0);
	}
	sum = run->trial.verdict;
	FUZZ_CHECK(sum.kind != KG_VERDICT_WAITING && *kg_verdict_name(sum.kind) != '\0');
	FUZZ_CHECK(strlen(kg_verdict_text(&sum, 255, text)) > 0);
	FUZZ_CHECK(kg_verdict_join(&sum, &run->trial.verdict));
	kg_trial_fini(&run->trial);
	kg_session_destroy(run->session);
	kg_fec_destroy(run->fec);
	kg_fec_destroy(run->servers_fec);
	kg_profile_key_fini(&run->tunnel.key);
	FUZZ_CHECK(test_host_fini(&run->host));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct run run;

	run = (struct run){ .in = { data, len }, .now_us = BEGIN };
	start(&run, take(&run, 1));
	while (run.in.len > 0)
		step(&run);
	stop(&run);
	return 0;
}
