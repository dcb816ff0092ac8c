/* SPDX-License-Identifier: BSD-3-Clause */
/* What nsswitch.conf says about names, as machines have it. */
#include "resolver/lookups.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static enum kg_lookups lookups_of(const char *text)
{
	char path[] = "/tmp/lookups_test-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");
	enum kg_lookups lookups;

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	lookups = kg_lookups_read(path);
	unlink(path);
	return lookups;
}

static void order_is_read(void **state)
{
	static const struct {
		const char *text;
		enum kg_lookups lookups;
	} cases[] = {
		{ "passwd: files\nhosts:          files dns\n", KG_LOOKUPS_FILES_THEN_SERVERS },
		{ "hosts: dns files\n", KG_LOOKUPS_SERVERS_THEN_FILES },
		{ "hosts:\tdns\tfiles", KG_LOOKUPS_SERVERS_THEN_FILES },
		{ "hosts: files\nnetworks: dns\n", KG_LOOKUPS_FILES },
		{ "hosts:dns\n", KG_LOOKUPS_SERVERS },
		{ "hosts: files mdns4_minimal [NOTFOUND=return] dns myhostname\n",
		  KG_LOOKUPS_FILES_THEN_SERVERS },
		{ "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\n",
		  KG_LOOKUPS_SERVERS_THEN_FILES },
		{ "hosts: files # dns\n", KG_LOOKUPS_FILES },
		{ "# hosts: dns\n", KG_LOOKUPS_FILES_THEN_SERVERS },
		{ "hosts: mdns4\n", KG_LOOKUPS_FILES_THEN_SERVERS },
		{ "hosts:\n", KG_LOOKUPS_FILES_THEN_SERVERS },
		{ "", KG_LOOKUPS_FILES_THEN_SERVERS },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++)
		assert_int_equal(lookups_of(cases[i].text), cases[i].lookups);
	assert_int_equal(kg_lookups_read("/nowhere/nsswitch.conf"), KG_LOOKUPS_FILES_THEN_SERVERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(order_is_read) };

	return cmocka_run_group_tests_name("lookups", tests, NULL, NULL);
}
