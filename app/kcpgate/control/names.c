/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps host names for the whole box, and answers the enquiries of payload threads. */
#include "clock.h"
#include "control/internal.h"
#include "outlook.h"
#include "resolver/enquiry.h"

#include <errno.h>
#include <stdlib.h>

struct kg_control_names {
	struct kg_loop_source source;
	struct kg_box *box;
	struct kg_names *names;
};

static bool fed(const struct kg_loop_source *source)
{
	const struct kg_box *box =
		KG_CONTAINER_OF(source, const struct kg_control_names, source)->box;

	for (unsigned int t = 0; t < box->payload_count; t++) {
		if (kg_enquiries_waiting(&box->payloads[t].enquiries))
			return true;
	}
	return false;
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_control_names *names = KG_CONTAINER_OF(source, struct kg_control_names, source);

	for (unsigned int t = 0; t < names->box->payload_count; t++)
		kg_enquiries_serve(&names->box->payloads[t].enquiries, names->names, now_us);
	kg_names_input(names->names, now_us);
	kg_outlook_put_names(names->names);
	source->due_us = kg_names_due_us(names->names, now_us);
}

/* What there is to do now shows in its next turn. */
struct kg_name_wait *kg_control_names_watch(struct kg_control_names *names, const char *name,
					    unsigned int what, kg_resolved *told, void *ctx)
{
	names->source.due_us = 0;
	return kg_names_watch(names->names, name, what, told, ctx, kg_clock_now_us());
}

void kg_control_names_forget(struct kg_control_names *names, struct kg_name_wait *wait)
{
	if (wait != NULL)
		kg_names_forget(names->names, wait);
}

void kg_control_names_doubt(struct kg_control_names *names, const char *name, unsigned int what)
{
	names->source.due_us = 0;
	kg_names_doubt(names->names, name, what, kg_clock_now_us());
}

struct kg_control_names *kg_control_names_create(struct kg_loop *loop, struct kg_box *box)
{
	struct kg_control_names *names = calloc(1, sizeof(*names));

	if (names == NULL)
		return NULL;
	names->box = box;
	names->names = kg_names_create();
	if (names->names == NULL) {
		free(names);
		errno = ENOMEM;
		return NULL;
	}
	names->source = (struct kg_loop_source){
		.fd = kg_names_fd(names->names),
		.due_us = KG_NEVER_US,
		.fed = fed,
		.serve = serve,
	};
	if (kg_loop_add(loop, &names->source))
		return names;
	kg_control_names_destroy(names);
	return NULL;
}

void kg_control_names_destroy(struct kg_control_names *names)
{
	if (names == NULL)
		return;
	kg_loop_remove(&names->source);
	kg_names_destroy(names->names);
	free(names);
}
