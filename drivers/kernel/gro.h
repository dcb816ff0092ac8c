/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether Linux merges what an interface receives. */
#pragma once

#include "base/base.h"

/* How it was before: 0 or 1; or -errno, and it is as it was. Needs CAP_NET_ADMIN. */
int kg_gro_set(unsigned int ifindex, bool on);
