/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One tunnel on one worker: its handshakes and its channels (docs/wire.md §2, §4). Pure protocol:
 * time, memory, randomness and local ports come in; datagrams are pulled out. One owner thread.
 *
 *   client                                        server
 *   kg_session_open ──► initialise (conv 0) ────► ops.connect ──► kg_channel_connected | _refused
 *   ops.opened      ◄── answer with uid     ◄──── (channel, conv = uid)
 *   kg_channel_send ◄─► data channel, on a path ◄─► kg_channel_send
 *   kg_channel_finish ──► finish: one direction has ended ──► ops.finished, and back
 *   ops.closed      ◄── disconnect, failure, time-out ──► ops.closed
 *
 * Without KCP (`bare`) there is no handshake: a client's channel is open when it is made, and a
 * server's begins with the first datagram of an application.
 *
 * A channel lives until its host calls kg_channel_free after ops.closed: late events of the host
 * never meet a channel that is gone.
 */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/drop.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/rng.h"
#include "base/seen.h"
#include "base/twheel.h"
#include "fec/fec.h"
#include "kcp/kcp.h"
#include "net/addr.h"
#include "net/pmtu.h"
#include "net/port_range.h"
#include "net/role.h"
#include "wire/message.h"
#include "wire/target.h"

struct kg_session_config {
	enum kg_role role;
	/* The wire has no KCP: channels are UDP flows, whose datagrams go as they are (bare.h). Of
	 * kcp its mtu counts, from which buffers have their size. */
	bool bare;
	/*
	 * conv is chosen per channel. first_sn and ts_offset_ms are 0 but in tests of wrap-around:
	 * both ends must start at the same sn, and a random clock offset is chosen per channel.
	 */
	struct kg_kcp_params kcp;
	struct kg_fec *fec;                 /* NULL: off. The caller's, of kg_session_fec_content */
	uint64_t outbound_Bps, inbound_Bps; /* bytes per second; 0: not set */
	uint32_t udp_timeout_s;
	uint32_t udp_deadline_ms; /* datagrams that are as old are not sent any more; 0: all are */
	bool udp_arrival;         /* datagrams do not wait for others that are missing */
	uint32_t keep_alive_s;    /* 0: off */
	uint16_t worker, workers; /* this worker's number and how many there are */
	uint32_t channels_max;
	/* Of these: UDP channels; channels that have not proved themselves (proof.c), of UDP and of
	 * the rest each. 0: no limit of their own */
	uint32_t udp_max, doubted_max;
	uint32_t capabilities; /* KG_CAPABILITY_… that we announce */
	/* client: how long to wait, from the last data on, for what the server still has to say
	 * when the application has ended and the server knows no half-close; 0: not at all */
	uint32_t answer_wait_s;
	/* client: where to; one address is chosen at random for every handshake and its channel,
	 * one port for each of them. No address: none is known yet, and nothing can be opened. The
	 * arrays stay the caller's until others take their place, or the session ends. */
	const struct kg_ip *destinations;
	uint16_t destination_count;
	const struct kg_port_range *destination_ports; /* sorted, disjoint */
	uint16_t destination_port_count;
	/* The longest IP packets that are tried; 0: nobody asks what passes. `set`: they do, it is
	 * known. What surrounds a body: envelope and seal. */
	uint16_t path_mtu_max;
	bool path_mtu_set;
	uint16_t seal_bytes;
	/* client: seconds between hops of a path (hop.h), by chance; 0: never */
	uint32_t hop_min_s, hop_max_s;
	/* client: so many 5-tuples at once (spread.h), up to KG_LEDGER_ROWS; 0: one, and no ledger.
	 * With kcp.rate_auto */
	uint8_t spread;
	/* server: what the answer announces; 0, 0 when the listen ports have gaps */
	uint16_t announce_first, announce_last;
	/* server: clients say where to. Who names no target, or none that can be read, is refused;
	 * without this what clients name is ignored, as the original does */
	bool custom_targets;
	/* server: what clients name goes on to another server, and they need not name any */
	bool passed_targets;
};

