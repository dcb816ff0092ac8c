/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The scenarios of vectors/kcp.json: our engine opposite a recorded side, and opposite itself with
 * the same script (docs/kcp.md §13). The wire must be equal, what stock peers send must be
 * understood; ACKs may be fewer and retransmissions better.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kcp/internal.h"
#include "replay/kcp_script.h"

#define SN_MAX     512
#define COPIES_MAX 4096
#define RUNS       2 /* original and KCPTube's, each against itself: these have datagrams */
#define LIMIT_MS   60000u
#define SOON_MS    20u /* docs/kcp.md §5 */

static struct kg_mem mem;
static struct kg_buf_malloc_pool pool;

/* ---- an engine of ours in a scenario ---- */

struct copy {
	uint32_t sn, ts;
};

struct end {
	const struct kcp_script *script;
	struct kg_kcp *kcp;
	int side;
	uint32_t got; /* messages read */
	/* What has come in and gone out: every ACK must name a copy that came. */
	struct copy copies[COPIES_MAX];
	size_t copy_count;
	bool acked[SN_MAX]; /* by name */
	uint32_t told_una;
	uint32_t sent_copies[SN_MAX], next_new;
};

static void end_init(struct end *end, const struct kcp_script *script, int side)
{
	struct kg_kcp_params params = script->params;

	memset(end, 0, sizeof(*end));
	params.blast = true;
	end->script = script;
	end->side = side;
	end->kcp = kg_kcp_create(&params, &mem, &pool.pool, 999000);
	assert_non_null(end->kcp);
}

static void end_fini(struct end *end)
{
	kg_kcp_destroy(end->kcp);
}

static void end_input(struct end *end, const uint8_t *data, size_t len, uint32_t t)
{
	struct kg_kcp_segment seg = { 0 };
	unsigned int events;

	for (size_t at = 0; at < len; at += KG_KCP_HEADER_BYTES + seg.len) {
		assert_true(kg_kcp_segment_decode(data + at, len - at, &seg) > 0);
		if (seg.cmd != KG_KCP_PUSH)
			continue;
		assert_true(end->copy_count < COPIES_MAX);
		end->copies[end->copy_count++] = (struct copy){ seg.sn, seg.ts };
	}
	assert_int_equal(kg_kcp_input(end->kcp, data, len, t * 1000ull, &events), KG_DROP_NONE);
}

static void end_send(struct end *end, const struct kcp_send *send)
{
	uint16_t mss = kg_kcp_mss(end->kcp);
	uint8_t *bytes = malloc(send->size);

	for (size_t k = 0; k < send->size; k++)
		bytes[k] = kcp_script_byte(send->message, k);
	assert_true(kg_kcp_send(end->kcp,
				kg_buf_chain_copy(&pool.pool, bytes, send->size, mss, mss),
				send->t * 1000ull));
	free(bytes);
}

/* The got-th message of the other side. */
static const struct kcp_send *expected_message(const struct end *end)
{
	for (size_t i = 0; i < end->script->send_count; i++) {
		const struct kcp_send *send = &end->script->sends[i];

		if (send->from != end->side && send->message == end->got)
			return send;
	}
	fail_msg("a message too many");
	return NULL;
}

static void end_read(struct end *end)
{
	static uint8_t bytes[KG_KCP_FRAGMENTS_MAX * KG_KCP_MTU_MAX];
	struct kg_buf *chain;

	while ((chain = kg_kcp_recv(end->kcp)) != NULL) {
		const struct kcp_send *send = expected_message(end);

		assert_int_equal(kg_buf_chain_gather(chain, bytes), send->size);
		for (size_t k = 0; k < send->size; k++)
			assert_int_equal(bytes[k], kcp_script_byte(send->message, k));
		kg_buf_free_chain(chain);
		end->got++;
	}
}

/* Names a copy that came; repeated, its ts is later by the time between. */
static bool was_received(const struct end *end, const struct kg_kcp_segment *ack, uint32_t t)
{
	for (size_t i = 0; i < end->copy_count; i++) {
		uint32_t later = ack->ts - end->copies[i].ts;

		if (end->copies[i].sn == ack->sn &&
		    (later == 0 || (end->acked[ack->sn] && later < t && ack->ts <= t)))
			return true;
	}
	return false;
}

