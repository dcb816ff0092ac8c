/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DHCP clients listen on packet sockets, since they have no address at first. Linux lists these
 * with their interface; whose they are is seen from the descriptors of the processes that bear a
 * client's name.
 */
#include "kernel/dhcp.h"

#include <ctype.h>
#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKETS_MAX 32

struct sockets {
	unsigned int ifindex, count;
	unsigned long inodes[SOCKETS_MAX];
};

/* Columns: sk RefCnt Type Proto Iface R Rmem User Inode. */
static void read_sockets(struct sockets *sockets)
{
	FILE *file = fopen("/proc/self/net/packet", "re");
	unsigned int ifindex;
	char line[256];

	while (file != NULL && sockets->count < SOCKETS_MAX && fgets(line, sizeof(line), file)) {
		unsigned long *inode = &sockets->inodes[sockets->count];

		if (sscanf(line, "%*s %*s %*s %*s %u %*s %*s %*s %lu", &ifindex, inode) == 2 &&
		    ifindex == sockets->ifindex)
			sockets->count++;
	}
	if (file != NULL)
		fclose(file);
}

static bool is_client_name(const char *name)
{
	/* As Linux cuts them, to 15 characters. */
	static const char *const names[] = { "dhclient",      "dhcpcd",   "udhcpc",
					     "dhcp6c",        "connmand", "systemd-network",
					     "NetworkManager" };

	for (size_t i = 0; i < KG_ARRAY_SIZE(names); i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return false;
}

static bool read_name(const char *pid, char *name, size_t bytes)
{
	char path[64];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	good = fgets(name, (int)bytes, file) != NULL;
	fclose(file);
	name[strcspn(name, "\n")] = '\0';
	return good;
}

static bool is_one_of(const struct sockets *sockets, const char *link)
{
	unsigned long inode;

	if (sscanf(link, "socket:[%lu]", &inode) != 1)
		return false;
	for (unsigned int i = 0; i < sockets->count; i++) {
		if (sockets->inodes[i] == inode)
			return true;
	}
	return false;
}

static bool has_socket(const char *pid, const struct sockets *sockets)
{
	char path[64], link[64];
	struct dirent *entry;
	bool found = false;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	fds = opendir(path);
	while (fds != NULL && !found && (entry = readdir(fds)) != NULL) {
		ssize_t len = readlinkat(dirfd(fds), entry->d_name, link, sizeof(link) - 1);

		link[len > 0 ? len : 0] = '\0';
		found = is_one_of(sockets, link);
	}
	if (fds != NULL)
		closedir(fds);
	return found;
}

bool kg_dhcp_find(const char *interface, struct kg_dhcp_client *client)
{
	struct sockets sockets = { .ifindex = if_nametoindex(interface) };
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	if (sockets.ifindex != 0)
		read_sockets(&sockets);
	while (processes != NULL && sockets.count > 0 && !found &&
	       (entry = readdir(processes)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !read_name(entry->d_name, client->name, sizeof(client->name)))
			continue;
		found = is_client_name(client->name) && has_socket(entry->d_name, &sockets);
		client->pid = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	if (processes != NULL)
		closedir(processes);
	return found;
}
