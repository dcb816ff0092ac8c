/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection from within.
 *
 *   from_stream.c ──► marks ──► stage/deliver.c ──► toward_payload.c ──► payload thread
 *                                    └──► burst.c
 *   lib/mux       ◄─────────────────────────────── from_payload.c   ◄── payload thread
 */
#pragma once

#include "conn.h"

struct kg_report;

/* `payload`: index of the thread that has or will have its flow. NULL: out of memory. */
struct kg_conn *kg_conn_create(struct kg_side *side, uint32_t payload);
/* Where the client wants to go; copied, the payload thread reads it until it has answered. False:
 * out of memory. */
bool kg_conn_set_target(struct kg_conn *conn, const struct kg_target *target);
void kg_conn_drop_target(struct kg_conn *conn);
/* Its datagrams leave as they come again. */
void kg_conn_end_burst(struct kg_conn *conn);
/* To the tunnel's journal, where there is one: an application's connection has a channel. */
void kg_conn_journal_opened(struct kg_conn *conn);
/* It has it no longer, and all was well. */
void kg_conn_journal_ended(struct kg_conn *conn, enum kg_close why);
/* To the log: `report`, filled up with whose it is. */
void kg_conn_report(struct kg_conn *conn, struct kg_report *report);
