/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Adds a box's ports to those that the kernel reserves, and takes them out again. The kernel knows
 * one set for all; what a box has added to it is in its record, written before the set, so that
 * whatever a killed box has left can be told from what others have reserved.
 */
#include "kernel/reserved_ports.h"

#include "kernel/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SYSCTL_PATH "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define RANGE_PATH  "/proc/sys/net/ipv4/ip_local_port_range"
#define PORTS       65536u
/* The longest list: every second port, five digits and a comma each. The kernel gives it in one
 * read. */
#define TEXT_BYTES (PORTS / 2 * 6 + 2)

struct port_set {
	bool has[PORTS];
};

struct kg_reserved_ports {
	struct port_set added;
	char record[PATH_MAX];
};

static void set_parse(struct port_set *set, const char *text)
{
	memset(set, 0, sizeof(*set));
	while (*text >= '0' && *text <= '9') {
		char *end;
		unsigned long first = strtoul(text, &end, 10);
		unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

		for (unsigned long port = first; port <= last && port < PORTS; port++)
			set->has[port] = true;
		text = *end == ',' ? end + 1 : end;
	}
}

static size_t set_format(const struct port_set *set, char *text)
{
	size_t len = 0;

	for (unsigned int port = 0; port < PORTS; port++) {
		unsigned int first = port;

		if (!set->has[port])
			continue;
		while (port + 1 < PORTS && set->has[port + 1])
			port++;
		len += (size_t)sprintf(text + len, first < port ? "%s%u-%u" : "%s%u",
				       len > 0 ? "," : "", first, port);
	}
	text[len++] = '\n';
	return len;
}

static int read_set(int fd, struct port_set *set, char *text)
{
	ssize_t len = pread(fd, text, TEXT_BYTES, 0);

	if (len < 0)
		return -errno;
	text[len] = '\0';
	set_parse(set, text);
	return 0;
}

/* The kernel takes a page at a time: the first write replaces the set, the others add. */
static int write_set(int fd, const struct port_set *set, char *text)
{
	size_t len = set_format(set, text);

	for (size_t done = 0; done < len;) {
		ssize_t taken = pwrite(fd, text + done, len - done, (off_t)done);

		if (taken <= 0)
			return taken < 0 ? -errno : -EIO;
		done += (size_t)taken;
	}
	return 0;
}

/* What a box of the same name, in the same namespace, has added and not taken back. */
static void read_record(struct kg_reserved_ports *r, char *text)
{
	int fd = open(r->record, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t len;
	char *list;

	if (fd < 0)
		return;
	len = read(fd, text, TEXT_BYTES);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	if (strtoull(text, &list, 10) == kg_run_netns() && *list == '\n')
		set_parse(&r->added, list + 1);
}

/* Without one the box runs as well; only what it adds would outlive its being killed. */
static void write_record(const struct kg_reserved_ports *r, char *text)
{
	int fd = open(r->record, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return;
	dprintf(fd, "%" PRIu64 "\n%.*s", kg_run_netns(), (int)set_format(&r->added, text), text);
	close(fd);
}

/* In the kernel's set, which others may have changed since, what was added gives way to what is
 * wanted (NULL: nothing) and not there. */
static void exchange(struct port_set *set, struct port_set *added, const struct port_set *wanted)
{
	for (unsigned int port = 0; port < PORTS; port++) {
		set->has[port] &= !added->has[port];
		added->has[port] = wanted != NULL && wanted->has[port] && !set->has[port];
		set->has[port] |= added->has[port];
	}
}

static int change(struct kg_reserved_ports *r, const struct port_set *wanted)
{
	struct port_set *set = malloc(sizeof(*set));
	char *text = malloc(TEXT_BYTES + 1);
	int fd = open(SYSCTL_PATH, O_RDWR | O_CLOEXEC);
	int error = set == NULL || text == NULL ? -ENOMEM : fd < 0 ? -errno : 0;

	if (error == 0 && flock(fd, LOCK_EX) < 0) /* another box may be at it */
		error = -errno;
	if (error == 0)
		error = read_set(fd, set, text);
	if (error == 0) {
		if (wanted != NULL)
			read_record(r, text);
		exchange(set, &r->added, wanted);
		if (wanted != NULL)
			write_record(r, text);
		error = write_set(fd, set, text);
	}
	if (fd >= 0)
		close(fd);
	free(text);
	free(set);
	return error;
}

struct kg_port_range kg_ephemeral_ports(void)
{
	struct kg_port_range range = { 32768, 60999 }; /* Linux's default */
	FILE *file = fopen(RANGE_PATH, "re");
	unsigned int first, last;

	if (file == NULL)
		return range;
	if (fscanf(file, "%u %u", &first, &last) == 2 && first <= last && last < PORTS)
		range = (struct kg_port_range){ (uint16_t)first, (uint16_t)last };
	fclose(file);
	return range;
}

int kg_reserved_ports_change(struct kg_reserved_ports *r, const struct kg_port_range *ranges,
			     unsigned int count)
{
	struct port_set *wanted = calloc(1, sizeof(*wanted));
	int error;

	if (wanted == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++) {
		for (unsigned int port = ranges[i].first; port <= ranges[i].last; port++)
			wanted->has[port] = true;
	}
	error = change(r, wanted);
	free(wanted);
	return error;
}

struct kg_reserved_ports *
kg_reserved_ports_hold(const char *box, const struct kg_port_range *ranges, unsigned int count)
{
	struct kg_reserved_ports *r = calloc(1, sizeof(*r));
	int error = r == NULL ? -ENOMEM : 0;

	if (error == 0 && !kg_run_path(r->record, "reserved-%s", box))
		error = -errno;
	if (error == 0)
		error = kg_reserved_ports_change(r, ranges, count);
	if (error == 0)
		return r;
	free(r);
	errno = -error;
	return NULL;
}

void kg_reserved_ports_release(struct kg_reserved_ports *r)
{
	if (r == NULL)
		return;
	if (change(r, NULL) == 0)
		unlink(r->record);
	free(r);
}
