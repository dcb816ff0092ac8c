/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the payload thread share. payload.c is its loop, and life.c makes what it has.
 * A flow and its socket end each other, so what stands below is one thing in several files:
 *
 *   flow.c                      a flow's life, and its messages to its worker
 *   dial.c                      a flow on its way to a target
 *   gate.c, listen.c            a tunnel's life on the thread, and its sockets that listen
 *   kept.c                      these, from one gate to the next
 *   tcp.c, tcp_accept.c         TCP
 *   udp.c, udp_rx.c, udp_tx.c   UDP, and its datagrams either way
 *   udp_sources.c               who talks to a listening UDP socket
 *   udp_loss.c, udp_room.c      what sockets on this host had no room for, and what they have
 *   udp_hold.c                  what waits for it
 *   udp_doubt.c                 answers to sources that may be made up
 *   source.c                    descriptors in epoll, rings to workers, buffers to read into
 *   quiet.c                     whether there is so little to do that a worker can do it as well
 *
 * A source is a descriptor that epoll watches edge-triggered, registered once: events are collected
 * in `events` and stay there until the source has used them up. A source with something to do
 * stands in the ready list; the loop serves each a bounded piece in turn, so that no flow starves
 * another.
 *
 * A flow is one application's TCP connection or UDP conversation, and its side of the life cycle in
 * payload/msg.h. What differs between the protocols is in struct kg_flow_ops; tcp.c and udp.c call
 * back into flow.c. Messages to the worker other than DATA are bits in `pending`. When its ring is
 * full they stay there, and the flow in its link's list, until there is room: nothing is lost,
 * nothing blocks, and the list costs no memory. Bits go out in the order of enum kg_msg_type, which
 * is the order of life.
 */
#pragma once

#include "base/slots.h"
#include "payload/kept.h"
#include "payload/payload.h"
#include "payload/socket.h"
#include "thread/loan.h"

#include <rte_hash.h>
#include <rte_ring_elem.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#define KG_READ_BUFS   32 /* buffers one system call fills at most */
#define KG_INPUT_BURST 64 /* messages taken from a ring at once */

enum kg_served {
	KG_SERVED_IDLE,    /* nothing to do until an event or a message; the source may be gone */
	KG_SERVED_MORE,    /* serve again */
	KG_SERVED_STALLED, /* serve again after a moment: a ring is full or buffers are short */
};

struct kg_source {
	TAILQ_ENTRY(kg_source) ready_link;
	enum kg_served (*serve)(struct kg_payload *p, struct kg_source *source);
	int fd;
	uint32_t events; /* EPOLL…, seen and not yet used up */
	bool ready;      /* is in the ready list */
};

TAILQ_HEAD(kg_source_list, kg_source);

struct kg_flow;
TAILQ_HEAD(kg_flow_list, kg_flow);

/* One worker, seen from here. */
struct kg_link {
	struct kg_payload_link *rings;
	struct kg_flow_list pending; /* flows with messages that found the ring full */
	struct kg_msg input[KG_INPUT_BURST];
	unsigned int input_next, input_count; /* messages of `input` not yet dealt with */
	bool posted;                          /* since the worker was last woken */
};

/* Flows that must be done with something within a fixed time: the oldest is first. */
struct kg_deadlines {
	struct kg_flow_list flows;
	uint64_t span_us;
	unsigned int count;
};

struct kg_listener {
	struct kg_source source;
	struct kg_gate *gate;
	uint32_t number;                /* no other of the thread has had it */
	const struct kg_target *target; /* NULL: the server knows */
	struct kg_endpoint at;
	bool any; /* UDP: bound to no address, so each datagram tells which one it came to */
};

struct kg_gate {
	struct kg_payload_tunnel tunnel;
	struct kg_listener *listeners; /* places for TCP and UDP of each */
	unsigned int listener_count;
	unsigned int flows; /* that point to it */
	bool open, is_shut;
	uint64_t cut_us;           /* shut: when its flows are cut off */
	TAILQ_ENTRY(kg_gate) link; /* among those that are shut, or forgotten */
};

TAILQ_HEAD(kg_gate_list, kg_gate);

