/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers report, in words: a line for each event. */
#pragma once

#include "config/config.h"
#include "mail.h"

/* What happens all the time while all is well: for journals alone. */
bool kg_event_is_routine(const struct kg_report *report);
/* Control thread. */
void kg_event_log(const struct kg_tunnel_config *tunnel, const struct kg_report *report,
		  uint64_t now_us);
