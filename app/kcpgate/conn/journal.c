/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells a tunnel's journal of channels that begin and end, as far as the control thread keeps up.
 */
#include "conn/internal.h"

#include "worker.h"

static void tell(struct kg_side *side, const struct kg_channel_info *info, enum kg_report_type type,
		 enum kg_close why)
{
	struct kg_report report = {
		.type = type,
		.tunnel = side->id,
		.protocol = (uint8_t)info->protocol,
		.why = (uint8_t)why,
		.conv = info->conv,
		.seconds = (int32_t)(info->age_us / KG_US_PER_S),
		.local = info->local,
		.remote = info->remote,
	};

	if (!kg_worker_report_routine(side->worker, &report))
		side->stats.events_untold++;
}

void kg_conn_tell_opened(struct kg_side *side, const struct kg_channel_info *info)
{
	if (side->journal)
		tell(side, info, KG_REPORT_OPENED, KG_CLOSE_FINISHED);
}

void kg_conn_tell_ended(struct kg_side *side, const struct kg_channel_info *info, enum kg_close why)
{
	if (side->journal)
		tell(side, info, KG_REPORT_ENDED, why);
}

/* What it has of a channel is looked up for a journal only. */
static bool get_info(const struct kg_conn *conn, struct kg_channel_info *info)
{
	if (conn->side->journal)
		kg_stream_get_info(&conn->stream, info, conn->side->worker->now_us);
	return conn->side->journal;
}

void kg_conn_journal_opened(struct kg_conn *conn)
{
	struct kg_channel_info info;

	if (get_info(conn, &info))
		kg_conn_tell_opened(conn->side, &info);
}

void kg_conn_journal_ended(struct kg_conn *conn, enum kg_close why)
{
	struct kg_channel_info info;

	if (get_info(conn, &info))
		kg_conn_tell_ended(conn->side, &info, why);
}
