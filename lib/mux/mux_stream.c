/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Leads a stream of a mux channel through its life and its ends. What ends it behaves as on a
 * channel of its own (session/channel_end.c): between boxes each direction ends by itself,
 * mux_cancel cuts both off; an original knows mux_cancel alone, so towards one a client waits for
 * the answer first.
 *
 * Its timer:
 *   waiting   30 s          client: no mux channel has opened
 *   idle      udp_timeout   UDP: no data in either direction
 *   stale     udp_deadline  UDP: what waits is too old
 *   answer    answer_wait_s client: see above
 *   linger    255 s         what was sent before the end is still to go, and nobody takes it: the
 *                           peer is told mux_cancel instead, once the channel has room for that
 *   return    2 s           credit beyond the first that is not used, for the peer to give others
 */
#include "mux/internal.h"

#define WAITING_US (30ull * KG_US_PER_S)
#define LINGER_US  (255ull * KG_US_PER_S)
#define RETURN_US  (2ull * KG_US_PER_S)

/* ---- ends ---- */

static enum kg_ends_way way_of(const struct kg_mux_stream *ms)
{
	const struct kg_streams *s = ms->streams;

	if (kg_mux_stream_has_credit(ms))
		return KG_ENDS_EACH;
	if (ms->protocol != KG_PROTOCOL_TCP || kg_streams_is_server(s) ||
	    s->config.session.answer_wait_s == 0)
		return KG_ENDS_AT_ONCE;
	return KG_ENDS_ANSWERED;
}

enum kg_ends_deed kg_mux_stream_note(struct kg_mux_stream *ms, enum kg_ends_event event)
{
	struct kg_ends_step step = kg_ends_next(ms->ends, ms->way, event);

	ms->ends = step.ends;
	return step.deed;
}

/* Of a stream with an id: notes the event, and says what is to be said, behind its data. */
static void on_end(struct kg_mux_stream *ms, enum kg_ends_event event, uint64_t now_us)
{
	switch (kg_mux_stream_note(ms, event)) {
	case KG_ENDS_SAY_FINISH:
		ms->last_word = KG_FEATURE_MUX_FINISH;
		break;
	case KG_ENDS_SAY_CUT:
		ms->last_word = KG_FEATURE_MUX_CANCEL;
		break;
	case KG_ENDS_AWAIT:
		ms->last_data_us = now_us; /* from now on */
		break;
	default:
		return;
	}
	kg_mux_wake(ms, now_us);
}

/* ---- timer ---- */

static uint64_t idle_us(const struct kg_mux_stream *ms)
{
	uint32_t timeout_s = ms->streams->config.session.udp_timeout_s;

	if (ms->protocol != KG_PROTOCOL_UDP || timeout_s == 0)
		return KG_NEVER_US;
	return ms->last_data_us + (uint64_t)timeout_s * KG_US_PER_S;
}

static uint64_t answer_us(const struct kg_mux_stream *ms)
{
	bool waits = ms->mux != NULL && ms->way == KG_ENDS_ANSWERED && ms->last_word == 0;

	if (!waits || (ms->ends & KG_ENDS_OURS) == 0)
		return KG_NEVER_US;
	return ms->last_data_us + (uint64_t)ms->streams->config.session.answer_wait_s * KG_US_PER_S;
}

static uint64_t return_us(const struct kg_mux_stream *ms)
{
	bool any = kg_mux_stream_returns(ms) && !ms->return_due && (ms->ends & KG_ENDS_OURS) == 0 &&
		   ms->out_credit_bytes > (int64_t)KG_MUX_CREDIT_FIRST_BYTES;

	return any ? ms->used_us + RETURN_US : KG_NEVER_US;
}

/* Over, and there is only a word left, which waits for room as long as the channel lives. */
static bool has_only_a_word(const struct kg_mux_stream *ms)
{
	return ms->out.head == NULL && !ms->greet && ms->last_word != 0;
}

static bool is_retired(const struct kg_mux_stream *ms)
{
	return ms->stream == NULL && ms->mux == NULL;
}

static uint64_t deadline_us(const struct kg_mux_stream *ms)
{
	switch ((enum kg_mux_state)ms->state) {
	case KG_MUX_WAITING:
		return KG_MIN(ms->opened_us + WAITING_US, kg_mux_stream_stale_us(ms));
	case KG_MUX_CONNECTING:
		break;
	case KG_MUX_OPEN:
		return KG_MIN(KG_MIN(idle_us(ms), answer_us(ms)),
			      KG_MIN(return_us(ms), kg_mux_stream_stale_us(ms)));
	case KG_MUX_CLOSED:
		if (is_retired(ms))
			return 0;
		return ms->mux == NULL || has_only_a_word(ms) ? KG_NEVER_US
							      : ms->closed_us + LINGER_US;
	}
	return KG_NEVER_US;
}

