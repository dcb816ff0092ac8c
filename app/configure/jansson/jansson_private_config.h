/* SPDX-License-Identifier: BSD-3-Clause */
/* The same for its own files: a C library that has these two headers, and no descriptors or
 * threads. */
#pragma once

#define HAVE_STDINT_H    1
#define HAVE_SYS_TYPES_H 1
