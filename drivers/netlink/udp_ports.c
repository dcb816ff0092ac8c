/* SPDX-License-Identifier: BSD-3-Clause */
/* Dumps Linux's UDP sockets (sock_diag), which is what `ss -u` does. */
#include "netlink/udp_ports.h"

#include "net/addr.h"
#include "netlink/nl.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>

#define UNCONNECTED (1u << 7) /* TCP_CLOSE, which for UDP says that there is no peer */

static int read_socket(const struct nlmsghdr *header, void *ctx)
{
	const struct inet_diag_msg *socket = mnl_nlmsg_get_payload(header);
	struct kg_ip ip = { .version = socket->idiag_family == AF_INET ? 4 : 6 };
	struct kg_udp_ports *ports = ctx;
	uint16_t port = ntohs(socket->id.idiag_sport);

	memcpy(ip.bytes, socket->id.idiag_src, ip.version == 4 ? 4 : sizeof(ip.bytes));
	if (!kg_ip_is_loopback(&ip))
		ports->words[port / 64] |= UINT64_C(1) << port % 64;
	return MNL_CB_OK;
}

static int read_family(struct kg_nl *nl, uint8_t family, struct kg_udp_ports *ports)
{
	const struct inet_diag_req_v2 request = {
		.sdiag_family = family,
		.sdiag_protocol = IPPROTO_UDP,
		.idiag_states = UNCONNECTED,
	};
	struct kg_nl_message message;

	return kg_nl_dump(
		nl,
		kg_nl_begin(&message, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request)),
		read_socket, ports);
}

int kg_udp_ports_read(struct kg_udp_ports *ports)
{
	struct kg_nl nl;
	int error = kg_nl_open_to(&nl, NETLINK_SOCK_DIAG);

	memset(ports, 0, sizeof(*ports));
	if (error == 0)
		error = read_family(&nl, AF_INET, ports);
	if (error == 0)
		error = read_family(&nl, AF_INET6, ports);
	kg_nl_close(&nl);
	return error;
}
