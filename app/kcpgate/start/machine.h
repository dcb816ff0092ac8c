/* SPDX-License-Identifier: BSD-3-Clause */
/* What a configuration asks of the machine it is on. */
#pragma once

#include "config/config.h"

/* Reports what this machine has not got, as far as it shows without a start; `file` stands for the
 * configuration in messages. */
void kg_machine_check(const struct kg_config *config, struct kg_mistakes *mistakes,
		      const char *file);

/* The same for interfaces that ports take over, which this process has claimed: a killed box's are
 * put right; then Linux must have nothing there, or the port is given its addresses. */
void kg_machine_check_links(struct kg_config *config, struct kg_mistakes *mistakes,
			    const char *file);