void kg_mux_stream_arm(struct kg_mux_stream *ms)
{
	kg_twheel_arm(ms->streams->wheel, &ms->timer, deadline_us(ms));
}

/* What was sent is not whole any more, so its end is none either. */
static void give_up_data(struct kg_mux_stream *ms, uint64_t now_us)
{
	kg_buf_queue_clear(&ms->out);
	if (ms->greet || ms->last_word == 0) {
		kg_mux_stream_leave(ms, now_us); /* nothing to tell */
		return;
	}
	ms->finish_due = false;
	ms->last_word = KG_FEATURE_MUX_CANCEL;
	kg_mux_wake(ms, now_us);
}

static void on_due(struct kg_mux_stream *ms, uint64_t now_us)
{
	if (kg_mux_stream_drop_stale(ms, now_us))
		return;
	if (ms->state == KG_MUX_WAITING) {
		kg_mux_stream_cut(ms, KG_CLOSE_HANDSHAKE, "", now_us);
	} else if (ms->state == KG_MUX_CLOSED) {
		give_up_data(ms, now_us);
	} else if (now_us >= idle_us(ms)) {
		kg_mux_stream_cut(ms, KG_CLOSE_IDLE, "", now_us);
	} else if (now_us >= return_us(ms)) {
		ms->return_due = true;
		kg_mux_wake(ms, now_us);
	} else {
		on_end(ms, KG_ENDS_HAS_WAITED, now_us);
	}
}

static void on_timer(struct kg_timer *timer, uint64_t now_us)
{
	struct kg_mux_stream *ms = KG_CONTAINER_OF(timer, struct kg_mux_stream, timer);

	if (is_retired(ms)) {
		kg_mux_stream_destroy(ms);
		return;
	}
	if (now_us >= deadline_us(ms))
		on_due(ms, now_us);
	kg_mux_stream_arm(ms);
}

/* ---- credit ---- */

static int64_t promised_bytes(const struct kg_mux_stream *ms)
{
	int64_t beyond = ms->in_credit_bytes - KG_MUX_CREDIT_FIRST_BYTES;

	return kg_mux_stream_returns(ms) ? KG_MAX(beyond, (int64_t)0) : 0;
}

void kg_mux_stream_promise(struct kg_mux_stream *ms, int64_t more_bytes)
{
	ms->streams->promised_bytes -= promised_bytes(ms);
	ms->in_credit_bytes += more_bytes;
	ms->streams->promised_bytes += promised_bytes(ms);
}

void kg_mux_stream_on_credit(struct kg_mux_stream *ms, uint32_t bytes, uint64_t now_us)
{
	ms->out_credit_bytes += bytes;
	ms->used_us = now_us;
	kg_mux_stream_arm(ms);
	kg_mux_wake(ms, now_us);
}

/* ---- life ---- */

static void believe(struct kg_mux_stream *ms)
{
	if (!ms->doubted)
		return;
	ms->doubted = false;
	TAILQ_REMOVE(&ms->streams->doubted, ms, doubted_link);
	ms->streams->doubted_count--;
}

void kg_mux_stream_on_exchange(struct kg_mux_stream *ms, bool in)
{
	if (ms->doubted && kg_exchange_note(&ms->exchange, in))
		believe(ms);
}

static void hold(struct kg_mux_stream *ms)
{
	struct kg_streams *s = ms->streams;

	ms->held = true;
	s->held++;
	if (ms->protocol != KG_PROTOCOL_UDP)
		return;
	s->udp_held++;
	ms->doubted = true;
	TAILQ_INSERT_TAIL(&s->doubted, ms, doubted_link);
	s->doubted_count++;
}

static void let_go(struct kg_mux_stream *ms)
{
	struct kg_streams *s = ms->streams;

	believe(ms);
	if (!ms->held)
		return;
	ms->held = false;
	s->held--;
	s->udp_held -= ms->protocol == KG_PROTOCOL_UDP;
}

static bool udp_is_full(const struct kg_streams *s)
{
	uint32_t max = s->config.session.udp_max;

	return max != 0 && s->udp_held >= max;
}

/* As on channels of their own: the oldest UDP stream in doubt gives way. */
static bool make_room(struct kg_streams *s, enum kg_protocol protocol, uint64_t now_us)
{
	const struct kg_session_config *config = &s->config.session;
	bool share_full = config->doubted_max != 0 && s->doubted_count >= config->doubted_max;
	bool udp = protocol == KG_PROTOCOL_UDP;

	if (udp && (udp_is_full(s) || share_full) && !TAILQ_EMPTY(&s->doubted))
		kg_mux_stream_cut(TAILQ_FIRST(&s->doubted), KG_CLOSE_GAVE_WAY, "", now_us);
	return kg_streams_count(s) < config->channels_max && s->held < config->channels_max &&
	       kg_mem_allows(s->mem, 0) && !(udp && udp_is_full(s));
}

