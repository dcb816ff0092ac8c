/* SPDX-License-Identifier: BSD-3-Clause */
/* The box's clocks. lib/ has none. */
#pragma once

#include "base/base.h"

/* Call once after EAL is up, before the others. */
void kg_clock_init(void);
/* Monotonic, from the time-stamp counter; any thread, no system call. */
uint64_t kg_clock_now_us(void);
/* Wall clock, low 32 bits of Unix seconds. */
uint32_t kg_clock_unix_s(void);
/* When the current second of the wall clock began, as kg_clock_now_us counts. */
uint64_t kg_clock_second_us(void);
/* Something unpredictable for a generator's start. */
uint64_t kg_clock_seed(void);
