/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log of the control side, through rte_log as type "kcpgate". Never from a worker's path. Lines of
 * EAL and of libraries that write to stderr go the same way: by a thread of their own, so that a
 * reader who stands still stops nobody.
 */
#pragma once

#include <rte_log.h>
#include <stdbool.h>
#include <stdint.h>

extern int kg_log_type;

#define KG_LOG(level, ...) rte_log(RTE_LOG_##level, kg_log_type, "kcpgate: " __VA_ARGS__)

/* Before EAL. False with errno set: lines go where EAL would send them. */
bool kg_log_start(void);
/* Writes what is left, unless nobody reads it. */
void kg_log_stop(void);

/* A line for standard output, after those logged before. */
void kg_log_announce(const char *line);
/* A line for the end of a file, and the whole of one. */
void kg_log_append(const char *path, const char *line);
void kg_log_replace(const char *path, const char *text, size_t len);
/* Lines that nobody read in time, or that their file did not take. */
uint64_t kg_log_lost(void);
