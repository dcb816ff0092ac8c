/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets an interface of the kernel up, by rtnetlink. */
#include "netlink/link.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>

int kg_link_set(struct kg_nl *nl, unsigned int ifindex, const struct kg_mac *mac, uint16_t mtu)
{
	struct kg_nl_message message;
	struct ifinfomsg link = { .ifi_index = (int)ifindex };
	struct nlmsghdr *header = kg_nl_begin(&message, RTM_SETLINK, 0, &link, sizeof(link));

	mnl_attr_put(header, IFLA_ADDRESS, sizeof(mac->bytes), mac->bytes);
	mnl_attr_put_u32(header, IFLA_MTU, mtu);
	return kg_nl_talk(nl, header, NULL, NULL);
}

int kg_link_set_up(struct kg_nl *nl, unsigned int ifindex)
{
	struct kg_nl_message message;
	struct ifinfomsg link = { .ifi_index = (int)ifindex,
				  .ifi_flags = IFF_UP,
				  .ifi_change = IFF_UP };

	return kg_nl_talk(nl, kg_nl_begin(&message, RTM_SETLINK, 0, &link, sizeof(link)), NULL,
			  NULL);
}

int kg_link_add_address(struct kg_nl *nl, unsigned int ifindex, const struct kg_prefix *address)
{
	struct kg_nl_message message;
	struct ifaddrmsg ifa = { .ifa_family = kg_nl_family(&address->ip),
				 .ifa_prefixlen = address->length,
				 .ifa_flags = address->ip.version == 6 ? IFA_F_NODAD : 0,
				 .ifa_index = ifindex };
	struct nlmsghdr *header =
		kg_nl_begin(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &ifa, sizeof(ifa));

	kg_nl_put_ip(header, IFA_LOCAL, &address->ip);
	kg_nl_put_ip(header, IFA_ADDRESS, &address->ip);
	return kg_nl_talk(nl, header, NULL, NULL);
}

int kg_link_add_default_route(struct kg_nl *nl, unsigned int ifindex, const struct kg_ip *gateway)
{
	struct kg_nl_message message;
	struct rtmsg route = { .rtm_family = kg_nl_family(gateway),
			       .rtm_table = RT_TABLE_MAIN,
			       .rtm_protocol = RTPROT_STATIC,
			       .rtm_scope = RT_SCOPE_UNIVERSE,
			       .rtm_type = RTN_UNICAST };
	struct nlmsghdr *header = kg_nl_begin(&message, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
					      &route, sizeof(route));

	kg_nl_put_ip(header, RTA_GATEWAY, gateway);
	mnl_attr_put_u32(header, RTA_OIF, ifindex);
	return kg_nl_talk(nl, header, NULL, NULL);
}

static int on_link(const struct nlmsghdr *header, void *ctx)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
	enum kg_link_state *state = ctx;

	if ((link->ifi_flags & IFF_UP) == 0)
		*state = KG_LINK_DOWN;
	else
		*state = (link->ifi_flags & IFF_LOWER_UP) != 0 ? KG_LINK_UP : KG_LINK_NO_CARRIER;
	return MNL_CB_OK;
}

int kg_link_get_state(struct kg_nl *nl, unsigned int ifindex, enum kg_link_state *state)
{
	struct kg_nl_message message;
	struct ifinfomsg link = { .ifi_index = (int)ifindex };
	int error = kg_nl_talk(nl, kg_nl_begin(&message, RTM_GETLINK, 0, &link, sizeof(link)),
			       on_link, state);

	if (error != -ENODEV)
		return error;
	*state = KG_LINK_GONE;
	return 0;
}

/* ---- reading ---- */

struct address_list {
	unsigned int ifindex, room, count;
	struct kg_prefix *addresses;
};

static int read_address(const struct nlmsghdr *header, void *ctx)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(header);
	struct address_list *list = ctx;
	struct kg_prefix address = { .length = ifa->ifa_prefixlen };
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, header, sizeof(*ifa))
	{
		uint16_t type = mnl_attr_get_type(attribute);

		/* IFA_LOCAL is the address itself where there is a peer's, too. */
		if (type == IFA_LOCAL || (type == IFA_ADDRESS && address.ip.version == 0))
			kg_nl_read_ip(&address.ip, attribute);
	}
	if (ifa->ifa_index != list->ifindex || address.ip.version == 0 ||
	    kg_ip_is_link_local(&address.ip))
		return MNL_CB_OK;
	if (list->count < list->room)
		list->addresses[list->count] = address;
	list->count++;
	return MNL_CB_OK;
}

int kg_link_addresses(struct kg_nl *nl, unsigned int ifindex, struct kg_prefix *addresses,
		      unsigned int *count)
{
	struct address_list list = { ifindex, *count, 0, addresses };
	struct kg_nl_message message;
	struct ifaddrmsg all = { .ifa_family = AF_UNSPEC };
	int error =
		kg_nl_dump(nl, kg_nl_begin(&message, RTM_GETADDR, NLM_F_DUMP, &all, sizeof(all)),
			   read_address, &list);

	*count = list.count;
	return error;
}
