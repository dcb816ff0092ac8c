/* SPDX-License-Identifier: BSD-3-Clause */
/* Trials of a server's places, against a real session behind a wire in virtual time. */
#include "trial/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/aead_table.h"
#include "fec/rs_isal.h"
#include "pair_wire.h"
#include "test_host.h"

#define SEED          0x7e1a1u
#define UNIX_S        1700000000u
#define LEAST_STEP_US 100u    /* what is overdue is not asked for without end */
#define LATE_US       SEC(30) /* by then every trial is over */

static const uint8_t secret[KG_AEAD_KEY_BYTES] = "a key that both ends know";
static const uint8_t other_secret[KG_AEAD_KEY_BYTES] = "a key that one end knows";

/* What becomes of a datagram that comes from the trial, in place of the server. */
typedef void way(struct kg_trial *trial, uint8_t *datagram, uint16_t len);

struct rig {
	struct test_host host; /* the server's */
	struct kg_session *session;
	struct kg_session_config config;
	struct kg_profile_key key; /* the server's */
	int32_t skew_s;            /* of the server's clock */
	unsigned int loses;        /* so many datagrams towards the server first */
	way *way;                  /* NULL: to the server */
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_rng rng;
	struct kg_trial_tunnel tunnel;
	struct kg_trial_clock clock;
	uint64_t now_us;
	unsigned int sent, drops[KG_DROP_COUNT];
};

static struct rig rig;

static uint32_t unix_s(void)
{
	return UNIX_S + (uint32_t)(rig.now_us / KG_US_PER_S);
}

static struct kg_fec *make_fec(struct kg_mem *mem)
{
	return kg_fec_create(10, 3, &kg_rs_isal, &kg_session_fec_content, mem);
}

static void start_on(const struct kg_profile *profile, const uint8_t *server_secret, bool fec)
{
	const struct kg_aead_alg *alg = kg_aead_lookup("AES-GCM");

	rig = (struct rig){ .now_us = SEC(1000) };
	test_host_init(&rig.host, SEED, 1000, rig.now_us);
	rig.host.seen = kg_seen_create(&rig.host.mem, 1024, 315, rig.now_us);
	rig.config = pair_config(KG_ROLE_SERVER, 8);
	rig.config.bare = profile->bare;
	rig.config.fec = fec ? make_fec(&rig.host.mem) : NULL;
	rig.session =
		test_host_session(&rig.host, &rig.config, (struct kg_session_ops){ 0 }, rig.now_us);
	kg_mem_malloc_init(&rig.mem);
	kg_buf_malloc_pool_init(&rig.pool, 1000);
	kg_rng_init(&rig.rng, SEED);
	rig.tunnel = (struct kg_trial_tunnel){ .profile = profile,
					       .fec = fec ? make_fec(&rig.mem) : NULL,
					       .kcp_mtu = PAIR_MTU,
					       .mem = &rig.mem,
					       .pool = &rig.pool.pool,
					       .rng = &rig.rng };
	assert_true(kg_profile_key_init(&rig.tunnel.key, profile, alg, secret));
	assert_true(kg_profile_key_init(&rig.key, profile, alg, server_secret));
	rig.now_us += SEC(2); /* what is stamped in the first second may be of an earlier life */
}

static void start(const uint8_t *server_secret, bool fec)
{
	start_on(&kg_profile_kcptube, server_secret, fec);
}

static void stop(void)
{
	kg_session_destroy(rig.session);
	kg_fec_destroy(rig.config.fec);
	assert_true(test_host_fini(&rig.host));
	kg_fec_destroy(rig.tunnel.fec);
	kg_profile_key_fini(&rig.tunnel.key);
	kg_profile_key_fini(&rig.key);
	assert_int_equal(rig.pool.in_use, 0);
	assert_int_equal(rig.mem.in_use_bytes, 0);
}

/* ---- the wire ---- */

