/* SPDX-License-Identifier: BSD-3-Clause */
/* Opens sealed datagrams, by runs of one tunnel, and drops what does not open. */
#include "base/hash.h"
#include "box.h"
#include "complain.h"
#include "resting.h"
#include "session/framing.h"
#include "stage/stage.h"
#include "wire/udphop.h"

#include <string.h>

/*
 * A number for the exact sealed bytes of a handshake datagram. With a key, tag and iv (still behind
 * the plaintext) make them unique. Without one anybody can seal, and equal requests of two clients
 * are equal bytes, so the source belongs to it.
 */
static uint64_t digest(const struct kg_side *side, const uint8_t *sealed, uint16_t len,
		       const struct kg_endpoint *source)
{
	return kg_hash64(sealed, len, side->key.alg->spec->keyed ? 0 : kg_endpoint_hash(source, 0));
}

/* A wire without KCP has no handshakes whose copies are to be known, and its session sees whose a
 * body is. */
static enum kg_drop digest_of(const struct kg_side *side, const struct kg_pkt *pkt,
			      const struct kg_profile_job *job, uint64_t *known_by)
{
	struct kg_datagram in;
	enum kg_drop drop;
	uint32_t conv;

	*known_by = 0;
	if (side->profile->bare)
		return KG_DROP_NONE;
	in = (struct kg_datagram){ .data = job->data, .len = job->len };
	drop = kg_side_conv(side, &in, &conv);
	if (drop == KG_DROP_NONE && conv == 0)
		*known_by = digest(side, pkt->body, pkt->body_len, &pkt->remote);
	return drop;
}

static enum kg_drop unwrap(const struct kg_side *side, struct kg_pkt *pkt,
			   const struct kg_profile_job *job)
{
	enum kg_drop drop = job->drop;
	uint64_t known_by;

	if (drop == KG_DROP_NONE)
		drop = digest_of(side, pkt, job, &known_by);
	if (drop != KG_DROP_NONE)
		return drop;
	pkt->digest = known_by;
	pkt->age_s = (int16_t)-job->skew_s;
	pkt->body = job->data;
	pkt->body_len = job->len;
	return KG_DROP_NONE;
}

/* A run of datagrams of one tunnel. */
static uint16_t open_run(struct kg_worker *w, struct rte_mbuf **v, uint16_t n,
			 struct rte_mbuf **survivors)
{
	struct kg_side *side = kg_worker_side(w, kg_pkt(v[0])->tunnel);
	struct kg_profile_job jobs[KG_NIC_BURST];
	uint8_t first[KG_NIC_BURST][KG_DROPPED_FIRST_BYTES];
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		jobs[i] = (struct kg_profile_job){ .data = kg_pkt(v[i])->body,
						   .len = kg_pkt(v[i])->body_len };
		memcpy(first[i], jobs[i].data, sizeof(first[i]));
	}
	if (w->resting_sides == 0)
		side->profile->open(&side->key, jobs, n, w->unix_s);
	else
		kg_resting_open(w, side, v, jobs, n);
	for (uint16_t i = 0; i < n; i++) {
		uint16_t sealed_len = kg_pkt(v[i])->body_len;
		enum kg_drop drop;

		if (w->resting_sides > 0)
			side = kg_worker_side(w, kg_pkt(v[i])->tunnel);
		drop = unwrap(side, kg_pkt(v[i]), &jobs[i]);
		if (drop == KG_DROP_NONE) {
			side->stats.received_bytes += sealed_len;
			survivors[kept++] = v[i];
			continue;
		}
		kg_complain_of_datagram(w, kg_pkt(v[i]), drop, jobs[i].skew_s);
		kg_stage_note_drop(w, kg_pkt(v[i]), drop, KG_STAGE_OPEN, first[i]);
		rte_pktmbuf_free(v[i]);
	}
	return kept;
}

static void drop_unopened(struct kg_worker *w, struct rte_mbuf *m)
{
	kg_stage_note_drop(w, kg_pkt(m), KG_DROP_DATAGRAM_SIZE, KG_STAGE_OPEN, kg_pkt(m)->body);
	rte_pktmbuf_free(m);
}

static unsigned int least_body(const struct kg_side *side)
{
	if (side->profile->bare)
		return KG_UDPHOP_HEADER_BYTES;
	return kg_framing_header_bytes(side->fec) + KG_KCP_HEADER_BYTES;
}

/* Of a run, those that cannot hold a segment, or a header, need no decryption. */
static uint16_t drop_by_size(struct kg_worker *w, struct rte_mbuf **v, uint16_t n)
{
	const struct kg_side *side = kg_worker_side(w, kg_pkt(v[0])->tunnel);
	unsigned int least =
		least_body(side) + kg_profile_overhead_bytes(side->profile, side->key.alg->spec);
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		uint16_t len = kg_pkt(v[i])->body_len;

		if (len < least || len > KG_DATAGRAM_MAX_BYTES)
			drop_unopened(w, v[i]);
		else
			v[kept++] = v[i];
	}
	return kept;
}

uint16_t kg_stage_open(struct kg_worker *w, struct rte_mbuf **v, uint16_t n)
{
	uint16_t kept = 0, sized;

	for (uint16_t i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n; run++) {
			if (kg_pkt(v[i + run])->tunnel != kg_pkt(v[i])->tunnel)
				break;
		}
		sized = drop_by_size(w, v + i, run);
		if (sized > 0)
			kept += open_run(w, v + i, sized, v + kept);
	}
	return kept;
}
