/* SPDX-License-Identifier: BSD-3-Clause */
/* What Linux lets this process do. */
#pragma once

#include "doctor/internal.h"

/* Capabilities by their numbers, capabilities(7). */
enum kg_right {
	KG_RIGHT_NET_ADMIN = 12,
	KG_RIGHT_NET_RAW = 13,
	KG_RIGHT_IPC_LOCK = 14,
	KG_RIGHT_SYS_ADMIN = 21,
};

bool kg_doctor_may(const struct kg_doctor *d, enum kg_right right);
