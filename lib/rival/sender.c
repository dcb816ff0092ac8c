/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends what a congestion control allows, finds out what became of it, and tells. */
#include "rival/sender.h"

#include "rival/receiver.h"

#include <stdlib.h>

#define FLYING       65536u /* pn that may be undecided at once */
#define THRESHOLD    3u     /* RFC 9002 §6.1.1 */
#define RTO_FIRST_US KG_US_PER_S
#define RTO_MIN_US   200000u
#define RTO_MAX_US   (10ull * KG_US_PER_S)
#define CATCH_UP_US  1000u /* what was not sent in time may be caught up with at once */

struct flying {
	uint64_t sent_us, first_sent_us, delivered_us;
	uint64_t delivered, lost; /* of the flow, when it left */
	uint32_t sn, in_flight;
	enum {
		DECIDED,
		UNDER_WAY,
		TAKEN_FOR_LOST,
	} state;
};

struct kg_rival_sender {
	const struct kg_rival_ops *ops;
	void *rival;
	struct flying *flying; /* by pn */
	uint32_t *again;       /* sn that go again: a ring */
	uint32_t again_first, again_count;
	uint32_t pn_una, pn_next, sn_una, sn_next;
	uint32_t in_flight, threshold;
	uint64_t delivered, lost;
	uint64_t delivered_us, first_sent_us;
	uint64_t heard_us;
	uint32_t srtt_us, rttvar_us, timeouts;
	double next_us; /* when pace lets the next leave */
};

void kg_rival_sender_destroy(struct kg_rival_sender *s)
{
	if (s == NULL)
		return;
	free(s->rival);
	free(s->flying);
	free(s->again);
	free(s);
}

struct kg_rival_sender *kg_rival_sender_create(const struct kg_rival_ops *ops,
					       const struct kg_rival_params *params)
{
	struct kg_rival_sender *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->ops = ops;
	s->threshold = THRESHOLD;
	s->rival = calloc(1, ops->bytes);
	s->flying = calloc(FLYING, sizeof(*s->flying));
	s->again = calloc(FLYING, sizeof(*s->again));
	if (s->rival == NULL || s->flying == NULL || s->again == NULL) {
		kg_rival_sender_destroy(s);
		return NULL;
	}
	ops->init(s->rival, params);
	return s;
}

static struct flying *flying(struct kg_rival_sender *s, uint32_t pn)
{
	return &s->flying[pn % FLYING];
}

/* ---- what became of it ---- */

static void sample_rtt(struct kg_rival_sender *s, uint32_t rtt_us)
{
	uint32_t off_us = rtt_us > s->srtt_us ? rtt_us - s->srtt_us : s->srtt_us - rtt_us;

	s->rttvar_us = s->srtt_us == 0 ? rtt_us / 2 : (3 * s->rttvar_us + off_us) / 4;
	s->srtt_us = s->srtt_us == 0 ? rtt_us : (7 * s->srtt_us + rtt_us) / 8;
}

/* The slower of sending and of delivery, while it was under way. */
static double rate_pps(const struct kg_rival_sender *s, const struct flying *f, uint64_t now_us)
{
	uint64_t sent_in_us = f->sent_us - f->first_sent_us;
	uint64_t delivered_in_us = now_us - f->delivered_us;
	uint64_t took_us = KG_MAX(KG_MAX(sent_in_us, delivered_in_us), 1u);

	return (double)(s->delivered - f->delivered) * 1e6 / (double)took_us;
}

static void on_arrived(struct kg_rival_sender *s, uint32_t pn, uint64_t now_us)
{
	struct flying *f = flying(s, pn);
	struct kg_rival_ack ack = {
		.now_us = now_us,
		.sent_us = f->sent_us,
		.rtt_us = (uint32_t)KG_MAX(now_us - f->sent_us, 1u),
		.delivered_then = f->delivered,
	};

	s->in_flight -= f->state == UNDER_WAY;
	f->state = DECIDED;
	s->delivered++;
	s->delivered_us = now_us;
	s->first_sent_us = f->sent_us;
	sample_rtt(s, ack.rtt_us);
	ack.rate_pps = rate_pps(s, f, now_us);
	ack.delivered = s->delivered;
	ack.in_flight = s->in_flight;
	s->ops->on_ack(s->rival, &ack);
}

static void lose(struct kg_rival_sender *s, struct flying *f)
{
	f->state = TAKEN_FOR_LOST;
	s->in_flight--;
	s->lost++;
	if (f->sn >= s->sn_una && s->again_count < FLYING)
		s->again[(s->again_first + s->again_count++) % FLYING] = f->sn;
}

static void on_lost(struct kg_rival_sender *s, uint32_t pn, uint64_t now_us)
{
	struct flying *f = flying(s, pn);

	lose(s, f);
	s->ops->on_loss(s->rival, &(struct kg_rival_loss){
					  .now_us = now_us,
					  .sent_us = f->sent_us,
					  .in_flight_then = f->in_flight,
					  .lost_since = (uint32_t)(s->lost - f->lost),
				  });
}

static bool has_arrived(const struct kg_rival_acks *acks, uint32_t pn)
{
	uint32_t n = acks->greatest - pn - 1;

	return pn == acks->greatest ||
	       (n < KG_RIVAL_ACKED && (acks->before[n / 64] >> n % 64 & 1) != 0);
}

