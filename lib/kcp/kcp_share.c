/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps the account of conversations that share a path, and says who has the next permit. */
#include "kcp/internal.h"

#define FORGET_AFTER_US (10u * KG_US_PER_S)

/* A permit for each in turn has each datagram acknowledged by one of its own. So where many are
 * busy, and fast, one sends several in a row, as long as all have had theirs within the round. */
#define ROW_BUSY_MIN 32u
#define ROW_MAX      8u
#define ROUND_US     (16u * KG_US_PER_MS)

/* What may wait behind the windows of all that are busy; of one, at least. */
#define QUEUE_ALL   8192u
#define QUEUE_LEAST 64u

struct kg_kcp_share *kg_kcp_share_create(struct kg_mem *mem, void *user)
{
	struct kg_kcp_share *share = kg_mem_alloc(mem, sizeof(*share));

	if (share == NULL)
		return NULL;
	share->mem = mem;
	share->user = user;
	TAILQ_INIT(&share->mending);
	TAILQ_INIT(&share->sending);
	return share;
}

void kg_kcp_share_destroy(struct kg_kcp_share *share)
{
	if (share != NULL)
		kg_mem_free(share->mem, share, sizeof(*share));
}

void kg_kcp_share_keep(struct kg_kcp_share *share, struct kg_ledger *ledger)
{
	share->ledger = ledger;
}

bool kg_kcp_share_is_used(const struct kg_kcp_share *share)
{
	return share != NULL && share->members > 0;
}

void *kg_kcp_share_user(const struct kg_kcp *kcp)
{
	return kcp->shared ? kcp->member.share->user : NULL;
}

/* ---- the account ---- */

void kg_kcp_share_account(struct kg_kcp_share *share, const struct kg_kcp_account *before,
			  const struct kg_kcp_account *now)
{
	share->under_way += now->under_way - before->under_way;
	share->busy += (now->under_way > 0) - (before->under_way > 0);
}

/* What a path was like ten seconds ago says little of it. */
static void begin_again(struct kg_kcp_share *share)
{
	share->begun = false;
	share->pace = (struct kg_kcp_pace){ 0 };
}

void kg_kcp_share_note(struct kg_kcp *kcp, const struct kg_kcp_account *before)
{
	struct kg_kcp_account now = kg_kcp_account(kcp);
	struct kg_kcp_share *share = kcp->member.share;

	if (share->under_way == 0 && kcp->now_us > share->active_us + FORGET_AFTER_US)
		begin_again(share);
	kg_kcp_share_account(share, before, &now);
	share->delivered += now.delivered - before->delivered;
	share->lost += now.lost - before->lost;
	share->active_us = KG_MAX(share->active_us, kcp->now_us);
}

uint32_t kg_kcp_share_window(const struct kg_kcp_share *share)
{
	uint32_t window = share->pace.window > 0 ? share->pace.window : KG_KCP_RATE_FIRST;

	return KG_MAX(window / KG_MAX(share->busy, 1u), 2 * KG_KCP_SPARSE);
}

uint32_t kg_kcp_queue_share(const struct kg_kcp *kcp)
{
	if (!kcp->shared)
		return UINT32_MAX;
	return KG_MAX(QUEUE_ALL / KG_MAX(kcp->member.share->busy, 1u), QUEUE_LEAST);
}

void kg_kcp_leave(struct kg_kcp *kcp)
{
	const struct kg_kcp_account nothing = { 0 };
	struct kg_kcp_account now = kg_kcp_account(kcp);

	if (!kcp->shared)
		return;
	kg_kcp_withdraw(kcp);
	kg_kcp_share_account(kcp->member.share, &now, &nothing);
	kcp->member.share->members--;
	kcp->shared = kcp->recv.pulled = false;
	kcp->pace = (struct kg_kcp_pace){ 0 };
}

/* ---- permits ---- */

struct kg_kcp_waiting *kg_kcp_waiting_of(struct kg_kcp *kcp)
{
	struct kg_kcp_share *share = kcp->member.share;

	return kcp->waits == KG_KCP_WAITS_TO_MEND ? &share->mending : &share->sending;
}

static uint32_t row_of(const struct kg_kcp_share *share)
{
	uint64_t round_us = (uint64_t)share->busy * share->pace.gap >> KG_KCP_PACE_SHIFT;

	if (share->busy < ROW_BUSY_MIN || round_us == 0)
		return 1;
	return (uint32_t)KG_MIN(ROUND_US / round_us, (uint64_t)ROW_MAX);
}

bool kg_kcp_share_has_row(const struct kg_kcp_share *share)
{
	return share->in_row + 1u < row_of(share);
}

void kg_kcp_share_count(struct kg_kcp_share *share, bool on)
{
	share->in_row = (uint8_t)(on ? share->in_row + 1 : 0);
}

void kg_kcp_withdraw(struct kg_kcp *kcp)
{
	if (kcp->waits != KG_KCP_WAITS_NOT)
		TAILQ_REMOVE(kg_kcp_waiting_of(kcp), kcp, member.wait_link);
	kcp->waits = KG_KCP_WAITS_NOT;
	kcp->permitted = false;
}

static struct kg_kcp *first_of(const struct kg_kcp_share *share)
{
	uint32_t window = share->pace.window > 0 ? share->pace.window : KG_KCP_RATE_FIRST;

	if (!TAILQ_EMPTY(&share->mending))
		return TAILQ_FIRST(&share->mending);
	return share->under_way < window ? TAILQ_FIRST(&share->sending) : NULL;
}

uint64_t kg_kcp_share_due_us(struct kg_kcp_share *share, uint64_t now_us)
{
	uint64_t due_us = kg_kcp_pace_next_us(&share->pace);

	if (first_of(share) == NULL) {
		share->late = false;
		return KG_NEVER_US;
	}
	share->late |= due_us > now_us;
	return due_us;
}

void *kg_kcp_share_permit(struct kg_kcp_share *share)
{
	struct kg_kcp *kcp = first_of(share);

	if (kcp == NULL)
		return NULL;
	kcp->permitted = true;
	return kcp->member.user;
}
