/* SPDX-License-Identifier: BSD-3-Clause */
/* Locks the file that stands for a claim. It goes when it is released, so whoever has locked one
 * asks whether it still is the one of that name. */
#include "kernel/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static pid_t read_holder(int fd)
{
	char text[16] = "";
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	return len > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static bool is_current(const struct kg_claim *claim)
{
	struct stat open_file, named;

	return fstat(claim->fd, &open_file) == 0 && stat(claim->path, &named) == 0 &&
	       open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

static void drop(struct kg_claim *claim)
{
	close(claim->fd);
	claim->fd = -1;
}

/* Locks the file that has the name now; -ESTALE: it has gone meanwhile. */
static int try(struct kg_claim *claim, pid_t *holder)
{
	int error = -ESTALE;

	claim->fd = open(claim->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (claim->fd < 0)
		return -errno;
	if (flock(claim->fd, LOCK_EX | LOCK_NB) < 0) {
		error = -errno;
		*holder = read_holder(claim->fd);
	} else if (is_current(claim)) {
		return 0;
	}
	drop(claim);
	return error;
}

int kg_claim_take(struct kg_claim *claim, const char *name, pid_t *holder)
{
	int error;

	claim->fd = -1;
	*holder = 0;
	if (!kg_run_path(claim->path, "%s.lock", name))
		return -errno;
	do
		error = try(claim, holder);
	while (error == -ESTALE);
	if (error != 0)
		return error;
	if (ftruncate(claim->fd, 0) == 0)
		dprintf(claim->fd, "%d\n", (int)getpid());
	return 0;
}

void kg_claim_release(struct kg_claim *claim)
{
	if (claim->fd < 0)
		return;
	unlink(claim->path);
	drop(claim);
}
