/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The wires whose bodies have a timestamp in front, both sealed: KCPTube's (docs/wire.md §1, §3)
 * and UDP Hop's (docs/udphop.md §1). The text that their tags cover tells them apart.
 */
#include "wire/envelope.h"
#include "wire/profile.h"

_Static_assert(KG_ENVELOPE_BYTES <= KG_PROFILE_HEAD_MAX, "a body of the greatest length has room");

static void stamped_seal(const struct kg_profile_key *key, struct kg_profile_job *jobs, uint16_t n,
			 uint32_t unix_s)
{
	struct kg_aead_job sealed[KG_PROFILE_BURST_MAX];

	for (uint16_t i = 0; i < n; i++) {
		jobs[i].data -= KG_ENVELOPE_BYTES;
		kg_envelope_write(jobs[i].data, unix_s);
		sealed[i] = (struct kg_aead_job){
			.data = jobs[i].data,
			.len = (uint16_t)(KG_ENVELOPE_BYTES + jobs[i].len),
			.iv = jobs[i].iv,
		};
	}
	key->alg->seal(key->ctx, sealed, n);
	for (uint16_t i = 0; i < n; i++)
		jobs[i].len = sealed[i].len;
}

static void unwrap(struct kg_profile_job *job, const struct kg_aead_job *opened, uint32_t unix_s)
{
	const uint8_t *body;
	size_t body_len;

	job->skew_s = 0;
	job->drop = opened->ok ? kg_envelope_open(opened->data, opened->len, unix_s, &body,
						  &body_len, &job->skew_s)
			       : KG_DROP_AUTH_FAILED;
	if (job->drop != KG_DROP_NONE)
		return;
	job->data += KG_ENVELOPE_BYTES;
	job->len = (uint16_t)body_len;
}

static void stamped_open(const struct kg_profile_key *key, struct kg_profile_job *jobs, uint16_t n,
			 uint32_t unix_s)
{
	struct kg_aead_job opened[KG_PROFILE_BURST_MAX];

	for (uint16_t i = 0; i < n; i++)
		opened[i] = (struct kg_aead_job){ .data = jobs[i].data, .len = jobs[i].len };
	key->alg->open(key->ctx, opened, n);
	for (uint16_t i = 0; i < n; i++)
		unwrap(&jobs[i], &opened[i], unix_s);
}

#define STAMPED                                                                                   \
	.head_bytes = KG_ENVELOPE_BYTES, .skew_max_s = KG_CLOCK_SKEW_MAX_S, .seal = stamped_seal, \
	.open = stamped_open

const struct kg_profile kg_profile_kcptube = {
	.name = "kcptube",
	.associated = "KCP PortHopping",
	STAMPED,
};

const struct kg_profile kg_profile_udphop = {
	.name = "udphop",
	.associated = "UDP PortHopping",
	.bare = true,
	STAMPED,
};
