/* SPDX-License-Identifier: BSD-3-Clause */
/* The kinds of KCPTube's values. */
#pragma once

#include "import/keys.h"

json_t *kg_convert_text(const struct kg_import_field *field);
json_t *kg_convert_number(const struct kg_import_field *field);
json_t *kg_convert_refresh(const struct kg_import_field *field);
json_t *kg_convert_bool(const struct kg_import_field *field);
json_t *kg_convert_only(const struct kg_import_field *field);
json_t *kg_convert_ports(const struct kg_import_field *field);
json_t *kg_convert_bandwidth(const struct kg_import_field *field);
json_t *kg_convert_fec(const struct kg_import_field *field);
