/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the queue of errors that Linux keeps for a socket. */
#include "kernel/udp_errors.h"

#include "payload/socket.h"

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#define CONTROL_BYTES 512

void kg_udp_errors_keep(int fd)
{
	const int on = 1;

	/* The one that is not of the socket's family fails. */
	(void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
}

static const char *icmp_words(const struct sock_extended_err *error)
{
	switch (error->ee_code) {
	case ICMP_NET_UNREACH:
		return "network unreachable";
	case ICMP_PORT_UNREACH:
		return "port unreachable";
	case ICMP_NET_ANO:
	case ICMP_HOST_ANO:
	case ICMP_PKT_FILTERED:
		return "prohibited";
	default:
		return "host unreachable";
	}
}

static const char *icmp6_words(const struct sock_extended_err *error)
{
	switch (error->ee_code) {
	case ICMP6_DST_UNREACH_NOROUTE:
		return "network unreachable";
	case ICMP6_DST_UNREACH_NOPORT:
		return "port unreachable";
	case ICMP6_DST_UNREACH_ADDR:
	case ICMP6_DST_UNREACH_BEYONDSCOPE:
		return "host unreachable";
	default:
		return "prohibited";
	}
}

/* NULL: datagrams do get there, or it is not known. */
static const char *words_of(const struct sock_extended_err *error)
{
	switch (error->ee_origin) {
	case SO_EE_ORIGIN_ICMP:
		return error->ee_type == ICMP_DEST_UNREACH && error->ee_code != ICMP_FRAG_NEEDED
			       ? icmp_words(error)
			       : NULL;
	case SO_EE_ORIGIN_ICMP6:
		return error->ee_type == ICMP6_DST_UNREACH ? icmp6_words(error) : NULL;
	case SO_EE_ORIGIN_LOCAL:
		return error->ee_errno != EMSGSIZE ? kg_udp_error_here((int)error->ee_errno).why
						   : NULL;
	default:
		return NULL;
	}
}

static struct kg_ip offender_of(const struct sock_extended_err *error)
{
	const union kg_sockaddr *offender = (const void *)SO_EE_OFFENDER(error);

	if (error->ee_origin == SO_EE_ORIGIN_LOCAL || offender->any.sa_family == AF_UNSPEC)
		return (struct kg_ip){ 0 };
	return kg_sockaddr_endpoint(offender).ip;
}

static const struct sock_extended_err *find_error(struct msghdr *message)
{
	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL;
	     at = CMSG_NXTHDR(message, at)) {
		if ((at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR) ||
		    (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR))
			return (const void *)CMSG_DATA(at);
	}
	return NULL;
}

bool kg_udp_error_take(int fd, struct kg_udp_error *error)
{
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
	const struct sock_extended_err *found;
	struct msghdr message;

	do {
		message = (struct msghdr){ .msg_control = control,
					   .msg_controllen = sizeof(control) };
		if (recvmsg(fd, &message, MSG_ERRQUEUE) < 0)
			return false;
		found = find_error(&message);
	} while (found == NULL || words_of(found) == NULL);
	*error = (struct kg_udp_error){ words_of(found), offender_of(found) };
	return true;
}

struct kg_udp_error kg_udp_error_here(int number)
{
	const char *why = strerrordesc_np(number);

	return (struct kg_udp_error){ .why = why != NULL ? why : "unknown error" };
}
