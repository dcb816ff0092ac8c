/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers the commands of DPDK's telemetry socket from what workers and payload threads count. */
#include "telemetry.h"

#include "box.h"
#include "compat.h"
#include "log.h"
#include "telemetry_front.h"
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SNAPSHOT_WAIT_US 1000000
#define SNAPSHOT_STEP_US 200

/* DPDK's telemetry calls from a thread per client and offers no unregistering. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kg_box *the_box;
static struct kg_telemetry_front *front;

/* ---- /kcpgate/stats ---- */

static void add_counters(struct rte_tel_data *d, const struct kg_counters *stats)
{
	for (int i = 0; i < KG_COUNTER_COUNT; i++)
		kg_tel_add_dict_u64(d, kg_counter_metrics.rows[i].name, stats->counters[i]);
	for (int i = KG_DROP_NONE + 1; i < KG_DROP_COUNT; i++)
		kg_tel_add_dict_u64(d, kg_drop_metrics.rows[i - 1].name, stats->drops[i]);
}

static void add_payload(struct rte_tel_data *d, struct kg_payload_stats stats)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "payload_flows", stats.flows },
		{ "payload_tcp_accepted", stats.tcp_accepted },
		{ "payload_tcp_connected", stats.tcp_connected },
		{ "payload_tcp_refused", stats.tcp_refused },
		{ "payload_tcp_closed", stats.tcp_closed },
		{ "payload_socket_rx_bytes", stats.rx_bytes },
		{ "payload_socket_tx_bytes", stats.tx_bytes },
		{ "payload_udp_flows", stats.udp_flows },
		{ "payload_udp_rx_datagrams", stats.udp_rx_datagrams },
		{ "payload_udp_tx_datagrams", stats.udp_tx_datagrams },
		{ "payload_udp_dropped_full", stats.udp_dropped_full },
		{ "payload_udp_dropped_error", stats.udp_dropped_error },
		{ "payload_udp_dropped_doubted", stats.udp_dropped_doubted },
		{ "payload_udp_dropped_size", stats.udp_dropped_size },
		{ "payload_udp_dropped_buffer", stats.udp_dropped_buffer },
		{ "payload_udp_lost_by_receiver", stats.udp_lost_by_receiver },
		{ "payload_udp_icmp_errors", stats.udp_icmp_errors },
		{ "payload_udp_sources_full", stats.udp_sources_full },
		{ "payload_tcp_turned_away", stats.tcp_turned_away },
		{ "payload_accept_put_off", stats.accept_put_off },
		{ "payload_sockets", stats.sockets },
		{ "payload_sockets_full", stats.sockets_full },
		{ "payload_dials_gave_way", stats.dials_gave_way },
		{ "payload_no_buffer", stats.no_buffer },
		{ "payload_ring_full", stats.ring_full },
		{ "payload_custom_denied", stats.custom_denied },
		{ "payload_names_asked", stats.names_asked },
		{ "payload_names_failed", stats.names_failed },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++)
		kg_tel_add_dict_u64(d, rows[i].name, rows[i].value);
}

static void add_memory(struct rte_tel_data *d, const struct kg_box *box)
{
	struct kg_buf_mempool_stats pool;
	uint64_t state_bytes = 0, state_total_bytes = 0;

	kg_buf_mempool_get_stats(box->bufs, &pool);
	for (unsigned int i = 0; i < box->worker_count; i++) {
		state_bytes += kg_arena_mem(box->workers[i]->arena)->in_use_bytes;
		state_total_bytes += kg_arena_size_bytes(box->workers[i]->arena);
	}
	kg_tel_add_dict_u64(d, "mem_state_bytes", state_bytes);
	kg_tel_add_dict_u64(d, "mem_state_total_bytes", state_total_bytes);
	kg_tel_add_dict_u64(d, "mem_buf_small_used", pool.small_used);
	kg_tel_add_dict_u64(d, "mem_buf_small_total", pool.small_total);
	kg_tel_add_dict_u64(d, "mem_buf_large_used", pool.large_used);
	kg_tel_add_dict_u64(d, "mem_buf_large_total", pool.large_total);
	kg_tel_add_dict_u64(d, "mem_fair_share_segments", pool.fair_share);
	kg_tel_add_dict_u64(d, "mem_mbufs_used", rte_mempool_in_use_count(box->mbufs));
	kg_tel_add_dict_u64(d, "mem_mbufs_total", box->mbufs->size);
}

