/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers /kcpgate/channels, paths and dropped: pages that the workers fill in. */
#include "telemetry.h"

#include "box.h"
#include "clock.h"
#include "compat.h"
#include "stage/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define PAGE_WAIT_US 1000000
#define PAGE_STEP_US 200

/* One page in flight per worker; a worker that did not answer in time keeps its page. */
static struct kg_page pages[KG_CONFIG_WORKERS_MAX];
static bool page_asked[KG_CONFIG_WORKERS_MAX];

static void await(const struct kg_page *page)
{
	for (int waited_us = 0; waited_us < PAGE_WAIT_US; waited_us += PAGE_STEP_US) {
		if (atomic_load_explicit(&page->done, memory_order_acquire))
			return;
		usleep(PAGE_STEP_US);
	}
}

/* The control thread does not wait for a worker because we do. */
static bool ask_worker(struct kg_box *box, unsigned int worker, enum kg_page_kind kind,
		       uint32_t skip)
{
	struct kg_page *page = &pages[worker];
	struct kg_mail mail = { .type = KG_MAIL_PAGE, .page = page };

	if (page_asked[worker] && !atomic_load_explicit(&page->done, memory_order_acquire))
		return false;
	page->kind = kind;
	page->tunnel = KG_PAGE_ALL_TUNNELS;
	page->skip = skip;
	atomic_store_explicit(&page->done, false, memory_order_relaxed);
	page_asked[worker] = kg_box_post(box, worker, &mail);
	if (!page_asked[worker])
		return false;
	pthread_mutex_unlock(&box->tunnels_lock);
	await(page);
	pthread_mutex_lock(&box->tunnels_lock);
	return atomic_load_explicit(&page->done, memory_order_acquire);
}

static void add_numbers(struct rte_tel_data *row, const struct kg_metric_table *table,
			const uint64_t *numbers)
{
	for (unsigned int i = 0; i < table->count; i++)
		kg_tel_add_dict_u64(row, table->rows[i].name, numbers[i]);
}

static struct rte_tel_data *channel_row(const struct kg_tunnel_config *config,
					const struct kg_page_row *r)
{
	const struct kg_kcp_stats *kcp = &r->channel.kcp;
	struct rte_tel_data *row = rte_tel_data_alloc();
	char text[KG_ENDPOINT_TEXT_BYTES];
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "streams", r->streams },
		{ "local_port", r->channel.local.port },
		{ "age_ms", r->channel.age_us / KG_US_PER_MS },
		{ "silent_ms", r->channel.silent_us / KG_US_PER_MS },
		{ "path_mtu", r->channel.path_mtu },
		{ "srtt_us", kcp->srtt_us },
		{ "rto_us", kcp->rto_us },
		{ "snd_wnd", kcp->snd_wnd },
		{ "rmt_wnd", kcp->rmt_wnd },
		{ "in_flight", kcp->in_flight },
		{ "queued", kcp->queued },
		{ "unread", kcp->readable },
		{ "refused", kcp->refused },
		{ "sent_bytes", kcp->sent_bytes },
		{ "received_bytes", kcp->received_bytes },
		{ "sent", kcp->sent },
		{ "resent_fast", kcp->resent_fast },
		{ "resent_timeout", kcp->resent_timeout },
		{ "resent_twin", kcp->resent_twin },
		{ "resent_spare", kcp->resent_spare },
		{ "resent_needless", kcp->resent_needless },
	};

	if (row == NULL)
		return NULL;
	rte_tel_data_start_dict(row);
	rte_tel_data_add_dict_string(row, "tunnel", config->name);
	rte_tel_data_add_dict_string(row, "protocol", kg_protocol_name(r->channel.protocol));
	rte_tel_data_add_dict_string(row, "state", kg_channel_state_name(r->channel.state));
	rte_tel_data_add_dict_string(row, "remote",
				     r->channel.remote.ip.version == 0
					     ? ""
					     : kg_endpoint_text(&r->channel.remote, text));
	rte_tel_data_add_dict_string(row, "path_mtu_by", kg_pmtu_how_text(r->channel.path_mtu_how));
	for (size_t i = 0; i < KG_ARRAY_SIZE(numbers); i++)
		kg_tel_add_dict_u64(row, numbers[i].name, numbers[i].value);
	if (config->wire.fec.parity > 0)
		add_numbers(row, &kg_fec_metrics, (const uint64_t *)&r->channel.fec);
	return row;
}

/* Of a client whose channels spread. */
static void add_ledger(struct rte_tel_data *row, const struct kg_path_info *path)
{
	if (path->verdict == NULL)
		return;
	rte_tel_data_add_dict_string(row, "verdict", path->verdict);
	kg_tel_add_dict_u64(row, "age_ms", path->age_us / KG_US_PER_MS);
	kg_tel_add_dict_u64(row, "sent_bytes", path->sent_bytes);
	kg_tel_add_dict_u64(row, "acked_bytes", path->acked_bytes);
	kg_tel_add_dict_u64(row, "lost_bytes", path->lost_bytes);
	kg_tel_add_dict_u64(row, "received_bytes", path->received_bytes);
	kg_tel_add_dict_u64(row, "acked_Bps", path->acked_Bps);
	kg_tel_add_dict_u64(row, "received_Bps", path->received_Bps);
	kg_tel_add_dict_u64(row, "limit_Bps", path->limit_Bps);
}

