/* SPDX-License-Identifier: BSD-3-Clause */
/* A log that nobody reads stops nobody but its own thread, and says what was lost. */
#include "log/writer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LINES 100000u /* more than the queue and a pipe hold */

struct rig {
	int ends[2];
	struct kg_log_writer *writer;
};

static int set_up(void **state)
{
	static struct rig rig;

	assert_int_equal(pipe(rig.ends), 0);
	rig.writer = kg_log_writer_create();
	assert_non_null(rig.writer);
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	kg_log_writer_destroy(rig->writer);
	close(rig->ends[0]);
	close(rig->ends[1]);
	return 0;
}

static void put(const struct rig *rig, unsigned int first, unsigned int count)
{
	char text[32];

	for (unsigned int i = first; i < first + count; i++) {
		int len = snprintf(text, sizeof(text), "line %u\n", i);

		kg_log_writer_put(rig->writer, rig->ends[1], KG_LOG_NO_SYSLOG, text, (size_t)len);
	}
}

static void lines_come_in_order(void **state)
{
	struct rig *rig = *state;
	char text[64] = "";

	put(rig, 1, 3);
	kg_log_writer_flush(rig->writer);
	assert_int_equal(read(rig->ends[0], text, sizeof(text) - 1), 21);
	assert_string_equal(text, "line 1\nline 2\nline 3\n");
	assert_int_equal(kg_log_writer_lost(rig->writer), 0);
}

/* Each line of the pipe: the next one, or a number of those that are missing. */
static unsigned int read_lines(FILE *pipe_end, unsigned int last)
{
	unsigned int next = 0, number, losses = 0;
	char text[128];

	while (next <= last && fgets(text, sizeof(text), pipe_end) != NULL) {
		if (sscanf(text, "kcpgate: %u lines of the log were lost", &number) == 1) {
			assert_true(number > 0);
			losses++;
			next += number;
			continue;
		}
		assert_int_equal(sscanf(text, "line %u", &number), 1);
		assert_int_equal(number, next);
		next++;
	}
	assert_int_equal(next, last + 1);
	return losses;
}

static void a_pipe_that_nobody_reads_stops_nobody(void **state)
{
	struct rig *rig = *state;
	FILE *pipe_end = fdopen(dup(rig->ends[0]), "r");

	put(rig, 0, LINES); /* would never return if it waited */
	assert_true(kg_log_writer_lost(rig->writer) > 0);
	assert_true(read_lines(pipe_end, LINES - 1) > 0);
	fclose(pipe_end);
}

/* The queue's last bytes hold a short line, and not the longer one that tells of the loss. */
static void no_short_line_overtakes_the_word_of_a_loss(void **state)
{
	struct rig *rig = *state;
	FILE *pipe_end = fdopen(dup(rig->ends[0]), "r");
	unsigned int next = 0;
	char text[40];

	while (kg_log_writer_lost(rig->writer) == 0) {
		int len = snprintf(text, sizeof(text), "line %-27u\n", next++);

		kg_log_writer_put(rig->writer, rig->ends[1], KG_LOG_NO_SYSLOG, text, (size_t)len);
	}
	put(rig, next, 1);
	assert_int_equal(read_lines(pipe_end, next), 1);
	fclose(pipe_end);
}

static void the_end_does_not_wait_for_the_reader(void **state)
{
	struct rig *rig = *state;

	put(rig, 0, LINES);
	/* tear_down ends the thread in the middle of its write */
}

static void what_cannot_be_written_is_lost(void **state)
{
	struct rig *rig = *state;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	kg_log_writer_put(rig->writer, full, KG_LOG_NO_SYSLOG, "line 0\n", 7);
	while (kg_log_writer_lost(rig->writer) == 0)
		usleep(1000);
	close(full);
	put(rig, 1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_come_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_pipe_that_nobody_reads_stops_nobody, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(no_short_line_overtakes_the_word_of_a_loss, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_end_does_not_wait_for_the_reader, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_written_is_lost, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("log_writer", tests, NULL, NULL);
}
