/* SPDX-License-Identifier: BSD-3-Clause */
/* Says of what a box's numbers are, and where each stands. */
#include "box_metrics.h"

#include "box.h"
#include "log.h"
#include "outlook.h"
#include "worker.h"

#include <stdio.h>

static uint64_t load(const uint64_t *number)
{
	return __atomic_load_n(number, __ATOMIC_RELAXED);
}

/* ---- what has no list elsewhere ---- */

#define BOX_METRICS(X)                                                                       \
	X(workers, "workers", GAUGE, "threads", "workers there are")                         \
	X(payload_threads, "payload_threads", GAUGE, "threads", "payload threads there are") \
	X(log_lines_lost, "log_lines_lost", COUNTER, "lines",                                \
	  "lines of the log and of journals that found no room")                             \
	X(mbufs_used, "mem_mbufs_used", GAUGE, "mbufs",                                      \
	  "mbufs in use, caches of threads included")                                        \
	X(mbufs_total, "mem_mbufs_total", GAUGE, "mbufs", "mbufs there are")

#define ARENA_METRICS(X)                                                                          \
	X(used_bytes, "mem_state_bytes", GAUGE, "bytes", "memory for channels and tables in use") \
	X(total_bytes, "mem_state_total_bytes", GAUGE, "bytes",                                   \
	  "memory for channels and tables there is")

#define SEEN_METRICS(X)                                             \
	X(forgotten, "handshakes_forgotten", COUNTER, "handshakes", \
	  "served handshakes forgotten before their time: too many of them")

struct box_stats {
	BOX_METRICS(KG_METRIC_FIELD)
};
struct arena_stats {
	ARENA_METRICS(KG_METRIC_FIELD)
};
struct seen_stats {
	SEEN_METRICS(KG_METRIC_FIELD)
};
static KG_METRIC_TABLE(box_metrics, box_stats, BOX_METRICS(KG_METRIC_ROW));
static KG_METRIC_TABLE(arena_metrics, arena_stats, ARENA_METRICS(KG_METRIC_ROW));
static KG_METRIC_TABLE(side_metrics, kg_side_stats, KG_SIDE_METRICS(KG_METRIC_ROW));
static KG_METRIC_TABLE(seen_metrics, seen_stats, SEEN_METRICS(KG_METRIC_ROW));

/* ---- what things are called ---- */

/* The one there is. */
static const char *nameless(const void *host, unsigned int thing,
			    char number[KG_METRIC_NUMBER_BYTES])
{
	return "";
}

static const char *by_number(const void *host, unsigned int thing,
			     char number[KG_METRIC_NUMBER_BYTES])
{
	snprintf(number, KG_METRIC_NUMBER_BYTES, "%u", thing);
	return number;
}

static const char *thread_name(const void *host, unsigned int thing,
			       char number[KG_METRIC_NUMBER_BYTES])
{
	const struct kg_box *box = host;

	return box->payloads[thing].payload != NULL ? by_number(host, thing, number) : NULL;
}

static const char *port_name(const void *host, unsigned int thing,
			     char number[KG_METRIC_NUMBER_BYTES])
{
	const struct kg_box *box = host;

	return box->ports[thing].tap != NULL ? box->ports[thing].config->name : NULL;
}

static const struct kg_tcp_way_stats *tcp_way_of(const void *host, unsigned int port)
{
	return kg_exception_tcp_way_stats(((const struct kg_box *)host)->ports[port].tap);
}

static const char *tcp_way_name(const void *host, unsigned int thing,
				char number[KG_METRIC_NUMBER_BYTES])
{
	const char *name = port_name(host, thing, number);

	return name != NULL && tcp_way_of(host, thing) != NULL ? name : NULL;
}

static const struct kg_box_tunnel *tunnel_at(const void *host, unsigned int thing)
{
	return kg_box_tunnel_at(host, thing);
}

static const char *tunnel_name(const void *host, unsigned int thing,
			       char number[KG_METRIC_NUMBER_BYTES])
{
	return tunnel_at(host, thing)->config->name;
}

static const char *server_name(const void *host, unsigned int thing,
			       char number[KG_METRIC_NUMBER_BYTES])
{
	return tunnel_at(host, thing)->seen != NULL ? tunnel_name(host, thing, number) : NULL;
}

static const char *fec_name(const void *host, unsigned int thing,
			    char number[KG_METRIC_NUMBER_BYTES])
{
	return tunnel_at(host, thing)->config->wire.fec.parity > 0
		       ? tunnel_name(host, thing, number)
		       : NULL;
}

/* ---- how many there are ---- */

static unsigned int one(const void *host)
{
	return 1;
}

static unsigned int workers(const void *host)
{
	return ((const struct kg_box *)host)->worker_count;
}

static unsigned int threads(const void *host)
{
	return ((const struct kg_box *)host)->payload_count;
}

static unsigned int ports(const void *host)
{
	return ((const struct kg_box *)host)->port_count;
}

static unsigned int tunnels(const void *host)
{
	return kg_box_tunnel_count(host);
}

/* ---- where they stand ---- */

static uint64_t read_box(const void *host, unsigned int thing, unsigned int row)
{
	const struct kg_box *box = host;
	const struct box_stats stats = {
		.workers = box->worker_count,
		.payload_threads = box->payload_count,
		.log_lines_lost = kg_log_lost(),
		.mbufs_used = rte_mempool_in_use_count(box->mbufs),
		.mbufs_total = box->mbufs->size,
	};

	return ((const uint64_t *)&stats)[row];
}

