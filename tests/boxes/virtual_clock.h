/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The box's clocks (kcpgate/clock.h) in a test's hands: a program that links virtual_clock.c has
 * these in place of the box's own.
 */
#pragma once

#include "clock.h"

/* From now on it is then. Seeds are drawn from `seed`. */
void virtual_clock_start(uint64_t now_us, uint64_t seed);
void virtual_clock_set(uint64_t now_us);
