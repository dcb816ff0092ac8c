/* SPDX-License-Identifier: BSD-3-Clause */
/* What differs between the DPDK releases we build on, 22.11 to 25.11. */
#pragma once

#include <rte_telemetry.h>
#include <rte_version.h>

/* 23.03 renamed it, 25.11 took the old name away. */
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
#define kg_tel_add_dict_u64 rte_tel_data_add_dict_uint
#else
#define kg_tel_add_dict_u64 rte_tel_data_add_dict_u64
#endif
