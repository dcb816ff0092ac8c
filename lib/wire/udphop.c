/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads and writes what stands in front of an application's datagram (docs/udphop.md §1). */
#include "wire/udphop.h"

#include "base/bytes.h"

#include <string.h>

#define FEATURE_OFFSET 4

enum kg_drop kg_udphop_decode(struct kg_udphop_body *body, uint8_t *bytes, size_t len)
{
	if (len < KG_UDPHOP_HEADER_BYTES || len > UINT16_MAX ||
	    bytes[FEATURE_OFFSET] >= KG_UDPHOP_FEATURES)
		return KG_DROP_BARE_MALFORMED;
	*body = (struct kg_udphop_body){
		.iden = kg_load_be32(bytes),
		.feature = bytes[FEATURE_OFFSET],
		.rest = bytes + KG_UDPHOP_HEADER_BYTES,
		.rest_bytes = (uint16_t)(len - KG_UDPHOP_HEADER_BYTES),
	};
	return KG_DROP_NONE;
}

void kg_udphop_encode(uint8_t *bytes, uint32_t iden, enum kg_udphop_feature feature)
{
	kg_store_be32(bytes, iden);
	bytes[FEATURE_OFFSET] = (uint8_t)feature;
}

uint16_t kg_udphop_put_words(uint8_t *rest, uint32_t number)
{
	for (unsigned int i = 0; i < KG_UDPHOP_WORDS_BYTES; i += sizeof(number))
		kg_store_be32(rest + i, number);
	return KG_UDPHOP_WORDS_BYTES;
}

uint16_t kg_udphop_put_test(uint8_t *bytes, uint32_t number)
{
	kg_udphop_encode(bytes, 0, KG_UDPHOP_TEST);
	return KG_UDPHOP_HEADER_BYTES + kg_udphop_put_words(bytes + KG_UDPHOP_HEADER_BYTES, number);
}

bool kg_udphop_has_number(const struct kg_udphop_body *body, uint32_t number)
{
	uint8_t bytes[sizeof(number)];

	kg_store_be32(bytes, number);
	return memmem(body->rest, body->rest_bytes, bytes, sizeof(bytes)) != NULL;
}
