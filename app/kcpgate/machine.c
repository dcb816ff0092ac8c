/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mistakes that only this machine shows: CPUs it has not got, hugepages nobody has set up. Said in
 * the configuration's own words, before EAL says them in its.
 */
#include "machine.h"

#include "config/report.h"

#include <mntent.h>
#include <sched.h>
#include <string.h>

/* ---- CPUs ---- */

/* Linux says no for a CPU that is not there, is off, or is closed to this process. */
static bool can_run_on(unsigned int cpu)
{
	cpu_set_t one, before;
	bool can;

	if (cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(before), &before) < 0)
		return false;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	can = sched_setaffinity(0, sizeof(one), &one) == 0;
	sched_setaffinity(0, sizeof(before), &before);
	return can;
}

void kg_machine_check(const struct kg_config *config, struct kg_config_report *report,
		      const char *file)
{
	const struct kg_place root = { .file = file };
	struct kg_place workers = kg_place_member(&root, "workers");

	for (unsigned int i = 0; i < config->worker_count; i++) {
		struct kg_place at = kg_place_item(&workers, i);

		if (!can_run_on(config->workers[i]))
			kg_report_error(report, &at,
					"found %u; allowed CPUs of this machine that kcpgate may "
					"run on (see lscpu)",
					config->workers[i]);
	}
}

/* ---- hugepages ---- */

static bool has_hugetlbfs(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	bool found = false;

	while (mounts && !found && (mount = getmntent(mounts)) != NULL)
		found = hasmntopt(mount, "ro") == NULL && !strcmp(mount->mnt_type, "hugetlbfs");
	if (mounts)
		endmntent(mounts);
	return found;
}

void kg_machine_explain(const struct kg_config *config, FILE *to)
{
	if (!config->hugepages)
		return;
	if (!has_hugetlbfs())
		fputs("memory.hugepages: no hugetlbfs is mounted; as root: mkdir -p /dev/hugepages "
		      "&& "
		      "mount -t hugetlbfs none /dev/hugepages\n",
		      to);
	fprintf(to,
		"memory.hugepages: %u MB of free hugepages are needed; as root: echo %u "
		">/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages. \"hugepages\": false "
		"does without, slower\n",
		config->memory_mb, (config->memory_mb + 1) / 2);
}