struct kg_mux_stream *kg_mux_stream_create(struct kg_streams *s, enum kg_protocol protocol,
					   uint64_t now_us)
{
	struct kg_mux_stream *ms = NULL;

	if (make_room(s, protocol, now_us))
		ms = kg_mem_alloc(s->mem, sizeof(*ms));
	if (ms == NULL)
		return NULL;
	ms->streams = s;
	ms->timer = (struct kg_timer){ .deadline_us = KG_NEVER_US, .fire = on_timer };
	ms->protocol = (uint8_t)protocol;
	ms->opened_us = ms->last_data_us = now_us;
	kg_buf_queue_init(&ms->out);
	kg_buf_queue_init(&ms->in);
	TAILQ_INSERT_TAIL(&s->waiting, ms, link);
	hold(ms);
	s->stats.opened++;
	kg_mux_stream_arm(ms);
	return ms;
}

static struct kg_mux_stream_list *home_of(struct kg_mux_stream *ms)
{
	if (ms->mux != NULL)
		return &ms->mux->members;
	return ms->state == KG_MUX_WAITING ? &ms->streams->waiting : &ms->streams->adrift;
}

void kg_mux_stream_destroy(struct kg_mux_stream *ms)
{
	struct kg_streams *s = ms->streams;

	let_go(ms);
	TAILQ_REMOVE(home_of(ms), ms, link);
	s->stats.closed += ms->state != KG_MUX_CLOSED;
	kg_twheel_cancel(s->wheel, &ms->timer);
	kg_buf_queue_clear(&ms->out);
	kg_buf_queue_clear(&ms->in);
	kg_mux_stream_on_taken(ms, 0);
	kg_mem_free(s->mem, ms, sizeof(*ms));
}

bool kg_mux_stream_join(struct kg_mux_stream *ms, struct kg_mux *mux, uint32_t id)
{
	if (!kg_u32map_insert(&mux->by_id, id, ms))
		return false;
	TAILQ_REMOVE(home_of(ms), ms, link);
	TAILQ_INSERT_TAIL(&mux->members, ms, link);
	mux->count++;
	ms->mux = mux;
	ms->id = id;
	ms->way = (uint8_t)way_of(ms);
	ms->out_credit_bytes = ms->in_credit_bytes =
		mux->returns ? KG_MUX_CREDIT_FIRST_BYTES : KG_MUX_CREDIT_BYTES;
	ms->grant_due = kg_mux_stream_returns(ms);
	return true;
}

void kg_mux_stream_leave(struct kg_mux_stream *ms, uint64_t now_us)
{
	struct kg_mux *mux = ms->mux;

	if (mux == NULL)
		return;
	kg_mux_stream_promise(ms, -ms->in_credit_bytes);
	kg_buf_queue_clear(&ms->out);
	kg_u32map_remove(&mux->by_id, ms->id);
	TAILQ_REMOVE(&mux->members, ms, link);
	TAILQ_INSERT_TAIL(&ms->streams->adrift, ms, link);
	mux->count--;
	if (ms->ready)
		TAILQ_REMOVE(&mux->ready, ms, ready_link);
	ms->ready = false;
	ms->mux = NULL;
	kg_mux_stream_arm(ms);
	if (mux->open && !ms->heard_out)
		kg_mux_remember(mux, ms->id, now_us);
	kg_mux_unstall(mux, ms, now_us);
	kg_mux_settle(mux, now_us);
}

void kg_mux_stream_close(struct kg_mux_stream *ms, enum kg_close why, const char *text,
			 uint64_t now_us)
{
	struct kg_streams *s = ms->streams;

	if (ms->state == KG_MUX_CLOSED)
		return;
	if (ms->state == KG_MUX_WAITING) {
		TAILQ_REMOVE(&s->waiting, ms, link);
		TAILQ_INSERT_TAIL(&s->adrift, ms, link);
	}
	ms->state = KG_MUX_CLOSED;
	ms->closed_us = now_us;
	believe(ms); /* no longer one that could give way */
	s->stats.closed++;
	s->stats.gave_way += why == KG_CLOSE_GAVE_WAY;
	kg_mux_stream_arm(ms);
	s->ops.closed(s->host, ms->stream, why, text);
}

void kg_mux_stream_free(struct kg_mux_stream *ms)
{
	ms->stream = NULL;
	let_go(ms);
	kg_mux_stream_discard(ms, kg_session_now_us(ms->streams->session));
	kg_mux_stream_arm(ms);
}