struct kg_udp_holds {
	TAILQ_HEAD(, kg_udp_hold) all;       /* whose turn is next is first */
	LIST_HEAD(, kg_udp_room) rooms[256]; /* by the names of sockets */
	uint64_t span_us; /* that datagrams wait for room before some go without */
};

/* How much has been moved of late. */
struct kg_quiet {
	uint64_t level; /* bytes */
	uint64_t moved; /* bytes of sockets, and what datagrams count, up to */
	uint64_t at_us;
	uint64_t left_us; /* home, last */
	uint64_t stay;    /* the level of the last return */
};

struct kg_payload {
	struct kg_payload_config config; /* arrays of the caller's are copied, or NULL */
	struct kg_loan loan;             /* of all that follows but `stop` */
	struct kg_payload_stats stats;
	atomic_bool stop;
	struct kg_source waker;
	int epoll_fd;
	int spare_fd; /* closed when there is no other, to let a connection in; -1: lost meanwhile
		       */
	uint64_t now_us, worked_us; /* this turn; the last turn that did something */
	uint32_t working_turns;     /* that did something, since the last sleep */
	bool worked;                /* this turn did something */
	struct kg_quiet quiet;

	struct kg_link *links;
	unsigned int next_link; /* of the next OPEN */
	struct kg_source_list ready;
	unsigned int ready_count;
	struct kg_flow_list flows;
	struct kg_deadlines connecting, draining;
	struct kg_deadlines trying; /* a name is resolved, or one of several addresses tried */

	struct kg_slots gates;         /* struct kg_gate, by the tunnel's id */
	struct kg_gate_list shut;      /* that are still to be cut; the first is next */
	struct kg_gate_list forgotten; /* that have flows, which still write */
	struct rte_ring *gate_mail;    /* struct kg_gate_mail, from the control thread */
	uint32_t listener_number;      /* of the next listener */
	struct kg_udp_rx *udp_rx;
	struct kg_udp_tx *udp_tx;
	struct kg_udp_sources *udp_sources;
	struct kg_udp_loss *udp_loss;
	struct kg_udp_doubt *udp_doubt;
	struct kg_udp_holds udp_holds;

	struct kg_buf *spare[KG_READ_BUFS]; /* large buffers, to read into */
	unsigned int spare_count;
	uint16_t spare_bytes;
};

/* ---- payload.c ---- */

/* Without work just now, but in a stream: the next comes at once, and who waits for it awake spares
 * the worker the waking. A question that was passed on is answered by others, who need the CPU. */
bool kg_payload_spins(const struct kg_payload *p);

/* ---- life.c ---- */

/* Leaves nothing but what the rings hold, which the links' owner frees. */
void kg_payload_close_all(struct kg_payload *p);

/* ---- quiet.c ---- */

/* After a turn. */
void kg_quiet_count(struct kg_payload *p, bool worked);
/* It is lent, and comes home: then it is not quiet for a while, whatever comes. */
void kg_quiet_leave(struct kg_payload *p);
void kg_quiet_return(struct kg_payload *p);
bool kg_quiet_is_stream(const struct kg_payload *p);
/* When it will be quiet, if nothing comes; 0: it is now. */
int kg_quiet_in_ms(const struct kg_payload *p);

/* ---- source.c: sources ---- */

/* Takes fd over and watches it. 0, or -errno: then fd is still the caller's. */
int kg_source_open(struct kg_payload *p, struct kg_source *source, int fd, uint32_t events);
/* Nothing is done for a source that is not open. */
void kg_source_close(struct kg_payload *p, struct kg_source *source);
/* The same, but the descriptor is the caller's; -1: it has none. */
int kg_source_let_go(struct kg_payload *p, struct kg_source *source);
/* Will be served in this turn or the next. */
void kg_source_wake(struct kg_payload *p, struct kg_source *source);

/* A descriptor that is good for nothing but its place; -1 when there is none. */
int kg_source_spare_fd(const struct kg_payload *p);

/* ---- source.c: buffers to read into ---- */

/* Up to KG_READ_BUFS large buffers; less when the pool runs dry, 0 is counted. Those that are not
 * used go back by kg_spare_put. */
