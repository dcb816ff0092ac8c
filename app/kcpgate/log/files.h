/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files of the log. Each line opens its file, goes to its end and closes it, as KCPTube does: who
 * moves a file away or empties it has to tell nobody. One thread.
 */
#pragma once

#include "base/base.h"

#include <sys/queue.h>

#define KG_LOG_STAMP_BYTES 32

struct kg_log_spoilt;

/* All 0: none is spoilt. */
struct kg_log_files {
	SLIST_HEAD(, kg_log_spoilt) spoilt; /* could not be written the last time */
};

/* 0: written. An errno: not, as of now. -1: still not. When it can be written again, it says how
 * many lines are missing. */
int kg_log_files_append(struct kg_log_files *files, const char *path, const char *text, size_t len);
/* The same for the whole of a file; a reader finds the old one or the new one. */
int kg_log_files_replace(struct kg_log_files *files, const char *path, const char *text,
			 size_t len);
void kg_log_files_fini(struct kg_log_files *files);

/* Any thread: local time, as KCPTube writes it. */
const char *kg_log_stamp(char stamp[KG_LOG_STAMP_BYTES]);