/* ---- beginnings ---- */

bool kg_mux_stream_attach(struct kg_mux_stream *ms, struct kg_mux *mux, uint64_t now_us)
{
	struct kg_streams *s = ms->streams;

	if (!kg_mux_stream_join(ms, mux, kg_mux_new_id(mux)))
		return false;
	ms->state = KG_MUX_OPEN;
	ms->greet = ms->protocol == KG_PROTOCOL_TCP || ms->target != NULL;
	kg_mux_wake(ms, now_us);
	on_end(ms, KG_ENDS_MAY_SPEAK, now_us);
	kg_mux_stream_arm(ms);
	if (ms->state == KG_MUX_OPEN)
		s->ops.opened(s->host, ms->stream);
	return true;
}

void kg_mux_stream_connected(struct kg_mux_stream *ms, uint64_t now_us)
{
	if (ms->state != KG_MUX_CONNECTING)
		return;
	ms->state = KG_MUX_OPEN;
	ms->last_data_us = now_us;
	kg_mux_stream_arm(ms);
	if (ms->in.head != NULL)
		kg_mux_stream_tell_readable(ms);
	else
		kg_mux_stream_tell_ends(ms, now_us);
}

/* ---- ends ---- */

void kg_mux_stream_settle(struct kg_mux_stream *ms, uint64_t now_us)
{
	if (!kg_ends_are_over(ms->ends) || ms->last_word != 0 || ms->state == KG_MUX_CLOSED)
		return;
	kg_mux_stream_leave(ms, now_us);
	kg_mux_stream_close(ms, KG_CLOSE_FINISHED, "", now_us);
}

void kg_mux_stream_tell_ends(struct kg_mux_stream *ms, uint64_t now_us)
{
	bool cut = (ms->ends & KG_ENDS_CUT) != 0;
	enum kg_ends_deed deed;

	if (ms->state == KG_MUX_CLOSED || ms->in.head != NULL || !(ms->state == KG_MUX_OPEN || cut))
		return;
	deed = kg_mux_stream_note(ms, KG_ENDS_ALL_READ);
	if (deed == KG_ENDS_TELL) {
		if (ms->state == KG_MUX_OPEN)
			ms->streams->ops.finished(ms->streams->host, ms->stream);
		kg_mux_stream_settle(ms, now_us);
		deed = kg_mux_stream_note(ms, KG_ENDS_ALL_READ);
	}
	if (deed == KG_ENDS_CLOSE || deed == KG_ENDS_CLOSE_RESET)
		kg_mux_stream_close(ms, deed == KG_ENDS_CLOSE ? KG_CLOSE_PEER : KG_CLOSE_RESET, "",
				    now_us);
}

void kg_mux_stream_finish(struct kg_mux_stream *ms, uint64_t now_us)
{
	if ((ms->ends & KG_ENDS_OURS) != 0 || ms->state == KG_MUX_CLOSED)
		return;
	if (ms->state == KG_MUX_CONNECTING) {
		kg_mux_stream_cut(ms, KG_CLOSE_REFUSED, "the destination closed the connection",
				  now_us);
		return;
	}
	kg_mux_stream_note(ms, KG_ENDS_FINISHES);
	if (ms->mux == NULL)
		return;
	on_end(ms, KG_ENDS_MAY_SPEAK, now_us);
	kg_mux_stream_arm(ms);
}

void kg_mux_stream_cut(struct kg_mux_stream *ms, enum kg_close why, const char *text,
		       uint64_t now_us)
{
	if (ms->state == KG_MUX_CLOSED)
		return;
	if (kg_mux_stream_note(ms, KG_ENDS_ABORTS) == KG_ENDS_DROP_AND_CUT)
		kg_buf_queue_clear(&ms->out);
	ms->grant_due = ms->return_due = false;
	kg_mux_stream_promise(ms, -ms->in_credit_bytes);
	ms->finish_due = ms->last_word == KG_FEATURE_MUX_FINISH;
	ms->last_word = KG_FEATURE_MUX_CANCEL;
	kg_mux_stream_close(ms, why, text, now_us);
	if (ms->mux == NULL)
		return;
	if (ms->greet && ms->out.head == NULL)
		kg_mux_stream_leave(ms, now_us); /* nothing to tell */
	else
		kg_mux_wake(ms, now_us);
}

void kg_mux_stream_abort(struct kg_mux_stream *ms, uint64_t now_us)
{
	bool unanswered = ms->state == KG_MUX_CONNECTING;

	kg_mux_stream_cut(ms, unanswered ? KG_CLOSE_REFUSED : KG_CLOSE_ABORTED, "", now_us);
}
