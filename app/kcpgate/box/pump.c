/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts the thread between workers and TAPs; box/rings.c makes what it shares with the workers. */
#include "box/internal.h"

bool kg_box_init_pump(struct kg_box *box, char *error, size_t error_bytes)
{
	const struct kg_pump_config config = {
		.links = box->pump.links,
		.link_count = box->worker_count,
		.taps = box->taps,
		.tap_count = box->port_count,
		.waker = &box->pump.waker,
		.busy = box->config->poll == KG_POLL_BUSY,
		.shared = box->config->shared_memory,
	};

	box->pump.pump = kg_pump_create(&config);
	if (box->pump.pump == NULL)
		FAIL("out of memory");
	return true;
}

void kg_box_fini_pump(struct kg_box *box)
{
	kg_pump_destroy(box->pump.pump);
}

static void *run(void *pump)
{
	kg_pump_run(pump);
	return NULL;
}

int kg_box_start_pump(struct kg_box *box)
{
	int rc = pthread_create(&box->pump.thread, NULL, run, box->pump.pump);

	if (rc != 0)
		return -rc;
	box->pump.started = true;
	pthread_setname_np(box->pump.thread, "kg-pump");
	return 0;
}

void kg_box_stop_pump(struct kg_box *box)
{
	if (!box->pump.started)
		return;
	kg_pump_stop(box->pump.pump);
	pthread_join(box->pump.thread, NULL);
	box->pump.started = false;
}
