/* SPDX-License-Identifier: BSD-3-Clause */
/* Which end of a tunnel a box is: the one that asks, or the one that answers. */
#pragma once

enum kg_role {
	KG_ROLE_CLIENT,
	KG_ROLE_SERVER,
};