struct kg_session;
struct kg_channel;

/* What FEC has to know of a session's datagrams; for kg_fec_create. */
extern const struct kg_fec_content kg_session_fec_content, kg_session_bare_fec_content;

#define KG_CLOSE_LIST(X)                                                                          \
	X(FINISHED, "finished", "we ended it, or both have; everything was acknowledged")         \
	X(PEER, "peer", "the peer sent disconnect; all data before it was readable")              \
	X(REFUSED, "refused", "the server reported failure")                                      \
	X(HANDSHAKE, "handshake", "no answer within 30 s")                                        \
	X(SILENCE, "silence",                                                                     \
	  "no input from the peer for 255 s; of a mux channel 31 s, on a server 40 s")            \
	X(IDLE, "idle", "UDP flow silent for udp_timeout")                                        \
	X(ABORTED, "aborted", "the application's side ended at once, or the linger time ran out") \
	/* An end that knows no half-close says PEER instead */                                   \
	X(RESET, "reset", "the peer aborted")                                                     \
	X(NO_ROUTE, "no_route", "client: the host knows no way to the server")                    \
	X(UNHEARD, "unheard", "server: answered, and nothing came from the client")               \
	X(GAVE_WAY, "gave_way", "unproven, and the oldest of too many")                           \
	X(FORGOTTEN, "forgotten", "the peer is there, and has lost its state")                    \
	X(EXHAUSTED, "exhausted", "sn space nearly used up, or out of memory")

enum kg_close {
#define KG_CLOSE_ENUM(id, name, help) KG_CLOSE_##id,
	KG_CLOSE_LIST(KG_CLOSE_ENUM)
#undef KG_CLOSE_ENUM
	KG_CLOSE_COUNT
};

/*
 * What the host does for a session. All are called from within kg_session_* and kg_channel_*
 * functions or timers of the wheel; none may free the channel except where said.
 */
struct kg_session_ops {
	/*
	 * Client: a local UDP port to talk to `remote` from, 0 when none is left. `alone`: one that
	 * nobody uses; otherwise lines may share it, but for several calls in a row it should not
	 * be the same. Released once for each time it was acquired.
	 */
	uint16_t (*port_acquire)(void *host, const struct kg_endpoint *remote, bool alone);
	void (*port_release)(void *host, uint16_t port);
	/* Client: a port that was acquired alone may be shared from now on. */
	void (*port_share)(void *host, uint16_t port);
	/* Server: connect to the target of this channel; answer with kg_channel_connected or
	 * kg_channel_refused, now or later. `target`: where to, good during the call; NULL without
	 * custom_targets, or where with passed_targets the client names none. */
	void (*connect)(void *host, struct kg_channel *ch, const struct kg_target *target);
	/* Client: the server has accepted; data queued before now flows. */
	void (*opened)(void *host, struct kg_channel *ch);
	/* A message can be taken with kg_channel_recv; told again only after recv returned NULL. */
	void (*readable)(void *host, struct kg_channel *ch);
	/* `segments` more were acknowledged and freed: the application may send on. 0: the room may
	 * have become another, more or less. */
	void (*acked)(void *host, struct kg_channel *ch, uint32_t segments);
	/* Server: how many buffers that have come from the channel the host still has; may be NULL.
	 */
	uint32_t (*held)(void *host, const struct kg_channel *ch);
	/* The peer's application has ended and all its data was taken; ours may still send. Not
	 * told when the end comes as ops.closed. */
	void (*finished)(void *host, struct kg_channel *ch);
	/*
	 * Over; told once. For KG_CLOSE_PEER all data before the disconnect was taken with
	 * kg_channel_recv, and this may be told from within that call; otherwise what is left can
	 * still be taken. The host calls kg_channel_free when its side has let go, from within or
	 * later. `text` (may be empty) is the server's words for KG_CLOSE_REFUSED.
	 */
	void (*closed)(void *host, struct kg_channel *ch, enum kg_close why, const char *text);
	/* Client: nothing comes from that address of the server, though data waits and tests ask
	 * for it. Told seldom. May be NULL. */
	void (*silent)(void *host, const struct kg_ip *server);
	/* What passes to a peer was found out, or has changed. May be NULL. */
	void (*path_mtu)(void *host, const struct kg_ip *peer, uint16_t mtu, enum kg_pmtu_how how);
	/* Client: what was at `from` goes on at `to`; `reason`: enum kg_hop_reason. May be NULL. */
	void (*hopped)(void *host, const struct kg_tuple *from, const struct kg_tuple *to,
		       unsigned int reason);
	/* Client: so many bytes per second arrive on this 5-tuple and no more, and on the others it
	 * is not so: what leaves on it is less from now on. May be NULL. */
	void (*policed)(void *host, const struct kg_tuple *at, uint64_t limit_Bps);
	/* Server: the peer of a channel goes on from another address. May be NULL. */
	void (*moved)(void *host, uint32_t conv, const struct kg_endpoint *from,
		      const struct kg_endpoint *to);
};