static void check_push(struct end *end, const struct kg_kcp_segment *seg, uint32_t t)
{
	uint8_t payload[KG_KCP_MTU_MAX];

	assert_int_equal(seg->ts, t);
	assert_true(seg->sn <= end->next_new);
	end->next_new += seg->sn == end->next_new;
	end->sent_copies[seg->sn]++;
	assert_int_equal(kcp_script_payload(end->script, end->side, seg->sn, seg->frg, payload),
			 seg->len);
	assert_memory_equal(seg->payload, payload, seg->len);
}

/* The rules of compare.must_match for one datagram of ours. */
static void end_check(struct end *end, const uint8_t *data, size_t len, uint32_t t)
{
	struct kg_kcp_segment seg = { 0 };

	assert_true(len <= end->script->params.mtu);
	for (size_t at = 0; at < len; at += KG_KCP_HEADER_BYTES + seg.len) {
		assert_true(kg_kcp_segment_decode(data + at, len - at, &seg) > 0);
		assert_int_equal(seg.conv, KCP_VECTORS_CONV);
		assert_int_equal(seg.una, end->kcp->recv.nxt);
		assert_int_equal(seg.wnd, end->script->params.rcv_wnd - end->kcp->recv.listed);
		end->told_una = seg.una;
		if (seg.cmd == KG_KCP_ACK) {
			assert_true(was_received(end, &seg, t));
			end->acked[seg.sn] = true;
		} else if (seg.cmd == KG_KCP_PUSH) {
			check_push(end, &seg, t);
		}
	}
}

/* Everything taken in so far was answered, by name or by una; where much is behind a gap it will be
 * soon (docs/kcp.md §5). */
static void check_all_answered(const struct end *end, uint32_t t)
{
	for (size_t i = 0; i < end->copy_count; i++) {
		uint32_t sn = end->copies[i].sn;

		if (sn < end->told_una || end->acked[sn])
			continue;
		assert_true(end->kcp->recv.held >= KG_KCP_ACK_DEEP);
		assert_true(kg_kcp_deadline_us(end->kcp) <= (t + SOON_MS) * 1000ull);
	}
}

static bool reads_at(const struct end *end, uint32_t t)
{
	return t >= end->script->reads_from[end->side];
}

static void send_due(struct end *end, uint32_t t)
{
	for (size_t i = 0; i < end->script->send_count; i++) {
		const struct kcp_send *send = &end->script->sends[i];

		if (send->from == end->side && send->t == t)
			end_send(end, send);
	}
}

static uint32_t messages_to(const struct end *end)
{
	uint32_t n = 0;

	for (size_t i = 0; i < end->script->send_count; i++)
		n += end->script->sends[i].from != end->side;
	return n;
}

/* ---- our engine fed with what was recorded ---- */

/* Our receiver shows the same una and wnd as the recorded one whenever both speak. */
static void compare_with_recorded(struct end *end, const json_t *datagrams, uint32_t t)
{
	const json_t *row;
	size_t i;

	json_array_foreach (datagrams, i, row) {
		const json_t *seg = json_array_get(json_object_get(row, "segs"), 0);
		bool ours = (strcmp(kcp_text(row, "from"), "A") == 0 ? 0 : 1) == end->side;

		if (!ours || kcp_number(row, "t") != t)
			continue;
		assert_int_equal(json_integer_value(json_array_get(seg, 5)), end->kcp->recv.nxt);
		assert_int_equal(json_integer_value(json_array_get(seg, 2)),
				 end->script->params.rcv_wnd - end->kcp->recv.listed);
	}
}

static void replay_tick(struct end *end, const struct kcp_recorded *recorded, size_t count,
			uint32_t t)
{
	uint8_t out[KG_KCP_MTU_MAX];
	uint16_t len;

	for (size_t i = 0; i < count; i++)
		if (recorded[i].from != end->side && recorded[i].due == t)
			end_input(end, recorded[i].bytes, recorded[i].len, t);
	send_due(end, t);
	if (reads_at(end, t))
		end_read(end);
	while ((len = kg_kcp_output(end->kcp, t * 1000ull, out)) > 0)
		end_check(end, out, len, t);
	check_all_answered(end, t);
}

