/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where boxes of this machine leave what others must know of them: /run/kcpgate, for other users
 * than root a directory of their own.
 */
#pragma once

#include "base/base.h"

#include <limits.h>

/* The path of a file in there, whose name is formatted; makes the directory. False with errno set.
 */
__attribute__((format(printf, 2, 3))) bool kg_run_path(char path[PATH_MAX], const char *format,
						       ...);
/* A number for the calling thread's network namespace, part of the names of what is its own. */
uint64_t kg_run_netns(void);
