/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the tunnels that ask, and makes what their trials share. */
#include "try/internal.h"

#include "crypto/aead_table.h"
#include "crypto/kdf.h"
#include "fec/rs_isal.h"
#include "session/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool make_key(struct kg_trial_tunnel *trials, const struct kg_wire_end *wire)
{
	const struct kg_aead_alg *alg = kg_aead_lookup(wire->encryption_algorithm);
	uint8_t key[KG_AEAD_KEY_BYTES] = { 0 };
	bool good = alg != NULL;

	if (good && alg->spec->keyed)
		good = kg_kdf_sha3_256(wire->encryption_password, strlen(wire->encryption_password),
				       key);
	good = good && kg_profile_key_init(&trials->key, trials->profile, alg, key);
	explicit_bzero(key, sizeof(key));
	return good;
}

static bool make_tunnel(struct kg_try *t, struct kg_try_tunnel *tunnel,
			const struct kg_tunnel_config *config)
{
	const struct kg_wire_end *wire = &config->wire;
	struct kg_trial_tunnel *trials = &tunnel->trials;

	tunnel->config = config;
	trials->profile = wire->profile;
	trials->kcp_mtu = wire->kcp.mtu;
	trials->mem = &t->mem;
	trials->pool = &t->pool.pool;
	trials->rng = &t->rng;
	if (wire->fec.parity > 0) {
		trials->fec = kg_fec_create(wire->fec.data, wire->fec.parity, &kg_rs_isal,
					    &kg_session_fec_content, &t->mem);
		if (trials->fec == NULL)
			return false;
	}
	return make_key(trials, wire);
}

bool kg_try_collect_tunnels(struct kg_try *t, const struct kg_config *config)
{
	t->tunnels = calloc(config->tunnel_count + 1, sizeof(t->tunnels[0]));
	for (unsigned int i = 0; t->tunnels != NULL && i < config->tunnel_count; i++) {
		if (config->tunnels[i].wire.role != KG_ROLE_CLIENT)
			continue;
		if (!make_tunnel(t, &t->tunnels[t->tunnel_count++], &config->tunnels[i]))
			return false;
	}
	return t->tunnels != NULL;
}

void kg_try_release_tunnels(struct kg_try *t)
{
	for (unsigned int i = 0; i < t->tunnel_count; i++) {
		kg_profile_key_fini(&t->tunnels[i].trials.key);
		kg_fec_destroy(t->tunnels[i].trials.fec);
	}
	free(t->tunnels);
}