static void replay(const struct kcp_script *script, const json_t *run, int side)
{
	const json_t *datagrams = json_object_get(run, "datagrams"), *row;
	const char *final = side == 0 ? "final_A" : "final_B";
	uint32_t end_t = (uint32_t)kcp_number(run, "end_t");
	size_t count = json_array_size(datagrams), i;
	struct kcp_recorded *recorded = calloc(count, sizeof(*recorded));
	static struct end end;

	json_array_foreach (datagrams, i, row)
		kcp_script_datagram(script, row, &recorded[i]);
	end_init(&end, script, side);
	for (uint32_t t = 1000; t <= end_t; t++) {
		replay_tick(&end, recorded, count, t);
		compare_with_recorded(&end, datagrams, t);
	}
	assert_int_equal(end.got, messages_to(&end));
	assert_int_equal(end.kcp->recv.nxt, kcp_number(json_object_get(run, final), "rcv_nxt"));
	end_fini(&end);
	free(recorded);
}

/*
 * Both sides of every scenario in turn. Not A of nc 0: our congestion window may lag behind the
 * recorded one, and then the recorded ACKs are for segments that we have not sent.
 */
static void recorded_peers_are_understood(void **state)
{
	const json_t *scenario;
	size_t i;

	json_array_foreach (kcp_vectors_table("scenarios"), i, scenario) {
		const json_t *runs = json_object_get(scenario, "runs");
		struct kcp_script script;

		kcp_script_init(&script, scenario);
		for (size_t run = 0; run < RUNS; run++) {
			print_message("%s, %s\n", kcp_text(scenario, "name"),
				      kcp_text(json_array_get(runs, run), "engine"));
			replay(&script, json_array_get(runs, run), 1);
			if (script.params.nc)
				replay(&script, json_array_get(runs, run), 0);
		}
		kcp_script_fini(&script);
	}
}

/* ---- both ends ours ---- */

struct flying {
	uint32_t due;
	int to;
	uint16_t len;
	uint8_t bytes[KG_KCP_MTU_MAX];
};

struct duel {
	struct end ends[2];
	struct flying *flying;
	size_t count;
	/* noloss_bytes only: recorded datagrams still to be met */
	const json_t *recorded;
	size_t met;
};

/* Applies the script's losses and delays to one datagram. */
static void carry(struct duel *duel, int from, const uint8_t *data, uint16_t len, uint32_t t)
{
	struct end *end = &duel->ends[from];
	struct kg_kcp_segment seg = { 0 };
	uint32_t extra_ms = 0;
	bool lost = false;
	struct flying *f;

	end_check(end, data, len, t);
	for (size_t at = 0; at < len; at += KG_KCP_HEADER_BYTES + seg.len) {
		uint32_t nth;

		assert_true(kg_kcp_segment_decode(data + at, len - at, &seg) > 0);
		nth = seg.cmd == KG_KCP_PUSH ? end->sent_copies[seg.sn] : 0;
		lost |= kcp_script_loses(end->script, from, t, seg.sn, nth, &extra_ms);
	}
	if (lost)
		return;
	duel->flying = realloc(duel->flying, (duel->count + 1) * sizeof(*f));
	f = &duel->flying[duel->count++];
	f->due = t + end->script->delay_ms + extra_ms;
	f->to = !from;
	f->len = len;
	memcpy(f->bytes, data, len);
}

static void deliver(struct duel *duel, uint32_t t)
{
	size_t kept = 0;

	for (size_t i = 0; i < duel->count; i++) {
		struct flying *f = &duel->flying[i];

		if (f->due <= t)
			end_input(&duel->ends[f->to], f->bytes, f->len, t);
		else
			duel->flying[kept++] = *f;
	}
	duel->count = kept;
}

/*
 * Datagram by datagram as recorded. Where stock engines acknowledge several segments by name, ours
 * names the last one: the recorded ACKs before it are passed over.
 */