unsigned int kg_spare_take(struct kg_payload *p, struct kg_buf **bufs, unsigned int count);
void kg_spare_put(struct kg_payload *p, struct kg_buf *buf);
/* A large buffer holds `len` bytes: returns what to pass on, a small buffer if they fit in one. */
struct kg_buf *kg_spare_fit(struct kg_payload *p, struct kg_buf *buf, uint16_t len);
/* Those that are ready go. */
void kg_spare_drop(struct kg_payload *p);

/* ---- source.c: messages to workers ---- */

/* Messages that certainly find room. */
static inline unsigned int kg_link_room(const struct kg_link *link)
{
	return rte_ring_free_count(link->rings->to_worker);
}
/* All or nothing; false is counted. */
bool kg_link_post(struct kg_payload *p, struct kg_link *link, const struct kg_msg *msgs,
		  unsigned int count);

enum kg_flow_state {
	KG_FLOW_OPENING,    /* client: OPEN is sent, the worker has not answered */
	KG_FLOW_CONNECTING, /* server: a name is resolved, TCP connects */
	KG_FLOW_RUNNING,
	KG_FLOW_DRAINING, /* the worker has closed: TCP writes what is queued, and waits */
	KG_FLOW_OVER,     /* the socket is gone; the flow lives until nothing is pending */
};

/* Whom a client's UDP flow talks to. A key of the hash table: bytes between fields are 0. */
struct kg_udp_peer {
	union kg_sockaddr remote;
	struct in6_addr local;  /* where datagrams came to, v4 in the first 4 bytes; 0: as bound */
	uint32_t local_ifindex; /* for an address that has meaning on one link only */
	uint32_t listener;      /* index */
};

struct kg_flow {
	struct kg_source source; /* a client's UDP flow has no descriptor of its own */
	TAILQ_ENTRY(kg_flow) flow_link, pending_link, deadline_link, loss_link;
	struct kg_deadlines *deadlines; /* the one it is in, or NULL */
	uint64_t deadline_us;
	const struct kg_flow_ops *ops;
	struct kg_link *link;
	struct kg_gate *gate;
	const struct kg_payload_tunnel *tunnel; /* the gate's */
	void *conn;                             /* the worker's; NULL until it is known */
	uint8_t protocol, state;
	bool is_pending; /* in the link's list */
	bool rx_ended;   /* nothing more comes from the application */
	bool tx_ended;   /* nothing more can go to the application */
	bool fin_seen;   /* TCP: the application's end arrived in order */
	bool cut_off;    /* TCP: it failed before that */
	bool shut_due;   /* TCP: our end goes behind what is queued */
	bool shut;       /* TCP: our end was sent */
	bool abort_due;  /* TCP: ABORT waits for ATTACHED */
	bool reset_due;  /* TCP: draining ends with a reset */
	bool unheard;    /* TCP of a server: connected, and its first credit is on its way */
	bool no_trains;  /* UDP: the kernel does not take several datagrams at once */
	bool answered;   /* UDP: the application was sent something */
	bool conversed;  /* UDP: and has said something since */
	/* UDP: Linux is to be asked what the application has lost (udp_loss.c); it knows nothing */
	bool loss_due, elsewhere;
	uint8_t in_row;           /* UDP: sent of late */
	uint32_t drops;           /* of the application's socket at the last question */
	uint64_t asked_us;        /* when that was; 0: never */
	uint64_t burst_us;        /* UDP: when it was last sent a burst; 0: never */
	uint64_t row_us;          /* since when `in_row` counts, which ends at a burst */
	struct kg_udp_hold *hold; /* UDP: what waits for room there; NULL: nothing does */
	uint32_t pending;         /* 1 << enum kg_msg_type */
	int error;                /* for REFUSED: errno or enum kg_refusal */
	int32_t credit;           /* segments that may go to the worker */
	uint32_t owed;            /* segments to give back with the next CREDIT */
	/* Messages on their way: TCP, and UDP that is held, toward the application; UDP toward a
	 * worker that has not answered yet. The first buffer of each has the number of its buffers
	 * in `mark`. */
	struct kg_buf *queue, **queue_tail;
	uint32_t queued;                    /* buffers */
	uint32_t untaken;                   /* TCP, draining: bytes the socket held */
	const struct kg_target *mapped;     /* of a client: for OPEN */
	struct kg_endpoint destination;     /* of a server */
	struct kg_dial *dial;               /* of a server: how it gets there; NULL: settled */
	const struct kg_listener *listener; /* UDP of a client */
	struct kg_udp_peer peer;
	struct kg_tuple tuple; /* UDP, if workers want to know; else local.ip.version is 0 */
};

