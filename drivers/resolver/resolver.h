/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host names to addresses without waiting: c-ares behind one descriptor. A resolver belongs to one
 * thread. Every question is asked anew, as /etc/hosts stands then, and /etc/resolv.conf and
 * /etc/nsswitch.conf when the first of those that wait together is asked; a file is read only when
 * it has changed.
 */
#pragma once

#include "base/base.h"
#include "net/addr.h"

#define KG_RESOLVER_IPS_MAX       64   /* of one answer; the rest is ignored */
#define KG_RESOLVER_QUESTIONS_MAX 4096 /* that wait at a time */

/* What is asked for: addresses of one family or both, or a TXT record. */
enum kg_ask {
	KG_ASK_IPV4 = 1 << 0,
	KG_ASK_IPV6 = 1 << 1,
	KG_ASK_TXT = 1 << 2, /* alone */
};

/* Addresses, of one family only if so is said. */
static inline unsigned int kg_ask_addresses(bool ipv4_only, bool ipv6_only)
{
	return (ipv6_only ? 0u : KG_ASK_IPV4) | (ipv4_only ? 0u : KG_ASK_IPV6);
}

enum kg_resolver_error {
	KG_RESOLVER_OK,
	KG_RESOLVER_NO_NAME,    /* there is no such name */
	KG_RESOLVER_NO_ADDRESS, /* the name has none of what was asked for */
	KG_RESOLVER_NO_ANSWER,  /* name servers fail, or cannot be reached in about 5 s */
};

/* In words; empty for OK. */
const char *kg_resolver_error_text(enum kg_resolver_error error);

struct kg_answer {
	enum kg_resolver_error error;
	uint32_t ttl_s; /* how long it holds; of an error nobody knows: 0 */
	/* None unless `error` is OK. To be tried in this order (net/order.h); the first so many can
	 * be reached as Linux's routes are. */
	unsigned int count, reachable;
	struct kg_ip ips[KG_RESOLVER_IPS_MAX];
	uint16_t port; /* TXT: what stands behind the one address; else 0 */
};

/* Keeps, of the first so many addresses, those that a host other than this one can have. */
void kg_answer_keep_hosts(struct kg_answer *answer, unsigned int count);

struct kg_resolver;
struct kg_question;

/* The answer, told once, from within kg_resolver_input. */
typedef void kg_resolved(void *ctx, const struct kg_answer *answer);

/* NULL when memory or descriptors are short. Call before threads start. */
struct kg_resolver *kg_resolver_create(void);
/* Questions that wait get no answer. */
void kg_resolver_destroy(struct kg_resolver *r);

/* Readable when there is something to do; the resolver's own. */
int kg_resolver_fd(const struct kg_resolver *r);
/* Until there is something to do without the descriptor saying so; -1: nothing. */
int kg_resolver_timeout_ms(const struct kg_resolver *r);
/* Does it. */
void kg_resolver_input(struct kg_resolver *r);

/* `what`: enum kg_ask. NULL when too many wait, or memory is short; good until it is answered. Text
 * is copied. */
struct kg_question *kg_resolver_ask(struct kg_resolver *r, const char *name, unsigned int what,
				    kg_resolved *told, void *ctx);
/* The answer is not wanted any more. */
void kg_resolver_forget(struct kg_question *question);