static void server_input(uint8_t *datagram, uint16_t len)
{
	struct kg_profile_job job = { .data = datagram, .len = len };
	struct kg_datagram out = { .local = { pair_addresses[KG_ROLE_CLIENT], 40000 },
				   .remote = { pair_addresses[KG_ROLE_SERVER], 3000 } };
	uint64_t digest = kg_hash64(datagram, len, 0);
	struct kg_datagram in;

	rig.tunnel.profile->open(&rig.key, &job, 1, unix_s() + (uint32_t)rig.skew_s);
	rig.drops[job.drop]++;
	if (job.drop != KG_DROP_NONE)
		return;
	out.data = job.data;
	out.len = job.len;
	in = pair_arrival(&out, &pair_addresses[KG_ROLE_CLIENT]);
	in.digest = digest;
	in.age_s = (int16_t)-job.skew_s;
	rig.drops[kg_session_input(rig.session, &in, rig.now_us)]++;
}

static void server_output(struct kg_trial *trial)
{
	uint8_t datagram[KG_DATAGRAM_MAX_BYTES];
	struct kg_datagram out = { .data = datagram + rig.tunnel.profile->head_bytes };

	kg_twheel_advance(rig.host.wheel, rig.now_us);
	while (kg_session_output(rig.session, &out, rig.now_us)) {
		struct kg_profile_job job = { .data = out.data, .len = out.len, .iv = 7 };

		rig.tunnel.profile->seal(&rig.key, &job, 1, unix_s() + (uint32_t)rig.skew_s);
		kg_trial_input(trial, job.data, job.len, rig.now_us, unix_s());
	}
}

static void turn(struct kg_trial *trial)
{
	uint8_t datagram[KG_DATAGRAM_MAX_BYTES];
	uint16_t len;

	while ((len = kg_trial_output(trial, datagram, rig.now_us, unix_s())) > 0) {
		rig.sent++;
		if (rig.loses > 0)
			rig.loses--;
		else if (rig.way != NULL)
			rig.way(trial, datagram, len);
		else
			server_input(datagram, len);
	}
	server_output(trial);
}

/* From its beginning to its end; how long that took. */
static uint64_t run(struct kg_trial *trial)
{
	uint64_t begun_us = rig.now_us;

	assert_true(kg_trial_init(trial, &rig.tunnel, &rig.clock, rig.now_us));
	do {
		turn(trial);
		pair_pass(&rig.now_us,
			  KG_MAX(kg_trial_deadline_us(trial), rig.now_us + LEAST_STEP_US),
			  rig.host.wheel, rig.host.wheel);
		turn(trial);
	} while (!kg_trial_is_over(trial, rig.now_us) && rig.now_us - begun_us < LATE_US);
	assert_true(kg_trial_is_over(trial, rig.now_us));
	turn(trial);
	kg_trial_fini(trial);
	return rig.now_us - begun_us;
}

static struct kg_verdict verdict_of(uint64_t *took_us)
{
	struct kg_trial trial;
	uint64_t us = run(&trial);

	if (took_us != NULL)
		*took_us = us;
	return trial.verdict;
}

static void expect(enum kg_verdict_kind kind, uint64_t least_us, uint64_t most_us)
{
	uint64_t took_us;
	struct kg_verdict verdict = verdict_of(&took_us);

	if (verdict.kind != kind || took_us < least_us || took_us > most_us)
		fail_msg("%s after %lu us", kg_verdict_name(verdict.kind), (unsigned long)took_us);
}

/* ---- what is told ---- */

static void a_server_answers(void **state)
{
	for (int fec = 0; fec < 2; fec++) {
		struct kg_verdict verdict;

		start(secret, fec);
		rig.skew_s = -200;
		verdict = verdict_of(NULL);
		assert_int_equal(verdict.kind, KG_VERDICT_ANSWERED);
		assert_int_equal(verdict.questions, 1);
		assert_in_range(verdict.skew_s, -201, -199);
		/* The question, and what acknowledges the answer. */
		assert_int_equal(rig.sent, 2);
		stop();
	}
}

/* Without KCP: asked by a test, which nobody acknowledges. */
static void a_server_of_udp_hop_answers(void **state)
{
	struct kg_verdict verdict;

	start_on(&kg_profile_udphop, secret, false);
	rig.loses = 1;
	verdict = verdict_of(NULL);
	assert_int_equal(verdict.kind, KG_VERDICT_ANSWERED);
	assert_int_equal(verdict.questions, 2);
	assert_int_equal(rig.sent, 2);
	stop();
	start_on(&kg_profile_udphop, other_secret, false);
	expect(KG_VERDICT_NO_ANSWER, SEC(10), SEC(10));
	stop();
}

