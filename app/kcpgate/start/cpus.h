/* SPDX-License-Identifier: BSD-3-Clause */
/* Where this process may run. */
#pragma once

#include <stdbool.h>

/* Linux says no for a CPU that is not there, is off, or is closed to this process. */
bool kg_cpu_is_ours(unsigned int cpu);
