/* SPDX-License-Identifier: BSD-3-Clause */
/* The names of a hosts file: what hosts(5) says, and that the file is read when it has changed, not
 * when somebody asks. */
#include "resolver/hosts.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX 8

static char path[] = "/tmp/hosts_test-XXXXXX";

static int set_up(void **state)
{
	int fd;

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	*state = kg_hosts_create(path);
	assert_non_null(*state);
	return 0;
}

static int tear_down(void **state)
{
	kg_hosts_destroy(*state);
	unlink(path);
	return 0;
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* The addresses of a name, one after the other with a blank behind. */
static const char *found(struct kg_hosts *h, const char *name, bool ipv4, bool ipv6)
{
	static char all[MAX * KG_IP_TEXT_BYTES];
	char text[KG_IP_TEXT_BYTES];
	struct kg_ip ips[MAX];
	unsigned int count = kg_hosts_find(h, name, ipv4, ipv6, ips, MAX);

	all[0] = '\0';
	for (unsigned int i = 0; i < count; i++)
		strcat(strcat(all, kg_ip_text(&ips[i], text)), " ");
	return all;
}

static void names_are_found(void **state)
{
	struct kg_hosts *h = *state;

	write_file("# a comment\n"
		   "192.0.2.1\tone One.Example alias # 192.0.2.99 no\n"
		   "\n"
		   "  2001:db8::1 one\n"
		   "192.0.2.2 one\n"
		   "no-address two\n"
		   "192.0.2.3\n"
		   "192.0.2.4 last");
	assert_string_equal(found(h, "one", true, true), "192.0.2.1 2001:db8::1 192.0.2.2 ");
	assert_string_equal(found(h, "one", true, false), "192.0.2.1 192.0.2.2 ");
	assert_string_equal(found(h, "one", false, true), "2001:db8::1 ");
	assert_string_equal(found(h, "ONE.example.", true, true), "192.0.2.1 ");
	assert_string_equal(found(h, "last", true, true), "192.0.2.4 ");
	assert_string_equal(found(h, "two", true, true), "");
	assert_string_equal(found(h, "no", true, true), "");
	assert_string_equal(found(h, "on", true, true), "");
	assert_string_equal(found(h, "", true, true), "");
	assert_string_equal(found(h, ".", true, true), "");
}

static void localhost_needs_no_line(void **state)
{
	struct kg_hosts *h = *state;

	assert_string_equal(found(h, "localhost", true, true), "::1 127.0.0.1 ");
	assert_string_equal(found(h, "a.localhost", true, false), "127.0.0.1 ");
	assert_string_equal(found(h, "notlocalhost", true, true), "");
	write_file("127.0.0.2 localhost\n");
	assert_string_equal(found(h, "localhost", true, true), "127.0.0.2 ");
}

static void changes_are_seen(void **state)
{
	struct kg_hosts *h = *state;

	write_file("192.0.2.1 one\n");
	assert_string_equal(found(h, "one", true, true), "192.0.2.1 ");
	write_file("192.0.2.100 one\n192.0.2.2 two\n");
	assert_string_equal(found(h, "one", true, true), "192.0.2.100 ");
	assert_string_equal(found(h, "two", true, true), "192.0.2.2 ");
	unlink(path);
	assert_string_equal(found(h, "one", true, true), "");
	write_file("192.0.2.1 one\n");
	assert_string_equal(found(h, "one", true, true), "192.0.2.1 ");
}

static void asking_reads_nothing(void **state)
{
	struct kg_hosts *h = *state;
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char events[256];

	write_file("192.0.2.1 one\n");
	assert_string_equal(found(h, "one", true, true), "192.0.2.1 ");
	assert_true(inotify_add_watch(watch, path, IN_OPEN | IN_ACCESS) >= 0);
	for (int i = 0; i < 1000; i++) {
		assert_string_equal(found(h, "one", true, true), "192.0.2.1 ");
		assert_string_equal(found(h, "none", true, true), "");
	}
	assert_int_equal(read(watch, events, sizeof(events)), -1);
	close(watch);
}

/* Lists against advertisements have that many. */
static void many_names(void **state)
{
	struct kg_hosts *h = *state;
	FILE *file = fopen(path, "w");
	char name[32];

	for (int i = 0; i < 50000; i++)
		fprintf(file, "0.0.0.0 ads%d.example.net\n", i);
	fclose(file);
	for (int i = 0; i < 50000; i++) {
		snprintf(name, sizeof(name), "ads%d.example.net", i);
		assert_string_equal(found(h, name, true, true), "0.0.0.0 ");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_are_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(localhost_needs_no_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(changes_are_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(asking_reads_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_names, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("hosts", tests, NULL, NULL);
}
