/* SPDX-License-Identifier: BSD-3-Clause */
/* Loads the programs of TCP's way and puts them where they belong. Links of tcx end with their
 * descriptors, also when the process dies; an XDP program stays. */
#include "kernel/tcp_way.h"

#include "kernel/gro.h"
#include "kernel/tcp_way_code.h"
#include "netlink/xdp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.6 */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS  ((enum bpf_attach_type)47)

#define NAME "kg_tcp_way" /* of our programs */

/* libxdp's dispatcher keeps in its first map what it calls: prog_dispatcher.h of xdp-tools. */
#define DISPATCHER_MAGIC    236
#define DISPATCHER_COUNT_AT 2
#define DISPATCHER_BYTES    1024

struct kg_tcp_way {
	unsigned int port_ifindex;
	struct kg_tcp_way_stats *stats; /* the array's memory */
	int array_fd, xskmap_fd;
	int in_fd, out_fd;      /* links */
	int sort_fd, before_fd; /* programs of XDP: ours, and whose place it takes */
	bool stands_in;
	bool merges; /* by us: it is to be as before */
};

/* ---- bpf(2) ---- */

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	long rc = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return rc < 0 ? -errno : (int)rc;
}

static int create_map(enum bpf_map_type type, uint32_t value_bytes, uint32_t entries,
		      uint32_t flags)
{
	union bpf_attr attr = { .map_type = type,
				.key_size = sizeof(uint32_t),
				.value_size = value_bytes,
				.max_entries = entries,
				.map_flags = flags };

	return bpf(BPF_MAP_CREATE, &attr);
}

static int load(enum bpf_prog_type type, const struct kg_tcp_way_code *code)
{
	union bpf_attr attr = { .prog_type = type,
				.insns = (uintptr_t)code->insns,
				.insn_cnt = code->count,
				.license = (uintptr_t) "BSD",
				.prog_name = NAME };

	return bpf(BPF_PROG_LOAD, &attr);
}

static int attach(enum bpf_attach_type where, unsigned int ifindex, int program_fd)
{
	union bpf_attr attr = { .link_create = { .prog_fd = (uint32_t)program_fd,
						 .target_ifindex = ifindex,
						 .attach_type = where } };

	return bpf(BPF_LINK_CREATE, &attr);
}