static void meet_recorded(struct duel *duel, int from, const uint8_t *data, uint16_t len)
{
	const json_t *row = json_array_get(duel->recorded, duel->met++);
	const json_t *hex = json_object_get(row, "hex");
	uint8_t expected[KG_KCP_MTU_MAX];
	size_t expected_len, skip = 0;

	assert_string_equal(kcp_text(row, "from"), from == 0 ? "A" : "B");
	if (hex == NULL) { /* long payloads are checked by end_check */
		assert_int_equal(kcp_number(row, "size"), len);
		return;
	}
	expected_len = kcp_from_hex(json_string_value(hex), expected, sizeof(expected));
	if (expected[4] == KG_KCP_ACK)
		skip = expected_len - len;
	assert_int_equal(expected_len - skip, len);
	assert_memory_equal(expected + skip, data, len);
}

static void duel_tick(struct duel *duel, uint32_t t)
{
	uint8_t out[KG_KCP_MTU_MAX];
	uint16_t len;

	deliver(duel, t);
	for (int side = 0; side < 2; side++)
		send_due(&duel->ends[side], t);
	for (int side = 0; side < 2; side++)
		if (reads_at(&duel->ends[side], t))
			end_read(&duel->ends[side]);
	for (int side = 0; side < 2; side++) {
		while ((len = kg_kcp_output(duel->ends[side].kcp, t * 1000ull, out)) > 0) {
			carry(duel, side, out, len, t);
			if (duel->recorded != NULL)
				meet_recorded(duel, side, out, len);
		}
		check_all_answered(&duel->ends[side], t);
	}
}

static bool duel_done(const struct duel *duel)
{
	for (int side = 0; side < 2; side++) {
		const struct end *end = &duel->ends[side];

		if (end->got < messages_to(end) || kg_kcp_unacked(end->kcp) > 0)
			return false;
	}
	return duel->count == 0;
}

static void run_duel(const struct kcp_script *script, const json_t *recorded)
{
	static struct duel duel;
	uint32_t t = 1000, first_sends = script->sends[script->send_count - 1].t;

	memset(&duel, 0, sizeof(duel));
	duel.recorded = recorded;
	for (int side = 0; side < 2; side++)
		end_init(&duel.ends[side], script, side);
	for (; t <= first_sends || !duel_done(&duel); t++) {
		assert_true(t < LIMIT_MS);
		duel_tick(&duel, t);
	}
	if (recorded != NULL)
		assert_int_equal(duel.met, json_array_size(recorded));
	for (int side = 0; side < 2; side++)
		end_fini(&duel.ends[side]);
	free(duel.flying);
}

static void our_ends_keep_the_rules(void **state)
{
	const json_t *scenario;
	size_t i;

	json_array_foreach (kcp_vectors_table("scenarios"), i, scenario) {
		struct kcp_script script;

		print_message("%s\n", kcp_text(scenario, "name"));
		kcp_script_init(&script, scenario);
		run_duel(&script, NULL);
		kcp_script_fini(&script);
	}
}

static void lossless_bytes_are_equal(void **state)
{
	const json_t *scenario;
	bool found = false;
	size_t i;

	json_array_foreach (kcp_vectors_table("scenarios"), i, scenario) {
		const json_t *run = json_array_get(json_object_get(scenario, "runs"), 0);
		struct kcp_script script;

		if (strcmp(kcp_text(scenario, "name"), "noloss_bytes") != 0)
			continue;
		kcp_script_init(&script, scenario);
		run_duel(&script, json_object_get(run, "datagrams"));
		kcp_script_fini(&script);
		found = true;
	}
	assert_true(found);
}

static int no_leaks(void **state)
{
	return mem.in_use_bytes == 0 && pool.in_use == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(recorded_peers_are_understood, no_leaks),
		cmocka_unit_test_teardown(our_ends_keep_the_rules, no_leaks),
		cmocka_unit_test_teardown(lossless_bytes_are_equal, no_leaks),
	};

	kg_mem_malloc_init(&mem);
	kg_buf_malloc_pool_init(&pool, SIZE_MAX);
	return cmocka_run_group_tests_name("kcp_scenarios", tests, kcp_vectors_load,
					   kcp_vectors_free);
}
