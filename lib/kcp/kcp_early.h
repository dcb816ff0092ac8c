/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "kcp/kcp_recv.h"

/* Segment `sn` is new in the ring. Messages of the early kind that are whole because of it are
 * given to the reader. */
void kg_kcp_early_give(struct kg_kcp_recv *recv, uint32_t sn);
