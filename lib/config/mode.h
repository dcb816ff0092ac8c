/* SPDX-License-Identifier: BSD-3-Clause */
/* What a tunnel is, as its settings say it. */
#pragma once

#include "base/base.h"

enum kg_mode {
	KG_MODE_CLIENT, /* asks, and listens for applications */
	KG_MODE_SERVER, /* answers, and dials to applications */
	/* The legs of a relay: tunnels that join their channels */
	KG_MODE_LISTENER,  /* answers */
	KG_MODE_FORWARDER, /* asks */
};

/* What the two legs together are. */
#define KG_RELAY_WORD "relay"

static inline bool kg_mode_is_leg(enum kg_mode mode)
{
	return mode == KG_MODE_LISTENER || mode == KG_MODE_FORWARDER;
}

/* "client", … */
const char *kg_mode_name(enum kg_mode mode);
