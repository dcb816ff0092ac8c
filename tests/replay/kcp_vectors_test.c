/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vectors/kcp.json: headers, single datagrams that stock engines were given, and their time-outs.
 * Ours answers as one of them does, or refuses what no stock peer sends. The scenarios are in
 * kcp_scenarios_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kcp/internal.h"
#include "replay/kcp_script.h"

static struct kg_mem mem;
static struct kg_buf_malloc_pool pool;

/* ---- headers ---- */

static void headers_encode_and_decode(void **state)
{
	const json_t *row;
	size_t i;

	json_array_foreach (kcp_vectors_table("encode"), i, row) {
		uint8_t expected[256], made[256];
		size_t len = kcp_from_hex(kcp_text(row, "hex"), expected, sizeof(expected));
		struct kg_kcp_segment seg = { 0 };

		assert_int_equal(kg_kcp_segment_decode(expected, len, &seg), len);
		assert_int_equal(seg.conv, kcp_number(row, "conv"));
		assert_int_equal(seg.cmd, kcp_number(row, "cmd"));
		assert_int_equal(seg.frg, kcp_number(row, "frg"));
		assert_int_equal(seg.wnd, kcp_number(row, "wnd"));
		assert_int_equal(seg.ts, kcp_number(row, "ts"));
		assert_int_equal(seg.sn, kcp_number(row, "sn"));
		assert_int_equal(seg.una, kcp_number(row, "una"));
		assert_int_equal(seg.len, kcp_number(row, "len"));
		kg_kcp_segment_encode(made, &seg);
		assert_memory_equal(made, expected, KG_KCP_HEADER_BYTES);
	}
}

/* ---- input_checks ---- */

/* Accepted by stock engines, refused here as docs/kcp.md §4 says. */
static const char *const refused[] = {
	"una beyond snd_nxt",
	"ACK of sn never sent",
	"PUSH frg 255 empty",
};

/* Understood, but on purpose not as stock engines do. The first: a window beside an una older than
 * one already heard is not taken. The second: fragments that contradict each other never become a
 * message and are dropped, so the window and the ACKs differ. */
static const char stale_una[] = "una 0xfffffff0";
static const char contradiction[] = "frg 1 then 5";

static bool is_refused(const json_t *row)
{
	if (kcp_number(row, "ret") < 0)
		return true;
	for (size_t i = 0; i < KG_ARRAY_SIZE(refused); i++)
		if (strcmp(kcp_text(row, "name"), refused[i]) == 0)
			return true;
	return false;
}

/* input_checks_state: three segments in flight at 1001, the fourth waits for the window. */
static struct kg_kcp *checks_state(void)
{
	const struct kg_kcp_params params = {
		.conv = KCP_VECTORS_CONV,
		.mtu = 1400,
		.snd_wnd = 3,
		.rcv_wnd = 128,
		.nodelay = 1,
		.interval_ms = 1,
		.resend = 2,
		.nc = true,
		.blast = true,
	};
	struct kg_kcp *kcp = kg_kcp_create(&params, &mem, &pool.pool, 1000000);
	uint8_t out[KG_KCP_MTU_MAX];

	for (int i = 0; i < 4; i++)
		assert_true(
			kg_kcp_send(kcp, kg_buf_chain_copy(&pool.pool, "abc", 3, 99, 99), 1001000));
	assert_int_equal(kg_kcp_output(kcp, 1001000, out), 3 * (KG_KCP_HEADER_BYTES + 3));
	return kcp;
}

/* Our output at 1002 equals then_emits; sn and ts of window segments mean nothing. */
static bool emits(struct kg_kcp *kcp, const json_t *rows)
{
	uint8_t out[KG_KCP_MTU_MAX];
	size_t row = 0;
	uint16_t len;

	while ((len = kg_kcp_output(kcp, 1002000, out)) > 0) {
		struct kg_kcp_segment seg = { 0 };

		for (size_t at = 0; at < len; row++) {
			const json_t *want = json_array_get(rows, row);
			bool window;

			at += kg_kcp_segment_decode(out + at, len - at, &seg);
			window = seg.cmd == KG_KCP_WINS || seg.cmd == KG_KCP_WASK;
			const uint32_t got[] = { seg.cmd, seg.frg, seg.wnd, seg.ts,
						 seg.sn,  seg.una, seg.len };
			for (size_t k = 0; k < KG_ARRAY_SIZE(got); k++) {
				if (window && (k == 3 || k == 4))
					continue;
				if (got[k] != json_integer_value(json_array_get(want, k)))
					return false;
			}
		}
	}
	return row == json_array_size(rows);
}

static bool same_as(struct kg_kcp *kcp, const json_t *row)
{
	bool stale = strcmp(kcp_text(row, "name"), stale_una) == 0;
	int64_t wnd = stale ? 128 : kcp_number(row, "rmt_wnd");

	if (kcp->flight.una != kcp_number(row, "snd_una") || kcp->peer.wnd != wnd ||
	    kcp->recv.nxt != kcp_number(row, "rcv_nxt"))
		return false;
	if (strcmp(kcp_text(row, "name"), contradiction) == 0)
		return kcp->recv.messages == 0;
	return emits(kcp, json_object_get(row, "then_emits"));
}

