/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A tunnel's journal: what KCPTube's users look for in log_path. Messages of the tunnels of a mode
 * go to client_output.log, server_output.log or relay_output.log there, each tunnel's status to
 * NAME_status.log. Without log_path there is the log alone.
 */
#pragma once

#include "config/config.h"
#include "log.h"

/* A line that concerns a tunnel and says its name: for the log, and for the journal whatever the
 * level. Not from a worker. */
#define KG_JOURNAL(level, config, ...) kg_journal(RTE_LOG_##level, config, __VA_ARGS__)
void kg_journal(uint32_t level, const struct kg_tunnel_config *config, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Replaces the status. */
void kg_journal_status(const struct kg_tunnel_config *config, const char *text, size_t len);

/* A leg's are the relay's. */
bool kg_journal_is_kept(const struct kg_tunnel_config *config);
/* What keeps log_path from being used, in words; NULL: nothing, or there is none. */
const char *kg_journal_fault(const struct kg_tunnel_config *config);
