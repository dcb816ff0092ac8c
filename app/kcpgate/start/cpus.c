/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks Linux whether a thread may run on a CPU, by moving there for a moment. */
#include "start/cpus.h"

#include <sched.h>

bool kg_cpu_is_ours(unsigned int cpu)
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
