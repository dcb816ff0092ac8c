/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A wire: what surrounds a body on its way, and how a burst of bodies is sealed and opened. Stages,
 * sizes and tests ask the tunnel's profile and know no wire themselves; whose a body is and what it
 * says is the session's.
 *
 *   datagram = sealed(head | body) | tail of the algorithm          docs/wire.md §1, §3
 */
#pragma once

#include "aead/aead.h"
#include "base/drop.h"

#define KG_DATAGRAM_MAX_BYTES 2048 /* an original reads no more */
#define KG_PROFILE_BURST_MAX  64
#define KG_PROFILE_HEAD_MAX   4 /* bytes, of any profile */
#define KG_BODY_MAX_BYTES     (KG_DATAGRAM_MAX_BYTES - KG_PROFILE_HEAD_MAX)

/* A key of one thread. */
struct kg_profile_key {
	const struct kg_aead_alg *alg;
	void *ctx;
};

struct kg_profile_job {
	uint8_t *data;     /* open: in: datagram, out: body; seal: in: body, out: datagram */
	uint16_t len;      /* of it */
	uint16_t iv;       /* seal: two random bytes */
	enum kg_drop drop; /* open, out: why there is no body; KG_DROP_NONE: there is */
	int32_t skew_s;    /* open, out: the sender's clock minus ours, where it could be read */
};

struct kg_profile {
	const char *name;       /* as in the configuration */
	const char *associated; /* covered by the tag, not on the wire */
	bool bare;              /* bodies carry datagrams of applications; else KCP's segments */
	uint8_t head_bytes;     /* in front of a body */
	uint16_t skew_max_s;    /* what was stamped further away from our clock is refused */
	/* Both work in place on at most KG_PROFILE_BURST_MAX jobs. A body to be sealed has
	 * head_bytes of room before it and the algorithm's overhead behind it. What open() leaves
	 * around a body is a function of what came. */
	void (*seal)(const struct kg_profile_key *key, struct kg_profile_job *jobs, uint16_t n,
		     uint32_t unix_s);
	void (*open)(const struct kg_profile_key *key, struct kg_profile_job *jobs, uint16_t n,
		     uint32_t unix_s);
};

extern const struct kg_profile kg_profile_kcptube, kg_profile_udphop;

/* False when the algorithm has no context for us (aead.h). `bytes` as kg_aead_alg.create. */
static inline bool kg_profile_key_init(struct kg_profile_key *key, const struct kg_profile *profile,
				       const struct kg_aead_alg *alg, const uint8_t *bytes)
{
	*key = (struct kg_profile_key){ alg, alg->create(bytes, profile->associated) };
	return key->ctx != NULL;
}

/* What was never set is nothing. */
static inline void kg_profile_key_fini(struct kg_profile_key *key)
{
	if (key->ctx != NULL)
		key->alg->destroy(key->ctx);
	key->ctx = NULL;
}

/* By which a datagram is longer than its body. */
static inline uint16_t kg_profile_overhead_bytes(const struct kg_profile *profile,
						 const struct kg_aead_spec *spec)
{
	return (uint16_t)(profile->head_bytes + spec->overhead_bytes);
}
