/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A box claims its name and its ports' devices before it touches anything: a second start with one
 * of them would break the box that runs.
 */
#pragma once

#include "config/config.h"
#include "kernel/claim.h"

#include <net/if.h>

struct kg_claims {
	struct kg_claim all[1 + KG_CONFIG_PORTS_MAX];
	unsigned int count;
};

/* False with a text in `error`; then nothing is claimed. */
bool kg_claims_take(struct kg_claims *claims, const struct kg_config *config, char *error,
		    size_t error_bytes);
void kg_claims_release(struct kg_claims *claims);
/* The process that runs the box of this name; 0: none, or not known. */
pid_t kg_claims_holder(const struct kg_config *config);

/* Of a device as given to EAL, what stands behind a key such as ",iface="; NULL: it has none. */
const char *kg_device_argument(const char *device, const char *key);
/* Linux's interface under a virtual device: what stands behind "iface=", at most IFNAMSIZ-1
 * characters. False: there is none. */
bool kg_device_interface(const char *device, char name[IF_NAMESIZE]);
