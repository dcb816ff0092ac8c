/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks Linux for the memory of one UDP socket (sock_diag), which is what `ss -um` does. */
#include "netlink/udp_memory.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>

struct answer {
	struct kg_udp_memory memory;
	bool known;
};

static int read_socket(const struct nlmsghdr *header, void *ctx)
{
	const struct inet_diag_msg *found = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute;
	struct answer *answer = ctx;

	mnl_attr_for_each(attribute, header, sizeof(struct inet_diag_msg))
	{
		const uint32_t *memory = mnl_attr_get_payload(attribute);

		if (mnl_attr_get_type(attribute) != INET_DIAG_SKMEMINFO ||
		    mnl_attr_get_payload_len(attribute) <= SK_MEMINFO_DROPS * sizeof(*memory))
			continue;
		answer->memory = (struct kg_udp_memory){
			.socket = (uint64_t)found->id.idiag_cookie[1] << 32 |
				  found->id.idiag_cookie[0],
			.used_bytes = memory[SK_MEMINFO_RMEM_ALLOC],
			.limit_bytes = memory[SK_MEMINFO_RCVBUF],
			.drops = memory[SK_MEMINFO_DROPS],
		};
		answer->known = true;
	}
	return MNL_CB_OK;
}

/* Which socket gets a datagram that goes from source to destination. */
int kg_udp_memory_ask(struct kg_nl *nl, const struct kg_endpoint *from,
		      const struct kg_endpoint *to, struct kg_udp_memory *memory)
{
	struct inet_diag_req_v2 request = {
		.sdiag_family = kg_nl_family(&to->ip),
		.sdiag_protocol = IPPROTO_UDP,
		.idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1),
		.idiag_states = UINT32_MAX,
		.id = { .idiag_sport = htons(from->port),
			.idiag_dport = htons(to->port),
			.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } },
	};
	struct kg_nl_message message;
	struct answer answer = { 0 };
	int error;

	memcpy(request.id.idiag_src, from->ip.bytes, from->ip.version == 4 ? 4 : 16);
	memcpy(request.id.idiag_dst, to->ip.bytes, to->ip.version == 4 ? 4 : 16);
	error = kg_nl_talk(nl,
			   kg_nl_begin(&message, SOCK_DIAG_BY_FAMILY, 0, &request, sizeof(request)),
			   read_socket, &answer);
	*memory = answer.memory;
	return error == 0 && !answer.known ? -ENOENT : error;
}
