/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is asked for a name, and in which order: the line "hosts:" of nsswitch.conf(5). */
#pragma once

#include "base/base.h"

enum kg_lookups {
	KG_LOOKUPS_FILES_THEN_SERVERS, /* also when the file says nothing of either */
	KG_LOOKUPS_SERVERS_THEN_FILES,
	KG_LOOKUPS_FILES,
	KG_LOOKUPS_SERVERS,
};

/* Services other than files, dns and resolve, which asks name servers too, are passed over. */
enum kg_lookups kg_lookups_read(const char *path);
