/* SPDX-License-Identifier: BSD-3-Clause */
/* What Vivace values. */
#pragma once

#include "rival/rival.h"

/* Of a rate, the slope of the round trip at it (s per s), and the part that is lost at it. */
double kg_vivace_utility(double mbit, double gradient, double loss);
