/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of the log may be moved, emptied, refused and full: lines are lost, and that is said. */
#include "log/files.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_BYTES 4096

struct rig {
	struct kg_log_files files;
	char directory[64], path[128], aside[128];
};

static int set_up(void **state)
{
	static struct rig rig;

	rig = (struct rig){ .directory = "/tmp/kcpgate-test-XXXXXX" };
	assert_non_null(mkdtemp(rig.directory));
	snprintf(rig.path, sizeof(rig.path), "%s/a.log", rig.directory);
	snprintf(rig.aside, sizeof(rig.aside), "%s/b.log", rig.directory);
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	kg_log_files_fini(&rig->files);
	unlink(rig->path);
	unlink(rig->aside);
	return rmdir(rig->directory);
}

static int append(struct rig *rig, const char *line)
{
	return kg_log_files_append(&rig->files, rig->path, line, strlen(line));
}

static const char *content(const char *path)
{
	static char text[TEXT_BYTES];
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static void what_is_moved_or_emptied_is_written_anew(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(append(rig, "one\n"), 0);
	assert_int_equal(append(rig, "two\n"), 0);
	assert_int_equal(rename(rig->path, rig->aside), 0);
	assert_int_equal(append(rig, "three\n"), 0);
	assert_string_equal(content(rig->aside), "one\ntwo\n");
	assert_string_equal(content(rig->path), "three\n");
	assert_int_equal(truncate(rig->path, 0), 0);
	assert_int_equal(append(rig, "four\n"), 0);
	assert_string_equal(content(rig->path), "four\n");
}

/* An error is told once; the number of lines stands where they should. */
static void what_cannot_be_written_is_counted(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(mkdir(rig->path, 0700), 0);
	assert_int_equal(append(rig, "one\n"), EISDIR);
	assert_int_equal(append(rig, "two\n"), -1);
	assert_int_equal(rmdir(rig->path), 0);
	assert_int_equal(append(rig, "three\n"), 0);
	assert_non_null(strstr(content(rig->path), "] 2 lines are missing here\nthree\n"));
	assert_int_equal(append(rig, "four\n"), 0);
	assert_non_null(strstr(content(rig->path), "here\nthree\nfour\n"));
}

static void limit_files(rlim_t bytes)
{
	const struct rlimit limit = { bytes, RLIM_INFINITY };

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* As on a full disk, of which so many bytes are left. */
static void what_was_cut_does_not_run_on(void **state)
{
	struct rig *rig = *state;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(append(rig, "one\n"), 0);
	limit_files(6);
	assert_int_equal(append(rig, "two and more\n"), ENOSPC);
	assert_int_equal(append(rig, "three\n"), -1);
	limit_files(RLIM_INFINITY);
	assert_int_equal(append(rig, "four\n"), 0);
	assert_memory_equal(content(rig->path), "one\ntw\n[", 8);
	assert_non_null(strstr(content(rig->path), "] 2 lines are missing here\nfour\n"));
}

static void a_whole_file_is_the_old_one_or_the_new_one(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(kg_log_files_replace(&rig->files, rig->path, "old\n", 4), 0);
	limit_files(6);
	assert_int_equal(kg_log_files_replace(&rig->files, rig->path, "new and long\n", 13),
			 ENOSPC);
	assert_string_equal(content(rig->path), "old\n");
	limit_files(RLIM_INFINITY);
	assert_int_equal(kg_log_files_replace(&rig->files, rig->path, "new and long\n", 13), 0);
	assert_string_equal(content(rig->path), "new and long\n");
}

/* A pipe that nobody reads is no reason to wait. */
static void nobody_is_waited_for(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(mkfifo(rig->path, 0600), 0);
	assert_int_equal(append(rig, "one\n"), ENXIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_moved_or_emptied_is_written_anew, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_written_is_counted, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_was_cut_does_not_run_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_whole_file_is_the_old_one_or_the_new_one, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nobody_is_waited_for, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("log_files", tests, NULL, NULL);
}
