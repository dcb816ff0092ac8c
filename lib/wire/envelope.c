/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes the timestamp, and checks the peer's against the clock. */
#include "wire/envelope.h"

#include "base/bytes.h"

void kg_envelope_write(uint8_t out[KG_ENVELOPE_BYTES], uint32_t unix_s)
{
	kg_store_le32(out, unix_s);
}

enum kg_drop kg_envelope_open(const uint8_t *plain, size_t len, uint32_t unix_s,
			      const uint8_t **body, size_t *body_len, int32_t *skew_s)
{
	if (len < KG_ENVELOPE_BYTES)
		return KG_DROP_DATAGRAM_SIZE;

	int32_t skew = (int32_t)(kg_load_le32(plain) - unix_s);

	if (skew_s)
		*skew_s = skew;
	if (skew > KG_CLOCK_SKEW_MAX_S || skew < -KG_CLOCK_SKEW_MAX_S)
		return KG_DROP_CLOCK_SKEW;
	*body = plain + KG_ENVELOPE_BYTES;
	*body_len = len - KG_ENVELOPE_BYTES;
	return KG_DROP_NONE;
}
