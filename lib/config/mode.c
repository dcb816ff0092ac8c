/* SPDX-License-Identifier: BSD-3-Clause */
/* Names what a tunnel is. */
#include "config/mode.h"

const char *kg_mode_name(enum kg_mode mode)
{
	static const char *const names[] = {
		[KG_MODE_CLIENT] = "client",
		[KG_MODE_SERVER] = "server",
		[KG_MODE_LISTENER] = "listener",
		[KG_MODE_FORWARDER] = "forwarder",
	};

	return names[mode];
}