/* What a session lives on. All of it is the host's, and outlives the session. */
struct kg_supplies {
	struct kg_mem *mem;
	struct kg_buf_pool *pool;
	struct kg_twheel *wheel;
	struct kg_rng *rng;
	struct kg_seen *seen; /* shared by all workers of a server tunnel; NULL on clients */
};

struct kg_session *kg_session_create(const struct kg_session_config *config,
				     const struct kg_session_ops *ops, void *host,
				     const struct kg_supplies *supplies, uint64_t now_us);
/* Frees all channels without a word to anyone. */
void kg_session_destroy(struct kg_session *s);

/* ---- network side ---- */

#define KG_DATAGRAM_WHOLE UINT16_MAX

/* A datagram between envelope and KCP. */
struct kg_datagram {
	struct kg_endpoint local; /* client output: ip.version 0, the host fills the address in */
	struct kg_endpoint remote;
	uint8_t *data; /* the body: KCP segments, with FEC a shard; input overwrites its header */
	uint16_t len;
	uint16_t mtu;    /* output: of the path, IP packets; longer ones go in pieces. 0: not known.
			  * KG_DATAGRAM_WHOLE: a probe */
	uint64_t digest; /* input: hash of the sealed bytes; knows an exact copy again */
	/* input: seconds since it was stamped; below 0 its sender's clock is ahead */
	int16_t age_s;
	/* input: so many other workers do not know its conv, either (kg_session_passes_on) */
	uint8_t passed;
	/* input: makes a buffer of `len` bytes of the body, once, without a copy; from then on they
	 * are the buffer's. NULL when it cannot. Itself NULL: never */
	struct kg_buf *(*keep)(const struct kg_datagram *in, uint8_t *bytes, uint16_t len);
};

/*
 * Takes a body. Bytes are copied, or kept (in->keep). Anything but KG_DROP_NONE names why it was
 * thrown away; then nothing was allocated and no state was changed.
 */
enum kg_drop kg_session_input(struct kg_session *s, const struct kg_datagram *in, uint64_t now_us);

/*
 * Next datagram that is due: fills `out` and out->len bytes at out->data (room for kcp.mtu and
 * kg_framing_overhead_bytes, given by the caller). False when none is due. A session with nothing
 * due costs one comparison.
 */
bool kg_session_output(struct kg_session *s, struct kg_datagram *out, uint64_t now_us);
bool kg_session_output_pending(const struct kg_session *s);

/* The worker that owns what a datagram is for. Servers: uid % workers for data, source for
 * handshakes. (Clients go by local port: see the host's port_acquire.) `fec`: of the tunnel, on any
 * worker; NULL: off. */
