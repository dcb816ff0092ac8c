/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks for an interface's XDP program, and changes it for another. */
#include "netlink/xdp.h"

#include <linux/if_link.h>

static void read_xdp(const struct nlattr *nest, struct kg_xdp *xdp)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested(attribute, nest)
	{
		if (mnl_attr_get_type(attribute) == IFLA_XDP_ATTACHED)
			xdp->by_driver = mnl_attr_get_u8(attribute) == XDP_ATTACHED_DRV;
		else if (mnl_attr_get_type(attribute) == IFLA_XDP_PROG_ID)
			xdp->id = mnl_attr_get_u32(attribute);
	}
}

static int on_link(const struct nlmsghdr *header, void *ctx)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, header, sizeof(struct ifinfomsg))
	{
		if (mnl_attr_get_type(attribute) == IFLA_XDP)
			read_xdp(attribute, ctx);
	}
	return MNL_CB_OK;
}

int kg_xdp_get(struct kg_nl *nl, unsigned int ifindex, struct kg_xdp *xdp)
{
	struct kg_nl_message message;
	struct ifinfomsg link = { .ifi_index = (int)ifindex };

	*xdp = (struct kg_xdp){ 0 };
	return kg_nl_talk(nl, kg_nl_begin(&message, RTM_GETLINK, 0, &link, sizeof(link)), on_link,
			  xdp);
}

int kg_xdp_replace(struct kg_nl *nl, unsigned int ifindex, int fd, int old_fd)
{
	struct kg_nl_message message;
	struct ifinfomsg link = { .ifi_index = (int)ifindex };
	struct nlmsghdr *header = kg_nl_begin(&message, RTM_SETLINK, 0, &link, sizeof(link));
	struct nlattr *nest = mnl_attr_nest_start(header, IFLA_XDP);

	mnl_attr_put_u32(header, IFLA_XDP_FD, (uint32_t)fd);
	mnl_attr_put_u32(header, IFLA_XDP_EXPECTED_FD, (uint32_t)old_fd);
	mnl_attr_put_u32(header, IFLA_XDP_FLAGS, XDP_FLAGS_DRV_MODE | XDP_FLAGS_REPLACE);
	mnl_attr_nest_end(header, nest);
	return kg_nl_talk(nl, header, NULL, NULL);
}
