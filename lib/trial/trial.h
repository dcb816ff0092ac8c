/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Does a server answer at one of its addresses and ports? A trial asks as a client does before it
 * hops, and as the original's --try: a keep_alive on conv 0 (docs/wire.md §4.7), or where the wire
 * has no KCP a test (docs/udphop.md §3), which is repeated until its answer comes or patience ends.
 * Pure: time comes in, sealed datagrams go out and come in.
 *
 *   asking ──the answer──► answered
 *     ├──a sign of what is wrong──► known, if no answer comes soon after it
 *     └──nothing──► asks with other stamps ──an answer that is stamped so──► the clock
 *                                         └──nothing──► no answer
 *
 * A server opens only what is stamped about as its own clock stands (docs/wire.md §6): one whose
 * clock is wrong is as silent as one with another password. The same question, stamped as other
 * clocks may stand, finds it out; what it answers says what time it is there.
 */
#pragma once

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "session/framing.h"
#include "trial/verdict.h"
#include "wire/profile.h"

/* What the trials of a tunnel share; the caller's, and outlives them. */
struct kg_trial_tunnel {
	const struct kg_profile *profile;
	struct kg_profile_key key;
	struct kg_fec *fec; /* NULL: off */
	uint16_t kcp_mtu;
	struct kg_mem *mem;
	struct kg_buf_pool *pool;
	struct kg_rng *rng;
};

/* What the trials of one address share. All zeros is a good start. */
struct kg_trial_clock {
	unsigned int askers; /* trials that have asked for it */
	bool known;
	int32_t skew_s;
};

#define KG_TRIAL_QUESTION_BYTES 64

struct kg_trial {
	const struct kg_trial_tunnel *tunnel;
	struct kg_trial_clock *clock;
	struct kg_kcp *kcp; /* NULL: the wire has none */
	struct kg_framing framing;
	uint32_t number;        /* without KCP: of the test */
	uint64_t again_us;      /* and when it is said next */
	uint64_t question_hash; /* and its sealed bytes, as they left */
	struct kg_verdict verdict;
	uint64_t asked_us; /* the first time */
	uint64_t end_us;
	uint32_t questions;
	uint8_t question[KG_TRIAL_QUESTION_BYTES]; /* the first one's body */
	uint16_t question_bytes;
	bool echoed;            /* something has come with our clock (docs/wire.md §4.2) */
	bool asks_clock;        /* it is one of the clock's askers */
	unsigned int stamps;    /* that it has asked with */
	uint64_t next_stamp_us; /* when it asks with another */
};

/* False without memory. */
bool kg_trial_init(struct kg_trial *trial, const struct kg_trial_tunnel *tunnel,
		   struct kg_trial_clock *clock, uint64_t now_us);
/* Harmless on one that was not begun. */
void kg_trial_fini(struct kg_trial *trial);

/* The next datagram that is due, sealed; its bytes, 0: none is due. */
uint16_t kg_trial_output(struct kg_trial *trial, uint8_t datagram[KG_DATAGRAM_MAX_BYTES],
			 uint64_t now_us, uint32_t unix_s);
/* What has come from there; it is opened in place. */
void kg_trial_input(struct kg_trial *trial, uint8_t *datagram, uint16_t len, uint64_t now_us,
		    uint32_t unix_s);
/* Somebody (version 0: Linux here) says that nothing gets there. `why` lasts. */
void kg_trial_unreachable(struct kg_trial *trial, const char *why, const struct kg_ip *by,
			  uint64_t now_us);

/* When to ask for output, or whether it is over. */
uint64_t kg_trial_deadline_us(const struct kg_trial *trial);
/* Then the verdict stands. What is due is sent before, so that an answer is acknowledged. */
bool kg_trial_is_over(struct kg_trial *trial, uint64_t now_us);
