/* SPDX-License-Identifier: BSD-3-Clause */
/* Gives a port its MTU, or sees that the interface under it has one as large. */
#include "nic/mtu.h"

#include <errno.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of an interface of Linux; 0: there is none. */
static unsigned int interface_mtu(unsigned int ifindex)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };
	bool known = fd >= 0 && if_indextoname(ifindex, request.ifr_name) != NULL &&
		     ioctl(fd, SIOCGIFMTU, &request) == 0;

	if (fd >= 0)
		close(fd);
	return known ? (unsigned int)request.ifr_mtu : 0;
}

/* AF_PACKET's driver says of itself that it takes 1,518 bytes, and takes what its interface does.
 */
int kg_nic_set_mtu(uint16_t port_id, const struct rte_eth_dev_info *info, uint16_t mtu)
{
	int rc = rte_eth_dev_set_mtu(port_id, mtu);

	if (rc == -EINVAL && info->if_index != 0 && interface_mtu(info->if_index) >= mtu)
		return 0;
	return rc == -ENOTSUP ? 0 : rc;
}
