/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs two engines and the links between them from event to event. */
#include "sim/talk.h"

#include "base/bits.h"
#include "base/twheel.h"
#include "session/framing.h"
#include "session/session.h"

#include <stdlib.h>
#include <string.h>

enum {
	SENDER,
	RECEIVER,
	ENDS
};

struct path {
	const struct kg_talk_params *params;
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_rng rng;
	struct kg_fec *fec; /* NULL: off */
	struct kg_kcp *kcp[ENDS];
	struct kg_framing framing[ENDS];
	struct kg_sim_link link[ENDS]; /* from each */
	uint64_t timer_us[ENDS];       /* when the end looks at its engine again */
	uint64_t now_us, began_us, moved_us;
	uint64_t due_us;  /* when the next message is said */
	int speaker;      /* by whom */
	uint64_t ball_us; /* ping-pong: when the ball in hand was thrown first */
	uint32_t sent, arrived;
	uint32_t *latency_us; /* of each message that arrived */
};

static bool end_init(struct path *p, int end)
{
	p->kcp[end] = kg_kcp_create(&p->params->kcp, &p->mem, &p->pool.pool, p->now_us);
	kg_sim_link_init(&p->link[end], &p->params->link, &p->rng);
	kg_framing_init(&p->framing[end], p->fec);
	p->timer_us[end] = KG_NEVER_US;
	if (p->kcp[end] == NULL ||
	    !kg_framing_start(&p->framing[end], p->kcp[end], p->params->kcp.conv))
		return false;
	kg_framing_trust(&p->framing[end]);
	return true;
}

static bool path_init(struct path *p, const struct kg_talk_params *params)
{
	bool ready;

	*p = (struct path){ .params = params, .now_us = KG_US_PER_S };
	p->began_us = p->moved_us = p->due_us = p->now_us;
	kg_mem_malloc_init(&p->mem);
	kg_buf_malloc_pool_init(&p->pool, SIZE_MAX);
	kg_rng_init(&p->rng, params->seed);
	p->latency_us = calloc(params->messages, sizeof(*p->latency_us));
	if (params->rs != NULL)
		p->fec = kg_fec_create(params->data, params->parity, params->rs,
				       &kg_session_fec_content, &p->mem);
	ready = p->latency_us != NULL && (params->rs == NULL || p->fec != NULL);
	for (int end = 0; end < ENDS; end++)
		ready = end_init(p, end) && ready;
	return ready;
}

static void path_fini(struct path *p)
{
	for (int end = 0; end < ENDS; end++) {
		kg_framing_fini(&p->framing[end]);
		kg_kcp_destroy(p->kcp[end]);
		kg_sim_link_fini(&p->link[end]);
	}
	kg_fec_destroy(p->fec);
	free(p->latency_us);
}

/* ---- applications ---- */

/* A message says when its round began, behind its kind. */
static bool say(struct path *p, int end, uint64_t round_us)
{
	uint64_t words = round_us << 8 | p->params->kcp.early_kind;
	struct kg_buf *buf = kg_buf_alloc(&p->pool.pool, p->params->message_bytes);

	if (buf == NULL)
		return false;
	buf->len = p->params->message_bytes;
	memset(buf->data, 0, buf->len);
	memcpy(buf->data, &words, sizeof(words));
	if (kg_kcp_send(p->kcp[end], buf, p->now_us))
		return true;
	kg_buf_free(buf);
	return false;
}

static void write_bulk(struct path *p)
{
	while (p->sent < p->params->messages &&
	       kg_kcp_unacked(p->kcp[SENDER]) < 2u * p->params->kcp.snd_wnd &&
	       say(p, SENDER, p->now_us))
		p->sent++;
	p->due_us = KG_NEVER_US;
}

static void write_due(struct path *p)
{
	uint64_t round_us = p->speaker == SENDER ? p->now_us : p->ball_us;

	if (p->due_us > p->now_us || !say(p, p->speaker, round_us))
		return;
	p->sent += p->speaker == SENDER;
	if (p->params->load == KG_TALK_STEADY && p->sent < p->params->messages)
		p->due_us += p->params->interval_us;
	else
		p->due_us = KG_NEVER_US;
}

static void on_message(struct path *p, int end, uint64_t round_us)
{
	p->moved_us = p->now_us;
	if (p->params->load == KG_TALK_PING_PONG && end == RECEIVER) {
		p->speaker = RECEIVER;
		p->ball_us = round_us;
		p->due_us = p->now_us + p->params->interval_us;
		return;
	}
	p->latency_us[p->arrived++] = (uint32_t)(p->now_us - round_us);
	if (p->params->load == KG_TALK_PING_PONG && p->sent < p->params->messages) {
		p->speaker = SENDER;
		p->due_us = p->now_us;
	}
}

