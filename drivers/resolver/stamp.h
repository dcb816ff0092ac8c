/* SPDX-License-Identifier: BSD-3-Clause */
/* Has a file changed since it was looked at last? Asked with one system call. */
#pragma once

#include "base/base.h"

#include <sys/stat.h>

struct kg_stamp {
	struct stat stat; /* all 0: there was no file */
	bool taken;
};

/* True the first time, too. A file that comes or goes has changed. */
static inline bool kg_stamp_changed(struct kg_stamp *stamp, const char *path)
{
	struct stat now = { 0 }, before = stamp->stat;
	bool taken = stamp->taken;

	if (stat(path, &now) != 0)
		now = (struct stat){ 0 };
	*stamp = (struct kg_stamp){ .stat = now, .taken = true };
	return !taken || now.st_ino != before.st_ino || now.st_dev != before.st_dev ||
	       now.st_size != before.st_size || now.st_mtim.tv_sec != before.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != before.st_mtim.tv_nsec;
}
