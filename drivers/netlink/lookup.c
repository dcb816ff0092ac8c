/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks the kernel for routes and neighbours, and reads what it says of them. */
#include "netlink/lookup.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <string.h>

/* RTA_VIA: a gateway of the other family (RFC 5549). */
static void read_via(struct kg_ip *gateway, const struct nlattr *attribute)
{
	const struct rtvia *via = mnl_attr_get_payload(attribute);
	size_t len = mnl_attr_get_payload_len(attribute);

	if (len == sizeof(*via) + 16 && via->rtvia_family == AF_INET6) {
		gateway->version = 6;
		memcpy(gateway->bytes, via->rtvia_addr, 16);
	}
}

static void read_metrics(struct kg_route *route, const struct nlattr *metrics)
{
	const struct nlattr *metric;

	mnl_attr_for_each_nested(metric, metrics)
	{
		if (mnl_attr_get_type(metric) == RTAX_MTU)
			route->mtu =
				(uint16_t)KG_MIN(mnl_attr_get_u32(metric), (uint32_t)UINT16_MAX);
	}
}

static int read_route(const struct nlmsghdr *header, void *ctx)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	struct kg_route *route = ctx;
	const struct nlattr *attribute;

	if (header->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	route->local = message->rtm_type == RTN_LOCAL;
	if (message->rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	mnl_attr_for_each(attribute, header, sizeof(*message))
	{
		switch (mnl_attr_get_type(attribute)) {
		case RTA_OIF:
			route->ifindex = mnl_attr_get_u32(attribute);
			break;
		case RTA_GATEWAY:
			kg_nl_read_ip(&route->gateway, attribute);
			break;
		case RTA_VIA:
			read_via(&route->gateway, attribute);
			break;
		case RTA_PREFSRC:
			kg_nl_read_ip(&route->source, attribute);
			break;
		case RTA_METRICS:
			read_metrics(route, attribute);
			break;
		}
	}
	return MNL_CB_OK;
}

int kg_route_lookup(struct kg_nl *nl, const struct kg_ip *destination, struct kg_route *route)
{
	struct kg_nl_message message;
	struct rtmsg question = { .rtm_family = kg_nl_family(destination),
				  .rtm_dst_len = destination->version == 4 ? 32 : 128 };
	struct nlmsghdr *header =
		kg_nl_begin(&message, RTM_GETROUTE, 0, &question, sizeof(question));
	int error;

	*route = (struct kg_route){ 0 };
	kg_nl_put_ip(header, RTA_DST, destination);
	error = kg_nl_talk(nl, header, read_route, route);
	if (error == 0 && route->ifindex == 0)
		error = -EHOSTUNREACH; /* to ourselves, multicast … */
	return error;
}

bool kg_neighbour_read(struct kg_neighbour *neighbour, const struct nlmsghdr *header)
{
	const struct ndmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute;

	if ((message->ndm_family != AF_INET && message->ndm_family != AF_INET6) ||
	    (message->ndm_flags & NTF_PROXY) != 0)
		return false;
	*neighbour = (struct kg_neighbour){
		.ifindex = (unsigned int)message->ndm_ifindex,
		.state = header->nlmsg_type == RTM_DELNEIGH ? 0 : message->ndm_state,
	};
	mnl_attr_for_each(attribute, header, sizeof(*message))
	{
		uint16_t type = mnl_attr_get_type(attribute);

		if (type == NDA_DST)
			kg_nl_read_ip(&neighbour->ip, attribute);
		else if (type == NDA_LLADDR &&
			 mnl_attr_get_payload_len(attribute) == sizeof(neighbour->mac.bytes))
			memcpy(neighbour->mac.bytes, mnl_attr_get_payload(attribute),
			       sizeof(neighbour->mac.bytes));
	}
	return neighbour->ip.version != 0;
}

static int neighbour_answer(const struct nlmsghdr *header, void *ctx)
{
	if (header->nlmsg_type == RTM_NEWNEIGH)
		kg_neighbour_read(ctx, header);
	return MNL_CB_OK;
}

static struct nlmsghdr *neighbour_begin(struct kg_nl_message *message, uint16_t type,
					uint16_t flags, const struct ndmsg *neighbour,
					const struct kg_ip *ip)
{
	struct nlmsghdr *header = kg_nl_begin(message, type, flags, neighbour, sizeof(*neighbour));

	kg_nl_put_ip(header, NDA_DST, ip);
	return header;
}

int kg_neighbour_lookup(struct kg_nl *nl, unsigned int ifindex, const struct kg_ip *ip,
			struct kg_neighbour *neighbour)
{
	struct kg_nl_message message;
	struct ndmsg question = { .ndm_family = kg_nl_family(ip), .ndm_ifindex = (int)ifindex };

	*neighbour = (struct kg_neighbour){ .ifindex = ifindex, .ip = *ip };
	return kg_nl_talk(nl, neighbour_begin(&message, RTM_GETNEIGH, 0, &question, ip),
			  neighbour_answer, neighbour);
}

int kg_neighbour_use(struct kg_nl *nl, unsigned int ifindex, const struct kg_ip *ip)
{
	struct kg_nl_message message;
	struct ndmsg use = { .ndm_family = kg_nl_family(ip),
			     .ndm_ifindex = (int)ifindex,
			     .ndm_flags = NTF_USE };

	return kg_nl_talk(nl, neighbour_begin(&message, RTM_NEWNEIGH, NLM_F_CREATE, &use, ip), NULL,
			  NULL);
}

/* The kernel's NUD_VALID, which its uapi headers leave out. */
bool kg_neighbour_usable(const struct kg_neighbour *neighbour)
{
	return (neighbour->state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE |
				    NUD_STALE | NUD_DELAY)) != 0;
}

bool kg_way_is_known(struct kg_nl *nl, const struct kg_ip *destination)
{
	struct kg_route route;
	struct kg_neighbour neighbour;
	const struct kg_ip *next = destination;
	int error = kg_route_lookup(nl, destination, &route);

	if (error != 0)
		return route.local;
	if (route.gateway.version != 0)
		next = &route.gateway;
	return kg_neighbour_lookup(nl, route.ifindex, next, &neighbour) == 0 &&
	       kg_neighbour_usable(&neighbour);
}

bool kg_route_read_prefix(struct kg_prefix *prefix, const struct nlmsghdr *header)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute;

	if (message->rtm_family != AF_INET && message->rtm_family != AF_INET6)
		return false;
	*prefix = (struct kg_prefix){ .ip.version = message->rtm_family == AF_INET ? 4 : 6,
				      .length = message->rtm_dst_len };
	mnl_attr_for_each(attribute, header, sizeof(*message))
	{
		if (mnl_attr_get_type(attribute) == RTA_DST)
			kg_nl_read_ip(&prefix->ip, attribute);
	}
	return true;
}
