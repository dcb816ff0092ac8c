/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client's session and a server's, with a rate that is found out, and a simulated link each way,
 * in virtual time. A test has a `struct rig` within its world and fills in what is its own: what
 * applications say, and what becomes of a datagram.
 */
#pragma once

#include "unit/pair_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/link.h"
#include "test_host.h"

#define RIG_OVERHEAD 66u /* of a datagram on the wire */

struct rig;

struct rig_end {
	struct test_host host;
	struct rig *rig;
	struct kg_session_config config;
	struct kg_session *session;
	struct kg_sim_link link; /* what this end sends */
};

struct rig {
	uint64_t now_us, began_us, seed;
	struct kg_rng rng;
	struct rig_end ends[2]; /* by role */
	/* Applications say what they have; no later than at `talk_us` again. */
	void (*talk)(struct rig *rig);
	uint64_t talk_us;
	/* Before it is sent: false: it is lost. And when it has come: false: it is not for the
	 * session. NULL: nothing befalls it. */
	bool (*sends)(struct rig *rig, int role, struct kg_datagram *out);
	bool (*hears)(struct rig *rig, int role, struct kg_datagram *in);
};

/* ---- wire ---- */

static inline void rig_leave(struct rig *rig, int role)
{
	struct rig_end *end = &rig->ends[role];
	uint8_t bytes[KG_KCP_MTU_MAX];
	struct kg_datagram out = { .data = bytes };

	while (kg_session_output(end->session, &out, rig->now_us)) {
		if (rig->sends != NULL && !rig->sends(rig, role, &out))
			continue;
		out.local.ip = pair_addresses[role];
		kg_sim_link_send(&end->link, rig->now_us, &out.local, &out.remote, bytes, out.len);
	}
}

static inline void rig_arrive(struct rig *rig, int role)
{
	struct kg_sim_link *link = &rig->ends[!role].link;
	struct kg_sim_link_packet *packet;

	while ((packet = kg_sim_link_receive(link, rig->now_us)) != NULL) {
		struct kg_datagram in = {
			.local = packet->to,
			.remote = packet->from,
			.data = packet->bytes,
			.len = packet->len,
			.digest = kg_hash64(packet->bytes, packet->len, packet->from.port),
		};

		if (rig->hears == NULL || rig->hears(rig, role, &in))
			kg_session_input(rig->ends[role].session, &in, rig->now_us);
		free(packet);
	}
}

/* ---- time ---- */

static inline void rig_step(struct rig *rig, uint64_t end_us)
{
	uint64_t next_us = rig->talk_us > rig->now_us ? KG_MIN(rig->talk_us, end_us) : end_us;

	for (int role = 0; role < 2; role++)
		rig_arrive(rig, role);
	rig->talk(rig);
	for (int role = 0; role < 2; role++)
		rig_leave(rig, role);
	for (int role = 0; role < 2; role++)
		next_us = KG_MIN(next_us, kg_sim_link_next_us(&rig->ends[role].link));
	next_us = KG_MAX(next_us, rig->now_us + 1);
	pair_pass(&rig->now_us, next_us, rig->ends[0].host.wheel, rig->ends[1].host.wheel);
}

static inline void rig_pass(struct rig *rig, uint64_t us)
{
	uint64_t end_us = rig->now_us + us;

	while (rig->now_us < end_us)
		rig_step(rig, end_us);
}

/* ---- life ---- */

static inline void rig_init(struct rig *rig, uint64_t seed, void (*talk)(struct rig *rig))
{
	*rig = (struct rig){ .now_us = SEC(1000),
			     .began_us = SEC(1000),
			     .seed = seed,
			     .talk = talk,
			     .talk_us = KG_NEVER_US };
	kg_rng_init(&rig->rng, seed);
	for (int role = 0; role < 2; role++) {
		struct kg_kcp_params *kcp = &rig->ends[role].config.kcp;

		rig->ends[role].config = pair_config(role, 16);
		kcp->snd_wnd = kcp->rcv_wnd = 1024;
		kcp->pace = kcp->snd_spread = kcp->rcv_grows = true;
	}
}

/* Change the two configs before. */
static inline void rig_begin_end(struct rig *rig, int role, const struct kg_sim_link_params *link,
				 struct kg_session_ops ops)
{
	struct rig_end *end = &rig->ends[role];

	end->rig = rig;
	test_host_init(&end->host, rig->seed, SIZE_MAX, rig->now_us);
	if (role == KG_ROLE_SERVER)
		end->host.seen = kg_seen_create(&end->host.mem, 1024, 510, 0);
	kg_sim_link_init(&end->link, link, &rig->rng);
	end->session = test_host_session(&end->host, &end->config, ops, rig->now_us);
	assert_non_null(end->session);
}

static inline void rig_fini(struct rig *rig)
{
	for (int role = 0; role < 2; role++) {
		kg_session_destroy(rig->ends[role].session);
		kg_sim_link_fini(&rig->ends[role].link);
		assert_true(test_host_fini(&rig->ends[role].host));
	}
}
