/* SPDX-License-Identifier: BSD-3-Clause */
/* Names DPDK objects so that several boxes of one process have their own. */
#include "box.h"

#include <stdio.h>

void kg_box_name(const struct kg_box *box, char name[KG_BOX_NAME_BYTES], const char *part)
{
	snprintf(name, KG_BOX_NAME_BYTES, "%.10s_%.14s", box->config->name, part);
}
