/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads an interface's addresses, routes and neighbours, and gives them to another.
 *
 * A message becomes a request when it names the other interface, and leaves out what Linux only
 * tells: labels, which have the old interface's name, and caches.
 */
#include "netlink/belongings.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	unsigned int ifindex;
	struct kg_belongings *b;
};

/* ---- what a message is about ---- */

static const struct nlattr *find(const struct nlmsghdr *header, size_t family_bytes, uint16_t type)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, header, family_bytes)
	{
		if (mnl_attr_get_type(attribute) == type)
			return attribute;
	}
	return NULL;
}

static bool is_links_own(const struct nlmsghdr *header, size_t family_bytes, uint16_t type)
{
	const struct nlattr *attribute = find(header, family_bytes, type);
	struct kg_ip ip;

	return attribute != NULL && kg_nl_read_ip(&ip, attribute) && ip.version == 6 &&
	       (kg_ip_is_link_local(&ip) || ip.bytes[0] == 0xff);
}

static bool is_address_of(const struct nlmsghdr *header, unsigned int ifindex)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(header);

	return ifa->ifa_index == ifindex && !is_links_own(header, sizeof(*ifa), IFA_ADDRESS);
}

static bool is_route_of(const struct nlmsghdr *header, unsigned int ifindex)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);
	const struct nlattr *oif = find(header, sizeof(*route), RTA_OIF);

	return oif != NULL && mnl_attr_get_u32(oif) == ifindex &&
	       route->rtm_table != RT_TABLE_LOCAL && (route->rtm_flags & RTM_F_CLONED) == 0 &&
	       !is_links_own(header, sizeof(*route), RTA_DST);
}

static bool is_neighbour_of(const struct nlmsghdr *header, unsigned int ifindex)
{
	const uint16_t known = NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;
	const struct ndmsg *neighbour = mnl_nlmsg_get_payload(header);

	return neighbour->ndm_ifindex == (int)ifindex && (neighbour->ndm_state & known) != 0;
}

/* ---- reading ---- */

static int keep(const struct nlmsghdr *header, void *ctx)
{
	struct reading *reading = ctx;
	struct kg_belongings *b = reading->b;
	size_t len = MNL_ALIGN(header->nlmsg_len);
	bool ours = header->nlmsg_type == RTM_NEWADDR    ? is_address_of(header, reading->ifindex)
		    : header->nlmsg_type == RTM_NEWROUTE ? is_route_of(header, reading->ifindex)
		    : header->nlmsg_type == RTM_NEWNEIGH ? is_neighbour_of(header, reading->ifindex)
							 : false;
	uint8_t *grown = ours ? realloc(b->bytes, b->len + len) : NULL;

	if (!ours)
		return MNL_CB_OK;
	if (grown == NULL) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	b->bytes = grown;
	memcpy(b->bytes + b->len, header, len);
	b->len += len;
	return MNL_CB_OK;
}

int kg_belongings_read(struct kg_nl *nl, unsigned int ifindex, struct kg_belongings *b)
{
	static const uint16_t questions[] = { RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH };
	struct reading reading = { ifindex, b };
	struct rtmsg any = { .rtm_family = AF_UNSPEC }; /* the longest of the three headers */
	struct kg_nl_message message;
	int error = 0;

	*b = (struct kg_belongings){ 0 };
	for (size_t i = 0; error == 0 && i < KG_ARRAY_SIZE(questions); i++)
		error = kg_nl_dump(
			nl, kg_nl_begin(&message, questions[i], NLM_F_DUMP, &any, sizeof(any)),
			keep, &reading);
	return error;
}

/* Addresses first, then routes on the link, then those over routers, which these lead to; then
 * neighbours. */
static unsigned int rank(const struct nlmsghdr *told)
{
	if (told->nlmsg_type == RTM_NEWADDR)
		return 0;
	if (told->nlmsg_type == RTM_NEWNEIGH)
		return 3;
	return find(told, sizeof(struct rtmsg), RTA_GATEWAY) == NULL ? 1 : 2;
}

#define RANKS 4u

static unsigned int count_of_rank(const struct kg_belongings *b, unsigned int of_rank)
{
	const struct nlmsghdr *told = (const struct nlmsghdr *)b->bytes;
	int left = (int)b->len;
	unsigned int count = 0;

	for (; mnl_nlmsg_ok(told, left); told = mnl_nlmsg_next(told, &left))
		count += rank(told) == of_rank;
	return count;
}

bool kg_belongings_has_routes(struct kg_nl *nl, unsigned int ifindex)
{
	struct kg_belongings b;
	bool any = kg_belongings_read(nl, ifindex, &b) == 0 &&
		   (count_of_rank(&b, 1) > 0 || count_of_rank(&b, 2) > 0);

	kg_belongings_free(&b);
	return any;
}

