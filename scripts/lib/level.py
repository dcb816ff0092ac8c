# SPDX-License-Identifier: BSD-3-Clause
"""What a box has in use, whether all that came with its connections has gone with them, and the verdict on a long run."""

import os
import sys

# Gauges that must be back when nothing is open: name, by how much they may be above the start.
GAUGES = {"mem_mbufs_used": 256, "mem_buf_small_used": 64, "mem_buf_large_used": 64, "mem_state_bytes": 64 << 10}


def figures(box):
    stats = box.stats()
    return {**{name: stats[name] for name in GAUGES}, "rss_kib": box.rss_kib(),
            "descriptors": len(os.listdir(f"/proc/{box.process.pid}/fd"))}


def above(first, last):
    """What is not back, in words."""
    more = [f"{name} was {first[name]}, is {last[name]}" for name, most in GAUGES.items()
            if last[name] > first[name] + most]
    if last["descriptors"] > first["descriptors"]:
        more.append(f"{first['descriptors']} descriptors were open, {last['descriptors']} are")
    return more


def conclude(run, wrong):
    """Says what was not well, and ends the program: 0 when nothing was."""
    for text in wrong[:50]:
        print(f"WRONG: {text}")
    print(f"{run}: " + ("all is well" if not wrong else f"{len(wrong)} things are not well"))
    sys.exit(1 if wrong else 0)
