/* SPDX-License-Identifier: BSD-3-Clause */
/* The same bytes as datagram under the algorithms without a key, as plaintext with timestamp, and
 * as message. */
#include <string.h>

#include "base/bytes.h"
#include "crypto/check_isal.h"
#include "fuzz.h"
#include "wire/envelope.h"
#include "wire/message.h"
#include "wire/profile.h"

/* Seals the bytes and opens the result: both must agree. Then opens the bytes themselves. */
static void fuzz_open(const struct kg_aead_alg *alg, const uint8_t *data, size_t len)
{
	uint8_t room[KG_DATAGRAM_MAX_BYTES + KG_AEAD_OVERHEAD_MAX];
	struct kg_aead_job job = { .data = room, .len = (uint16_t)len };
	void *ctx = alg->create(NULL, "");

	if (len > KG_DATAGRAM_MAX_BYTES)
		return;
	memcpy(room, data, len);
	alg->seal(ctx, &job, 1);
	FUZZ_CHECK(job.len == len + KG_AEAD_CHECK_BYTES);
	alg->open(ctx, &job, 1);
	FUZZ_CHECK(job.ok && job.len == len && memcmp(room, data, len) == 0);
	alg->open(ctx, &job, 1);
	FUZZ_CHECK(!job.ok || job.len == len - KG_AEAD_CHECK_BYTES);
}

/* The clock is as far from the timestamp as the last byte says. */
static void fuzz_envelope(const uint8_t *data, size_t len)
{
	const uint8_t *body;
	size_t body_len;
	int32_t skew_s = 0, wanted_s = len ? (data[len - 1] - 128) * 4 : 0;
	uint32_t now_s = len < KG_ENVELOPE_BYTES ? 0 : kg_load_le32(data) - (uint32_t)wanted_s;
	enum kg_drop drop = kg_envelope_open(data, len, now_s, &body, &body_len, &skew_s);

	if (len < KG_ENVELOPE_BYTES) {
		FUZZ_CHECK(drop == KG_DROP_DATAGRAM_SIZE);
		return;
	}
	FUZZ_CHECK(skew_s == wanted_s);
	FUZZ_CHECK(drop == (abs(skew_s) > KG_CLOCK_SKEW_MAX_S ? KG_DROP_CLOCK_SKEW : KG_DROP_NONE));
	FUZZ_CHECK(drop || (body == data + KG_ENVELOPE_BYTES && body + body_len == data + len));
}

static void check_inside(const uint8_t *part, size_t part_len, const uint8_t *data, size_t len)
{
	FUZZ_CHECK(!part || (part >= data && part + part_len <= data + len));
}

/* What decodes lies within the bytes, and encoded again it decodes to the same. */
static void fuzz_message(const uint8_t *data, size_t len)
{
	struct kg_message msg, again;
	uint8_t *first = malloc(len + 1), *second = malloc(len + 1);

	if (first && second && kg_message_decode(&msg, data, len) == KG_DROP_NONE) {
		const struct kg_initialise *init = &msg.initialise;

		check_inside(msg.data, msg.len, data, len);
		check_inside(init->custom_address, init->custom_address_len, data, len);

		/* one byte more: the 0 of a text that filled the message */
		size_t encoded = kg_message_encode(first, len + 1, &msg);

		FUZZ_CHECK(encoded > 0);
		FUZZ_CHECK(kg_message_decode(&again, first, encoded) == KG_DROP_NONE);
		FUZZ_CHECK(kg_message_encode(second, len + 1, &again) == encoded);
		FUZZ_CHECK(memcmp(first, second, encoded) == 0);
	}
	free(first);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	fuzz_open(&kg_aead_none, data, len);
	fuzz_open(&kg_aead_xor, data, len);
	fuzz_envelope(data, len);
	fuzz_message(data, len);
	return 0;
}
