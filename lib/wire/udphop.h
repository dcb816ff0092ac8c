/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A body of UDP Hop's wire (docs/udphop.md §1): whose it is, what it is, and the rest. With FEC the
 * rest begins with a shard's header (fec/shard.h).
 */
#pragma once

#include "base/base.h"
#include "base/drop.h"

#define KG_UDPHOP_HEADER_BYTES 5
/* Of tests and signs of life: three times a number of 32 bits (docs/udphop.md §3, §4). */
#define KG_UDPHOP_WORDS_BYTES 12
/* What clients choose from to name their channels; 0 is nobody's. */
#define KG_UDPHOP_IDEN_MIN 32u

enum kg_udphop_feature {
	KG_UDPHOP_KEEP_ALIVE,
	KG_UDPHOP_TEST,
	KG_UDPHOP_KEEP_ALIVE_RESPONSE,
	KG_UDPHOP_RAW_DATA,
	KG_UDPHOP_FEATURES
};

struct kg_udphop_body {
	uint32_t iden;
	enum kg_udphop_feature feature;
	uint8_t *rest; /* within the body */
	uint16_t rest_bytes;
};

/* KG_DROP_NONE, or KG_DROP_BARE_MALFORMED: too short, or of no feature that there is. */
enum kg_drop kg_udphop_decode(struct kg_udphop_body *body, uint8_t *bytes, size_t len);
/* Writes KG_UDPHOP_HEADER_BYTES. */
void kg_udphop_encode(uint8_t *bytes, uint32_t iden, enum kg_udphop_feature feature);

/* Of tests' numbers the first byte is 0: an original of v1.1.4 with FEC takes it for a shard's
 * place in its group. */
#define KG_UDPHOP_NUMBER_BITS 24

/* Writes KG_UDPHOP_WORDS_BYTES, and returns their number: what is the rest of tests and signs of
 * life. */
uint16_t kg_udphop_put_words(uint8_t *rest, uint32_t number);
/* Writes a whole test; its bytes. */
uint16_t kg_udphop_put_test(uint8_t *bytes, uint32_t number);
/* An answer to a test brings its number back, which originals write in different places. */
bool kg_udphop_has_number(const struct kg_udphop_body *body, uint32_t number);