struct kg_flow_ops {
	/* Server: connect to flow->destination, then kg_flow_connected or kg_flow_refuse, now or
	 * later. */
	void (*dial)(struct kg_payload *p, struct kg_flow *flow);
	/* A message for the application. Takes the chain. */
	void (*output)(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain);
	/* The worker has answered, or given credit. */
	void (*resume)(struct kg_payload *p, struct kg_flow *flow);
	/* The other side's application has ended: ours is told, after what is queued. */
	void (*end_output)(struct kg_payload *p, struct kg_flow *flow);
	/* The worker's last word: finish what is queued, then kg_flow_end, now or later. */
	void (*finish)(struct kg_payload *p, struct kg_flow *flow, bool reset);
	/* Lets go of the socket. */
	void (*close)(struct kg_payload *p, struct kg_flow *flow, bool reset);
};

extern const struct kg_flow_ops kg_tcp_ops, kg_udp_ops;

/* ---- life ---- */

/* A flow of no worker yet: NULL when memory is short. */
struct kg_flow *kg_flow_create(struct kg_payload *p, struct kg_gate *gate,
			       enum kg_protocol protocol);
/* One more socket of the protocol may be opened. */
bool kg_flow_has_socket_room(const struct kg_payload *p, enum kg_protocol protocol);
/* Takes its socket over, 0 or -errno, and closes it. */
int kg_flow_open_socket(struct kg_payload *p, struct kg_flow *flow, int fd, uint32_t events);
void kg_flow_close_socket(struct kg_payload *p, struct kg_flow *flow);
/* Server: connects to flow->destination, or refuses. The flow may be gone after it. */
void kg_flow_dial(struct kg_payload *p, struct kg_flow *flow);
/* Offers it to a worker. */
void kg_flow_open(struct kg_payload *p, struct kg_flow *flow);
void kg_flow_connected(struct kg_payload *p, struct kg_flow *flow);
/* It could not connect. Where it has another address to go to it goes on, else it is refused. */
void kg_flow_refuse(struct kg_payload *p, struct kg_flow *flow, int error);
/* Lets go of the socket and of what is queued. The flow may be gone after it. */
void kg_flow_end(struct kg_payload *p, struct kg_flow *flow, bool reset);
/* At stop: whatever the worker thinks of it, the flow is gone after it. */
void kg_flow_destroy(struct kg_payload *p, struct kg_flow *flow);

/* ---- worker side ---- */

/* Does what a message says. False: not now, give it again later. */
bool kg_flow_input(struct kg_payload *p, struct kg_link *link, const struct kg_msg *msg);
/* Sends a message without buffer, now or as soon as the ring has room. */
void kg_flow_post(struct kg_payload *p, struct kg_flow *flow, enum kg_msg_type type);
/* Sends what a full ring has put off; false when it still is full. */
bool kg_link_post_pending(struct kg_payload *p, struct kg_link *link);
/* `segments` have left for the application, or are thrown away. */
void kg_flow_taken(struct kg_payload *p, struct kg_flow *flow, uint32_t segments);
/* A DATA message for the worker. */
struct kg_msg kg_flow_data(const struct kg_flow *flow, struct kg_buf *chain, uint32_t charge);

/* ---- queue, deadlines ---- */

void kg_flow_enqueue(struct kg_flow *flow, struct kg_buf *chain);
/* Takes the first buffer off the queue; NULL when it is empty. */
struct kg_buf *kg_flow_dequeue(struct kg_flow *flow);
/* Takes the first message off the queue, which is not empty, and tells its buffers. */
struct kg_buf *kg_flow_dequeue_chain(struct kg_flow *flow, uint32_t *bufs);
/* The flow is given the span of `deadlines` from now on. */
void kg_flow_arm(struct kg_payload *p, struct kg_flow *flow, struct kg_deadlines *deadlines);
void kg_flow_disarm(struct kg_flow *flow);