static void add_taps(struct rte_tel_data *d, const struct kg_box *box)
{
	struct kg_exception_stats sum = { 0 };

	for (unsigned int i = 0; i < box->port_count; i++) {
		const struct kg_exception_stats *tap = kg_exception_get_stats(box->ports[i].tap);

		sum.to_kernel += tap->to_kernel;
		sum.from_kernel += tap->from_kernel;
		sum.routed += tap->routed;
		sum.errors += tap->errors;
	}
	kg_tel_add_dict_u64(d, "tap_to_kernel", sum.to_kernel);
	kg_tel_add_dict_u64(d, "tap_from_kernel", sum.from_kernel);
	kg_tel_add_dict_u64(d, "tap_routed", sum.routed);
	kg_tel_add_dict_u64(d, "tap_errors", sum.errors);
}

static int stats_of_box(const struct kg_box *box, struct rte_tel_data *d)
{
	struct kg_counters sum = { 0 };

	for (unsigned int i = 0; i < box->worker_count; i++)
		kg_metrics_add((uint64_t *)&sum, (const uint64_t *)&box->workers[i]->stats,
			       sizeof(sum) / sizeof(uint64_t));
	kg_tel_add_dict_u64(d, "workers", box->worker_count);
	kg_tel_add_dict_u64(d, "payload_threads", box->payload_count);
	kg_tel_add_dict_u64(d, "log_lines_lost", kg_log_lost());
	add_counters(d, &sum);
	add_payload(d, kg_box_payload_stats(box));
	add_taps(d, box);
	add_memory(d, box);
	return 0;
}

static int on_stats(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	unsigned long worker;

	rte_tel_data_start_dict(d);
	if (params == NULL)
		return stats_of_box(box, d);
	worker = strtoul(params, NULL, 10);
	if (worker >= box->worker_count)
		return -1;
	kg_tel_add_dict_u64(d, "worker", worker);
	add_counters(d, &box->workers[worker]->stats);
	return 0;
}

/* ---- /kcpgate/help ---- */

static int on_help(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	const struct kg_metric_table *tables[] = { &kg_counter_metrics, &kg_drop_metrics };

	rte_tel_data_start_dict(d);
	for (size_t t = 0; t < KG_ARRAY_SIZE(tables); t++) {
		for (unsigned int i = 0; i < tables[t]->count; i++)
			rte_tel_data_add_dict_string(d, tables[t]->rows[i].name,
						     tables[t]->rows[i].help);
	}
	return 0;
}

/* ---- /kcpgate/payload ---- */

static int on_payload(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	struct kg_payload_stats stats = { 0 };
	unsigned long thread = params != NULL ? strtoul(params, NULL, 10) : 0;

	if (thread >= box->payload_count)
		return -1;
	kg_payload_add_stats(&stats, box->payloads[thread].payload);
	rte_tel_data_start_dict(d);
	kg_tel_add_dict_u64(d, "thread", thread);
	add_payload(d, stats);
	return 0;
}

/* ---- /kcpgate/tunnels ---- */

static void add_fec(struct rte_tel_data *row, struct kg_fec_stats fec)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "fec_parity_sent", fec.parity_sent },
		{ "fec_fillers_sent", fec.fillers_sent },
		{ "fec_parity_received", fec.parity_received },
		{ "fec_recovered", fec.recovered },
		{ "fec_refused", fec.refused },
		{ "fec_missing", fec.missing },
		{ "fec_late", fec.late },
		{ "fec_peer_wrong", fec.peer_wrong },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(numbers); i++)
		kg_tel_add_dict_u64(row, numbers[i].name, numbers[i].value);
}