/* What arrives late shows how far the path reorders. */
static void widen(struct kg_rival_sender *s, uint32_t behind)
{
	s->threshold = KG_MAX(s->threshold, KG_MIN(behind + 1, KG_RIVAL_ACKED));
}

void kg_rival_sender_hear(struct kg_rival_sender *s, const struct kg_rival_acks *acks,
			  uint64_t now_us)
{
	uint32_t least = acks->greatest < KG_RIVAL_ACKED ? 0 : acks->greatest - KG_RIVAL_ACKED;

	s->heard_us = now_us;
	s->timeouts = 0;
	s->sn_una = KG_MAX(s->sn_una, acks->una);
	for (uint32_t pn = KG_MAX(least, s->pn_una); pn <= acks->greatest; pn++) {
		if (flying(s, pn)->state == DECIDED || !has_arrived(acks, pn))
			continue;
		if (flying(s, pn)->state == TAKEN_FOR_LOST)
			widen(s, acks->greatest - pn);
		on_arrived(s, pn, now_us);
	}
	for (uint32_t pn = s->pn_una; pn + s->threshold <= acks->greatest; pn++) {
		if (flying(s, pn)->state == UNDER_WAY)
			on_lost(s, pn, now_us);
	}
	/* Undecided ones are remembered as long as acknowledgements may tell of them. */
	while (s->pn_una < least ||
	       (s->pn_una < s->pn_next && flying(s, s->pn_una)->state == DECIDED))
		s->pn_una++;
}

/* ---- time-outs ---- */

static uint64_t rto_us(const struct kg_rival_sender *s)
{
	uint64_t rto =
		s->srtt_us == 0 ? RTO_FIRST_US : KG_MAX(s->srtt_us + 4 * s->rttvar_us, RTO_MIN_US);

	return KG_MIN(rto << KG_MIN(s->timeouts, 16u), RTO_MAX_US);
}

static uint64_t timeout_us(const struct kg_rival_sender *s)
{
	return s->in_flight == 0 ? KG_NEVER_US : s->heard_us + rto_us(s);
}

static void time_out(struct kg_rival_sender *s, uint64_t now_us)
{
	for (uint32_t pn = s->pn_una; pn < s->pn_next; pn++) {
		if (flying(s, pn)->state == UNDER_WAY)
			lose(s, flying(s, pn));
	}
	s->timeouts++;
	s->heard_us = now_us;
	if (s->ops->on_silence != NULL)
		s->ops->on_silence(s->rival, now_us);
}

/* ---- output ---- */

static bool next_sn(struct kg_rival_sender *s, uint32_t *sn)
{
	while (s->again_count > 0) {
		*sn = s->again[s->again_first];
		s->again_first = (s->again_first + 1) % FLYING;
		s->again_count--;
		if (*sn >= s->sn_una)
			return true;
	}
	if (s->sn_next >= s->sn_una + KG_RIVAL_WINDOW)
		return false;
	*sn = s->sn_next++;
	return true;
}

static void depart(struct kg_rival_sender *s, uint64_t now_us, uint32_t sn)
{
	if (s->in_flight == 0) {
		s->first_sent_us = s->delivered_us = now_us;
		s->heard_us = now_us;
	}
	*flying(s, s->pn_next) = (struct flying){
		.sent_us = now_us,
		.first_sent_us = s->first_sent_us,
		.delivered_us = s->delivered_us,
		.delivered = s->delivered,
		.lost = s->lost,
		.sn = sn,
		.in_flight = ++s->in_flight,
		.state = UNDER_WAY,
	};
	s->pn_next++;
}

/* After a time-out one goes at a time until something is heard. */
static bool has_room(const struct kg_rival_sender *s, const struct kg_rival_leave *leave)
{
	double window = s->timeouts > 0 ? 1 : leave->window;

	return s->in_flight + 1 <= window && s->pn_next - s->pn_una < FLYING;
}

bool kg_rival_sender_next(struct kg_rival_sender *s, uint64_t now_us, struct kg_rival_data *data)
{
	struct kg_rival_leave leave;

	if (now_us >= timeout_us(s))
		time_out(s, now_us);
	s->ops->leave(s->rival, &leave);
	if (!has_room(s, &leave) || (leave.pps > 0 && s->next_us > (double)now_us) ||
	    !next_sn(s, &data->sn))
		return false;
	data->pn = s->pn_next;
	depart(s, now_us, data->sn);
	s->next_us = KG_MAX(s->next_us, (double)now_us - CATCH_UP_US);
	s->next_us = leave.pps > 0 ? s->next_us + 1e6 / leave.pps : (double)now_us;
	return true;
}

uint64_t kg_rival_sender_deadline_us(const struct kg_rival_sender *s)
{
	struct kg_rival_leave leave;

	s->ops->leave(s->rival, &leave);
	if (!has_room(s, &leave) ||
	    (s->again_count == 0 && s->sn_next >= s->sn_una + KG_RIVAL_WINDOW))
		return timeout_us(s);
	return KG_MIN(leave.pps > 0 ? (uint64_t)s->next_us + 1 : 0, timeout_us(s));
}
