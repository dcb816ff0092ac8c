/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks hugepages, where they are mounted, and how much memory may be locked. */
#include "doctor/internal.h"
#include "doctor/rights.h"

#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HUGEPAGES "/sys/kernel/mm/hugepages"
#define KB_2M     2048ul
#define NOT_HUGE  "; \"hugepages\": false does without, slower"

/* "2M", "1024M" or "1G"; what says none is of the machine's usual size. */
static unsigned long mounted_kb(const struct mntent *mount)
{
	const char *option = hasmntopt(mount, "pagesize");
	char *unit;
	unsigned long size;

	if (option == NULL || option[strlen("pagesize")] != '=')
		return KB_2M;
	size = strtoul(option + strlen("pagesize="), &unit, 10);
	return size * (*unit == 'G' ? 1024 * 1024 : *unit == 'M' ? 1024 : 1);
}

/* MB of free pages that a hugetlbfs is there for; `mounts` counts those that can be written. */
static unsigned long usable_mb(const struct kg_doctor *d, unsigned int *mounts)
{
	char path[PATH_MAX];
	unsigned long seen[8], kb, mb = 0;
	struct mntent *mount;
	FILE *list;

	*mounts = 0;
	kg_doctor_path(d, path, "/proc/self/mounts");
	list = setmntent(path, "re");
	while (list != NULL && *mounts < KG_ARRAY_SIZE(seen) && (mount = getmntent(list)) != NULL) {
		bool known = false;

		if (strcmp(mount->mnt_type, "hugetlbfs") != 0 || hasmntopt(mount, "ro") != NULL)
			continue;
		kg_doctor_path(d, path, "%s", mount->mnt_dir);
		if (access(path, W_OK | X_OK) != 0)
			continue;
		kb = mounted_kb(mount);
		for (unsigned int i = 0; i < *mounts; i++)
			known |= seen[i] == kb;
		seen[(*mounts)++] = kb;
		if (!known)
			mb += kg_doctor_free_huge_mb(d, HUGEPAGES, kb);
	}
	if (list != NULL)
		endmntent(list);
	return mb;
}

static void check_pages(struct kg_doctor *d)
{
	unsigned long wanted = d->config->memory_mb;
	unsigned long free_mb = kg_doctor_free_huge_mb(d, HUGEPAGES, 0);
	long pages = kg_doctor_number(d, 0, HUGEPAGES "/hugepages-2048kB/nr_hugepages");

	if (free_mb >= wanted) {
		kg_doctor_find(d, "hugepages", KG_HEALTH_GOOD, "%lu MB are free, %lu are needed",
			       free_mb, wanted);
		return;
	}
	kg_finding_mend(
		kg_doctor_find(d, "hugepages", KG_HEALTH_MISSING,
			       "%lu MB of free hugepages are needed, %lu are there" NOT_HUGE,
			       wanted, free_mb),
		"echo %ld >" HUGEPAGES "/hugepages-2048kB/nr_hugepages",
		pages + (long)(wanted - free_mb + 1) / 2);
}

static void check_hugetlbfs(struct kg_doctor *d)
{
	unsigned int mounts;
	unsigned long mb = usable_mb(d, &mounts);
	struct kg_finding *finding;

	if (mounts > 0 &&
	    (mb >= d->config->memory_mb || mb == kg_doctor_free_huge_mb(d, HUGEPAGES, 0))) {
		kg_doctor_find(d, "hugetlbfs", KG_HEALTH_GOOD, "is mounted");
		return;
	}
	if (mounts == 0)
		finding =
			kg_doctor_find(d, "hugetlbfs", KG_HEALTH_MISSING,
				       "no hugetlbfs is mounted that this user may write" NOT_HUGE);
	else
		finding = kg_doctor_find(d, "hugetlbfs", KG_HEALTH_MISSING,
					 "hugetlbfs is mounted for pages of other sizes than those "
					 "that are free");
	kg_finding_mend(finding, "mkdir -p /dev/hugepages && mount -t hugetlbfs -o pagesize=2M "
				 "none /dev/hugepages");
}

static bool has_pci(const struct kg_config *config)
{
	char address[16];

	for (unsigned int i = 0; i < config->port_count; i++) {
		if (kg_doctor_pci(config->ports[i].device, address))
			return true;
	}
	return false;
}

/* vfio has Linux lock all of the memory that NICs may write to. */
static void check_memlock(struct kg_doctor *d)
{
	char limits[KG_DOCTOR_FILE_BYTES], soft[24] = "";
	const char *line;

	if (!has_pci(d->config))
		return;
	kg_doctor_read(d, limits, "/proc/self/limits");
	line = strstr(limits, "Max locked memory");
	if (line != NULL)
		sscanf(line, "Max locked memory %23s", soft);
	if (kg_doctor_may(d, KG_RIGHT_IPC_LOCK) || strcmp(soft, "unlimited") == 0 ||
	    strtoull(soft, NULL, 10) >= (unsigned long long)d->config->memory_mb << 20)
		kg_doctor_find(d, "locked memory", KG_HEALTH_GOOD, "as much as needed is allowed");
	else
		kg_finding_mend(kg_doctor_find(d, "locked memory", KG_HEALTH_MISSING,
					       "%s bytes may be locked, %u MB are needed", soft,
					       d->config->memory_mb),
				"ulimit -l unlimited (LimitMEMLOCK=infinity in a unit)");
}

void kg_doctor_check_memory(struct kg_doctor *d)
{
	if (d->config->hugepages && !d->has_memory) {
		check_pages(d);
		check_hugetlbfs(d);
	}
	check_memlock(d);
}
