/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_log writes to a stream; ours hands each message to the log writer. */
#include "log.h"

#include "log/writer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

RTE_LOG_REGISTER(kg_log_type, kcpgate, INFO);

static struct kg_log_writer *writer;
static FILE *log_stream, *error_stream, *process_stderr;

/* What is said just before the process dies must get out. */
static bool is_last_word(void)
{
	return rte_log_cur_msg_loglevel() <= (int)RTE_LOG_CRIT;
}

static ssize_t on_log(void *cookie, const char *text, size_t len)
{
	/* Levels of syslog count from 0, those of rte_log from 1. */
	kg_log_writer_put(writer, STDERR_FILENO, rte_log_cur_msg_loglevel() - 1, text, len);
	if (is_last_word())
		kg_log_writer_flush(writer);
	return (ssize_t)len;
}

static ssize_t on_stderr(void *cookie, const char *text, size_t len)
{
	kg_log_writer_put(writer, STDERR_FILENO, KG_LOG_NO_SYSLOG, text, len);
	return (ssize_t)len;
}

static FILE *open_stream(cookie_write_function_t *write_function)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_function });

	if (stream != NULL)
		setvbuf(stream, NULL, _IOLBF, 0);
	return stream;
}

bool kg_log_start(void)
{
	process_stderr = stderr;
	writer = kg_log_writer_create();
	if (writer == NULL)
		return false;
	log_stream = open_stream(on_log);
	error_stream = open_stream(on_stderr);
	if (log_stream == NULL || error_stream == NULL) {
		kg_log_stop();
		return false;
	}
	rte_openlog_stream(log_stream);
	stderr = error_stream; /* of libraries that know no other log */
	return true;
}

static void close_stream(FILE **stream)
{
	if (*stream != NULL)
		fclose(*stream);
	*stream = NULL;
}

void kg_log_stop(void)
{
	rte_openlog_stream(NULL);
	stderr = process_stderr;
	close_stream(&log_stream);
	close_stream(&error_stream);
	kg_log_writer_destroy(writer);
	writer = NULL;
}

void kg_log_announce(const char *line)
{
	if (writer != NULL) {
		kg_log_writer_put(writer, STDOUT_FILENO, KG_LOG_NO_SYSLOG, line, strlen(line));
		return;
	}
	fputs(line, stdout);
	fflush(stdout);
}

void kg_log_append(const char *path, const char *line)
{
	if (writer != NULL)
		kg_log_writer_append(writer, path, line, strlen(line));
}

void kg_log_replace(const char *path, const char *text, size_t len)
{
	if (writer != NULL)
		kg_log_writer_replace(writer, path, text, len);
}

uint64_t kg_log_lost(void)
{
	return writer != NULL ? kg_log_writer_lost(writer) : 0;
}
