/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole box, like kcpgate, whose control thread has one source more: it adds the tunnels of a
 * second configuration and removes them again, so many times, each as soon as the one before has
 * gone. What the box holds before and after must be the same.
 *
 *   come_and_go BOX.json GUESTS.json ROUNDS
 *
 * Says "kcpgate ready", then "all have gone", and runs until SIGTERM.
 */
#include "box.h"
#include "clock.h"
#include "control/control.h"
#include "control/internal.h"
#include "log.h"
#include "start/eal.h"
#include "telemetry.h"
#include "worker.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESERVED_PATH  "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define RESERVED_BYTES 4096
/* What the connection beside takes and gives meanwhile, a round; what leaks comes to more. */
#define GROWTH_BYTES           256
#define CONNECTION_DESCRIPTORS 4 /* its sockets, and a client's of telemetry */
/* Each so many rounds the guests stay, so that applications find them. */
#define STAY_ROUNDS 20
#define STAY_US     (100 * KG_US_PER_MS)

/* What may leak. */
struct holding {
	size_t arena_bytes;
	unsigned int descriptors, listen_ports;
	char reserved[RESERVED_BYTES];
};

struct guests {
	struct kg_loop_source source;
	struct kg_box *box;
	struct kg_control_tunnels *tunnels;
	const struct kg_config *config;
	unsigned int rounds, left;
	uint64_t leave_us;          /* those that stay for a while */
	unsigned int here, awaited; /* of config's tunnels; orders not yet answered */
	struct holding before;
	bool failed;
};

/* ---- what the box holds ---- */

static unsigned int count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (directory != NULL && readdir(directory) != NULL)
		count++;
	if (directory != NULL)
		closedir(directory);
	return count;
}

/* Entries of the table of ports that stay as long as their tunnel. */
static unsigned int count_listen_ports(const struct kg_box *box)
{
	unsigned int count = 0;

	for (uint32_t port = 0; port < 65536; port++) {
		uint16_t id = kg_port_table_get(&box->udp_ports, (uint16_t)port);
		const struct kg_box_tunnel *tunnel = kg_box_tunnel(box, id);

		count += id == KG_PORT_TABLE_LISTENED ||
			 (tunnel != NULL && tunnel->config->wire.role == KG_ROLE_SERVER);
	}
	return count;
}

static void read_reserved(char text[RESERVED_BYTES])
{
	FILE *file = fopen(RESERVED_PATH, "re");
	size_t len = file != NULL ? fread(text, 1, RESERVED_BYTES - 1, file) : 0;

	text[len] = '\0';
	if (file != NULL)
		fclose(file);
}

static struct holding take_stock(const struct kg_box *box)
{
	struct holding holding = { .descriptors = count_descriptors(),
				   .listen_ports = count_listen_ports(box) };

	for (unsigned int w = 0; w < box->worker_count; w++)
		holding.arena_bytes += kg_arena_mem(box->workers[w]->arena)->in_use_bytes;
	read_reserved(holding.reserved);
	return holding;
}

static bool is_same(const struct guests *guests, const struct holding *now)
{
	const struct holding *before = &guests->before;

	KG_LOG(NOTICE, "arena %zu then, %zu now; descriptors %u, %u; ports %u, %u; slots %u\n",
	       before->arena_bytes, now->arena_bytes, before->descriptors, now->descriptors,
	       before->listen_ports, now->listen_ports, guests->box->tunnels.count);
	return now->arena_bytes < before->arena_bytes + GROWTH_BYTES * guests->rounds / 2 &&
	       now->descriptors <= before->descriptors + CONNECTION_DESCRIPTORS &&
	       now->listen_ports == before->listen_ports &&
	       !strcmp(now->reserved, before->reserved) &&
	       guests->box->tunnels.count == guests->box->config->tunnel_count;
}

/* ---- rounds ---- */

static void told(void *ctx, const char *error)
{
	struct guests *guests = ctx;

	if (error != NULL) {
		KG_LOG(ERR, "%s\n", error);
		guests->failed = true;
	}
	guests->awaited--;
	guests->source.due_us = 0;
}

static void add_all(struct guests *guests)
{
	char error[256];

	for (unsigned int i = 0; i < guests->config->tunnel_count; i++) {
		if (kg_control_tunnels_add(guests->tunnels, &guests->config->tunnels[i], told,
					   guests, error, sizeof(error))) {
			guests->awaited++;
			continue;
		}
		KG_LOG(ERR, "%s\n", error);
		guests->failed = true;
	}
	guests->here = guests->config->tunnel_count;
	guests->leave_us = kg_clock_now_us() + STAY_US;
}

static void remove_all(struct guests *guests)
{
	for (unsigned int i = 0; i < guests->config->tunnel_count; i++) {
		if (kg_control_tunnels_remove(guests->tunnels, guests->config->tunnels[i].name,
					      told, guests))
			guests->awaited++;
		else
			guests->failed = true;
	}
	guests->here = 0;
	guests->left--;
}