static uint64_t read_bufs(const void *host, unsigned int thing, unsigned int row)
{
	struct kg_buf_mempool_stats stats;

	kg_buf_mempool_get_stats(((const struct kg_box *)host)->bufs, &stats);
	return ((const uint64_t *)&stats)[row];
}

static uint64_t read_names(const void *host, unsigned int thing, unsigned int row)
{
	struct kg_names_stats stats = kg_outlook_names_stats();

	return ((const uint64_t *)&stats)[row];
}

static uint64_t read_counter(const void *host, unsigned int worker, unsigned int row)
{
	return load(&((const struct kg_box *)host)->workers[worker]->stats.counters[row]);
}

static uint64_t read_drop(const void *host, unsigned int worker, unsigned int row)
{
	return load(&((const struct kg_box *)host)->workers[worker]->stats.drops[row + 1]);
}

static uint64_t read_arena(const void *host, unsigned int worker, unsigned int row)
{
	const struct kg_arena *arena = ((const struct kg_box *)host)->workers[worker]->arena;
	const struct arena_stats stats = {
		.used_bytes = kg_arena_in_use_bytes(arena),
		.total_bytes = kg_arena_size_bytes(arena),
	};

	return ((const uint64_t *)&stats)[row];
}

static uint64_t read_payload(const void *host, unsigned int thread, unsigned int row)
{
	struct kg_payload_stats stats = { 0 };

	kg_payload_add_stats(&stats, ((const struct kg_box *)host)->payloads[thread].payload);
	return ((const uint64_t *)&stats)[row];
}

static uint64_t read_tap(const void *host, unsigned int port, unsigned int row)
{
	const struct kg_exception *tap = ((const struct kg_box *)host)->ports[port].tap;

	return load((const uint64_t *)kg_exception_get_stats(tap) + row);
}

static uint64_t read_tcp_way(const void *host, unsigned int port, unsigned int row)
{
	return load((const uint64_t *)tcp_way_of(host, port) + row);
}

static uint64_t read_seen(const void *host, unsigned int tunnel, unsigned int row)
{
	return kg_seen_forgotten(tunnel_at(host, tunnel)->seen);
}

uint64_t kg_box_figure(const struct kg_box *box, const struct kg_box_tunnel *tunnel, size_t at)
{
	uint64_t sum = 0;

	for (unsigned int w = 0; w < box->worker_count; w++)
		sum += load((const uint64_t *)((const char *)&tunnel->sides[w]->figures + at));
	return sum;
}

/* `offset`: of the list that the row is of. */
static uint64_t sum_up(const void *host, unsigned int tunnel, size_t offset, unsigned int row)
{
	return kg_box_figure(host, tunnel_at(host, tunnel), offset + row * sizeof(uint64_t));
}

static uint64_t read_session(const void *host, unsigned int tunnel, unsigned int row)
{
	return sum_up(host, tunnel, offsetof(struct kg_side_figures, session), row);
}

static uint64_t read_streams(const void *host, unsigned int tunnel, unsigned int row)
{
	return sum_up(host, tunnel, offsetof(struct kg_side_figures, streams), row);
}

static uint64_t read_fec(const void *host, unsigned int tunnel, unsigned int row)
{
	return sum_up(host, tunnel, offsetof(struct kg_side_figures, fec), row);
}

static uint64_t read_side(const void *host, unsigned int tunnel, unsigned int row)
{
	return sum_up(host, tunnel, offsetof(struct kg_side_figures, side), row);
}

/* ---- all of them ---- */

static const struct kg_metric_set sets[] = {
	{ &box_metrics, KG_METRIC_OF_BOX, one, nameless, read_box },
	{ &kg_counter_metrics, KG_METRIC_OF_WORKER, workers, by_number, read_counter },
	{ &kg_drop_metrics, KG_METRIC_OF_WORKER, workers, by_number, read_drop },
	{ &kg_payload_metrics, KG_METRIC_OF_THREAD, threads, thread_name, read_payload },
	{ &kg_exception_metrics, KG_METRIC_OF_PORT, ports, port_name, read_tap },
	{ &kg_tcp_way_metrics, KG_METRIC_OF_PORT, ports, tcp_way_name, read_tcp_way },
	{ &arena_metrics, KG_METRIC_OF_WORKER, workers, by_number, read_arena },
	{ &kg_names_metrics, KG_METRIC_OF_BOX, one, nameless, read_names },
	{ &kg_buf_mempool_metrics, KG_METRIC_OF_BOX, one, nameless, read_bufs },
	{ &kg_session_metrics, KG_METRIC_OF_TUNNEL, tunnels, tunnel_name, read_session },
	{ &seen_metrics, KG_METRIC_OF_TUNNEL, tunnels, server_name, read_seen },
	{ &kg_streams_metrics, KG_METRIC_OF_TUNNEL, tunnels, tunnel_name, read_streams },
	{ &side_metrics, KG_METRIC_OF_TUNNEL, tunnels, tunnel_name, read_side },
	{ &kg_fec_metrics, KG_METRIC_OF_TUNNEL, tunnels, fec_name, read_fec },
};

void kg_box_metrics_walk(const struct kg_box *box, struct kg_metric_sink *sink)
{
	kg_metrics_walk(sets, KG_ARRAY_SIZE(sets), box, sink);
}