static void sum_sessions(const struct kg_box *box, const struct kg_box_tunnel *tunnel,
			 struct kg_session_stats *sum)
{
	*sum = (struct kg_session_stats){ 0 };
	for (unsigned int w = 0; w < box->worker_count; w++) {
		struct kg_session_stats one;

		kg_session_get_stats(tunnel->sides[w]->session, &one);
		sum->handshakes_started += one.handshakes_started;
		sum->handshakes_done += one.handshakes_done;
		sum->handshakes_failed += one.handshakes_failed;
		sum->channels += one.channels;
		sum->channels_opened += one.channels_opened;
		sum->channels_closed += one.channels_closed;
		sum->peer_moves += one.peer_moves;
		for (size_t i = 0; i < KG_HOP_REASONS; i++)
			sum->hops[i] += one.hops[i];
		sum->path_tests += one.path_tests;
		sum->path_tests_failed += one.path_tests_failed;
		sum->denials += one.denials;
		sum->messages_dropped += one.messages_dropped;
		for (size_t i = 0; i < KG_ARRAY_SIZE(one.closed_by); i++)
			sum->closed_by[i] += one.closed_by[i];
	}
}

static void sum_streams(const struct kg_box *box, const struct kg_box_tunnel *tunnel,
			struct kg_streams_stats *sum)
{
	*sum = (struct kg_streams_stats){ 0 };
	for (unsigned int w = 0; w < box->worker_count; w++) {
		struct kg_streams_stats one;

		kg_streams_get_stats(tunnel->sides[w]->streams, &one);
		sum->streams += one.streams;
		sum->opened += one.opened;
		sum->closed += one.closed;
		sum->muxes += one.muxes;
		sum->datagrams_dropped += one.datagrams_dropped;
		sum->gave_way += one.gave_way;
	}
}

static struct kg_fec_stats fec_of_tunnel(const struct kg_box *box,
					 const struct kg_box_tunnel *tunnel)
{
	struct kg_fec_stats sum = { 0 };

	for (unsigned int w = 0; w < box->worker_count; w++)
		kg_fec_add_stats(tunnel->sides[w]->fec, &sum);
	return sum;
}

static struct rte_tel_data *tunnel_row(const struct kg_box *box, const struct kg_box_tunnel *tunnel)
{
	const struct kg_tunnel_config *config = tunnel->config;
	struct rte_tel_data *row = rte_tel_data_alloc();
	struct kg_session_stats sum;
	struct kg_streams_stats streams;
	char name[64];

	if (row == NULL)
		return NULL;
	sum_sessions(box, tunnel, &sum);
	sum_streams(box, tunnel, &streams);
	rte_tel_data_start_dict(row);
	rte_tel_data_add_dict_string(row, "mode",
				     config->mode == KG_MODE_CLIENT ? "client" : "server");
	rte_tel_data_add_dict_string(row, "encryption", config->wire.encryption_algorithm);
	rte_tel_data_add_dict_string(row, "kcp", config->wire.kcp_preset);
	kg_tel_add_dict_u64(row, "kcp_mtu", config->wire.kcp.mtu);
	snprintf(name, sizeof(name), "%u:%u", config->wire.fec.data, config->wire.fec.parity);
	rte_tel_data_add_dict_string(row, "fec", config->wire.fec.parity > 0 ? name : "off");
	if (config->wire.fec.parity > 0)
		add_fec(row, fec_of_tunnel(box, tunnel));
	kg_tel_add_dict_u64(row, "streams", streams.streams);
	kg_tel_add_dict_u64(row, "streams_opened", streams.opened);
	kg_tel_add_dict_u64(row, "streams_closed", streams.closed);
	kg_tel_add_dict_u64(row, "mux_channels", streams.muxes);
	kg_tel_add_dict_u64(row, "messages_dropped", sum.messages_dropped);
	kg_tel_add_dict_u64(row, "datagrams_dropped", streams.datagrams_dropped);
	kg_tel_add_dict_u64(row, "streams_gave_way", streams.gave_way);
	kg_tel_add_dict_u64(row, "channels", sum.channels);
	kg_tel_add_dict_u64(row, "channels_opened", sum.channels_opened);
	kg_tel_add_dict_u64(row, "channels_closed", sum.channels_closed);
	kg_tel_add_dict_u64(row, "handshakes_started", sum.handshakes_started);
	kg_tel_add_dict_u64(row, "handshakes_done", sum.handshakes_done);
	kg_tel_add_dict_u64(row, "handshakes_failed", sum.handshakes_failed);
	if (tunnel->seen != NULL)
		kg_tel_add_dict_u64(row, "handshakes_forgotten", kg_seen_forgotten(tunnel->seen));
	kg_tel_add_dict_u64(row, "peer_moves", sum.peer_moves);
	for (size_t i = 0; i < KG_HOP_REASONS; i++) {
		snprintf(name, sizeof(name), "hops_%s", kg_hop_reason_name(i));
		kg_tel_add_dict_u64(row, name, sum.hops[i]);
	}
	kg_tel_add_dict_u64(row, "path_tests", sum.path_tests);
	kg_tel_add_dict_u64(row, "path_tests_failed", sum.path_tests_failed);
	kg_tel_add_dict_u64(row, "denials", sum.denials);
	for (size_t i = 0; i < KG_ARRAY_SIZE(sum.closed_by); i++) {
		snprintf(name, sizeof(name), "closed_%s", kg_close_name(i));
		kg_tel_add_dict_u64(row, name, sum.closed_by[i]);
	}
	return row;
}

