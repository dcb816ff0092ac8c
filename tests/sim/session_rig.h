/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client's session and a server's, with a rate that is found out, and a simulated link each way,
 * in virtual time. A test has a `struct rig` within its world and fills in what is its own: what
 * applications say, and what becomes of a datagram.
 *
 * Where `busy_us` is set the ends, and the wire, are processes on a machine that is busy: now and
 * then one of them gets no CPU for so long at most, and what was due meanwhile comes together.
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

/* Processes: an end, by role, what is between them, and a thread of an original that looks at its
 * clock and then sends, while another one hears. */
#define RIG_WIRE      2
#define RIG_SENDER    3
#define RIG_PROCESSES 4

struct rig_pause {
	uint64_t from_us, until_us; /* the one that is, or is next */
};

struct rig {
	uint64_t now_us, began_us, seed;
	struct kg_rng rng;
	uint32_t busy_every_us, busy_us; /* on average, and at most; 0: it is idle */
	struct rig_pause pauses[RIG_PROCESSES];
	struct kg_rng pause_rng; /* its own: on an idle machine a seed is what it was */
	struct rig_end ends[2];  /* by role */
	/* Applications say what they have; no later than at `talk_us` again. */
	void (*talk)(struct rig *rig);
	uint64_t talk_us;
	/* Before it is sent: false: it is lost. And when it has come: false: it is not for the
	 * session. NULL: nothing befalls it. */
	bool (*sends)(struct rig *rig, int role, struct kg_datagram *out);
	bool (*hears)(struct rig *rig, int role, struct kg_datagram *in);
};

/* ---- who has the CPU ---- */

/* When it has the CPU: now, or after its pause. */
static inline uint64_t rig_goes_on_us(struct rig *rig, int who)
{
	struct rig_pause *pause = &rig->pauses[who];

	while (rig->busy_us > 0 && rig->now_us >= pause->until_us) {
		pause->from_us =
			rig->now_us + kg_rng_below(&rig->pause_rng, 2 * rig->busy_every_us);
		pause->until_us = pause->from_us + 1 + kg_rng_below(&rig->pause_rng, rig->busy_us);
	}
	return rig->busy_us > 0 && rig->now_us >= pause->from_us ? pause->until_us : rig->now_us;
}

static inline bool rig_runs(struct rig *rig, int who)
{
	return rig_goes_on_us(rig, who) == rig->now_us;
}

/* ---- wire ---- */

static inline void rig_leave(struct rig *rig, int role)
{
	struct rig_end *end = &rig->ends[role];
	uint8_t bytes[KG_KCP_MTU_MAX];
	struct kg_datagram out = { .data = bytes };

	while (rig_runs(rig, role) && kg_session_output(end->session, &out, rig->now_us)) {
		if (rig->sends != NULL && !rig->sends(rig, role, &out))
			continue;
		out.local.ip = pair_addresses[role];
		kg_sim_link_send(&end->link, rig_goes_on_us(rig, RIG_WIRE), &out.local, &out.remote,
				 bytes, out.len);
	}
}

static inline void rig_arrive(struct rig *rig, int role)
{
	struct kg_sim_link *link = &rig->ends[!role].link;
	struct kg_sim_link_packet *packet;

	while (rig_runs(rig, role) && rig_runs(rig, RIG_WIRE) &&
	       (packet = kg_sim_link_receive(link, rig->now_us)) != NULL) {
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

/* When an end has something to do next. */
static inline uint64_t rig_due_us(struct rig *rig, int role)
{
	uint64_t comes_us =
		KG_MAX(kg_sim_link_next_us(&rig->ends[!role].link), rig_goes_on_us(rig, RIG_WIRE));
	uint64_t due_us = KG_MIN(comes_us, kg_twheel_next_us(rig->ends[role].host.wheel));

	return rig_runs(rig, role) ? due_us : rig_goes_on_us(rig, role);
}

static inline void rig_step(struct rig *rig, uint64_t end_us)
{
	uint64_t next_us = rig->talk_us > rig->now_us ? KG_MIN(rig->talk_us, end_us) : end_us;

	for (int role = 0; role < 2; role++)
		rig_arrive(rig, role);
	rig->talk(rig);
	for (int role = 0; role < 2; role++)
		rig_leave(rig, role);
	for (int role = 0; role < 2; role++)
		next_us = KG_MIN(next_us, rig_due_us(rig, role));
	rig->now_us = KG_MAX(next_us, rig->now_us + 1);
	for (int role = 0; role < 2; role++) {
		if (rig_runs(rig, role))
			kg_twheel_advance(rig->ends[role].host.wheel, rig->now_us);
	}
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
	kg_rng_init(&rig->pause_rng, seed);
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

/* For kg_session_ops, of who keeps no list of channels. */
static inline void rig_on_closed(void *host, struct kg_channel *ch, enum kg_close why,
				 const char *text)
{
	kg_channel_free(ch);
}

static inline void rig_fini(struct rig *rig)
{
	for (int role = 0; role < 2; role++) {
		kg_session_destroy(rig->ends[role].session);
		kg_sim_link_fini(&rig->ends[role].link);
		assert_true(test_host_fini(&rig->ends[role].host));
	}
}
