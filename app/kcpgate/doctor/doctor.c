/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs kcpgate --doctor from beginning to end. */
#include "doctor.h"

#include "doctor/internal.h"
#include "start/claims.h"

#include <string.h>
#include <sys/timex.h>

void kg_doctor_examine(struct kg_doctor *d)
{
	kg_doctor_check_cpus(d);
	kg_doctor_check_memory(d);
	kg_doctor_check_numa(d);
	kg_doctor_check_rights(d);
	kg_doctor_check_ports(d);
	kg_doctor_check_surroundings(d);
}

static bool is_synchronised(void)
{
	struct timex clock = { .modes = 0 };

	return adjtimex(&clock) >= 0 && (clock.status & STA_UNSYNC) == 0;
}

static void examine_here(struct kg_doctor *d, const struct kg_config *config, bool has_memory)
{
	*d = (struct kg_doctor){ .config = config,
				 .root = "",
				 .has_memory = has_memory,
				 .clock_synchronised = is_synchronised() };
	kg_doctor_examine(d);
}

void kg_doctor_any_box(struct kg_config *config)
{
	static const char text[] = "{}";
	struct kg_mistakes mistakes;

	kg_config_load_text(config, &mistakes, "", text, strlen(text));
	kg_mistakes_free(&mistakes);
}

bool kg_doctor(const struct kg_config *config, bool json, FILE *to)
{
	struct kg_doctor d;

	examine_here(&d, config, kg_claims_holder(config) != 0);
	if (json)
		kg_doctor_print_json(&d, to);
	else
		kg_doctor_print_table(&d, to);
	return kg_doctor_count(&d, KG_HEALTH_MISSING) == 0;
}

void kg_doctor_explain(const struct kg_config *config, bool has_memory, FILE *to)
{
	struct kg_doctor d;

	examine_here(&d, config, has_memory);
	for (unsigned int i = 0; i < d.count; i++) {
		const struct kg_finding *f = &d.findings[i];

		if (f->health == KG_HEALTH_MISSING)
			fprintf(to, "kcpgate: %s: %s%s%s\n", f->name, f->text,
				f->mend[0] != '\0' ? "; as root: " : "", f->mend);
	}
}