static int on_tunnels(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	rte_tel_data_start_dict(d);
	for (unsigned int t = 0; t < box->tunnels.count; t++) {
		const struct kg_box_tunnel *tunnel = box->tunnels.all[t];
		struct rte_tel_data *row = tunnel_row(box, tunnel);

		if (row == NULL ||
		    rte_tel_data_add_dict_container(d, tunnel->config->name, row, 0) != 0)
			return -1;
	}
	return 0;
}

/* ---- /kcpgate/channels ---- */

/* One page in flight per worker; a worker that did not answer in time keeps its page. */
static struct kg_snapshot pages[KG_CONFIG_WORKERS_MAX];
static bool page_asked[KG_CONFIG_WORKERS_MAX];

static bool ask_worker(struct kg_box *box, unsigned int worker, uint32_t skip)
{
	struct kg_snapshot *page = &pages[worker];
	struct kg_mail mail = { .type = KG_MAIL_SNAPSHOT, .snapshot = page };

	if (page_asked[worker] && !atomic_load_explicit(&page->done, memory_order_acquire))
		return false;
	page->skip = skip;
	atomic_store_explicit(&page->done, false, memory_order_relaxed);
	page_asked[worker] = kg_box_post(box, worker, &mail);
	for (int waited_us = 0; page_asked[worker] && waited_us < SNAPSHOT_WAIT_US;
	     waited_us += SNAPSHOT_STEP_US) {
		if (atomic_load_explicit(&page->done, memory_order_acquire))
			return true;
		usleep(SNAPSHOT_STEP_US);
	}
	return false;
}

static struct rte_tel_data *channel_row(const struct kg_tunnel_config *config,
					const struct kg_snapshot_row *r)
{
	const struct kg_kcp_stats *kcp = &r->info.kcp;
	struct rte_tel_data *row = rte_tel_data_alloc();
	char text[KG_ENDPOINT_TEXT_BYTES];
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "streams", r->streams },
		{ "local_port", r->info.local.port },
		{ "age_ms", r->info.age_us / KG_US_PER_MS },
		{ "silent_ms", r->info.silent_us / KG_US_PER_MS },
		{ "path_mtu", r->info.path_mtu },
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
		{ "resent_needless", kcp->resent_needless },
	};

	if (row == NULL)
		return NULL;
	rte_tel_data_start_dict(row);
	rte_tel_data_add_dict_string(row, "tunnel", config->name);
	rte_tel_data_add_dict_string(row, "protocol", kg_protocol_name(r->info.protocol));
	rte_tel_data_add_dict_string(row, "state", kg_channel_state_name(r->info.state));
	rte_tel_data_add_dict_string(
		row, "remote",
		r->info.remote.ip.version == 0 ? "" : kg_endpoint_text(&r->info.remote, text));
	rte_tel_data_add_dict_string(row, "path_mtu_by", kg_pmtu_how_text(r->info.path_mtu_how));
	for (size_t i = 0; i < KG_ARRAY_SIZE(numbers); i++)
		kg_tel_add_dict_u64(row, numbers[i].name, numbers[i].value);
	if (config->wire.fec.parity > 0)
		add_fec(row, r->info.fec);
	return row;
}

