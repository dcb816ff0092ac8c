/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts the control thread together: a loop, and the sources that it serves. */
#include "control/control.h"

#include "clock.h"
#include "control/internal.h"

#include <stdlib.h>

struct kg_control {
	struct kg_loop loop;
	struct kg_control_ctl *ctl;
	struct kg_control_signals *signals;
	struct kg_control_nexthops *nexthops;
	struct kg_control_names *names;
	struct kg_control_destinations *destinations;
	struct kg_control_reports *reports;
	struct kg_control_hooks *hooks;
	struct kg_control_stun *stun;
	struct kg_control_tunnels *tunnels;
	struct kg_control_reload *reload;
	struct kg_control_ports *ports;
	struct kg_control_status *status;
	struct kg_control_linux *linux_ports;
	struct kg_control_descriptors *descriptors;
	struct kg_control_watchdog *watchdog;
};

static bool create_sources(struct kg_control *control, struct kg_box *box,
			   const struct kg_control_origin *origin)
{
	struct kg_loop *loop = &control->loop;

	return (control->ctl = kg_control_ctl_create(loop, box)) != NULL &&
	       (control->nexthops = kg_control_nexthops_create(loop, box)) != NULL &&
	       (control->names = kg_control_names_create(loop, box)) != NULL &&
	       (control->destinations =
			kg_control_destinations_create(loop, box, control->names)) != NULL &&
	       (control->reports =
			kg_control_reports_create(loop, box, control->nexthops,
						  control->destinations, control->ctl)) != NULL &&
	       (control->hooks = kg_control_hooks_create(loop)) != NULL &&
	       (control->stun = kg_control_stun_create(loop, box, control->names,
						       control->hooks)) != NULL &&
	       (control->tunnels = kg_control_tunnels_create(loop, box, control->destinations,
							     control->stun)) != NULL &&
	       (control->reload = kg_control_reload_create(loop, box, control->tunnels, origin)) !=
		       NULL &&
	       (control->signals = kg_control_signals_create(loop, control->reload)) != NULL &&
	       (control->ports = kg_control_ports_create(loop, box)) != NULL &&
	       (control->status = kg_control_status_create(loop, box)) != NULL &&
	       (control->linux_ports = kg_control_linux_create(loop, box)) != NULL &&
	       (control->descriptors = kg_control_descriptors_create(loop, box)) != NULL &&
	       (control->watchdog = kg_control_watchdog_create(loop, box)) != NULL;
}

struct kg_control *kg_control_create(struct kg_box *box, const struct kg_control_origin *origin)
{
	struct kg_control *control = calloc(1, sizeof(*control));

	if (control == NULL)
		return NULL;
	if (kg_loop_init(&control->loop, kg_clock_now_us) && create_sources(control, box, origin)) {
		kg_control_ctl_open(control->ctl, control->reload);
		return control;
	}
	kg_control_destroy(control);
	return NULL;
}

void kg_control_destroy(struct kg_control *control)
{
	if (control == NULL)
		return;
	kg_control_watchdog_destroy(control->watchdog);
	kg_control_descriptors_destroy(control->descriptors);
	kg_control_linux_destroy(control->linux_ports);
	kg_control_status_destroy(control->status);
	kg_control_ports_destroy(control->ports);
	kg_control_signals_destroy(control->signals);
	kg_control_reload_destroy(control->reload);
	kg_control_tunnels_destroy(control->tunnels);
	kg_control_stun_destroy(control->stun);
	kg_control_hooks_destroy(control->hooks);
	kg_control_reports_destroy(control->reports);
	kg_control_destinations_destroy(control->destinations);
	kg_control_names_destroy(control->names);
	kg_control_nexthops_destroy(control->nexthops);
	kg_control_ctl_destroy(control->ctl);
	kg_loop_fini(&control->loop);
	free(control);
}

bool kg_control_run(struct kg_control *control)
{
	return kg_loop_run(&control->loop);
}
