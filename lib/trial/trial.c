/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks one place of a server, and judges what comes back. */
#include "trial/trial.h"

#include "base/hash.h"
#include "wire/message.h"
#include "wire/udphop.h"

#include <stdlib.h>
#include <string.h>

#define PATIENCE_US (10ull * KG_US_PER_S)
/* Noise and errors can come before an answer does, from others. */
#define SIGN_US (2ull * KG_US_PER_S)
/* By then an answer is there, or its datagrams are lost. */
#define OTHER_STAMPS_AFTER_US (2ull * KG_US_PER_S)
/* So few that nobody is flooded; all of them have left long before patience ends. */
#define STAMP_EVERY_US (10ull * KG_US_PER_MS)
/* Clocks that are wrong are so by hours mostly: of a time zone, 14 at most. */
#define WRONG_BY_MAX_S (14 * 3600)
/* Time goes on while a datagram is under way. */
#define STAMP_MARGIN_S 5
/* The known one is asked with so often. */
#define KNOWN_EVERY_US (500ull * KG_US_PER_MS)
/* Some ports of an address may be closed. */
#define ASKERS_MAX 8

#define MESSAGE_BYTES 512
/* Without KCP, which has its own time. */
#define AGAIN_US (500ull * KG_US_PER_MS)

static bool ask(struct kg_trial *trial, uint64_t now_us)
{
	const struct kg_message message = { .feature = KG_FEATURE_KEEP_ALIVE };
	uint16_t mss = kg_kcp_mss(trial->kcp);
	uint8_t bytes[MESSAGE_BYTES];
	size_t len = kg_message_encode(bytes, sizeof(bytes), &message);
	struct kg_buf *chain = kg_buf_chain_copy(trial->tunnel->pool, bytes, len, mss, mss);

	if (chain != NULL && kg_kcp_send(trial->kcp, chain, now_us))
		return true;
	kg_buf_free_chain(chain);
	return false;
}

bool kg_trial_init(struct kg_trial *trial, const struct kg_trial_tunnel *tunnel,
		   struct kg_trial_clock *clock, uint64_t now_us)
{
	struct kg_kcp_params params = kg_kcp_handshake_params;

	*trial = (struct kg_trial){
		.tunnel = tunnel,
		.clock = clock,
		.end_us = now_us + PATIENCE_US,
		.next_stamp_us = now_us + OTHER_STAMPS_AFTER_US,
		.again_us = now_us,
	};
	if (tunnel->profile->bare) {
		trial->number = 1 + kg_rng_below(tunnel->rng, (1u << KG_UDPHOP_NUMBER_BITS) - 1);
		return true;
	}
	params.mtu = tunnel->kcp_mtu;
	params.ts_offset_ms = (uint32_t)kg_rng_next(tunnel->rng);
	kg_framing_init(&trial->framing, tunnel->fec);
	trial->kcp = kg_kcp_create(&params, tunnel->mem, tunnel->pool, now_us);
	if (trial->kcp != NULL && ask(trial, now_us))
		return true;
	kg_trial_fini(trial);
	return false;
}

void kg_trial_fini(struct kg_trial *trial)
{
	if (trial->kcp != NULL)
		kg_kcp_destroy(trial->kcp);
	trial->kcp = NULL;
}

/* ---- what goes out ---- */

static uint16_t seal(const struct kg_trial *trial, uint8_t *body, uint16_t len, uint32_t unix_s)
{
	const struct kg_trial_tunnel *tunnel = trial->tunnel;
	struct kg_profile_job job = {
		.data = body,
		.len = len,
		.iv = (uint16_t)kg_rng_next(tunnel->rng),
	};

	tunnel->profile->seal(&tunnel->key, &job, 1, unix_s);
	return job.len;
}

static void note_question(struct kg_trial *trial, const uint8_t *body, uint16_t len,
			  uint64_t now_us)
{
	if (trial->verdict.kind == KG_VERDICT_ANSWERED)
		return;
	if (trial->questions++ > 0 || len > sizeof(trial->question))
		return;
	trial->asked_us = now_us;
	memcpy(trial->question, body, len);
	trial->question_bytes = len;
}

/* The nearest clocks first, in turn ahead and behind. A server takes what is skew_max_s ahead of
 * its clock, but nothing from before its start, which may be just now: one of these always fits. */
