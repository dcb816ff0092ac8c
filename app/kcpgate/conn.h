/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's half of an application's connection: ties a stream (lib/mux) to a flow of the
 * payload thread (payload/msg.h) and keeps what is still to be told. Nothing here is lost when
 * a ring is full: what is to do stays marked and the connection stays in the worker's list.
 */
#pragma once

#include "mux/stream.h"
#include "payload/msg.h"

#include <sys/queue.h>

struct kg_shortcut;
struct kg_side;
struct kg_worker;
struct kg_worker_link;

enum kg_conn_todo {
	KG_CONN_CONNECT = 1 << 0,  /* ask the payload thread to dial */
	KG_CONN_ATTACHED = 1 << 1, /* answer an accepted flow */
	KG_CONN_CREDIT = 1 << 2,   /* let the application send more */
	KG_CONN_DATA = 1 << 3,     /* the stream may have messages for the application */
	KG_CONN_FINISH = 1 << 4,   /* the peer's application has ended, after all data */
	KG_CONN_CLOSE = 1 << 5,    /* the flow ends, after all data */
};

#define KG_BURSTS_MAX 255u /* connections of a worker that burst at a time */

struct kg_conn {
	STAILQ_ENTRY(kg_conn) link; /* in the worker's list while todo != 0 */
	struct kg_side *side;
	struct kg_stream stream;
	struct kg_shortcut *shortcut; /* past Linux; NULL: none */
	void *flow;                   /* the payload thread's; NULL until it has dialled */
	struct kg_target *target;     /* the client's wish, until it is dialled; NULL: none */
	int16_t credit;       /* segments the application may still send; below 0: it sent more */
	uint16_t outstanding; /* buffers at the payload thread */
	uint8_t payload;      /* index of the thread that has the flow */
	uint8_t todo;         /* enum kg_conn_todo; not 0: in the list */
	uint8_t burst;        /* 1 + place in the worker's table of bursts; 0: none */
	bool streaming : 1;   /* there is a stream: not when opening one failed */
	bool dialling : 1;    /* CONNECT sent, no answer yet */
	bool ended : 1;       /* ops.closed has been told */
	bool reset : 1;       /* the end was not an orderly one */
	bool close_told : 1;  /* CLOSE sent: nothing more for the flow */
};
_Static_assert(sizeof(struct kg_conn) <= 64, "there are as many as idle channels");
STAILQ_HEAD(kg_conn_list, kg_conn);

/* Marks work; stage/deliver.c does it. */
void kg_conn_mark(struct kg_conn *conn, unsigned int todo);
/* Must not be in the worker's list. */
void kg_conn_destroy(struct kg_conn *conn);

/* What is marked, told to the payload thread. False: the ring to it is full, try again. */
bool kg_conn_tell_connect(struct kg_conn *conn);
bool kg_conn_tell_attached(struct kg_conn *conn);
bool kg_conn_tell_credit(struct kg_conn *conn);
bool kg_conn_tell_finish(struct kg_conn *conn);
bool kg_conn_tell_close(struct kg_conn *conn);

/* What became of a message on one of the ways to its application. */
enum kg_conn_taken {
	KG_CONN_TAKEN,
	KG_CONN_OTHER_WAY, /* not on this one */
	KG_CONN_STALLED,   /* the application has not taken what it has: it will say so */
	KG_CONN_RING_FULL, /* try again */
};
/* The stream's next message, to the payload thread: the way that every connection has. */
enum kg_conn_taken kg_conn_tell_data(struct kg_conn *conn);

/* OPENs for which there was no memory, as many as one burst of messages holds: every one must be
 * answered, so no more is taken from the ring before these are told. False while they are not. */
#define KG_CONN_REFUSED_MAX 64
bool kg_conn_tell_refused(struct kg_worker *w);

/* A message of the payload thread about a connection of ours. */
void kg_conn_open(struct kg_worker *w, const struct kg_msg *msg);
void kg_conn_connected(struct kg_worker *w, const struct kg_msg *msg);
void kg_conn_refused(struct kg_worker *w, const struct kg_msg *msg);
void kg_conn_data(struct kg_worker *w, const struct kg_msg *msg);
void kg_conn_credit(struct kg_worker *w, const struct kg_msg *msg);
void kg_conn_lost(struct kg_worker *w, const struct kg_msg *msg);
void kg_conn_finish(struct kg_worker *w, const struct kg_msg *msg);
void kg_conn_abort(struct kg_worker *w, const struct kg_msg *msg);
void kg_conn_released(struct kg_worker *w, const struct kg_msg *msg);

/* An end of a channel that the log tells of, one by one. */
bool kg_conn_is_failure(const struct kg_side *side, enum kg_close why);
/* To the tunnel's journal, where there is one: a channel has begun; it has ended, and all was well.
 */
void kg_conn_tell_opened(struct kg_side *side, const struct kg_channel_info *info);
void kg_conn_tell_ended(struct kg_side *side, const struct kg_channel_info *info,
			enum kg_close why);
/* To the log: a channel that is not one connection's has ended. */
void kg_conn_report_channel(const struct kg_side *side, const struct kg_channel_info *info,
			    enum kg_close why, const char *text);

/* What streams need of their host; `host` is a struct kg_side. */
extern const struct kg_stream_ops kg_conn_stream_ops;
