/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts segments in order, cuts them into messages, and says how many more may come. */
#include "kcp/kcp_recv.h"

#include <string.h>

#include "base/cold.h"
#include "kcp/kcp.h"
#include "kcp/kcp_segment.h"

#define PREFETCH      64u /* segments ahead: held ones have left the caches when their turn comes */
#define LINK          64u /* segments at once */
#define COLD_SEGMENTS 1024u /* held: payload leaves the caches before it is read */
#define COLD_BYTES    512u  /* of payload, that a copy past the caches is worth it */
#define WND_FIRST     128u  /* what a peer assumes before it hears of us (docs/kcp.md §8.2) */
#define HOLD_SHARES   2u    /* may be held: what was under way when the share fell */

struct kg_buf kg_kcp_recv_given;

void kg_kcp_recv_init(struct kg_kcp_recv *recv, uint32_t first_sn, uint16_t wnd)
{
	*recv = (struct kg_kcp_recv){
		.nxt = first_sn,
		.linked = first_sn,
		.advertised = first_sn,
		.wnd = wnd,
		.tail_link = &recv->head,
		.partial_link = &recv->head,
	};
}

/* Before a cold buffer leaves the conversation. */
static void fence(struct kg_kcp_recv *recv)
{
	if (recv->unfenced)
		kg_cold_fence();
	recv->unfenced = false;
}

void kg_kcp_recv_fini(struct kg_kcp_recv *recv, struct kg_mem *mem, struct kg_buf_pool *pool)
{
	fence(recv);
	kg_buf_free_chain(recv->head);
	for (uint32_t i = 0; i < recv->ring.capacity; i++) {
		struct kg_kcp_held *held = kg_kcp_recv_slot(recv, i);

		if (held->buf == &kg_kcp_recv_given)
			continue;
		if (held->buf != NULL && held->cold)
			kg_buf_free_cold(pool, held->buf);
		else if (held->buf != NULL)
			kg_buf_free(held->buf);
	}
	kg_kcp_ring_fini(&recv->ring, mem, sizeof(struct kg_kcp_held));
}

/* Segments the list may hold: the window, or one whole message if that is longer. */
static uint32_t list_max(const struct kg_kcp_recv *recv, uint32_t wnd)
{
	return KG_MAX(wnd, (uint32_t)recv->partial + recv->partial_left);
}

static bool list_full(const struct kg_kcp_recv *recv)
{
	return recv->listed >= list_max(recv, recv->wnd);
}

uint32_t kg_kcp_recv_share(const struct kg_kcp_recv *recv, const struct kg_buf_pool *pool)
{
	return kg_buf_share_of_mix(kg_buf_fair_share(pool), recv->mix);
}

static bool under_pressure(const struct kg_kcp_recv *recv, const struct kg_buf_pool *pool)
{
	return kg_buf_fair_share(pool) < recv->wnd && kg_kcp_recv_share(recv, pool) < recv->wnd;
}

/* Under any pressure there is some, else nobody would ever learn that it is over. */
static uint32_t share_of(const struct kg_kcp_recv *recv, const struct kg_buf_pool *pool)
{
	return KG_MAX(kg_kcp_recv_share(recv, pool), KG_BUF_FLOOR);
}

/* How far ahead of nxt the peer may think that it may send. */
static uint32_t promised(const struct kg_kcp_recv *recv)
{
	int32_t ahead = (int32_t)(recv->advertised - recv->nxt);

	return ahead > 0 ? (uint32_t)ahead : 0;
}

uint32_t kg_kcp_recv_window(const struct kg_kcp_recv *recv, const struct kg_buf_pool *pool)
{
	bool pressed = under_pressure(recv, pool);
	uint32_t max =
		list_max(recv, pressed ? KG_MIN(share_of(recv, pool), recv->wnd) : recv->wnd);
	uint32_t window = max > recv->listed ? max - recv->listed : 0;

	/* To tell of room would have it sent, and refused, again and again. */
	if (recv->put_off && recv->messages > 0 && kg_buf_fair_share(pool) <= KG_BUF_FLOOR)
		return 0;
	if (!pressed)
		window = KG_MAX(window, promised(recv));
	return KG_MIN(window, (uint32_t)KG_KCP_WINDOW_MAX);
}

void kg_kcp_recv_told(struct kg_kcp_recv *recv, uint32_t window)
{
	if ((int32_t)(recv->nxt + window - recv->advertised) > 0)
		recv->advertised = recv->nxt + window;
	recv->told_shut = window == 0;
}

