/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks once a second which UDP ports Linux's own sockets have. */
#include "udp_ports/linux_ports.h"

#include "control/internal.h"

#include <stdlib.h>

struct kg_control_linux {
	struct kg_loop_source source;
	struct kg_box *box;
};

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	source->due_us = now_us + KG_CONTROL_TICK_US;
	kg_linux_ports_refresh(KG_CONTAINER_OF(source, struct kg_control_linux, source)->box);
}

struct kg_control_linux *kg_control_linux_create(struct kg_loop *loop, struct kg_box *box)
{
	struct kg_control_linux *linux_ports = calloc(1, sizeof(*linux_ports));

	if (linux_ports == NULL)
		return NULL;
	linux_ports->box = box;
	linux_ports->source = (struct kg_loop_source){ .fd = -1, .serve = serve };
	kg_loop_add(loop, &linux_ports->source);
	return linux_ports;
}

void kg_control_linux_destroy(struct kg_control_linux *linux_ports)
{
	if (linux_ports != NULL)
		kg_loop_remove(&linux_ports->source);
	free(linux_ports);
}
