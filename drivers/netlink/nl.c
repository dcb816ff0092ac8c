/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends an rtnetlink request and waits for its answer. */
#include "netlink/nl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int kg_nl_open(struct kg_nl *nl)
{
	return kg_nl_open_to(nl, NETLINK_ROUTE);
}

int kg_nl_open_to(struct kg_nl *nl, int family)
{
	int saved;

	*nl = (struct kg_nl){ .socket = mnl_socket_open2(family, SOCK_CLOEXEC) };
	if (nl->socket == NULL)
		return -errno;
	if (mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) == 0)
		return 0;
	saved = errno;
	kg_nl_close(nl);
	return -saved;
}

void kg_nl_close(struct kg_nl *nl)
{
	if (nl->socket != NULL)
		mnl_socket_close(nl->socket);
	nl->socket = NULL;
}

struct nlmsghdr *kg_nl_begin(struct kg_nl_message *message, uint16_t type, uint16_t flags,
			     const void *family_header, size_t family_header_bytes)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(message->bytes);

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	memcpy(mnl_nlmsg_put_extra_header(header, family_header_bytes), family_header,
	       family_header_bytes);
	return header;
}

void kg_nl_put_ip(struct nlmsghdr *header, uint16_t type, const struct kg_ip *ip)
{
	mnl_attr_put(header, type, ip->version == 4 ? 4 : 16, ip->bytes);
}

/* What is left of an answer that was not read to its end. The kernel goes on with a dump as its
 * parts are taken, and begins no other before. */
static void forget(struct kg_nl *nl)
{
	uint8_t received[KG_NL_RECEIVE_BYTES];

	while (recv(mnl_socket_get_fd(nl->socket), received, sizeof(received), MSG_DONTWAIT) >= 0)
		;
	nl->left = false;
}

/* An acknowledgement ends what is not a dump, a message of its own ends a dump. */
static int hear(struct kg_nl *nl, mnl_cb_t answer, void *ctx)
{
	_Alignas(8) uint8_t received[KG_NL_RECEIVE_BYTES];
	unsigned int port = mnl_socket_get_portid(nl->socket);
	int verdict = MNL_CB_OK;

	while (verdict > MNL_CB_STOP) {
		ssize_t len = mnl_socket_recvfrom(nl->socket, received, sizeof(received));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		verdict = mnl_cb_run(received, (size_t)len, nl->seq, port, answer, ctx);
	}
	return verdict == MNL_CB_STOP ? 0 : -errno;
}

int kg_nl_dump(struct kg_nl *nl, struct nlmsghdr *header, mnl_cb_t answer, void *ctx)
{
	int error;

	if (nl->left)
		forget(nl);
	header->nlmsg_seq = ++nl->seq;
	if (mnl_socket_sendto(nl->socket, header, header->nlmsg_len) < 0)
		return -errno;
	error = hear(nl, answer, ctx);
	nl->left = error != 0;
	return error;
}

int kg_nl_talk(struct kg_nl *nl, struct nlmsghdr *header, mnl_cb_t answer, void *ctx)
{
	header->nlmsg_flags |= NLM_F_ACK;
	return kg_nl_dump(nl, header, answer, ctx);
}

uint8_t kg_nl_family(const struct kg_ip *ip)
{
	return ip->version == 4 ? AF_INET : AF_INET6;
}

bool kg_nl_read_ip(struct kg_ip *ip, const struct nlattr *attribute)
{
	uint16_t len = mnl_attr_get_payload_len(attribute);

	*ip = (struct kg_ip){ 0 };
	if (len != 4 && len != 16)
		return false;
	ip->version = len == 4 ? 4 : 6;
	memcpy(ip->bytes, mnl_attr_get_payload(attribute), len);
	return true;
}
