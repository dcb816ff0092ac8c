/* SPDX-License-Identifier: BSD-3-Clause */
/* Arithmetic over blocks by ISA-L. */
#pragma once

#include "fec/rs.h"

extern const struct kg_rs_alg kg_rs_isal;
