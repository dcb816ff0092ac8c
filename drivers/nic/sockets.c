/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks each descriptor of the process whether it is such a socket. */
#include "nic/sockets.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

static bool is_of(int fd, int family)
{
	int domain;
	socklen_t bytes = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == family;
}

void kg_sockets_list(struct kg_sockets *sockets, int family)
{
	DIR *fds = opendir("/proc/self/fd"); /* which lists them in their order */
	struct dirent *entry;

	sockets->count = 0;
	while (fds != NULL && sockets->count < KG_SOCKETS_MAX && (entry = readdir(fds)) != NULL) {
		int fd = atoi(entry->d_name); /* "." and "..": 0, which is no such socket */

		if (is_of(fd, family))
			sockets->fds[sockets->count++] = fd;
	}
	if (fds != NULL)
		closedir(fds);
}
