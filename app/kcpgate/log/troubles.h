/* SPDX-License-Identifier: BSD-3-Clause */
/* Troubles that workers have reported: in words for the log, and the latest of them for telemetry.
 */
#pragma once

#include "box.h"
#include "telemetry/troubles.h"

#define KG_TROUBLE_ROWS 32

struct kg_trouble_row {
	struct kg_report report;
	uint64_t logged_us;
};

/* Control thread. */
void kg_trouble_log(const struct kg_tunnel_config *tunnel, const struct kg_report *report,
		    uint64_t now_us);
/* Control thread: the tunnel has gone. */
void kg_trouble_forget(uint16_t tunnel);
/* Any thread: the latest of each kind, tunnel and peer, how many there are. */
unsigned int kg_trouble_rows(struct kg_trouble_row rows[KG_TROUBLE_ROWS]);
