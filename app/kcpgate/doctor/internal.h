/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of --doctor share.
 *
 *   configuration, /proc, /sys, /dev ─► checks, each some findings ─► report
 */
#pragma once

#include "config/config.h"

#include <limits.h>

#define KG_FINDINGS_MAX      128
#define KG_FINDING_NAME      40
#define KG_FINDING_TEXT      320
#define KG_DOCTOR_FILE_BYTES 8192 /* as much of a file is looked at */

enum kg_health {
	KG_HEALTH_GOOD,
	KG_HEALTH_POOR,    /* the box works, slower or less well */
	KG_HEALTH_MISSING, /* it does not start, or does not work */
	KG_HEALTHS,
};

struct kg_finding {
	char name[KG_FINDING_NAME]; /* what was looked at */
	enum kg_health health;
	char text[KG_FINDING_TEXT];
	char mend[KG_FINDING_TEXT]; /* root's command that mends it; empty: there is none */
};

struct kg_doctor {
	const struct kg_config *config;
	const char *root; /* what stands before /proc, /sys and /dev: nothing, but in tests */
	bool has_memory;  /* the box has taken its hugepages */
	bool clock_synchronised;
	struct kg_finding findings[KG_FINDINGS_MAX];
	unsigned int count;
};

/* A further finding, whose name is of what was looked at. Those that find no room replace the last
 * one. */
__attribute__((format(printf, 4, 5))) struct kg_finding *kg_doctor_find(struct kg_doctor *d,
									const char *name,
									enum kg_health health,
									const char *format, ...);
__attribute__((format(printf, 2, 3))) void kg_finding_mend(struct kg_finding *finding,
							   const char *format, ...);
unsigned int kg_doctor_count(const struct kg_doctor *d, enum kg_health health);
const char *kg_health_name(enum kg_health health);

/* The checks. */
void kg_doctor_examine(struct kg_doctor *d);
void kg_doctor_check_cpus(struct kg_doctor *d);
void kg_doctor_check_memory(struct kg_doctor *d);
void kg_doctor_check_numa(struct kg_doctor *d);
void kg_doctor_check_rights(struct kg_doctor *d);
void kg_doctor_check_ports(struct kg_doctor *d);
void kg_doctor_check_surroundings(struct kg_doctor *d);

void kg_doctor_print_table(const struct kg_doctor *d, FILE *to);
void kg_doctor_print_json(const struct kg_doctor *d, FILE *to);

/* ---- the machine's files; paths begin with a slash ---- */

/* The path of a file of this machine. */
__attribute__((format(printf, 3, 4))) void
kg_doctor_path(const struct kg_doctor *d, char path[PATH_MAX], const char *format, ...);
/* Its text; false, and an empty one, when it cannot be read. */
__attribute__((format(printf, 3, 4))) bool
kg_doctor_read(const struct kg_doctor *d, char text[KG_DOCTOR_FILE_BYTES], const char *format, ...);
/* The number that a file begins with; `absent` when there is none. */
__attribute__((format(printf, 3, 4))) long kg_doctor_number(const struct kg_doctor *d, long absent,
							    const char *format, ...);
/* Of a list of CPUs as Linux writes them, "0-3,8". */
bool kg_doctor_list_has(const char *list, unsigned int number);
/* The memory in MB of hugepages that are free, below a directory as /sys/kernel/mm/hugepages; of
 * the size `only_kb`, 0: of all sizes. */
unsigned long kg_doctor_free_huge_mb(const struct kg_doctor *d, const char *directory,
				     unsigned long only_kb);
/* The node of a CPU; -1: not known. */
int kg_doctor_node_of_cpu(const struct kg_doctor *d, unsigned int cpu);
/* Is a device a PCI one, and how Linux writes it, "0000:03:00.0". */
bool kg_doctor_pci(const char *device, char address[16]);
