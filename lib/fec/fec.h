/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Forward error correction of one channel (docs/fec.md): of every `data` KCP datagrams of one
 * direction `parity` more are made; any `data` of them all give back the rest. No I/O and no clock:
 * bodies go in, bodies and datagrams are pulled out. Not thread-safe; one owner thread per kg_fec.
 *
 * Both directions keep sums, one block per parity shard: what goes out, or comes in, is added with
 * its coefficients at once and then forgotten. The sums of a whole group are its parity; the sums
 * of what came in, parity included, are what is missing. A group thus holds `parity` blocks, not
 * all of its datagrams, and its end costs no more than its middle.
 *
 * Nothing says how the peer pads. Some versions of KCPTube pad with what is left in memory, some
 * make wrong parity, and KCP has no checksum: judge.c decides what of a recovered datagram is used.
 */
#pragma once

#include "base/base.h"
#include "base/drop.h"
#include "base/mem.h"
#include "base/metric.h"
#include "fec/content.h"
#include "fec/rs.h"
#include "fec/shard.h"

/* ---- the code of a tunnel on one worker, shared by its channels ---- */

struct kg_fec;

/* data and parity: 1 at least, 255 together at most. NULL when out of memory. All outlives it. */
struct kg_fec *kg_fec_create(uint8_t data, uint8_t parity, const struct kg_rs_alg *rs,
			     const struct kg_fec_content *content, struct kg_mem *mem);
/* After all its encoders and decoders. */
void kg_fec_destroy(struct kg_fec *fec);

/*
 * Time passes: gives up what peers have left open since before the last call, and gives memory back
 * when nothing is open. To be called every KG_FEC_AGE_US; no group is given up before that. What
 * comes for it later is taken, but no longer helps to recover.
 */
#define KG_FEC_AGE_US 30000000u
void kg_fec_age(struct kg_fec *fec);

/* As they were given. */
uint8_t kg_fec_data(const struct kg_fec *fec);
uint8_t kg_fec_parity(const struct kg_fec *fec);

/* Whose a body is: the conv of a data or parity shard. False when it is too short or too long, or
 * parity of handshakes, which have none. */
bool kg_fec_peek_conv(const struct kg_fec *fec, const uint8_t *body, size_t len, uint32_t *conv);

/* ---- what a channel sends ---- */

struct kg_fec_encoder;

/* NULL when out of memory. first_sn is 0 but in tests of wrap-around. Memory for sums is taken
 * while a group is open; a group that finds none gets no parity. */
struct kg_fec_encoder *kg_fec_encoder_create(struct kg_fec *fec, uint32_t conv, uint32_t first_sn);
void kg_fec_encoder_destroy(struct kg_fec_encoder *encoder);

/* From the next group on so many of the code's parity shards are made, all of them at first; 0: the
 * datagrams pass uncorrected, and cost no sums. */
void kg_fec_encoder_set_rows(struct kg_fec_encoder *encoder, uint8_t rows);

/*
 * Takes a datagram that stands at body + KG_FEC_HEADER_BYTES, and writes the header in front of it.
 * Returns the bytes of the body. Pull the output dry first: parity that waits there is lost.
 */
uint16_t kg_fec_encode(struct kg_fec_encoder *encoder, uint8_t *body, uint16_t datagram_bytes,
		       uint64_t now_us);

/* The same, but this datagram's group gets no parity: it is meant for its receiver alone, and
 * parity would bring it to whoever hears the rest. */
uint16_t kg_fec_encode_bare(struct kg_fec_encoder *encoder, uint8_t *body, uint16_t datagram_bytes,
			    uint64_t now_us);

/*
 * Next body that is due beside the data: parity of a group that is full; fillers for one that is
 * not but has payload and was left alone for KG_FEC_PAUSE_US. A filler is a data shard that
 * says nothing new (docs/fec.md §4); there are never more of them than datagrams. `body`
 * has room for the longest datagram and KG_FEC_OVERHEAD_BYTES. Returns its bytes, 0: none is due.
 */
uint16_t kg_fec_encoder_output(struct kg_fec_encoder *encoder, uint8_t *body, uint64_t now_us);
/* The peer is known to pad with zeros, as boxes do. Until then groups of `once` contents whose
 * lengths differ get no parity: what an original recovers by it is wrong (docs/fec.md §6). */