static int32_t stamp_offset_s(const struct kg_trial *trial)
{
	int32_t step_s = trial->tunnel->profile->skew_max_s - STAMP_MARGIN_S;
	int32_t nth = (int32_t)trial->stamps / 2 + 1;

	return trial->stamps % 2 == 0 ? nth * step_s : -nth * step_s;
}

static bool is_far(const struct kg_trial *trial, int32_t offset_s)
{
	return labs(offset_s) > WRONG_BY_MAX_S + trial->tunnel->profile->skew_max_s;
}

/* How far off the next stamp is; false: there is none left. */
static bool next_offset_s(struct kg_trial *trial, int32_t *offset_s)
{
	if (trial->clock->known) {
		*offset_s = trial->clock->skew_s;
		return true;
	}
	if (!trial->asks_clock && trial->clock->askers < ASKERS_MAX) {
		trial->asks_clock = true;
		trial->clock->askers++;
	}
	*offset_s = stamp_offset_s(trial);
	if (!trial->asks_clock || is_far(trial, *offset_s))
		return false;
	trial->stamps++;
	return true;
}

/* While there is no sign of anything, the question goes out with other stamps. */
static bool stamps_wait(const struct kg_trial *trial)
{
	return trial->verdict.kind == KG_VERDICT_WAITING && trial->question_bytes > 0;
}

static uint16_t ask_with_other_stamp(struct kg_trial *trial, uint8_t *body, uint64_t now_us,
				     uint32_t unix_s)
{
	int32_t offset_s;

	if (!stamps_wait(trial) || now_us < trial->next_stamp_us)
		return 0;
	if (!next_offset_s(trial, &offset_s)) {
		trial->next_stamp_us = now_us + KNOWN_EVERY_US; /* it may be known by then */
		return 0;
	}
	trial->next_stamp_us = now_us + (trial->clock->known ? KNOWN_EVERY_US : STAMP_EVERY_US);
	memcpy(body, trial->question, trial->question_bytes);
	return seal(trial, body, trial->question_bytes, unix_s + (uint32_t)offset_s);
}

static uint16_t next_body(struct kg_trial *trial, uint8_t *body, uint64_t now_us)
{
	if (trial->kcp != NULL)
		return kg_framing_output(&trial->framing, trial->kcp, now_us, body);
	if (now_us < trial->again_us)
		return 0;
	trial->again_us = now_us + AGAIN_US;
	return kg_udphop_put_test(body, trial->number);
}

uint16_t kg_trial_output(struct kg_trial *trial, uint8_t datagram[KG_DATAGRAM_MAX_BYTES],
			 uint64_t now_us, uint32_t unix_s)
{
	uint8_t *body = datagram + trial->tunnel->profile->head_bytes;
	uint16_t len = next_body(trial, body, now_us);

	if (len == 0)
		return ask_with_other_stamp(trial, body, now_us, unix_s);
	note_question(trial, body, len, now_us);
	len = seal(trial, body, len, unix_s);
	trial->question_hash = kg_hash64(datagram, len, 0);
	return len;
}

/* ---- what comes in ---- */

/* What says more takes the place of what says less. */
static void sign(struct kg_trial *trial, const struct kg_verdict *verdict, uint64_t now_us)
{
	if (verdict->kind <= trial->verdict.kind)
		return;
	trial->verdict = *verdict;
	trial->end_us = KG_MIN(trial->end_us, now_us + SIGN_US);
}

/* The answer is the same message. */
static bool is_answer(struct kg_buf *chain)
{
	uint8_t bytes[MESSAGE_BYTES];
	struct kg_message message;
	size_t len = kg_buf_chain_len(chain);
	bool good = len <= sizeof(bytes);

	if (good)
		kg_buf_chain_gather(chain, bytes);
	kg_buf_free_chain(chain);
	return good && kg_message_decode(&message, bytes, len) == KG_DROP_NONE &&
	       message.feature == KG_FEATURE_KEEP_ALIVE;
}

/* Not another trial's, whose port a NAT has given to this one, nor our question, thrown back. */
static bool is_for(struct kg_trial *trial, const uint8_t *segments, size_t len, uint64_t now_us)
{
	trial->echoed =
		trial->echoed || kg_kcp_is_echo(trial->kcp, segments, len, trial->asked_us, now_us);
	return trial->echoed;
}