bool kg_belongings_valid(const struct kg_belongings *b)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)b->bytes;
	int left = (int)b->len;

	for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
		if (header->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(struct rtmsg) ||
		    (header->nlmsg_type != RTM_NEWADDR && header->nlmsg_type != RTM_NEWROUTE &&
		     header->nlmsg_type != RTM_NEWNEIGH))
			return false;
	}
	return left == 0;
}

void kg_belongings_free(struct kg_belongings *b)
{
	free(b->bytes);
	*b = (struct kg_belongings){ 0 };
}

/* ---- requests ---- */

/* What Linux tells of a kind of message and does not want to hear. */
static bool is_only_told(uint16_t message_type, uint16_t type)
{
	switch (message_type) {
	case RTM_NEWADDR:
		return type == IFA_LABEL || type == IFA_FLAGS;
	case RTM_NEWROUTE:
		return type == RTA_CACHEINFO || type == RTA_OIF;
	default:
		return type != NDA_DST && type != NDA_LLADDR;
	}
}

/* The interface, where each kind has it. */
static void name_interface(struct nlmsghdr *request, uint16_t message_type, unsigned int ifindex)
{
	struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(request);
	struct ndmsg *neighbour = mnl_nlmsg_get_payload(request);

	if (message_type == RTM_NEWADDR) {
		ifa->ifa_index = ifindex;
		ifa->ifa_flags = ifa->ifa_family == AF_INET6 ? IFA_F_NODAD : 0;
	} else if (message_type == RTM_NEWROUTE) {
		mnl_attr_put_u32(request, RTA_OIF, ifindex);
	} else {
		neighbour->ndm_ifindex = (int)ifindex;
		if ((neighbour->ndm_state & NUD_PERMANENT) == 0)
			neighbour->ndm_state = NUD_STALE;
	}
}

static size_t family_bytes(uint16_t message_type)
{
	return message_type == RTM_NEWADDR    ? sizeof(struct ifaddrmsg)
	       : message_type == RTM_NEWROUTE ? sizeof(struct rtmsg)
					      : sizeof(struct ndmsg);
}

static int ask(struct kg_nl *nl, const struct nlmsghdr *told, uint16_t type, uint16_t flags,
	       unsigned int ifindex)
{
	size_t family = family_bytes(told->nlmsg_type);
	const struct nlattr *attribute;
	struct kg_nl_message message;
	struct nlmsghdr *request =
		kg_nl_begin(&message, type, flags, mnl_nlmsg_get_payload(told), family);

	mnl_attr_for_each(attribute, told, family)
	{
		uint16_t of = mnl_attr_get_type(attribute);

		if (!is_only_told(told->nlmsg_type, of) &&
		    !mnl_attr_put_check(request, sizeof(message), of,
					mnl_attr_get_payload_len(attribute),
					mnl_attr_get_payload(attribute)))
			return -EMSGSIZE;
	}
	name_interface(request, told->nlmsg_type, ifindex);
	return kg_nl_talk(nl, request, NULL, NULL);
}

static int ask_all(struct kg_nl *nl, const struct kg_belongings *b, unsigned int of_rank, bool give,
		   unsigned int ifindex)
{
	const struct nlmsghdr *told = (const struct nlmsghdr *)b->bytes;
	int left = (int)b->len, first = 0;

	for (; mnl_nlmsg_ok(told, left); told = mnl_nlmsg_next(told, &left)) {
		uint16_t type = told->nlmsg_type;
		int error;

		if (rank(told) != of_rank)
			continue;
		error = give ? ask(nl, told, type, NLM_F_CREATE | NLM_F_EXCL, ifindex)
			     : ask(nl, told, type + 1, 0, ifindex); /* RTM_DEL… follows RTM_NEW… */
		if (first == 0 && error != (give ? -EEXIST : -ESRCH) && error != -ENOENT &&
		    error != -EADDRNOTAVAIL)
			first = error;
	}
	return first;
}

int kg_belongings_give(struct kg_nl *nl, unsigned int ifindex, const struct kg_belongings *b)
{
	int first = 0;

	for (unsigned int r = 0; r < RANKS; r++) {
		int error = ask_all(nl, b, r, true, ifindex);

		first = first != 0 ? first : error;
	}
	return first;
}

int kg_belongings_take(struct kg_nl *nl, unsigned int ifindex, const struct kg_belongings *b)
{
	int first = 0;

	for (unsigned int r = RANKS; r-- > 0;) {
		int error = ask_all(nl, b, r, false, ifindex);

		first = first != 0 ? first : error;
	}
	return first;
}
