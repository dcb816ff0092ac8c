/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps what checks have found. */
#include "doctor/internal.h"

#include <stdarg.h>

struct kg_finding *kg_doctor_find(struct kg_doctor *d, const char *name, enum kg_health health,
				  const char *format, ...)
{
	struct kg_finding *finding = &d->findings[KG_MIN(d->count, KG_FINDINGS_MAX - 1u)];
	va_list values;

	d->count = KG_MIN(d->count + 1, KG_FINDINGS_MAX + 0u);
	*finding = (struct kg_finding){ .health = health };
	snprintf(finding->name, sizeof(finding->name), "%s", name);
	va_start(values, format);
	vsnprintf(finding->text, sizeof(finding->text), format, values);
	va_end(values);
	return finding;
}

void kg_finding_mend(struct kg_finding *finding, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(finding->mend, sizeof(finding->mend), format, values);
	va_end(values);
}

unsigned int kg_doctor_count(const struct kg_doctor *d, enum kg_health health)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < d->count; i++)
		count += d->findings[i].health == health;
	return count;
}

const char *kg_health_name(enum kg_health health)
{
	static const char *const names[KG_HEALTHS] = { "good", "poor", "missing" };

	return names[health];
}
