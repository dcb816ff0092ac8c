/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules of a configuration for the page that writes one: texts come in, verdicts go out, both
 * in the memory of one WebAssembly instance. Texts need no 0 behind them; what is returned is JSON
 * with a 0 behind it, and the caller's to release. One thread. Ends the instance when there is no
 * memory.
 */
#pragma once

#include <stddef.h>

#define KG_RULES_EXPORT(name) __attribute__((export_name(name)))

/* For what the page passes in. */
KG_RULES_EXPORT("allocate") void *kg_rules_allocate(size_t bytes);
/* Wipes it, for there may be passwords in it. */
KG_RULES_EXPORT("release") void kg_rules_release(void *memory);

/*
 * What --check-config says of a file, but for what only a machine knows:
 *     { "errors": [{ "where", "text" }], "warnings": [...], "costs": [...] }
 * What the tunnels cost (costs.h) is there when there are no errors. `name` stands for the file in
 * messages.
 */
KG_RULES_EXPORT("check") char *kg_rules_check(const char *name, const char *text, size_t len);
/* What --import makes of one .conf file: the same with the configuration as "document". */
KG_RULES_EXPORT("import") char *kg_rules_import(const char *name, const char *text, size_t len);
/* The keys of .conf files: ["mode", ...] */
KG_RULES_EXPORT("conf_keys") char *kg_rules_conf_keys(void);
