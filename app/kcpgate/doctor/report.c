/* SPDX-License-Identifier: BSD-3-Clause */
/* Says what was found, to people and to programs. */
#include "doctor/internal.h"

#include <jansson.h>
#include <string.h>

void kg_doctor_print_table(const struct kg_doctor *d, FILE *to)
{
	int width = 0;

	for (unsigned int i = 0; i < d->count; i++)
		width = KG_MAX(width, (int)strlen(d->findings[i].name));
	for (unsigned int i = 0; i < d->count; i++) {
		const struct kg_finding *f = &d->findings[i];

		fprintf(to, "%-*s  %-7s  %s\n", width, f->name, kg_health_name(f->health), f->text);
		if (f->mend[0] != '\0')
			fprintf(to, "%-*s           %s\n", width, "", f->mend);
	}
	fprintf(to, "\n%u missing, without which the box does not work; %u poor\n",
		kg_doctor_count(d, KG_HEALTH_MISSING), kg_doctor_count(d, KG_HEALTH_POOR));
}

static json_t *finding_json(const struct kg_finding *finding)
{
	json_t *object = json_pack("{s:s,s:s,s:s}", "check", finding->name, "health",
				   kg_health_name(finding->health), "text", finding->text);

	if (finding->mend[0] != '\0')
		json_object_set_new(object, "mend", json_string(finding->mend));
	return object;
}

void kg_doctor_print_json(const struct kg_doctor *d, FILE *to)
{
	json_t *findings = json_array(), *all;

	for (unsigned int i = 0; i < d->count; i++)
		json_array_append_new(findings, finding_json(&d->findings[i]));
	all = json_pack("{s:I,s:I,s:o}", "missing",
			(json_int_t)kg_doctor_count(d, KG_HEALTH_MISSING), "poor",
			(json_int_t)kg_doctor_count(d, KG_HEALTH_POOR), "findings", findings);
	json_dumpf(all, to, JSON_INDENT(2));
	fputc('\n', to);
	json_decref(all);
}
