/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread that writes lines, so that nobody else waits for whoever reads them: a pipe that is
 * full, or a disk that hangs, stops this thread alone. What finds no room in its queue is lost, and
 * the next line that does says how many were. Any thread may put.
 */
#pragma once

#include "base/base.h"

#define KG_LOG_QUEUE_BYTES (256u << 10)
#define KG_LOG_NO_SYSLOG   (-1)

struct kg_log_writer;

/* Starts the thread; NULL with errno set. */
struct kg_log_writer *kg_log_writer_create(void);
/* As kg_log_writer_flush; what is left then is thrown away. */
void kg_log_writer_destroy(struct kg_log_writer *w);

/* Text that ends a line, for a descriptor, and for syslog with a priority. Never waits. */
void kg_log_writer_put(struct kg_log_writer *w, int fd, int priority, const char *text, size_t len);
/* The same for the end of a file, and for a file that has nothing else (log/files.h). */
void kg_log_writer_append(struct kg_log_writer *w, const char *path, const char *text, size_t len);
void kg_log_writer_replace(struct kg_log_writer *w, const char *path, const char *text, size_t len);
/* Waits until everything is written, for half a second at most. */
void kg_log_writer_flush(struct kg_log_writer *w);
/* Lines ever lost: no room, or the descriptor or the file took them not. */
uint64_t kg_log_writer_lost(const struct kg_log_writer *w);