bool kg_kcp_recv_reopened(const struct kg_kcp_recv *recv, const struct kg_buf_pool *pool)
{
	uint32_t window;

	if (!recv->told_shut)
		return false;
	window = kg_kcp_recv_window(recv, pool);
	return window > 0 && (recv->messages == 0 || window >= recv->wnd / 4u);
}

/* Peers may send beyond the advertised edge up to a whole window (docs/kcp.md §8.1): taken unless
 * memory is short. */
static bool in_window(const struct kg_kcp_recv *recv, const struct kg_buf_pool *pool,
		      uint32_t ahead, bool pressed)
{
	if (!pressed && ahead < KG_MAX(recv->wnd, WND_FIRST))
		return true;
	return ahead < KG_MAX(kg_kcp_recv_window(recv, pool), promised(recv));
}

/* frg contradicts the fragments before: they can never become a message. */
static void drop_partial(struct kg_kcp_recv *recv)
{
	kg_buf_free_chain(*recv->partial_link);
	*recv->partial_link = NULL;
	recv->tail_link = recv->partial_link;
	recv->listed -= recv->partial;
	recv->partial = 0;
}

struct kg_buf *kg_kcp_recv_thaw(struct kg_kcp_recv *recv, const struct kg_kcp_held *held)
{
	struct kg_buf *buf = held->buf;

	if (held->cold) {
		fence(recv);
		kg_buf_warm(buf, held->len);
	}
	buf->len = held->len;
	buf->mark = held->frg;
	return buf;
}

static void list_append(struct kg_kcp_recv *recv, const struct kg_kcp_held *held)
{
	struct kg_buf *buf = kg_kcp_recv_thaw(recv, held);
	uint8_t frg = held->frg;

	if (recv->partial > 0 && recv->partial_left != frg + 1)
		drop_partial(recv);
	*recv->tail_link = buf;
	recv->tail_link = &buf->next;
	recv->linked++;
	recv->partial++;
	recv->partial_left = frg;
	if (frg > 0)
		return;
	recv->messages++;
	recv->partial = 0;
	recv->partial_link = recv->tail_link;
}

static bool may_advance(const struct kg_kcp_recv *recv)
{
	return recv->held > 0 && !list_full(recv) && kg_kcp_recv_slot(recv, recv->nxt)->buf != NULL;
}

/* What has become in order stays in the ring, untouched, until somebody wants it. */
static void advance(struct kg_kcp_recv *recv)
{
	while (may_advance(recv)) {
		recv->nxt++;
		recv->held--;
		recv->listed++;
	}
}

/* It has been given early. */
static void pass_over(struct kg_kcp_recv *recv)
{
	if (recv->partial > 0)
		drop_partial(recv);
	recv->linked++;
	recv->listed--;
}

static void link_next(struct kg_kcp_recv *recv)
{
	struct kg_kcp_held *held = kg_kcp_recv_slot(recv, recv->linked);

	__builtin_prefetch(kg_kcp_recv_slot(recv, recv->linked + PREFETCH)->buf);
	if (held->buf == &kg_kcp_recv_given)
		pass_over(recv);
	else
		list_append(recv, held);
	held->buf = NULL;
}

/* Moves segments from the ring to the list, which has no message any more: several, whose cache
 * misses go on side by side. */
static void link_some(struct kg_kcp_recv *recv)
{
	for (uint32_t n = 0; recv->linked != recv->nxt && (n < LINK || recv->messages == 0); n++)
		link_next(recv);
}

/* A message that is longer than the window lets more in when its first fragments are linked. */
static void drain_filled_ring(struct kg_kcp_recv *recv)
{
	do {
		if (may_advance(recv))
			advance(recv);
		if (recv->messages == 0)
			link_some(recv);
	} while (may_advance(recv));
}

/* Most of the time it is empty. */
static inline void drain_ring(struct kg_kcp_recv *recv)
{
	if (recv->held > 0 || recv->linked != recv->nxt)
		drain_filled_ring(recv);
}

void kg_kcp_recv_trim(struct kg_kcp_recv *recv, struct kg_mem *mem)
{
	while (recv->linked != recv->nxt)
		link_next(recv);
	kg_kcp_ring_fini(&recv->ring, mem, sizeof(struct kg_kcp_held));
}

void kg_kcp_recv_set_window(struct kg_kcp_recv *recv, uint16_t wnd)
{
	recv->wnd = wnd;
	drain_ring(recv);
}

