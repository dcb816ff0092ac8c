/* SPDX-License-Identifier: BSD-3-Clause */
/* Has a conversation come to what it shares with others, and stand in line there. */
#include "kcp/internal.h"
#include "kcp/kcp_segment.h"

void kg_kcp_use_rows(struct kg_kcp *kcp)
{
	kcp->rows = true;
}

void kg_kcp_take_row(struct kg_kcp *kcp, uint8_t *data, size_t len, uint64_t now_us)
{
	if (!kcp->rows || len < KG_KCP_HEADER_BYTES)
		return;
	kg_kcp_acks_note_row(&kcp->acks, (data[5] & KG_KCP_MORE) != 0, kg_kcp_clock(kcp, now_us));
	data[5] &= KG_KCP_MORE - 1;
}

void kg_kcp_join(struct kg_kcp *kcp, struct kg_kcp_share *share, void *user)
{
	const struct kg_kcp_account nothing = { 0 };
	struct kg_kcp_account now = kg_kcp_account(kcp);

	if (!kcp->params.rate_auto || (kcp->shared && kcp->member.share == share))
		return;
	kg_kcp_leave(kcp);
	if (share == NULL)
		return;
	kg_kcp_forget_rate(kcp);
	kcp->shared = true;
	kcp->member = (struct kg_kcp_member){ .share = share, .user = user };
	share->members++;
	kg_kcp_share_account(share, &nothing, &now);
}

bool kg_kcp_ask_permit(struct kg_kcp *kcp, uint64_t now_us)
{
	enum kg_kcp_waits waits;

	if (kg_kcp_is_free(kcp))
		return false;
	if (kcp->waits == KG_KCP_WAITS_TO_MEND)
		return true;
	if (kg_kcp_is_sparse(kcp) || (!kcp->params.blast && kcp->flush_us > now_us))
		return true;
	if (kg_kcp_flight_due_us(&kcp->flight, &kcp->rtt) <= now_us)
		waits = KG_KCP_WAITS_TO_MEND;
	else if (kcp->waits == KG_KCP_WAITS_TO_SEND)
		return true;
	else if (kg_kcp_may_send(kcp) > 0 || kg_kcp_may_try(kcp))
		waits = KG_KCP_WAITS_TO_SEND;
	else
		return true;
	kg_kcp_withdraw(kcp);
	kcp->waits = waits & 3;
	TAILQ_INSERT_TAIL(kg_kcp_waiting_of(kcp), kcp, member.wait_link);
	return true;
}

bool kg_kcp_goes_on(const struct kg_kcp *kcp)
{
	return kcp->waits == KG_KCP_WAITS_TO_SEND && kg_kcp_share_has_row(kcp->member.share) &&
	       kg_kcp_may_send(kcp) > 0;
}

/* It keeps its place, or not. */
static bool go_on(struct kg_kcp *kcp)
{
	bool on = kg_kcp_goes_on(kcp);

	if (kcp->waits == KG_KCP_WAITS_TO_SEND)
		kg_kcp_share_count(kcp->member.share, on);
	return on;
}

void kg_kcp_end_permit(struct kg_kcp *kcp, bool sent)
{
	if (!sent || (!kcp->permitted && !go_on(kcp)))
		kg_kcp_withdraw(kcp);
	kcp->permitted = false;
}
