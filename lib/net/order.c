/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranks what a name stands for by where it lies and from where it would be reached. */
#include "net/order.h"

#include <string.h>

enum scope {
	SCOPE_LINK = 2,
	SCOPE_SITE = 5,
	SCOPE_GLOBAL = 14,
	SCOPE_MASK = 15,
};

/* RFC 6724 §2.1, a match before what contains it. */
static const struct policy {
	struct kg_prefix prefix;
	uint8_t precedence, label;
} policies[] = {
	{ { { 4, { 0 } }, 0 }, 35, 4 },                /* IPv4 */
	{ { { 6, { [15] = 1 } }, 128 }, 50, 0 },       /* loopback */
	{ { { 6, { 0 } }, 96 }, 1, 3 },                /* IPv4-compatible */
	{ { { 6, { 0x20, 0x01, 0, 0 } }, 32 }, 5, 5 }, /* Teredo */
	{ { { 6, { 0x20, 0x02 } }, 16 }, 30, 2 },      /* 6to4 */
	{ { { 6, { 0x3f, 0xfe } }, 16 }, 1, 12 },      /* 6bone */
	{ { { 6, { 0xfe, 0xc0 } }, 10 }, 1, 11 },      /* site-local */
	{ { { 6, { 0xfc } }, 7 }, 3, 13 },             /* unique local */
	{ { { 6, { 0 } }, 0 }, 40, 1 },
};

static const struct policy *policy_of(const struct kg_ip *ip)
{
	const struct policy *policy = policies, *last = &policies[KG_ARRAY_SIZE(policies) - 1];

	while (policy < last && !kg_prefix_contains(&policy->prefix, ip))
		policy++;
	return policy;
}

/* RFC 6724 §3.1, §3.2: loopback is of the link, private addresses of IPv4 are global. */
static uint32_t scope_of(const struct kg_ip *ip)
{
	static const struct kg_prefix link4 = { { 4, { 169, 254 } }, 16 };
	static const struct kg_prefix site6 = { { 6, { 0xfe, 0xc0 } }, 10 };
	static const struct kg_prefix multicast6 = { { 6, { 0xff } }, 8 };

	if (kg_prefix_contains(&multicast6, ip))
		return ip->bytes[1] & SCOPE_MASK;
	if (kg_ip_is_loopback(ip) || kg_ip_is_link_local(ip) || kg_prefix_contains(&link4, ip))
		return SCOPE_LINK;
	return kg_prefix_contains(&site6, ip) ? SCOPE_SITE : SCOPE_GLOBAL;
}

/* Rules 1, 2, 5, 6 and 8, the first in the highest bits; larger is better. */
static uint32_t rank_of(const struct kg_choice *choice)
{
	struct kg_ip ip = kg_ip_unmapped(&choice->ip), source = kg_ip_unmapped(&choice->source);
	const struct policy *policy = policy_of(&ip);
	bool reachable = source.version != 0;
	bool same_scope = reachable && scope_of(&source) == scope_of(&ip);
	bool same_label = reachable && policy_of(&source)->label == policy->label;

	return (uint32_t)reachable << 18 | (uint32_t)same_scope << 17 | (uint32_t)same_label << 16 |
	       (uint32_t)policy->precedence << 8 | (SCOPE_MASK - scope_of(&ip));
}

static void sort(struct kg_choice *choices, unsigned int count)
{
	for (unsigned int i = 1; i < count; i++) {
		struct kg_choice choice = choices[i];
		unsigned int at = i;

		for (; at > 0 && choices[at - 1].rank < choice.rank; at--)
			choices[at] = choices[at - 1];
		choices[at] = choice;
	}
}

/* The next one that is, or is not, of this version, from `i` on. */
static unsigned int next_of(const struct kg_choice *choices, unsigned int count, unsigned int i,
			    uint8_t version, bool is)
{
	while (i < count && (choices[i].ip.version == version) != is)
		i++;
	return i;
}

static void take_turns(const struct kg_choice *choices, unsigned int count, struct kg_ip *ips)
{
	unsigned int next[2] = { 0, 0 };
	uint8_t version;

	if (count == 0)
		return;
	version = choices[0].ip.version;
	next[1] = next_of(choices, count, 0, version, false);
	for (int turn = 0; next[0] < count || next[1] < count; turn = !turn) {
		if (next[turn] == count)
			continue;
		*ips++ = choices[next[turn]].ip;
		next[turn] = next_of(choices, count, next[turn] + 1, version, turn == 0);
	}
}

void kg_order(struct kg_choice *choices, unsigned int count, struct kg_ip *ips)
{
	unsigned int reachable = 0;

	for (unsigned int i = 0; i < count; i++) {
		choices[i].rank = rank_of(&choices[i]);
		reachable += choices[i].source.version != 0;
	}
	sort(choices, count);
	take_turns(choices, reachable, ips);
	take_turns(choices + reachable, count - reachable, ips + reachable);
}
