/* SPDX-License-Identifier: BSD-3-Clause */
/* Leads a box through its life: built in stages, started, stopped, taken down in reverse order. */
#include "box/internal.h"

#include "turn.h"
#include "worker.h"

#include <rte_launch.h>
#include <rte_lcore.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_MS 300 /* for applications to take what the peers have sent them */
#define LOOK_US  KG_US_PER_MS

void kg_box_begin(struct kg_box *box, const struct kg_config *config)
{
	memset(box, 0, sizeof(*box));
	box->config = config;
	box->payload_count = config->payload_threads;
	box->control_waker.fd = -1;
	box->pump.waker.fd = -1;
	for (unsigned int t = 0; t < box->payload_count; t++)
		box->payloads[t].waker.fd = -1;
	TAILQ_INIT(&box->settings);
	kg_slot_ids_init(&box->tunnel_ids);
	pthread_mutex_init(&box->tunnels_lock, NULL);
	kg_mem_malloc_init(&box->mem);
}

bool kg_box_init(struct kg_box *box, const struct kg_config *config, char *error,
		 size_t error_bytes)
{
	static bool (*const stages[])(struct kg_box * box, char *error, size_t error_bytes) = {
		kg_box_init_memory,  kg_box_init_rings,    kg_box_init_ports, kg_box_init_taps,
		kg_box_init_tunnels, kg_box_reserve_ports, kg_box_init_rules, kg_box_init_workers,
		kg_box_init_payload, kg_box_init_pump,
	};

	kg_box_begin(box, config);
	for (size_t i = 0; i < KG_ARRAY_SIZE(stages); i++) {
		if (!stages[i](box, error, error_bytes))
			return false;
	}
	kg_box_forget_keys(box);
	return true;
}

void kg_box_fini(struct kg_box *box)
{
	kg_box_fini_payload(box);
	kg_box_fini_pump(box);
	kg_box_fini_rings(box);
	kg_box_fini_workers(box);
	kg_box_fini_tunnels(box);
	kg_box_fini_ports(box);
	kg_box_fini_memory(box);
}

int kg_box_start(struct kg_box *box)
{
	int rc;

	kg_box_await_stamps(box);
	rc = kg_box_start_payloads(box);
	if (rc == 0)
		rc = kg_box_start_pump(box);
	for (unsigned int i = 0; rc == 0 && i < box->worker_count; i++)
		rc = rte_eal_remote_launch(kg_worker_run, box->workers[i], i);
	return rc;
}

/* Those that run. */
static void tell_workers(struct kg_box *box, enum kg_mail_type what, atomic_uint *awaited)
{
	struct kg_mail mail = { .type = what, .awaited = awaited };

	for (unsigned int i = 0; i < box->worker_count; i++) {
		if (rte_eal_get_lcore_state(i) != RUNNING)
			continue;
		atomic_fetch_add(awaited, 1);
		while (!kg_box_post(box, i, &mail))
			usleep(LOOK_US);
	}
	while (atomic_load_explicit(awaited, memory_order_acquire) > 0)
		usleep(LOOK_US);
}

/* What the applications' side says at its end goes to hosts on the wire by the pump and a worker.
 */
void kg_box_stop(struct kg_box *box)
{
	atomic_uint awaited = 0;

	tell_workers(box, KG_MAIL_STOP, &awaited);
	for (int waited_ms = 0; waited_ms < DRAIN_MS && kg_box_payload_stats(box).flows > 0;
	     waited_ms++)
		usleep(LOOK_US);
	kg_box_stop_payloads(box);
	kg_box_stop_pump(box);
	tell_workers(box, KG_MAIL_LEAVE, &awaited);
	for (unsigned int i = 0; i < box->worker_count; i++)
		rte_eal_wait_lcore(i);
}
