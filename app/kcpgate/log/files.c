/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes lines into files, and remembers of those that cannot be written what they lack. */
#include "log/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MODE 0640

struct kg_log_spoilt {
	SLIST_ENTRY(kg_log_spoilt) link;
	uint64_t lost; /* lines */
	bool cut;      /* a part of the last one is there */
	char path[];
};

const char *kg_log_stamp(char stamp[KG_LOG_STAMP_BYTES])
{
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	strftime(stamp, KG_LOG_STAMP_BYTES, "%Y-%m-%d %H:%M:%S %z", &local);
	return stamp;
}

/* ---- what is spoilt ---- */

static struct kg_log_spoilt *find(const struct kg_log_files *files, const char *path)
{
	struct kg_log_spoilt *spoilt;

	SLIST_FOREACH(spoilt, &files->spoilt, link)
	{
		if (!strcmp(spoilt->path, path))
			return spoilt;
	}
	return NULL;
}

static struct kg_log_spoilt *add(struct kg_log_files *files, const char *path)
{
	struct kg_log_spoilt *spoilt = calloc(1, sizeof(*spoilt) + strlen(path) + 1);

	if (spoilt == NULL)
		return NULL;
	strcpy(spoilt->path, path);
	SLIST_INSERT_HEAD(&files->spoilt, spoilt, link);
	return spoilt;
}

static void forget(struct kg_log_files *files, struct kg_log_spoilt *spoilt)
{
	if (spoilt == NULL)
		return;
	SLIST_REMOVE(&files->spoilt, spoilt, kg_log_spoilt, link);
	free(spoilt);
}

static int note_lost(struct kg_log_files *files, const char *path, int error, bool cut)
{
	struct kg_log_spoilt *spoilt = find(files, path);
	bool known = spoilt != NULL;

	if (!known)
		spoilt = add(files, path);
	if (spoilt != NULL) {
		spoilt->lost++;
		spoilt->cut |= cut;
	}
	return known ? -1 : error;
}

/* ---- writing ---- */

/* 0, or an errno; `*cut`: a part was written. */
static int write_once(int fd, const char *text, size_t len, bool *cut)
{
	ssize_t written;

	do
		written = write(fd, text, len);
	while (written < 0 && errno == EINTR);
	if (written < 0)
		return errno;
	*cut = written > 0 && (size_t)written < len;
	return (size_t)written < len ? ENOSPC : 0;
}

static int tell_lost(int fd, struct kg_log_spoilt *spoilt)
{
	char text[128], stamp[KG_LOG_STAMP_BYTES];
	bool cut = false;
	int len, error;

	len = snprintf(text, sizeof(text), "%s[%s] %" PRIu64 " lines are missing here\n",
		       spoilt->cut ? "\n" : "", kg_log_stamp(stamp), spoilt->lost);
	error = write_once(fd, text, (size_t)len, &cut);
	spoilt->cut |= cut;
	if (error == 0) {
		spoilt->lost = 0;
		spoilt->cut = false;
	}
	return error;
}

/* Nobody is waited for, should it be no plain file. */
static int open_file(const char *path, int flags)
{
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | flags, MODE);
}

int kg_log_files_append(struct kg_log_files *files, const char *path, const char *text, size_t len)
{
	struct kg_log_spoilt *spoilt = find(files, path);
	int fd = open_file(path, O_APPEND), error = 0;
	bool cut = false;

	if (fd < 0)
		return note_lost(files, path, errno, false);
	if (spoilt != NULL)
		error = tell_lost(fd, spoilt);
	if (error == 0)
		error = write_once(fd, text, len, &cut);
	close(fd);
	if (error != 0)
		return note_lost(files, path, error, cut);
	forget(files, spoilt);
	return 0;
}

static int write_new(const char *path, const char *text, size_t len)
{
	int fd = open_file(path, O_TRUNC), error;
	bool cut;

	if (fd < 0)
		return errno;
	error = write_once(fd, text, len, &cut);
	close(fd);
	return error;
}

int kg_log_files_replace(struct kg_log_files *files, const char *path, const char *text, size_t len)
{
	char fresh[PATH_MAX];
	int error;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	error = write_new(fresh, text, len);
	if (error == 0 && rename(fresh, path) != 0)
		error = errno;
	if (error == 0) {
		forget(files, find(files, path));
		return 0;
	}
	unlink(fresh);
	return note_lost(files, path, error, false);
}

void kg_log_files_fini(struct kg_log_files *files)
{
	while (!SLIST_EMPTY(&files->spoilt))
		forget(files, SLIST_FIRST(&files->spoilt));
}