/* ---- dial.c ---- */

#define KG_DIAL_TRIES 4 /* addresses of a name that are tried at most, and share the time */

/* Connects a server's flow to a target. `target`: good during the call. */
void kg_dial_begin(struct kg_payload *p, struct kg_flow *flow, const struct kg_target *target);
/* Tries the next address; false when there is none. The flow may be gone after true. */
bool kg_dial_next(struct kg_payload *p, struct kg_flow *flow);
/* How long a flow may connect. */
struct kg_deadlines *kg_dial_deadlines(struct kg_payload *p, const struct kg_flow *flow);
/* That time is over. */
void kg_dial_expire(struct kg_payload *p, struct kg_flow *flow);
/* Connected, or gone. Harmless when nothing was begun. */
void kg_dial_end(struct kg_flow *flow);

/* ---- gate.c ---- */

/* The ring of orders. Destroy forgets all gates, whose flows are gone. */
bool kg_gates_create(struct kg_payload *p);
void kg_gates_destroy(struct kg_payload *p);
/* Does what is ordered; true when something was. */
bool kg_gates_input(struct kg_payload *p);
/* What applications have not taken in time is thrown away, and gates whose last flow has gone. */
void kg_gates_expire(struct kg_payload *p);
/* When that will be; KG_NEVER_US. */
uint64_t kg_gates_due_us(const struct kg_payload *p);
/* As KG_GATE_OPEN. */
bool kg_gate_open(struct kg_payload *p, struct kg_gate *gate);

/* ---- listen.c ---- */

/* What a gate is made with. */
struct kg_gate_making {
	const struct kg_payload_config *config;
	struct kg_kept_list *kept; /* NULL: none */
	char *error;               /* for a text, when it fails */
	size_t error_bytes;
};

/* False with a text in `error`; close takes what there is. Nobody watches them. */
bool kg_listeners_open(struct kg_gate *gate, const struct kg_gate_making *making);
void kg_listeners_close(struct kg_gate *gate);
/* False: no memory. */
bool kg_listeners_watch(struct kg_payload *p, struct kg_gate *gate);
/* No connection comes in any more; UDP sockets stay for the flows that they have. */
void kg_listeners_shut(struct kg_payload *p, struct kg_gate *gate);
void kg_listeners_unwatch(struct kg_payload *p, struct kg_gate *gate);
/* Another gate may have them, as in struct kg_gate_mail. */
void kg_listeners_keep(struct kg_payload *p, struct kg_gate *gate, struct kg_kept_socket *kept);

/* ---- tcp.c, tcp_accept.c, udp.c, udp_sources.c, udp_tx.c ---- */

enum kg_served kg_tcp_serve_listener(struct kg_payload *p, struct kg_source *source);
/* Makes a connected socket, or one that connects, the flow's. 0, or -errno: then it is closed. */
int kg_tcp_take_socket(struct kg_payload *p, struct kg_flow *flow, int fd);
/* As if the application had gone. */
void kg_tcp_cut_off(struct kg_payload *p, struct kg_flow *flow);
/* Draining has taken its time: the flow ends, unless the application has taken something since. */
void kg_tcp_lose_patience(struct kg_payload *p, struct kg_flow *flow);
enum kg_served kg_udp_serve_listener(struct kg_payload *p, struct kg_source *source);

/* Scratch memory and the table of sources; false when memory is short, destroy takes what there is.
 */
bool kg_udp_create(struct kg_payload *p);
void kg_udp_destroy(struct kg_payload *p);
/* Sends the datagrams that kg_udp_ops.output has gathered. */
void kg_udp_flush(struct kg_payload *p);

/* ---- udp_rx.c ---- */

struct kg_udp_rx;
struct kg_udp_rx *kg_udp_rx_create(void);
void kg_udp_rx_destroy(struct kg_udp_rx *rx);

