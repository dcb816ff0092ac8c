/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A relay on one worker: two sessions, of which the listener's answers clients and the forwarder's
 * asks their server. For each channel that a client asks for, another is asked for of the server,
 * and their messages pass whole, both ways. What is in them is the ends' own, mux connections and
 * custom targets too.
 *
 *   client ◄── channel ──► listener ── relay ── forwarder ◄── channel ──► server
 *
 * A message is taken from the one conversation when the other has room for it, so whoever reads
 * slowly at one end stops, window by window, who writes at the other. Between the two there is one
 * message at most, which waits for memory. Everything else is a leg's own: cipher, FEC, windows,
 * hops, keep-alives, questions and their answers.
 *
 * What concerns both ends of a tunnel, half-close and credit on mux channels, is done where both
 * legs can. An end passes behind the data before it; a reset does not wait for it.
 *
 * The host makes the sessions, and gives them KG_RELAY_OPS. `connect` and `closed` are its own, by
 * which it calls kg_relay_accept and kg_relay_closed.
 */
#pragma once

#include "session/session.h"

enum kg_relay_leg {
	KG_RELAY_LISTENER,
	KG_RELAY_FORWARDER,
	KG_RELAY_LEGS
};

struct kg_relay;

/* NULL without memory. What it lives on is that of both sessions. */
struct kg_relay *kg_relay_create(const struct kg_supplies *supplies);
/* When both sessions are gone. */
void kg_relay_destroy(struct kg_relay *relay);
/* The forwarder's session; NULL: there is none, and all clients are refused. */
void kg_relay_set_forwarder(struct kg_relay *relay, struct kg_session *forwarder);
/* Tells both ends of each channel that it ends. What has been taken still goes: drive output until
 * both sessions are quiet, or patience ends. */
void kg_relay_shutdown(struct kg_relay *relay, uint64_t now_us);

/* A client asks for a channel; as ops.connect. */
void kg_relay_accept(struct kg_relay *relay, struct kg_channel *ch, const struct kg_target *target);

/* As in struct kg_session_ops, of both sessions; none looks at its host. */
void kg_relay_opened(void *host, struct kg_channel *ch);
void kg_relay_readable(void *host, struct kg_channel *ch);
void kg_relay_acked(void *host, struct kg_channel *ch, uint32_t segments);
void kg_relay_finished(void *host, struct kg_channel *ch);
void kg_relay_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text);

#define KG_RELAY_OPS                                                                       \
	.opened = kg_relay_opened, .readable = kg_relay_readable, .acked = kg_relay_acked, \
	.finished = kg_relay_finished
