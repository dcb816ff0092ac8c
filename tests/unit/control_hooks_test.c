/* SPDX-License-Identifier: BSD-3-Clause */
/* Users' programs: what they get, one at a time, and not for ever. */
#include "kcpgate/control/internal.h"
#include "thread/monotonic.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/kg-hooks-XXXXXX";
static uint64_t offset_us; /* by which the clock is ahead */

static uint64_t clock_us(void)
{
	return kg_monotonic_us() + offset_us;
}

static const char *path_of(const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", directory, name);
	return path;
}

/* A program, in the test's directory. */
static const char *program(const char *name, const char *text, char path[256])
{
	FILE *file = fopen(path_of(name, path), "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\ncd %s\n%s", directory, text);
	fclose(file);
	assert_int_equal(chmod(path, 0755), 0);
	return path;
}

static void read_told(char *text, size_t bytes)
{
	char path[256];
	FILE *file = fopen(path_of("told", path), "r");
	size_t len = file != NULL ? fread(text, 1, bytes - 1, file) : 0;

	text[len] = '\0';
	if (file != NULL)
		fclose(file);
}

/* ---- a loop that runs until a program has said its last word ---- */

struct watch {
	struct kg_loop_source source;
	const char *last;
	uint64_t jump_us; /* of the clock, once the program has begun */
};

static void look(struct kg_loop_source *source, uint64_t now_us)
{
	struct watch *watch = KG_CONTAINER_OF(source, struct watch, source);
	char told[512];

	read_told(told, sizeof(told));
	if (strstr(told, watch->last) != NULL)
		kg_loop_end(source->loop, true);
	if (told[0] != '\0') {
		offset_us += watch->jump_us;
		watch->jump_us = 0;
	}
	source->due_us = clock_us() + 2000;
}

struct bench {
	struct kg_loop loop;
	struct kg_control_hooks *hooks;
	struct watch watch;
};

static void set_up(struct bench *bench)
{
	char path[256];

	unlink(path_of("told", path));
	assert_true(kg_loop_init(&bench->loop, clock_us));
	bench->hooks = kg_control_hooks_create(&bench->loop);
	assert_non_null(bench->hooks);
	bench->watch = (struct watch){ .source = { .fd = -1, .serve = look } };
	kg_loop_add(&bench->loop, &bench->watch.source);
}

static void run_until(struct bench *bench, const char *last)
{
	bench->watch.last = last;
	bench->loop.ended = false;
	assert_true(kg_loop_run(&bench->loop));
}

static void tear_down(struct bench *bench)
{
	kg_loop_remove(&bench->watch.source);
	kg_control_hooks_destroy(bench->hooks);
	kg_loop_fini(&bench->loop);
}

static void assert_told(const char *expected)
{
	char told[512];

	read_told(told, sizeof(told));
	assert_string_equal(told, expected);
}

/* ---- tests ---- */

/* What a shell would make of the argument stays what it is. */
static void it_gets_one_argument_and_nothing_else(void **state)
{
	char path[256];
	struct bench bench;
	int open_fd = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */

	set_up(&bench);
	program("one",
		"[ -e /proc/self/fd/9 ] && echo open >>told\n"
		"echo \"$# $1 $(readlink /proc/self/fd/0)\" >>told; echo end >>told\n",
		path);
	assert_int_equal(dup2(open_fd, 9), 9);
	kg_control_hooks_run(bench.hooks, path, 0, "$(reboot) 1.2.3.4:5; *");
	run_until(&bench, "end");
	assert_told("1 $(reboot) 1.2.3.4:5; * /dev/null\nend\n");
	close(9);
	close(open_fd);
	tear_down(&bench);
}

/* The second waits for the first, and is run with what was said last. */
static void there_are_never_two(void **state)
{
	char path[256];
	struct bench bench;

	set_up(&bench);
	program("slow", "echo begin $1 >>told; sleep 0.2; echo end $1 >>told\n", path);
	kg_control_hooks_run(bench.hooks, path, 0, "1");
	kg_control_hooks_run(bench.hooks, path, 0, "2");
	kg_control_hooks_run(bench.hooks, path, 1, "4");
	kg_control_hooks_run(bench.hooks, path, 0, "3");
	run_until(&bench, "end 4");
	assert_told("begin 1\nend 1\nbegin 3\nend 3\nbegin 4\nend 4\n");
	tear_down(&bench);
}

/* With all that it has started. The next one runs. */
static void what_hangs_is_ended(void **state)
{
	char hangs[256], next[256];
	struct bench bench;

	set_up(&bench);
	program("hangs", "echo begin >>told; trap '' TERM; sleep 1000 & wait; echo late >>told\n",
		hangs);
	program("next", "echo next >>told\n", next);
	bench.watch.jump_us = 31 * KG_US_PER_S;
	kg_control_hooks_run(bench.hooks, hangs, 0, "1");
	kg_control_hooks_run(bench.hooks, next, 0, "2");
	run_until(&bench, "next");
	assert_told("begin\nnext\n");
	tear_down(&bench);
}

static void what_is_not_there_does_not_stop_the_next(void **state)
{
	char missing[256], next[256];
	struct bench bench;

	set_up(&bench);
	program("next", "echo next >>told; exit 3\n", next);
	kg_control_hooks_run(bench.hooks, path_of("missing", missing), 0, "1");
	kg_control_hooks_run(bench.hooks, next, 0, "2");
	run_until(&bench, "next");
	tear_down(&bench);
}

static void the_end_does_not_wait_for_a_program(void **state)
{
	char path[256];
	struct bench bench;

	set_up(&bench);
	program("hangs", "echo begin >>told; sleep 1000\n", path);
	kg_control_hooks_run(bench.hooks, path, 0, "1");
	run_until(&bench, "begin");
	tear_down(&bench);
}

static int make_directory(void **state)
{
	return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_gets_one_argument_and_nothing_else),
		cmocka_unit_test(there_are_never_two),
		cmocka_unit_test(what_hangs_is_ended),
		cmocka_unit_test(what_is_not_there_does_not_stop_the_next),
		cmocka_unit_test(the_end_does_not_wait_for_a_program),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