uint16_t kg_session_owner(bool bare, const struct kg_fec *fec, const struct kg_datagram *in,
			  uint16_t workers);
/* Whose a body is: a conv or iden, 0: a handshake's or a test's. A drop: nobody's. */
enum kg_drop kg_session_conv(bool bare, const struct kg_fec *fec, const struct kg_datagram *in,
			     uint32_t *conv);

/* ---- application side ---- */

/* Client: opens a channel; data may be sent at once. `target`: where the server shall connect to,
 * good during the call; NULL leaves it to the server. NULL at the channel limit, and without
 * destinations or ports. */
struct kg_channel *kg_session_open(struct kg_session *s, enum kg_protocol protocol,
				   const struct kg_target *target, void *user, uint64_t now_us);

/* Who asks by way of a relay. */
struct kg_behalf {
	uint32_t iden;     /* without KCP: what he calls the channel; 0: by chance */
	uint32_t withheld; /* what he cannot do of our KG_CAPABILITY_… */
	uint8_t relays;    /* that his request has passed, ours among them: up to KG_RELAYS_MAX */
};

/* The same on behalf of somebody. */
struct kg_channel *kg_session_open_for(struct kg_session *s, const struct kg_behalf *behalf,
				       enum kg_protocol protocol, const struct kg_target *target,
				       void *user, uint64_t now_us);

/* Client: other destinations take the place of those before, as in struct kg_session_config. What
 * is open at an address that has gone follows, as soon as another one answers. */
void kg_session_set_destinations(struct kg_session *s, const struct kg_ip *ips, uint16_t count,
				 const struct kg_port_range *ports, uint16_t port_count,
				 uint64_t now_us);

/* Client: all that is open goes on from another local port, and another place of the server if it
 * has one, each within a second, if that one answers. */
void kg_session_hop(struct kg_session *s, uint64_t now_us);

/* Client: that is a place of its server: it is asked there, or may answer from there. */
bool kg_session_has_server(const struct kg_session *s, const struct kg_endpoint *remote);
/* Is this for one of its channels, or, of a server, does it go on with one of its handshakes? */
bool kg_session_knows(const struct kg_session *s, const struct kg_datagram *in, uint64_t now_us);
/* Client: its input does not know the conv, which a server asks about, and another worker may: a
 * NAT that has forgotten one of our ports may lead what goes there to another. Each worker is to be
 * given it; the last one denies. */
bool kg_session_passes_on(const struct kg_session *s, const struct kg_datagram *in);
/* Client: what was input last is of a conv that another session of this box knows: it is not
 * denied. */
void kg_session_take_back_denial(struct kg_session *s, const struct kg_datagram *in);
/* Client: the host knows no way to `peer`: what asks there is closed. */
void kg_session_no_route(struct kg_session *s, const struct kg_ip *peer, uint64_t now_us);
/* Client: the same for what asks from a local port. */
void kg_session_no_route_from(struct kg_session *s, uint16_t local_port, uint64_t now_us);
/* A router says that packets of more than `mtu` bytes do not pass from local to remote. False: no
 * channel is there, or it is not believed, or no news. */
bool kg_session_too_big(struct kg_session *s, const struct kg_tuple *ends, uint16_t mtu,
			uint64_t now_us);
/* Client: the handshake that waits for its answer longest: to whom, and since when. Without KCP a
 * channel that has asked in vain, the oldest if it has. False: none waits.
 */
bool kg_session_asks(const struct kg_session *s, struct kg_endpoint *remote, uint64_t *since_us);

/* Server, before the answer: that who is behind us cannot do, so we do not, either. */
void kg_channel_withhold(struct kg_channel *ch, uint32_t capabilities);
/* Server: the answer to ops.connect. `text` goes to the client's log. */
void kg_channel_connected(struct kg_channel *ch, uint64_t now_us);
void kg_channel_refused(struct kg_channel *ch, const char *text, uint64_t now_us);

