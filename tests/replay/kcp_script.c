/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the scripts that the original KCP played. */
#include "replay/kcp_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *vectors;

int kcp_vectors_load(void **state)
{
	const char *dir = getenv("KG_VECTORS");
	json_error_t error;
	char path[1024];

	assert_non_null(dir);
	snprintf(path, sizeof(path), "%s/kcp.json", dir);
	vectors = json_load_file(path, 0, &error);
	if (vectors == NULL)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	return 0;
}

int kcp_vectors_free(void **state)
{
	json_decref(vectors);
	return 0;
}

const json_t *kcp_vectors_table(const char *name)
{
	const json_t *rows = json_object_get(vectors, name);

	assert_true(json_array_size(rows) > 0);
	return rows;
}

int64_t kcp_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

const char *kcp_text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	assert_non_null(value);
	return value;
}

size_t kcp_from_hex(const char *hex, uint8_t *to, size_t room)
{
	size_t len = strlen(hex) / 2;

	assert_true(len <= room);
	for (size_t i = 0; i < len; i++) {
		unsigned int byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		to[i] = (uint8_t)byte;
	}
	return len;
}

static int side_of(const json_t *name)
{
	return strcmp(json_string_value(name), "A") == 0 ? 0 : 1;
}

static uint32_t row_number(const json_t *row, size_t column)
{
	return (uint32_t)json_integer_value(json_array_get(row, column));
}

static void read_sends(struct kcp_script *script, const json_t *rows)
{
	uint32_t mss = script->params.mtu - KG_KCP_HEADER_BYTES;
	uint32_t next_sn[2] = { 0, 0 }, messages[2] = { 0, 0 };

	script->send_count = json_array_size(rows);
	script->sends = calloc(script->send_count, sizeof(*script->sends));
	for (size_t i = 0; i < script->send_count; i++) {
		const json_t *row = json_array_get(rows, i);
		struct kcp_send *send = &script->sends[i];

		send->t = row_number(row, 0);
		send->from = side_of(json_array_get(row, 1));
		send->size = row_number(row, 2);
		send->message = messages[send->from]++;
		send->first_sn = next_sn[send->from];
		next_sn[send->from] += (send->size + mss - 1) / mss;
	}
}

void kcp_script_init(struct kcp_script *script, const json_t *scenario)
{
	const json_t *params = json_object_get(scenario, "params");

	*script = (struct kcp_script){
		.json = scenario,
		.params = {
			.conv = KCP_VECTORS_CONV,
			.mtu = (uint16_t)kcp_number(params, "mtu"),
			.snd_wnd = (uint16_t)kcp_number(params, "snd_wnd"),
			.rcv_wnd = (uint16_t)kcp_number(params, "rcv_wnd_effective"),
			.nodelay = (uint8_t)kcp_number(params, "nodelay"),
			.interval_ms = (uint16_t)kcp_number(params, "interval"),
			.resend = (uint8_t)kcp_number(params, "resend"),
			.nc = kcp_number(params, "nc") != 0,
		},
		.delay_ms = (uint32_t)kcp_number(params, "delay"),
		.reads_from = {
			(uint32_t)kcp_number(params, "A_reads_from"),
			(uint32_t)kcp_number(params, "B_reads_from"),
		},
	};
	read_sends(script, json_object_get(scenario, "sends"));
}

void kcp_script_fini(struct kcp_script *script)
{
	free(script->sends);
}

uint8_t kcp_script_byte(uint32_t message, size_t k)
{
	return (uint8_t)(31 * message + 7 * k + 3);
}

uint32_t kcp_script_payload(const struct kcp_script *script, int from, uint32_t sn, uint8_t frg,
			    uint8_t *to)
{
	uint32_t mss = script->params.mtu - KG_KCP_HEADER_BYTES;

	for (size_t i = 0; i < script->send_count; i++) {
		const struct kcp_send *send = &script->sends[i];
		uint32_t n = (send->size + mss - 1) / mss, at = (sn - send->first_sn) * mss, len;

		if (send->from != from || sn - send->first_sn >= n)
			continue;
		len = KG_MIN(mss, send->size - at);
		assert_int_equal(frg, n - 1 - (sn - send->first_sn));
		for (uint32_t k = 0; k < len; k++)
			to[k] = kcp_script_byte(send->message, at + k);
		return len;
	}
	fail_msg("sn %u was never sent", sn);
	return 0;
}

bool kcp_script_loses(const struct kcp_script *script, int from, uint32_t t, uint32_t sn,
		      uint32_t nth, uint32_t *extra_ms)
{
	const json_t *row;
	bool lost = false;
	size_t i;

	json_array_foreach (json_object_get(script->json, "drop_time"), i, row)
		lost |= side_of(json_object_get(row, "from")) == from &&
			t >= kcp_number(row, "t1") && t <= kcp_number(row, "t2");
	json_array_foreach (json_object_get(script->json, "drops"), i, row)
		lost |= side_of(json_object_get(row, "from")) == from &&
			sn == kcp_number(row, "sn") && nth == kcp_number(row, "nth");
	json_array_foreach (json_object_get(script->json, "late"), i, row) {
		if (side_of(json_object_get(row, "from")) == from && sn == kcp_number(row, "sn") &&
		    nth == kcp_number(row, "nth"))
			*extra_ms = (uint32_t)kcp_number(row, "extra");
	}
	return lost;
}

/* seg_columns: cmd, frg, wnd, ts, sn, una, len, nth copy of this sn. */
static void add_segment(const struct kcp_script *script, const json_t *row, struct kcp_recorded *to)
{
	struct kg_kcp_segment seg = {
		.conv = script->params.conv,
		.cmd = (uint8_t)row_number(row, 0),
		.frg = (uint8_t)row_number(row, 1),
		.wnd = (uint16_t)row_number(row, 2),
		.ts = row_number(row, 3),
		.sn = row_number(row, 4),
		.una = row_number(row, 5),
		.len = row_number(row, 6),
	};

	kg_kcp_segment_encode(to->bytes + to->len, &seg);
	to->len += KG_KCP_HEADER_BYTES;
	if (seg.cmd == KG_KCP_PUSH)
		assert_int_equal(
			kcp_script_payload(script, to->from, seg.sn, seg.frg, to->bytes + to->len),
			seg.len);
	to->len += seg.len;
}

void kcp_script_datagram(const struct kcp_script *script, const json_t *row,
			 struct kcp_recorded *to)
{
	uint8_t expected[KG_KCP_MTU_MAX];
	const json_t *seg, *hex = json_object_get(row, "hex");
	uint32_t extra_ms = 0;
	bool lost = false;
	size_t i;

	to->t = (uint32_t)kcp_number(row, "t");
	to->from = side_of(json_object_get(row, "from"));
	to->len = 0;
	json_array_foreach (json_object_get(row, "segs"), i, seg) {
		uint32_t nth = row_number(seg, 7); /* 0 for all but PUSH: matches no rule */

		add_segment(script, seg, to);
		lost |= kcp_script_loses(script, to->from, to->t, row_number(seg, 4), nth,
					 &extra_ms);
	}
	to->due = lost ? UINT32_MAX : to->t + script->delay_ms + extra_ms;
	assert_int_equal(to->len, kcp_number(row, "size"));
	if (hex == NULL)
		return;
	assert_int_equal(kcp_from_hex(json_string_value(hex), expected, sizeof(expected)), to->len);
	assert_memory_equal(to->bytes, expected, to->len);
}
