/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kcpgate --try: does every place answer that a client, or a relay's forwarder, may ask? With
 * ordinary sockets of Linux, so that it needs neither EAL nor hugepages nor a port, and a box may
 * run meanwhile.
 */
#pragma once

#include "config/config.h"

/* Tests, and writes what is known to `to`, as a table or as JSON. True: all have answered. */
bool kg_try(const struct kg_config *config, bool json, FILE *to);