/*
 * Sends application bytes as one raw_data message; the chain's first buffer must leave
 * KG_MESSAGE_KIND_BYTES of the headroom and of the mss free. Ownership passes on true. False when
 * the channel is closing or memory is short: the caller keeps the chain.
 */
bool kg_channel_send(struct kg_channel *ch, struct kg_buf *chain, uint64_t now_us);
/* A mux channel: the same with a whole message, whose header is in place. */
bool kg_channel_send_message(struct kg_channel *ch, struct kg_buf *chain, uint64_t now_us);
/* The same with one that is of use until then: a datagram that came udp_deadline_ms before. */
bool kg_channel_send_until(struct kg_channel *ch, struct kg_buf *chain, uint64_t until_us,
			   uint64_t now_us);
/* It did not get so far. */
void kg_session_count_stale(struct kg_session *s);
/* Segments that may be queued beyond what is unacknowledged now; UDP beyond it is dropped, TCP
 * stops reading. */
uint32_t kg_channel_room(const struct kg_channel *ch);
/* Largest payload of a buffer of a chain; the first has KG_MESSAGE_KIND_BYTES less. */
uint16_t kg_session_rest_bytes(const struct kg_session *s);
/* Of the longest message, its kind included. */
size_t kg_session_message_max_bytes(const struct kg_session *s);

/* Is there a payload to take, and how many bytes has it? false counts as NULL from recv. */
bool kg_channel_peek(struct kg_channel *ch, size_t *bytes, uint64_t now_us);
/* Next payload of a raw_data message, header taken off; NULL when none is there. From a mux channel
 * whole messages: mux_transfer, mux_cancel, pre_connect, mux_finish, mux_credit, mux_return. */
struct kg_buf *kg_channel_recv(struct kg_channel *ch, uint64_t now_us);

/*
 * The application has ended. Between ends that know half-close the peer's host is told so after all
 * data, and ops.closed follows when both have ended. Otherwise disconnect, which ends both
 * directions, goes after all data (on a client after answer_wait_s); ops.closed follows when
 * everything is acknowledged, 35 s after the peer's last sign while only the disconnect is not, 255
 * s after it while data is not. What the peer still sends can be read until then. A server's
 * channel that has not been answered is refused.
 */
void kg_channel_finish(struct kg_channel *ch, uint64_t now_us);
/*
 * The host's side ends at once: ops.closed is called from within. The session goes on by itself to
 * tell the peer disconnect, for at most 35 s. Data that the window has no room for is thrown
 * away; but when the application had ended before, all of it goes first, for which there are 255 s.
 */
void kg_channel_abort(struct kg_channel *ch, uint64_t now_us);
/* The same, but all that was sent goes first. */
void kg_channel_stop(struct kg_channel *ch, uint64_t now_us);
/* Only after ops.closed. */
void kg_channel_free(struct kg_channel *ch);

/* As the configuration has it, from now on. */
void kg_session_set_doubted_max(struct kg_session *s, uint32_t doubted_max);
/* Tells every channel's peer disconnect, for a clean stop; mux channels are left to their host,
 * whose streams may have something to say. Drive output until the session is quiet, or patience
 * ends. */
void kg_session_shutdown(struct kg_session *s, uint64_t now_us);
/* Nothing that we have said waits for an acknowledgement. Walks all channels. */
bool kg_session_is_quiet(const struct kg_session *s);