/* A client's address is Linux's to choose: there its port alone is known. */
static const char *local_text(const struct kg_endpoint *local, char text[KG_ENDPOINT_TEXT_BYTES])
{
	if (local->ip.version != 0)
		return kg_endpoint_text(local, text);
	snprintf(text, KG_ENDPOINT_TEXT_BYTES, "*:%u", local->port);
	return text;
}

static struct rte_tel_data *path_row(const struct kg_tunnel_config *config,
				     const struct kg_path_info *path)
{
	struct rte_tel_data *row = rte_tel_data_alloc();
	char text[KG_ENDPOINT_TEXT_BYTES];

	if (row == NULL)
		return NULL;
	rte_tel_data_start_dict(row);
	rte_tel_data_add_dict_string(row, "tunnel", config->name);
	rte_tel_data_add_dict_string(row, "local", local_text(&path->ends.local, text));
	rte_tel_data_add_dict_string(row, "remote", kg_endpoint_text(&path->ends.remote, text));
	rte_tel_data_add_dict_string(row, "state", path->state);
	kg_tel_add_dict_u64(row, "users", path->users);
	if (path->silent_us != KG_NEVER_US)
		kg_tel_add_dict_u64(row, "silent_ms", path->silent_us / KG_US_PER_MS);
	kg_tel_add_dict_u64(row, "mtu", path->mtu);
	rte_tel_data_add_dict_string(row, "mtu_by", kg_pmtu_how_text(path->mtu_how));
	add_ledger(row, path);
	return row;
}

static void add_hex(struct rte_tel_data *row, const char *name, const uint8_t *bytes, size_t count)
{
	char text[2 * KG_DROPPED_FIRST_BYTES + 1] = "";

	for (size_t i = 0; i < count; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	rte_tel_data_add_dict_string(row, name, text);
}

/* `config` NULL: of no tunnel, or one that has gone. */
static struct rte_tel_data *dropped_row(const struct kg_tunnel_config *config,
					const struct kg_dropped *dropped)
{
	struct rte_tel_data *row = rte_tel_data_alloc();
	uint64_t now_us = kg_clock_now_us();
	char text[KG_ENDPOINT_TEXT_BYTES];

	if (row == NULL)
		return NULL;
	rte_tel_data_start_dict(row);
	rte_tel_data_add_dict_string(row, "reason", kg_stage_drop_name(dropped->reason));
	rte_tel_data_add_dict_string(row, "stage", kg_stage_name(dropped->stage));
	rte_tel_data_add_dict_string(row, "tunnel", config != NULL ? config->name : "");
	rte_tel_data_add_dict_string(row, "remote", kg_endpoint_text(&dropped->ends.remote, text));
	rte_tel_data_add_dict_string(row, "local", kg_endpoint_text(&dropped->ends.local, text));
	kg_tel_add_dict_u64(row, "count", dropped->count);
	kg_tel_add_dict_u64(row, "age_ms",
			    now_us > dropped->at_us ? (now_us - dropped->at_us) / KG_US_PER_MS : 0);
	kg_tel_add_dict_u64(row, "bytes", dropped->bytes);
	add_hex(row, "first", dropped->first, dropped->first_bytes);
	return row;
}

/* A channel's row is called by its conv, others by their number. */
static struct rte_tel_data *row_of(const struct kg_tunnel_config *config, enum kg_page_kind kind,
				   const struct kg_page_row *from, uint32_t number, char name[16])
{
	snprintf(name, 16, "%" PRIu32, number);
	if (kind == KG_PAGE_PATHS)
		return path_row(config, &from->path);
	if (kind == KG_PAGE_DROPPED)
		return dropped_row(config, &from->dropped);
	snprintf(name, 16, "%08" PRIx32, from->channel.conv);
	return channel_row(config, from);
}

static int answer(struct kg_box *box, enum kg_page_kind kind, const char *params,
		  struct rte_tel_data *d)
{
	unsigned int worker = 0, skip = 0;
	char name[16];

	if (params != NULL && sscanf(params, "%u,%u", &worker, &skip) < 1)
		return -1;
	if (worker >= box->worker_count || !ask_worker(box, worker, kind, skip))
		return -1;
	rte_tel_data_start_dict(d);
	for (uint32_t i = 0; i < pages[worker].count; i++) {
		const struct kg_page_row *from = &pages[worker].rows[i];
		const struct kg_box_tunnel *tunnel = kg_box_tunnel(box, from->tunnel);
		struct rte_tel_data *row;

		if (tunnel == NULL && kind != KG_PAGE_DROPPED) /* it has gone since */
			continue;
		row = row_of(tunnel != NULL ? tunnel->config : NULL, kind, from, skip + i, name);
		if (row == NULL || rte_tel_data_add_dict_container(d, name, row, 0) != 0)
			return -1;
	}
	if (pages[worker].more)
		kg_tel_add_dict_u64(d, "next", skip + pages[worker].count);
	return 0;
}

int kg_telemetry_channels(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	return answer(box, KG_PAGE_CHANNELS, params, d);
}

int kg_telemetry_paths(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	return answer(box, KG_PAGE_PATHS, params, d);
}

int kg_telemetry_dropped(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	return answer(box, KG_PAGE_DROPPED, params, d);
}