static void say_end(const struct guests *guests)
{
	const struct holding now = take_stock(guests->box);

	if (guests->failed || !is_same(guests, &now))
		KG_LOG(ERR, "guests have left something\n");
	else
		kg_log_announce("all have gone\n");
}

/* Before the first of them; the arena when the connection beside is at its pace. */
static void look(struct guests *guests)
{
	if (guests->left == guests->rounds)
		guests->before = take_stock(guests->box);
	else if (guests->left == guests->rounds / 2)
		guests->before.arena_bytes = take_stock(guests->box).arena_bytes;
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct guests *guests = KG_CONTAINER_OF(source, struct guests, source);

	source->due_us = KG_NEVER_US;
	if (guests->awaited > 0)
		return;
	if (guests->here > 0 && guests->left % STAY_ROUNDS == 0 && now_us < guests->leave_us) {
		source->due_us = guests->leave_us;
		return;
	}
	if (guests->here > 0) {
		remove_all(guests);
	} else if (guests->left > 0 && !guests->failed) {
		look(guests);
		add_all(guests);
	} else {
		say_end(guests);
	}
}

/* ---- the box ---- */

/* As control.c puts them together. */
static bool run_control(struct kg_box *box, const struct kg_config *config, unsigned int rounds)
{
	struct kg_loop loop;
	struct guests guests = { .box = box, .config = config, .rounds = rounds, .left = rounds };
	struct kg_control_signals *signals;
	struct kg_control_nexthops *nexthops;
	struct kg_control_names *names;
	struct kg_control_destinations *destinations;
	struct kg_control_reports *reports;
	struct kg_control_hooks *hooks;
	struct kg_control_stun *stun;
	struct kg_control_linux *linux_ports;
	bool good = kg_loop_init(&loop, kg_clock_now_us);

	signals = kg_control_signals_create(&loop, NULL);
	nexthops = kg_control_nexthops_create(&loop, box);
	names = kg_control_names_create(&loop, box);
	destinations = kg_control_destinations_create(&loop, box, names);
	reports = kg_control_reports_create(&loop, box, nexthops, destinations, NULL);
	hooks = kg_control_hooks_create(&loop);
	stun = kg_control_stun_create(&loop, box, names, hooks);
	linux_ports = kg_control_linux_create(&loop, box);
	guests.tunnels = kg_control_tunnels_create(&loop, box, destinations, stun);
	guests.source = (struct kg_loop_source){ .fd = -1, .serve = serve };
	good = good && kg_loop_add(&loop, &guests.source) && kg_box_start(box) == 0;
	if (good) {
		kg_log_announce("kcpgate ready\n");
		good = kg_loop_run(&loop);
	}
	kg_telemetry_fini();
	kg_box_stop(box);
	kg_loop_remove(&guests.source);
	kg_control_tunnels_destroy(guests.tunnels);
	kg_control_linux_destroy(linux_ports);
	kg_control_stun_destroy(stun);
	kg_control_hooks_destroy(hooks);
	kg_control_reports_destroy(reports);
	kg_control_destinations_destroy(destinations);
	kg_control_names_destroy(names);
	kg_control_nexthops_destroy(nexthops);
	kg_control_signals_destroy(signals);
	kg_loop_fini(&loop);
	return good;
}

static bool load(struct kg_config *config, const char *path)
{
	struct kg_mistakes mistakes;
	bool good;

	kg_config_load(config, &mistakes, &path, 1);
	good = mistakes.errors == NULL;
	kg_mistakes_print(&mistakes, stderr);
	kg_mistakes_free(&mistakes);
	return good;
}

static bool run(const struct kg_config *config, const struct kg_config *guests, unsigned int rounds)
{
	static struct kg_box box;
	char error[512];
	bool good;

	if (kg_eal_init(config, NULL, 0) != 0)
		return false;
	kg_clock_init();
	good = kg_box_init(&box, config, error, sizeof(error));
	if (!good)
		KG_LOG(ERR, "%s\n", error);
	else if (kg_telemetry_init(&box) != 0)
		KG_LOG(WARNING, "no telemetry\n");
	good = good && run_control(&box, guests, rounds);
	kg_box_fini(&box);
	kg_eal_fini();
	return good;
}

int main(int argc, char **argv)
{
	struct kg_config config, guests;
	bool good = argc == 4 && load(&config, argv[1]) && load(&guests, argv[2]);

	if (!good)
		return 2;
	kg_control_block_signals();
	good = kg_log_start() && run(&config, &guests, (unsigned int)strtoul(argv[3], NULL, 10));
	kg_log_stop();
	kg_config_free(&config);
	kg_config_free(&guests);
	return good ? 0 : 1;
}
