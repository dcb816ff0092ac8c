/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What keeps a tunnel from working and can be known: by kind, tunnel and peer, so that each is told
 * once in a while and not with every datagram. One owner thread. Memory is fixed; when many peers
 * have troubles at a time, some go untold: each has a counter of its own besides.
 */
#pragma once

#include "base/base.h"
#include "net/addr.h"

#define KG_TROUBLE_LIST(X)                                                                      \
	X(NO_ROUTE, "no_route", "Linux sends to the peer out of no port of ours")               \
	X(NO_ANSWER, "no_answer", "client: nobody answers its handshakes")                      \
	X(CHECK, "check", "datagrams of the peer fail the check: other password or algorithm?") \
	X(CLOCK, "clock", "the peer's clock differs from ours by more than 255 s")              \
	X(MALFORMED, "malformed",                                                               \
	  "datagrams of the peer pass the check and are no KCP: other fec or version?")

enum kg_trouble {
#define KG_TROUBLE_ENUM(id, name, help) KG_TROUBLE_##id,
	KG_TROUBLE_LIST(KG_TROUBLE_ENUM)
#undef KG_TROUBLE_ENUM
	KG_TROUBLE_COUNT
};

const char *kg_trouble_name(enum kg_trouble trouble);
const char *kg_trouble_help(enum kg_trouble trouble);

/* Of one kind and peer it is told once in so long. */
#define KG_TROUBLE_EVERY_US (10 * KG_US_PER_S)
#define KG_TROUBLES_MAX     64 /* told in that time at most */

struct kg_troubles {
	struct kg_trouble_slot {
		struct kg_ip peer;
		uint16_t tunnel;
		uint8_t trouble; /* enum kg_trouble */
		uint32_t count;  /* since it was told */
		uint64_t told_us;
	} slots[KG_TROUBLES_MAX];
};

/* One more of them; 0, or how many there were since it was told, which is to be done now. All zero
 * is a good start. */
uint32_t kg_troubles_note(struct kg_troubles *t, enum kg_trouble trouble, uint16_t tunnel,
			  const struct kg_ip *peer, uint64_t now_us);
