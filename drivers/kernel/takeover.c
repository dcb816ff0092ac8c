/* SPDX-License-Identifier: BSD-3-Clause */
/* Moves what Linux has on an interface, and writes down what that was before anything moves. The
 * record goes when all is back. */
#include "kernel/takeover.h"

#include "kernel/run_dir.h"
#include "netlink/belongings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_MAX_BYTES (16u << 20)

struct kg_takeover {
	char interface[IF_NAMESIZE];
	unsigned int tap_ifindex;
	char record[PATH_MAX];
	struct kg_belongings belongings;
};

static bool record_path(char path[PATH_MAX], const char *interface)
{
	return kg_run_path(path, "taken-over-%" PRIu64 "-%s", kg_run_netns(), interface);
}

static int write_record(const struct kg_takeover *t)
{
	const struct kg_belongings *b = &t->belongings;
	int fd = open(t->record, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t written;

	if (fd < 0)
		return -errno;
	written = write(fd, b->bytes, b->len);
	if (written == (ssize_t)b->len && fsync(fd) == 0 && close(fd) == 0)
		return 0;
	close(fd);
	return -EIO;
}

static int read_record(const char *path, struct kg_belongings *b)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat stat;
	int error = 0;

	*b = (struct kg_belongings){ 0 };
	if (fd < 0)
		return -errno;
	if (fstat(fd, &stat) < 0 || stat.st_size > RECORD_MAX_BYTES)
		error = -EINVAL;
	else if ((b->bytes = malloc((size_t)stat.st_size + 1)) == NULL)
		error = -ENOMEM;
	else if (read(fd, b->bytes, (size_t)stat.st_size) != stat.st_size)
		error = -EIO;
	else
		b->len = (size_t)stat.st_size;
	close(fd);
	return error == 0 && !kg_belongings_valid(b) ? -EINVAL : error;
}

/* To an interface, if it is there. */
static int give(const char *interface, const struct kg_belongings *b)
{
	unsigned int ifindex = if_nametoindex(interface);
	struct kg_nl nl;
	int error;

	if (ifindex == 0)
		return -ENODEV;
	error = kg_nl_open(&nl);
	if (error == 0)
		error = kg_belongings_give(&nl, ifindex, b);
	kg_nl_close(&nl);
	return error;
}

int kg_takeover_put_back(const char *interface)
{
	struct kg_belongings b;
	char path[PATH_MAX];
	int error;

	if (!record_path(path, interface))
		return -errno;
	error = read_record(path, &b);
	if (error == 0)
		error = give(interface, &b);
	kg_belongings_free(&b);
	if (error == -ENOENT)
		return 0;
	unlink(path); /* what could not be given now cannot be later */
	return error == 0 ? 1 : error;
}

static int move(struct kg_nl *nl, struct kg_takeover *t, unsigned int ifindex)
{
	int error = kg_belongings_read(nl, ifindex, &t->belongings);

	if (error == 0)
		error = write_record(t);
	if (error == 0)
		error = kg_belongings_take(nl, ifindex, &t->belongings);
	if (error == 0)
		error = kg_belongings_give(nl, t->tap_ifindex, &t->belongings);
	return error;
}

struct kg_takeover *kg_takeover_begin(const char *interface, unsigned int tap_ifindex, char *error,
				      size_t error_bytes)
{
	struct kg_takeover *t = calloc(1, sizeof(*t));
	unsigned int ifindex = if_nametoindex(interface);
	struct kg_nl nl = { 0 };
	int rc = t == NULL ? -ENOMEM : ifindex == 0 ? -ENODEV : kg_nl_open(&nl);

	if (rc == 0) {
		strncpy(t->interface, interface, sizeof(t->interface) - 1);
		t->tap_ifindex = tap_ifindex;
		rc = record_path(t->record, interface) ? move(&nl, t, ifindex) : -errno;
	}
	kg_nl_close(&nl);
	if (rc == 0)
		return t;
	snprintf(error, error_bytes, "take over %s: %s", interface, strerror(-rc));
	kg_takeover_end(t);
	return NULL;
}

int kg_takeover_again(const struct kg_takeover *t)
{
	char tap[IF_NAMESIZE];

	return if_indextoname(t->tap_ifindex, tap) == NULL ? -errno : give(tap, &t->belongings);
}

void kg_takeover_end(struct kg_takeover *t)
{
	if (t == NULL)
		return;
	if (t->belongings.len > 0)
		give(t->interface, &t->belongings);
	if (t->record[0] != '\0')
		unlink(t->record);
	kg_belongings_free(&t->belongings);
	free(t);
}
