/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kcpgate --doctor: what this machine lacks for a configuration, and the command that mends it.
 * Looks, and changes nothing; a box may run meanwhile.
 */
#pragma once

#include "config/config.h"

/* What is looked at when no file is given: a box with the defaults and without ports. */
void kg_doctor_any_box(struct kg_config *config);

/* Writes what is found to `to`, as a table or as JSON. True: nothing is missing that stops the box.
 */
bool kg_doctor(const struct kg_config *config, bool json, FILE *to);

/* A start has failed: says what is missing, a line each. `has_memory`: EAL had started, and has
 * taken its hugepages. */
void kg_doctor_explain(const struct kg_config *config, bool has_memory, FILE *to);
