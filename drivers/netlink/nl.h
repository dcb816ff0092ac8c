/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One rtnetlink request at a time, answered before the call returns (the kernel answers within
 * send). One thread per socket.
 */
#pragma once

#include "base/base.h"
#include "net/addr.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

/* Longest message the kernel sends us; a link with all its statistics stays below. */
#define KG_NL_RECEIVE_BYTES 32768

struct kg_nl {
	struct mnl_socket *socket;
	uint32_t seq; /* of the latest request; an answer to another is none */
	bool left;    /* something of an answer may be, in the socket */
};

/* Room for one request. */
struct kg_nl_message {
	_Alignas(8) uint8_t bytes[512];
};

/* 0, or -errno. */
int kg_nl_open(struct kg_nl *nl);
/* The same to another of the kernel's families, as NETLINK_SOCK_DIAG. */
int kg_nl_open_to(struct kg_nl *nl, int family);
void kg_nl_close(struct kg_nl *nl);

/* Starts a request: header and family header (rtmsg, ndmsg …), NLM_F_REQUEST set. Attributes
 * follow. */
struct nlmsghdr *kg_nl_begin(struct kg_nl_message *message, uint16_t type, uint16_t flags,
			     const void *family_header, size_t family_header_bytes);
void kg_nl_put_ip(struct nlmsghdr *header, uint16_t type, const struct kg_ip *ip);

/* Sends and waits for the kernel's verdict: 0, or its -errno. `answer`, if not NULL, gets each
 * message that comes before. */
int kg_nl_talk(struct kg_nl *nl, struct nlmsghdr *header, mnl_cb_t answer, void *ctx);

/* The same for a question with NLM_F_DUMP: each message of the answer goes to `answer`. -EINTR:
 * what was asked for changed meanwhile, and what was given may not fit together. */
int kg_nl_dump(struct kg_nl *nl, struct nlmsghdr *header, mnl_cb_t answer, void *ctx);

/* AF_INET or AF_INET6. */
uint8_t kg_nl_family(const struct kg_ip *ip);
/* An address out of an attribute, by its length; false if it is none. */
bool kg_nl_read_ip(struct kg_ip *ip, const struct nlattr *attribute);
