/* SPDX-License-Identifier: BSD-3-Clause */
/* Says how many of the process's descriptors the sockets toward applications may take. */
#include "payload/payload.h"

#include <sys/resource.h>

/* For all else that a running box opens: telemetry's connections, netlink, names, files. A process
 * that may have next to nothing keeps a quarter. */
#define RESERVE 256u

unsigned int kg_payload_sockets_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return RESERVE;
	/* The usual soft limit of 1024 is for programs of another kind. */
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT32_MAX)
		return INT32_MAX;
	return (unsigned int)(limit.rlim_cur - KG_MIN(limit.rlim_cur / 4, (rlim_t)RESERVE));
}