static void a_lost_question_is_repeated(void **state)
{
	struct kg_verdict verdict;

	start(secret, false);
	rig.loses = 2;
	verdict = verdict_of(NULL);
	assert_int_equal(verdict.kind, KG_VERDICT_ANSWERED);
	assert_int_equal(verdict.questions, 3);
	assert_true(verdict.after_us > 10 * KG_US_PER_MS);
	stop();
}

static void nobody_is_waited_for_in_patience(void **state)
{
	start(secret, false);
	rig.loses = UINT32_MAX;
	expect(KG_VERDICT_NO_ANSWER, SEC(10), SEC(10));
	stop();
}

/* The server cannot open it, and is silent. */
static void another_password_is_no_answer(void **state)
{
	start(other_secret, false);
	expect(KG_VERDICT_NO_ANSWER, SEC(10), SEC(10));
	assert_true(rig.drops[KG_DROP_AUTH_FAILED] > 1);
	assert_int_equal(rig.drops[KG_DROP_NONE], 0);
	stop();
}

static void another_fec_is_no_answer(void **state)
{
	start(secret, true);
	kg_fec_destroy(rig.tunnel.fec);
	rig.tunnel.fec = NULL;
	expect(KG_VERDICT_NO_ANSWER, SEC(10), SEC(10));
	stop();
}

static void echo(struct kg_trial *trial, uint8_t *datagram, uint16_t len)
{
	kg_trial_input(trial, datagram, len, rig.now_us, unix_s());
}

static void an_echo_is_no_server_of_udp_hop(void **state)
{
	start_on(&kg_profile_udphop, secret, false);
	rig.way = echo;
	expect(KG_VERDICT_FOREIGN, 0, SEC(3));
	stop();
}

static void noise(struct kg_trial *trial, uint8_t *datagram, uint16_t len)
{
	datagram[len / 2] ^= 1;
	echo(trial, datagram, len);
}

/* And the trial hears a server after all. */
static void noise_first(struct kg_trial *trial, uint8_t *datagram, uint16_t len)
{
	static const struct kg_ip router = { 4, { 198, 18, 0, 9 } };

	kg_trial_unreachable(trial, "host unreachable", &router, rig.now_us);
	noise(trial, datagram, len);
	rig.way = NULL;
}

static void other_services_are_told_apart(void **state)
{
	start(secret, false);
	rig.way = echo;
	expect(KG_VERDICT_FOREIGN, SEC(2), SEC(3));
	rig.way = noise;
	expect(KG_VERDICT_UNDECRYPTABLE, SEC(2), SEC(3));
	stop();
}

/* A NAT has given the port of one to another. */
static void the_answer_of_another_trial_is_none(void **state)
{
	uint8_t datagram[KG_DATAGRAM_MAX_BYTES];
	struct kg_trial asks, hears;
	uint16_t len;

	start(secret, false);
	assert_true(kg_trial_init(&hears, &rig.tunnel, &rig.clock, rig.now_us));
	assert_true(kg_trial_output(&hears, datagram, rig.now_us, unix_s()) > 0);
	assert_true(kg_trial_init(&asks, &rig.tunnel, &rig.clock, rig.now_us));
	len = kg_trial_output(&asks, datagram, rig.now_us, unix_s());
	server_input(datagram, len);
	server_output(&hears);
	assert_int_equal(hears.verdict.kind, KG_VERDICT_FOREIGN);
	kg_trial_fini(&asks);
	kg_trial_fini(&hears);
	stop();
}

static void an_answer_counts_more_than_noise(void **state)
{
	start(secret, false);
	rig.way = noise_first;
	expect(KG_VERDICT_ANSWERED, 0, SEC(2));
	stop();
}

static void refuse(struct kg_trial *trial, uint8_t *datagram, uint16_t len)
{
	static const struct kg_ip router = { 4, { 198, 18, 0, 9 } };

	kg_trial_unreachable(trial, "port unreachable", &router, rig.now_us);
}

static void errors_of_others_end_it_soon(void **state)
{
	struct kg_verdict verdict;
	uint64_t took_us;

	start(secret, false);
	rig.way = refuse;
	verdict = verdict_of(&took_us);
	assert_int_equal(verdict.kind, KG_VERDICT_UNREACHABLE);
	assert_string_equal(verdict.why, "port unreachable");
	assert_int_equal(verdict.by.bytes[3], 9);
	assert_in_range(took_us, SEC(2), SEC(3));
	stop();
}