/* Behind a hole, and as many others with it as exceed the caches: `payload` will be read late. */
static bool waits_long(const struct kg_kcp_recv *recv, uint32_t ahead, uint16_t len)
{
	return ahead > 0 && recv->held >= COLD_SEGMENTS && len >= COLD_BYTES &&
	       len <= KG_BUF_COLD_ROOM;
}

/* What comes in order is vital while there is nothing to read, for readers that stand still must
 * not take the last from those that do not. It still comes before others where it completes a long
 * message. */
static enum kg_buf_use use_of(const struct kg_kcp_recv *recv, uint32_t ahead)
{
	bool few = recv->listed < KG_BUF_FLOOR;

	if (ahead > 0 || (!few && recv->partial == 0))
		return KG_BUF_MORE;
	if (few && recv->messages > 0)
		return KG_BUF_FEW;
	if (recv->of_crowd)
		return KG_BUF_CROWD;
	return few ? KG_BUF_VITAL : KG_BUF_FIRST;
}

/* Under pressure. What is beyond holes takes no room from what comes in order. */
static bool holds_enough(const struct kg_kcp_recv *recv, const struct kg_buf_pool *pool,
			 uint32_t ahead)
{
	uint32_t holds = recv->listed + (ahead > 0 ? recv->held : 0);

	return holds >= list_max(recv, HOLD_SHARES * share_of(recv, pool));
}

/* False when there is no buffer. */
static bool copy_segment(struct kg_kcp_recv *recv, struct kg_buf_pool *pool,
			 struct kg_kcp_held *held, const uint8_t *payload, enum kg_buf_use use)
{
	held->buf = held->cold ? kg_buf_alloc_cold(pool) : kg_buf_alloc_for(pool, held->len, use);
	if (held->buf == NULL)
		return false;
	if (held->cold) {
		kg_cold_copy(kg_buf_cold_data(held->buf), payload, held->len);
		recv->unfenced = true;
	} else {
		memcpy(held->buf->data, payload, held->len);
	}
	kg_buf_mix_note(&recv->mix, pool, held->len);
	return true;
}

enum kg_kcp_stored kg_kcp_recv_store(struct kg_kcp_recv *recv, struct kg_mem *mem,
				     struct kg_buf_pool *pool, const struct kg_kcp_segment *seg)
{
	uint32_t sn = seg->sn, ahead = sn - recv->nxt;
	bool at_once = ahead == 0 && recv->linked == recv->nxt && !list_full(recv);
	bool pressed = under_pressure(recv, pool);
	struct kg_kcp_held held = {
		.len = (uint16_t)seg->len,
		.frg = seg->frg,
		.cold = waits_long(recv, ahead, (uint16_t)seg->len),
		.tail = seg->tail,
	};

	if ((int32_t)ahead < 0 || kg_kcp_recv_in_ring(recv, sn))
		return KG_KCP_STORED_DUPLICATE;
	if (!in_window(recv, pool, ahead, pressed))
		return KG_KCP_STORED_OUTSIDE;
	if (pressed && holds_enough(recv, pool, ahead))
		return KG_KCP_STORED_NO_ROOM;
	if (!at_once && !kg_kcp_ring_reserve(&recv->ring, mem, sizeof(held), recv->linked,
					     sn - recv->linked + 1))
		return KG_KCP_STORED_NO_ROOM;
	if (!copy_segment(recv, pool, &held, seg->payload, use_of(recv, ahead))) {
		recv->put_off |= ahead == 0 && recv->messages > 0;
		return KG_KCP_STORED_NO_ROOM;
	}
	recv->put_off &= ahead > 0;
	if (at_once) {
		list_append(recv, &held);
		recv->nxt++;
		recv->listed++;
	} else {
		__builtin_prefetch(kg_kcp_recv_slot(recv, sn + PREFETCH), 1);
		*kg_kcp_recv_slot(recv, sn) = held;
		recv->held++;
	}
	recv->fragmented |= seg->frg > 0;
	drain_ring(recv);
	return KG_KCP_STORED_NEW;
}

struct kg_buf *kg_kcp_recv_take(struct kg_kcp_recv *recv)
{
	struct kg_buf *first = recv->head, *last = first;

	if (recv->messages == 0)
		return NULL;
	for (recv->listed--; last->mark != 0; recv->listed--)
		last = last->next;
	recv->head = last->next;
	last->next = NULL;
	if (recv->tail_link == &last->next)
		recv->tail_link = &recv->head;
	if (recv->partial_link == &last->next)
		recv->partial_link = &recv->head;
	recv->messages--;
	drain_ring(recv);
	return first;
}