/* True when our engine answers this row as the engine that is named in it did. */
static bool check_row(const json_t *row)
{
	uint8_t in[KG_KCP_MTU_MAX];
	size_t len = kcp_from_hex(kcp_text(row, "in"), in, sizeof(in));
	struct kg_kcp *kcp = checks_state();
	unsigned int events;
	bool same = true;

	if (is_refused(row)) {
		assert_int_equal(kg_kcp_input(kcp, in, len, 1001000, &events),
				 KG_DROP_KCP_MALFORMED);
		assert_int_equal(kcp->flight.una, 0);
		assert_int_equal(kcp->recv.nxt, 0);
		assert_int_equal(kcp->peer.wnd, 128);
		assert_int_equal(kg_kcp_output(kcp, 1002000, in), 0);
	} else {
		assert_int_equal(kg_kcp_input(kcp, in, len, 1001000, &events), KG_DROP_NONE);
		same = same_as(kcp, row);
	}
	kg_kcp_destroy(kcp);
	return same;
}

/* Rows come in pairs, one per engine; where the two differ, ours must side with one. */
static void input_checks_are_met(void **state)
{
	const json_t *rows = kcp_vectors_table("input_checks");

	assert_int_equal(json_array_size(rows) % 2, 0);
	for (size_t i = 0; i < json_array_size(rows); i += 2) {
		const json_t *original = json_array_get(rows, i);
		const json_t *kcptube = json_array_get(rows, i + 1);
		bool same = check_row(original);

		assert_string_equal(kcp_text(original, "name"), kcp_text(kcptube, "name"));
		if (!check_row(kcptube) && !same)
			fail_msg("%s", kcp_text(original, "name"));
	}
}

/* ---- time-outs ---- */

/* Longer than this we never wait, and the linear growth of nodelay 2 ends (kcp_rtt.c). */
#define WAIT_MAX_MS 10000
#define LINEAR      8

/* Stock engines cut off the fractions of a millisecond, and each wait grows from the one before. */
#define FRACTIONS_MS 5

static int64_t ms_at(const json_t *row, const char *key, size_t i)
{
	return json_integer_value(json_array_get(json_object_get(row, key), i));
}

static void check_backoff(const json_t *row)
{
	static const char key[] = "ms_after_first";
	struct kg_kcp_rtt rtt;
	uint64_t at_us = 0;
	size_t i = 1;

	kg_kcp_rtt_init(&rtt, (uint8_t)kcp_number(row, "nodelay"),
			(uint16_t)kcp_number(row, "interval"));
	assert_int_equal(rtt.rto_us, kcp_number(row, "start_rto") * KG_US_PER_MS);
	for (; ms_at(row, key, i) - ms_at(row, key, i - 1) < WAIT_MAX_MS; i++) {
		int64_t theirs = ms_at(row, key, i);

		if (rtt.nodelay == 2 && i > LINEAR)
			break;
		at_us += kg_kcp_rtt_timeout_us(&rtt, (unsigned int)i - 1);
		assert_in_range(at_us, theirs * KG_US_PER_MS,
				(theirs + theirs / 1000 + FRACTIONS_MS) * KG_US_PER_MS);
	}
	assert_true(i > LINEAR - 2);
}

static void timeouts_back_off_like_theirs(void **state)
{
	const json_t *row;
	size_t i;

	json_array_foreach (kcp_vectors_table("rto_backoff"), i, row)
		check_backoff(row);
}

/* Rows of sample, srtt, rttvar, rto. Theirs takes no sample of 0 ms, and what it makes of the two
 * averages is a rule of its own. */
static void round_trips_average_like_theirs(void **state)
{
	const json_t *table;
	size_t i;

	json_array_foreach (kcp_vectors_table("rtt_samples"), i, table) {
		const json_t *rows = json_object_get(table, "rows");
		struct kg_kcp_rtt rtt;

		kg_kcp_rtt_init(&rtt, 0, 1);
		for (size_t k = 0; k < json_array_size(rows); k++) {
			const json_t *row = json_array_get(rows, k);
			int64_t ms[3];

			for (size_t c = 0; c < KG_ARRAY_SIZE(ms); c++)
				ms[c] = json_integer_value(json_array_get(row, c));
			if (ms[0] == 0)
				continue;
			kg_kcp_rtt_sample(&rtt, (uint64_t)ms[0] * KG_US_PER_MS, 0);
			assert_in_range(kg_kcp_rtt_srtt_us(&rtt), ms[1] * KG_US_PER_MS,
					(ms[1] + FRACTIONS_MS) * KG_US_PER_MS);
			assert_in_range(rtt.rttvar4_us / 4, ms[2] * KG_US_PER_MS,
					(ms[2] + FRACTIONS_MS) * KG_US_PER_MS);
		}
	}
}

static int no_leaks(void **state)
{
	return mem.in_use_bytes == 0 && pool.in_use == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_encode_and_decode),
		cmocka_unit_test_teardown(input_checks_are_met, no_leaks),
		cmocka_unit_test(timeouts_back_off_like_theirs),
		cmocka_unit_test(round_trips_average_like_theirs),
	};

	kg_mem_malloc_init(&mem);
	kg_buf_malloc_pool_init(&pool, SIZE_MAX);
	return cmocka_run_group_tests_name("kcp_vectors", tests, kcp_vectors_load,
					   kcp_vectors_free);
}
