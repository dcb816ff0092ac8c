/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A server's flow to its target. A name is asked for, each address held against the list of what is
 * allowed, and those that are left are tried in turn. Nothing is decided by the name, so a name
 * cannot get around the list.
 */
#include "payload/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct kg_dial {
	struct kg_payload *payload;
	struct kg_flow *flow;
	struct kg_enquiry *enquiry; /* for the name's addresses; NULL: answered */
	struct kg_ip ips[KG_DIAL_TRIES];
	unsigned int count, next;
	uint16_t port;
	bool denied;       /* there was an address that is not allowed */
	unsigned int what; /* of the name was asked for: enum kg_ask */
	char name[];       /* empty: it was an address */
};

static bool has_family(const struct kg_payload_tunnel *tunnel, const struct kg_ip *ip)
{
	return ip->version == 4 ? !tunnel->ipv6_only : !tunnel->ipv4_only;
}

/* An address is taken in if it may be tried. Linux takes 0.0.0.0 and :: for this machine; that is
 * not what a name server means by it. */
static void consider(struct kg_dial *dial, const struct kg_ip *ip)
{
	const struct kg_payload_tunnel *tunnel = dial->flow->tunnel;
	const struct kg_app_end *app = tunnel->app;
	struct kg_endpoint to = { .ip = kg_ip_unmapped(ip), .port = dial->port };

	if (dial->count == KG_DIAL_TRIES || !has_family(tunnel, &to.ip) ||
	    kg_ip_is_unspecified(&to.ip))
		return;
	if (app->allowed_count == 0 || kg_allow_contains(app->allowed, app->allowed_count, &to))
		dial->ips[dial->count++] = to.ip;
	else
		dial->denied = true;
}

/* All addresses are known. */
static void go(struct kg_payload *p, struct kg_flow *flow)
{
	bool denied = flow->dial->denied;

	if (kg_dial_next(p, flow))
		return;
	if (denied)
		kg_count(&p->stats.custom_denied, 1);
	kg_flow_refuse(p, flow, denied ? KG_REFUSAL_NOT_ALLOWED : KG_REFUSAL_NO_ADDRESS);
}

static void resolved(void *ctx, const struct kg_answer *answer)
{
	static const enum kg_refusal refusals[] = {
		[KG_RESOLVER_NO_NAME] = KG_REFUSAL_NO_NAME,
		[KG_RESOLVER_NO_ADDRESS] = KG_REFUSAL_NO_ADDRESS,
		[KG_RESOLVER_NO_ANSWER] = KG_REFUSAL_NO_ANSWER,
	};
	struct kg_dial *dial = ctx;
	struct kg_payload *p = dial->payload;

	dial->enquiry = NULL;
	if (answer->error != KG_RESOLVER_OK) {
		kg_count(&p->stats.names_failed, 1);
		kg_flow_refuse(p, dial->flow, (int)refusals[answer->error]);
		return;
	}
	for (unsigned int i = 0; i < answer->count; i++)
		consider(dial, &answer->ips[i]);
	go(p, dial->flow);
}

static void resolve(struct kg_payload *p, struct kg_flow *flow)
{
	struct kg_dial *dial = flow->dial;

	dial->what = kg_ask_addresses(flow->tunnel->ipv4_only, flow->tunnel->ipv6_only);
	kg_count(&p->stats.names_asked, 1);
	dial->enquiry = kg_enquire(p->config.enquiries, dial->name, dial->what, resolved, dial);
	if (dial->enquiry != NULL) {
		kg_flow_arm(p, flow, &p->trying);
		return;
	}
	kg_count(&p->stats.names_failed, 1);
	kg_flow_refuse(p, flow, ENOBUFS);
}

void kg_dial_begin(struct kg_payload *p, struct kg_flow *flow, const struct kg_target *target)
{
	struct kg_ip ip;

	flow->dial = calloc(1, sizeof(*flow->dial) + strlen(target->address) + 1);
	if (flow->dial == NULL) {
		kg_flow_refuse(p, flow, ENOMEM);
		return;
	}
	flow->dial->payload = p;
	flow->dial->flow = flow;
	flow->dial->port = target->port;
	if (!kg_ip_parse(&ip, target->address)) {
		strcpy(flow->dial->name, target->address);
		resolve(p, flow);
		return;
	}
	consider(flow->dial, &ip);
	go(p, flow);
}

bool kg_dial_next(struct kg_payload *p, struct kg_flow *flow)
{
	struct kg_dial *dial = flow->dial;

	if (dial == NULL || dial->next == dial->count) {
		if (dial != NULL && dial->count > 0 && dial->name[0] != '\0')
			kg_enquiry_doubt(p->config.enquiries, dial->name, dial->what);
		return false;
	}
	flow->ops->close(p, flow, false);
	kg_flow_disarm(flow);
	flow->destination = (struct kg_endpoint){ dial->ips[dial->next++], dial->port };
	kg_flow_dial(p, flow);
	return true;
}

struct kg_deadlines *kg_dial_deadlines(struct kg_payload *p, const struct kg_flow *flow)
{
	return flow->dial != NULL && flow->dial->count > 1 ? &p->trying : &p->connecting;
}

void kg_dial_expire(struct kg_payload *p, struct kg_flow *flow)
{
	bool asks = flow->dial != NULL && flow->dial->enquiry != NULL;

	if (asks)
		kg_count(&p->stats.names_failed, 1);
	kg_flow_refuse(p, flow, asks ? KG_REFUSAL_NO_ANSWER : ETIMEDOUT);
}

void kg_dial_end(struct kg_flow *flow)
{
	if (flow->dial == NULL)
		return;
	if (flow->dial->enquiry != NULL)
		kg_enquiry_forget(flow->dial->enquiry);
	free(flow->dial);
	flow->dial = NULL;
}
