/* SPDX-License-Identifier: BSD-3-Clause */
/* The twelve paths that senders are compared on. */
#pragma once

#include "sim/link.h"

struct kg_race_path {
	const char *name;
	const char *what;
	struct kg_sim_link_params link[2]; /* there, and back */
	double line_Bps;                   /* what a user would write; of a trace its mean */
	double bound_Bps; /* what arithmetic lets one flow bring to the other end */
	uint32_t seconds; /* that tell */
};

#define KG_RACE_PATHS 12

/* All in turn, for a wire with so many bytes around a datagram. The traces stay with `paths`. */
struct kg_race_paths {
	struct kg_race_path of[KG_RACE_PATHS];
	uint32_t *chances[KG_RACE_PATHS]; /* of traces; NULL: none */
};

bool kg_race_paths_init(struct kg_race_paths *paths, uint16_t overhead_bytes);
void kg_race_paths_fini(struct kg_race_paths *paths);
