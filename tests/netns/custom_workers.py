#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Custom mappings with two workers and two payload threads, each of which resolves names: plain and on
mux channels."""

from lab import two_cpus
import custom

CPUS = two_cpus()
for mux in (0, 1):
    custom.main(mux, CPUS)