static void read_all(struct path *p, int end)
{
	struct kg_buf *message;
	uint64_t words;

	while ((message = kg_kcp_recv(p->kcp[end])) != NULL) {
		memcpy(&words, message->data, sizeof(words));
		kg_buf_free_chain(message);
		on_message(p, end, words >> 8);
	}
}

/* ---- network ---- */

static void receive(struct path *p, int end)
{
	struct kg_sim_link_packet *packet;
	unsigned int events;

	while ((packet = kg_sim_link_receive(&p->link[!end], p->now_us)) != NULL) {
		kg_framing_input(&p->framing[end], p->kcp[end], packet->bytes, packet->len,
				 p->now_us, &events);
		free(packet);
	}
}

static void transmit(struct path *p, int end)
{
	static const struct kg_endpoint nowhere;
	uint8_t out[KG_KCP_MTU_MAX + KG_FEC_OVERHEAD_BYTES];
	struct kg_framing *framing = &p->framing[end];
	uint64_t due_us;
	uint16_t len;

	while ((len = kg_framing_output(framing, p->kcp[end], p->now_us, out)) > 0)
		kg_sim_link_send(&p->link[end], p->now_us, &nowhere, &nowhere, out, len);
	due_us = kg_framing_deadline_us(framing, p->kcp[end]);
	p->timer_us[end] = due_us == KG_NEVER_US ? KG_NEVER_US
						 : (due_us + KG_TWHEEL_TICK_US - 1) /
							   KG_TWHEEL_TICK_US * KG_TWHEEL_TICK_US;
}

static void step(struct path *p)
{
	for (int end = 0; end < ENDS; end++) {
		receive(p, end);
		read_all(p, end);
	}
	if (p->params->load == KG_TALK_BULK)
		write_bulk(p);
	else
		write_due(p);
	for (int end = 0; end < ENDS; end++)
		transmit(p, end);
}

static uint64_t next_us(const struct path *p)
{
	uint64_t next = p->due_us;

	for (int end = 0; end < ENDS; end++)
		next = KG_MIN(next, KG_MIN(p->timer_us[end], kg_sim_link_next_us(&p->link[end])));
	return KG_MAX(next, p->now_us + 1);
}

/* ---- result ---- */

static void summarise(struct path *p, struct kg_talk_result *result)
{
	uint32_t n = p->arrived, *latency_us = p->latency_us;
	struct kg_kcp_stats sender, receiver;

	kg_kcp_get_stats(p->kcp[SENDER], &sender);
	kg_kcp_get_stats(p->kcp[RECEIVER], &receiver);
	qsort(latency_us, n, sizeof(*latency_us), kg_compare_u32);
	*result = (struct kg_talk_result){
		.took_us = p->moved_us - p->began_us,
		.payload_bytes = (sender.sent + receiver.sent) * p->params->message_bytes,
		.wire_bytes = p->link[SENDER].sent_bytes + p->link[RECEIVER].sent_bytes,
		.packets = { p->link[SENDER].sent, p->link[RECEIVER].sent },
		.overflowed = p->link[SENDER].overflowed + p->link[RECEIVER].overflowed,
		.sent = sender.sent,
		.resent = sender.resent_fast + sender.resent_timeout + sender.resent_twin,
		.needless = receiver.duplicates,
		.latency_p50_us = latency_us[n / 2],
		.latency_p90_us = latency_us[(uint64_t)n * 90 / 100],
		.latency_p99_us = latency_us[(uint64_t)n * 99 / 100],
	};
	for (int end = 0; end < ENDS; end++)
		kg_framing_add_stats(&p->framing[end], &result->fec);
}

/* All is said, has arrived, and is acknowledged. */
static bool finished(const struct path *p)
{
	return p->arrived == p->params->messages && kg_kcp_unacked(p->kcp[SENDER]) == 0 &&
	       kg_kcp_unacked(p->kcp[RECEIVER]) == 0;
}

bool kg_talk_run(const struct kg_talk_params *params, struct kg_talk_result *result)
{
	struct path p;
	bool ready = path_init(&p, params);

	while (ready && !finished(&p)) {
		step(&p);
		p.now_us = next_us(&p);
		ready = p.now_us - p.moved_us < KG_TALK_STALL_US;
	}
	if (ready)
		summarise(&p, result);
	path_fini(&p);
	return ready;
}
