/* SPDX-License-Identifier: BSD-3-Clause */
/* How verdicts of --try read, and which of them are told as one. */
#include "trial/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct kg_verdict answered(uint32_t after_us, int32_t skew_s)
{
	return (struct kg_verdict){ .kind = KG_VERDICT_ANSWERED,
				    .after_us = after_us,
				    .after_max_us = after_us,
				    .questions = 1,
				    .skew_s = skew_s };
}

static void reads(const struct kg_verdict *verdict, const char *expected)
{
	char text[KG_VERDICT_TEXT_BYTES];

	assert_string_equal(kg_verdict_text(verdict, 255, text), expected);
}

static void words(void **state)
{
	struct kg_verdict verdict = answered(3149, 4);

	reads(&verdict, "answered in 3.1 ms");
	verdict.questions = 3;
	reads(&verdict, "answered in 3.1 ms, asked 3 times");
	verdict.skew_s = -120;
	reads(&verdict, "answered in 3.1 ms, asked 3 times, its clock is 120 s behind ours");
	reads(&(struct kg_verdict){ .kind = KG_VERDICT_NO_ANSWER }, "no answer");
	reads(&(struct kg_verdict){ .kind = KG_VERDICT_CLOCK, .skew_s = 3600 },
	      "its clock is 3600 s ahead of ours, allowed 255 s");
	reads(&(struct kg_verdict){ .kind = KG_VERDICT_CLOCK, .skew_s = INT32_MIN },
	      "its clock is 2147483648 s behind ours, allowed 255 s");
	reads(&(struct kg_verdict){ .kind = KG_VERDICT_UNREACHABLE,
				    .why = "port unreachable",
				    .by = { 4, { 198, 18, 0, 2 } } },
	      "unreachable: port unreachable, says 198.18.0.2");
	reads(&(struct kg_verdict){ .kind = KG_VERDICT_UNREACHABLE, .why = "no way" },
	      "unreachable from here: no way");
	reads(&(struct kg_verdict){ .kind = KG_VERDICT_UNRESOLVED, .why = "who is that" },
	      "cannot be resolved: who is that");
}

/* No name is another's, and every verdict has its words. */
static void names(void **state)
{
	char text[KG_VERDICT_TEXT_BYTES];

	for (int a = 0; a < KG_VERDICT_COUNT; a++) {
		struct kg_verdict verdict = { .kind = (enum kg_verdict_kind)a, .why = "" };

		assert_true(strlen(kg_verdict_text(&verdict, 255, text)) > 0);
		for (int b = 0; b < a; b++)
			assert_string_not_equal(kg_verdict_name((enum kg_verdict_kind)a),
						kg_verdict_name((enum kg_verdict_kind)b));
	}
}

static void alike(void **state)
{
	struct kg_verdict sum = answered(5000, 0), other = answered(2000, 1);

	other.questions = 2;
	assert_true(kg_verdict_join(&sum, &other));
	reads(&sum, "answered in 2.0 to 5.0 ms, asked 2 times");
	sum = answered(5000, 100);
	other = answered(5000, 101);
	assert_true(kg_verdict_join(&sum, &other));
	reads(&sum, "answered in 5.0 ms, its clock is 100 s ahead of ours");
}

static void not_alike(void **state)
{
	struct kg_verdict sum = answered(5000, 0), other = answered(5000, 30);

	assert_false(kg_verdict_join(&sum, &other));
	other = (struct kg_verdict){ .kind = KG_VERDICT_NO_ANSWER };
	assert_false(kg_verdict_join(&sum, &other));
	sum = (struct kg_verdict){ .kind = KG_VERDICT_UNREACHABLE, .why = "a" };
	other = (struct kg_verdict){ .kind = KG_VERDICT_UNREACHABLE, .why = "b" };
	assert_false(kg_verdict_join(&sum, &other));
	other.why = sum.why;
	assert_true(kg_verdict_join(&sum, &other));
	other.by.version = 4;
	assert_false(kg_verdict_join(&sum, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(names),
		cmocka_unit_test(alike),
		cmocka_unit_test(not_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