/* The host's own pointer; NULL at first on servers. */
void *kg_channel_user(const struct kg_channel *ch);
void kg_channel_set_user(struct kg_channel *ch, void *user);
struct kg_session *kg_channel_session(const struct kg_channel *ch);
/* Its iden, without KCP. */
uint32_t kg_channel_conv(const struct kg_channel *ch);
/* A client's channels are open when they are made; ops.opened is not told. */
bool kg_session_is_bare(const struct kg_session *s);
enum kg_protocol kg_channel_protocol(const struct kg_channel *ch);
/* KG_CAPABILITY_… that both ends have; at a client before ops.opened those that it offers. */
uint32_t kg_channel_capabilities(const struct kg_channel *ch);
/* Relays that its request has passed, up to KG_RELAYS_MAX; more count as so many. */
#define KG_RELAYS_MAX 8
uint8_t kg_channel_relays(const struct kg_channel *ch);
/* Server: so many more, or less, of the buffers that ops.held counts. */
void kg_channel_hold(struct kg_channel *ch, int32_t more);
/* Segments that were sent, or wait to be, and are not acknowledged. */
uint32_t kg_channel_unacked(const struct kg_channel *ch);
/* Of these, that wait to be sent for the first time. */
uint32_t kg_channel_queued(const struct kg_channel *ch);
/* Smoothed; 0: no sample yet. */
uint32_t kg_channel_rtt_us(const struct kg_channel *ch);
/* Segments that have come, in order or not, modulo 2^32. */
uint32_t kg_channel_received(const struct kg_channel *ch);
/* Segments. */
uint16_t kg_channel_receive_window(const struct kg_channel *ch);

/* Client: the local port is no longer ours. Channels that have it take another, and let the server
 * know by speaking from there. */
void kg_session_leave_port(struct kg_session *s, uint16_t port, uint64_t now_us);

/* For ops called from the network side: the time of the input, or of the timer, that led to it. */
uint64_t kg_session_now_us(const struct kg_session *s);

/* ---- seeing inside ---- */

enum kg_channel_state {
	KG_CHANNEL_HANDSHAKE, /* client: asking; server: connecting to the target */
	KG_CHANNEL_OPEN,
	KG_CHANNEL_CLOSING, /* our end is in, waiting for its acknowledgement */
	KG_CHANNEL_CLOSED,  /* waiting for kg_channel_free */
};
const char *kg_channel_state_name(enum kg_channel_state state);
const char *kg_close_name(enum kg_close why);

struct kg_channel_info {
	uint32_t conv;
	enum kg_protocol protocol;
	enum kg_channel_state state;
	struct kg_endpoint local, remote; /* port 0: not known yet */
	uint64_t age_us, silent_us;       /* since opened; since last input */
	uint16_t path_mtu;                /* 0: nobody asks */
	enum kg_pmtu_how path_mtu_how;
	struct kg_kcp_stats kcp;
	struct kg_fec_stats fec; /* all 0 where it is off */
};
void kg_channel_get_info(const struct kg_channel *ch, struct kg_channel_info *info,
			 uint64_t now_us);

/* A walk over the channels, in instalments: the session keeps the place, which stays good while
 * channels come and go. The next channel, NULL at the end. */
void kg_session_tour_begin(struct kg_session *s);
struct kg_channel *kg_session_tour_next(struct kg_session *s);

/* Where datagrams come from and go to. */
struct kg_path_info {
	struct kg_tuple ends; /* client: local.ip is not set */
	const char *state;    /* current, testing, old; server: current, asked */
	uint32_t users;       /* channels and handshakes */
	uint64_t silent_us;   /* since the last input of a channel here; KG_NEVER_US: none is */
	uint16_t mtu;         /* IP packets that pass; 0: nobody asks */
	enum kg_pmtu_how mtu_how;
	/* client: what its ledger says (rate/ledger.h), where channels spread; verdict NULL: none
	 * is kept. Bytes ever, of those that came in as datagrams; bytes per second of late */
	const char *verdict;
	uint64_t age_us, sent_bytes, acked_bytes, lost_bytes, received_bytes;
	uint64_t acked_Bps, received_Bps, limit_Bps; /* limit 0: none */
};
/* A walk over the paths, likewise; those that come or go meanwhile may be missed, or come twice. */
void kg_session_path_tour_begin(struct kg_session *s);
bool kg_session_path_tour_next(struct kg_session *s, struct kg_path_info *info, uint64_t now_us);