static int describe(int fd, void *info, uint32_t info_bytes)
{
	union bpf_attr attr = {
		.info = { .bpf_fd = (uint32_t)fd, .info_len = info_bytes, .info = (uintptr_t)info }
	};

	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

static int open_by_id(enum bpf_cmd command, uint32_t id)
{
	union bpf_attr attr = { .prog_id = id }; /* or map_id, in the same place */

	return bpf(command, &attr);
}

static int read_map(int fd, uint32_t key, void *value)
{
	union bpf_attr attr = { .map_fd = (uint32_t)fd,
				.key = (uintptr_t)&key,
				.value = (uintptr_t)value };

	return bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

static int write_map(int fd, uint32_t key, const void *value)
{
	union bpf_attr attr = { .map_fd = (uint32_t)fd,
				.key = (uintptr_t)&key,
				.value = (uintptr_t)value };

	return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static bool is_called(int program_fd, const char *name)
{
	struct bpf_prog_info info = { 0 };

	return describe(program_fd, &info, sizeof(info)) == 0 &&
	       strncmp(info.name, name, sizeof(info.name)) == 0;
}

/* ---- the program that is there ---- */

/* Of libxdp's dispatcher, which calls programs of several owners: how many they are. */
static unsigned int programs_of(int dispatcher_fd)
{
	uint32_t map_id = 0;
	struct bpf_prog_info info = { .nr_map_ids = 1, .map_ids = (uintptr_t)&map_id };
	struct bpf_map_info map = { 0 };
	uint8_t config[DISPATCHER_BYTES];
	unsigned int count = 0;
	int fd;

	if (describe(dispatcher_fd, &info, sizeof(info)) != 0 || map_id == 0)
		return 0;
	fd = open_by_id(BPF_MAP_GET_FD_BY_ID, map_id);
	if (fd < 0)
		return 0;
	if (describe(fd, &map, sizeof(map)) == 0 && map.value_size <= sizeof(config) &&
	    read_map(fd, 0, config) == 0 && config[0] == DISPATCHER_MAGIC)
		count = config[DISPATCHER_COUNT_AT];
	close(fd);
	return count;
}

/* Does it do what ours does, but for TCP, and nothing else? */
static bool only_feeds_sockets(int program_fd)
{
	return is_called(program_fd, "xsk_def_prog") ||
	       (is_called(program_fd, "xdp_dispatcher") && programs_of(program_fd) == 1);
}

/* -errno: there is none that ours could stand in for. */
static int open_before(struct kg_nl *nl, unsigned int ifindex)
{
	struct kg_xdp xdp;
	int rc = kg_xdp_get(nl, ifindex, &xdp), fd;

	if (rc != 0)
		return rc;
	if (xdp.id == 0 || !xdp.by_driver)
		return -EOPNOTSUPP;
	fd = open_by_id(BPF_PROG_GET_FD_BY_ID, xdp.id);
	if (fd < 0 || only_feeds_sockets(fd))
		return fd;
	close(fd);
	return -EEXIST;
}

/* ---- begin and end ---- */

static int make_maps(struct kg_tcp_way *way, const struct kg_tcp_way_params *params)
{
	void *memory;
	int rc = 0;

	way->array_fd =
		create_map(BPF_MAP_TYPE_ARRAY, sizeof(struct kg_tcp_way_stats), 1, BPF_F_MMAPABLE);
	if (way->array_fd < 0)
		return way->array_fd;
	memory = mmap(NULL, sizeof(*way->stats), PROT_READ, MAP_SHARED, way->array_fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	way->stats = memory;
	way->xskmap_fd = create_map(BPF_MAP_TYPE_XSKMAP, sizeof(int),
				    params->first_queue + params->socket_count, 0);
	if (way->xskmap_fd < 0)
		return way->xskmap_fd;
	for (unsigned int i = 0; rc == 0 && i < params->socket_count; i++)
		rc = write_map(way->xskmap_fd, params->first_queue + i, &params->sockets[i]);
	return rc;
}

/* Redirects the TCP that comes to `at` or leaves there. The link, or -errno. */
static int redirect(const struct kg_tcp_way_redirect *redirect, unsigned int at)
{
	struct kg_tcp_way_code code;
	int program_fd, fd;

	kg_tcp_way_code_redirect(&code, redirect);
	program_fd = load(BPF_PROG_TYPE_SCHED_CLS, &code);
	if (program_fd < 0)
		return program_fd;
	fd = attach(redirect->received ? TCX_INGRESS : TCX_EGRESS, at, program_fd);
	close(program_fd);
	return fd;
}

static int open_redirects(struct kg_tcp_way *way, const struct kg_tcp_way_params *params)
{
	const struct kg_tcp_way_redirect in = {
		.ifindex = params->tap_ifindex,
		.received = true,
		.array_fd = way->array_fd,
		.counter_at = offsetof(struct kg_tcp_way_stats, in),
	};
	const struct kg_tcp_way_redirect out = {
		.ifindex = params->port_ifindex,
		.array_fd = way->array_fd,
		.counter_at = offsetof(struct kg_tcp_way_stats, out),
	};

	way->in_fd = redirect(&in, params->port_ifindex);
	if (way->in_fd < 0)
		return way->in_fd;
	way->out_fd = redirect(&out, params->tap_ifindex);
	return way->out_fd < 0 ? way->out_fd : 0;
}

/* The last step: from here on TCP comes in by it. */
static int stand_in(struct kg_tcp_way *way)
{
	struct kg_tcp_way_code code;
	struct kg_nl nl;
	int rc;

	kg_tcp_way_code_sort(&code, way->xskmap_fd);
	way->sort_fd = load(BPF_PROG_TYPE_XDP, &code);
	if (way->sort_fd < 0)
		return way->sort_fd;
	rc = kg_nl_open(&nl);
	if (rc != 0)
		return rc;
	way->before_fd = open_before(&nl, way->port_ifindex);
	rc = way->before_fd < 0
		     ? way->before_fd
		     : kg_xdp_replace(&nl, way->port_ifindex, way->sort_fd, way->before_fd);
	way->stands_in = rc == 0;
	kg_nl_close(&nl);
	return rc;
}

/* Frame by frame Linux's TCP would take longer than the way spares. */
static int merge(struct kg_tcp_way *way)
{
	int before = kg_gro_set(way->port_ifindex, true);

	way->merges = before == 0;
	return before < 0 ? before : 0;
}

int kg_tcp_way_begin(struct kg_tcp_way **way, const struct kg_tcp_way_params *params)
{
	struct kg_tcp_way *w = *way = calloc(1, sizeof(*w));
	int rc;

	if (w == NULL)
		return -ENOMEM;
	w->port_ifindex = params->port_ifindex;
	w->array_fd = w->xskmap_fd = w->in_fd = w->out_fd = -1;
	w->sort_fd = w->before_fd = -1;
	rc = make_maps(w, params);
	if (rc == 0)
		rc = open_redirects(w, params);
	if (rc == 0)
		rc = merge(w);
	if (rc == 0)
		rc = stand_in(w);
	if (rc == 0)
		return 0;
	kg_tcp_way_end(w);
	*way = NULL;
	return rc;
}

/* libxdp and the driver find what they have put there, and take it away as ever. */
static void stand_back(const struct kg_tcp_way *way)
{
	struct kg_nl nl;

	if (!way->stands_in || kg_nl_open(&nl) != 0)
		return;
	kg_xdp_replace(&nl, way->port_ifindex, way->before_fd, way->sort_fd);
	kg_nl_close(&nl);
}

void kg_tcp_way_end(struct kg_tcp_way *way)
{
	if (way == NULL)
		return;
	stand_back(way);
	if (way->merges)
		kg_gro_set(way->port_ifindex, false);
	close_fd(way->before_fd);
	close_fd(way->sort_fd);
	close_fd(way->out_fd);
	close_fd(way->in_fd);
	close_fd(way->xskmap_fd);
	if (way->stats != NULL)
		munmap(way->stats, sizeof(*way->stats));
	close_fd(way->array_fd);
	free(way);
}

void kg_tcp_way_clear(unsigned int port_ifindex)
{
	struct kg_xdp xdp;
	struct kg_nl nl;
	int fd;

	if (kg_nl_open(&nl) != 0)
		return;
	if (kg_xdp_get(&nl, port_ifindex, &xdp) == 0 && xdp.id != 0) {
		fd = open_by_id(BPF_PROG_GET_FD_BY_ID, xdp.id);
		if (fd >= 0 && is_called(fd, NAME))
			kg_xdp_replace(&nl, port_ifindex, -1, fd);
		close_fd(fd);
	}
	kg_nl_close(&nl);
}

KG_METRIC_TABLE(kg_tcp_way_metrics, kg_tcp_way_stats, KG_TCP_WAY_METRICS(KG_METRIC_ROW));

const struct kg_tcp_way_stats *kg_tcp_way_get_stats(const struct kg_tcp_way *way)
{
	return way->stats;
}
