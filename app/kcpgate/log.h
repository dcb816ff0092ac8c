/* SPDX-License-Identifier: BSD-3-Clause */
/* Log of the control side, through rte_log as type "kcpgate". Never from a worker's path. */
#pragma once

#include <rte_log.h>

extern int kg_log_type;

#define KG_LOG(level, ...) rte_log(RTE_LOG_##level, kg_log_type, "kcpgate: " __VA_ARGS__)
