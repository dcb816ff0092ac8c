/* SPDX-License-Identifier: BSD-3-Clause */
/* Against what its authors published. */
#include "base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Of the paper's appendix and its authors' list: the key and the message are 0, 1, 2 … */
static void agrees_with_its_authors(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} known[] = {
		{ 0, 0x726fdb47dd0e0e31 },
		{ 1, 0x74f839c593dc67fd },
		{ 8, 0x93f5f5799a932462 },
		{ 15, 0xa129ca6149be45e5 },
	};
	const struct kg_siphash_key key = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	uint8_t bytes[16];

	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	for (size_t i = 0; i < KG_ARRAY_SIZE(known); i++)
		assert_true(kg_siphash(&key, bytes, known[i].len) == known[i].hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_its_authors),
	};

	return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
