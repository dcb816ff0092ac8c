/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds, and makes, the directory where boxes leave their files. */
#include "kernel/run_dir.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool make_directory(char path[PATH_MAX])
{
	const char *own = getenv("XDG_RUNTIME_DIR");

	if (getuid() == 0)
		snprintf(path, PATH_MAX, "/run/kcpgate");
	else if (own != NULL)
		snprintf(path, PATH_MAX, "%s/kcpgate", own);
	else
		snprintf(path, PATH_MAX, "/tmp/kcpgate-%u", (unsigned int)getuid());
	return mkdir(path, 0755) == 0 || errno == EEXIST;
}

bool kg_run_path(char path[PATH_MAX], const char *format, ...)
{
	char directory[PATH_MAX], name[NAME_MAX + 1];
	va_list args;
	int len;

	if (!make_directory(directory))
		return false;
	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	len = snprintf(path, PATH_MAX, "%s/%s", directory, name);
	errno = ENAMETOOLONG;
	return len < PATH_MAX;
}

uint64_t kg_run_netns(void)
{
	struct stat ns;

	return stat("/proc/thread-self/ns/net", &ns) == 0 ? ns.st_ino : 0;
}