/* Without KCP an answer is the question, sealed anew. */
static enum kg_verdict_kind judge_bare(const struct kg_trial *trial, uint8_t *bytes, size_t len,
				       bool echo)
{
	struct kg_udphop_body body;
	bool answer = kg_udphop_decode(&body, bytes, len) == KG_DROP_NONE &&
		      body.feature == KG_UDPHOP_TEST && kg_udphop_has_number(&body, trial->number);

	return answer && !echo ? KG_VERDICT_ANSWERED : KG_VERDICT_FOREIGN;
}

/* WAITING: it is KCP's, and an answer may follow. */
static enum kg_verdict_kind judge(struct kg_trial *trial, const uint8_t *body, size_t len,
				  uint64_t now_us)
{
	uint16_t header = kg_framing_header_bytes(trial->tunnel->fec);
	struct kg_buf *chain;
	unsigned int events;
	uint32_t conv;

	if (kg_framing_conv(trial->tunnel->fec, body, len, &conv) != KG_DROP_NONE || conv != 0 ||
	    !is_for(trial, body + header, len - header, now_us) ||
	    kg_kcp_input(trial->kcp, body + header, len - header, now_us, &events) != KG_DROP_NONE)
		return KG_VERDICT_FOREIGN;
	chain = kg_kcp_recv(trial->kcp);
	if (chain == NULL)
		return KG_VERDICT_WAITING;
	return is_answer(chain) ? KG_VERDICT_ANSWERED : KG_VERDICT_FOREIGN;
}

static enum kg_verdict_kind open_and_judge(struct kg_trial *trial, struct kg_profile_job *job,
					   uint64_t now_us, uint32_t unix_s)
{
	/* Who has no key seals the same to the same bytes. */
	bool echo = trial->tunnel->key.alg->spec->keyed &&
		    kg_hash64(job->data, job->len, 0) == trial->question_hash;

	trial->tunnel->profile->open(&trial->tunnel->key, job, 1, unix_s);
	switch (job->drop) {
	case KG_DROP_NONE:
		return trial->kcp != NULL ? judge(trial, job->data, job->len, now_us)
					  : judge_bare(trial, job->data, job->len, echo);
	case KG_DROP_CLOCK_SKEW:
		trial->clock->known = true;
		trial->clock->skew_s = job->skew_s;
		return KG_VERDICT_CLOCK;
	case KG_DROP_AUTH_FAILED:
		return KG_VERDICT_UNDECRYPTABLE;
	default:
		return KG_VERDICT_FOREIGN;
	}
}

void kg_trial_input(struct kg_trial *trial, uint8_t *datagram, uint16_t len, uint64_t now_us,
		    uint32_t unix_s)
{
	struct kg_profile_job job = { .data = datagram, .len = len };
	struct kg_verdict verdict = { .kind = open_and_judge(trial, &job, now_us, unix_s) };

	verdict.skew_s = job.skew_s;
	verdict.after_us = verdict.after_max_us = (uint32_t)(now_us - trial->asked_us);
	verdict.questions = trial->questions;
	sign(trial, &verdict, now_us);
}

void kg_trial_unreachable(struct kg_trial *trial, const char *why, const struct kg_ip *by,
			  uint64_t now_us)
{
	const struct kg_verdict verdict = { .kind = KG_VERDICT_UNREACHABLE, .why = why, .by = *by };

	sign(trial, &verdict, now_us);
}

/* ---- time ---- */

uint64_t kg_trial_deadline_us(const struct kg_trial *trial)
{
	uint64_t deadline_us = trial->again_us;

	if (trial->kcp != NULL)
		deadline_us = kg_framing_deadline_us(&trial->framing, trial->kcp);

	if (stamps_wait(trial))
		deadline_us = KG_MIN(deadline_us, trial->next_stamp_us);
	return KG_MIN(deadline_us, trial->end_us);
}

bool kg_trial_is_over(struct kg_trial *trial, uint64_t now_us)
{
	if (trial->verdict.kind == KG_VERDICT_ANSWERED)
		return true;
	if (now_us < trial->end_us)
		return false;
	if (trial->verdict.kind == KG_VERDICT_WAITING)
		trial->verdict.kind = KG_VERDICT_NO_ANSWER;
	return true;
}
