/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What servers answer that the control thread asks: the first byte says of which kind the rest is.
 * What is found is an address and a port, and what is read twice reads the same.
 */
#include "fuzz.h"
#include "net/dns_txt.h"
#include "net/stun.h"

static void read_dns(const uint8_t *data, size_t len)
{
	struct kg_endpoint first, second;
	uint32_t first_ttl_s, second_ttl_s;
	bool found = kg_dns_txt_endpoint(data, len, &first, &first_ttl_s);

	FUZZ_CHECK(found == kg_dns_txt_endpoint(data, len, &second, &second_ttl_s));
	FUZZ_CHECK(first_ttl_s == second_ttl_s);
	if (found) {
		FUZZ_CHECK(first.ip.version == 4 || first.ip.version == 6);
		FUZZ_CHECK(first.port != 0);
		FUZZ_CHECK(kg_endpoint_equal(&first, &second));
	}
}

/* The id is the message's own, so that what stands behind it is reached. */
static void read_stun(const uint8_t *data, size_t len)
{
	struct kg_stun_id id = { { 0 } };
	struct kg_endpoint mapped;

	if (len >= KG_STUN_REQUEST_BYTES)
		memcpy(id.bytes, data + KG_STUN_REQUEST_BYTES - sizeof(id.bytes), sizeof(id.bytes));
	if (!kg_stun_answer(data, len, &id, &mapped))
		return;
	FUZZ_CHECK(kg_stun_is_message(data, len));
	FUZZ_CHECK(mapped.ip.version == 4 || mapped.ip.version == 6);
	id.bytes[0] ^= 1;
	FUZZ_CHECK(!kg_stun_answer(data, len, &id, &mapped));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	if (data[0] % 2 == 0)
		read_dns(data + 1, len - 1);
	else
		read_stun(data + 1, len - 1);
	return 0;
}
