/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks and tells an interface by ethtool's calls. */
#include "kernel/gro.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int talk(int fd, const char name[IF_NAMESIZE], uint32_t command, uint32_t *data)
{
	struct ethtool_value value = { .cmd = command, .data = *data };
	struct ifreq request = { .ifr_data = (void *)&value };

	memcpy(request.ifr_name, name, IF_NAMESIZE);
	if (ioctl(fd, SIOCETHTOOL, &request) < 0)
		return -errno;
	*data = value.data;
	return 0;
}

int kg_gro_set(unsigned int ifindex, bool on)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;
	uint32_t before = 0, now = on;
	char name[IF_NAMESIZE] = "";

	if (fd < 0)
		return -errno;
	rc = if_indextoname(ifindex, name) == NULL ? -errno : 0;
	if (rc == 0)
		rc = talk(fd, name, ETHTOOL_GGRO, &before);
	if (rc == 0 && before != now)
		rc = talk(fd, name, ETHTOOL_SGRO, &now);
	close(fd);
	return rc < 0 ? rc : before != 0;
}
