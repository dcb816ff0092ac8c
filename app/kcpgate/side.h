/* SPDX-License-Identifier: BSD-3-Clause */
/* One tunnel on one worker: its session and streams, its key, its parity. */
#pragma once

#include "fec/fec.h"
#include "mux/stream.h"
#include "wire/profile.h"

struct kg_worker;

struct kg_side {
	struct kg_worker *worker;
	struct kg_streams *streams;
	struct kg_session *session;       /* of the streams */
	const struct kg_profile *profile; /* of its wire */
	struct kg_profile_key key;
	struct kg_fec *fec; /* NULL: off */
	uint16_t tunnel;    /* index */
};

/* Of tunnel `index` of the box, with so many channels at most. False without memory; call
 * kg_side_fini in any case. */
bool kg_side_init(struct kg_side *side, struct kg_worker *w, uint16_t index, uint32_t channels);
void kg_side_fini(struct kg_side *side);
/* On the worker's thread: tells all peers that their channels end. */
void kg_side_stop(struct kg_side *side);