/* Linux asks for an address for some seconds. */
static void refuse_late(struct kg_trial *trial, uint8_t *datagram, uint16_t len)
{
	if (rig.now_us - trial->asked_us < SEC(3))
		return;
	if (trial->verdict.kind == KG_VERDICT_WAITING)
		rig.sent = 0;
	refuse(trial, datagram, len);
}

/* Nobody is asked for the time where nothing gets. */
static void after_a_sign_no_clock_is_asked_for(void **state)
{
	start(secret, false);
	rig.way = refuse_late;
	expect(KG_VERDICT_UNREACHABLE, SEC(4), SEC(6));
	assert_true(rig.sent < 5);
	stop();
}

/* ---- clocks ---- */

static void wrong_by(int32_t skew_s)
{
	struct kg_verdict verdict;

	start(secret, false);
	rig.skew_s = skew_s;
	verdict = verdict_of(NULL);
	if (verdict.kind != KG_VERDICT_CLOCK || verdict.skew_s - skew_s > 1 ||
	    skew_s - verdict.skew_s > 1)
		fail_msg("clock %d s off: %s, %d", skew_s, kg_verdict_name(verdict.kind),
			 verdict.skew_s);
	assert_true(rig.drops[KG_DROP_CLOCK_SKEW] > 0);
	stop();
}

/* The server has begun two seconds ago, and takes nothing that was stamped before. */
static void a_wrong_clock_is_found_out(void **state)
{
	static const int32_t hours[] = { -14, -8, -1, 1, 2, 14 };

	for (size_t i = 0; i < KG_ARRAY_SIZE(hours); i++)
		wrong_by(hours[i] * 3600);
	for (int32_t skew_s = 260; skew_s < 1300; skew_s += 13) {
		wrong_by(skew_s);
		wrong_by(-skew_s);
	}
}

/* Too far away to be looked for. */
static void a_clock_of_another_year_is_no_answer(void **state)
{
	start(secret, false);
	rig.skew_s = -365 * 24 * 3600;
	expect(KG_VERDICT_NO_ANSWER, SEC(10), SEC(10));
	assert_true(rig.sent < 500);
	stop();
}

/* Once it is known of an address one question is enough, and without an asker nobody floods. */
static void what_is_known_of_a_clock_is_shared(void **state)
{
	unsigned int first;

	start(secret, false);
	rig.skew_s = 3 * 3600;
	expect(KG_VERDICT_CLOCK, SEC(2), SEC(8));
	first = rig.sent;
	expect(KG_VERDICT_CLOCK, SEC(2), SEC(5));
	assert_true(rig.sent - first < first / 2);
	stop();
}

static void few_ask_an_address_for_its_clock(void **state)
{
	unsigned int before, last = 0;

	start(other_secret, false);
	for (int i = 0; i < 20; i++) {
		before = rig.sent;
		expect(KG_VERDICT_NO_ANSWER, SEC(10), SEC(10));
		last = rig.sent - before;
	}
	assert_true(last < 50);
	assert_int_equal(rig.clock.askers, 8);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_answers),
		cmocka_unit_test(a_server_of_udp_hop_answers),
		cmocka_unit_test(an_echo_is_no_server_of_udp_hop),
		cmocka_unit_test(a_lost_question_is_repeated),
		cmocka_unit_test(nobody_is_waited_for_in_patience),
		cmocka_unit_test(another_password_is_no_answer),
		cmocka_unit_test(another_fec_is_no_answer),
		cmocka_unit_test(other_services_are_told_apart),
		cmocka_unit_test(the_answer_of_another_trial_is_none),
		cmocka_unit_test(an_answer_counts_more_than_noise),
		cmocka_unit_test(errors_of_others_end_it_soon),
		cmocka_unit_test(after_a_sign_no_clock_is_asked_for),
		cmocka_unit_test(a_wrong_clock_is_found_out),
		cmocka_unit_test(a_clock_of_another_year_is_no_answer),
		cmocka_unit_test(what_is_known_of_a_clock_is_shared),
		cmocka_unit_test(few_ask_an_address_for_its_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