void kg_fec_encoder_trust(struct kg_fec_encoder *encoder);
/* A number that no group has which is under way. */
uint32_t kg_fec_encoder_no_group(const struct kg_fec_encoder *encoder);
/* All data of a group is out, and parity is due. */
bool kg_fec_encoder_is_full(const struct kg_fec_encoder *encoder);
/* The parity that comes next is there for datagrams with payload: of a group's parity these have
 * their part. */
bool kg_fec_encoder_serves_payload(const struct kg_fec_encoder *encoder);
/* The next datagram will be the first of its group. */
bool kg_fec_encoder_begins(const struct kg_fec_encoder *encoder);
/* When to ask again; 0: at once, KG_NEVER_US: not by itself. */
uint64_t kg_fec_encoder_deadline_us(const struct kg_fec_encoder *encoder);

#define KG_FEC_PAUSE_US 2000

/* ---- what a channel receives ---- */

struct kg_fec_decoder;

/* NULL when out of memory. */
struct kg_fec_decoder *kg_fec_decoder_create(struct kg_fec *fec, uint32_t conv);
void kg_fec_decoder_destroy(struct kg_fec_decoder *decoder);

/* The peer is known to make right parity over zero padding: a kcpgate box. */
void kg_fec_decoder_trust(struct kg_fec_decoder *decoder);
/* A shard of that number is one of a group that is known, or could be. */
bool kg_fec_decoder_is_near(const struct kg_fec_decoder *decoder, uint32_t sn);

/*
 * A body from the peer; its header is overwritten. KG_DROP_FEC_MALFORMED: not a shard of this
 * channel, or one that contradicts its group; KG_DROP_KCP_MALFORMED: data that is not
 * plausible; nothing was changed. Then pull the output: it is gone with the next input to any
 * decoder of the same kg_fec. Memory is taken while a group is open; without it the datagram still
 * comes out, but nothing is recovered.
 */
enum kg_drop kg_fec_decoder_input(struct kg_fec_decoder *decoder, uint8_t *body, size_t len);
/* Next KCP datagram: the one that came in, then those that it helped to recover. False: no more. */
bool kg_fec_decoder_output(struct kg_fec_decoder *decoder, const uint8_t **datagram, uint16_t *len);

/* ---- seeing inside ---- */

#define KG_FEC_METRICS(X)                                                                        \
	X(sent, "fec_sent", COUNTER, "datagrams", "datagrams that parity was made for")          \
	X(fillers_sent, "fec_fillers_sent", COUNTER, "datagrams",                                \
	  "datagrams beside the data: they fill up a group")                                     \
	X(parity_sent, "fec_parity_sent", COUNTER, "datagrams",                                  \
	  "datagrams beside the data: parity")                                                   \
	X(received, "fec_received", COUNTER, "datagrams", "data that was new")                   \
	X(parity_received, "fec_parity_received", COUNTER, "datagrams",                          \
	  "parity that came before its group was over")                                          \
	X(late, "fec_late", COUNTER, "datagrams",                                                \
	  "datagrams so late that their group had been given up; data among them is used all "   \
	  "the same")                                                                            \
	X(unneeded, "fec_unneeded", COUNTER, "datagrams", "parity of groups that were complete") \
	X(duplicates, "fec_duplicates", COUNTER, "datagrams", "datagrams seen before")           \
	X(recovered, "fec_recovered", COUNTER, "datagrams",                                      \
	  "datagrams that parity has brought back, whole or in part")                            \
	X(refused, "fec_refused", COUNTER, "datagrams",                                          \
	  "datagrams that were recovered, but the peer's parity not trusted yet")                \
	X(missing, "fec_missing", COUNTER, "datagrams",                                          \
	  "datagrams of groups that lost too much: KCP sends them again")                        \
	X(peer_wrong, "fec_peer_wrong", COUNTER, "tests",                                        \
	  "tests of the peer's parity that failed")                                              \
	X(parity_wrong, "fec_parity_wrong", COUNTER, "tests",                                    \
	  "tests of the peer that failed by what it computes")                                   \
	X(padding_wrong, "fec_padding_wrong", COUNTER, "tests",                                  \
	  "tests of the peer that failed by what it pads with")

struct kg_fec_stats {
	KG_FEC_METRICS(KG_METRIC_FIELD)
};
extern const struct kg_metric_table kg_fec_metrics;
/* Of all channels there are and ever were. */
void kg_fec_add_stats(const struct kg_fec *fec, struct kg_fec_stats *stats);
void kg_fec_encoder_add_stats(const struct kg_fec_encoder *encoder, struct kg_fec_stats *stats);
void kg_fec_decoder_add_stats(const struct kg_fec_decoder *decoder, struct kg_fec_stats *stats);
