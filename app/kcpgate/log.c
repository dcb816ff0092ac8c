/* SPDX-License-Identifier: BSD-3-Clause */
/* Holds the log's type, which is registered when the program starts. */
#include "log.h"

RTE_LOG_REGISTER(kg_log_type, kcpgate, INFO);
