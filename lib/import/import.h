/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From KCPTube's and UDP Hop's .conf files to a configuration of kcpgate: settings have their
 * documented meaning, and where the original does something else a warning says so. The ports are
 * left to be filled in; but for them what is returned loads without an error.
 */
#pragma once

#include "config/mistakes.h"

struct kg_import_source {
	const char *name; /* in messages, and what the tunnel is called after */
	const char *text;
	size_t len;
	bool udphop; /* the file is UDP Hop's, also if it does not say so */
};

/* One tunnel for each. NULL, and all errors reported, when there are any. The mistakes have been
 * initialised. */
json_t *kg_import(const struct kg_import_source *sources, size_t count,
		  struct kg_mistakes *mistakes);