/* Whose a datagram is, by where it came from and to; NULL: nobody's, it is dropped and counted. */
typedef struct kg_flow *kg_udp_whose(struct kg_payload *p, struct kg_source *source,
				     struct msghdr *msg);

/* Reads a batch from the source's socket and passes each datagram on to whose it is; `tunnel` is
 * that of all of them. */
enum kg_served kg_udp_receive(struct kg_payload *p, struct kg_source *source,
			      const struct kg_payload_tunnel *tunnel, kg_udp_whose *whose);
/* To the worker, which has answered. Takes the chain of `segments` buffers. */
void kg_udp_post(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain,
		 uint32_t segments);

/* ---- udp_tx.c ---- */

struct kg_udp_tx;
struct kg_udp_tx *kg_udp_tx_create(void);
void kg_udp_tx_destroy(struct kg_udp_tx *tx);

/* What all that is gathered costs. */
int64_t kg_udp_gathered(const struct kg_payload *p, int64_t (*cost_of)(size_t datagram_bytes));
/* Gathers a datagram for the application; kg_udp_flush sends. Takes the chain. */
void kg_udp_send(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain);

/* ---- udp_sources.c ---- */

struct kg_udp_sources;
/* Its share of the sources that all payload threads together may have. */
struct kg_udp_sources *kg_udp_sources_create(unsigned int threads);
void kg_udp_sources_destroy(struct kg_udp_sources *sources);
void kg_udp_sources_remove(struct kg_udp_sources *sources, const struct kg_flow *flow);

/* ---- udp_loss.c ---- */

struct kg_udp_loss;
struct kg_udp_memory;
/* NULL when memory is short; without the kernel's help nothing is asked. */
struct kg_udp_loss *kg_udp_loss_create(void);
void kg_udp_loss_destroy(struct kg_udp_loss *loss);

/* It may have lost some. */
void kg_udp_loss_suspect(struct kg_payload *p, struct kg_flow *flow);
/* The flow's socket goes. */
void kg_udp_loss_forget(struct kg_payload *p, struct kg_flow *flow);
/* Asks for one flow, if it is time. */
void kg_udp_loss_turn(struct kg_payload *p);
/* When to take a turn; KG_NEVER_US: nobody is to be asked for. */
uint64_t kg_udp_loss_next_us(const struct kg_payload *p);
/* What Linux says of the socket of the flow's receiver; false: it knows none, flow->elsewhere. */
bool kg_udp_loss_ask(struct kg_payload *p, struct kg_flow *flow, struct kg_udp_memory *memory);

/* ---- udp_doubt.c ---- */

struct kg_udp_doubt;
/* NULL when memory is short; without the kernel's help strangers have half of the room. */
struct kg_udp_doubt *kg_udp_doubt_create(void);
void kg_udp_doubt_destroy(struct kg_udp_doubt *doubt);
/* Whether a datagram for the flow's application may take room in its socket. */
bool kg_udp_doubt_lets(struct kg_payload *p, const struct kg_flow *flow);

/* ---- udp_room.c ---- */

/* Shared by flows to one socket; NULL when Linux knows none, or memory is short. */
struct kg_udp_room *kg_udp_room_get(struct kg_payload *p, struct kg_flow *flow);
void kg_udp_room_put(struct kg_udp_room *room);
/* For a datagram of so many bytes, which is to be sent now; false: there is none. `room`: the
 * flow's, which is another one when its receiver has a new socket. */
bool kg_udp_room_take(struct kg_payload *p, struct kg_udp_room **room, struct kg_flow *flow,
		      size_t bytes);

/* ---- udp_hold.c ---- */

void kg_udp_holds_init(struct kg_udp_holds *holds);
/* False: the datagram goes now. Else it was taken. */
bool kg_udp_hold(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain);
/* Sends what there is room for, and some of what has been held for long. */
void kg_udp_holds_turn(struct kg_payload *p);
/* When to take a turn; KG_NEVER_US: nothing is held. */
uint64_t kg_udp_holds_next_us(const struct kg_payload *p);
/* Sends what is held of a flow, or of all, whatever becomes of it. */
void kg_udp_hold_end(struct kg_payload *p, struct kg_flow *flow);
void kg_udp_holds_end(struct kg_payload *p);
