/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL's arguments from the configuration, and its start. */
#pragma once

#include "config/config.h"

/* Number of the main lcore, on which the control thread runs; no worker has it. */
#define KG_EAL_MAIN_LCORE 127u

/*
 * Starts EAL: what the configuration implies, then its "eal" list, then the command line's options,
 * so that the later ones prevail. EAL prints its own complaints; 0, or -errno.
 */
int kg_eal_init(const struct kg_config *config, char *const *options, int option_count);

/* False when EAL has not found the device of a port; each such port is told to `errors`. */
bool kg_eal_has_devices(const struct kg_config *config, FILE *errors);

/* Ends EAL and removes the files it has left in its runtime directory, and those of shared memory:
 * they are for secondary processes, which a box that has ended does not have. */
void kg_eal_fini(void);
