/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs one end of the tunnel: streams and their host, envelope and AEAD. */
#include <string.h>

#include "base/hash.h"
#include "fec/rs_isal.h"
#include "session/framing.h"
#include "sim.h"
#include "wire/envelope.h"

#define UNIX_S_AT_START 1700000000u

static const uint8_t key[KG_AEAD_KEY_BYTES] = "a key that both sides know";

static uint32_t unix_s(const struct sim *sim)
{
	return UNIX_S_AT_START + (uint32_t)((sim->now_us - sim->started_us) / KG_US_PER_S);
}

void side_start(struct side *side)
{
	struct sim *sim = side->sim;

	sim_check(sim, kg_profile_key_init(&side->key, &kg_profile_kcptube, sim->alg, key));
	if (side->config.role == KG_ROLE_SERVER)
		side->host.seen = kg_seen_create(&side->host.mem, 4096, 2 * KG_CLOCK_SKEW_MAX_S,
						 sim->now_us - KG_US_PER_S);
	side->age_us = KG_NEVER_US;
	if (sim->parity > 0) {
		side->age_us = sim->now_us;
		side->config.fec = kg_fec_create(sim->data, sim->parity, &kg_rs_isal,
						 &kg_session_fec_content, &side->host.mem);
		sim_check(sim, side->config.fec != NULL);
	}
	for (uint16_t i = 0; i < side->workers; i++) {
		struct kg_streams_config config = { .session = side->config };

		config.session.worker = i;
		if (side->config.role == KG_ROLE_CLIENT)
			config.mux_channels = sim->mux_channels;
		side->streams[i] = test_host_streams(&side->host, &config, sim_ops, sim->now_us);
		sim_check(sim, side->streams[i] != NULL);
	}
}

void side_stop(struct side *side)
{
	for (uint16_t i = 0; i < side->workers; i++)
		kg_streams_destroy(side->streams[i]);
	kg_fec_destroy(side->config.fec);
	kg_profile_key_fini(&side->key);
	kg_sim_link_fini(&side->link);
	sim_check(side->sim, test_host_fini(&side->host));
}

void side_keep_house(struct side *side)
{
	if (side->sim->now_us < side->age_us)
		return;
	side->age_us = side->sim->now_us + KG_FEC_AGE_US;
	kg_fec_age(side->config.fec);
}

static void spoil_parity(struct side *side, struct kg_datagram *out)
{
	size_t at = KG_FEC_PARITY_HEADER_BYTES;

	if (side->fault == FAULT_NONE || out->data[4] < side->sim->data)
		return;
	if (side->fault == FAULT_PART)
		at += kg_rng_below(&side->host.rng, out->len - KG_FEC_PARITY_HEADER_BYTES);
	for (; at < out->len; at++)
		out->data[at] = (uint8_t)kg_rng_next(&side->host.rng);
}

/* Somebody who reads along sends a copy, which may come first, or alone. Of a handshake it would be
 * the request of another client. */
static void copy(struct side *side, const struct kg_datagram *out, const struct kg_profile_job *job,
		 bool handshake)
{
	const struct kg_endpoint elsewhere = { { 4, { 198, 19, 6, 6 } }, out->local.port };
	struct sim *sim = side->sim;

	if (side != &sim->client || handshake ||
	    kg_rng_below(&side->host.rng, 65536) >= sim->copied)
		return;
	sim->copied_bytes += job->len;
	kg_sim_link_send(&side->link, sim->now_us, &elsewhere, &out->remote, job->data, job->len);
}

void side_output(struct side *side)
{
	struct sim *sim = side->sim;
	uint8_t bytes[KG_DATAGRAM_MAX_BYTES + KG_AEAD_OVERHEAD_MAX];
	struct kg_datagram out = { .data = bytes + kg_profile_kcptube.head_bytes };
	unsigned int longest = side->config.kcp.mtu + kg_framing_overhead_bytes(side->config.fec);

	for (uint16_t i = 0; i < side->workers; i++) {
		while (kg_session_output(kg_streams_session(side->streams[i]), &out, sim->now_us)) {
			struct kg_profile_job job = { .data = out.data, .len = out.len };
			uint32_t conv = 0;

			kg_framing_conv(side->config.fec, out.data, out.len, &conv);
			sim_check(sim, out.len > 0 && out.len <= longest);
			spoil_parity(side, &out);
			out.local.ip = side->address;
			job.iv = (uint16_t)kg_rng_next(&side->host.rng);
			kg_profile_kcptube.seal(&side->key, &job, 1, unix_s(sim));
			kg_sim_link_send(&side->link, sim->now_us, &out.local, &out.remote,
					 job.data, job.len);
			copy(side, &out, &job, conv == 0);
		}
	}
}

static enum kg_drop take(struct side *side, struct kg_sim_link_packet *packet)
{
	struct sim *sim = side->sim;
	struct kg_datagram in = {
		.local = packet->to,
		.remote = packet->from,
		.digest = kg_hash64(packet->bytes, packet->len, 0),
	};
	struct kg_profile_job job = { .data = packet->bytes, .len = packet->len };
	uint16_t worker;

	kg_profile_kcptube.open(&side->key, &job, 1, unix_s(sim));
	if (job.drop != KG_DROP_NONE)
		return job.drop;
	in.data = job.data;
	in.len = job.len;
	side->input_port = packet->from.port;
	worker = kg_session_owner(false, side->config.fec, &in, side->workers);
	return kg_session_input(kg_streams_session(side->streams[worker]), &in, sim->now_us);
}

/* Not what went to an address that the side has lost, or never had. */
static bool reaches(struct side *side, const struct kg_sim_link_packet *packet)
{
	bool here = kg_ip_equal(&packet->to.ip, &side->address);

	if (!here && packet->to.ip.bytes[1] == 19)
		side->astray_bytes += packet->len;
	return here;
}

void side_input(struct side *side, struct side *peer)
{
	struct kg_sim_link_packet *packet;

	while ((packet = kg_sim_link_receive(&peer->link, side->sim->now_us)) != NULL) {
		if (reaches(side, packet)) {
			side->received++;
			side->drops[take(side, packet)]++;
		}
		free(packet);
	}
}
