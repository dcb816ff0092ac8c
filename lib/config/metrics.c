/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells a UNIX socket from an address. The loopback's only: whoever can ask sees who is connected.
 */
#include "config/metrics.h"

#include <string.h>

#define PATH_PREFIX    "unix:"
#define PATH_BYTES_MAX 107 /* of a UNIX socket, unix(7) */

bool kg_metrics_place(const char *text, const char **path, struct kg_endpoint *address)
{
	size_t prefix = strlen(PATH_PREFIX);

	*path = NULL;
	if (strncmp(text, PATH_PREFIX, prefix) != 0)
		return kg_endpoint_parse(address, text) && kg_ip_is_loopback(&address->ip) &&
		       address->port != 0;
	*path = text + prefix;
	return **path == '/' && strlen(*path) <= PATH_BYTES_MAX;
}
