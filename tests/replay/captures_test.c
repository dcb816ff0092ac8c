/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recordings between two originals: every datagram opens at the time it was recorded, holds a chain
 * of segments, and says what the independent listing beside it says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/capture.h"
#include "replay/listing.h"

static const char *const names[] = { "aes-gcm", "none", "refused" };

static void check_listing(const char *name)
{
	char theirs[LISTING_LINE_BYTES], ours[LISTING_LINE_BYTES];
	struct capture capture;
	struct listing listing;
	size_t i = 0;

	capture_load(&capture, name);
	listing_load(&listing, name);
	for (; listing_next(&listing, theirs); i++) {
		assert_true(i < capture.count);
		assert_true(listing_of_datagram(ours, &capture.datagrams[i],
						capture.datagrams[0].time_us));
		assert_string_equal(ours, theirs);
	}
	assert_int_equal(i, capture.count);
	printf("%s: %zu datagrams\n", name, i);
	listing_free(&listing);
	capture_free(&capture);
}

static void datagrams_are_as_listed(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(names); i++)
		check_listing(names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_are_as_listed),
	};

	return cmocka_run_group_tests_name("captures", tests, NULL, NULL);
}