static int on_channels(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	unsigned int worker = 0, skip = 0;
	char conv[16];

	if (params != NULL && sscanf(params, "%u,%u", &worker, &skip) < 1)
		return -1;
	if (worker >= box->worker_count || !ask_worker(box, worker, skip))
		return -1;
	rte_tel_data_start_dict(d);
	for (uint32_t i = 0; i < pages[worker].count; i++) {
		const struct kg_snapshot_row *from = &pages[worker].rows[i];
		const struct kg_box_tunnel *tunnel = kg_box_tunnel(box, from->tunnel);
		struct rte_tel_data *row;

		if (tunnel == NULL) /* it has gone since */
			continue;
		row = channel_row(tunnel->config, from);
		snprintf(conv, sizeof(conv), "%08" PRIx32, from->info.conv);
		if (row == NULL || rte_tel_data_add_dict_container(d, conv, row, 0) != 0)
			return -1;
	}
	if (pages[worker].more)
		kg_tel_add_dict_u64(d, "next", skip + pages[worker].count);
	return 0;
}

/* ---- registration ---- */

static int answer(int (*callback)(struct kg_box *box, const char *params, struct rte_tel_data *d),
		  const char *params, struct rte_tel_data *d)
{
	int rc = -1;

	pthread_mutex_lock(&lock);
	if (the_box != NULL)
		rc = callback(the_box, params, d);
	pthread_mutex_unlock(&lock);
	return rc;
}

static int stats_command(const char *cmd, const char *params, struct rte_tel_data *d)
{
	return answer(on_stats, params, d);
}

static int help_command(const char *cmd, const char *params, struct rte_tel_data *d)
{
	return answer(on_help, params, d);
}

static int payload_command(const char *cmd, const char *params, struct rte_tel_data *d)
{
	return answer(on_payload, params, d);
}

static int tunnels_command(const char *cmd, const char *params, struct rte_tel_data *d)
{
	return answer(on_tunnels, params, d);
}

static int channels_command(const char *cmd, const char *params, struct rte_tel_data *d)
{
	return answer(on_channels, params, d);
}

static int troubles_command(const char *cmd, const char *params, struct rte_tel_data *d)
{
	return answer(kg_telemetry_troubles, params, d);
}

int kg_telemetry_init(struct kg_box *box)
{
	static const struct {
		const char *name;
		telemetry_cb command;
		const char *help;
	} commands[] = {
		{ "/kcpgate/stats", stats_command,
		  "Counters and drop reasons. Parameters: worker (none: all, and the box's own)" },
		{ "/kcpgate/help", help_command,
		  "What the counters and drop reasons mean. No parameters" },
		{ "/kcpgate/payload", payload_command,
		  "Counters of one payload thread. Parameters: thread (none: the first)" },
		{ "/kcpgate/tunnels", tunnels_command, "State of each tunnel. No parameters" },
		{ "/kcpgate/troubles", troubles_command,
		  "What keeps tunnels from working, the latest of each kind and peer. No "
		  "parameters" },
		{ "/kcpgate/channels", channels_command,
		  "Channels, a page at a time. Parameters: worker, channels to skip" },
	};
	int rc = 0;

	for (size_t i = 0; i < KG_ARRAY_SIZE(commands) && rc == 0; i++)
		rc = rte_telemetry_register_cmd(commands[i].name, commands[i].command,
						commands[i].help);
	pthread_mutex_lock(&lock);
	the_box = box;
	pthread_mutex_unlock(&lock);
	front = kg_telemetry_front_create(rte_eal_get_runtime_dir());
	return rc != 0 || front != NULL ? rc : -errno;
}

void kg_telemetry_fini(void)
{
	kg_telemetry_front_destroy(front);
	pthread_mutex_lock(&lock);
	the_box = NULL;
	pthread_mutex_unlock(&lock);
}