/* What a path hopped for. */
#define KG_HOP_LIST(X)                                                     \
	X(TIMER, "timer", "it was time")                                   \
	X(SILENCE, "silence", "data waited, and nothing came")             \
	X(ADDRESS, "address", "the server has another address")            \
	X(ASKED, "asked", "the host asked for it")                         \
	X(PENALTY, "penalty", "they were punished for how they were used") \
	X(BLOCKED, "blocked", "nothing got through on them")

enum kg_hop_reason {
#define KG_HOP_ENUM(id, name, help) KG_HOP_##id,
	KG_HOP_LIST(KG_HOP_ENUM)
#undef KG_HOP_ENUM
	KG_HOP_REASONS
};
const char *kg_hop_reason_name(enum kg_hop_reason reason);

#define KG_SESSION_METRICS(X)                                                                     \
	X(channels, "channels", GAUGE, "channels", "channels there are")                          \
	X(channels_opened, "channels_opened", COUNTER, "channels", "channels that have begun")    \
	X(channels_closed, "channels_closed", COUNTER, "channels", "channels that have ended")    \
	X(handshakes_started, "handshakes_started", COUNTER, "handshakes",                        \
	  "handshakes that have begun")                                                           \
	X(handshakes_done, "handshakes_done", COUNTER, "handshakes",                              \
	  "handshakes that brought a channel")                                                    \
	X(handshakes_failed, "handshakes_failed", COUNTER, "handshakes",                          \
	  "handshakes that were refused, or had no answer")                                       \
	X(messages_dropped, "messages_dropped", COUNTER, "messages",                              \
	  "messages malformed, of unknown kind, out of place, or beyond what was granted; of a "  \
	  "relay's other leg, too long for this one")                                             \
	X(datagrams_stale, "datagrams_stale", COUNTER, "datagrams",                               \
	  "datagrams of applications that waited for longer than udp_deadline, and were not "     \
	  "sent")                                                                                 \
	X(datagrams_blanked, "datagrams_blanked", COUNTER, "datagrams",                           \
	  "datagrams of applications that were lost, and too old to be sent again: something "    \
	  "that the peer passes over went in their place")                                        \
	X(peer_moves, "peer_moves", COUNTER, "moves",                                             \
	  "server: times that a channel's peer went on from another address")                     \
	X(path_tests, "path_tests", COUNTER, "tests", "client: other paths asked for an answer")  \
	X(paths_beside, "paths_beside", COUNTER, "paths",                                         \
	  "client: paths that came to be used beside another, where channels spread")             \
	X(policers, "policers", COUNTER, "paths",                                                 \
	  "client: paths found to have a policer that others do not have, where channels spread") \
	X(path_tests_failed, "path_tests_failed", COUNTER, "tests",                               \
	  "client: other paths that did not answer")                                              \
	X(denials, "denials", COUNTER, "channels",                                                \
	  "peers that were told that we do not know their channel")                               \
	X(message_bytes_sent, "message_bytes_sent", COUNTER, "bytes",                             \
	  "bytes of messages taken into channels: what applications said, and what is of mux")    \
	X(message_bytes_received, "message_bytes_received", COUNTER, "bytes",                     \
	  "bytes of messages that channels had for applications, likewise")

struct kg_session_stats {
	KG_SESSION_METRICS(KG_METRIC_FIELD)
	uint64_t hops[KG_HOP_REASONS];
	uint64_t closed_by[KG_CLOSE_COUNT];
};
extern const struct kg_metric_table kg_session_metrics;
void kg_session_get_stats(const struct kg_session *s, struct kg_session_stats *stats);
/* A message of a channel was none that its host could read. */
void kg_session_count_dropped_message(struct kg_session *s);
