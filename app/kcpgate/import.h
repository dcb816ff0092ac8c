/* SPDX-License-Identifier: BSD-3-Clause */
/* --import, --import-udphop. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Writes KCPTube's .conf files to standard output as one configuration, and remarks to standard
 * error. False when something is wrong; then nothing is written to standard output. */
bool kg_import_files(const char *const *paths, size_t count, bool udphop);
